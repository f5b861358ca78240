"""Parameters and FLOPs of a model, counted in the ways that scaling laws differ in.

Key idea: "N parameters" is not one number. Whether the embedding counts, and how often, changes a
small model's N by a factor, and with it every exponent that is fitted. Chapter 5.
Source: Kaplan et al. 2020, arXiv:2001.08361, section 2.1 (without embeddings; C = 6 N D);
Hoffmann et al. 2022, arXiv:2203.15556, appendix F (with embeddings); Pearce & Song 2024,
arXiv:2406.12907 (why the two laws differ).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from grooves.models.transformer import Config

PFS_DAY = 1e15 * 86_400  # FLOPs: a petaFLOP/s for a day


@dataclass(frozen=True)
class Counts:
    """The parameters of a model, in four ways.

    blocks: inside the blocks alone, as Kaplan et al. count. tied: every weight that is stored,
    where embedding and output matrix are one. untied: as if they were two. multiplied: the weights
    that a token is multiplied by, which is what costs FLOPs: the blocks and the output matrix,
    because looking up an embedding multiplies nothing.
    """

    blocks: int
    tied: int
    untied: int
    multiplied: int


def count(config: Config) -> Counts:
    """The parameters of a transformer of the course, from its sizes."""
    width = config.n_embd
    attention = config.n_layer * 4 * width**2
    mlp = (config.n_layer - config.mlp_from) * 8 * width**2
    blocks, table = attention + mlp, config.vocabulary_size * width
    other = (width if config.mix else 0) + (
        config.context * width if config.positions == "learned" else 0
    )
    return Counts(blocks, blocks + table + other, blocks + 2 * table + other, blocks + table)


def flops_per_token(config: Config, tokens: int) -> float:
    """FLOPs of training on one token: forward and backward pass, attention included.

    tokens: in the text, each of which attends to itself and to those before it. A weight costs a
    multiplication and an addition in the forward pass and twice as many in the backward pass.
    Norms, activations and the softmax are left out.
    """
    scores = config.n_layer * 2 * config.n_embd * (tokens + 1) / 2  # q · k, and the sum of values
    return 6 * (count(config).multiplied + scores)


def flops(n_parameters: float, n_tokens: float) -> float:
    """Compute of a training, C = 6 N D, in FLOPs. Raises: ValueError where one is negative."""
    if n_parameters < 0 or n_tokens < 0:
        raise ValueError(f"{n_parameters=} and {n_tokens=} must not be negative")
    return 6.0 * n_parameters * n_tokens


def pfs_days(n_flops: float) -> float:
    """FLOPs in petaFLOP/s-days, the unit of Amodei & Hernandez 2018, "AI and compute"."""
    return n_flops / PFS_DAY


def doubling_months(first: float, last: float, months: float) -> float:
    """Months in which compute doubles, if it grew from `first` to `last` in `months` evenly.

    Raises: ValueError unless it grew.
    """
    if not 0 < first < last or not months > 0:
        raise ValueError(f"{first=} must be positive and below {last=}, and {months=} positive")
    return months / math.log2(last / first)
