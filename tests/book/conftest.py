"""What the tests of the book share: the built book, a sample book, and a page."""

import sys

import pytest
import sample_book
from built_book import ROOT, built_book, served

sys.path.insert(0, str(ROOT / "book" / "_ext"))  # as _config.yml has Sphinx find the extensions


@pytest.fixture(scope="session")
def book():
    """The repository's own book."""
    return built_book()


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A small book with the same settings and extensions, and a repository's address set."""
    return sample_book.build(tmp_path_factory.mktemp("sample"), sample_book.SOUND)


@pytest.fixture(scope="session")
def faulty(tmp_path_factory):
    """A small book in which each page has one fault."""
    return sample_book.build(tmp_path_factory.mktemp("faulty"), sample_book.FAULTY)


@pytest.fixture
def page(browser):
    """A fresh page of the size of a small laptop's window."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def book_address(book):
    with served(book.site) as address:
        yield address


@pytest.fixture(scope="session")
def sample_address(sample):
    with served(sample.site) as address:
        yield address
