"""The command `grooves labs remove`: removes a submission. Labs of every chapter."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from grooves.grading.grading_run import write
from grooves.grading.masters import LabError, labs_folder
from grooves.grading.records import options, tables
from grooves.grading.records.people import person_of
from grooves.grading.records.store import Store
from grooves.grading.term import term_file
from grooves.grading.terminal import say

HELP = """\
Remove a submission from the results because it was filed under the wrong name or withdrawn. Its
feedback page is deleted and the table is rewritten. The database keeps a dated record of the points
of each exercise. The file that was handed in is not touched: move it elsewhere, or the next run of
"grade" over its folder adds it again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs remove`."""
    parser.add_argument(
        "name", help="the submission's name in the table, or a student who has only one submission"
    )
    options.add_lab(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    options.add_folder_and_term(parser)


def main(args: argparse.Namespace) -> int:
    """Remove one submission. Returns the exit status; 1 where the instructor says no."""
    term = term_file.find(args.term, labs_folder().parent)
    with Store.there(args.out) as store:
        lab, name = _one(store, options.labs_of(store, args.lab), args.name)
        if not args.yes and not _agreed(lab, name):
            say("Nothing was removed.")
            return 1
        store.remove(lab, name)
        _delete(tables.page_path(store.folder, lab, name), store.folder)
        say(f"{name} removed from the results of {lab}")
        if not write(store, lab, term, say):
            tables.write_table(store, lab, [])  # nobody is left
    return 0


def _one(store: Store, labs: list[str], name: str) -> tuple[str, str]:
    """The lab and the name of the submission that is meant.

    Raises: LabError where there is none, or more than one.
    """
    every = [(lab, one.graded.submission) for lab in labs for one in store.all_of(lab)]
    exact = [one for one in every if one[1] == name]
    wanted = name.casefold()
    found = exact or [
        (lab, submission)
        for lab, submission in every
        if wanted in (p := person_of(submission, lab)).key.casefold().split(":", 1)
        or wanted in (p.name.casefold(), p.key.casefold())
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise LabError(
            f"{name!r} is not a submission in {store.folder}: write it as in the table's column "
            "`submission`"
        )
    listed = "; ".join(f"{submission} (lab {lab})" for lab, submission in found)
    several_names = len({submission for _, submission in found}) > 1
    remedies = ["the submission's name"] if several_names else []
    if len({lab for lab, _ in found}) > 1:
        remedies.append("the lab with --lab")
    raise LabError(f"{name!r} could be {listed}: write {' and '.join(remedies)}")


def _delete(page: Path, results: Path) -> None:
    """Delete a page and the folders that become empty, up to the folder of the results."""
    page.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a folder that is not empty stays
        for folder in page.parents:
            if folder == results:
                return
            folder.rmdir()


def _agreed(lab: str, name: str) -> bool:
    """Whether the instructor confirms. Raises: LabError where nobody can be asked."""
    try:
        return input(f"Remove {name} from the results of {lab}? [y/N] ").strip().lower() in (
            "y",
            "yes",
        )
    except EOFError:
        raise LabError("there is no terminal to ask for confirmation: add --yes") from None
