"""What a model of any size needs in memory, by published formulas: to train it, and to ask it.

Key idea: five things share the memory. Weights, gradients and the optimizer's state grow with the
model alone; activations and the cache of keys and values grow with batch and context. So it
depends on which of them is the largest what helps. Chapter 12.
"""

from __future__ import annotations

import tomllib
from importlib import resources

# Bytes a weight takes while the model answers. 8 and 4 bits leave out the scales that come along.
PRECISIONS = {"fp32": 4.0, "bf16": 2.0, "int8": 1.0, "int4": 0.5}

# Bytes a parameter takes while the model is trained with Adam, and bytes of an activation.
# "mixed": Micikevicius et al. 2018, arXiv:1710.03740; its optimizer keeps the weights once more in
# 32 bits, with two moments: 16 bytes in all, Rajbhandari et al. 2020, arXiv:1910.02054, sec. 3.1.
RECIPES = {
    "fp32": {"weights": 4, "gradients": 4, "optimizer": 8, "activations": 4},
    "mixed": {"weights": 2, "gradients": 2, "optimizer": 12, "activations": 2},
    "bf16": {"weights": 2, "gradients": 2, "optimizer": 4, "activations": 2},
}

# What is kept of the way forward for the way back: all of it, all but the attention scores (as
# FlashAttention does), or what enters each layer, from which the rest is computed once more.
KEPT = ("everything", "no_scores", "inputs")
PIECE = 2048  # tokens of a prompt that are read at once: an assumption, as engines do by default
RESERVE = 0.1  # of a device's memory, for driver, buffers and fragments: an assumption


def catalogue() -> dict[str, list[dict]]:
    """The published devices and models: {"device": [...], "model": [...]}, as in devices.toml."""
    return tomllib.loads(resources.files("grooves").joinpath("devices.toml").read_text("utf-8"))


def kv_cache_bytes(model: dict, n_tokens: int, batch: int, bytes_per_value: float) -> float:
    """Memory of the keys and values of `batch` texts of `n_tokens` each.

    Two tensors (K and V) a layer, each of shape (batch, n_kv_head, n_tokens, head_dim).
    Source: Shazeer 2019, arXiv:1911.02150 (sharing heads shrinks this).
    """
    values = 2 * model["n_layer"] * model["n_kv_head"] * model["head_dim"] * n_tokens * batch
    return values * bytes_per_value


def training_activation_bytes(
    model: dict, n_tokens: int, batch: int, kept: str, bytes_per_value: float = 2
) -> float:
    """Memory of what the way forward keeps for the way back, for a model built as GPT-3 is.

    kept: one of `KEPT`. A layer keeps 16 values of `width` and two masks of a byte each for every
    token, and for each pair of tokens and head two scores and a mask: with 2 bytes a value that is
    the paper's s b h (34 + 5 a s / h). To its 2 s b h for a checkpointed layer we add the one layer
    that is being computed once more. The end of the model keeps two values of `width`, and the
    scores of all words in 32 bits.
    Raises: ValueError for another `kept`.
    Source: Korthikanti et al. 2022, arXiv:2205.05198, eq. 2 and sections 4.3 and 5.
    """
    if kept not in KEPT:
        raise ValueError(f"{kept=} must be one of {', '.join(KEPT)}")
    n = n_tokens * batch
    layer = n * model["width"] * (16 * bytes_per_value + 2)
    scores = n * n_tokens * model["n_head"] * (2 * bytes_per_value + 1)
    inputs = n * model["width"] * bytes_per_value
    end = 2 * inputs + 4 * n * model["vocabulary"]
    if kept == "inputs":
        return model["n_layer"] * inputs + layer + end
    return model["n_layer"] * (layer + (scores if kept == "everything" else 0)) + end


def answering_activation_bytes(
    model: dict, n_tokens: int, batch: int, bytes_per_value: float = 2
) -> float:
    """Memory of the one layer at work while a prompt is read, and of the scores of all next words.

    The layer's 16 values of `width` are those of `training_activation_bytes`; nothing is kept for
    a way back, and at most `PIECE` tokens are read at once.
    """
    at_once = min(n_tokens, PIECE)
    return 16 * bytes_per_value * at_once * model["width"] + 4 * batch * model["vocabulary"]


def budget(
    model: dict,
    task: str,
    *,
    n_tokens: int,
    batch: int = 1,
    precision: str = "bf16",
    small_cache: bool = False,
    recipe: str = "mixed",
    kept: str = "no_scores",
) -> dict[str, float]:
    """Bytes for each of weights, gradients, optimizer, activations and cache.

    model: a row of `catalogue()["model"]`. task: "answer", with weights in one of `PRECISIONS` and
    the cache in 16 bits or more, or 8 bits where `small_cache`; or "train", with Adam, by one of
    `RECIPES`. n_tokens: the context, of each of `batch` texts.
    Raises: ValueError for another task.
    """
    if task not in ("answer", "train"):
        raise ValueError(f'{task=} must be "answer" or "train"')
    n = model["parameters"]
    if task == "train":
        each = RECIPES[recipe]
        need = {name: float(n * each[name]) for name in ("weights", "gradients", "optimizer")}
        size = each["activations"]
        activations = training_activation_bytes(model, n_tokens, batch, kept, size)
        return need | {"activations": activations, "cache": 0.0}
    size = max(2.0, PRECISIONS[precision])  # of what is computed with: small weights are unpacked
    return {
        "weights": n * PRECISIONS[precision],
        "gradients": 0.0,
        "optimizer": 0.0,
        "activations": answering_activation_bytes(model, n_tokens, batch, size),
        "cache": kv_cache_bytes(model, n_tokens, batch, 1 if small_cache else size),
    }


def fits(need: dict[str, float], memory_gb: float) -> bool:
    """Whether a budget goes into a device's memory, of which `RESERVE` is left alone."""
    return sum(need.values()) <= (1 - RESERVE) * memory_gb * 1e9
