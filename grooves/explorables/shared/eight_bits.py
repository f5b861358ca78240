"""A story model's weights as integers of 8 bits, for the pages that tell stories.

Key idea: a scale for each row keeps the model as good as it was, at a quarter of the size in
float32, so that a page loads quickly. Explorables that use this share one file of weights.
Chapters: 08, and the welcome page.
"""

from __future__ import annotations

import json

import torch
from safetensors.torch import save

from grooves.models.transformer import Transformer
from grooves.precision.quantize import Scheme, dequantize, quantize

KEPT = Scheme("int8", "row")


def pack(model: Transformer) -> bytes:
    """The model's config and weights as a checkpoint of 8-bit codes.

    Each weight is two tensors: `<name>.codes`, int8, and `<name>.scales`, float32, one per row; a
    vector is one row.
    Raises: TypeError for what is not a `Transformer`: the page has no code for other models.
    """
    if not isinstance(model, Transformer):
        raise TypeError(f"the explorable shows a Transformer, not {type(model).__name__}")
    kept = {}
    for name, weight in model.named_parameters():
        codes, scales = quantize(torch.atleast_2d(weight.detach().cpu()), KEPT)
        kept[f"{name}.codes"] = codes.contiguous()
        kept[f"{name}.scales"] = scales.float().flatten()
    return save(kept, {"grooves": json.dumps({"config": model.config.to_dict()})})


@torch.inference_mode()
def as_told(model: Transformer) -> Transformer:
    """The model with the weights that the page restores from the codes."""
    told = Transformer(model.config)
    for weight, trained in zip(told.parameters(), model.parameters(), strict=True):
        codes, scales = quantize(torch.atleast_2d(trained.detach().cpu()), KEPT)
        weight.copy_(dequantize(codes, scales, weight.shape))
    return told.eval()
