"""What the tests of the checks share."""

import pytest

from grooves.checks import CheckFailed


class AtOnce(list):
    """Findings of a check, the first of which that is wrong ends it."""

    def append(self, finding):
        if finding.wrong:
            raise CheckFailed(finding.told, hint="wrong")


@pytest.fixture
def ended_at_once(monkeypatch):
    """Checks stop at the first wrong result, instead of judging all of them together in the end.

    Either way the answer is refused, so this is for tests that ask for nothing more, of thousands
    of answers.
    """
    monkeypatch.setattr("grooves.checks.verdict.opened", AtOnce)
