"""Exports: grades and feedback in the formats of Moodle, Canvas and spreadsheets.

Key idea: a platform gets back its own table, filled in, and its own file names, because these are
certain to be accepted. Labs of every chapter.
"""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from grooves.grading.masters import LabError
from grooves.grading.records import moodle, tables
from grooves.grading.records.adjustments import read_text, table
from grooves.grading.records.people import Person, moodles
from grooves.grading.records.standing import NO_RESULT, Standing, standings
from grooves.grading.records.store import Store
from grooves.grading.term.term_file import Term

KINDS = ("moodle", "canvas", "csv")
MOODLE = ("Identifier", "Full name", "Email address", "Grade", "Maximum Grade", "Feedback comments")


def write(
    kind: str,
    store: Store,
    lab: str,
    term: Term,
    people: Path | None,
    folder: Path,
    say: Callable[[str], None],
    column: str | None = None,
    scale: bool = False,
) -> None:
    """Write the grades and the feedback of a lab for a platform into `folder`.

    people: the table downloaded from the platform, which is filled in. column: of Canvas's
    gradebook. scale: whether points are scaled to Moodle's maximum.
    Raises: LabError where a file cannot be read or written.
    """
    if kind == "csv":
        say(f"{all_labs(store, term)} written")
        return
    rules = term.rules(lab)
    everyone = standings(store, lab, rules)
    own = [one for one in everyone if one.person.platform == kind]
    # the pages must agree with the table, even if something changed after they were written
    title = store.labs().get(lab, lab)
    tables.write_pages(store, lab, title, everyone, term.institution)
    if not own:
        raise LabError(
            f"{lab}: no submission has a file name of {kind.title()}'s. Unpack the zip file that "
            f"you downloaded from {kind.title()} and grade that folder without renaming anything, "
            "or use the export csv."
        )
    if kind == "moodle":
        rows, maxima = _moodle(own, people, scale)
        if not scale and (sentence := _other_maximum(maxima, own)):
            say(f"{lab}: {sentence}")
    else:
        rows = _canvas(own, title, people, column)
    path = folder / f"{lab}-{kind}.csv"
    text = io.StringIO()
    if people is None:  # the platform's own cells are left unchanged
        rows = [[tables.no_formula(cell) for cell in row] for row in rows]
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    try:
        tables.put(path, ("" if kind == "moodle" else "\ufeff") + text.getvalue())
        packed = folder / f"{lab}-{kind}-feedback.zip"
        count = _pack(packed, store, lab, own, kind)
    except OSError as error:
        raise LabError(f"{path} cannot be written ({error.strerror})") from error
    others = len(everyone) - len(own)
    if names := [f"{one.person.name} ({one.total:g} of {one.out_of:g})" for one in own
                 if one.out_of and one.total > one.out_of]:  # fmt: skip
        say(f"above the maximum: {', '.join(names)}")
    if names := [one.person.name for one in own if one.graded.submission and not _has_grade(one)]:
        say(f"without a grade, because nothing could be graded: {', '.join(names)}")
    left = (
        f"; {others} people who are not in {kind.title()} are only in {lab}.csv" if others else ""
    )
    say(f"{path} ({len(own)} people) and {packed} ({count} pages) written{left}")


def all_labs(store: Store, term: Term, semicolons: bool = False) -> Path:
    """Write one table of all labs: a row for each person. Returns: its path.

    semicolons: separate the columns, with decimal commas, as Excel expects in many countries.
    """
    labs = store.labs()
    points: dict[str, dict[str, Standing]] = {}
    for lab in labs:
        everyone = standings(store, lab, term.rules(lab))
        names = [one.person.name.casefold() for one in everyone]
        for one in everyone:
            # Moodle's number differs between assignments; e-mail and name do not
            name = one.person.name.casefold()
            alike = names.count(name) > 1
            key = one.email.casefold() or (one.person.key if alike else name)
            if key not in points and not alike:
                known = [k for k, by in points.items() for other in by.values()
                         if other.person.name.casefold() == name]  # fmt: skip
                key = known[0] if len(set(known)) == 1 else key
            points.setdefault(key, {})[lab] = one
    rows = [["student", "id", "email", *labs, "total", "out_of"]]
    out_of = {lab: max((p[lab].out_of for p in points.values() if lab in p), default=0)
              for lab in labs}  # fmt: skip
    for one in sorted(points.values(), key=lambda p: next(iter(p.values())).person.name.casefold()):
        first = next(iter(one.values()))
        total = sum(standing.total for standing in one.values())
        graded = [f"{one[lab].total:g}" if lab in one else "" for lab in labs]
        rows.append([first.person.name, first.person.id, first.email, *graded, f"{total:g}",
                     f"{sum(out_of.values()):g}"])  # fmt: skip
    if semicolons:
        number = re.compile(r"-?\d+\.\d+")
        rows = [[c.replace(".", ",") if number.fullmatch(c) else c for c in row] for row in rows]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", delimiter=";" if semicolons else ",")
    writer.writerows([[tables.no_formula(cell) for cell in row] for row in rows])
    path = store.folder / "all_labs.csv"
    try:
        tables.put(path, "\ufeff" + text.getvalue())
    except OSError as error:
        raise LabError(f"{path} cannot be written ({error.strerror})") from error
    return path


