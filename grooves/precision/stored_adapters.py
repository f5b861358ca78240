"""Fine-tuned models, stored as what they changed: integers of 8 bits, and a scale for each row.

Key idea: for someone who has the base model, a fine-tuned one is only a difference. Its size
depends on what was trained: the last layer alone is one matrix, LoRA two small ones beside each
matrix, and full fine-tuning as much as a model of its own. Chapter 06.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from grooves import assets
from grooves.fine_tuning.lora import LoRALinear
from grooves.fine_tuning.recipes import METHODS
from grooves.models.transformer import Transformer
from grooves.precision.quantize import Scheme, dequantize, quantize
from grooves.training import checkpoint, lineage

COUNTS = (5, 50, 500, 2000)  # stories of the dialect; one file for each, with all ways in it
DIALECT, SEED = "narrator", 100  # the first of the runs in measurements/fine_tuning.json
KEPT = Scheme("int8", "row")


def difference(method: str, model: nn.Module) -> dict[str, Tensor]:
    """What has to be stored of a model that `recipes.fine_tune` made, beside the base model.

    Returns: matrices by name, on the CPU. From scratch: all weights. Last layer: `head.weight`
    minus the base model's. Full: all weights minus the base model's. LoRA: A and B beside each
    matrix, (n_parts * rank, fan_in) and (n_parts * rank, fan_out / n_parts), a direction per row;
    B includes the scale.
    Raises: ValueError for an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"{method=} is not one of {', '.join(METHODS)}")
    if method == "LoRA":
        layers = {n: m for n, m in model.named_modules() if isinstance(m, LoRALinear)}
        thin = {f"{name}.A": layer.A.mT for name, layer in layers.items()}
        thin |= {f"{name}.B": layer.scale * layer.B for name, layer in layers.items()}
        return {name: part.detach().cpu().flatten(0, 1) for name, part in thin.items()}
    weights = {name: w.detach().cpu() for name, w in model.named_parameters()}
    if method == "from scratch":
        return {name: torch.atleast_2d(weight) for name, weight in weights.items()}
    before = {name: w.detach() for name, w in lineage.base().cpu().named_parameters()}
    if method == "last layer":
        return {"head.weight": weights["head.weight"] - before["embedding.weight"]}
    return {name: torch.atleast_2d(w - before[name]) for name, w in weights.items()}


def pack(method: str, model: nn.Module) -> dict[str, Tensor]:
    """A difference as it is stored: `<name>.codes` of 8 bits and `<name>.scales`, one per row.

    Raises: as `difference`.
    """
    kept = {}
    for name, matrix in difference(method, model).items():
        codes, scales = quantize(matrix, KEPT)
        kept |= {f"{name}.codes": codes, f"{name}.scales": scales.float()}
    return kept


def kept_bytes(kept: Mapping[str, Tensor]) -> int:
    """Memory of a stored difference, in bytes."""
    return sum(one.numel() * one.element_size() for one in kept.values())


@torch.no_grad()
def unpack(method: str, kept: Mapping[str, Tensor]) -> Transformer:
    """The model that `pack` stored, on the CPU, with LoRA merged into its matrices.

    It computes what the model did, up to the rounding to 8 bits.
    """
    names = [name.removesuffix(".codes") for name in kept if name.endswith(".codes")]
    parts = {}
    for name in names:
        codes, scales = kept[f"{name}.codes"], kept[f"{name}.scales"]
        parts[name] = dequantize(codes, scales, codes.shape)
    model = lineage.base().cpu()
    weights = dict(model.named_parameters())
    if method == "last layer":
        model.head.weight = nn.Parameter(weights["embedding.weight"] + parts["head.weight"])
    elif method == "LoRA":
        for name in {name.rpartition(".")[0] for name in names}:
            weight = weights[f"{name}.weight"]
            n_parts = len(weight) // parts[f"{name}.B"].size(1)
            A, B = (parts[f"{name}.{which}"].unflatten(0, (n_parts, -1)) for which in "AB")
            weight += (B.mT @ A).flatten(0, 1)  # (n_parts, wide, fan_in) one above the other
    else:
        for name, part in parts.items():
            start = 0 if method == "from scratch" else weights[name]
            weights[name].copy_(start + part.view_as(weights[name]))
    return model


# ---- the files -----------------------------------------------------------------------------------


def path(n_examples: int, folder: Path = assets.WEIGHTS) -> Path:
    """The file of the models that learned from `n_examples` stories."""
    return folder / f"tuned_{n_examples}.safetensors"


def save(models: Mapping[str, nn.Module], n_examples: int, folder: Path) -> None:
    """Write models, by method, as `benchmarks/tuned_models.py` does."""
    kept = {m: pack(m, model) for m, model in models.items()}
    named = {f"{m}/{name}": one for m, parts in kept.items() for name, one in parts.items()}
    notes = {"dialect": DIALECT, "n": n_examples, "seed": SEED}
    checkpoint.write(path(n_examples, folder), named, notes)


def read(n_examples: int, folder: Path = assets.WEIGHTS) -> dict[str, dict[str, Tensor]]:
    """What is stored of the models that learned from `n_examples` stories, by method.

    Raises: CheckpointError where there is no such file.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for name, one in checkpoint.read(path(n_examples, folder))[0].items():
        method, _, rest = name.partition("/")
        found.setdefault(method, {})[rest] = one
    return {method: found[method] for method in METHODS if method in found}
