"""Grading one submission: the master's order and checks, the student's answers, a fresh kernel.

Key idea: only the answer cells of a submission are run, and points are given only for what the
master's own check found, as reported by the judge (`grooves.grading.judge`). A submission that
hangs, crashes or changes the course's functions loses the exercise in which it does so; grading
continues in a new kernel without the offending cell. Labs of every chapter.
"""

from __future__ import annotations

import re
import threading

from grooves.grading.follow_through import builds_on_failed, judge_again, name_what_failed
from grooves.grading.identify import Identified
from grooves.grading.masters import Exercise, LabError
from grooves.grading.records.results import ENDINGS, Graded, Result, printable, state_of
from grooves.grading.reference import Reference
from grooves.grading.sandbox import START_LIMIT_S, Kernel, Outcome
from grooves.grading.submissions import Cell, Submission
from grooves.grading.term.uses import Uses


def grade(
    submission: Submission,
    reference: Reference,
    time_limit_s: float = 60,
    threads: int = 1,
    stop: threading.Event | None = None,
    follow_through: bool = True,
) -> Graded:
    """Grade one submission; `time_limit_s` applies to each cell, `threads` to PyTorch.

    follow_through: whether exercises that build on a failed one are judged again with the
    reference in its place.

    Raises: LabError where the master's own imports fail; KernelFailed where no kernel starts, or
    `stop` is set.
    """
    if submission.problem:
        return ungraded(submission, reference, "unreadable", submission.problem)
    if submission.not_the_lab:
        return ungraded(submission, reference, "not the lab", submission.not_the_lab)
    handed_in = Identified(submission, reference)
    if not handed_in.found_answers() and submission.lab != reference.lab:
        reason = f"No cell of the lab {reference.lab} was found in this notebook."
        return ungraded(submission, reference, "not the lab", reason)
    run = Run(handed_in, reference, time_limit_s)
    while not all(exercise.name in run.results for exercise in reference.exercises):
        with Kernel(threads, stop, course=reference.course) as kernel:
            run.go_through(kernel)
    if spoilt := builds_on_failed(run):
        if follow_through:
            with Kernel(threads, stop, course=reference.course) as kernel:
                judge_again(run, kernel, spoilt)
        name_what_failed(run, spoilt)
    results = [run.results[e.name] for e in reference.exercises]
    return Graded(submission.name, state_of(results), results, handed_in.notes())


def ungraded(submission: Submission, reference: Reference, state: str, reason: str) -> Graded:
    """A submission whose exercises were not examined: its state and the reason."""
    results = [
        Result(e.name, 0, e.points, state, "", title=reference.titles[e.name])
        for e in reference.exercises
    ]
    return Graded(submission.name, state, results, [], printable(reason))


def rehearse(reference: Reference, time_limit_s: float, threads: int) -> None:
    """Grade the master's own solutions: a machine on which they fail would fail everybody.

    Raises: LabError where an exercise does not pass here.
    """
    cells = (Cell(cell.id, "", cell.is_code, cell.source) for cell in reference.cells)
    solved = Submission("the master", tuple(cells), reference.lab)
    for result in grade(solved, reference, time_limit_s, threads).results:
        if result.state not in ("passed", "by hand"):
            raise LabError(
                f"{reference.lab}: the master's own solution of {result.exercise} does not pass "
                f"here, so nothing was graded. {result.message}"
            )


def read_checks(reference: Reference) -> None:
    """Read the lab's checks, whose files are only known after the import.

    Raises: LabError where the master's imports fail; KernelFailed where no kernel starts.
    """
    with Kernel(course=reference.course) as kernel:
        prepare(kernel, reference)


