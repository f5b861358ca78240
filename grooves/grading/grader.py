"""Grading: the master's order and checks, the student's code in the answer cells, a fresh kernel.

Key idea: nothing of a submission but its answer cells is run, and points are given only for what
the master's own check found, as the judge (`grooves.grading.judge`) reports it. A submission that
hangs, crashes or changes the course's functions loses the exercise in which it does so; grading
goes on in a new kernel without the cell that did it. Labs of every chapter.
"""

from __future__ import annotations

import ast
import json
import re
import secrets
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from grooves.grading.feedback import ENDINGS, Graded, Result
from grooves.grading.masters import Exercise, LabError, exercises_of, read_master, release
from grooves.grading.sandbox import OUTPUT_LIMIT_BYTES, START_LIMIT_S, Kernel, Outcome
from grooves.grading.submissions import Cell, Submission

_MEANS = "changed: the means of grading"


class Master:
    """A master notebook as the grader needs it, with the checks as they were at the start.

    Raises: LabError where the notebook is not fit (see `grooves.grading.masters.exercises_of`).
    """

    def __init__(self, path: Path):
        notebook = read_master(path)
        self.lab, self.cells = path.stem, notebook.cells
        heading = re.search(r"^#\s+(.+)$", notebook.cells[0].source, re.MULTILINE)
        self.title = heading.group(1) if heading else self.lab
        self.exercises = exercises_of(notebook, self.lab)
        self.stubs = [cell.source for cell in release(notebook, self.lab).cells]
        self.answer_cells = {index for e in self.exercises for index in e.answers}
        self.check_cells = {e.check: e for e in self.exercises if e.check is not None}
        given = [
            cell.source
            for index, cell in enumerate(self.cells)
            if cell.cell_type == "code"
            and index not in self.answer_cells
            and index not in self.check_cells
        ]
        self.imports = "\n".join(_imports("\n".join(given)))
        self.answer_names = sorted(
            {name for index in self.answer_cells for name in _defined(self.cells[index].source)}
        )
        self.sources: dict[str, tuple[str, str]] = {}

    def keep_sources(self, files: dict[str, str]) -> None:
        """Read the checks once, before any submission has run; `files` maps modules to files."""
        if not self.sources:
            self.sources = {
                name: (file, Path(file).read_text(encoding="utf-8")) for name, file in files.items()
            }

    def sources_are_kept(self) -> bool:
        """Whether the checks' files still hold what `keep_sources` read."""
        return all(
            Path(file).is_file() and Path(file).read_text(encoding="utf-8") == text
            for file, text in self.sources.values()
        )

    def as_submission(self) -> Submission:
        """The master's own solutions, handed in."""
        cells = (Cell(cell.id, "", cell.cell_type == "code", cell.source) for cell in self.cells)
        return Submission("the master", tuple(cells), self.lab)


def grade(
    submission: Submission,
    master: Master,
    time_limit_s: float = 60,
    threads: int = 1,
    stop: threading.Event | None = None,
) -> Graded:
    """Grade one submission; `time_limit_s` is for each cell, `threads` for PyTorch.

    Raises: LabError where the master's own imports fail; KernelFailed where no kernel starts, or
    `stop` is set.
    """
    run = _Run(submission, master, time_limit_s)
    if submission.problem:
        for exercise in master.exercises:
            run.settle(exercise, "unreadable", submission.problem)
    while not all(exercise.name in run.results for exercise in master.exercises):
        with Kernel(threads, stop) as kernel:
            run.go_through(kernel)
    checks = {index: exercise.name for index, exercise in master.check_cells.items()}
    notes = [] if submission.problem else submission.notes(master.cells, master.stubs, checks)
    return Graded(submission.name, [run.results[e.name] for e in master.exercises], notes)


