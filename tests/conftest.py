"""What tests of several folders share: a browser, progress of their own, and what a stage provides.

A stage of the Makefile tells its tests in GROOVES_PROVIDES what its prerequisites provide. A test
that needs more fails there even where the machine happens to have it: on another it would not.
"""

import os

import pytest
from provided import Started, chromium, not_provided

STARTED = Started()


@pytest.hookimpl(tryfirst=True)  # so that `-m browser` sees the marks
def pytest_collection_modifyitems(items):
    """Mark every test that uses a browser, directly or through another fixture."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def complain_of(item, fixtures, programs):
    if missing := not_provided(fixtures, programs, os.environ.get("GROOVES_PROVIDES")):
        pytest.fail(
            f"{item.nodeid} needs {', '.join(missing)}, which is no prerequisite of its stage in "
            "the Makefile: move it to a stage that has it (tests/provided.py)",
            pytrace=False,
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    complain_of(item, item.fixturenames, ())


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    complain_of(item, (), STARTED.take())


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests of this process; whoever uses it is marked `browser`."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def own_progress(tmp_path, monkeypatch):
    """Nothing is recorded in the progress of whoever runs the tests."""
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path))