class Run:
    """The run of one submission in its kernels: what is settled and what is left out."""

    def __init__(self, handed_in: Identified, reference: Reference, time_limit_s: float):
        self.reference, self.limit_s = reference, time_limit_s
        self.results: dict[str, Result] = {}
        self.left_out: dict[int, str] = {}  # cells that ended a kernel, and how
        self.errors: dict[int, str] = {}  # answer cells that stopped with an error
        self.handed_in = {index: handed_in.answers_to(index) for index in reference.answer_cells}
        self.uses = Uses([self._source(index) for index in range(len(reference.cells))])
        ends = [i for e in reference.exercises for i in (*e.answers, e.check) if i is not None]
        # given cells on which no answer or check depends only show something, and may be slow
        later = set(range(min(ends), len(reference.cells)))
        self.skipped = later - self.uses.needed(ends) - set(ends)

    def _source(self, index: int) -> str:
        """A code cell as it is run: what was handed in, or the given code."""
        cell = self.reference.cells[index]
        if index in self.handed_in:
            return "\n\n".join(self.handed_in[index] or [])
        return cell.source if cell.is_code else ""

    def go_through(self, kernel: Kernel) -> None:
        """Run the master's cells in order, to the end or until the kernel is no longer usable."""
        prepare(kernel, self.reference)
        for index, cell in enumerate(self.reference.cells):
            exercise = self.reference.check_cells.get(index)
            if not cell.is_code or index in self.left_out:
                continue
            if exercise is None:
                if index in self.reference.answer_cells:
                    lost = self.answer(kernel, index)
                elif index in self.skipped:
                    continue
                else:
                    lost = self.given(kernel, index)
            elif exercise.name in self.results:
                continue
            elif spoilt := [self.left_out[i] for i in exercise.answers if i in self.left_out]:
                ended, _, said = spoilt[0].partition(": ")
                self.settle(exercise, ended, said)
                continue
            else:
                lost = self.check(kernel, exercise)
            if lost:
                self.left_out[index] = lost
                if exercise and lost.startswith("changed"):
                    self.left_out |= dict.fromkeys(exercise.answers, lost)
                return
        for exercise in self.reference.exercises:
            if exercise.check is None:
                self.settle(exercise, "by hand")

    def settle(
        self, exercise: Exercise, ended: str, said: str = "", hint: str = "", stood_in: str = ""
    ) -> None:
        """Record how an exercise ended; `ended` is one of ENDINGS."""
        state, sentence = ENDINGS[ended]
        message = sentence.format(said=said, limit=self.limit_s).strip()
        if re.match(r"[a-z]+ ", message) and not message.startswith(exercise.name):
            message = message[0].upper() + message[1:]  # elsewhere, the message follows a name
        code = "\n\n".join(text for i in exercise.answers for text in self.handed_in[i] or [])
        points = exercise.points if ended == "passed" else 0
        self.results[exercise.name] = Result(
            exercise.name,
            points,
            exercise.points,
            state,
            printable(message[:5000]),
            printable(hint),
            code[:20_000],
            self.reference.titles[exercise.name],
            stood_in,
        )

    def given(self, kernel: Kernel, index: int) -> str | None:
        """Run a cell of the master. Returns: how the kernel was lost, or None."""
        outcome = kernel.run(self.reference.cells[index].source, self.limit_s, given=True)
        return outcome.state if outcome.lost else None

    def answer(self, kernel: Kernel, index: int) -> str | None:
        """Run what was handed in for one cell. Returns: how the kernel was lost, or None."""
        self.errors.pop(index, None)
        for source in self.handed_in[index] or []:
            outcome = kernel.run(source, self.limit_s)
            if outcome.lost:
                return outcome.state
            if outcome.state == "error":
                self.errors[index] = _sentence(outcome)
        outcome = kernel.ask("look", limit_s=START_LIMIT_S)
        return outcome.state if outcome.lost else _changed(outcome)

    def check(self, kernel: Kernel, exercise: Exercise, stood_in: str = "") -> str | None:
        """Run the master's check and settle its exercise. Returns: how the kernel was lost."""
        reference = self.reference
        outcome = kernel.ask(
            "judge",
            reference.imports,
            reference.answer_names,
            reference.open_names,
            reference.cells[exercise.check].source,
            reference.sources,
            limit_s=self.limit_s,
        )
        if outcome.lost:
            self.settle(exercise, outcome.state)
            return outcome.state
        if changed := _changed(outcome):
            self.settle(exercise, "changed", changed.removeprefix("changed: "))
            return changed
        found = outcome.reply
        self.settle(exercise, *self._explained(exercise, found["ended"], found["said"]),
                    hint=found["hint"], stood_in=stood_in)  # fmt: skip
        return None

    def _explained(self, exercise: Exercise, ended: str, said: str) -> tuple[str, str]:
        """The ending of the answer's cell, which says more than that a name is not defined."""
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


def prepare(kernel: Kernel, reference: Reference) -> None:
    imports, names = reference.imports, reference.open_names
    outcome = kernel.ask("prepare", imports, names, limit_s=START_LIMIT_S)
    if "files" not in outcome.reply:
        said = outcome.reply.get("problem", "they took too long or ended Python")
        raise LabError(
            f"{reference.lab}: the master's import statements fail here ({said}). "
            "Run the master in JupyterLab to see why."
        )
    reference.keep_sources(outcome.reply["files"])


def _changed(outcome: Outcome) -> str | None:
    """ "changed: torch.allclose" if that function was replaced; None if nothing was."""
    names = outcome.reply.get("changed", ["parts of the grader"])
    if not names:
        return None
    *first, last = names
    joined = f"{', '.join(first)} and {last}" if first else last
    return f"changed: {joined}"


def _sentence(outcome: Outcome) -> str:
    """ "SyntaxError: '(' was never closed (line 3)", without IPython's name for the cell."""
    message = re.sub(r"\(<ipython-input[^,]*, line (\d+)\)", r"(line \1)", outcome.message)
    return f"{outcome.error}: {message}"[:2000]
