"""The time zone in which dates without an offset are read.

Key idea: a worksheet says "23:05" without a time zone. One zone applies to due dates, to the times
in lists and to what an instructor writes. It is stored with the results, so that grading on a
laptop and exporting on a server in another zone cannot disagree unnoticed. Labs of every chapter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from grooves.grading.records.store import Store

_KEPT = "time_zone"


def zone_named(name: str) -> tzinfo:
    """The time zone of that name. Raises: ValueError saying what is allowed there."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no such file, no such path, no such zone
        raise ValueError(
            f"time_zone is {name!r}; it must be a name such as Europe/Berlin or America/New_York"
        ) from None


def compare(store: Store, zone: tzinfo | None, keep: bool, say: Callable[[str], None]) -> None:
    """Warn if the results were made with another time zone than this run's.

    zone: the term's, None for the machine's. keep: whether this run's zone applies from now on.
    """
    now, before = _described(zone), store.setting(_KEPT)
    name, *offsets = json.loads(before) if before else now
    if offsets != now[1:]:
        remedy = "Write time_zone into term.toml to use the same everywhere."
        if zone:
            remedy = f"If {now[0]} is not what you want, change time_zone in the term file."
        say(
            f"The results in {store.folder} were made in another time zone, {name}; "
            f"this run uses {now[0]}, so a lab may be late by a different number of hours. {remedy}"
        )
    if keep or not before:
        store.keep_setting(_KEPT, json.dumps(now))


def _described(zone: tzinfo | None) -> list[str]:
    """The zone's name, and its offsets from UTC in winter and in summer."""
    year = datetime.now().year
    days = [datetime(year, month, 1, 12) for month in (1, 7)]
    offsets = [f"{day.replace(tzinfo=zone) if zone else day.astimezone():%z}" for day in days]
    return [
        str(zone) if zone else f"local time (UTC{'/'.join(dict.fromkeys(offsets))})",
        *offsets,
    ]
