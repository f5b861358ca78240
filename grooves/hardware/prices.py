"""What machines, electricity and API tokens cost, and how old each price is.

Key idea: a price is a figure with a date. So each stands once, in `prices.toml`, with its unit, its
source, what it includes and what not, and the day on which it held; an old one is reported and not
silently used. Chapter: 15.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Day
from functools import cache
from pathlib import Path

from grooves.models.published import check_positive, entries

KINDS = ("rent", "buy", "electricity", "input", "output", "exchange")
UNITS = ("per hour", "per kWh", "per device", "per server", "per million tokens", "per EUR")
CURRENCIES = ("EUR", "USD")
MAX_AGE_DAYS = 365


@dataclass(frozen=True)
class Price:
    """One price. low and high: the range of other offers, 0 where none is known.

    machine: the server of `choosing/servers.toml` that it pays for; count: its devices.
    """

    name: str
    kind: str
    amount: float
    currency: str
    unit: str
    includes: str
    excludes: str
    date: str  # the day on which it held
    source: str
    checked: str  # "page", "quoted" or "recalled", as the table's head explains
    read: str  # the day on which the course looked it up
    low: float = 0
    high: float = 0
    machine: str = ""
    count: int = 0

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest offer; the amount itself, twice, where no range is known."""
        return self.low or self.amount, self.high or self.amount


@cache
def prices() -> dict[str, Price]:
    """All prices of the table by name. Raises: ValueError as `read_prices` does."""
    return read_prices(Path(__file__).with_name("prices.toml").read_text("utf-8"))


def read_prices(text: str) -> dict[str, Price]:
    """The prices of a table in TOML, by name.

    Raises: ValueError for an amount that is not positive, an unknown kind, unit or currency, an
    amount outside its own range, or a name that comes twice.
    """
    found = entries(text, "price", Price)
    for one in found.values():
        check_positive(one, (one.amount, *one.range))
        for field, known in (("kind", KINDS), ("unit", UNITS), ("currency", CURRENCIES)):
            if getattr(one, field) not in known:
                raise ValueError(
                    f"price {one.name!r}: {field} {getattr(one, field)!r} must be one of "
                    f"{', '.join(known)}"
                )
        low, high = one.range
        if not low <= one.amount <= high:
            raise ValueError(f"price {one.name!r}: {one.amount} is not between {low} and {high}")
        age_days(one, one.read)
    return found


def price(name: str) -> Price:
    """One price of the table. Raises: ValueError for a name that is not there."""
    if name not in prices():
        raise ValueError(f"{name!r} is not one of the prices: {', '.join(prices())}")
    return prices()[name]


def in_euros(one: Price, dollars_per_euro: float = 0) -> float:
    """A price's amount in euros. dollars_per_euro: 0 stands for the table's exchange rate.

    Raises: ValueError for a rate that is negative.
    """
    rate = dollars_per_euro or price("Dollars per euro").amount
    if rate < 0:
        raise ValueError(f"{dollars_per_euro=} must be positive")
    return one.amount / rate if one.currency == "USD" else one.amount


def age_days(one: Price, on: str | Day) -> int:
    """Days between a price's date and the day `on`.

    on: a date, or text such as "2026-12-01". Raises: ValueError where it is no date, or comes
    before the price's own.
    """
    days = (_day(on) - _day(one.date)).days
    if days < 0:
        raise ValueError(f"price {one.name!r} is dated {one.date}, after {on}; give a later day")
    return days


def stale(one: Price, on: str | Day, max_age_days: int = MAX_AGE_DAYS) -> bool:
    """Whether a price is more than `max_age_days` old on the day `on`."""
    return age_days(one, on) > max_age_days


def find_stale(on: str | Day, max_age_days: int = MAX_AGE_DAYS, table=None) -> list[Price]:
    """The prices that are stale on a day, oldest first. table: of `read_prices`, or the course's.

    A price dated after that day is not stale.
    """
    table = prices() if table is None else table
    known = [one for one in table.values() if _day(one.date) <= _day(on)]
    return sorted((one for one in known if stale(one, on, max_age_days)), key=lambda p: p.date)


def stale_sentence(on: str | Day, max_age_days: int = MAX_AGE_DAYS, table=None) -> str:
    """One sentence that names the stale prices with their dates and what to do about them."""
    old = find_stale(on, max_age_days, table)
    if not old:
        return f"No price is more than {max_age_days} days old on {on}."
    names = "; ".join(f"{one.name} ({one.date})" for one in old)
    verb = "price is" if len(old) == 1 else "prices are"
    return (
        f"{len(old)} {verb} more than {max_age_days} days old on {on} and should be looked up "
        f"again: {names}."
    )


def _day(text: str | Day) -> Day:
    if isinstance(text, Day):
        return text
    try:
        return Day.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; write it as 2026-12-01") from None
