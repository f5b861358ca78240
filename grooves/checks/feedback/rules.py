"""Checks of lab 10: what they have in common (chapter 10).

Letters: N texts or pairs, K outcomes, T tokens, V tokens in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

from grooves.checks.compare import Mistake

LAB = "10_feedback"
SHOULD = "it should be"


def in_forms(name: str, says: str, *computed: Callable) -> tuple[Mistake, ...]:
    """One mistake in several forms, of which it says the same."""
    return tuple(Mistake(name, compute, says) for compute in computed)
