"""What the tests of the plots share."""

import sys

import pytest

from grooves.plots import figures


@pytest.fixture(autouse=True)
def main_module(monkeypatch):
    """The module __main__ is afterwards what it was: IPython's shell replaces it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn."""
    seen, draw = [], figures.picture
    monkeypatch.setattr(
        figures, "picture", lambda figure, *more: seen.append(figure) or draw(figure, *more)
    )
    return seen
