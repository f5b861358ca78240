"""Wrong answers that are made from the right one: small faults that any answer can have.

Each `Fault` makes of an answer one with the fault, which is the same answer where the fault cannot
show. What a mutant changes it counts in `bites`, so that a test can tell a check that let a fault
pass from a fault that has no place in an exercise. From the calls of the right answer a fault says
whether it has one, so that a check need not run for nothing.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch


@dataclass
class Mutant:
    """An answer with a fault. bites: how often the fault changed what the answer did."""

    call: Callable
    bites: list = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """A call of the right answer: its arguments, what identifies each, and its result."""

    args: tuple
    keys: tuple
    result: object


@dataclass(frozen=True)
class Fault:
    """make: gives the mutant of an answer. shows: of the right answer's calls, whether it bites."""

    make: Callable[[Callable], Mutant]
    shows: Callable[[list[Seen]], bool] = bool


def seen_by(answer):
    """The same answer, and a list that gets each of its calls as `Seen`."""
    calls: list[Seen] = []

    @functools.wraps(answer)
    def call(*args, **kwargs):
        keys = tuple(map(identity, args)) if not kwargs and all(map(_plain, args)) else ()
        result = answer(*args, **kwargs)
        calls.append(Seen(args, keys, result))
        return result

    return call, calls


