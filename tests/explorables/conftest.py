"""Pages for the tests of the explorables."""

import functools
import os

import pytest
from filelock import FileLock
from in_browser import MODULES, built_page, opened, served

from grooves.language.stories import Stories


@pytest.fixture(scope="session")
def modules(browser):
    """A page that may import the front-end modules as they stand."""
    with served(MODULES) as address:
        page = browser.new_page()
        page.goto(f"{address}/attention/attention.css")
        yield page
        page.close()


@pytest.fixture(scope="session")
def language():
    return Stories()


@pytest.fixture(scope="session")
def site_of(tmp_path_factory):
    """A function that gives a book of one page with an explorable: the folder of its HTML.

    All processes of a run share it: whichever asks first builds it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    @functools.cache
    def built(name):
        source, out = shared / f"{name}-source", shared / f"{name}-html"
        with FileLock(shared / f"{name}.lock"):
            if not (done := shared / f"{name}.done").is_file():
                source.mkdir(), out.mkdir()
                built_page(name, source, out)
                done.touch()
        return out

    return built


@pytest.fixture(scope="module")
def site(request, site_of):
    """The page of the module's EXPLORABLE."""
    return site_of(request.module.EXPLORABLE)


@pytest.fixture(scope="module")
def address(site):
    with served(site) as address:
        yield f"{address}/index.html"


@pytest.fixture
def page(browser, address):
    yield from opened(browser, address)


@pytest.fixture
def lone_page(browser, address):
    """A page that no other test gets, for those that stop its clock."""
    yield from opened(browser, address, alone=True)
