"""What the tests of the plots share."""

import pytest

from grooves.plots import figures


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn."""
    seen, draw = [], figures.picture
    monkeypatch.setattr(
        figures, "picture", lambda figure, *more: seen.append(figure) or draw(figure, *more)
    )
    return seen
