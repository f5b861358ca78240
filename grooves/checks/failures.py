"""What a check raises: the answer is not right yet, not started, or stopped with an error.

Key idea: JupyterLab shows the message and nothing else. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

UNRECOGNISED = "unrecognised"  # the hint of a refusal that names no mistake


class CheckFailed(AssertionError):
    """The answer is not right yet.

    `message` is what was expected with the student's own shapes and values, and the likely mistake.
    `hint` is the name of the mistake that the check recognised, for tests and for reports.
    """

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exercise: str | None = None

    def __str__(self) -> str:
        return f"{self.exercise}: {self.message}" if self.exercise else self.message

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class NotStarted(CheckFailed):
    """The answer is still the stub, or the cell is empty; `needs` is an exercise to do first."""

    def __init__(self, message: str, needs: str | None = None):
        super().__init__(message, hint="not_started")
        self.needs = needs


class AnswerRaised(CheckFailed):
    """The student's own code raised an error; the message holds it and their line."""

    def __init__(self, message: str):
        super().__init__(message, hint="raised")


class Stopped(KeyboardInterrupt):
    """The student pressed stop while a check ran."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
