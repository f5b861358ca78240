"""The findings of a check's comparisons, collected until the check has finished.

Key idea: on a single input, many mistakes give the same number. So a comparison inside a check does
not raise; it is recorded, and `grooves.checks.verdict` considers all of them together.
Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing PyTorch takes two seconds, which a lab without it need not spend
    from torch import Tensor


@dataclass(frozen=True)
class Finding:
    """One comparison of an answer's result with the correct one.

    told: the message if the result is wrong. mistakes: those that could occur here. agrees: whether
    a given mistake would have returned the same. got, expected: both results, if they are numbers;
    `tolerance` is relative and absolute. inputs: what the answer was given; names: what the answer
    calls them, if it was given just these. part: the name of this result, if there are several.
    """

    wrong: bool
    told: str
    mistakes: Sequence
    agrees: Callable[[object], bool]
    got: Tensor | None = None
    expected: Tensor | None = None
    tolerance: float = 0.0
    inputs: tuple = ()
    names: tuple[str, ...] = ()
    part: str = ""


_open: ContextVar[list[Finding] | None] = ContextVar("_open", default=None)


@contextmanager
def survey() -> Iterator[list[Finding]]:
    """Collect the findings of the comparisons inside, which do not raise."""
    findings: list[Finding] = []
    token = _open.set(findings)
    try:
        yield findings
    finally:
        _open.reset(token)


def named_inputs(findings: Sequence[Finding], answer) -> list[Finding]:
    """The findings, with the names of their inputs in the answer's signature."""
    try:
        names = tuple(inspect.signature(answer).parameters)
    except (TypeError, ValueError):
        return list(findings)
    return [replace(f, names=names) if len(f.inputs) == len(names) else f for f in findings]


def opened() -> list[Finding] | None:
    """The findings of the open survey; None if there is none."""
    return _open.get()
