"""Wrong answers that are made from the right one: small faults that any answer can have.

Each takes an answer and gives one with the fault, or the same answer where the fault cannot show.
What a mutant changes it counts in `bites`, so that a test can tell a check that let a fault pass
from a fault that has no place in an exercise.
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


def changes(place: int):
    """The argument at one place is changed behind the answer's back."""

    def make(answer):
        mutant = Mutant(None)

        @functools.wraps(answer)
        def call(*args, **kwargs):
            result = answer(*args, **kwargs)
            if place < len(args):
                given = args[place]
                if isinstance(given, torch.Tensor) and not given.requires_grad and given.numel():
                    mutant.bites.append(True)
                    given.add_(1) if given.dtype != torch.bool else given.logical_not_()
                elif isinstance(given, np.ndarray) and given.size and given.flags.writeable:
                    mutant.bites.append(True)
                    given[...] = given + 1 if given.dtype != bool else ~given
                elif isinstance(given, list) and given:
                    mutant.bites.append(True)
                    given.pop()
            return result

        mutant.call = call
        return mutant

    return make


def first_value(place: int):
    """A number, text or flag among the arguments is taken from the first call for ever."""

    def make(answer):
        first, mutant = [], Mutant(None)

        @functools.wraps(answer)
        def call(*args, **kwargs):
            simple = (int, float, str, bool, np.generic)
            if place >= len(args) or not isinstance(args[place], simple):
                return answer(*args, **kwargs)
            first.append(args[place])
            mutant.bites.append(True)
            return answer(*args[:place], first[0], *args[place + 1 :], **kwargs)

        mutant.call = call
        return mutant

    return make


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

    return make


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

    return make


def _rounded(result):
    if isinstance(result, torch.Tensor) and result.is_floating_point():
        return (result * 100).round() / 100
    if isinstance(result, np.ndarray) and result.dtype.kind == "f":
        return np.round(result, 2)
    return round(result, 2) if isinstance(result, float) else None


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


MUTANTS: dict[str, Callable] = {
    "cached by shape": cached_by_shape,
    "one buffer for all results": one_buffer,
    "rounded to two digits": _on_results(_rounded),
    "integers of one byte": _on_results(_one_byte),
    "all rows as the first": _on_results(_all_rows_as_the_first),
    "last row missing": _on_results(_last_row_missing),
    "a thousandth too much": _on_results(_shifted),
    **{f"argument {i} changed": changes(i) for i in range(4)},
    **{f"argument {i} as in the first call": first_value(i) for i in range(5)},
    **{f"no gradient to argument {i}": cut_off(i) for i in range(4)},
}
