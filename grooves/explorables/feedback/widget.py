"""The explorable `feedback` in JupyterLab: thumbs change your own model, in the page.

Key idea: the model and the language's grammar are in the page, so every story that the changed
model tells is judged exactly, and how far it has moved is computed and not estimated. The weights
in the kernel stay as they are. Chapter 10.
"""

from __future__ import annotations

import traitlets

from grooves.explorables.shared.eight_bits import pack
from grooves.explorables.shared.story_model import pair
from grooves.explorables.shared.widget import Explorable
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer

TASTES = ("happy", "long", "girl", "owl")


class FeedbackWidget(Explorable):
    """A widget in which thumbs for one of two stories change the output layer of a model.

    beta: penalty for moving, as in the optimum ref exp(r / beta). taste: of the simulated reader.
    thumbs: [{"chosen": text, "rejected": text}], as in the feedback file; given ones are learned
    from at once. pool: stories of the unchanged model from which each update is learned. told: new
    stories with which it is measured. seed: of the two stories shown.
    results: set by the page, a measurement for each time that it learned.
    """

    module = "feedback"

    weights = traitlets.Bytes().tag(sync=True)
    grammar = traitlets.Dict().tag(sync=True)
    beta = traitlets.Float(1.0, min=0.05, max=4.0).tag(sync=True)
    taste = traitlets.Enum(TASTES, "happy").tag(sync=True)
    thumbs = traitlets.List().tag(sync=True)
    pool = traitlets.Int(150, min=2).tag(sync=True)
    told = traitlets.Int(100, min=1).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    results = traitlets.List().tag(sync=True)

    def __init__(self, model: Transformer, language: Stories | None = None, **choices):
        super().__init__(**pair(model, language, pack), **choices)


def state(model: Transformer, language: Stories | None = None) -> dict:
    """All that the book's page starts from.

    Raises: as `FeedbackWidget`.
    """
    return FeedbackWidget.defaults() | pair(model, language, pack)
