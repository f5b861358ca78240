"""How the checks compare: tolerances, the difference in words, and the mistake behind it.

Key idea: a wrong answer is known by its numbers. A `Mistake` is a common mistake written out as
code; where the student's numbers equal the mistake's numbers on the same input, the check can name
it. Nothing here says how an answer must be written. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import gc
import inspect
import numbers
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grooves.checks import diagnoses  # noqa: F401 - verdicts on numbers look for its patterns
from grooves.checks.failures import CheckFailed
from grooves.checks.mistakes import Mistake
from grooves.checks.smallest import DIGITS, ROUNDED_TO_ZERO
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

# Relative and absolute. The inputs are float32, so float64 answers get no tighter bound.
TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}
ORDINARY_TOLERANCE = 1e-4


def draw(seed: int, *shape: int, scale: float = 1.0) -> Tensor:
    """Normal random numbers from a generator of their own: the student's seed is left alone."""
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@contextmanager
def own_seed(seed: int) -> Iterator[None]:
    """Fixed random numbers inside; outside, the student's go on as if nothing had happened."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def compare(
    got,
    expected,
    mistakes: Sequence[Mistake],
    inputs: tuple,
    given: str,
    source: str = "PyTorch's is",
    tolerance: float | None = None,
) -> None:
    """Compare the answer's result with what is expected, and note how it differs.

    Inside a check nothing is raised: what was noted is judged when the check has run.

    got: the answer's result (tensor, array or number). expected: the right one, of any precision.
    inputs: what the answer was given, handed to each mistake. given: the same in words.
    source: how the message introduces the right value. tolerance: relative and absolute; by default
    what the precision of the result allows.
    Raises: CheckFailed where no check is running.
    """
    got, expected = as_tensor(got), as_tensor(expected)
    if tolerance is None:
        tolerance = TOLERANCE.get(got.dtype, ORDINARY_TOLERANCE)
    right = close(got, expected, tolerance)
    note(
        Finding(
            wrong=not right,
            told="" if right else f"for {given}, {_difference(got, expected, source, tolerance)}",
            mistakes=mistakes,
            agrees=lambda m: close(got, _like(got, m.compute(*inputs)), tolerance),
            got=got,
            expected=expected,
            tolerance=tolerance,
            inputs=inputs,
        )
    )


def close(got: Tensor, expected: Tensor, tolerance: float = ORDINARY_TOLERANCE) -> bool:
    """Whether two results are the same up to rounding; a NaN equals a NaN."""
    if got.shape != expected.shape:
        return False
    got, expected = got.double(), expected.double()
    return torch.allclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def _like(got: Tensor, value) -> Tensor:
    """A mistake's result; one number in an array is a number where the answer's result is."""
    value = as_tensor(value)
    return value.reshape(got.shape) if got.numel() == value.numel() == 1 else value


def as_tensor(value) -> Tensor:
    """A tensor, array or number as a tensor on the CPU, free of its history."""
    # large counts stay exact; True and False stay what they are
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.generic)):
        return torch.tensor(float(value), dtype=torch.float64)
    return torch.as_tensor(value).detach().cpu()


def single(value) -> int | float | bool:
    """The number that an answer returned, as an array of one element or of any number type.

    Raises: RuntimeError where it is several.
    """
    return as_tensor(value).reshape(()).item()


def shape_of(x) -> str:
    """`(2, 3)`"""
    return str(tuple(x.shape))


def number(value: float, digits: int = 4) -> str:
    """A number as a message shows it: four significant digits, integers in full."""
    if getattr(value, "dtype", None) == torch.bool:
        return str(bool(value))
    value = float(value)
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"


def told_apart(*values: float) -> list[str]:
    """Numbers with so many digits that they look different, if they are; about 1e-16 is 0."""
    values = [0.0 if 0 < abs(float(value)) < ROUNDED_TO_ZERO else value for value in values]
    for digits in DIGITS:
        said = [number(value, digits) for value in values]
        if len(set(said)) == len({float(value) for value in values}):
            break
    return said


def _difference(got: Tensor, expected: Tensor, source: str, tolerance: float) -> str:
    """Where the results are farthest apart, or integers first differ, in words."""
    if got.shape != expected.shape:
        return f"your result has shape {shape_of(got)}, expected {shape_of(expected)}."
    gap = (got.double() - expected.double()).abs().nan_to_num(torch.inf, torch.inf)
    # an infinity or a NaN that is right
    gap[(got.double() == expected.double()) | (got.isnan() & expected.isnan())] = 0.0
    if expected.ndim == 0:
        mine, right = told_apart(got, expected)
        return f"your result is {mine}; {source} {right}."
    # of integers, such as words and classes, the first that differs: how far says nothing
    told = gap if expected.is_floating_point() else (gap > 0).int()
    worst = tuple(int(i) for i in torch.unravel_index(told.argmax(), gap.shape))
    wrong = int((gap.isinf() | (gap > tolerance * (1 + expected.double().abs()))).sum())
    mine, right = told_apart(got[worst], expected[worst])
    return (
        f"your result at {list(worst)} is {mine}; {source} "
        f"{right} ({wrong} of {gap.numel()} values differ)."
    )


class _Names(TorchFunctionMode):
    """Notes the names of the PyTorch functions that are called."""

    def __init__(self):
        super().__init__()
        self.seen: set[str] = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.seen.add(getattr(function, "__name__", ""))
        return function(*args, **(kwargs or {}))


def watched(answer: Callable, inputs: Sequence, name_of: Callable) -> tuple[object, list]:
    """Call an answer and note which Python functions it runs.

    What Python clears away meanwhile is not the answer's doing: a generator that was left half run
    anywhere runs to its end whenever the garbage collector comes by. Nor is what a module runs when
    the answer imports it.
    name_of: what to note of a function, from its module's name and its code object; None for
    nothing. Returns: the answer's result, and what was noted, in the order of the calls.
    """
    noted: list = []
    clearing = False

    def note_clearing(phase, _details):
        nonlocal clearing
        clearing = phase == "start"

    def note(frame, event, _argument):
        if event == "call" and not clearing:
            name = name_of(frame.f_globals.get("__name__", ""), frame.f_code)
            if name is not None and not _importing(frame, here):
                noted.append(name)

    here = sys._getframe()
    before = sys.getprofile()
    gc.callbacks.append(note_clearing)
    sys.setprofile(note)
    try:
        return answer(*inputs), noted
    finally:
        sys.setprofile(before)
        gc.callbacks.remove(note_clearing)


def _importing(frame, outermost) -> bool:
    """Whether an import, made inside the outermost frame, is what runs this one."""
    while frame is not None and frame is not outermost:
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            return True
        frame = frame.f_back
    return False


def written_by_hand(answer: Callable, *inputs, ready_made: Sequence[str] = ()):
    """Call the answer and return its result; refuse it where it only calls the finished thing.

    Finished are the course's own models, and the PyTorch functions named in `ready_made`: the ones
    that the check compares with. What an exercise does not ask to write may be called freely.
    Raises: CheckFailed with the hint "course_code" or "ready_made".
    """
    lab = "grooves.checks."  # what stands there in a folder is a lab's, the rest is the framework
    handed_over = {getattr(part, "__code__", None) for part in inputs}

    def courses_own(module: str, code) -> str | None:
        framework = module.startswith(lab) and module.count(".") == lab.count(".")
        ours = module.startswith("grooves.") and not framework
        # what is printed of an argument is no help, and the framework prints it too
        if not ours or code in handed_over or "__repr__" in code.co_qualname:
            return None
        return f"{module}.{code.co_qualname.split('.<locals>')[0]}"

    with _Names() as names:
        result, called = watched(answer, inputs, courses_own)
    if called:
        named = next((name for name in called if not name.endswith("__")), called[0])
        raise CheckFailed(
            f"your code calls the course's own {named.removesuffix('.__init__')}. Here the "
            "exercise is to write it; what you wrote in earlier exercises may be used.",
            hint="course_code",
        )
    if found := names.seen.intersection(ready_made):
        raise CheckFailed(
            f"your code calls PyTorch's {min(found)}, which is what this check compares you with. "
            "Write it from smaller steps.",
            hint="ready_made",
        )
    return result


def refuse_given_changed(answer: Callable, name: str) -> None:
    """Refuse an answer that has overwritten the class or function of the lab with this name.

    A class or function that the student wrote anew under the name is theirs to mend.
    Raises: CheckFailed with the hint "changed_given".
    """
    given = _notebook_of(answer).get(name)
    parts = {name: given}
    if inspect.isclass(given):
        parts = {f"{name}.{key}": part for key, part in vars(given).items()}
    codes = {key: getattr(part, "__code__", None) for key, part in parts.items()}
    changed = [key for key, code in codes.items() if code and code.co_qualname != key]
    if changed:
        raise CheckFailed(
            f"your code changed {name} itself: {changed[0]} is not what the lab defines. Leave "
            f"{name} as it is, so that the two can be compared, and write your own beside it.",
            hint="changed_given",
        )


def _notebook_of(answer: Callable) -> dict:
    """The names of the notebook in which an answer was written."""
    function = inspect.unwrap(answer)
    return getattr(getattr(function, "func", function), "__globals__", {})


def kept_without(ask: Callable, answer: Callable, forbidden: Callable, hint: str, says: Callable):
    """What `ask` returns, which calls the answer, while some values are out of the notebook.

    forbidden: of a value, whether it is one of those; the answer's own defaults keep theirs. says:
    of the name that such a value had there, the sentence of the refusal.
    Raises: CheckFailed with `hint` where the answer looks one of them up.
    """
    notebook = _notebook_of(answer)
    theirs = {name: value for name, value in notebook.items() if forbidden(value)}
    for name in theirs:
        del notebook[name]
    try:
        return ask()
    except NameError as error:
        if error.name not in theirs:
            raise
        raise CheckFailed(says(error.name), hint=hint) from None
    finally:
        notebook.update(theirs)
