"""The explorable `teller`: a trained model tells story after story, and each one is judged.

Key idea: a reader who has just opened the book sees the model at work before reading about it. The
page gets the weights as integers of 8 bits with a scale for each row, a quarter of their size in
float32, so that the welcome page loads quickly. Used on the welcome page.
"""

from __future__ import annotations

import traitlets

from grooves.explorables.shared.eight_bits import pack
from grooves.explorables.shared.story_model import pair
from grooves.explorables.shared.widget import Explorable
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer

SEED = 2  # of the first story; the still picture shows the same one


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
