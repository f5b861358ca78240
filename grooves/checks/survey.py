"""What the comparisons of a check find, collected until the check has run.

Key idea: on one input, many mistakes give the same number. So a comparison inside a check raises
nothing; it is noted, and `grooves.checks.verdict` looks at all of them together.
Part of the labs' checks (every chapter).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Finding:
    """One comparison of what an answer returned with what is right.

    told: what to say of it where it is wrong. mistakes: those that could show here. agrees: of one
    of them, whether it would have returned the same. got, expected: both results, where they are
    numbers; `tolerance` is relative and absolute. inputs: what the answer was given.
    """

    wrong: bool
    told: str
    mistakes: Sequence
    agrees: Callable[[object], bool]
    got: Tensor | None = None
    expected: Tensor | None = None
    tolerance: float = 0.0
    inputs: tuple = ()


_open: ContextVar[list[Finding] | None] = ContextVar("_open", default=None)


@contextmanager
def survey() -> Iterator[list[Finding]]:
    """Collect what the comparisons inside find; they raise nothing meanwhile."""
    findings: list[Finding] = []
    token = _open.set(findings)
    try:
        yield findings
    finally:
        _open.reset(token)


def opened() -> list[Finding] | None:
    """The findings of the survey that is open, None where there is none."""
    return _open.get()
