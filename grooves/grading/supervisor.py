"""The supervisor: grades all submissions to a lab, and continues whatever one of them does.

Key idea: each result is stored as soon as it is known. A submission that disturbs grading (it
changes the course's files, or its kernel cannot be started) is graded again with nothing running
beside it, so that it alone is responsible for what happens then. A submission during which the
grader itself was ended is graded last in the next run, also alone. Labs of every chapter.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from grooves.grading.course_files import CourseFiles
from grooves.grading.grader import grade, ungraded
from grooves.grading.masters import LabError
from grooves.grading.records import tables
from grooves.grading.records.results import Graded
from grooves.grading.records.store import Store
from grooves.grading.reference import Reference
from grooves.grading.sandbox import KernelFailed
from grooves.grading.submissions import Submission, handed_in
from grooves.grading.term.term_file import Term

FAILED_STARTS = 3  # this many in a row mean that the machine is the cause


@dataclass
class Options:
    """How to grade: seconds per cell, submissions at the same time, whether to regrade unchanged
    submissions, and the term."""

    time_limit_s: float = 60
    jobs: int = 2
    again: bool = False
    term: Term = field(default_factory=Term)


class Supervisor:
    """Grades a lab. `say` gets a line of text for each submission when it is finished."""

    def __init__(
        self,
        reference: Reference,
        files: CourseFiles,
        store: Store,
        options: Options,
        say: Callable[[str], None],
    ):
        self.reference, self.store, self.options, self.say = reference, store, options, say
        self.checks = reference.digest() + ("" if options.term.follow_through else " alone")
        self.files = files
        self.stop = threading.Event()
        self.threads = max(1, (os.cpu_count() or 1) // options.jobs)
        self.done = self.failed_starts = 0
        self.running: dict[Future, Submission] = {}
        self.trouble: dict[str, str] = {}
        self.total = 0

    def to_do(self, submissions: list[Submission]) -> list[Submission]:
        """The submissions that were not yet graded in their present form."""
        lab, limit = self.reference.lab, self.options.time_limit_s
        return [
            s
            for s in submissions
            if self.options.again
            or not s.digest
            or not self.store.is_current(lab, s.name, s.digest, self.checks, limit)
        ]

    def run(self, to_do: list[Submission]) -> None:
        """Grade these submissions.

        Raises: LabError where results cannot be written, or no kernel starts on this machine.
        """
        suspects = self.store.suspects(self.reference.lab)
        together = [s for s in to_do if s.name not in suspects]
        alone = []
        self.total = len(to_do)
        for submission in to_do:
            if submission.name in suspects:
                if suspects[submission.name] and not self.options.again:
                    reason = (
                        "The grader was ended twice while this submission ran, the second time "
                        "with nothing else running. Read the code; --again grades it once more."
                    )
                    self._settle(submission, "not graded", reason)
                else:
                    alone.append(submission)
        with ThreadPoolExecutor(self.options.jobs) as pool:
            try:
                alone += self._grade(pool, together, self.options.jobs)
                for submission in self._grade(pool, alone, 1):
                    reason = self.trouble.get(submission.name, "")
                    self._settle(submission, "not graded", reason)
                    self.store.clear(self.reference.lab, submission.name)
            except BaseException:
                self.stop.set()
                for future, submission in self.running.items():
                    future.cancel()
                    self.store.clear(self.reference.lab, submission.name)
                raise

    def _grade(
        self, pool: ThreadPoolExecutor, waiting: list[Submission], at_once: int
    ) -> list[Submission]:
        """Grade submissions, several at a time. Returns: those whose grading was disturbed."""
        waiting, disturbed = list(waiting), []
        self.trouble = {}
        while waiting or self.running:
            while waiting and len(self.running) < at_once:
                submission = waiting.pop(0)
                self.store.begin(
                    self.reference.lab, submission.name, submission.digest, at_once == 1
                )
                future = pool.submit(
                    grade,
                    submission,
                    self.reference,
                    self.options.time_limit_s,
                    self.threads,
                    self.stop,
                    self.options.term.follow_through,
                )
                self.running[future] = submission
            ended, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in ended:
                submission = self.running.pop(future)
                self._look_at_the_files(submission)
                graded = self._result(future, submission)
                if graded is None or submission.name in self.trouble:
                    disturbed.append(submission)
                else:
                    self._keep(submission, graded)
                    self.store.clear(self.reference.lab, submission.name)
        return disturbed

    def _look_at_the_files(self, submission: Submission) -> None:
        """Restore files that this submission, or one that runs beside it, has changed."""
        if edited := self.files.edited():
            names = ", ".join(path.name for path in edited[:3])
            self.say(
                f"{names} changed in the course's folder while {submission.name} ran. Grading "
                "continues with a copy. If you did not edit the file, read that submission's code."
            )
        if changed := self.files.put_back():
            names = ", ".join(path.name for path in changed[:3])
            for one in (submission, *self.running.values()):
                self.trouble[one.name] = (
                    f"It changed files of the course ({names}), so it was not graded. "
                    "The files were restored."
                )

    def _result(self, future: Future, submission: Submission) -> Graded | None:
        """The result of grading; None if it failed, with the reason recorded."""
        try:
            graded = future.result()
            self.failed_starts = 0
            return graded
        except KernelFailed as error:
            self.failed_starts += 1
            if self.failed_starts >= FAILED_STARTS:
                raise LabError(f"{self.reference.lab}: {error}, {FAILED_STARTS} times") from error
            self.trouble.setdefault(submission.name, f"It could not be graded: {error}.")
        except Exception as error:
            self.trouble.setdefault(
                submission.name, f"The grader failed on it ({type(error).__name__}: {error})."
            )
        return None

    def _settle(self, submission: Submission, state: str, reason: str) -> None:
        self._keep(submission, ungraded(submission, self.reference, state, reason))

    def _keep(self, submission: Submission, graded: Graded) -> None:
        """Store a result, write its page and report it."""
        self.store.put(
            self.reference.lab,
            graded,
            path=str(submission.path.resolve()) if submission.path else "",
            content=submission.digest,
            checks=self.checks,
            time_limit_s=self.options.time_limit_s,
            handed_in=handed_in(submission.path),
        )
        self.done += 1
        try:
            term, reference = self.options.term, self.reference
            rules = term.rules(reference.lab)
            tables.write_page_of(self.store, reference, graded.submission, rules, term.institution)
        except OSError as error:
            self.say(f"The page of {graded.submission} could not be written ({error.strerror}).")
        remarks = "".join(f" {remark}" for remark in graded.remarks)
        self.say(
            f"{self.done}/{self.total} {graded.submission}: {graded.total:g} of "
            f"{graded.out_of:g}, {graded.state}.{remarks}"
        )
