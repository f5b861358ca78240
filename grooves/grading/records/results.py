"""Results: how an exercise and a submission can end, and the sentence that the student then reads.

Key idea: there are a few endings, each with one state and one sentence, and a feedback page shows
nothing else. So a test can try each sentence on an innocent submission that must not get it.
Labs of every chapter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# How an exercise ended -> (its state on the feedback page, the sentence there).
ENDINGS = {
    "passed": ("passed", "Passed."),
    "wrong": ("not right yet", "{said}"),
    "raised": ("error", "{said}"),
    "cell": ("error", "Its cell stopped with an error. {said}"),
    "undefined": ("error", "{said} is not defined when its check runs."),
    "not_started": ("not started", "Not started. {said}"),
    "missing": ("missing", "The notebook no longer has a code cell for it."),
    "time": ("stopped", "It was stopped because it had not finished after {limit:g} s."),
    "died": (
        "stopped",
        "It ended Python or cut the connection to the grader, by a crash, an exit, closed files, "
        "or a lack of memory.",
    ),
    "changed": ("not counted", "It changed {said}, which the checks rely on, so it cannot count."),
    "by hand": ("by hand", "A person grades this."),
}
# The states of a submission, with what the instructor should do.
SUBMISSION_STATES = {
    "graded": "nothing",
    "stopped": "look at the exercises that were stopped",
    "not started": "ask whether the right file was handed in",
    "missing": "ask whether the right file was handed in: it has no answer cells",
    "not the lab": "ask for the right file",
    "unreadable": "ask for the file again",
    "not graded": "read the reason, then grade it again",
    "not handed in": "nothing, or ask: these people on your list handed in no notebook for it",
}


@dataclass(frozen=True)
class Result:
    """One exercise of one submission; `state` and `message` come from ENDINGS.

    `hint` is the name of the mistake that the check recognised, or an empty text. `title` is the
    exercise's heading; `stood_in` names the exercises that the reference replaced.
    """

    exercise: str
    points: float
    out_of: float
    state: str
    message: str
    hint: str = ""
    code: str = ""
    title: str = ""
    stood_in: str = ""


@dataclass(frozen=True)
class Graded:
    """All that is known of one submission; the order of `results` is the master's.

    `state` is one of SUBMISSION_STATES. `reason` is a sentence if no exercise was examined.
    """

    submission: str
    state: str
    results: list[Result]
    notes: list[str]
    reason: str = ""

    @property
    def total(self) -> float:
        return sum(result.points for result in self.results)

    @property
    def out_of(self) -> float:
        return sum(result.out_of for result in self.results if result.state != "by hand")

    @property
    def remarks(self) -> list[str]:
        """The remarks that the table and the terminal show beside the points."""
        stopped = [r.exercise for r in self.results if r.state == "stopped"]
        said = [self.reason] if self.reason else []
        if stopped and not self.reason:
            said.append(f"Stopped: {', '.join(stopped)}.")
        return said + self.notes


@dataclass(frozen=True)
class Stored:
    """A result, when it was graded, where its file was, and when the file was handed in."""

    graded: Graded
    at: str
    path: Path
    handed_in: str


@dataclass(frozen=True)
class Adjustment:
    """A change by the instructor; `exercise` is empty if it applies to the whole lab.

    points: "3" replaces the points earned, "+1" or "-1" is added to them; may be empty. due,
    handed_in: ISO dates that replace the class's due date and the file's date. at: when the change
    was made.
    """

    lab: str
    person: str
    exercise: str = ""
    points: str = ""
    due: str = ""
    handed_in: str = ""
    comment: str = ""
    reason: str = ""
    at: str = ""

    @property
    def says_nothing(self) -> bool:
        """Whether it changes nothing, which undoes earlier changes."""
        return not (self.points or self.due or self.handed_in or self.comment or self.reason)


def state_of(results: list[Result]) -> str:
    """The state of a submission whose exercises were all examined."""
    states = {result.state for result in results} - {"by hand"}
    if "stopped" in states:
        return "stopped"
    if states == {"missing"}:
        return "missing"
    return "not started" if states and states <= {"not started", "missing"} else "graded"


def printable(text: str) -> str:
    """The text without unpaired surrogates, which no file, table or page can contain."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
