"""Name what broke: the failed tests of a run, and the packages that are not the pinned ones.

    python .github/what_broke.py _build/reports

Reads pytest's JUnit reports, one a stage. Prints annotations, which GitHub shows with the run, and
writes the same as a table to the run's summary. Needs nothing but Python.
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path


def failures(folder):
    """[(stage, test, first line of the message)] of every failed or broken test."""
    found = []
    for report in sorted(Path(folder).glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            for trouble in [*case.findall("failure"), *case.findall("error")]:
                name = f"{case.get('classname')}::{case.get('name')}"
                message = (trouble.get("message") or "").strip().splitlines() or ["no message"]
                found.append((report.stem, name, message[0]))
    return found


def changed(pinned, installed):
    """[(package, pinned, installed)] where the two differ, for packages that are installed."""
    return [
        (name, version, installed[name])
        for name, version in sorted(pinned.items())
        if name in installed and installed[name].split("+")[0] != version
    ]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(folder):
    """{package: version} of all requirement files in a folder."""
    text = "".join(path.read_text() for path in Path(folder).glob("*.txt"))
    return {
        normal(name): version
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)
    }


def table(headings, rows):
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    cells = ((str(cell).replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def main(folder):
    broken = failures(folder)
    installed = {normal(d.metadata["Name"]): d.version for d in metadata.distributions()}
    moved = changed(pins(Path(__file__).parents[1]), installed)
    for stage, name, message in broken:
        print(f"::error title={stage}: {name}::{message}")
    if not broken:
        print(
            "::error title=no test failed::The run broke before or between the tests: read its log."
        )
    summary = [
        "### What broke",
        table(["stage", "test", "message"], broken),
        "### Packages that are not the pinned ones",
        table(["package", "pinned", "installed"], moved),
    ]
    print("\n\n".join(summary))
    if "GITHUB_STEP_SUMMARY" in os.environ:
        with open(os.environ["GITHUB_STEP_SUMMARY"], "a") as page:
            page.write("\n\n".join(summary) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
