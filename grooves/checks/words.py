"""Values in words, for the messages of the checks: what was passed, and what came back.

Key idea: a message gives what a student needs to call the function again: short lists in full,
arrays by their shape, models by their weights, and other objects of the course as they are printed.
Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import inspect
import sys

MOST_WEIGHTS = 4  # of a model, that are told by name
MOST_PRINTED = 500  # characters of an object of the course


def describe(value) -> str:
    """A value in a few words: "a float32 tensor of shape (2, 3)", "a list of 4", "(2, 3)"."""
    if inspect.ismodule(value):
        return f"the module {value.__name__}"
    if hasattr(value, "shape") and hasattr(value, "dtype") and not inspect.isclass(value):
        if not isinstance(plain := _plain_number(value), type(value)):
            return describe(plain)
        kind = {"Tensor": "tensor", "ndarray": "array"}.get(type(value).__name__)
        kind = kind or type(value).__name__
        dtype = str(value.dtype).removeprefix("torch.")
        return f"{_a(dtype)} {kind} of shape {tuple(value.shape)}"
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, (int, float, complex)):
        return f"the number {value!r}"
    if isinstance(value, str):
        return f"the text {_short(value)}"
    if isinstance(value, tuple) and len(value) <= 6 and all(type(n) is int for n in value):
        return repr(value)  # a shape
    few = isinstance(value, (list, tuple)) and 0 < len(value) <= 6
    if few and all(isinstance(part, str) for part in value):
        return _short(repr(value), quote=False)
    if isinstance(value, (list, tuple, dict, set)):
        return f"a {type(value).__name__} of {len(value)}"
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    if callable(value) and hasattr(value, "__name__"):  # a model is callable too
        return f"the function {value.__name__}"
    return _object(value)


def describe_type(kind: type) -> str:
    """A type in a few words, as `describe` would write its values."""
    if kind is type(None):
        return "None"
    names = {"Tensor": "tensor", "ndarray": "array", "int": "integer", "float": "number"}
    names |= {"Real": "number", "floating": "number"}  # of `numbers` and of NumPy
    return _a(names.get(kind.__name__, kind.__name__))


def arguments(answer, args: tuple, kwargs: dict) -> str:
    """The arguments of a call in words, by name where the signature gives them."""
    try:
        bound = inspect.signature(answer).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {f"argument {i}": value for i, value in enumerate(args, 1)} | kwargs
    parts = [f"{name} = {_in_full(value) or describe(value)}" for name, value in bound.items()]
    return _short(", ".join(parts), 600, quote=False)


def _object(value) -> str:
    """An object: a model by its weights, the course's own as it is printed, others by their type.

    A student's own `__repr__` is never called: it may fail, or go on for ever.
    """
    kind = type(value)
    torch = sys.modules.get("torch")
    if torch and isinstance(value, torch.nn.Module):
        weights = [f"{name} {tuple(w.shape)}" for name, w in value.named_parameters()]
        more = f" and {len(weights) - MOST_WEIGHTS} more" if len(weights) > MOST_WEIGHTS else ""
        listed = f" with the weights {', '.join(weights[:MOST_WEIGHTS])}{more}" if weights else ""
        return _a(kind.__name__) + listed
    if str(getattr(kind.__repr__, "__module__", "")).startswith("grooves."):
        written = " ".join(repr(value).split())
        return written if len(written) <= MOST_PRINTED else _a(kind.__name__)
    ours = kind.__module__.startswith("grooves.checks.")
    return "a function" if ours and callable(value) else _a(kind.__name__)


def _plain_number(value):
    """A NumPy scalar, which has a shape too, as the Python number with its value."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy and isinstance(value, numpy.generic) else value


def _in_full(value) -> str | None:
    """A short list, tuple or dict of numbers and texts as Python writes it; otherwise None."""
    if not isinstance(value, (list, tuple, dict)) or len(value) > 34:  # "0, " 34 times
        return None
    parts = value.items() if isinstance(value, dict) else value
    if not all(isinstance(p, (int, float, str)) or _in_full(p) is not None for p in parts):
        return None
    written = repr(value)
    return written if len(written) <= 100 else None


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _short(text: str, limit: int = 60, quote: bool = True) -> str:
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return repr(text) if quote else text
