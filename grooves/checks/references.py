"""References to exercises, written by name and shown by number.

Key idea: a text contains {{exercise softmax}} or {{Exercises neuron to xor, costs and reader}} and
is shown with the exercises' present numbers. So if an exercise is added, or left out by a term, no
sentence refers to the wrong one. Labs of every chapter.
"""

from __future__ import annotations

import re

MARKER = re.compile(r"\{\{([Ee]xercises?) ([^{}]+)\}\}")


def resolve(text: str, order: list[str], titles: dict[str, str]) -> str:
    """Replace the markers in a text with numbers.

    order: the exercises that are set; an exercise's number is its position there, from 1.
    titles: every exercise of the lab, in the lab's order, with its title. A single exercise that is
    not set is named by its title; a line about several exercises, none of which is set, is dropped.
    Raises: ValueError where a marker names an exercise that the lab does not have.
    """
    lines = []
    for line in text.split("\n"):
        several = [m for m in MARKER.finditer(line) if m[1].lower() == "exercises"]
        if all(_numbers(m[2], order, titles) for m in several):
            lines.append(MARKER.sub(lambda m: _shown(m, order, titles), line))
    return "\n".join(lines)


def _shown(marker: re.Match, order: list[str], titles: dict[str, str]) -> str:
    numbers = _numbers(marker[2], order, titles)
    word = marker[1].removesuffix("s")
    if not numbers:
        the = "The" if word[0] == "E" else "the"
        return f"{the} exercise “{titles[marker[2].strip()]}” (not set)"
    if len(numbers) == 1 and isinstance(numbers[0], int):
        return f"{word} {numbers[0]}"
    shown = [str(n) if isinstance(n, int) else f"{n[0]} to {n[1]}" for n in numbers]
    together = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    return f"{word}s {together}"


def _numbers(said: str, order: list[str], titles: dict[str, str]) -> list[int | tuple[int, int]]:
    """The numbers for a marker's words; (first, last) for a range of three or more."""
    names, found = list(titles), []
    for part in re.split(r", | and ", said.strip()):
        ends = part.strip().split(" to ")
        for name in ends:
            if name not in titles:
                raise ValueError(
                    f"{{{{{said}}}}} names {name!r}, which is not an exercise; the exercises are "
                    f"{', '.join(names)}"
                )
        meant = names[names.index(ends[0]) : names.index(ends[-1]) + 1]
        numbers = [order.index(name) + 1 for name in meant if name in order]
        found += [(numbers[0], numbers[-1])] if len(numbers) > 2 else numbers
    return found
