"""The command `grooves labs similar`: submissions that are alike. Labs of every chapter."""

from __future__ import annotations

import argparse

from grooves.grading.masters import labs_folder, masters
from grooves.grading.records import options, similar, tables
from grooves.grading.records.store import Store
from grooves.grading.reference import Reference
from grooves.grading.term import term_file
from grooves.grading.terminal import say

HELP = """\
List the submissions whose code is most similar when names, comments and layout are ignored, and
so is code that also occurs in the course's solution, the released text or much of the class. People
who share one solution form one entry. Entries that share more code come first.

This is a list to look at, not a verdict: a short exercise has few solutions, and people who work
together, or use the same book or AI assistant, write similar code. Read the code before you ask
anyone about it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs similar`."""
    options.add_lab(parser)
    parser.add_argument(
        "--most", type=int, default=20, metavar="N", help="entries per lab (default 20)"
    )
    options.add_folder_and_term(parser)


def main(args: argparse.Namespace) -> int:
    """Write and print the groups. Returns the exit status."""
    term = term_file.find(args.term, labs_folder().parent)
    known = masters(labs_folder())
    with Store.there(args.out) as store:
        for lab in options.labs_of(store, args.lab):
            reference = Reference(known[lab], term.plan(lab)) if lab in known else None
            found = similar.groups(store, lab, term.rules(lab), reference)[: args.most]
            path = store.folder / f"{lab}-similar.html"
            tables.put(path, similar.page(found, store.labs().get(lab, lab)))
            entries = "1 entry" if len(found) == 1 else f"{len(found)} entries"
            say(f"{lab}: {entries} to look at in {path}")
            for group in found[:10]:
                say(f"  {similar.summary(group)}")
    return 0
