"""The command `grooves labs similar`: pairs to look at. Labs of every chapter."""

from __future__ import annotations

import argparse

from grooves.grading.masters import labs_folder, masters
from grooves.grading.records import options, similar, tables
from grooves.grading.records.store import Store
from grooves.grading.reference import Reference
from grooves.grading.term import term_file
from grooves.grading.terminal import say

HELP = """\
List the pairs of submissions whose code is most alike, after names, comments and layout are taken
out, and without what the reference, the released text or much of the class has, too.

It is a list to look at, and not a verdict: short exercises have few ways to be written, and people
who work together, from one book or with one assistant, write alike. Read both before you ask.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `grooves labs similar`."""
    options.add_lab(parser)
    parser.add_argument(
        "--most", type=int, default=20, metavar="N", help="pairs for each lab (default 20)"
    )
    options.add_folder_and_term(parser)


def main(args: argparse.Namespace) -> int:
    """Write and print the pairs. Returns the exit status."""
    term = term_file.find(args.term, labs_folder().parent)
    known = masters(labs_folder())
    with Store.there(args.out) as store:
        for lab in options.labs_of(store, args.lab):
            reference = Reference(known[lab], term.plan(lab)) if lab in known else None
            pairs = similar.pairs(store, lab, term.rules(lab), reference)[: args.most]
            path = store.folder / f"{lab}-similar.html"
            tables.put(path, similar.page(pairs, store.labs().get(lab, lab)))
            say(f"{lab}: {len(pairs)} pairs to look at in {path}")
            for pair in pairs[:10]:
                where = ", ".join(pair.exercises)
                say(f"  {pair.share:4.0%}  {pair.first.name} and {pair.second.name}: {where}")
    return 0
