"""Submissions: what students handed in, read whatever it is, and matched with the master's cells.

Key idea: answers are found by nbgrader's grade_id, else by the cell's id, never by position; so a
notebook whose cells were moved, copied or lost still has its answers found. Labs of every chapter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from grooves.grading.masters import LabError

SIZE_LIMIT_BYTES = 100_000_000


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in."""

    id: str
    grade_id: str
    is_code: bool
    source: str

    def is_copy_of(self, cell) -> bool:
        """Whether this is a master's cell, or a copy of it (JupyterLab gives copies a new id)."""
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        return self.id == cell.id or bool(grade_id and self.grade_id == grade_id)


@dataclass(frozen=True)
class Submission:
    """A file handed in. `problem` says why it cannot be read, `lab` what it says it is."""

    name: str
    cells: tuple[Cell, ...] = ()
    lab: str | None = None
    problem: str | None = None

    def answers_to(self, cell, stub: str) -> list[str] | None:
        """The sources handed in for a master's answer cell, in the notebook's order.

        A copied cell gives several, which are run one after the other, as the student did; empty
        cells, and stubs beside a copy that was worked on, are no answers.
        Returns: an empty list where nothing was written, None where the cell is gone.
        """
        found = [own.source for own in self.cells if own.is_code and own.is_copy_of(cell)]
        if not found:
            return None
        written = [source for source in found if source.strip()]
        worked_on = [source for source in written if source.strip() != stub.strip()]
        return worked_on or written[:1]

    def notes(self, master_cells, stubs: list[str], checks: dict[int, str]) -> list[str]:
        """What was handed in and is not graded: cells of the student's own, edited checks.

        `stubs` are the sources as they were released; `checks` maps check cells to exercises.
        """
        own = [
            cell
            for cell in self.cells
            if cell.is_code
            and cell.source.strip()
            and not any(cell.is_copy_of(master) for master in master_cells)
        ]
        notes = []
        if own:
            count = "One cell" if len(own) == 1 else f"{len(own)} cells"
            notes.append(
                f"{count} that you added did not run: only the answer cells are graded. "
                "Put what an answer needs into its cell."
            )
        for index, exercise in checks.items():
            edited = any(
                cell.id == master_cells[index].id and cell.source.strip() != stubs[index].strip()
                for cell in self.cells
            )
            if edited:
                notes.append(f"The check of {exercise} was edited. The original one was used.")
        return notes


def read(path: Path, name: str) -> Submission:
    """Read what was handed in, whatever it is; never raises on what the file holds."""
    try:
        if path.stat().st_size > SIZE_LIMIT_BYTES:
            limit = f"{SIZE_LIMIT_BYTES // 10**6} MB"
            return Submission(name, problem=f"The file is larger than {limit}.")
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        lab = data.get("metadata", {}).get("grooves", {}).get("lab")
        cells = tuple(
            Cell(
                id=str(cell.get("id", "")),
                grade_id=str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", "")),
                is_code=cell.get("cell_type") == "code",
                source="".join(cell.get("source", "")),  # a text, or a list of lines
            )
            for cell in data["cells"]
        )
        return Submission(name, cells, lab if isinstance(lab, str) else None)
    except OSError as error:
        return Submission(name, problem=f"The file could not be read: {error.strerror}.")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Submission(name, problem="The file is not a Jupyter notebook (format 4).")


def find(folder: Path) -> tuple[list[Submission], list[str]]:
    """Read every notebook below a folder, or the one notebook that `folder` is.

    A submission is named by its path there, without suffix. Hidden folders, links and files of
    other kinds are passed over. Returns: the submissions by name, and the files passed over.
    Raises: LabError where there is no notebook.
    """
    if folder.is_file():
        return [read(folder, folder.stem)], []
    if not folder.is_dir():
        raise LabError(f"no folder {folder}")
    found, passed_over = [], []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts) or path.is_dir():
            continue
        if path.suffix.lower() == ".ipynb" and path.is_file() and not path.is_symlink():
            found.append(read(path, inside.with_suffix("").as_posix()))
        else:
            passed_over.append(inside.as_posix())
    if not found:
        raise LabError(f"no notebook (.ipynb) in {folder}")
    return found, passed_over


def by_lab(
    submissions: list[Submission], labs: list[str], only: str | None
) -> dict[str, list[Submission]]:
    """Sort submissions by lab: what the notebook says, else its file's name, else the only lab.

    With `only`, whatever says nothing else is of that lab, and what is of another is left out.
    Raises: LabError for a submission whose lab cannot be told.
    """
    said = [_lab_said(submission, labs) for submission in submissions]
    told = {lab for lab in said if lab}
    fallback = only or (next(iter(told)) if len(told) == 1 else None)
    fallback = fallback or (labs[0] if len(labs) == 1 else None)
    sorted_by: dict[str, list[Submission]] = {}
    for submission, lab in zip(submissions, said, strict=True):
        lab = lab or fallback
        if lab is None:
            raise LabError(f"which lab is {submission.name} of? Say it with --lab")
        if only in (None, lab):
            sorted_by.setdefault(lab, []).append(submission)
    return dict(sorted(sorted_by.items()))


def _lab_said(submission: Submission, labs: list[str]) -> str | None:
    if submission.lab in labs:
        return submission.lab
    return next((lab for lab in labs if lab in submission.name), None)
