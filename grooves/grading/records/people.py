"""People: who handed in a file, read from its path as Moodle, Canvas, nbgrader and people write it.

Key idea: a person is identified by the platform's number, and by a name only if there is no number,
so two files of one person are two attempts and never two people.
Labs of every chapter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# "Ada Lovelace_4103_assignsubmission_file_", a folder or the beginning of a file's name; with
# anonymous submissions "Participant_4103_assignsubmission_file_".
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assign(?:submission|feedback)_[a-z]+(?:_|$)")
# "lovelaceada_LATE_12345_678901_04_transformer-2": user, file, the file's name, the attempt.
_CANVAS = re.compile(
    r"(?P<name>[^\W_][^_]*)(?P<late>_LATE|_late)?_(?P<id>[1-9]\d{2,})_(?P<file>[1-9]\d{3,})_(?P<rest>.+)"
)
_ATTEMPT = re.compile(r"(?:-| ?\(|_v|_attempt_?)(\d{1,2})\)?$", re.IGNORECASE)
# Names of files and folders that do not tell who wrote them.
_NOBODY = re.compile(
    r"(?:(?:copy|kopie)( of)?|final|new|labs?|chapters?|notebooks?|untitled|submi(?:tted|ssions?)|"
    r"solutions?|answers?|graded|released?|downloads?|(?<!\d)\d{1,3}(?!\d)|[ _.()-])*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Person:
    """A person who handed in, identified by `key` ("moodle:4103", "canvas:12345", "anna").

    name: as a person would write it. attempt: counted from 0, as far as the file's name tells.
    late: whether the platform marked the file as late. raw: the key from the file's name, if the
    instructor's list has another one.
    """

    key: str
    name: str
    attempt: int = 0
    late: bool = False
    raw: str = ""

    @property
    def at_platform(self) -> str:
        """The platform's key, "moodle:4103"; the person's key if there is no platform."""
        return self.raw if ":" in self.raw else self.key

    @property
    def platform(self) -> str:
        """ "moodle", "canvas", or "" where the name is all there is."""
        return self.at_platform.partition(":")[0] if ":" in self.at_platform else ""

    @property
    def id(self) -> str:
        """The platform's number, or the name."""
        return self.key.partition(":")[2] or self.key


@dataclass(frozen=True)
class Listed:
    """A participant from the instructor's list; handed_in: the time in the platform's list."""

    key: str
    name: str
    email: str = ""
    handed_in: str = ""


def series_of(submission: str) -> str:
    """The part that the names of a person's attempts share: the file's name without a number."""
    return _ATTEMPT.sub("", submission.rsplit("/", 1)[-1])


def tells(part: str) -> bool:
    """Whether a part of a path contains more than the lab's name."""
    rest = _ATTEMPT.sub("", part)
    return not (_NOBODY.fullmatch(rest) or re.fullmatch(r"\d\d_[a-z_]+", rest))


def moodles(part: str) -> re.Match | None:
    """The prefix that Moodle gives folders and files; None where it did not name this one."""
    return _MOODLE.match(part)


def person_of(submission: str, lab: str) -> Person:
    """Who handed in the submission of that name: a path below the folder, without ".ipynb".

    The lab's own name in the path is ignored.
    """
    parts = submission.removesuffix(".ipynb").split("/")
    for part in parts:
        if found := moodles(part):
            name = _spaced(found["name"])
            number = found["id"]
            name = f"Participant {number}" if name.lower() == "participant" else name
            return Person(f"moodle:{number}", name, _attempt(parts[-1]))
    if found := _CANVAS.fullmatch(parts[-1]):
        late = bool(found["late"])
        return Person(f"canvas:{found['id']}", found["name"], _attempt(found["rest"]), late)
    # a file or folder named after its author; folders above it distinguish groups
    told = [name for part in parts if (name := _without(part, lab))]
    if not told:
        return Person(submission, submission)
    # "anna-2" may be a different person from "anna"; "04_transformer-2" is a second file
    repeated = lab.lower() in parts[-1].lower()
    return Person("/".join(told), _spaced(told[-1]), _attempt(parts[-1]) if repeated else 0)


def _without(part: str, lab: str) -> str:
    """A part of a path without the lab's name and without words that name nobody."""
    rest = part
    if lab.lower() in part.lower():
        rest = _ATTEMPT.sub("", re.sub(re.escape(lab), "", part, flags=re.IGNORECASE))
    rest = rest.strip(" _-.")
    return "" if _NOBODY.fullmatch(rest) else rest


def _attempt(name: str) -> int:
    found = _ATTEMPT.search(name)
    return int(found[1]) if found else 0


def _spaced(name: str) -> str:
    return " ".join(name.replace("_", " ").split())
