"""How many tokens per second a model can reach on chips without outside memory, and on GPUs.

Key idea: every weight is read once for each token, so no machine generates faster than it reads its
weights. On a GPU the rate is that of its memory. On a chip that keeps the weights in its own memory
it is the rate at which they enter the matrix units, a ninth of the rate that is printed, and only
several chips that load at once exceed it. Chapter 14.
Sources: Pope et al. 2022, arXiv:2211.05102 (the weights' rate as the limit of generation); Touvron
et al. 2023, arXiv:2307.09288 (Llama 2); `chips.toml` for the chip's figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from grooves.hardware.chips import PublishedChip, groqchip
from grooves.models.published import Model, cache_numbers, models

# Llama 2 70B has the sizes of Llama 3.1 70B and a smaller vocabulary; a test counts its parameters.
LLAMA_2_70B = replace(
    models()["Llama 3.1 70B"],
    name="Llama 2 70B",
    vocabulary=32_000,
    parameters=68_976_648_192,
    source="Touvron et al. 2023, arXiv:2307.09288",
    released="2023-07",
)
SAID_CHIPS = 576  # for Llama 2 70B: quoted by several public files, no document of the maker found
SAID_TOKENS_PER_S = 300  # Llama 2 70B per user, "more than"; TechPowerUp, February 2024
H100_W = 700  # NVIDIA, H100 data sheet: the maximum of the SXM version


# ---- how many chips ----------------------------------------------------------------------------


def chips_for(n_bytes: float, chip_bytes: float) -> int:
    """Chips whose memories together hold so many bytes; nothing is left for anything else.

    Raises: ValueError where a size is not positive.
    """
    _positive(n_bytes=n_bytes, chip_bytes=chip_bytes)
    return math.ceil(n_bytes / chip_bytes)


def weight_bytes(model: Model, bytes_per_weight: float) -> float:
    """Size of all weights at a precision."""
    _positive(bytes_per_weight=bytes_per_weight)
    return model.parameters * bytes_per_weight


def cache_bytes(model: Model, n_tokens: int, bytes_per_number: float = 2) -> float:
    """Size of the keys and values of one text of n_tokens."""
    return cache_numbers(model, n_tokens) * bytes_per_number


def least_share_in_8_bits(model: Model, n_chips: int, chip: PublishedChip, n_tokens: int = 0):
    """The part of the weights that must have 8 bits, if the others have 16, so that all fit.

    n_tokens: of one text, whose keys and values in 16 bits lie on the same chips.
    Raises: ValueError where not even 8 bits each would fit.
    """
    room = n_chips * chip.sram_bytes - cache_bytes(model, n_tokens)
    missing = weight_bytes(model, 2) - room
    share = max(0.0, missing / model.parameters)  # each weight in 8 bits saves one byte
    if share > 1:
        raise ValueError(f"{n_chips=} hold {n_chips * chip.sram_bytes / 1e9:.0f} GB: too few")
    return share


# ---- how fast for one user ---------------------------------------------------------------------


def tokens_per_s(n_bytes: float, bytes_per_s: float, at_once: float = 1) -> float:
    """The ceiling for one text: each token reads n_bytes, from so many memories at once.

    Raises: ValueError where a figure is not positive.
    """
    _positive(n_bytes=n_bytes, bytes_per_s=bytes_per_s, at_once=at_once)
    return at_once * bytes_per_s / n_bytes


@dataclass(frozen=True)
class Estimate:
    """Where one token's time goes, in seconds, when a model is spread over many chips."""

    load_s: float  # weights, keys and values into the matrix units
    exchange_s: float  # between the chips that share a layer
    chain_s: float  # of operations that wait for each other

    @property
    def tokens_per_s(self) -> float:
        """For one text; the three parts are assumed not to overlap."""
        return 1 / (self.load_s + self.exchange_s + self.chain_s)


def exchange_s(chip: PublishedChip, width: int, together: int, hop_cycles: float) -> float:
    """One sum of a vector over chips that are all linked directly to each other, in fp16.

    Every chip sends each other one a slice of the vector, sums the slices that it receives, and
    sends the sum back to all: two hops, in each of which a slice passes one link.
    """
    slice_bytes = 2 * width / together
    return 2 * (hop_cycles / chip.clock_hz + slice_bytes / chip.link_bytes_per_s)


def lanes_filled(model: Model, together: int, lanes: int) -> float:
    """The part of the lanes that carry weights when a layer's matrices are cut for so many chips.

    What makes queries, keys, values and the wide layer is cut by columns, what reads them by rows,
    so that each of the two pairs needs one sum. A matrix is loaded in tiles of `lanes` columns, of
    which the last one may be narrow.
    """
    C, heads = model.width, model.head_dim * (model.n_head + 2 * model.n_kv_head)
    cut = [  # rows and columns of one chip's part
        (C, heads / together),
        (model.head_dim * model.n_head / together, C),
        (C, 2 * model.mlp_width / together),
        (model.mlp_width / together, C),
    ]
    weights = sum(rows * columns for rows, columns in cut)
    return weights / sum(rows * lanes * math.ceil(columns / lanes) for rows, columns in cut)


def spread_over_chips(
    model: Model,
    bytes_per_weight: float,
    n_chips: int,
    chip: PublishedChip | None = None,
    *,
    n_tokens: int = 4096,
    hop_cycles: float = 216,
    chain_cycles: float = 700,
    filled: float | None = None,
) -> Estimate:
    """One token of a model whose layers lie one after the other on groups of chips.

    The chips of a group load their parts of a layer at the same time; the groups follow each other,
    since a layer needs the result of the one before. n_tokens: of the text so far, whose keys and
    values (16 bits) are loaded like weights. hop_cycles: from chip to chip; 216 is quoted from the
    paper of 2022. chain_cycles: of a layer's operations, assumed. filled: the part of the weight
    port that carries weights; None is what `lanes_filled` counts. Two sums over the group per
    layer, after attention and after the feed-forward network.
    """
    chip = chip or groqchip()
    together = n_chips / model.n_layer
    if together < 1:
        raise ValueError(f"{n_chips=} are fewer than the {model.n_layer} layers: no group each")
    filled = filled or lanes_filled(model, math.ceil(together), chip.lanes)
    n_bytes = weight_bytes(model, bytes_per_weight) + cache_bytes(model, n_tokens)
    return Estimate(
        load_s=n_bytes / (together * chip.port_bytes_per_s * filled),
        exchange_s=2 * model.n_layer * exchange_s(chip, model.width, together, hop_cycles),
        chain_s=model.n_layer * chain_cycles / chip.clock_hz,
    )


# ---- energy ------------------------------------------------------------------------------------


def joules_per_token(watts: float, rate_tokens_per_s: float, users: int = 1) -> float:
    """Energy of one token, if a machine that draws so many watts writes for so many users at once.

    rate_tokens_per_s: per user. Raises: ValueError where a figure is not positive.
    """
    _positive(watts=watts, rate_tokens_per_s=rate_tokens_per_s, users=users)
    return watts / (rate_tokens_per_s * users)


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name}={value} must be positive")