def identity(value) -> object:
    """What plain data is known by: equal for equal contents."""
    if isinstance(value, torch.Tensor):
        exact = value.detach().cdouble() if value.is_complex() else value.detach().double()
        content = None if value.is_meta else exact.cpu().numpy().tobytes()
        return tuple(value.shape), str(value.dtype), content
    if isinstance(value, np.ndarray):
        content = str(value.tolist()) if value.dtype == object else value.tobytes()
        return value.shape, value.dtype.str, content
    if isinstance(value, dict):
        return tuple((identity(key), identity(part)) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, *map(identity, value)
    return type(value).__name__, frozenset(value) if isinstance(value, set) else value


def is_array(value) -> bool:
    return isinstance(value, (np.ndarray, torch.Tensor))


def signature(value) -> object:
    """What an answer that looks at shapes alone sees of an argument."""
    if is_array(value):
        return tuple(value.shape)
    if isinstance(value, (list, tuple, dict, set)):
        return type(value).__name__, len(value)
    return type(value).__name__


def _plain(value) -> bool:
    if isinstance(value, (list, tuple, set)):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(map(_plain, value.values()))
    return is_array(value) or isinstance(value, (int, float, str, bool, type(None), np.generic))


def cached_by_shape(answer):
    """The first result for arguments of the same shapes and types is returned for ever."""
    seen, mutant = {}, Mutant(None)

    @functools.wraps(answer)
    def call(*args, **kwargs):
        if not all(map(_plain, (*args, *kwargs.values()))):
            return answer(*args, **kwargs)
        key = tuple(map(signature, (*args, *kwargs.values())))
        mutant.bites.append(True)
        if key not in seen:
            seen[key] = answer(*args, **kwargs)
        return copy.deepcopy(seen[key]) if not torch.is_tensor(seen[key]) else seen[key]

    mutant.call = call
    return mutant


def one_buffer(answer):
    """Results of one shape share an array, which every call writes anew."""
    buffers, mutant = {}, Mutant(None)

    @functools.wraps(answer)
    def call(*args, **kwargs):
        result = answer(*args, **kwargs)
        if not is_array(result) or getattr(result, "requires_grad", False) or not np.ndim(result):
            return result
        mutant.bites.append(True)
        key = (tuple(result.shape), str(result.dtype))
        buffer = buffers.setdefault(key, copy.deepcopy(result))
        buffer[...] = result
        return buffer

    mutant.call = call
    return mutant


def at(place: int, holds: Callable):
    """Of calls, whether any has an argument at this place of which something holds."""
    return lambda calls: any(place < len(c.args) and holds(c.args[place]) for c in calls)


def _can_be_changed(given) -> bool:
    if isinstance(given, torch.Tensor):
        return not given.requires_grad and bool(given.numel())
    if isinstance(given, np.ndarray):
        return bool(given.size) and given.flags.writeable
    return isinstance(given, list) and bool(given)


def changes(place: int):
    """The argument at one place is changed behind the answer's back."""

    def make(answer):
        mutant = Mutant(None)

        @functools.wraps(answer)
        def call(*args, **kwargs):
            result = answer(*args, **kwargs)
            if place < len(args) and _can_be_changed(given := args[place]):
                mutant.bites.append(True)
                if isinstance(given, torch.Tensor):
                    given.add_(1) if given.dtype != torch.bool else given.logical_not_()
                elif isinstance(given, np.ndarray):
                    given[...] = given + 1 if given.dtype != bool else ~given
                else:
                    given.pop()
            return result

        mutant.call = call
        return mutant

    return Fault(make, at(place, lambda given: isinstance(given, list) or _can_be_changed(given)))


def _is_simple(value) -> bool:
    return isinstance(value, (int, float, str, bool, np.generic))


def first_value(place: int):
    """A number, text or flag among the arguments is taken from the first call for ever."""

    def make(answer):
        first, mutant = [], Mutant(None)

        @functools.wraps(answer)
        def call(*args, **kwargs):
            if place >= len(args) or not _is_simple(args[place]):
                return answer(*args, **kwargs)
            first.append(args[place])
            mutant.bites.append(True)
            return answer(*args[:place], first[0], *args[place + 1 :], **kwargs)

        mutant.call = call
        return mutant

    return Fault(make, at(place, _is_simple))


def cached_without(place: int):
    """A result is kept under all arguments but the one at this place."""

    def make(answer):
        kept, mutant = {}, Mutant(None)

        @functools.wraps(answer)
        def call(*args, **kwargs):
            result = answer(*args, **kwargs)
            if kwargs or place >= len(args) or not all(map(_plain, (*args, result))):
                return result
            others = tuple(identity(given) for i, given in enumerate(args) if i != place)
            if others not in kept:
                kept[others] = result if torch.is_tensor(result) else copy.deepcopy(result)
            if identity(kept[others]) == identity(result):
                return result
            mutant.bites.append(True)
            return copy.deepcopy(kept[others]) if not torch.is_tensor(result) else kept[others]

        mutant.call = call
        return mutant

    def shows(calls):
        groups: dict = {}
        for keys in (c.keys for c in calls if place < len(c.keys) and len(c.keys) > 1):
            groups.setdefault((*keys[:place], *keys[place + 1 :]), set()).add(keys[place])
        return any(len(different) > 1 for different in groups.values())

    return Fault(make, shows)


def cut_off(place: int):
    """No gradient reaches the argument at one place."""

    def make(answer):
        mutant = Mutant(None)

        @functools.wraps(answer)
        def call(*args, **kwargs):
            args = list(args)
            if place < len(args) and getattr(args[place], "requires_grad", False):
                mutant.bites.append(True)
                args[place] = args[place].detach()
            return answer(*args, **kwargs)

        mutant.call = call
        return mutant

    return Fault(make, at(place, lambda given: getattr(given, "requires_grad", False)))


def _on_results(change: Callable):
    def make(answer):
        mutant = Mutant(None)

        def changed(result):
            if isinstance(result, (tuple, list)) and result and all(map(is_array, result)):
                return type(result)(map(changed, result))
            new = change(result)
            if new is None:
                return result
            mutant.bites.append(True)
            return new

        @functools.wraps(answer)
        def call(*args, **kwargs):
            return changed(answer(*args, **kwargs))

        mutant.call = call
        return mutant

    def changes_one(result):
        if isinstance(result, (tuple, list)) and result and all(map(is_array, result)):
            return any(map(changes_one, result))
        return change(result) is not None

    return Fault(make, lambda calls: any(changes_one(c.result) for c in calls))


def _rounded(result):
    if isinstance(result, torch.Tensor) and result.is_floating_point():
        return (result * 100).round() / 100
    if isinstance(result, np.ndarray) and result.dtype.kind == "f":
        return np.round(result, 2)
    if isinstance(result, float) and round(result, 2) != result:  # bytes, for instance, are whole
        return round(result, 2)
    return None


def _one_byte(result):
    """Integers of eight bits, which end at 127."""
    if isinstance(result, torch.Tensor) and result.dtype in (torch.int64, torch.int32):
        return result.to(torch.int8).to(result.dtype)
    if isinstance(result, np.ndarray) and result.dtype.kind == "i":
        return result.astype(np.int8).astype(result.dtype)
    return None


def _all_rows_as_the_first(result):
    if is_array(result) and np.ndim(result) > 1 and len(result) > 1:
        new = copy.deepcopy(result) if isinstance(result, np.ndarray) else result.clone()
        new[1:] = new[:1]
        return new
    return None


def _last_row_missing(result):
    return result[:-1] if is_array(result) and np.ndim(result) and len(result) > 1 else None


def _shifted(result):
    if isinstance(result, torch.Tensor) and result.is_floating_point():
        return result + 1e-3
    if isinstance(result, np.ndarray) and result.dtype.kind == "f":
        return result + 1e-3
    return result + 1e-3 if isinstance(result, float) else None


FAULTS: dict[str, Fault] = {
    "cached by shape": Fault(cached_by_shape),
    "one buffer for all results": Fault(one_buffer),
    "rounded to two digits": _on_results(_rounded),
    "integers of one byte": _on_results(_one_byte),
    "all rows as the first": _on_results(_all_rows_as_the_first),
    "last row missing": _on_results(_last_row_missing),
    "a thousandth too much": _on_results(_shifted),
    **{f"argument {i} changed": changes(i) for i in range(4)},
    **{f"argument {i} as in the first call": first_value(i) for i in range(5)},
    **{f"no gradient to argument {i}": cut_off(i) for i in range(4)},
    **{f"cached without argument {i}": cached_without(i) for i in range(4)},
}
