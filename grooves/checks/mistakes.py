"""A common mistake: what it computes, and what is said of it.

Key idea: a mistake is code, so a check can run it on the exercise's inputs and compare: an answer
that gives the same results makes this mistake. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """A common mistake: its name, what it computes from the exercise's inputs, what to say."""

    name: str
    compute: Callable
    says: str


def in_forms(name: str, says: str, *computed: Callable) -> tuple[Mistake, ...]:
    """One mistake in several forms, of which it says the same."""
    return tuple(Mistake(name, compute, says) for compute in computed)