class _Run:
    """The way of one submission through its kernels: what is settled, what is left out."""

    def __init__(self, submission: Submission, master: Master, time_limit_s: float):
        self.master, self.limit_s = master, time_limit_s
        self.results: dict[str, Result] = {}
        self.left_out: dict[int, str] = {}  # cells that cost a kernel, and how
        self.errors: dict[int, str] = {}  # answer cells that stopped with an error
        self.handed_in = {
            index: submission.answers_to(master.cells[index], master.stubs[index])
            for index in master.answer_cells
        }

    def go_through(self, kernel: Kernel) -> None:
        """Run the master's cells in order, to the end or until the kernel cannot be used on."""
        baseline = self._prepare(kernel)
        for index, cell in enumerate(self.master.cells):
            exercise = self.master.check_cells.get(index)
            if cell.cell_type != "code" or index in self.left_out:
                continue
            if exercise is None:
                answer = index in self.master.answer_cells
                lost = (
                    self._answer(kernel, index, baseline) if answer else self._given(kernel, cell)
                )
            elif exercise.name in self.results:
                continue
            elif spoilt := [self.left_out[i] for i in exercise.answers if i in self.left_out]:
                ended, _, said = spoilt[0].partition(": ")
                self.settle(exercise, ended, said)
                continue
            else:
                lost = self._check(kernel, exercise, baseline)
            if lost:
                self.left_out[index] = lost
                if exercise and lost.startswith("changed"):
                    self.left_out |= dict.fromkeys(exercise.answers, lost)
                return
        for exercise in self.master.exercises:
            if exercise.check is None:
                self.settle(exercise, "by hand")

    def settle(self, exercise: Exercise, ended: str, said: str = "") -> None:
        """Write down how an exercise ended, `ended` being one of ENDINGS."""
        state, sentence = ENDINGS[ended]
        message = sentence.format(
            said=said, limit=self.limit_s, megabytes=OUTPUT_LIMIT_BYTES // 10**6
        )
        if re.match(r"[a-z]+ ", message) and not message.startswith(exercise.name):
            message = message[0].upper() + message[1:]  # a check's message follows a name elsewhere
        code = "\n\n".join(text for i in exercise.answers for text in self.handed_in[i] or [])
        points = exercise.points if ended == "passed" else 0
        self.results[exercise.name] = Result(
            exercise.name, points, exercise.points, state, message.strip()[:5000], code[:20_000]
        )

    def _prepare(self, kernel: Kernel) -> dict:
        report = _report(kernel.run("", START_LIMIT_S, _call("prepare", self.master.imports)))
        if report is None:
            raise LabError(
                f"{self.master.lab}: the master's import statements fail here. "
                "Run the master in JupyterLab to see why."
            )
        self.master.keep_sources(report["files"])
        return report["fingerprint"]

    def _given(self, kernel: Kernel, cell) -> str | None:
        outcome = kernel.run(cell.source, self.limit_s)
        return outcome.state if outcome.lost else None

    def _answer(self, kernel: Kernel, index: int, baseline: dict) -> str | None:
        """Run what was handed in for one cell. Returns: how the kernel was lost, or None."""
        self.errors.pop(index, None)
        for source in self.handed_in[index] or []:
            outcome = kernel.run(source, self.limit_s)
            if outcome.lost:
                return outcome.state
            if outcome.state == "error":
                self.errors[index] = _sentence(outcome)
        token = secrets.token_hex(16)
        outcome = kernel.run("", START_LIMIT_S, _call("look", token))
        report = _report(outcome, token)
        if report is None:
            return outcome.state if outcome.lost else _MEANS
        return _changed(baseline, report["now"])

    def _check(self, kernel: Kernel, exercise: Exercise, baseline: dict) -> str | None:
        """Run the master's check and settle its exercise. Returns: how the kernel was lost."""
        token = secrets.token_hex(16)
        cell = self.master.cells[exercise.check].source
        names, sources = self.master.answer_names, self.master.sources
        order = _call("judge", token, self.master.imports, names, cell, sources, namespace=True)
        outcome = kernel.run("", self.limit_s, order)
        report = _report(outcome, token)
        if outcome.lost:
            self.settle(exercise, outcome.state)
            return outcome.state
        changed = _MEANS
        if report is not None:
            changed = _changed(baseline, report["before"]) or _changed(baseline, report["after"])
        if changed:
            self.settle(exercise, "changed", changed.removeprefix("changed: "))
        else:
            self.settle(exercise, *self._explained(exercise, report["ended"], report["said"]))
        return changed

    def _explained(self, exercise: Exercise, ended: str, said: str) -> tuple[str, str]:
        """What befell the answer's cell says more than that its name is not defined."""
        if ended != "undefined":
            return ended, said
        for index in exercise.answers:
            if self.handed_in[index] is None:
                return "missing", ""
            if index in self.errors:
                stub = "NotImplementedError" in self.errors[index]
                return ("not_started", "") if stub else ("cell", self.errors[index])
            if not self.handed_in[index]:
                return "not_started", ""
        return ended, said


def _call(function: str, *arguments, namespace: bool = False) -> str:
    """The expression that runs one of the judge's functions in a kernel, in a room of its own."""
    parts = [repr(argument) for argument in arguments] + ["globals()"] * namespace
    called = f"room[{function!r}]({', '.join(parts)})"
    return f"(lambda room: (exec({_judge()!r}, room), {called})[1])({{}})"


@cache
def _judge() -> str:
    return Path(__file__).with_name("judge.py").read_text(encoding="utf-8")


def _report(outcome: Outcome, token: str | None = None) -> dict | None:
    """What the judge sent; None where what came does not carry the token of this question."""
    try:
        report = json.loads(outcome.value)
    except (TypeError, ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) and report.get("token") == token else None


def _changed(baseline: dict, now: dict) -> str | None:
    """ "changed: torch.allclose" where that is not what it was; None where all is."""
    names = [name for name, identity in baseline.items() if now.get(name) != identity]
    if not names:
        return None
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"changed: {', '.join(names[:3])}{more}"


def _sentence(outcome: Outcome) -> str:
    """ "SyntaxError: '(' was never closed (line 3)": without the name IPython gives the cell."""
    message = re.sub(r"\(\d+\.py, line (\d+)\)", r"(line \1)", outcome.message)
    return f"{outcome.error}: {message}"[:2000]


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError as error:
        raise LabError(f"a cell of the master is not Python: {error.text!r}") from error


def _imports(source: str) -> Iterator[str]:
    """The import statements at the top level of a notebook's given cells, magics left out."""
    plain = "\n".join("" if line.startswith(("%", "!")) else line for line in source.split("\n"))
    for statement in _parsed(plain):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield ast.unparse(statement)


def _defined(source: str) -> Iterator[str]:
    """The names that a cell's top level defines."""
    for statement in _parsed(source):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in statement.names)
        else:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
