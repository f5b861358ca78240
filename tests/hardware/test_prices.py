"""Prices have a date, a source and a range, and old ones are found."""

import datetime

import pytest

from grooves.hardware import prices

ENTRY = """
[[price]]
name = "Card"
kind = "rent"
amount = 2.0
currency = "USD"
unit = "per hour"
low = 1.5
high = 3.0
includes = "machine"
excludes = "storage"
date = "2026-01-01"
source = "a page"
checked = "page"
read = "2026-12-01"
"""


def test_every_price_says_what_it_includes_where_it_is_from_and_when_it_held():
    for one in prices.prices().values():
        assert one.includes and one.excludes and one.source, one.name
        assert one.checked in ("page", "quoted", "recalled"), one.name
        assert datetime.date.fromisoformat(one.date) <= datetime.date.fromisoformat(one.read)


def test_every_model_has_a_price_for_input_and_a_higher_one_or_the_same_for_output():
    table = prices.prices()
    models = [name.removesuffix(", input") for name in table if name.endswith(", input")]
    assert len(models) >= 4
    for model in models:
        assert table[f"{model}, output"].amount >= table[f"{model}, input"].amount, model


def test_a_price_is_stale_from_the_day_after_its_last_day():
    card = prices.read_prices(ENTRY)["Card"]
    assert not prices.stale(card, "2026-01-31", 30)
    assert prices.stale(card, "2026-02-01", 30)


def test_stale_prices_are_named_oldest_first_in_one_sentence():
    older = ENTRY.replace('"Card"', '"Old"').replace("2026-01-01", "2025-01-01")
    newer = ENTRY.replace('"Card"', '"New"').replace("2026-01-01", "2026-11-30")
    table = prices.read_prices(ENTRY + older + newer)
    assert [one.name for one in prices.find_stale("2026-12-01", 30, table)] == ["Old", "Card"]
    text = prices.stale_sentence("2026-12-01", 30, table)
    assert text.startswith("2 prices are more than 30 days old") and text.count(".") == 1
    assert "Old (2025-01-01); Card (2026-01-01)" in text


def test_dollars_are_divided_by_the_rate_and_euros_are_left():
    card = prices.read_prices(ENTRY)["Card"]
    assert prices.in_euros(card, 1.25) == 1.6
    assert prices.in_euros(prices.price("Electricity, households"), 1.25) == 0.2872


def test_a_price_without_a_range_is_its_own_range():
    text = ENTRY.replace("low = 1.5\nhigh = 3.0\n", "")
    assert prices.read_prices(text)["Card"].range == (2.0, 2.0)


def test_the_household_price_is_that_of_chapter_6():
    from grooves.hardware.costs import PRICE_EUR_PER_KWH

    assert prices.price("Electricity, households").amount == PRICE_EUR_PER_KWH


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        ("amount = 2.0", "amount = -2.0", "not positive"),
        ("amount = 2.0", "amount = 4.0", "4.0 is not between 1.5 and 3.0"),
        ('unit = "per hour"', 'unit = "per day"', "unit 'per day' must be one of per hour"),
        ('currency = "USD"', 'currency = "GBP"', "currency 'GBP' must be one of EUR"),
        ("2026-01-01", "January", "'January' is no date; write it as"),
        ("2026-01-01", "2027-01-01", "dated 2027-01-01, after 2026-12-01"),
    ],
)
def test_a_price_with_a_fault_is_refused(find, put, says):
    with pytest.raises(ValueError, match=says):
        prices.read_prices(ENTRY.replace(find, put))
