"""Every check refuses the reference with a small fault in it: such as a memory."""

import pytest
from mutants import FAULTS, seen_by
from test_checks_labs import LABS, WRITTEN, of

from grooves.checks import CheckFailed

pytestmark = pytest.mark.usefixtures("own_progress")


@pytest.mark.parametrize(("lab", "exercise"), WRITTEN)
def test_a_small_fault_in_the_reference_is_refused(lab, exercise, ended_at_once):
    reference = LABS[lab].reference(exercise)
    if not callable(reference):
        pytest.skip("the answer is a value")
    harmless = LABS[lab].harmless.get(exercise, {})
    watched, calls = seen_by(reference)
    of(lab, exercise)(watched)
    survived, refused = [], []
    for name, fault in FAULTS.items():
        if not fault.shows(calls):
            continue
        mutant = fault.make(reference)
        try:
            of(lab, exercise)(mutant.call)
        except CheckFailed:
            refused.append(name)
        else:
            if mutant.bites:
                survived.append(name)
    assert set(survived) - set(harmless) == set(), "these faults pass the check"
    assert set(harmless) & set(refused) == set(), "these are said to be harmless and are refused"
