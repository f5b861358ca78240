"""What a model of any size needs in memory, part by part, for training and for inference.

Key idea: five things share the memory. Weights, gradients and the optimizer's state grow with the
model alone; activations and the cache of keys and values grow with batch and context. Which
remedy helps depends on which of them is the largest. Chapter 12.
"""

from __future__ import annotations

from grooves.models.published import Model
from grooves.precision.memory import activation_bytes, kv_cache_bytes, optimizer_bytes, weight_bytes

# Bits of a weight at inference. The scales of weights in 8 and 4 bits are left out.
PRECISIONS = {"fp32": 32, "bf16": 16, "int8": 8, "int4": 4}

# Bits of weights, gradients and activations while the model is trained with Adam, and of a number
# of the optimizer's state. "mixed": Micikevicius et al. 2018, arXiv:1710.03740.
RECIPES = {"fp32": (32, 32), "mixed": (16, 32), "bf16": (16, 16)}

# What is kept of the forward pass for the backward pass: all of it, all but the attention scores
# (as FlashAttention does), or what enters each layer, from which the rest is computed once more.
KEPT = ("everything", "no_scores", "inputs")
PREFILL_CHUNK = 2048  # tokens of a prompt that are read at once: an assumption
RESERVE = 0.1  # of a device's memory, for driver, buffers and fragments: an assumption


def training_activation_bytes(
    model: Model, n_tokens: int, batch: int = 1, kept: str = "no_scores", bits: int = 16
) -> float:
    """Memory of what the forward pass keeps for the backward pass, for a model built as GPT-3 is.

    kept: one of `KEPT`. To `activation_bytes` come, where everything is kept, 5 bytes at 16 bits
    for each pair of tokens and head; where only inputs are kept, the one layer that is being
    computed once more, which the paper leaves out; and the model's end: two values of `width` a
    token, and the scores of all words in 32 bits.
    Raises: ValueError for another `kept`.
    Source: Korthikanti et al. 2022, arXiv:2205.05198, equation 2 and sections 4.3 and 5.
    """
    if kept not in KEPT:
        raise ValueError(f"{kept=} must be one of {', '.join(KEPT)}")
    n, wide = n_tokens * batch, bits / 16
    end = 4 * n * (wide * model.width + model.vocabulary)
    one = activation_bytes(1, model.width, n_tokens, batch)
    if kept == "inputs":
        inputs = activation_bytes(model.n_layer, model.width, n_tokens, batch, recompute="all")
        return wide * (inputs + one) + end
    scores = 5 * model.n_head * n_tokens * n if kept == "everything" else 0
    return wide * model.n_layer * (one + scores) + end


def inference_activation_bytes(
    model: Model, n_tokens: int, batch: int = 1, bits: int = 16
) -> float:
    """Memory of the one layer at work while a prompt is read, and of the scores of all next words.

    The layer takes at most what it would keep in training; nothing is kept for a backward pass, and
    at most `PREFILL_CHUNK` tokens are read at once.
    """
    one = activation_bytes(1, model.width, min(n_tokens, PREFILL_CHUNK))
    return one * bits / 16 + 4 * batch * model.vocabulary


def budget(
    model: Model,
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

    task: "answer", with weights in one of `PRECISIONS`, and the cache in 16 bits or more, or in 8
    where `small_cache`; or "train", with Adam, by one of `RECIPES`. n_tokens: the context, of each
    of `batch` texts.
    Raises: ValueError for another task.
    """
    if task not in ("answer", "train"):
        raise ValueError(f'{task=} must be "answer" or "train"')
    n = model.parameters
    if task == "train":
        bits, state_bits = RECIPES[recipe]
        state = 2 * state_bits / 8 * n if state_bits < 32 else optimizer_bytes(n, "adam", bits)
        return {
            "weights": weight_bytes(n, bits),
            "gradients": weight_bytes(n, bits),
            "optimizer": state,
            "activations": training_activation_bytes(model, n_tokens, batch, kept, bits),
            "cache": 0.0,
        }
    bits = max(16, PRECISIONS[precision])  # of what is computed with: small weights are unpacked
    each = 1 if small_cache else bits / 8
    return {
        "weights": weight_bytes(n, PRECISIONS[precision]),
        "gradients": 0.0,
        "optimizer": 0.0,
        "activations": inference_activation_bytes(model, n_tokens, batch, bits),
        "cache": kv_cache_bytes(
            model.n_layer, model.n_kv_head, model.head_dim, n_tokens, each, batch
        ),
    }


def fits(need: dict[str, float], memory_gib: float) -> bool:
    """Whether a budget fits into a device's memory, of which `RESERVE` stays free."""
    return sum(need.values()) <= (1 - RESERVE) * memory_gib * 2**30
