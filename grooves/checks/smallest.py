"""The smallest input on which an answer fails, written out so that it can be worked by hand.

Key idea: a check tries many inputs, and the message tells of the first that fails. Where no mistake
is recognised, the smallest one helps more: a few numbers, the right result and the student's.
Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence

from grooves.checks.survey import Finding

MOST_NUMBERS = 24  # of one case, its results included, that somebody works by hand
PRINT = "print every step of your function for it."


def smallest_case(findings: Sequence[Finding]) -> str:
    """The smallest case that fails, in full where it has few numbers, and what to do with it."""
    wrong = [finding for finding in findings if finding.wrong]
    smallest = min(wrong, key=_size)
    full = _in_full(smallest)
    if full is not None:
        return f"The smallest input that fails: {full}. Work it by hand, and {PRINT}"
    if smallest is not wrong[0] and _size(smallest) < _size(wrong[0]):
        return f"The smallest input that fails: {smallest.told} {PRINT.capitalize()}"
    return (
        "Call your function on an input of two or three numbers whose result you know, such as the "
        "exercise's example, and print every step."
    )


def _size(finding: Finding) -> int:
    """How many numbers there are in the inputs of a case and in its right result."""
    return sum(_count(part) for part in (*finding.inputs, finding.expected))


def _count(value) -> int:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        size = 1
        for length in value.shape:
            size *= int(length)
        return size
    if isinstance(value, (list, tuple)):
        return sum(map(_count, value))
    return 1 + len(value) // 10 if isinstance(value, str) else 1


def _in_full(finding: Finding) -> str | None:
    """`given [[1, 2]] and 3, the right result is [5], yours is [4]`; None where it is too much."""
    if not finding.inputs or finding.got is None or _size(finding) > MOST_NUMBERS:
        return None
    if _count(finding.got) > MOST_NUMBERS:
        return None
    parts = [_written(part) for part in (*finding.inputs, finding.expected, finding.got)]
    if any(part is None for part in parts):
        return None
    *given, expected, got = parts
    listed = " and ".join([", ".join(given[:-1]), given[-1]] if len(given) > 1 else given)
    return f"given {listed}, the right result is {expected}, yours is {got}"


def _written(value) -> str | None:
    """Numbers, arrays and texts as Python would write them, with four digits; None for all else."""
    if hasattr(value, "shape") and hasattr(value, "tolist"):
        return None if getattr(value, "is_meta", False) else _written(value.tolist())
    if isinstance(value, (list, tuple)):
        parts = [_written(part) for part in value]
        return None if None in parts else f"[{', '.join(parts)}]"
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return repr(value)
    if isinstance(value, numbers.Integral):
        return str(int(value))
    return f"{float(value):.4g}" if isinstance(value, numbers.Real) else None
