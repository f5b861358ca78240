"""Submissions: the files that students handed in, in whatever state they are.

Key idea: a file that cannot be read, named or printed becomes a submission with a problem. It is
never an error that keeps the others from being graded. Labs of every chapter.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.records.people import moodles, tells
from grooves.grading.records.results import printable

SIZE_LIMIT_BYTES = 100_000_000


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in."""

    id: str
    grade_id: str
    is_code: bool
    source: str


@dataclass(frozen=True)
class Submission:
    """A file that was handed in. `problem` says why it cannot be read; `lab` is its own statement.

    `digest` is computed from the file's content, and `path` is where the file is; `not_the_lab` is
    a sentence about what it is instead, if that is known.
    """

    name: str
    cells: tuple[Cell, ...] = ()
    lab: str | None = None
    problem: str | None = None
    digest: str = ""
    path: Path | None = None
    not_the_lab: str = ""


def read(path: Path, name: str) -> Submission:
    """Read a file that was handed in; whatever it contains, nothing is raised."""

    def unreadable(problem: str, digest: str = "") -> Submission:
        return Submission(name, problem=problem, digest=digest, path=path)

    try:
        if path.stat().st_size > SIZE_LIMIT_BYTES:
            return unreadable(f"The file is larger than {SIZE_LIMIT_BYTES // 10**6} MB.")
        content = path.read_bytes()
    except OSError as error:
        return unreadable(f"The file could not be read: {error.strerror}.")
    digest = hashlib.sha256(content).hexdigest()
    if not content.strip():
        return unreadable("The file is empty.", digest)
    try:
        data = json.loads(content.decode("utf-8-sig"))
        lab = (data.get("metadata") or {}).get("grooves", {}).get("lab")
        cells = tuple(_cell(cell) for cell in data["cells"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return unreadable("The file is not a Jupyter notebook (format 4).", digest)
    return Submission(name, cells, lab if isinstance(lab, str) else None, None, digest, path)


def handed_in(path: Path | None) -> str:
    """When a file was handed in, as far as the folder tells, in ISO 8601.

    nbgrader writes the time into a file beside it; otherwise the text is "file " and the file's
    date, which unpacking and copying may have changed. Empty if neither is known.
    """
    if path is None:
        return ""
    try:
        noted = path.with_name("timestamp.txt")
        if noted.is_file():
            text = noted.read_text(encoding="utf-8").strip().removesuffix(" UTC")
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment.isoformat(timespec="seconds")
    except (OSError, ValueError):
        pass  # it contains no date
    try:
        changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    except (OSError, OverflowError, ValueError):
        return ""
    return f"file {changed.isoformat(timespec='seconds')}"


def _cell(cell: dict) -> Cell:
    settings = (cell.get("metadata") or {}).get("nbgrader") or {}
    return Cell(
        id=str(cell.get("id", "")),
        grade_id=str(settings.get("grade_id", "")),
        is_code=cell.get("cell_type") == "code",
        source=printable("".join(cell.get("source", ""))),  # a text, or a list of lines
    )


def find(folder: Path) -> tuple[list[Submission], list[str]]:
    """Read every notebook below a folder, or the one notebook that `folder` is.

    A submission is named by its path there, without the suffix ".ipynb". Hidden folders, links and
    files of other kinds are skipped. If no path contains a person's name, the folder belongs to one
    person, and the folders above become part of the name, up to the one with the person's name.
    Returns: the submissions by name, and the names of the skipped files.
    Raises: LabError where there is no notebook.
    """
    if zipfile.is_zipfile(folder):
        raise LabError(f"{shown(folder)} is a zip file: unpack it and give the folder instead")
    if folder.is_file():
        return [read(folder, _name(_told(folder.parent, Path(folder.name))))], []
    if not folder.is_dir():
        raise LabError(f"there is no folder {shown(folder)}")
    found, passed_over = [], []
    inside_of = {path: path.relative_to(folder) for path in sorted(_files(folder), key=os.fsencode)}
    named = any(_tells(inside) for inside in inside_of.values() if inside.suffix == ".ipynb")
    named = named and not any(moodles(part) for part in folder.resolve().parts)
    for path, inside in inside_of.items():
        if any(part.startswith(".") for part in inside.parts):
            continue
        inside = inside if named else _told(folder, inside)
        if path.suffix.lower() == ".ipynb" and not path.is_symlink():
            found.append(read(path, _name(inside)))
        else:
            passed_over.append(shown(inside))
    if not found:
        raise LabError(f"there is no notebook (.ipynb) in {shown(folder)}")
    return found, passed_over


def _told(folder: Path, inside: Path) -> Path:
    """The path below a folder, with as many of the folders above as are needed to name a person."""
    above = folder.resolve().parts
    at = [i for i, part in enumerate(above) if moodles(part)]
    if at:
        return Path(*above[at[-1] :], inside)
    if not _tells(inside):
        for i in range(len(above) - 1, max(0, len(above) - 4), -1):
            if tells(above[i]):
                return Path(*above[i:], inside)
    return inside


def _tells(inside: Path) -> bool:
    """Whether a path contains more than the lab's name."""
    return any(tells(Path(part).stem) for part in inside.parts)


def named_as_before(found: list[Submission], paths: dict[str, str]) -> list[Submission]:
    """The submissions, with the names under which their files were graded before.

    This allows one folder of a class to be regraded alone. paths: name by path, from the store.
    """
    named, taken = [], set()
    for one in found:
        before = paths.get(str(one.path.resolve())) if one.path else None
        name = before if before and before not in taken else one.name
        if name in taken:
            name = f"{one.path.resolve().parent.name}/{one.name}"
        taken.add(name)
        named.append(replace(one, name=name))
    return named


def replaced(found: list[Submission], paths: dict[str, str]) -> list[str]:
    """Sentences about results that this run replaces with those of a file in another place."""
    before = {name: path for path, name in paths.items()}
    return [
        f"{one.name} was graded before, from {before[one.name]}; this run replaces that result."
        for one in found
        if one.path and before.get(one.name, str(one.path.resolve())) != str(one.path.resolve())
    ]


def shown(path: Path) -> str:
    """A path that can be printed and stored: bytes that are not UTF-8 become escapes (`\\xe9`)."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _name(inside: Path) -> str:
    # only this spelling is removed, because alice.ipynb and alice.IPYNB are two files
    return shown(inside.with_suffix("") if inside.suffix == ".ipynb" else inside)


def _files(folder: Path):
    """All files below a folder; folders that cannot be listed are skipped."""
    for at, _, names in os.walk(folder):
        yield from (Path(at, name) for name in names)
