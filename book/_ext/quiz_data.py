"""The file format of a chapter's quick quiz: book/quizzes/NN_name.toml.

    [[questions]]
    practises = [2]  # numbers of the chapter's objectives in grooves/assets/chapters.toml, from 1
    ask = "What is the loss of a classifier that gives each of $K$ classes the same probability?"
    choices = [
      {text = "$1 / K$", why = "That is the probability; the loss is its negative logarithm."},
      {text = r'$\\ln K$', why = "The negative logarithm of $1 / K$.", right = true},
    ]

One choice is correct; the others are misconceptions, and `why` explains what is wrong with each.
All texts are Markdown as on a page.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = "quizzes"  # beside the pages


@dataclass(frozen=True)
class Choice:
    """One answer to choose, and the comment for readers who choose it."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its choices, and the numbers of the objectives that it practises."""

    ask: str
    choices: tuple[Choice, ...]
    practises: tuple[int, ...]


def quiz_path(pages: Path, name: str) -> Path:
    """The path of the quiz of the page `name`; pages: the folder of the pages."""
    return pages / FOLDER / f"{name}.toml"


def read_quiz(path: Path) -> tuple[Question, ...]:
    """The questions of one quiz.

    Raises: ValueError with the file and the question where something is missing or misspelled, or
    there is not exactly one correct choice; FileNotFoundError where the file does not exist.
    """
    try:
        entries = tomllib.loads(path.read_text("utf-8")).get("questions", [])
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from None
    if not entries:
        raise ValueError(f"{path.name} has no question: each begins with [[questions]]")
    return tuple(
        _question(entry, f"{path.name}, question {n}") for n, entry in enumerate(entries, 1)
    )


def _question(entry: dict, where: str) -> Question:
    try:
        choices = tuple(Choice(**choice) for choice in entry["choices"])
        question = Question(entry["ask"], choices, tuple(entry["practises"]))
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{where}: {error}; a question has `ask`, `practises` and `choices`, "
            "a choice `text`, `why` and perhaps `right`"
        ) from None
    if (count := sum(choice.right for choice in choices)) != 1:
        raise ValueError(f"{where} has {count} right choices: mark exactly one with right = true")
    return question
