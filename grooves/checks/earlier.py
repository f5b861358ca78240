"""Earlier exercises that an answer calls and that have not passed: they are to be corrected first.

Key idea: a wrong `loss_backward` makes every answer wrong that calls it, with numbers that fit no
mistake of that answer. The functions that an answer calls stand in its code, so no tracing is
needed. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Collection, Iterator
from types import CodeType

from grooves.checks.answers import is_students

_outcomes: dict[tuple[str, str], bool] = {}  # (lab, exercise) -> whether it passed last


def note_outcome(lab: str, exercise: str, passed: bool) -> None:
    """Record how the last check of an exercise ended in this session."""
    _outcomes[lab, exercise] = passed


def earlier_not_passed(answer, lab: str, exercise: str, names: Collection[str]) -> list[str]:
    """The exercises that an answer calls, itself or through other functions of the student, and
    whose check has not passed, in the order of the lab.

    names: all exercises of the lab. Of an exercise that was not checked in this session the
    progress file decides; during grading there is none, and only this session counts.
    """
    from grooves.checks import progress  # imported late, as in `grooves.checks.exercise`

    called = _called(answer, set(names) - {exercise})
    unknown = [name for name in called if (lab, name) not in _outcomes]
    if not unknown:
        passed = {}
    elif progress.being_graded():
        passed = dict.fromkeys(unknown)
    else:
        passed = progress.load(lab)["passed"]
    return [
        name for name in names if name in called and not _outcomes.get((lab, name), name in passed)
    ]


def sentence(names: list[str]) -> str:
    """`It calls loss_backward, which has not passed its check: correct that one first.`"""
    if len(names) == 1:
        return f"It calls {names[0]}, which has not passed its check: correct that one first."
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"It calls {listed}, which have not passed their checks: correct those first."


def _called(answer, names: set[str]) -> set[str]:
    """Which of these names the answer's code looks up, or the student's functions that it uses."""
    found: set[str] = set()
    seen, ahead = set(), [answer]
    while ahead:
        function = inspect.unwrap(ahead.pop()) if callable(ahead[-1]) else ahead.pop()
        function = getattr(function, "func", function)  # of a partial
        parts = vars(function).values() if inspect.isclass(function) else (function,)
        for part in parts:
            code = getattr(part, "__code__", None)
            if code is None or code in seen or not is_students(code):
                continue
            seen.add(code)
            notebook = part.__globals__
            for name in _looked_up(code):
                if name in names and callable(notebook.get(name)):
                    found.add(name)
                elif name in notebook:
                    ahead.append(notebook[name])
    return found


def _looked_up(code: CodeType) -> Iterator[str]:
    """The global names that code looks up, those of functions and classes inside it included."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _looked_up(inner)
