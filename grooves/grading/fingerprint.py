"""The fingerprint: the identities of the functions that the checks rely on.

Key idea: a replaced function has a different identity. The identities of functions of Python,
NumPy, PyTorch and the course are recorded before any student's code runs, and compared before and
after each check. The comparison is made under the course's settings, so that options which a
library lets its users set (`grooves.grading.settings`) do not count as changes.

`grooves.grading.kernel` executes this file's text; nothing imports it. Labs of every chapter.
"""

import ast
import sys

ALWAYS = (
    *("builtins", "math", "statistics", "importlib", "inspect", "itertools", "functools"),
    *("collections", "random", "copy", "operator", "time", "numpy", "numpy.linalg"),
    *("numpy.testing", "numpy.random", "torch", "torch.nn", "torch.nn.functional", "torch.linalg"),
    *("torch.testing", "torch.autograd", "torch.random"),
)
# PyTorch replaces the first itself when an optimizer is made; the others only show things.
NEVER = ("torch.manual_seed", "builtins._", "torch.Tensor.__repr__", "torch.Tensor.__format__")
UNWATCHED = ("warnings", "__future__", "typing", "sys", "site", "sysconfig", "linecache")
_TRACING = ("settrace", "setprofile", "gettrace", "getprofile", "_getframe")


class Fingerprint:
    """The watched functions as they were at construction. `sources`: source texts of checks."""

    def __init__(self, sources):
        self._watched = list(_watched(sources))
        self._first = [_identity(holder, key) for _, holder, key in self._watched]
        # kept alive, so that no other object gets one of their addresses
        self._alive = [_get(holder, key) for _, holder, key in self._watched]
        self._modes = _modes()

    def changed(self):
        """Names of what has changed: at most three, and the number of others."""
        names = [
            label
            for (label, holder, key), first in zip(self._watched, self._first, strict=True)
            if _identity(holder, key) != first
        ]
        if _modes() != self._modes:
            names.append("PyTorch's function modes")
        names = list(dict.fromkeys(names))
        return names[:3] + ([f"{len(names) - 3} more"] if len(names) > 3 else [])


def functions_of(modules):
    """The functions and classes of newly loaded checks, to detect changes to a check."""
    return {
        f"{module.__name__}.{key}": [id(value), id(getattr(value, "__code__", None))]
        for module in modules
        for key, value in list(vars(module).items())
        if callable(value)
    }


def _watched(sources):
    """(displayed name, the object that holds it, its key) of everything that is watched."""
    names = dict.fromkeys([*ALWAYS, *_imported(sources)])
    ours = [n for n in sys.modules if n.split(".")[0] == "grooves"]
    names |= dict.fromkeys(n for n in ours if not n.startswith(("grooves.checks", "grooves.grad")))
    for name in names:
        module = sys.modules.get(name)
        if module is None or name in UNWATCHED:
            continue
        yield from _members(module, name)
        standard = name.split(".")[0] in sys.stdlib_module_names
        if standard or name in ours:
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == name:
                    yield from _members(value, f"{name}.{value.__name__}")
    for key in _TRACING:
        yield f"sys.{key}", sys, key
    torch = sys.modules.get("torch")
    if torch is not None:
        yield from _members(torch.nn.Module, "torch.nn.Module")
        for kind in torch.Tensor.__mro__[:-1]:
            for label, _, key in _members(kind, "torch.Tensor"):
                yield label, torch.Tensor, key


def _members(holder, prefix):
    for key, value in list(vars(holder).items()):
        watched = callable(value) or isinstance(value, (staticmethod, classmethod, property))
        if watched and f"{prefix}.{key}" not in NEVER:
            yield f"{prefix}.{key}", holder, key


def _imported(sources):
    """Modules that the checks import, by name."""
    for text in sources:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and (node.module or "grooves")[:7] != "grooves":
                yield node.module


def _get(holder, key):
    """The object under a name; in a class, the nearest definition among its bases."""
    kinds = holder.__mro__ if isinstance(holder, type) else (holder,)
    return next((vars(kind)[key] for kind in kinds if key in vars(kind)), None)


def _identity(holder, key):
    thing = _get(holder, key)
    return id(thing), id(getattr(thing, "__code__", None))


def _modes():
    """How many of PyTorch's modes intercept a call."""
    torch = sys.modules.get("torch")
    if torch is None:
        return 0
    return torch._C._len_torch_function_stack() + torch._C._len_torch_dispatch_stack()
