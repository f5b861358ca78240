"""Fusion: what crosses the edge of the chip, and what it costs in energy.

Key idea: between two operations of a block their result need not leave the chip. If every operation
writes to outside memory and the next one reads it back, a block moves many times the bytes that it
takes in and gives out; if results are passed on, only the weights, the cache and the residual
stream are left; if the weights stay on the chip too, almost nothing. Moving a byte from outside
costs more than multiplying with it, so the bytes decide the energy. Chapter 14.
Sources: Horowitz 2014, doi:10.1109/ISSCC.2014.6757323, and O'Connor et al. 2017,
doi:10.1145/3123939.3124545 (energies, in `chips.toml`); Dao et al. 2022, arXiv:2205.14135.
"""

from __future__ import annotations

from dataclasses import dataclass

from grooves.hardware.chips import energies
from grooves.models.transformer import Config


@dataclass(frozen=True)
class Traffic:
    """Bytes that cross the edge of the chip, by what they are."""

    weights: float
    cache: float  # keys and values of earlier tokens read, those of the new ones written
    activations: float

    @property
    def total(self) -> float:
        """All bytes."""
        return self.weights + self.cache + self.activations

    def joules(self, memory: str = "DRAM") -> float:
        """Energy of moving them from or to a memory of `chips.toml`: "DRAM", "HBM2" and so on."""
        return self.total * energies()[memory].joules


@dataclass(frozen=True)
class Layer:
    """One operation of a block: numbers per new token that it reads and writes, and its weights."""

    name: str
    reads: int
    writes: int
    weights: int = 0


def block_layers(config: Config, context: int) -> list[Layer]:
    """The operations of one block with a feed-forward network, as PyTorch would run them.

    context: tokens that each new token attends to. Keys and values are counted apart, as cache.
    Raises: ValueError where the context is not positive or longer than the model's.
    """
    if not 1 <= context <= config.context:
        raise ValueError(f"{context=} must lie between 1 and {config.context}")
    C, scores = config.n_embd, config.n_head * context
    return [
        Layer("norm", C, C),
        Layer("queries, keys, values", C, 3 * C, 3 * C * C),
        Layer("norm of queries and keys", 2 * C, 2 * C),
        Layer("rotation", 2 * C, 2 * C),
        Layer("scores", C, scores),
        Layer("softmax", scores, scores),
        Layer("sum of values", scores, C),
        Layer("output", C, C, C * C),
        Layer("residual sum", 2 * C, C),
        Layer("norm before the network", C, C),
        Layer("up", C, 4 * C, 4 * C * C),
        Layer("squared ReLU", 4 * C, 4 * C),
        Layer("down", 4 * C, C, 4 * C * C),
        Layer("second residual sum", 2 * C, C),
    ]


def unfused(config: Config, n_new: int, context: int, bytes_per_number: float = 2) -> Traffic:
    """Every operation reads its inputs from outside memory and writes its result there.

    n_new: tokens processed together, 1 in generation. Keys and values: written once, then read
    once by the scores and the sum of values, for all tokens of the context.
    """
    _sizes(n_new, context)
    layers = block_layers(config, context)
    moved = sum(layer.reads + layer.writes for layer in layers) * n_new
    return Traffic(
        weights=sum(layer.weights for layer in layers) * bytes_per_number,
        cache=2 * config.n_embd * context * bytes_per_number,
        activations=moved * bytes_per_number,
    )


def fused(config: Config, n_new: int, context: int, bytes_per_number: float = 2) -> Traffic:
    """The block as one: the residual stream enters and leaves, weights and cache come from outside.

    The keys and values of earlier tokens are read, those of the new ones written.
    """
    _sizes(n_new, context)
    C = config.n_embd
    weights = sum(layer.weights for layer in block_layers(config, context))
    return Traffic(
        weights=weights * bytes_per_number,
        cache=2 * C * context * bytes_per_number,
        activations=2 * C * n_new * bytes_per_number,
    )


def weights_on_chip(config: Config, n_new: int, context: int, bytes_per_number: float = 2):
    """The block as one, with weights, keys and values on the chip: only the residual stream passes.

    Returns: a `Traffic`.
    """
    _sizes(n_new, context)
    return Traffic(0.0, 0.0, 2 * config.n_embd * n_new * bytes_per_number)


def multiply_adds(config: Config, n_new: int, context: int) -> int:
    """Multiplications with an addition that the block does: weights, scores and sums of values."""
    weights = sum(layer.weights for layer in block_layers(config, context))
    return n_new * (weights + 2 * context * config.n_embd)


def block_joules(
    config: Config, n_new: int, context: int, traffic: Traffic, memory: str = "DRAM"
) -> dict[str, float]:
    """Energy of a block in joules, fp16: moved from outside, moved on the chip, arithmetic.

    On the chip the same bytes pass as unfused, from and to a memory of 1 MB; that is an upper
    bound, since streams pass from unit to unit without a memory between.
    """
    inside = unfused(config, n_new, context).total
    macs = multiply_adds(config, n_new, context)
    return {
        "outside": traffic.joules(memory),
        "on the chip": inside * energies()["SRAM of 1 MB"].joules,
        "arithmetic": macs * energies()["fp16 multiply-add"].joules,
    }


def _sizes(n_new: int, context: int) -> None:
    if not 1 <= n_new <= context:
        raise ValueError(f"{n_new=} must be positive and at most {context=}")
