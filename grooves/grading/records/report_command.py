"""The command `grooves labs report`: how the class did. Labs of every chapter."""

from __future__ import annotations

import argparse
import json

from grooves.grading.masters import labs_folder
from grooves.grading.records import options, report, tables
from grooves.grading.records.store import Store
from grooves.grading.term import term_file
from grooves.grading.terminal import say

HELP = """\
Show how the class did in each exercise: how many passed, how the others ended, the mistakes that
the checks recognised, with the sentence that students read, and the other failures, with similar
messages grouped together. For each person, the report uses the submission that counts, with the
points given by the checks, before adjustments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs report`."""
    options.add_lab(parser)
    options.add_folder_and_term(parser)


def main(args: argparse.Namespace) -> int:
    """Write the report as page and JSON, and print its table. Returns the exit status."""
    term = term_file.find(args.term, labs_folder().parent)
    with Store.there(args.out) as store:
        for lab in options.labs_of(store, args.lab):
            found = report.report(store, lab, term.rules(lab))
            page = store.folder / f"{lab}-report.html"
            tables.put(page, report.page(found))
            tables.put(page.with_suffix(".json"), json.dumps(found, indent=1, ensure_ascii=False))
            say(f"{lab}: {page} and {page.with_suffix('.json').name} written")
            for one in found["exercises"]:
                most = one["mistakes"][0] if one["mistakes"] else None
                passed = f"{one['passed']} of {one['people']} passed"
                stopped = f", {one['stopped']} stopped" if one["stopped"] else ""
                said = f"; most often ({most['people']}): {most['said']}" if most else ""
                say(f"  {one['number']:2}. {one['title']}: {passed}{stopped}{said}")
    return 0
