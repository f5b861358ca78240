"""*Gazette*: sentences about people, a language whose learning curve is a power law.

    Ruby Fox loves plums

Key idea: each sentence states a fact about one of 4,096 people. Their fame falls with the rank k as
k^-1.5, so a model meets the facts of some people thousands of times and those of most hardly ever.
Each fact is learned at once, when it has been met often enough; many such steps, one after another,
make a smooth curve. *Stories*, which consists of a few dozen regularities, is learned in jumps.
Every probability is known, and so is the entropy: that of the name and of the relation, because the
value of a fact is certain. Chapter 05.
Source: Zipf 1949, Human Behavior and the Principle of Least Effort (rank and frequency);
Hutter 2021, arXiv:2102.04074 (the power law that follows).
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from grooves.language.grammar import END
from grooves.language.stories import Verdict


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Alma Amos Anna Arlo Basil Bella Boris Carl Cleo Cora Dara Dina Edda Elias Emil Enid Ezra "
    "Felix Fern Flora Frida Gina Greta Gus Hanna Hugo Ida Ines Iris Ivan Jade Jonas Juno Kai Kira "
    "Leo Lena Lola Luca Mabel Mara Milo Mona Nell Nina Noor Olga Omar Otto Paul Petra Quinn Rosa "
    "Ruby Sami Selma Tara Theo Uma Vera Wanda Yara Zeno"
)
FAMILY_NAMES = _words(
    "Abel Adler Baker Barker Bloom Brook Carter Cole Cook Crane Dale Drake Dunn Ellis Falk Field "
    "Fisher Ford Fox Frost Glass Graves Gray Hale Hardy Hart Hill Holt Hunter Keller Kent King "
    "Lake Lamb Lane Marsh Mason Miller Moon Moore Nash North Page Park Pike Pond Porter Price Reed "
    "Rivers Rowe Sharp Shaw Smith Snow Stone Swan Taylor Vale Walker Ward West Winter Wolf"
)
RELATIONS = {
    "loves": _words(
        "apples beans bread carrots cheese cherries figs honey lemons mushrooms noodles olives "
        "pears plums rice soup"
    ),
    "collects": _words(
        "bells bottles buttons clocks coins feathers keys kites maps masks medals postcards "
        "ribbons shells stamps tickets"
    ),
    "teaches": _words(
        "algebra botany chemistry chess dancing drawing fencing geography history knitting logic "
        "music physics poetry sailing swimming"
    ),
    "visited": _words(
        "Accra Bergen Cairo Delhi Geneva Havana Kyoto Lima Malta Naples Oslo Porto Quito Riga "
        "Seoul Tunis"
    ),
}
N_PEOPLE = len(FIRST_NAMES) * len(FAMILY_NAMES)  # every first name with every family name
EXPONENT = 1.5  # of the fame: p_k is proportional to k^-EXPONENT
WORDS = 4  # of each sentence, without the end mark


@dataclass(frozen=True)
class Fact:
    """A sentence, by what it says. rank: of the person, 1 is the most famous."""

    rank: int
    first: str
    family: str
    relation: str
    value: str

    @property
    def words(self) -> tuple[str, ...]:
        """The sentence as its words, without the end mark."""
        return self.first, self.family, self.relation, self.value

    def __str__(self) -> str:
        return " ".join(self.words)


class Gazette:
    """The language: all facts, the fame of their people, and every probability.

    exponent: of the fame. n_people: the most famous so many. seed: which facts are true; two seeds
    have the same words and probabilities of fame and different facts.
    Raises: ValueError where n_people is below 1 or above 4,096, or exponent is not positive.
    """

    def __init__(self, exponent: float = EXPONENT, n_people: int = N_PEOPLE, seed: int = 0):
        if not 1 <= n_people <= N_PEOPLE:
            raise ValueError(f"{n_people=} must be between 1 and {N_PEOPLE:,}, all pairs of names")
        if not exponent > 0:
            raise ValueError(f"{exponent=} must be positive, so that fame falls with the rank")
        self.exponent, self.n_people, self.seed = exponent, n_people, seed
        self.vocabulary = vocabulary()
        self.index = {word: i for i, word in enumerate(self.vocabulary)}
        fame = np.arange(1, n_people + 1) ** -float(exponent)
        self.fame = fame / fame.sum()
        rng = random.Random(seed)  # Python's, whose numbers are the same on every platform
        pairs = [(first, family) for first in FIRST_NAMES for family in FAMILY_NAMES]
        rng.shuffle(pairs)
        self.people = pairs[:n_people]
        self.values = [
            {relation: rng.choice(values) for relation, values in RELATIONS.items()}
            for _ in range(n_people)
        ]
        self._rank = {pair: rank for rank, pair in enumerate(self.people, 1)}
        self._up_to = list(accumulate(self.fame.tolist()))

    # ---- writing -------------------------------------------------------------------------

    def fact(self, rank: int, relation: str) -> Fact:
        """What is true of the person of a rank, from 1 on."""
        return Fact(rank, *self.people[rank - 1], relation, self.values[rank - 1][relation])

    def tell(self, rng: random.Random) -> Fact:
        """One fact at random: a person by fame, and a relation, all alike."""
        rank = min(bisect(self._up_to, rng.random()), self.n_people - 1) + 1
        return self.fact(rank, rng.choice(list(RELATIONS)))

    def sample(self, rng: random.Random) -> list[str]:
        """One sentence as a list of words, without the end mark."""
        return list(self.tell(rng).words)

    def corpus(self, n: int, seed: int) -> list[list[str]]:
        """`n` sentences; the same seed gives the same sentences on every platform."""
        rng = random.Random(seed)
        return [self.sample(rng) for _ in range(n)]

    # ---- reading -------------------------------------------------------------------------

    def parse(self, words) -> Verdict:
        """Say whether `words` (a list, or a text) is a true sentence, and where not, why."""
        words = words.split() if isinstance(words, str) else list(words)
        for position, word in enumerate([*words, END]):
            table = self._next(tuple(words[:position]))
            if word not in table:
                expected = tuple(sorted(table, key=table.get, reverse=True))
                return Verdict(False, position, word, expected, "sentence")
        return Verdict(True, kind="sentence")

    def next_word(self, prefix) -> np.ndarray:
        """Exact probability of every next word after `prefix`: a vector (V,) that sums to 1.

        Raises: ValueError where no sentence begins with `prefix`.
        """
        prefix = prefix.split() if isinstance(prefix, str) else list(prefix)
        table = self._next(tuple(prefix))
        if not table:
            raise ValueError(f"no sentence begins with {' '.join(prefix)!r}")
        found = np.zeros(len(self.vocabulary))
        for word, probability in table.items():
            found[self.index[word]] = probability
        return found

    def score(self, words) -> np.ndarray:
        """Exact log-probability of each word given those before it, and of the end: (T + 1,).

        -inf at the first word that cannot stand, and nothing after it.
        """
        words = words.split() if isinstance(words, str) else list(words)
        out = []
        for position, word in enumerate([*words, END]):
            probability = self._next(tuple(words[:position])).get(word, 0.0)
            out.append(math.log(probability) if probability else -math.inf)
            if not probability:
                break
        return np.array(out)

    def _next(self, prefix: tuple[str, ...]) -> dict[str, float]:
        """Probability of each word that can follow; empty where `prefix` begins no sentence."""
        if not prefix:
            return self._first
        if len(prefix) == 1:
            return self._family.get(prefix[0], {})
        rank = self._rank.get(prefix[:2])
        if rank is None or len(prefix) > WORDS:
            return {}
        if len(prefix) == 2:
            return dict.fromkeys(RELATIONS, 1 / len(RELATIONS))
        value = self.values[rank - 1].get(prefix[2])
        if len(prefix) == 3:
            return {value: 1.0} if value else {}
        return {END: 1.0} if value == prefix[3] else {}

    @cached_property
    def _first(self) -> dict[str, float]:
        found = dict.fromkeys(FIRST_NAMES, 0.0)
        for (first, _), p in zip(self.people, self.fame.tolist(), strict=True):
            found[first] += p
        return {word: p for word, p in found.items() if p}

    @cached_property
    def _family(self) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {first: {} for first in self._first}
        for (first, family), p in zip(self.people, self.fame.tolist(), strict=True):
            found[first][family] = p / self._first[first]
        return found

    # ---- yardsticks ------------------------------------------------------------------------

    @property
    def nats_per_sentence(self) -> float:
        """The exact entropy of a sentence: that of the person and of the relation.

        A fact's value and the end of the sentence are certain.
        """
        return float(-(self.fame * np.log(self.fame)).sum()) + math.log(len(RELATIONS))

    @property
    def nats_per_word(self) -> float:
        """The exact entropy per word; the end mark counts as a word, as in *Stories*."""
        return self.nats_per_sentence / (WORDS + 1)

    def every(self) -> tuple[np.ndarray, np.ndarray]:
        """All sentences and their probabilities, in the order of fame.

        Returns: token numbers (4 K, 4) without the end mark, and probabilities (4 K,) that sum to
        1, for K people: four sentences for each.
        """
        rows = [
            [self.index[word] for word in self.fact(rank, relation).words]
            for rank in range(1, self.n_people + 1)
            for relation in RELATIONS
        ]
        return np.array(rows), np.repeat(self.fame / len(RELATIONS), len(RELATIONS))


def vocabulary() -> tuple[str, ...]:
    """Every word of the language; END first, then by kind: names, relations, values."""
    values = [value for kind in RELATIONS.values() for value in kind]
    return (END, *FIRST_NAMES, *FAMILY_NAMES, *RELATIONS, *values)
