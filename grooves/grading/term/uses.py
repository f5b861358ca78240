"""Which cells of a notebook depend on which others, by the names that they define and read.

Key idea: Python's symbol tables tell which names a cell reads from outside, so a local variable
that happens to have the name of another cell's function is not mistaken for it.
Labs of every chapter.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator


class Uses:
    """The sources of a notebook's cells in order; those that are not code are empty texts."""

    def __init__(self, sources: list[str]):
        tables = [symbols(source) for source in sources]
        self.defines = [defined for defined, _ in tables]
        self.reads = [read - defined for defined, read in tables]

    def needed(self, indices: Iterable[int]) -> set[int]:
        """The earlier cells on which these depend, directly or through others."""
        found: set[int] = set()
        waiting = set(indices)
        while waiting:
            index = waiting.pop()
            for name in self.reads[index]:
                before = [j for j in range(index) if name in self.defines[j]]
                if before and before[-1] not in found:
                    found.add(before[-1])
                    waiting.add(before[-1])
        return found


def without(source: str, names: set[str]) -> str | None:
    """A cell without the statements that read these names, or that depend on such statements.

    Returns: None where nothing would be left of the cell or of a block in it, where a function or
    class reads one of the names, or where the cell is not Python.
    """
    lines, gone = source.split("\n"), set(names)
    try:
        tree = ast.parse(source)
        dropped = set(_dropped(tree.body, gone))
    except (SyntaxError, ValueError, RecursionError):
        return None
    return "\n".join(line for n, line in enumerate(lines, 1) if n not in dropped)


def _dropped(body: list[ast.stmt], gone: set[str]) -> Iterator[int]:
    """The lines of statements that read a removed name; what these define is removed as well.

    Raises: ValueError where nothing would be left of a block.
    """
    left = len(body)
    for statement in body:
        nodes = list(ast.walk(statement))
        named = [node for node in nodes if isinstance(node, ast.Name) and node.id in gone]
        if not any(isinstance(node.ctx, ast.Load) for node in named):
            continue
        if isinstance(statement, (ast.With, ast.For, ast.If)):
            yield from _dropped(statement.body, gone)
        elif hasattr(statement, "body"):
            raise ValueError(f"line {statement.lineno}: its own body reads a removed name")
        else:
            left -= 1
            yield from range(statement.lineno, statement.end_lineno + 1)
            gone |= {
                n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
    if not left:
        raise ValueError("nothing is left of a block")


def symbols(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell's top level defines, and the global names that it reads.

    Both are empty where the cell is not Python.
    """
    lines = ("" if line.startswith(("%", "!")) else line for line in source.split("\n"))
    try:
        top = symtable.symtable("\n".join(lines), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    defined = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    read, scopes = set(), [top]
    while scopes:
        scope = scopes.pop()
        scopes += scope.get_children()
        for symbol in scope.get_symbols():
            if symbol.is_referenced() and (scope is top or symbol.is_global()):
                read.add(symbol.get_name())
    return defined, read
