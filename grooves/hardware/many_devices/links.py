"""What makers publish of the links between devices, as alpha-beta models.

Key idea: a printed bandwidth adds up both directions and is reached by no message. So the table
holds one direction, with the fraction that others measured of it, and a latency. Chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grooves.hardware.many_devices.alpha_beta import AlphaBeta
from grooves.models.published import check_positive, entries


@dataclass(frozen=True)
class Link:
    """One kind of link, per device and direction."""

    name: str
    gb_per_s: float
    latency_us: float  # per message of a long transfer
    short_us: float  # per message of a few kilobytes
    fraction: float  # of gb_per_s that long all-reduces reach
    source: str
    checked: str  # "page", "quoted" or "recalled", as in devices.toml
    read: str

    @property
    def model(self) -> AlphaBeta:
        """For long transfers: its latency, and the bandwidth that it reaches."""
        return AlphaBeta(self.latency_us * 1e-6, self.gb_per_s * 1e9 * self.fraction)

    @property
    def short(self) -> AlphaBeta:
        """For short messages. NCCL's low-latency protocol sends a flag with every word, and reaches
        a quarter of the bandwidth (`src/graph/tuning.cc`)."""
        return AlphaBeta(self.short_us * 1e-6, self.gb_per_s * 1e9 / 4)


@cache
def published_links() -> dict[str, Link]:
    """All links of the table by name."""
    return read_links(Path(__file__).with_name("links.toml").read_text("utf-8"))


def read_links(text: str) -> dict[str, Link]:
    """The links of a table in TOML. Raises: ValueError as `grooves.models.published.entries`, and
    for a figure that is not positive or a fraction above 1."""
    found = entries(text, "link", Link)
    for link in found.values():
        check_positive(link, (link.gb_per_s, link.latency_us, link.short_us, link.fraction))
        if link.fraction > 1:
            raise ValueError(f"link {link.name!r}: {link.fraction=} is more than all of it")
    return found


def link_named(name: str) -> AlphaBeta:
    """The model of a published link. Raises: ValueError for a name that is not in the table."""
    if name not in published_links():
        raise ValueError(f"link {name!r} is not one of {', '.join(published_links())}")
    return published_links()[name].model
