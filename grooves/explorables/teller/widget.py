"""The explorable `teller`: a trained model tells story after story, and each one is judged.

Key idea: a reader who has just opened the book sees the model at work before reading about it. The
page gets the weights as integers of 8 bits with a scale for each row, a quarter of their size in
float32, so that the welcome page loads quickly. Used on the welcome page.
"""

from __future__ import annotations

import json

import torch
import traitlets
from safetensors.torch import save

from grooves.explorables.shared.story_model import pair
from grooves.explorables.shared.widget import Explorable
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer
from grooves.precision.quantize import Scheme, dequantize, quantize

KEPT = Scheme("int8", "row")
SEED = 2  # of the first story; the still picture shows the same one


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


class Teller(Explorable):
    """A widget in which `model` tells a story word by word, and then another.

    seed: of the sampling. text: the latest story; set by the page.
    Raises: as `pack`; ValueError where the model and the language have vocabularies of different
    sizes.
    """

    module = "teller"

    weights = traitlets.Bytes().tag(sync=True)
    grammar = traitlets.Dict().tag(sync=True)
    seed = traitlets.Int(SEED).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)

    def __init__(self, model: Transformer, language: Stories | None = None, **choices):
        super().__init__(**pair(model, language, pack), **choices)


def state(model: Transformer, language: Stories | None = None) -> dict:
    """All that the book's page starts from.

    Raises: as `Teller`.
    """
    return Teller.defaults() | pair(model, language, pack)
