"""Part of a check of lab 12: a function in a copy of its notebook (chapter 12).

Key idea: a function reaches other values by its global names, its closure and its defaults. Copied
with all that it reaches, it can leave nothing behind for another function; and what it reaches can
be looked at before it runs.
"""

from __future__ import annotations

import builtins
import copy
import dis
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pickle import dumps
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType

from grooves.checks import CheckFailed
from grooves.checks.answers import is_students

LARGEST_TABLE = 1_000  # bytes of a value that a function may bring along
LOOK_UPS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".pth", ".toml")
SYSTEMS = (sys.prefix, sys.base_prefix, "/proc/", "/sys/", "/dev/")
SHARED = (ModuleType, type, BuiltinFunctionType)

_hooked: list[bool] = []  # whether the interpreter's audit hook is in place
_opened: list[tuple[str, bool]] | None = None  # while `files_read` notes: paths, and if written


def apart(function: Callable, alone: bool = False) -> Callable:
    """A copy of a function, with copies of all functions and values that it reaches by name.

    Modules and classes are shared. What is no function of Python's is returned as it is.
    alone: whether it must bring no large value along.
    Raises: CheckFailed with the hint "brings_along" where it does, and says what it is called.
    """
    return _Room(alone).copied("unpack" if alone else "pack", function)


def put_aside(pack: Callable, unpack: Callable) -> str | None:
    """The name of a value that `pack`'s copy, once run, has changed, and `unpack`'s looks up.

    Both are copies that `apart` made of functions of one notebook. None where nothing is so named.
    """
    if not (isinstance(pack, FunctionType) and isinstance(unpack, FunctionType)):
        return None
    theirs, mine = pack.__globals__, unpack.__globals__
    for name in sorted(_names(unpack.__code__) & theirs.keys()):
        value = theirs[name]
        if isinstance(value, SHARED) or callable(value):
            continue
        if name not in mine or _bytes_of(value) != _bytes_of(mine[name]):
            return name
    return None


@contextmanager
def files_read() -> Iterator[list[str]]:
    """Note which files are read, but for code, Python's own and those that were written inside."""
    global _opened
    if not _hooked:
        sys.addaudithook(_note_opened)  # which cannot be taken off, and costs nothing meanwhile
        _hooked.append(True)
    _opened, read, written = [], [], set()
    try:
        yield read
    finally:
        opened, _opened = _opened, None
        for path, writes in opened:
            if writes:
                written.add(path)
            elif not (path in written or path.endswith(CODE) or path.startswith(SYSTEMS)):
                read.append(path)


def _note_opened(event: str, args: tuple) -> None:
    if event == "open" and _opened is not None and isinstance(args[0], str | bytes | os.PathLike):
        path, mode, flags = args
        writes = any(c in (mode or "") for c in "wxa+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
        _opened.append((os.path.abspath(os.fsdecode(path)), bool(writes)))


class _Room:
    def __init__(self, alone: bool):
        self.alone = alone
        self.made: dict[int, object] = {}
        self.kept: list = []  # what was copied, so that no id is reused

    def copied(self, name: str, value):
        """A value's copy, the same for the same value."""
        if id(value) in self.made:
            return self.made[id(value)]
        self.kept.append(value)
        if isinstance(value, FunctionType) and is_students(value.__code__):
            return self._function(value)
        if not isinstance(value, SHARED) and not callable(value):
            self._measure(name, value)
            value, original = _deep(value), value
            self.made[id(original)] = value
        return value

    def _function(self, function: FunctionType) -> FunctionType:
        space = {"__builtins__": builtins, "__name__": function.__globals__.get("__name__")}
        cells = tuple(CellType() for _ in function.__closure__ or ())
        other = FunctionType(function.__code__, space, function.__name__, None, cells)
        self.made[id(function)] = other  # before its names: it may call itself
        other.__dict__.update(_deep(vars(function)))
        other.__defaults__ = self._all("a default", function.__defaults__)
        if function.__kwdefaults__:
            other.__kwdefaults__ = {
                k: self.copied(k, v) for k, v in function.__kwdefaults__.items()
            }
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                space[name] = self.copied(name, function.__globals__[name])
        inner = zip(function.__code__.co_freevars, function.__closure__ or (), cells, strict=True)
        for name, old, new in inner:
            try:
                new.cell_contents = self.copied(name, old.cell_contents)
            except ValueError:  # an empty cell stays empty
                continue
        return other

    def _all(self, name: str, values):
        return values and tuple(self.copied(name, value) for value in values)

    def _measure(self, name: str, value) -> None:
        if not self.alone:
            return
        data = _bytes_of(value)
        if data is None or len(data) > LARGEST_TABLE:  # what is no bytes is no small table
            raise CheckFailed(
                f"for unpack alone, your result would need `{name}` besides the bytes. The one who "
                "reads the file has only the file: store what is needed in the bytes. "
                f"(Tables of at most {LARGEST_TABLE:,} bytes are free.)",
                hint="brings_along",
            )


def _names(code: CodeType) -> set[str]:
    """Every global name that code or the functions inside it look up; attributes are no names."""
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    looked_up = (step for step in dis.get_instructions(code) if step.opname in LOOK_UPS)
    return {step.argval for step in looked_up}.union(*inner)


def _bytes_of(value) -> bytes | None:
    """A value written out, to be measured and compared; nothing reads it back."""
    try:
        return dumps(value)
    except Exception:
        return None


def _deep(value):
    try:
        return copy.deepcopy(value)
    except Exception:  # what cannot be copied is shared
        return value
