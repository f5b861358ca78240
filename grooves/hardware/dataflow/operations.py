"""Operations: what one unit of the chip does to one vector.

Key idea: a vector of 320 lanes is the only thing that moves. An element of a tensor is a source
(the operation that made it) and a lane, so a reshape, a slice or a concatenation moves nothing
until two elements that must meet lie in different lanes; then the switch unit has to move one.
Chapter 14. S stories are simulated side by side: a vector is an array (S, lanes).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from grooves.hardware.dataflow.chip import BYTES, Chip

ANY = -1  # the lane of an element that lies in every lane of its vector


@dataclass(frozen=True)
class Operation:
    """One operation of one unit. Its result is a vector that carries the operation's name.

    inputs: names of operations, or of what lies in memory before the program begins.
    tile: the matrix tile that a "multiply" reads and an "install" writes.
    data: constants of the operation (a permutation, a scalar, the name of a table).
    """

    name: str
    unit: str  # one of chip.UNITS
    kind: str
    inputs: tuple[str, ...] = ()
    lanes: int = 0  # width of the result
    after: tuple[tuple[str, int], ...] = ()  # (operation, cycles): issued at least so much later
    occupies: int = 1  # cycles in which the unit can begin nothing else
    tile: str = ""
    plane: int = -1
    macs: int = 0  # multiplications with a weight
    read_bytes: int = 0  # from memory
    chip: int = 0
    data: dict = field(default_factory=dict, compare=False, hash=False)

    @property
    def home(self) -> int:
        """The chip on which the result lies; a link brings it to another one."""
        return self.data.get("to", self.chip)

    def duration(self, chip: Chip) -> int:
        """Cycles from issue until the last part of the result has left the unit."""
        return chip.latency(self.unit, self.kind) + self.occupies - 1


@dataclass(frozen=True)
class Tile:
    """A matrix, or a part of one, as it lies in a plane: rows are input lanes.

    weights: (rows, columns) for constants; None where a cache is read when the tile is installed.
    """

    name: str
    rows: tuple[int, ...]  # the input lane of each row; lanes between them count as zero
    columns: int
    number: str  # "fp32", "fp16" or "int8"
    weights: np.ndarray | None = field(default=None, compare=False)
    cache: str = ""
    after: str = ""  # the operation that writes the cache's newest row, where that is to be seen
    transposed: bool = False

    def overlaps(self, other: Tile) -> bool:
        """Whether two tiles would need the same cells of a plane; columns begin at 0."""
        return self.rows[0] <= other.rows[-1] and other.rows[0] <= self.rows[-1]

    @property
    def nbytes(self) -> int:
        """Bytes that pass the weight port when the tile is installed."""
        return len(self.rows) * self.columns * BYTES[self.number]


ONE_INPUT = {
    "neg": np.negative,
    "square": np.square,
    "relu": lambda x: np.maximum(x, 0),
    "exp": np.exp,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sqrt": np.sqrt,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}
TWO_INPUTS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "maximum": np.maximum,
}


def vector_result(operation: Operation, inputs: list[np.ndarray]) -> np.ndarray:
    """What the vector unit computes in fp32, lane by lane: vectors (S, lanes) -> (S, lanes)."""
    inputs = [x[:, : operation.lanes] for x in inputs]
    with np.errstate(all="ignore"):  # lanes that hold nothing are computed too
        if operation.kind in ONE_INPUT:
            return ONE_INPUT[operation.kind](*inputs).astype(np.float32)
        if "scalar" in operation.data:
            inputs.append(np.float32(operation.data["scalar"]))
            if operation.data.get("first"):
                inputs.reverse()
        return TWO_INPUTS[operation.kind](*inputs).astype(np.float32)


def switch_result(operation: Operation, inputs: list[np.ndarray]) -> np.ndarray:
    """What the switch unit gives: lane target[i] holds what was in lane source[i] of one input."""
    (x,) = inputs
    result = np.zeros((len(x), operation.lanes), np.float32)
    result[:, operation.data["target"]] = x[:, operation.data["source"]]
    return result


def rounded(x: np.ndarray, number: str) -> np.ndarray:
    """x as the nearest values of a number format, in fp32 (int8 needs a scale: see `numbers`)."""
    if number == "fp16":
        with np.errstate(over="ignore"):
            return x.astype(np.float16).astype(np.float32)
    return x
