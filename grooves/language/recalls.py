"""Words that a story has to remember: where they recur, and how far back they stand.

Key idea: some words of a story are certain, because it has named them before: the home, the
friend's name, the toy. How often a model predicts them, by the number of words in between, says
how far its memory reaches. Chapter 04.
"""

from __future__ import annotations

from dataclasses import dataclass

from grooves.language.stories import Stories

KINDS = {"Name", "Friend", "Look", "Home", "Relative", "Colour", "Toy"}
KINDS |= {"Treasure", "Place", "Thing", "Material", "Skill", "Fruit"}
CERTAIN = 0.999  # the language's probability from which a word counts as certain


@dataclass(frozen=True)
class Recall:
    """One word of a story that only its memory can tell.

    position: its index in the story. distance: how many words back it stood last.
    kind: the lexical class that it was drawn from, such as "Home".
    """

    position: int
    distance: int
    kind: str


def kinds_of_words(language: Stories) -> dict[str, str]:
    """Single words of the classes in `KINDS`, each with its class; a word of two classes has none.

    "old" is a look of a home and a temper of a hero, so its recurrence would prove nothing.
    """
    found: dict[str, set[str]] = {}
    for kind, entries in language.grammar.lexicon.items():
        for entry in entries:
            for word in entry.words:
                found.setdefault(word, set()).add(kind if len(entry.words) == 1 else "phrase")
    return {w: min(of) for w, of in found.items() if len(of) == 1 and min(of) in KINDS}


def recalls(language: Stories, words: list[str]) -> list[Recall]:
    """Every recall of a story, in order.

    A word is one where the language is certain of it and the story has named it before.
    Raises: ValueError where the words are not the beginning of a story.
    """
    kinds, last, found = kinds_of_words(language), {}, []
    exact = language.next_word_table(words)  # (T + 1, V)
    for position, word in enumerate(words):
        if word not in kinds:
            continue
        if word in last and exact[position, language.index[word]] >= CERTAIN:
            found.append(Recall(position, position - last[word], kinds[word]))
        last[word] = position
    return found
