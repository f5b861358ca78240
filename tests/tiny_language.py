"""A language so small that all its stories can be listed, with what makes the large one hard.

It has a memory, an exclusion, entries of several words and an article that comes before its noun,
so that searching, masking and comparing can be checked against plain enumeration.
"""

import math

from grooves.language.grammar import END, Grammar
from grooves.language.stories import Stories

RULES = {
    "Story": [(1.0, "[Start] [Stop]")],
    "Start": [
        (3.0, "{h=Name} sat ."),
        (1.0, "{?o=Toy} {o.a^} {o} fell on {h=Name} ."),
    ],
    "Stop": [
        (2.0, "{f=Name-h} left {h} ."),
        (1.0, "{h} slept {b=Bed} ."),
        (1.5, "Rain came . {h} saw {f=Name-h} . {f} sat ."),
    ],
}
LEXICON = {
    "Name": ["Ann", "Bo", "Cy"],
    "Toy": ["orange kite", "ball"],
    "Bed": ["under a tree", "here"],
}


class TinyStories(Stories):
    """The tiny language. rules: other weights make another language with the same words."""

    def __init__(self, rules=None):
        self.dialect = None
        self.grammar = Grammar(rules or RULES, LEXICON)
        words = {
            word for alternatives in RULES.values() for _, t in alternatives for word in t.split()
        }
        words = {word for word in words if word.isalpha() or word == "."} | {"A", "An"}
        words |= {
            word for entries in LEXICON.values() for entry in entries for word in entry.split()
        }
        self.vocabulary = (END, *sorted(words))
        self.index = {word: i for i, word in enumerate(self.vocabulary)}


def other_weights(stop=(1.0, 1.0, 1.0)):
    """The same stories with other probabilities."""
    rules = {name: list(alternatives) for name, alternatives in RULES.items()}
    rules["Stop"] = [(w, text) for w, (_, text) in zip(stop, RULES["Stop"], strict=True)]
    return TinyStories(rules)


def all_stories(language):
    """Every story as a tuple of words (without the end mark), with its probability."""
    found, todo = {}, [((), 1.0, language.grammar.begin())]
    while todo:
        words, p, states = todo.pop()
        for word, q in language.grammar.next_words(states).items():
            if word == END:
                found[words] = p * q
            else:
                todo.append(((*words, word), p * q, language.grammar.read(states, word)))
    assert math.isclose(sum(found.values()), 1)
    return found
