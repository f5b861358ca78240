"""Does an answer depend on its arguments alone? It is called again and must return the same result.

Key idea: a list as a default argument, a global dictionary or an argument that was changed can make
a first call correct and a later one wrong. So calls with plain data are recorded, with copies of
their arguments and results, and repeated after the check, with other calls in between. Networks
cannot be compared in this way, but two calls must not return the same network.
Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import copy
import dataclasses
import numbers
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass

from grooves.checks.failures import CheckFailed

MOST_NUMBERS = 200_000  # of a recorded call
MOST_KEPT = 3  # recorded per check


@dataclass(frozen=True)
class Kept:
    """A call: copies of its arguments before it, and of its result and its arguments after it.

    A new network (`made`) is not copied, because the check may train it.
    """

    args: tuple
    kwargs: dict
    random_state: tuple
    result: object
    after: tuple
    handed_out: object  # the result itself, which later calls must not change
    made: bool = False  # a network, which may change


def is_plain(value) -> bool:
    """Whether a value can be copied and compared: numbers, texts, arrays, lists."""
    if value is None or isinstance(value, (numbers.Number, str, bytes)):
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(is_plain(part) for pair in value.items() for part in pair)
    if _is_record(value):
        return all(is_plain(part) for part in _fields(value).values())
    if _is_array(value):
        empty = getattr(value, "is_meta", False)  # a shape without numbers
        learns = getattr(value, "requires_grad", False)
        return not (empty or learns) and _size(value) <= MOST_NUMBERS
    return _is_generator(value)


def before(args: tuple, kwargs: dict) -> tuple | None:
    """Copies of a call's arguments and of the random state, if all of them are plain data."""
    if not all(map(is_plain, (*args, *kwargs.values()))):
        return None
    return copy.deepcopy(args), copy.deepcopy(kwargs), _random_state()


def after(kept: tuple, result, args: tuple, kwargs: dict) -> Kept | None:
    """The recorded call after its return; None if the result cannot be compared."""
    changed = (copy.deepcopy(args), copy.deepcopy(kwargs))
    if is_plain(result):
        return Kept(*kept, copy.deepcopy(result), changed, result)
    return Kept(*kept, None, changed, result, made=True) if _has_state(result) else None


def refuse_overwritten(calls: list[Kept]) -> None:
    """Refuse an answer if one of its calls changed what an earlier call had returned.

    Raises: CheckFailed with the hint "overwritten"; "made_once" if it returned the same object.
    """
    made = [kept.handed_out for kept in calls if kept.made]
    for i, result in enumerate(made):
        _refuse_made_before(result, made[:i])
    for kept in calls:
        if not kept.made and not same(kept.handed_out, kept.result):
            raise CheckFailed(
                "a later call of your function changed what an earlier call had returned, because "
                "both return the same array or list. Create a new one in every call.",
                hint="overwritten",
            )


def refuse_memory(answer: Callable, calls: list[Kept]) -> None:
    """Repeat recorded calls of an answer, and refuse it if the same arguments give another result.

    The global generators repeat the random numbers that it drew. If the answer creates an object, a
    repeated call must create another one.
    Raises: CheckFailed with the hint "remembers" or "made_once".
    """
    state = _random_state()
    made = [kept.handed_out for kept in calls if kept.made]
    first = next((kept for kept in calls if kept.made), None)
    try:
        for kept in (kept for kept in calls if not kept.made or kept is first):
            args, kwargs = copy.deepcopy((kept.args, kept.kwargs))
            _set_random_state(kept.random_state)
            try:
                result = answer(*args, **kwargs)
            except Exception as error:
                came = f"stopped with {type(error).__name__}: {error}"
            else:
                if kept.made:
                    _refuse_made_before(result, made)
                    continue
                if same(result, kept.result) and same((args, kwargs), kept.after):
                    continue
                came = "returned something else"
            raise CheckFailed(
                f"called again with the same arguments, your function {came}. Something persists "
                "between calls: a global variable, a list or dictionary as a default argument, or "
                "an argument that was changed. Create it inside the function instead.",
                hint="remembers",
            )
    finally:
        _set_random_state(state)


def _refuse_made_before(result, earlier: list) -> None:
    for other in earlier:
        if _parameters(result) & _parameters(other):
            raise CheckFailed(
                f"two calls of your function returned the same {type(result).__name__}, or two "
                "that share parameters, so training one changes the other. Create a new one in "
                "every call.",
                hint="made_once",
            )


def refuse_changed(kept: tuple, args: tuple, kwargs: dict) -> None:
    """Refuse an answer that changed an array, list, dictionary or set that it was given.

    Raises: CheckFailed with the hint "changed_input".
    """
    given = (*kept[0], *kept[1].values())
    for was, now in zip(given, (*args, *kwargs.values()), strict=True):
        if not _is_generator(was) and not same(was, now):
            kind = {"ndarray": "array", "Tensor": "tensor"}.get(type(was).__name__)
            raise CheckFailed(
                f"your function changed the {kind or type(was).__name__} that it was given, but "
                "the caller still needs it unchanged. Work on a copy, or create a new one.",
                hint="changed_input",
            )


def same(a, b) -> bool:
    """Whether two plain values are equal; numbers up to rounding, NaN equal to NaN."""
    if _is_array(a) or _is_array(b):
        import numpy as np
        import torch

        try:
            a, b = (x if torch.is_tensor(x) else torch.as_tensor(np.array(x)) for x in (a, b))
        except (TypeError, ValueError, RuntimeError):  # texts, and values without a tensor
            return np.array_equal(np.asarray(a), np.asarray(b))
        if a.shape != b.shape:
            return False
        if a.dtype == b.dtype == torch.bool:
            return torch.equal(a, b)
        if a.is_complex() or b.is_complex():
            a, b = torch.view_as_real(a.cdouble()), torch.view_as_real(b.cdouble())
        return torch.allclose(a.double(), b.double(), rtol=1e-5, atol=1e-7, equal_nan=True)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if _is_record(a) and _is_record(b):
        return type(a).__name__ == type(b).__name__ and same(_fields(a), _fields(b))
    if isinstance(a, numbers.Real) and isinstance(b, numbers.Real):
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-7 + 1e-5 * abs(b)
    return _is_generator(a) or a == b


def _is_array(value) -> bool:
    return (
        hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, (type, str))
    )


def _is_record(value) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _fields(record) -> dict:
    return {f.name: getattr(record, f.name, None) for f in dataclasses.fields(record)}


def _has_state(value) -> bool:
    """Whether a value is a network, whose parameters may change."""
    return hasattr(value, "parameters") and not isinstance(value, type)


def _parameters(network) -> set[int]:
    """The identities of a network's parameters, and its own."""
    torch = sys.modules.get("torch")
    held = network.parameters() if torch and isinstance(network, torch.nn.Module) else ()
    return {id(network), *map(id, held)}


def _is_generator(value) -> bool:
    numpy = sys.modules.get("numpy")
    return isinstance(value, random.Random) or bool(
        numpy and isinstance(value, numpy.random.Generator)
    )


def _size(array) -> int:
    size = 1
    for n in array.shape:
        size *= int(n)
    return size


def _random_state() -> tuple:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    return (
        random.getstate(),
        numpy.random.get_state() if numpy else None,
        torch.get_rng_state() if torch else None,
    )


def _set_random_state(state: tuple) -> None:
    random.setstate(state[0])
    if state[1] is not None:
        sys.modules["numpy"].random.set_state(state[1])
    if state[2] is not None:
        sys.modules["torch"].set_rng_state(state[2])
