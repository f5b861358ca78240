"""Identity: which cell of the lab each cell of a submission corresponds to.

Key idea: no single mark is trusted. A cell is identified by nbgrader's grade_id, otherwise by its
id, by the given source, or by what it defines. So the answers are found even in a notebook that was
saved by another program, stripped, pieced together or reordered. Labs of every chapter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grooves.grading.reference import Reference
from grooves.grading.submissions import Cell, Submission

_DEFINES = re.compile(r"^(?:async +def +|def +|class +|(?=\w+ *=[^=]))(\w+)", re.MULTILINE)


class Identified:
    """A submission's cells matched with those of the lab.

    `of` maps the position of a cell in the submission to the position of a cell in the master.
    """

    def __init__(self, submission: Submission, reference: Reference):
        self.cells, self.reference = submission.cells, reference
        self.of = _by_marks(submission.cells, reference)
        for position, index in self._by_definition():
            self.of[position] = index

    def answers_to(self, index: int) -> list[str] | None:
        """The sources handed in for a master's answer cell, in the notebook's order.

        A copied cell gives several, which are run one after the other, as the student did. Empty
        cells do not count as answers, nor do stubs beside a copy that was worked on.
        Returns: an empty list where nothing was written, None where the cell is missing.
        """
        found = [self.cells[position].source for position in self._found(index)]
        if not found:
            return None
        written = [source for source in found if source.strip()]
        return [source for source in written if not self._is_stub(source, index)] or written[:1]

    def found_answers(self) -> set[int]:
        """The master's answer cells for which something was handed in, even if only the stub."""
        return set(self.of.values()) & self.reference.answer_cells

    def held(self) -> list[str]:
        """The exercises that the notebook holds, in the lab's order.

        These are the exercises whose check is in it, because an answer that the course gives has
        no check. In a notebook without any checks, they are those whose answer is in it.
        """
        found = set(self.of.values())
        exercises = self.reference.exercises
        checked = [e.name for e in exercises if e.check is not None and e.check in found]
        return checked or [e.name for e in exercises if found.intersection(e.answers)]

    def notes(self) -> list[str]:
        """What was handed in but is not graded: cells that the student added, and edited checks."""
        own = [
            cell
            for position, cell in enumerate(self.cells)
            if cell.is_code
            and position not in self.of
            and not _only_prepares(cell.source)
            and not self._is_part_of_the_lab(cell.source)
        ]
        notes = []
        if own:
            count = "One cell" if len(own) == 1 else f"{len(own)} cells"
            notes.append(
                f"{count} that you added did not run: only the answer cells are graded. "
                "Put what an answer needs into its cell."
            )
        for index, exercise in self.reference.check_cells.items():
            given = normal(self.reference.cells[index].released)
            if any(normal(self.cells[p].source) not in ("", given) for p in self._found(index)):
                notes.append(f"The check of {exercise.name} was edited. The original one was used.")
        return notes

    def _found(self, index: int) -> list[int]:
        return [position for position, found in self.of.items() if found == index]

    def _is_part_of_the_lab(self, source: str) -> bool:
        """Whether a given cell contains these lines, after it was split or saved without marks."""
        lines = f"\n{normal(source)}\n"
        return any(lines in f"\n{normal(cell.released)}\n" for cell in self.reference.cells)

    def _is_stub(self, source: str, index: int) -> bool:
        return normal(source) == normal(self.reference.cells[index].released)

    def _by_definition(self) -> list[tuple[int, int]]:
        """Unidentified cells that define what an exercise asks for, if nothing else answers it."""
        open_answers = {
            index
            for index in self.reference.answer_cells
            if all(
                not self.cells[p].source.strip() or self._is_stub(self.cells[p].source, index)
                for p in self._found(index)
            )
        }
        found = []
        for position, cell in enumerate(self.cells):
            if cell.is_code and position not in self.of:
                index = _defining(cell.source, self.reference, open_answers)
                if index is not None:
                    found.append((position, index))
        return found


def another_part(submission: Submission, whole: Reference, chosen: Sequence[str]) -> str:
    """A sentence where a notebook is another part of the lab than the chosen exercises.

    That is the case if it contains other exercises of the whole lab and fewer than half of those
    chosen. Returns: an empty text where it does not apply.
    """
    held = Identified(submission, whole).held()
    others = [name for name in held if name not in chosen]
    if not others or 2 * (len(held) - len(others)) >= len(chosen):
        return ""
    return (
        f"another part of the lab {whole.lab}: the notebook has {', '.join(held)}, but the term "
        f"sets {', '.join(chosen)}. Grade it with the term file of that part (--term), into a "
        "folder of its own (--out)."
    )


def _by_marks(cells: tuple[Cell, ...], reference: Reference) -> dict[int, int]:
    """Cells known by grade_id, id or given source; in the notebook's order."""
    by_grade_id = {c.grade_id: i for i, c in enumerate(reference.cells) if c.grade_id}
    by_id = {cell.id: index for index, cell in enumerate(reference.cells)}
    given = [normal(cell.released) for cell in reference.cells]
    by_source = {text: i for i, text in enumerate(given) if text and given.count(text) == 1}
    of = {}
    for position, cell in enumerate(cells):
        index = by_grade_id.get(cell.grade_id, by_id.get(cell.id))
        if index is not None and reference.cells[index].is_code != cell.is_code:
            index = None
        if index in reference.answer_cells and not _defined(cell.source) & (
            reference.cells[index].defines
        ):
            # another exercise's answer that was pasted into this cell
            elsewhere = _defining(cell.source, reference, reference.answer_cells)
            index = index if elsewhere is None else elsewhere
        if index is None:
            index = by_source.get(normal(cell.source))
        if index is not None and reference.cells[index].is_code == cell.is_code:
            of[position] = index
    return of


def _defining(source: str, reference: Reference, among: set[int]) -> int | None:
    names = _defined(source)
    return next((i for i in sorted(among) if names & reference.cells[i].defines), None)


def _defined(source: str) -> set[str]:
    """The names that a cell's top level defines, found even if the cell has a syntax error."""
    return set(_DEFINES.findall(source))


def normal(source: str) -> str:
    """A source without what editors change: surrounding blank lines and trailing spaces."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _only_prepares(source: str) -> bool:
    """Whether a cell has only comments, magics and shell lines, such as Colab's installation."""
    lines = [line.strip() for line in source.splitlines()]
    return all(not line or line.startswith(("#", "%", "!")) for line in lines)
