"""Checks of lab 15: their name, and how their figures are compared (chapter 15).

Key idea: several exercises return `math.inf` for "never", and a message says it in these words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from grooves.checks.many_devices import rules
from grooves.checks.mistakes import Mistake
from grooves.checks.survey import survey
from grooves.checks.verdict import note

LAB = "15_choosing"
INFINITE = re.compile(r"\binf\b(?: hours\b)?")


def judge_figures(
    answer: Callable,
    names: Sequence[str],
    inputs: Sequence[tuple],
    right: Callable,
    parts: Sequence[str],
    mistakes: Sequence[Mistake],
    units: Sequence[str] = (),
) -> None:
    """As in lab 13, with infinity called `math.inf` in the messages."""
    with survey() as findings:
        try:
            rules.judge_figures(answer, names, inputs, right, parts, mistakes, units)
        finally:
            found = [replace(one, told=INFINITE.sub("math.inf", one.told)) for one in findings]
    for one in found:
        note(one)
