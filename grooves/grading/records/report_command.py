"""The command `grooves labs report`: how the class did. Labs of every chapter."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from grooves.grading.masters import LabError, labs_folder
from grooves.grading.records import report, tables
from grooves.grading.records.store import Store
from grooves.grading.term import term_file
from grooves.grading.terminal import say

HELP = """\
Show how the class did in each exercise: how many passed, how the others ended, the mistakes that
the checks named, and those that they did not name, grouped by likeness. Of each person the
submission counts that counts for the points; points are those of the checks, before adjustments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs report`."""
    parser.add_argument("--lab", help="only this lab (default: each that was graded)")
    parser.add_argument(
        "--out", type=Path, default=Path("feedback"), help="the graded folder (default feedback/)"
    )
    parser.add_argument(
        "--term", type=Path, metavar="FILE", help="the term (default: term.toml where there is one)"
    )


def main(args: argparse.Namespace) -> int:
    """Write the report as page and JSON, and print its table. Returns the exit status."""
    term = term_file.find(args.term, labs_folder().parent)
    with Store.there(args.out) as store:
        labs = store.labs()
        if args.lab and args.lab not in labs:
            raise LabError(f"{args.lab!r} was not graded into {args.out}; there: {', '.join(labs)}")
        for lab in [args.lab] if args.lab else labs:
            found = report.report(store, lab, term.rules(lab))
            page = store.folder / f"{lab}-report.html"
            tables.put(page, report.page(found))
            tables.put(page.with_suffix(".json"), json.dumps(found, indent=1, ensure_ascii=False))
            say(f"{lab}: {page} and {page.with_suffix('.json').name} written")
            for one in found["exercises"]:
                most = one["mistakes"][0] if one["mistakes"] else None
                said = f"; most often {most['mistake']} ({most['people']})" if most else ""
                passed = f"{one['passed']} of {one['people']}"
                say(f"  {one['number']:2}. {one['title']}: {passed}{said}")
    return 0
