"""The fingerprint: who is who among the functions that the checks lean on.

Key idea: a replaced function has another identity. Those of Python, NumPy, PyTorch and the course
are noted before any student's code runs, and compared around each check under the course's
settings, so that what a library offers to be set (`grooves.grading.settings`) does not show here.

`grooves.grading.kernel` runs this text; nothing imports it. Labs of every chapter.
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
    """The functions watched, as they were when this was made. `sources` are texts of checks."""

    def __init__(self, sources):
        self._watched = list(_watched(sources))
        self._first = [_identity(holder, key) for _, holder, key in self._watched]
        # kept alive, so that no other object gets one of their addresses
        self._alive = [_get(holder, key) for _, holder, key in self._watched]
        self._modes = _modes()

    def changed(self):
        """Names of what is not what it was, at most the first three and how many more."""
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
    """The functions and classes of freshly loaded checks, to see whether a check was changed."""
    return {
        f"{module.__name__}.{key}": [id(value), id(getattr(value, "__code__", None))]
        for module in modules
        for key, value in list(vars(module).items())
        if callable(value)
    }


def _watched(sources):
    """(name to show, the object that holds it, its key) of everything that is watched."""
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
    """What is found under a name: of a class, the nearest definition of its bases."""
    kinds = holder.__mro__ if isinstance(holder, type) else (holder,)
    return next((vars(kind)[key] for kind in kinds if key in vars(kind)), None)


def _identity(holder, key):
    thing = _get(holder, key)
    return id(thing), id(getattr(thing, "__code__", None))


def _modes():
    """How many modes of PyTorch stand between a call and what it calls."""
    torch = sys.modules.get("torch")
    if torch is None:
        return 0
    return torch._C._len_torch_function_stack() + torch._C._len_torch_dispatch_stack()
