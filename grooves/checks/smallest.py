"""The smallest input on which an answer fails, written out so that it can be worked by hand.

Key idea: a check tries many inputs, and the message tells of the first that fails. Where no mistake
is recognised, the smallest one helps more: a few numbers, the right result and the student's.
Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

from grooves.checks.survey import Finding

MOST_NUMBERS = 24  # of one case, its results included, that somebody works by hand
MOST_DIGITS = 4  # of each number in it
MOST_UNNAMED = 3  # arguments that are told without their names
DIGITS = (MOST_DIGITS, 6, 9, 12, 17)  # of two results, until they look different
ROUNDED_TO_ZERO = 1e-15  # in messages, such as 1.1e-16 where 0 is meant
READABLE = (1e-3, 1e4)  # sizes of numbers that can be worked by hand, other than 0
PRINT = "print every step of your function for it."


def smallest_case(findings: Sequence[Finding]) -> str:
    """The smallest case that fails, in full where it has few numbers, and what to do with it."""
    wrong = [finding for finding in findings if finding.wrong]
    # of small inputs, one with short numbers is easier than a smaller one with long ones
    for finding in sorted(wrong, key=lambda f: (not _is_short(f.inputs), _size(f))):
        full = _in_full(finding)
        if full is not None:
            return f"The smallest input that fails: {full}. Work it by hand, and {PRINT}"
    readable = _is_readable(wrong[0].inputs)  # then nothing with numbers of 1e40 is smaller
    smaller = [
        f
        for f in wrong
        if _is_no_larger(f.inputs, wrong[0].inputs) and _is_readable(f.inputs) >= readable
    ]
    smallest = min(smaller, key=_size, default=wrong[0])
    if _count(smallest.inputs) < _count(wrong[0].inputs):
        return f"The smallest input that fails: {smallest.told} {PRINT.capitalize()}"
    if not all(map(_is_numbers, wrong[0].inputs)):
        return f"{PRINT.capitalize().removesuffix(' for it.')} for the input above."
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
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    return 1 + len(value) // 10 if isinstance(value, (str, bytes)) else 1


def _is_numbers(value) -> bool:
    """Whether a value consists of numbers and arrays alone: no dict, no text, no bytes."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_numbers, value))
    return not isinstance(value, (dict, str, bytes))


def _in_full(finding: Finding) -> str | None:
    """`given x = [[1, 2]] and n = 3, the right result is [5], yours is [4]`.

    None where it is too much to work by hand.
    """
    if not finding.inputs or finding.got is None or _size(finding) > MOST_NUMBERS:
        return None
    if _count(finding.got) > MOST_NUMBERS:
        return None
    if not all(map(_is_readable, (*finding.inputs, finding.expected))):
        return None
    given = [_written(part) for part in finding.inputs]
    if finding.names:
        given = [
            f"{name} = {part}" for name, part in zip(finding.names, given, strict=True) if part
        ]
    expected, got = _apart(finding.expected, finding.got)
    if None in (expected, got) or None in given or len(given) < len(finding.inputs):
        return None
    if len(given) > MOST_UNNAMED and not finding.names:
        return None
    listed = " and ".join([", ".join(given[:-1]), given[-1]] if len(given) > 1 else given)
    right = f"{finding.part} must be" if finding.part else "the right result is"
    return f"given {listed}, {right} {expected}, yours is {got}"


def _is_no_larger(value, than) -> bool:
    """Whether no size and no integer in a case is larger than in another: arrays, lists, counts."""
    if hasattr(value, "shape") and hasattr(than, "shape"):
        sizes, others = tuple(value.shape), tuple(than.shape)
        return len(sizes) == len(others) and all(a <= b for a, b in zip(sizes, others, strict=True))
    if isinstance(value, (list, tuple)) and isinstance(than, (list, tuple)):
        return len(value) == len(than) and all(map(_is_no_larger, value, than))
    if isinstance(value, numbers.Integral) and isinstance(than, numbers.Integral):
        return value <= than
    return True


def _numbers(value) -> list:
    """All numbers in a value, however it nests."""
    if hasattr(value, "tolist") and not getattr(value, "is_meta", False):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [each for part in value for each in _numbers(part)]
    return [value] if isinstance(value, numbers.Real) else []


def _is_short(value) -> bool:
    """Whether the numbers in a value have few digits, up to single precision."""
    return all(
        abs(float(f"{x:.{MOST_DIGITS - 1}g}") - x) <= 1e-6 * abs(x)
        for x in map(float, _numbers(value))
        if math.isfinite(x)
    )


def _is_readable(value) -> bool:
    """Whether the numbers in a value are neither huge nor tiny; infinity and NaN are readable."""
    low, high = READABLE
    return all(
        not math.isfinite(x) or abs(x) < ROUNDED_TO_ZERO or low <= abs(x) < high
        for x in map(float, _numbers(value))
    )


def _apart(expected, got) -> tuple[str | None, str | None]:
    """Both results, with so many digits that they look different."""
    for digits in DIGITS:
        said = _written(expected, digits), _written(got, digits)
        if said[0] != said[1]:
            break
    return said


def _written(value, digits: int = MOST_DIGITS) -> str | None:
    """Numbers, arrays and texts as Python would write them, with few digits; None for all else."""
    if hasattr(value, "shape") and hasattr(value, "tolist"):
        return None if getattr(value, "is_meta", False) else _written(value.tolist(), digits)
    if isinstance(value, (list, tuple)):
        parts = [_written(part, digits) for part in value]
        return None if None in parts else f"[{', '.join(parts)}]"
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return repr(value)
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if not isinstance(value, numbers.Real):
        return None
    return f"{0.0 if abs(value) < ROUNDED_TO_ZERO else float(value):.{digits}g}"
