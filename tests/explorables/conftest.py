"""A browser and pages, for the tests of the explorables."""

import shutil

import pytest
from in_browser import MODULES, built_page, opened, served
from playwright.sync_api import sync_playwright

from grooves.language.stories import Stories

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser():
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    assert found, "these tests need Chromium; `make chromium` installs it or says how"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=found[0], args=arguments)
        yield browser
        browser.close()


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
