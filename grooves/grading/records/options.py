"""Options that the commands which read graded results have in common.

Key idea: each takes the same three options: the graded folder, the term and the labs.
Labs of every chapter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from grooves.grading.masters import lab_named
from grooves.grading.records.store import Store


def add_lab(parser: argparse.ArgumentParser) -> None:
    """The option --lab."""
    parser.add_argument(
        "--lab", help="only this lab, by name or number (default: every lab that was graded)"
    )


def add_folder_and_term(parser: argparse.ArgumentParser) -> None:
    """The options --out and --term."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("feedback"),
        help="the folder with the results (default feedback/)",
    )
    add_term(parser)


def add_term(parser: argparse.ArgumentParser) -> None:
    """The option --term."""
    parser.add_argument(
        "--term", type=Path, metavar="FILE", help="the term file (default: term.toml, if it exists)"
    )


def labs_of(store: Store, lab: str | None) -> list[str]:
    """The named lab, or all that were graded. Raises: LabError where it was not graded there."""
    labs = store.labs()
    return [lab_named(lab, labs, f"was not graded into {store.folder}")] if lab else list(labs)
