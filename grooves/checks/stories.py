"""Checks of challenges: which stories an answer may learn from (labs 6 and 10).

Key idea: those that it is given, and no others. So stories that lie about in the notebook, in
whatever form they are learned from, are taken out of it while the answer runs; see `kept_without`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from grooves.checks.compare import kept_without

SHORTEST = 20  # words; every story is longer, and the rows of a table are not


def with_no_other_stories(ask: Callable, answer: Callable):
    """What `ask` returns, which calls the answer; refused where it reads stories of the notebook.

    Raises: CheckFailed with the hint "stories_from_outside".
    """
    return kept_without(
        ask,
        answer,
        holds_stories,
        "stories_from_outside",
        lambda name: (
            f"your function reads the notebook's `{name}`, which holds stories. Train on those "
            "that the task allows, and on no others."
        ),
    )


def holds_stories(value) -> bool:
    """Whether a value is stories: in lists, in tables of word numbers, or in what holds these."""
    if isinstance(value, Tensor):
        return value.ndim == 2 and not value.is_floating_point()
    if isinstance(value, np.ndarray):
        return value.ndim == 2 and value.dtype.kind in "iu"
    if isinstance(value, (list, tuple)):
        return any(_is_story(part) or holds_stories(part) for part in value)
    held = getattr(value, "__dict__", {})  # such as HeldOut's, a batch's, or drawn texts'
    tables = any(isinstance(held.get(name), Tensor) for name in ("inputs", "targets"))
    return tables or isinstance(held.get("tokens"), list)


def _is_story(value) -> bool:
    words = isinstance(value, (list, tuple)) and len(value) >= SHORTEST
    return words and all(isinstance(word, (int, str)) for word in value)
