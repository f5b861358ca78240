"""The explorable `labels` in JupyterLab: any sentence, and the targets of each objective.

Key idea: the same sentence makes many training pairs for a self-supervised model and one for a
supervised model; only the latter costs a person's time.
`objectives.mjs` does in the page what `grooves/training/objectives.py` does here. Chapter 03.
"""

from __future__ import annotations

import random

import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.language.stories import Stories, to_text

SENTENCE = "The fox lost her golden kite, so the owl helped the fox look for it by the river."
OBJECTIVES = ("next_word", "masked_word", "two_views", "people", "pseudo_labels")
LABELS = ["happy", "sad"]
N_TEXTS, SEED = 24, 1


def endings(n: int = N_TEXTS, seed: int = SEED) -> list[dict]:
    """The last two sentences of stories, no two the same, half of them happy and half sad.

    n: how many, an even number. Returns: [{"text": ..., "label": 0 happy or 1 sad}], mixed.
    """
    language, rng = Stories(), random.Random(seed)
    found: dict[str, int] = {}
    while len(found) < n:
        story = language.tell(rng)
        text, label = _last_two(story.words), LABELS.index(story.ending)
        room = sum(other == label for other in found.values()) < n // 2
        if room and text.count('"') % 2 == 0:  # not out of the middle of a speech
            found[text] = label
    return [{"text": text, "label": label} for text, label in found.items()]


def _last_two(words: tuple[str, ...]) -> str:
    """The last two sentences of a story."""
    ends = [i for i, word in enumerate(words[:-1]) if word in ".!?" and words[i + 1] != '"']
    return to_text(words[ends[-2] + 1 :])


class Labels(Explorable):
    """A widget in which one types a sentence and sees the training pairs that can be made of it.

    sentence: any text. unit: "words" or "characters". objective: one of `OBJECTIVES`.
    share: probability that a word is masked or dropped. seed: of this choice.
    mistake: whether to make the objective's typical mistake, so that the answer leaks.
    texts: other texts, [{"text": ..., "label": 0 or 1}]; the label is the true one.
    labels: the two names. given: labels by a person, set by the page: by the text's place among
    `texts`, or "own" for the sentence. threshold: least probability of a pseudo-label.
    seconds_per_label, n_texts: the initial assumptions about a person's work.
    inputs, targets: the pairs of the first two objectives, set by the page; None where there
    is no target.
    """

    module = "labels"

    sentence = traitlets.Unicode(SENTENCE).tag(sync=True)
    unit = traitlets.Enum(("words", "characters"), "words").tag(sync=True)
    objective = traitlets.Enum(OBJECTIVES, OBJECTIVES[0]).tag(sync=True)
    share = traitlets.Float(0.15, min=0.0, max=1.0).tag(sync=True)
    seed = traitlets.Int(11).tag(sync=True)  # masks 3 of 20 words, just as `share` says
    mistake = traitlets.Bool(False).tag(sync=True)
    texts = traitlets.List().tag(sync=True)
    labels = traitlets.List(LABELS).tag(sync=True)
    given = traitlets.Dict().tag(sync=True)
    threshold = traitlets.Float(0.9, min=0.5, max=1.0).tag(sync=True)
    seconds_per_label = traitlets.Float(5.0, min=0.0).tag(sync=True)
    n_texts = traitlets.Int(1_000_000, min=1).tag(sync=True)
    inputs = traitlets.List().tag(sync=True)
    targets = traitlets.List().tag(sync=True)

    def __init__(self, sentence: str = SENTENCE, texts: list[dict] | None = None, **choices):
        others = endings() if texts is None else texts
        super().__init__(sentence=sentence, texts=others, **choices)


def state() -> dict:
    """All that the book's page starts from."""
    return Labels.defaults() | {"texts": endings()}
