"""Sentences about scenes, a language whose every probability is known.

Key idea: a scene has seven attributes, drawn at random. A sentence names the two things in either
order, and may leave attributes out, each with the same probability. So the probability of every
sentence is known, and what a sentence leaves out has a known distribution, with which the pictures
that a model draws can be compared. Chapter 07.
Source: Shannon 1948, Bell System Technical Journal 27, section 6 (entropy).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import product

import numpy as np

from grooves.images import held_out
from grooves.images.held_out import ATTRIBUTES, COLOURS, DIGITS, SHAPE, SIZES
from grooves.images.sentences import (
    ANY_DIGIT,
    RELATIONS,
    UNSAID,
    Grade,
    Scene,
    Sentence,
    grade,
    read,
    scene_of,
    vocabulary,
)
from grooves.language.grammar import END
from grooves.language.stories import Verdict

LEFT_OUT = 0.1  # probability that a sentence leaves an attribute out
LONGEST = 10  # words, without the end mark


class PictureLanguage:
    """Sentences about scenes of one kind, all scenes of the kind equally likely.

    kind: "seen" is the language of training; "new pair", "new triple" and "both new" are those of
    its tests, and "any" takes all scenes. left_out: probability with which a sentence leaves out
    each attribute of each thing. seed: of the combinations that are held out.
    Raises: ValueError where kind is unknown, or left_out is not from 0 to below 1.
    """

    def __init__(self, kind: str = "seen", left_out: float = LEFT_OUT, seed: int = 0):
        if not 0 <= left_out < 1:
            raise ValueError(f"{left_out=} must be a probability below 1")
        self.kind, self.left_out = kind, left_out
        self.splits = held_out.splits(seed)
        self.scenes = self.splits.scenes(kind)  # (N, 7)
        self.vocabulary = vocabulary()
        self.index = {word: i for i, word in enumerate(self.vocabulary)}

    # ---- writing -------------------------------------------------------------------------

    def sample(self, rng: np.random.Generator) -> tuple[Scene, list[str]]:
        """One scene, and a sentence about it as a list of words, without the end mark."""
        rows, tokens = self.batch(1, rng)
        return scene_of(rows[0]), [self.vocabulary[i] for i in tokens[0] if i]

    def batch(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """n scenes as rows (n, 7), and a sentence about each as tokens (n, 10).

        A sentence that is shorter than 10 words is filled up with the end mark, token 0.
        """
        rows = self.scenes[rng.integers(len(self.scenes), size=n)]
        turned = rng.random(n) < 0.5
        unsaid = rng.random((n, 6)) < self.left_out
        return rows, self.tokens(rows, turned, unsaid)

    def tokens(self, rows: np.ndarray, turned=False, unsaid=False) -> np.ndarray:
        """Sentences about scenes, as tokens (N, 10), filled up with the end mark.

        rows: (N, 7). turned: (N,), whether the right or lower thing is named first. unsaid: (N, 6),
        which attributes are left out, in the order of the columns of `rows`; or one value for all.
        """
        turned = np.broadcast_to(turned, len(rows))[:, None]
        things = np.where(np.broadcast_to(unsaid, (len(rows), 6)), UNSAID, rows[:, 1:])
        things = np.where(turned, np.roll(things, 3, axis=1), things)
        words = np.zeros((len(rows), LONGEST), dtype=np.int64)
        for start, (digit, colour, size) in ((0, things[:, :3].T), (6, things[:, 3:].T)):
            words[:, start] = self.index["a"]
            for place, values, said in ((1, SIZES, size), (2, COLOURS, colour), (3, DIGITS, digit)):
                nothing = self.index[ANY_DIGIT] if values is DIGITS else 0
                words[:, start + place] = np.where(
                    said == UNSAID, nothing, said + self.index[values[0]]
                )
        spoken = np.array([[self.index[w] for w in f"{r} {END}".split()[:2]] for r in RELATIONS])
        words[:, 4:6] = spoken[2 * rows[:, 0] + turned[:, 0]]
        order = np.argsort(words == 0, axis=1, kind="stable")  # gaps to the end
        return np.take_along_axis(words, order, axis=1)

    # ---- reading -------------------------------------------------------------------------

    def parse(self, words) -> Verdict:
        """Say whether `words` (a list, or a text) is a sentence, and where not, why.

        Sentences about held-out combinations are sentences too.
        """
        return read(words)[0]

    def read(self, words) -> Sentence:
        """What a sentence says. Raises: ValueError where it is none, with the reason."""
        verdict, sentence = read(words)
        if sentence is None:
            raise ValueError(f"not a sentence: {verdict}")
        return sentence

    def grade(self, caption, scene: Scene) -> Grade:
        """Compare a caption with a scene: `grooves.images.sentences.grade`."""
        return grade(caption, scene)

    # ---- probabilities -------------------------------------------------------------------

    def log_probability(self, words) -> float:
        """Exact log-probability of a sentence, over all scenes; -inf where it cannot occur."""
        _, sentence = read(words)
        if sentence is None:
            return -math.inf
        return _log(self._share[_fitting(sentence.row)].sum()) + self._log_form(sentence.row)

    def log_probability_given(self, words, scene: Scene) -> float:
        """Exact log-probability of a sentence given the scene; -inf where it says what is false."""
        _, sentence = read(words)
        if sentence is None or not grade(words, scene).true:
            return -math.inf
        return self._log_form(sentence.row)

    def unmentioned(self, words) -> dict[str, np.ndarray]:
        """Exact distribution of each attribute that a sentence leaves out, given the sentence.

        Returns: for each name of `ATTRIBUTES` that is not mentioned, a vector over its `VALUES`.
        Raises: ValueError where the words are no sentence, or no scene of this kind fits it.
        """
        sentence = self.read(words)
        fitting, place = np.zeros(SHAPE), _fitting(sentence.row)
        fitting[place] = self._share[place]
        if not fitting.any():
            raise ValueError(
                f"no scene of the kind {self.kind!r} fits {str(sentence)!r}: use a PictureLanguage "
                "of another kind"
            )
        return {
            ATTRIBUTES[i]: _marginal(fitting, (i,)) / fitting.sum()
            for i, value in enumerate(sentence.row)
            if value == UNSAID
        }

    @property
    def nats_given_scene(self) -> float:
        """The exact entropy of a sentence given its scene: the order, and what is left out."""
        p = self.left_out
        return math.log(2) - 6 * sum(q * math.log(q) for q in (p, 1 - p) if q)

    @cached_property
    def nats_per_sentence(self) -> float:
        """The exact entropy of a sentence: that of its form, and of what it says in this form."""
        said = 0.0
        for mentioned, probability in self._forms():
            p = _marginal(self._share, mentioned)
            p = p[p > 0]
            said -= probability * float((p * np.log(p)).sum())
        return self.nats_given_scene + said

    @cached_property
    def _share(self) -> np.ndarray:
        """Probability of every scene: an array of shape `SHAPE`."""
        found = np.zeros(SHAPE)
        found[tuple(self.scenes.T)] = 1 / len(self.scenes)
        return found

    def _forms(self) -> Iterator[tuple[tuple[int, ...], float]]:
        """The 64 choices of attributes that are mentioned, each with its probability."""
        for said in product((True, False), repeat=6):
            mentioned = (0, *(i + 1 for i, each in enumerate(said) if each))
            unsaid = said.count(False)
            yield mentioned, self.left_out**unsaid * (1 - self.left_out) ** (6 - unsaid)

    def _log_form(self, row) -> float:
        """Log-probability of the order and of leaving out what `row` leaves out."""
        unsaid = sum(value == UNSAID for value in row)
        left_out = unsaid * _log(self.left_out) if unsaid else 0.0
        return math.log(0.5) + left_out + (6 - unsaid) * math.log(1 - self.left_out)


def _fitting(row) -> tuple:
    """An index into an array of shape `SHAPE`: the scenes of which a sentence's `row` is true."""
    return tuple(slice(None) if value == UNSAID else value for value in row)


def _marginal(joint: np.ndarray, kept: tuple[int, ...]) -> np.ndarray:
    return joint.sum(axis=tuple(i for i in range(joint.ndim) if i not in kept))


def _log(share: float) -> float:
    return math.log(share) if share > 0 else -math.inf
