"""One program on several chips: what does not fit is cut, and the links are scheduled like units.

Key idea: all chips count the same cycles, so a vector that one of them sends at cycle t is read by
another at t plus a constant. A link is one more unit in the schedule; no chip asks another whether
it is ready. Chapter 14.
Source: Abts et al. 2022, "A Software-defined Tensor Streaming Multiprocessor", ISCA.
"""

from __future__ import annotations

import math
from dataclasses import replace

from grooves.hardware.dataflow.chip import BYTES, Chip
from grooves.hardware.dataflow.compiler import Program, TooLarge, finish
from grooves.hardware.dataflow.graph import Lowered, lower
from grooves.hardware.dataflow.numbers import Numbers
from grooves.hardware.dataflow.operations import Operation
from grooves.hardware.dataflow.steps import Step


def split(step: Step, chip: Chip | None = None, numbers: str | Numbers = "fp16") -> Program:
    """Compile a step for as many chips as it needs; each has the operations that come next.

    The outputs are those of one chip, bit for bit: the same products are computed, elsewhere.
    Raises: TooLarge where one operation alone needs more memory than a chip has.
    """
    numbers = Numbers(numbers) if isinstance(numbers, str) else numbers
    chip = (chip or Chip()).with_planes(numbers.name)
    lowered = lower(step, chip, numbers)
    chips = assigned(lowered, chip, numbers)
    return finish(_with_links(lowered, chips, chip), chip, numbers)


def needs(o: Operation, lowered: Lowered, numbers: Numbers) -> dict[str, int]:
    """What an operation wants in the memory of its chip: name -> bytes."""
    wanted = {n: 4 * lowered.memory[n].size for n in o.inputs if n in lowered.memory}
    if "table" in o.data:
        wanted[o.data["table"]] = 4 * lowered.memory[o.data["table"]].size
    if o.tile:
        tile = lowered.tiles[o.tile]
        if tile.cache:
            rows, columns = lowered.caches[tile.cache]
            wanted[tile.cache] = rows * columns * BYTES[numbers.of("cache", tile.cache)]
        else:
            wanted[tile.name] = tile.nbytes
    return wanted


def assigned(lowered: Lowered, chip: Chip, numbers: Numbers) -> dict[str, int]:
    """The chip of each operation: in program order, the next chip begins where one is full.

    A cache is written where it is read, and a vector of the state where the next word reads it.
    """
    chips, current, held = {}, 0, {}
    home: dict[str, int] = {}
    for o in lowered.operations:
        wanted = needs(o, lowered, numbers)
        if sum(wanted.values()) > chip.memory_bytes:
            raise TooLarge(sum(wanted.values()), chip)
        if sum({**held, **wanted}.values()) > chip.memory_bytes:
            current, held = current + 1, {}
        held.update(wanted)
        chips[o.name] = current
        for name in (*o.inputs, lowered.tiles[o.tile].cache if o.tile else ""):
            if name in lowered.state or name in lowered.caches:
                home[name] = current
    for o in lowered.operations:
        target = o.data.get("cache", o.data.get("output"))
        if target in home:
            chips[o.name] = home[target]
    return chips


def _with_links(lowered: Lowered, chips: dict[str, int], chip: Chip) -> Lowered:
    """The same operations on their chips, with a "send" for each vector that changes chips."""
    tiles, operations = {}, []
    sent: dict[tuple[str, int], str] = {}
    lanes = {o.name: o.lanes for o in lowered.operations}
    for o in lowered.operations:
        here, inputs = chips[o.name], []
        for name in o.inputs:
            if name not in chips or chips[name] == here:
                inputs.append(name)
                continue
            if (name, here) not in sent:
                sent[name, here] = f"{name} to chip {here}"
                cycles = math.ceil(4 * lanes[name] / chip.link_bytes_per_cycle)
                link = Operation(sent[name, here], "link", "send", (name,), lanes[name])
                where = dict(chip=chips[name], data={"to": here}, occupies=cycles)
                operations.append(replace(link, **where))
            inputs.append(sent[name, here])
        tile = f"{o.tile} on chip {here}" if o.tile and here else o.tile
        if o.tile:
            tiles[tile] = replace(lowered.tiles[o.tile], name=tile)
        operations.append(replace(o, chip=here, inputs=tuple(inputs), tile=tile))
    return replace(lowered, operations=operations, tiles=tiles)
