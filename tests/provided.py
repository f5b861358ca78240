"""What a test may rely on beyond the pinned packages, so that the suite passes on a new machine.

Two kinds of things are not installed from the requirements: Chromium, which only some stages of
`make test` provide, and programs. Stages state what they provide in GROOVES_PROVIDES, which the
Makefile fills from their prerequisites; conftest.py holds every test to it.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

# The Makefile looks for the same names.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What a fixture or a program needs of the prerequisites of its stage.
FIXTURES = {"browser": "chromium"}
PROGRAMS = {"git": "checkout"}
ALWAYS_THERE = {"make", "sh", "bash"}  # or no stage would run
# Looked for first and done without, by tests and by the packages that they call.
OPTIONAL = {
    "actionlint",
    "fc-list",
    "ip",
    "lscpu",
    "node",
    "nvidia-smi",
    "sysctl",
    "uname",
    "unshare",
}


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
        # No name of another machine is known: what a page asks of others it does not get.
        arguments += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
        try:
            browser = playwright.chromium.launch(executable_path=found, args=arguments)
        except Error as error:
            pytest.fail(f"{found} does not start: {error}", pytrace=False)
        yield browser
        browser.close()


def not_provided(fixtures, programs, stage):
    """What a test needs beyond the packages and its stage does not provide, sorted.

    fixtures: the names of those that it uses; programs: those that it started.
    stage: the content of GROOVES_PROVIDES; None where a test is run by hand, which may use all.
    """
    named = {Path(program).name: program for program in programs}
    unknown = {path for name, path in named.items() if name not in {*PROGRAMS, *ALWAYS_THERE}}
    needed = {FIXTURES[name] for name in fixtures if name in FIXTURES}
    needed |= {PROGRAMS[name] for name in named if name in PROGRAMS}
    return sorted(unknown) + sorted(needed - set(needed if stage is None else stage.split()))


class Started:
    """The programs that this process starts which this environment does not bring along."""

    def __init__(self):
        self.programs = set()
        sys.addaudithook(self._listen)

    def _listen(self, event, arguments):
        if event == "subprocess.Popen" and is_foreign(os.fsdecode(arguments[0])):
            self.programs.add(os.fsdecode(arguments[0]))

    def take(self):
        """The programs since the last time."""
        taken, self.programs = self.programs, set()
        return taken


def is_foreign(program):
    """Whether a program comes neither from this environment nor from a temporary folder."""
    found, name = shutil.which(program), Path(program).name
    if found is None or name in OPTIONAL or name.startswith("python"):
        return False
    return not any(Path(found).is_relative_to(ours) for ours in (sys.prefix, tempfile.gettempdir()))
