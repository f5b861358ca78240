"""Assignment: which lab each notebook of a folder belongs to.

Key idea: a notebook is compared with all labs of the course, even if only one of them is graded.
A notebook that cannot be assigned is reported, and the others are graded all the same.
Labs of every chapter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from grooves.grading.identify import Identified, another_part, normal
from grooves.grading.reference import Reference
from grooves.grading.submissions import Submission
from grooves.grading.term.term_file import Term


@dataclass
class Assigned:
    """Submissions by lab, and for those that belong to no lab, a sentence and a description."""

    by_lab: dict[str, list[Submission]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    instead: dict[str, str] = field(default_factory=dict)  # descriptions, by the submissions' names


def assign(submissions: list[Submission], labs: Labs, only: str | None) -> Assigned:
    """Sort submissions by lab, judging by the notebook's metadata, its file name and its cells.

    A notebook without any sign of its lab is assigned to the lab `only`, or if all the others
    belong to one lab, to that one. With `only`, notebooks of other labs are left out.
    """
    told = [(submission, *labs.lab_of(submission)) for submission in submissions]
    named = {lab for _, lab, _ in told if lab}
    fallback = only or (min(named) if len(named) == 1 else None)
    if len(labs.known) == 1:
        fallback = next(iter(labs.known))
    assigned = Assigned()
    for submission, lab, instead in told:
        if only and instead:
            lab = only
        lab = lab or fallback
        if lab is None:
            why = (
                submission.problem
                or instead
                or "It is not clear which lab this is. Name the lab with --lab."
            )
            assigned.left_out.append(f"{submission.name}: {why}")
            assigned.instead[submission.name] = "a notebook that was left out"
        elif only not in (None, lab):
            assigned.left_out.append(f"{submission.name}: a notebook of the lab {lab}.")
            assigned.instead[submission.name] = f"a notebook of the lab {lab}"
        else:
            one = replace(submission, not_the_lab=instead)
            assigned.by_lab.setdefault(lab, []).append(one)
    assigned.by_lab = dict(sorted(assigned.by_lab.items()))
    return assigned


def without_other_parts(assigned: Assigned, known: dict[str, Path], term: Term) -> Assigned:
    """The same, without notebooks that contain another part of a lab than the one that is set.

    Their earlier results stay, because each part is graded with its own term file.
    known: the masters by name.
    """
    by_lab, left_out, instead = {}, list(assigned.left_out), dict(assigned.instead)
    for lab, handed_in in assigned.by_lab.items():
        by_lab[lab] = handed_in
        if chosen := term.plan(lab).exercises:
            whole = Reference(known[lab])
            told = [(one, another_part(one, whole, chosen)) for one in handed_in]
            by_lab[lab] = [one for one, sentence in told if not sentence]
            left_out += [f"{one.name}: {sentence}" for one, sentence in told if sentence]
            instead |= {one.name: "another part of the lab" for one, sentence in told if sentence}
    return Assigned(by_lab, left_out, instead)


class Labs:
    """Finds out which lab a notebook is; reads masters only if the notebook does not say.

    `known` maps the names of all labs of the course to their masters; `experiments` is the folder
    of the chapters' notebooks.
    """

    def __init__(self, known: dict[str, Path], experiments: Path):
        self.known, self.experiments = known, experiments.resolve()
        self._references: dict[str, Reference | None] = {}

    def lab_of(self, submission: Submission) -> tuple[str | None, str]:
        """The lab that a submission belongs to, or None if that is not clear.

        Returns: the lab, and a sentence if the notebook is the chapter's experiment and not a lab.
        """
        if submission.lab in self.known:
            return submission.lab, ""
        experiment = self._experiment(submission)
        if experiment:
            lab = experiment if experiment in self.known else None
            instead = f"labs/{lab or 'NN_name'}.ipynb"
            return lab, (
                f"This is a chapter's experiment (notebooks/{experiment}.ipynb) and not a lab "
                f"({instead})."
            )
        named = next((lab for lab in self.known if lab in submission.name), None)
        return named or self._by_content(submission), ""

    def _by_content(self, submission: Submission) -> str | None:
        found: dict[str, int] = {}
        for lab in self.known:
            reference = self._reference(lab)
            if reference is not None and submission.cells:
                found[lab] = len(Identified(submission, reference).found_answers())
        most = max(found.values(), default=0)
        best = [lab for lab, n in found.items() if n == most]
        return best[0] if most and len(best) == 1 else None

    def _experiment(self, submission: Submission) -> str | None:
        if any(cell.grade_id for cell in submission.cells):
            return None
        code = [cell for cell in submission.cells if cell.is_code and cell.source.strip()]
        for name, (ids, sources) in _experiments(self.experiments).items():
            same = sum(cell.id in ids or normal(cell.source) in sources for cell in code)
            if same > len(code) / 2:
                return name
        return None

    def _reference(self, lab: str) -> Reference | None:
        if lab not in self._references:
            try:
                self._references[lab] = Reference(self.known[lab])
            except ValueError:  # an invalid master affects its own lab only
                self._references[lab] = None
        return self._references[lab]


@cache
def _experiments(folder: Path) -> dict[str, tuple[set[str], set[str]]]:
    """Ids and sources of the code cells of each chapter's experiment notebook."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            continue
        code = [cell for cell in cells if cell.get("cell_type") == "code"]
        sources = {normal("".join(cell.get("source", ""))) for cell in code}
        found[path.stem] = {cell.get("id") for cell in code} - {None}, sources - {""}
    return found