def _has_grade(one: Standing) -> bool:
    """Whether there is a grade, from the checks or from the instructor."""
    if one.set_total is not None or one.extra or any(score.given for score in one.scores):
        return True
    return one.graded.state not in (*NO_RESULT, "not handed in")


def _other_maximum(maxima: set[float], own: list[Standing]) -> str:
    """A sentence if Moodle's maximum differs from the lab's points; otherwise nothing."""
    worth = max(one.out_of for one in own)
    if not maxima or maxima == {worth}:
        return ""
    most = max(maxima)
    whole = f"set the assignment's maximum grade to {worth:g} in Moodle, or "
    return (
        f"the lab is worth {worth:g} points, but Moodle's maximum is {most:g}. The grades are "
        f"points: {whole if float(worth).is_integer() else ''}export with --scale, which turns "
        f"{worth:g} points into {most:g}."
    )


def _moodle(
    own: list[Standing], people: Path | None, scale: bool
) -> tuple[list[list[str]], set[float]]:
    """Moodle's grading worksheet: the downloaded one filled in, or a new one.

    Returns: its rows, and the maxima that the downloaded one states.
    """
    graded = {one.person.at_platform: one for one in own if _has_grade(one)}
    if people is None:
        rows = [list(MOODLE)]
        for key, one in graded.items():
            rows.append([f"Participant {key.partition(':')[2]}", one.person.name, one.email,
                         f"{one.total:g}", f"{one.out_of:g}", one.comment])  # fmt: skip
        return rows, set()
    reader = table(read_text(people))
    names, theirs = list(reader.fieldnames or ()), list(reader)
    column = moodle.columns(names, theirs)
    if "grade" not in column:
        raise LabError(
            f"{people} is not a grading worksheet. In Moodle, open the assignment's submissions "
            "and choose Download grading worksheet. If you did, set Moodle's language to English "
            "and download it again."
        )
    rows, maxima = [names], set()
    for row in theirs:
        maximum = row.get(column.get("maximum", "")) or ""
        most = moodle.number(maximum)
        maxima |= {most} - {None}
        one = graded.get(moodle.key_of(row[column["identifier"]] or ""))
        if one is not None:
            factor = most / one.out_of if scale and most and one.out_of else 1
            grade = f"{round(one.total * factor, 2):g}"
            # Moodle reads numbers in the language of the worksheet
            row[column["grade"]] = grade.replace(".", ",") if "," in maximum else grade
            if "comments" in column and one.comment:
                row[column["comments"]] = one.comment
        rows.append([row[name] or "" for name in names])
    return rows, maxima


def _canvas(own, title, people, column) -> list[list[str]]:
    """Canvas's gradebook: the downloaded one with one column filled in, or a new one."""
    graded = {one.person.at_platform: one for one in own if _has_grade(one)}
    kept = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
    if people is None:
        rows = [["Student", "ID", "Section", column or title]]
        rows += [
            [one.person.name, key.partition(":")[2], "", f"{one.total:g}"]
            for key, one in graded.items()
        ]
        return rows
    reader = table(read_text(people))
    names = list(reader.fieldnames or ())
    if "Student" not in names or "ID" not in names:
        raise LabError(
            f"{people} has no columns Student and ID: export the gradebook from Canvas again."
        )
    wanted = column or title
    found = [n for n in names if re.sub(r" \(\d+\)$", "", n) == wanted or n == wanted]
    if column and not found:
        raise LabError(f"{people} has no column {column!r}; its columns are {', '.join(names)}")
    into = found[0] if found else wanted
    kept = [name for name in kept if name in names]
    rows = [[*kept, into]]
    for row in reader:
        one = graded.get(f"canvas:{(row['ID'] or '').strip()}")
        before = row.get(into) or ""
        rows.append([*(row[name] or "" for name in kept), f"{one.total:g}" if one else before])
    return rows


def _pack(path: Path, store: Store, lab: str, own: list[Standing], kind: str) -> int:
    """Write the pages that count to a zip file, named for the platform. Returns: how many."""
    count = 0
    beside = path.with_suffix(".part")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as packed:
        for one in own:
            name = one.graded.submission
            if not name:
                continue
            page = tables.page_path(store.folder, lab, name)
            if page.is_file():
                packed.write(page, _name_for(kind, one.person, name, lab))
                count += 1
    os.replace(beside, path)
    return count


def _name_for(kind: str, person: Person, submission: str, lab: str) -> str:
    """The file name of a page by which the platform finds the student."""
    parts = submission.split("/")
    if kind == "canvas":
        return f"{parts[-1]}.html"
    for part in parts:
        if found := moodles(part):
            start = found.group().rstrip("_") + "_"
            folder = found.end() == len(part)
            return f"{start}/{lab}.html" if folder else f"{start}{lab}.html"
    # handed in by another route, but on Moodle's list
    number = person.at_platform.partition(":")[2]
    return f"{person.name.replace('/', ' ')}_{number}_assignsubmission_file_/{lab}.html"
