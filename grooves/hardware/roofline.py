"""The roofline: which of two limits binds, arithmetic or memory.

Key idea: an operation does so many FLOPs and moves so many bytes, and a device has a greatest rate
for each. The quotient of the first two is the operation's arithmetic intensity; that of the last
two is the device's ridge point. Below it memory is the limit, above it arithmetic.
Chapters: 11, 12, 14.
Source: Williams, Waterman & Patterson 2009, Communications of the ACM 52(4), 65-76.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Operation:
    """What one operation needs: FLOPs, and the bytes that must be read or written at least once.

    Raises: ValueError where one of them is negative, or no byte is moved.
    """

    name: str
    flops: float
    n_bytes: float

    def __post_init__(self):
        if not (self.flops >= 0 and self.n_bytes > 0):
            raise ValueError(
                f"{self.name}: flops={self.flops} must not be negative and "
                f"n_bytes={self.n_bytes} must be positive"
            )

    @property
    def intensity(self) -> float:
        """FLOPs per byte."""
        return self.flops / self.n_bytes


def matmul(rows: int, inner: int, columns: int, bytes_per_value: float = 4) -> Operation:
    """The product of a (rows, inner) and an (inner, columns) matrix.

    FLOPs: 2 rows inner columns, a multiplication and an addition for each pair that meets.
    Bytes: each operand is read once and the result written once,
    (rows inner + inner columns + rows columns) values. A product too large for the caches moves
    more: see `grooves.hardware.tiling.product_traffic`.
    Raises: ValueError where a size is not positive.
    """
    _positive(rows=rows, inner=inner, columns=columns, bytes_per_value=bytes_per_value)
    values = rows * inner + inner * columns + rows * columns
    name = f"({rows}, {inner}) times ({inner}, {columns})"
    return Operation(name, 2 * rows * inner * columns, values * bytes_per_value)


def matvec(rows: int, columns: int, bytes_per_value: float = 4) -> Operation:
    """A row of `rows` numbers times a matrix (rows, columns): a layer at batch 1.

    FLOPs: 2 rows columns. Bytes: nearly all are the matrix, so the intensity is close to
    2 / bytes_per_value whatever the size: 1/2 at 32 bits, 1 at 16 bits, 2 at 8 bits.
    """
    return matmul(1, rows, columns, bytes_per_value)


def copy_of(n_values: int, bytes_per_value: float = 4) -> Operation:
    """Copying: no arithmetic, each value read once and written once."""
    _positive(n_values=n_values, bytes_per_value=bytes_per_value)
    return Operation(f"copy of {n_values}", 0, 2 * n_values * bytes_per_value)


def network_forward(sizes: tuple[int, ...], batch: int, bytes_per_value: float = 4) -> Operation:
    """A batch through layers of these sizes, as in chapter 1.

    FLOPs: 2 batch P K a layer from P to K numbers. Bytes a layer: the batch read, weights and
    biases read, the result written, batch P + P K + K + batch K values.
    Raises: ValueError where there are not two sizes, or one is not positive.
    """
    if len(sizes) < 2:
        raise ValueError(f"{sizes=} must name at least an input and an output")
    _positive(batch=batch, bytes_per_value=bytes_per_value, **{f"size_{n}": n for n in sizes})
    flops = values = 0
    for fan_in, fan_out in pairwise(sizes):
        flops += 2 * batch * fan_in * fan_out
        values += batch * fan_in + (fan_in + 1) * fan_out + batch * fan_out
    name = f"{'-'.join(map(str, sizes))}, batch {batch}"
    return Operation(name, flops, values * bytes_per_value)


def decoded_word(config, position: int, bytes_per_value: float = 4) -> Operation:
    """One more word of a generated text, after `position` others, by a model of the course.

    FLOPs: 2 for each weight of a matrix, embedding included (it is the output layer too), and
    4 C per block and cached word for scores and weighted sum. Bytes: each of these weights read
    once, keys and values of all cached words read once, 2 C per block and word.
    config: a `grooves.models.transformer.Config`.
    Raises: ValueError where position is not in the context.
    """
    if not 0 <= position < config.context:
        raise ValueError(f"{position=} must lie in the context of {config.context} words")
    C, L = config.n_embd, config.n_layer
    weights = 4 * L * C**2 + 8 * (L - config.mlp_from) * C**2 + config.vocabulary_size * C
    kept = 2 * L * C * (position + 1)
    name = f"word {position + 1} of an answer"
    return Operation(name, 2 * weights + 2 * kept, (weights + kept) * bytes_per_value)


class Tally(TorchDispatchMode):
    """Counts what PyTorch does while it is on: FLOPs of products, and bytes in and out.

    Bytes: all tensors that an operation reads, and those that it writes; views move nothing. It is
    what passes if nothing stays in a cache between two operations.
    """

    def __init__(self):
        super().__init__()
        self.flops = self.n_bytes = self.calls = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation.overloadpacket not in flop_registry:
            with self:  # in inference mode a linear layer arrives as one piece
                out = operation.decompose(*args, **(kwargs or {}))
            if out is not NotImplemented:
                return out
        out = operation(*args, **(kwargs or {}))
        if operation.is_view or "view" in operation.name():
            return out
        tensors = [t for t in tree_leaves((args, kwargs, out)) if isinstance(t, torch.Tensor)]
        self.n_bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        self.calls += 1
        if count := flop_registry.get(operation.overloadpacket):
            self.flops += count(*args, **(kwargs or {}), out_val=out)
        return out


def tallied(name: str, function: Callable[[], object]) -> Operation:
    """What `function()` needs, counted by a `Tally` while it runs once.

    Attention is then done product by product, since PyTorch cannot look into its fused forms.
    """
    with sdpa_kernel(SDPBackend.MATH), Tally() as tally:
        function()
    return Operation(name, tally.flops, tally.n_bytes)


# ---- the device ---------------------------------------------------------------------------------


def attainable(intensity: float, peak_flops_per_s: float, bandwidth_bytes_per_s: float) -> float:
    """The greatest rate that a device allows an operation, in FLOP/s.

    min(peak, intensity times bandwidth): arithmetic and transfers overlap, so the slower one
    decides. Raises: ValueError where the intensity is negative or a limit is not positive.
    Source: Williams et al. 2009, "attainable GFlops/s".
    """
    _limits(peak_flops_per_s, bandwidth_bytes_per_s)
    if not intensity >= 0:
        raise ValueError(f"{intensity=} must not be negative")
    return min(peak_flops_per_s, intensity * bandwidth_bytes_per_s)


def ridge(peak_flops_per_s: float, bandwidth_bytes_per_s: float) -> float:
    """The ridge point: FLOPs per byte at which both limits bind; below it, memory is the limit."""
    _limits(peak_flops_per_s, bandwidth_bytes_per_s)
    return peak_flops_per_s / bandwidth_bytes_per_s


def least_seconds(
    operation: Operation, peak_flops_per_s: float, bandwidth_bytes_per_s: float
) -> float:
    """The time that no program for this device can beat: the longer of arithmetic and memory."""
    _limits(peak_flops_per_s, bandwidth_bytes_per_s)
    return max(operation.flops / peak_flops_per_s, operation.n_bytes / bandwidth_bytes_per_s)


def bytes_in_flight(latency_s: float, bandwidth_bytes_per_s: float) -> float:
    """Bytes that must be in flight at any moment to keep a memory busy.

    Latency times bandwidth. Source: Little 1961, Operations Research 9(3): L = λ W.
    Raises: ValueError where one of them is not positive.
    """
    _positive(latency_s=latency_s, bandwidth_bytes_per_s=bandwidth_bytes_per_s)
    return latency_s * bandwidth_bytes_per_s


def _limits(peak_flops_per_s: float, bandwidth_bytes_per_s: float) -> None:
    _positive(peak_flops_per_s=peak_flops_per_s, bandwidth_bytes_per_s=bandwidth_bytes_per_s)


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name}={value} must be positive")
