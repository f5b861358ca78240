"""A sentence about a measurement says what its numbers allow."""

import pytest

from grooves.hardware.wording import by_ratio, duration, two_digits


def test_a_sentence_follows_from_the_ratio():
    said = [by_ratio(ratio, "more", "alike", "less") for ratio in (9, 1.6, 1.4, 1, 0.7, 0.6, 0.1)]
    assert said == ["more", "more", "alike", "alike", "alike", "less", "less"]
    assert by_ratio(2.9, "more", "alike", "less", margin=3) == "alike"


def test_no_sentence_is_chosen_by_what_is_no_ratio():
    for ratio in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="must be positive"):
            by_ratio(ratio, "more", "alike", "less")
    with pytest.raises(ValueError, match=r"margin=0\.5"):
        by_ratio(2, "more", "alike", "less", margin=0.5)


def test_numbers_have_two_digits_that_count():
    cases = {
        0.0314: "0.031",
        0.4: "0.40",
        7.23: "7.2",
        9.96: "10",
        13.4: "13",
        1340: "1,300",
        0: "0",
    }
    assert {number: two_digits(number) for number in cases} == cases


def test_seconds_are_told_in_a_unit_that_suits_them():
    cases = {22_000: "6.1 hours", 41: "41 seconds", 0.0075: "7.5 milliseconds", 600: "10 minutes"}
    cases |= {3e-6: "3.0 microseconds", 400_000: "4.6 days", 1e9: "32 years"}
    assert {seconds: duration(seconds) for seconds in cases} == cases
    with pytest.raises(ValueError, match="seconds=-1"):
        duration(-1)
