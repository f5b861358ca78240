"""The explorable `sampling` in JupyterLab: samplers and beam search on your own model.

Key idea: the page has the model and the language's grammar, so it computes both distributions of
every next word and the exact distance between them, and it judges every story that it tells.
Chapter 08.
"""

from __future__ import annotations

import traitlets

from grooves.explorables.shared.eight_bits import pack
from grooves.explorables.shared.story_model import pair
from grooves.explorables.shared.widget import Explorable
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer

# Where a sampler shows what it can and what it cannot do, with a name for each.
PLACES = (
    ("First word", ""),  # common and rare words can follow
    ("Name", "Once upon a time there was an odd owl named"),  # twenty are equally likely
    (
        "Recall",  # one word is certain
        "Once upon a time there was a brave fox named Lily. She lived in a tiny cave with her "
        "aunt. Lily had a golden kite. One windy day, she lost it near the river. An owl named "
        'Pip came by. "Can you help me find my',
    ),
    (
        "Branch",  # two words are equally likely; the model is nearly right
        "Once upon a time there was a shy fox named Poppy. She lived in a round hut with her "
        "uncle. It was the birthday of her uncle, and Poppy had no gift. One rainy evening, she "
        "took a kite to the farm. A dog named Mimi came by. Mimi had a yellow ribbon. "
        '"I will give you my kite for your ribbon," said Poppy.',
    ),
    (
        "Mistake",  # two words are equally likely; the model gives much to a third
        "There once was a funny mouse called Poppy. She lived in a round garden with her uncle. "
        "Poppy had a red lamp. One evening, she lost it near the park. Then she met Kit the pig. "
        '"My red lamp is gone, Kit," said Poppy. They looked under the leaves, but the lamp was '
        "not there. Then Kit found it under the",
    ),
)


class Sampling(Explorable):
    """A widget in which one tries samplers at one word and in whole stories, and grows a beam.

    places: pairs of a name and a text, to choose from. prefix: the story so far. source: what
    predicts, "model" or "language", the exact distribution as a perfect model. temperature, top_k,
    top_p, min_p, epsilon: as `grooves.inference.sampling.Sampler` takes them. seed: of the draws.
    width, length_exponent: as `grooves.inference.search.beam_search` takes them.
    Set by the page: distances at the next word in nats (`forward`, `backward`, None where infinite,
    and `jensen_shannon`); runs, the last ones: label, source, seed, told, accepted, nats, drawn;
    found: the finished hypotheses of the beam, each with text and log_p.
    Raises: as `pair` and `pack`.
    """

    module = "sampling"

    weights = traitlets.Bytes().tag(sync=True)
    grammar = traitlets.Dict().tag(sync=True)
    places = traitlets.List([list(place) for place in PLACES]).tag(sync=True)
    prefix = traitlets.Unicode(PLACES[0][1]).tag(sync=True)
    source = traitlets.Enum(("model", "language"), "model").tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.0).tag(sync=True)
    top_k = traitlets.Int(None, allow_none=True, min=1).tag(sync=True)
    top_p = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True)
    min_p = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    epsilon = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    width = traitlets.Int(4, min=1).tag(sync=True)
    length_exponent = traitlets.Float(0.0, min=0.0).tag(sync=True)
    distances = traitlets.Dict().tag(sync=True)
    runs = traitlets.List().tag(sync=True)
    found = traitlets.List().tag(sync=True)

    def __init__(self, model: Transformer, language: Stories | None = None, **choices):
        super().__init__(**pair(model, language, pack), **choices)


def state(model: Transformer, language: Stories | None = None) -> dict:
    """All that the book's page starts from.

    Raises: as `Sampling`.
    """
    return Sampling.defaults() | pair(model, language, pack)
