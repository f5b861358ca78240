"""Pages for the tests of the explorables."""

import pytest
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


@pytest.fixture(scope="module")
def site(request, tmp_path_factory):
    """A book of one page with the module's EXPLORABLE: the folder of its HTML."""
    folders = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("html")
    return built_page(request.module.EXPLORABLE, *folders)


@pytest.fixture(scope="module")
def address(site):
    with served(site) as address:
        yield f"{address}/index.html"


@pytest.fixture
def page(browser, address):
    yield from opened(browser, address)
