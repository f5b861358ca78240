"""The time step of an LSTM on the chip: a chain that no further unit shortens.

Key idea: h(t) enters the products that give h(t + 1), so a step cannot begin before the last one
has ended, however many units are idle. A step takes the chain from h to h or, where the weights do
not fit into the matrix units, the time to load them again for each step, whichever is longer; how
much of the two overlaps depends on how many weights can wait beside the units. Chapter 14.
Sources: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; Fowers 2021
(Groq), "Hold my FPGA", for the published 575 ns. Latencies of units are assumed: see `chip.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from grooves.hardware.chips import PublishedChip, groqchip
from grooves.hardware.dataflow.chip import ASSUMED

# The part of the source that states a precision was not found. An LSTM-1024's rate exceeds the
# chip's 188 TFLOPS in fp16, so that figure at least is not fp16. With the latencies assumed here
# the step of an LSTM-512 meets 575 ns in fp16, and in int8 if all of them are 2.7 times as long.
PUBLISHED_NS = 575  # an LSTM-512 at batch 1, a time step
PUBLISHED_TOPS = 257  # an LSTM-1024, "up to"


@dataclass(frozen=True)
class Latencies:
    """Cycles until a unit's result is there: those that `chip.py` assumes, or others."""

    matrix: float = ASSUMED["matrix"]  # a vector passes a plane's adders
    vector: float = ASSUMED["vector"]  # a sum or product
    transcendental: float = ASSUMED["transcendental"]  # an exponential or hyperbolic tangent
    transit: float = ASSUMED["far"]  # along the streams, from one kind of unit to another
    install: float = ASSUMED["weights"]  # loaded weights become those that multiply

    def scaled(self, factor: float) -> Latencies:
        """All of them times a factor."""
        return Latencies(**{f.name: factor * getattr(self, f.name) for f in fields(self)})


@dataclass(frozen=True)
class Step:
    """What one time step takes, in cycles."""

    first: float  # from nothing loaded until the first h is back at the matrix units
    period: float  # from one h to the next, once the steps follow each other
    chain: float  # from h to h if all weights were in place
    load: float  # the weight port's time for all tiles; 0 where they stay in the matrix units
    arithmetic: float  # the multiplications at the chip's peak rate

    def ns(self, clock_hz: float, which: str = "first") -> float:
        """One of the above in nanoseconds."""
        return getattr(self, which) / clock_hz * 1e9


@dataclass(frozen=True)
class _Tile:
    """A piece of the weights that fits a plane: whether it meets h, its column block, its load."""

    needs_state: bool
    block: int
    load: float


def lstm_step(
    width: int,
    bytes_per_weight: int,
    latencies: Latencies | None = None,
    *,
    inputs_ahead: bool = False,
    chip: PublishedChip | None = None,
    n_steps: int = 6,
) -> Step:
    """One layer of `width` cells at batch 1, with inputs of the same width.

    The weights, (2 width, 4 width), are cut into tiles of 320 × 320. Tiles enter one weight port in
    turn; a plane multiplies with one tile while the next waits loaded beside it. In 16 bits a pair
    of planes works as one. Tiles that all fit at once are loaded once and stay.
    inputs_ahead: the products with x were computed for all steps before, so that half of the
    weights is left. Raises: ValueError for a width below 1 or weights of other than 1 or 2 bytes.
    """
    if width < 1 or bytes_per_weight not in (1, 2):
        raise ValueError(f"{width=} must be positive and {bytes_per_weight=} 1 or 2")
    chip, cost = chip or groqchip(), latencies or Latencies()
    planes = chip.matrix_planes // bytes_per_weight
    tiles = _tiles(width, bytes_per_weight, inputs_ahead, chip)
    stay = len(tiles) <= planes
    load = 0.0 if stay else sum(tile.load for tile in tiles)
    done = _run(tiles, planes, stay, n_steps, cost)
    macs = (1 if inputs_ahead else 2) * 4 * width**2
    per_cycle = chip.matrix_planes * chip.lanes**2 / (1 if bytes_per_weight == 1 else 4)
    return Step(
        first=done[0],
        period=(done[-1] - done[0]) / (len(done) - 1),
        chain=chain_cycles(cost),
        load=load,
        arithmetic=macs / per_cycle,
    )


def chain_cycles(cost: Latencies) -> float:
    """From h at the matrix units to the next h there, with all weights in place.

    Product, way to the vector unit, sum of the partial products with the bias, gates (sigmoid and
    hyperbolic tangent), f c and i g, their sum, tanh of c, times o, and the way to the
    matrix unit.
    """
    gates = cost.vector + cost.transcendental
    cell = 2 * cost.vector + cost.transcendental + cost.vector
    return cost.matrix + cost.transit + gates + cell + cost.transit


def _tiles(width, bytes_per_weight, inputs_ahead, chip) -> list[_Tile]:
    """The weight matrix in tiles, those first that meet only x and can be multiplied early."""
    inner = width if inputs_ahead else 2 * width
    found = []
    for top in range(0, inner, chip.lanes):
        rows = min(chip.lanes, inner - top)
        for block in range(math.ceil(4 * width / chip.lanes)):
            columns = min(chip.lanes, 4 * width - block * chip.lanes)
            load = rows * bytes_per_weight / chip.streams * columns / chip.lanes
            found.append(_Tile(inputs_ahead or top + rows > width, block, load))
    return found


def _run(tiles: list[_Tile], planes: int, stay: bool, n_steps: int, cost: Latencies) -> list[float]:
    """Cycles at which each step's h is back at the matrix units."""
    port = state = 0.0  # when the weight port is free; when h is at the matrix units
    beside = [0.0] * planes  # when the place beside each plane is free for the next tile
    free = [0.0] * planes  # when each plane has multiplied with its tile
    done, used = [], 0
    for step in range(n_steps):
        ready = 0.0  # when the last partial product of this step leaves the matrix units
        used = 0 if stay else used
        for tile in tiles:
            plane = used % planes
            used += 1
            installed = free[plane]
            if not stay or step == 0:
                port = max(port, beside[plane]) + tile.load
                beside[plane] = max(port, free[plane])  # it moves in once the plane is done
                installed = beside[plane] + cost.install
            start = max(installed, state if tile.needs_state else 0.0)
            free[plane] = start + 1
            ready = max(ready, start + cost.matrix)
        state = ready + chain_cycles(cost) - cost.matrix
        done.append(state)
    return done
