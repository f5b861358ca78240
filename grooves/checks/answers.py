"""The student's answer as a check sees it: recorded while it runs, and examined when it fails.

Key idea: the check receives the student's function inside a thin wrapper that records every call.
So the framework knows whether the student's code ran, with which arguments, and whether an error
was raised by it or by the check. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import site
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grooves.checks import again
from grooves.checks.errors import returned_habit
from grooves.checks.failures import CheckFailed
from grooves.checks.words import arguments, describe, describe_type

MOST_COPIED = 100  # calls of one check whose arguments are copied
_OURS = str(Path(__file__).resolve().parents[1]) + os.sep


@dataclass
class Call:
    """One call of the student's function, and its outcome.


    told: its arguments in words, put into words when they are asked for. Of all calls but the last
    they are forgotten.
    """

    told: Callable[[], str] | None
    result: Any = None
    error: BaseException | None = None
    kept: again.Kept | None = None

    @property
    def arguments(self) -> str:
        return self.told() if self.told else ""


def watch(answer, exercise: str, returns, in_place: bool):
    """Wrap a function so that its calls are recorded; anything else is passed on unchanged.

    Returns: (the answer to give to the check, its list of `Call`, or None if it is not a function).
    The wrapper raises CheckFailed where the function returns None or a type other than `returns`,
    and, unless `in_place`, where it changes an array or a list that it was given.
    """
    if not (inspect.isroutine(answer) or isinstance(answer, functools.partial)):
        return answer, None
    calls: list[Call] = []
    accepted = returns if isinstance(returns, tuple) else (returns,)

    def watched(*args, **kwargs):
        if calls:
            calls[-1].told = None
        given = again.before(args, kwargs) if len(calls) < MOST_COPIED else None
        if given is None:  # no copy: the call may change what it is given
            told = functools.partial(str, arguments(answer, args, kwargs))
        else:
            told = functools.partial(arguments, answer, *given[:2])
        call = Call(told)
        calls.append(call)
        try:
            call.result = answer(*args, **kwargs)
        except BaseException as error:
            call.error = error
            raise
        result = call.result
        if result is None and type(None) not in accepted:
            raise CheckFailed(
                "your function returned None. Is a `return` missing?", hint="returned_none"
            )
        if not isinstance(result, accepted):
            expected = " or ".join(dict.fromkeys(map(describe_type, accepted)))
            kind = f"{type(result).__module__}.{type(result).__name__}"
            raise CheckFailed(
                f"your function must return {expected}. It returned {describe(result)}."
                f"{returned_habit(kind, expected)}",
                hint="wrong_type",
            )
        result = _plain(result)
        if given is not None:
            if not in_place:
                again.refuse_changed(given, args, kwargs)
            if len(calls) <= again.MOST_KEPT:
                call.kept = again.after(given, result, args, kwargs)
        return result

    # not functools.wraps alone: a partial has no __name__
    functools.update_wrapper(watched, answer)
    return watched, calls


def recorded(answer):
    """For tests: the same answer, and a list that grows whenever the answer's code is run.

    A function is wrapped; a class is replaced by a subclass that records each new object; anything
    else cannot be run and is refused with TypeError.
    """
    ran: list[tuple] = []
    if inspect.isclass(answer):

        def __init__(self, *args, **kwargs):
            ran.append((args, kwargs))
            answer.__init__(self, *args, **kwargs)

        body = {"__init__": __init__, "__module__": answer.__module__, "__doc__": answer.__doc__}
        return type(answer.__name__, (answer,), body), ran
    if not callable(answer):
        raise TypeError(f"only a function or a class can be recorded, not {describe(answer)}")

    @functools.wraps(answer)
    def note(*args, **kwargs):
        ran.append((args, kwargs))
        return answer(*args, **kwargs)

    return note, ran


def student_frames(error: BaseException, check) -> list[tuple]:
    """The frames of the student's code in an error's trace, as (frame, line), innermost last.

    `check` is the function whose body ran, in case it lies outside the package (in a test).
    """
    found = []
    trace = error.__traceback__
    entered = False  # the frames above the check are the notebook's call of it
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(_OURS) or trace.tb_frame.f_code is check.__code__:
            entered = True
        elif entered and not name.startswith(_foreign()) and not name.endswith(".pyx"):
            found.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return found


def is_students(code) -> bool:
    """Whether code is neither the course's nor that of Python and its packages."""
    return not code.co_filename.startswith((_OURS, *_foreign()))


def not_started_in(error: BaseException) -> str | None:
    """The function whose stub raised this NotImplementedError; None if it is a real error.

    PyTorch raises NotImplementedError too (for an operation that a device lacks), so the line that
    raised it must contain the word. A cell's top level counts as the function "<module>".
    """
    trace = error.__traceback__
    if not isinstance(error, NotImplementedError) or trace is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    if code.co_filename.startswith((_OURS, *_foreign())):
        return None
    line = linecache.getline(code.co_filename, trace.tb_lineno)
    return code.co_name if "NotImplementedError" in line or not error.args else None


def place_of(frames: list[tuple], exercise: str) -> str:
    """The place of the innermost of these frames: "line 3 of its cell", then `scores = q @ k`.

    If the line is in another function than the exercise's, such as an earlier answer, the function
    is named, and so is the line that called it, because the mistake may be there.
    """
    inner = _function(frames[-1][0])
    place = _line(*frames[-1])
    if inner in ("", exercise):
        return place
    callers = [each for each in frames if _function(each[0]) not in ("", inner)]
    if not callers:
        return f"{inner}, {place}"
    return f"{inner}, {place}\ncalled by {_function(callers[-1][0])}, in {_line(*callers[-1])}"


def line_of(frame: tuple) -> str:
    """The source of the line in which one of `student_frames` stands."""
    return linecache.getline(frame[0].f_code.co_filename, frame[1]).strip()


def _line(frame, number: int) -> str:
    file = frame.f_code.co_filename
    line = line_of((frame, number))
    place = Path(file).name if os.path.exists(file) else "its cell"
    return f"line {number} of {place}" + (f":\n    {line}" if line else ".")


def _function(frame) -> str:
    """A function's name as a student knows it, such as "Broken.learn"; empty for a lambda."""
    names = frame.f_code.co_qualname.split(".<locals>.")
    return next((name for name in reversed(names) if not name.startswith("<")), "")


@functools.cache
def _foreign() -> tuple[str, ...]:
    """Folders whose code is neither the course's nor the student's: Python and its packages."""
    paths = {sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths.update(site.getsitepackages())
    return (*(path + os.sep for path in sorted(paths)), "<frozen")


def _plain(result):
    """A tensor of a student's subclass as a plain one; a subclass can override comparisons."""
    torch = sys.modules.get("torch")
    if torch and isinstance(result, torch.Tensor) and type(result) is not torch.Tensor:
        return result.as_subclass(torch.Tensor)
    return result
