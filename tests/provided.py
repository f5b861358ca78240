"""What a test may rely on beyond the pinned packages, so that the suite passes on a new machine.

Two kinds of things are not installed from the requirements: Chromium, which only some stages of
`make test` provide, and programs. Stages state what they provide in GROOVES_PROVIDES, which the
Makefile fills from their prerequisites; conftest.py holds every test to it.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest

# The Makefile looks for the same names.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Fixtures that need what a prerequisite of a stage provides.
NEEDS = {"browser": "chromium"}
# Programs that every stage may start: `make` itself, its shell, and what it looks for before tests.
PROGRAMS = {"make", "sh", "bash", "git"}


@contextlib.contextmanager
def chromium():
    """The system's Chromium, which is the only browser that tests use.

    Fails with the remedy where there is none, or where it does not start.
    """
    from playwright.sync_api import Error, sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail("no Chromium here: `make chromium` installs it or says how", pytrace=False)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        try:
            browser = playwright.chromium.launch(executable_path=found, args=arguments)
        except Error as error:
            pytest.fail(f"{found} does not start: {error}", pytrace=False)
        yield browser
        browser.close()


def not_provided(fixtures, stage):
    """What a test with these fixtures needs and a stage does not provide, as a sentence, or None.

    stage: the content of GROOVES_PROVIDES; None where a test is run by hand, which may use all.
    """
    if stage is None:
        return None
    missing = sorted({NEEDS[name] for name in fixtures if name in NEEDS} - set(stage.split()))
    return missing and (
        f"this test needs {', '.join(missing)}, which is no prerequisite of its stage in the "
        "Makefile: move the test to a stage that provides it"
    )


class Started:
    """The programs that this process starts which neither Python nor the pins bring along."""

    def __init__(self):
        self.foreign = []
        sys.addaudithook(self._listen)

    def _listen(self, event, arguments):
        if event == "subprocess.Popen" and is_foreign(os.fsdecode(arguments[0])):
            self.foreign.append(os.fsdecode(arguments[0]))


def is_foreign(program):
    """Whether a program comes from neither this environment nor PROGRAMS nor a temporary folder."""
    found = shutil.which(program)
    if Path(program).name in PROGRAMS or found is None:  # what is not there cannot be relied on
        return False
    homes = (sys.prefix, sys.base_prefix, os.environ.get("TMPDIR", "/tmp"))
    return not any(Path(found).is_relative_to(home) for home in homes)
