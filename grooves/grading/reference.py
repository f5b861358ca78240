"""The reference: a master notebook in the form that the grader needs.

Key idea: everything that grading needs to know about a lab is read once, before any submission
runs: which cells are answers and checks, what each answer defines, what students were given, and
the text of the checks. Labs of every chapter.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grooves.grading.masters import LabError, exercises_of, read_master, release
from grooves.grading.term.planned import planned
from grooves.grading.term.term_file import Plan


@dataclass(frozen=True)
class GivenCell:
    """A cell of the master, with its source as it was released to students.

    `defines` holds the names by which an answer can be recognised; empty for other cells.
    """

    id: str
    grade_id: str
    is_code: bool
    source: str
    released: str
    defines: frozenset[str] = frozenset()


class Reference:
    """A master notebook as a term sets it, with the checks as they were at the start.

    Raises: LabError where the notebook is invalid (see `grooves.grading.masters`).
    """

    def __init__(self, path: Path, plan: Plan = Plan()):  # noqa: B008 - it cannot change
        self.lab, self.path = path.stem, path
        notebook, _ = planned(read_master(path), self.lab, plan)
        self.plan = plan
        heading = re.search(r"^#\s+(.+)$", notebook.cells[0].source, re.MULTILINE)
        self.title = heading.group(1) if heading else self.lab
        self.exercises = exercises_of(notebook, self.lab)
        self.answer_cells = {index for e in self.exercises for index in e.answers}
        self.check_cells = {e.check: e for e in self.exercises if e.check is not None}
        sources = [cell.source for cell in notebook.cells]
        released = [cell.source for cell in release(notebook, self.lab).cells]
        code = {i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
        answers = sorted(self.answer_cells & code)
        defines = self._recognised_by(sources, code)
        self.cells = [
            GivenCell(
                id=cell.id,
                grade_id=cell.metadata.get("nbgrader", {}).get("grade_id", ""),
                is_code=cell.cell_type == "code",
                source=cell.source,
                released=text,
                defines=defines.get(index, frozenset()),
            )
            for index, (cell, text) in enumerate(zip(notebook.cells, released, strict=True))
        ]
        given = [sources[i] for i in sorted(code - self.answer_cells - set(self.check_cells))]
        self.imports = "\n".join(_imports("\n".join(given)))
        self.answer_names = sorted({n for i in answers for n in defined(sources[i])})
        self.open_names = sorted({name for i in code for name in _used_of_checks(sources[i])})
        self.titles = {e.name: _title(sources[: e.answers[0]], e.name) for e in self.exercises}
        self.sources: dict[str, tuple[str, str]] = {}
        self.course: Path | None = None  # the folder from which kernels import the course

    def keep_sources(self, files: dict[str, str]) -> None:
        """Read the checks once, before any submission has run; `files` maps modules to files."""
        if not self.sources:
            self.sources = {
                name: (file, Path(file).read_text(encoding="utf-8")) for name, file in files.items()
            }

    def digest(self) -> str:
        """A digest of master, plan and checks: all that a result depends on besides the submission.

        Raises: ValueError before `keep_sources`.
        """
        if not self.sources:
            raise ValueError(f"{self.lab}: the checks have not been read yet")
        digest = hashlib.sha256(self.path.read_bytes())
        digest.update(f"\0{self.plan.exercises}\0{sorted(self.plan.points.items())}".encode())
        for name, (_, text) in sorted(self.sources.items()):
            digest.update(f"\0{name}\0{text}".encode())
        return digest.hexdigest()

    def _recognised_by(self, sources: list[str], code: set[int]) -> dict[int, frozenset[str]]:
        """The names that identify an answer cell: its check uses them, no other answer has them."""
        found = {}
        for exercise in self.exercises:
            asked = _loaded(sources[exercise.check]) if exercise.check is not None else set()
            for index in code.intersection(exercise.answers):
                names = set(defined(sources[index]))
                found[index] = names & asked or names
        everywhere = [name for names in found.values() for name in names]
        return {
            index: frozenset(name for name in names if everywhere.count(name) == 1)
            for index, names in found.items()
        }


def _title(before: list[str], name: str) -> str:
    """The last heading before an exercise, without its number."""
    for source in reversed(before):
        if found := re.search(r"^## (?:\d+\. )?(.+)$", source, re.MULTILINE):
            return found[1]
    return name.replace("_", " ")


def defined(source: str) -> Iterator[str]:
    """The names that the top level of a master's cell defines.

    Raises: LabError where the cell is not Python.
    """
    for statement in _parsed(source):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in statement.names)
        else:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _parsed(source: str) -> list[ast.stmt]:
    plain = "\n".join("" if line.startswith(("%", "!")) else line for line in source.split("\n"))
    try:
        return ast.parse(plain).body
    except SyntaxError as error:
        raise LabError(f"a cell of the master is not Python: {error.text!r}") from error


def _imports(source: str) -> Iterator[str]:
    """The import statements at the top level of a notebook's given cells."""
    for statement in _parsed(source):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield ast.unparse(statement)


def _loaded(source: str) -> set[str]:
    """The names that a cell reads."""
    nodes = (node for statement in _parsed(source) for node in ast.walk(statement))
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _used_of_checks(source: str) -> Iterator[str]:
    """Names that a cell imports or reads from a module: what students may call in checks, too."""
    for statement in _parsed(source):
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.ImportFrom):
                yield from (alias.name for alias in node.names)
