"""What tests of several folders share."""

import pytest


@pytest.fixture
def own_progress(tmp_path, monkeypatch):
    """Nothing is recorded in the progress of whoever runs the tests."""
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path))
