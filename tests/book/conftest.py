"""What the tests of the book share: the built book, a sample book, and a page."""

import os
import pickle
import sys
from pathlib import Path

import pytest
import sample_book
from built_book import ROOT, built_book, served
from filelock import FileLock

sys.path.insert(0, str(ROOT / "book" / "_ext"))  # as _config.yml has Sphinx find the extensions


def pytest_collection_modifyitems(items):
    """Give the second process what needs no book, while the first one builds it."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    reading = [item for item in here if "book" in item.fixturenames]
    others = [item for item in here if "book" not in item.fixturenames]
    half = len(here) // 2
    elsewhere = [item for item in items if item not in set(here)]
    items[:] = [*reading[:half], *others, *reading[half:], *elsewhere]


def built_once(tmp_path_factory, name, files, **settings):
    """A sample book that all processes of a run share: whichever comes first builds it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    kept = shared / f"{name}.pickle"
    with FileLock(shared / f"{name}.lock"):
        if not kept.is_file():
            (shared / name).mkdir()
            kept.write_bytes(pickle.dumps(sample_book.build(shared / name, files, **settings)))
        return pickle.loads(kept.read_bytes())


@pytest.fixture(scope="session")
def book():
    """The repository's own book."""
    return built_book()


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A small book with the same settings and extensions, and a students' copy set."""
    return built_once(tmp_path_factory, "sample", sample_book.SOUND)


@pytest.fixture(scope="session")
def faulty(tmp_path_factory):
    """A small book in which each page has one fault."""
    return built_once(tmp_path_factory, "faulty", sample_book.FAULTY)


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """An edition of three small chapters with the real page for instructors; no students' copy."""
    return built_once(tmp_path_factory, "taught", sample_book.TAUGHT, copy="")


@pytest.fixture(scope="session")
def edition(tmp_path_factory):
    """A small book of an edition: another name and colour, a chapter left out, a page added."""
    return built_once(tmp_path_factory, "edition", sample_book.EDITION)


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
