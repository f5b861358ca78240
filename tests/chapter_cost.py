"""What one more chapter adds to `make test`, by stage, from the reports of the last run.

    .venv/bin/python tests/chapter_cost.py

Prints the table of CONTRIBUTING.md. A stage's seconds are those of its report in _build/reports. Of
its tests, those that a chapter brings are counted together and divided by the number of chapters
and by the two processes that share them. Run `make test` on a quiet machine first.

The book's build takes the results of the notebooks from the stage `notebooks`, so a notebook counts
once.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "_build" / "reports"
CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("[0-9][0-9]_*.md"))
PLANNED = 15
# Per stage: how many processes it has, and a pattern of the tests that stay as they are, however
# many chapters there are. Of the book's tests those grow that name a chapter's page or read all.
STAGES = {
    "unit": (2, r"tests\.(repository|grading|checks\.test_(checks|progress)\b|test_claims)"),
    "notebooks": (2, r"tests\.notebooks\.test_strict_nbval|notebooks\.00_start"),
    "site": (
        2,
        r"tests\.book\.(?!test_pages::.*\[(book/\d|notebooks/|labs/\d)"
        r"|test_pages::test_no_page_asks_outside|test_launch::test_every_page|test_links::test_every_link)",
    ),
    "explorables": (2, r"^$"),
    "browser": (1, r""),
}


def times(report):
    """The seconds that a stage took, and [(test, seconds)] of its tests."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    cases = [
        (f"{case.get('classname')}::{case.get('name')}", float(case.get("time")))
        for case in suite.iter("testcase")
    ]
    return float(suite.get("time")), cases


def costs(reports, chapters):
    """[(stage, its seconds, the seconds that one chapter adds)] of the stages that were run."""
    for stage, (processes, fixed) in STAGES.items():
        report = reports / f"{stage}.xml"
        if report.is_file():
            whole, cases = times(report)
            grows = sum(seconds for name, seconds in cases if not re.search(fixed, name))
            yield stage, whole, grows / chapters / processes


def table(rows, chapters, planned):
    """The rows as Markdown, with their sum, and with what they would be at the planned number."""
    rows = list(rows)
    rows.append(("together", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    lines = [
        f"| stage | {chapters} chapters, s | one more adds, s | {planned} chapters, s |",
        "|---|---|---|---|",
    ]
    for stage, whole, one in rows:
        expected = whole + (planned - chapters) * one
        lines.append(f"| `{stage}` | {whole:.0f} | {one:.1f} | {expected:.0f} |")
    return "\n".join(lines)


def main():
    """Print the table; returns 1 where a stage has left no report."""
    if not all((REPORTS / f"{stage}.xml").is_file() for stage in STAGES):
        print(f"{REPORTS} lacks a stage's report: run `make test` first.", file=sys.stderr)
        return 1
    print(table(costs(REPORTS, len(CHAPTERS)), len(CHAPTERS), PLANNED))
    return 0


if __name__ == "__main__":
    sys.exit(main())
