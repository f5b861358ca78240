"""The explorable `attention` in JupyterLab: a story model and its attention weights.

Key idea: the same front-end module as on the book's page, with a model that was trained a moment
ago. The weights are sent as a checkpoint; choices made in the page are available here.
Chapter 04.
"""

from __future__ import annotations

import json

import traitlets
from safetensors.torch import save

from grooves.explorables.shared.story_model import pair
from grooves.explorables.shared.widget import Explorable
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer

# The word that comes next was named long before, so the model has to look far back.
PROMPT = (
    "Once upon a time there was a brave fox named Lily. She lived in a tiny cave with her aunt. "
    "Lily had a golden kite. One windy day, she lost it near the river. "
    'An owl named Pip came by. "Can you help me find my'
)


def pack(model: Transformer) -> bytes:
    """The model's weights and config as the bytes of a checkpoint, in float32.

    Raises: TypeError for what is not a `Transformer`: the page has no code for other models.
    """
    if not isinstance(model, Transformer):
        raise TypeError(f"the explorable shows a Transformer, not {type(model).__name__}")
    weights = {
        name: weight.detach().float().cpu().contiguous()
        for name, weight in model.named_parameters()
    }
    return save(weights, {"grooves": json.dumps({"config": model.config.to_dict()})})


class Attention(Explorable):
    """A widget in which `model` continues a story, word by word, and shows its attention weights.

    prompt: the start of the story. temperature: 0 takes the likeliest word, 1 samples from the
    model's probabilities. seed: of the sampling. layer, head: the head that is shown, from 0; None
    lets the page choose the one that attends most to words far back.
    text: the story so far; set by the page.
    Raises: as `pair`.
    """

    module = "attention"

    weights = traitlets.Bytes().tag(sync=True)
    grammar = traitlets.Dict().tag(sync=True)
    prompt = traitlets.Unicode(PROMPT).tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.0, max=2.0).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    layer = traitlets.Int(None, allow_none=True, min=0).tag(sync=True)
    head = traitlets.Int(None, allow_none=True, min=0).tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)

    def __init__(self, model: Transformer, language: Stories | None = None, **choices):
        self._language = language or Stories()
        super().__init__(**pair(model, self._language, pack), **choices)

    def show(self, model: Transformer) -> None:
        """Show another model, or the same after more training; the story on the page stays.

        Raises: as `pair`.
        """
        self.weights = pair(model, self._language, pack)["weights"]


def state(model: Transformer, language: Stories | None = None) -> dict:
    """All that the front-end module starts from, for a page without a kernel.

    Raises: as `pair`.
    """
    return Attention.defaults() | pair(model, language, pack)
