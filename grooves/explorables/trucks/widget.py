"""The explorable `trucks` in JupyterLab: a fast car, many trucks, and Little's law.

Key idea: throughput is what is in flight divided by the latency, up to the bandwidth of the road.
`delivery.mjs` computes the same in the page. Chapter 11.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import traitlets

from grooves.explorables.shared.widget import Explorable


@dataclass(frozen=True)
class Fleet:
    """A fleet that fetches data: the latency of a trip, and how much is in flight at once.

    latency_ns: from departure to arrival. trip_bytes: the load of one trip. in_flight: trips at
    the same time. road_gb_per_s: bandwidth of the road, in bytes per nanosecond.
    """

    latency_ns: float
    trip_bytes: int
    in_flight: int
    road_gb_per_s: float

    @property
    def gate_ns(self) -> float:
        """How long a trip occupies the entrance to the road."""
        return self.trip_bytes / self.road_gb_per_s

    def throughput_gb_per_s(self) -> float:
        """Bytes per nanosecond in the steady state.

        Source: Little 1961, "A proof for the queuing formula L = λW", Operations Research 9(3):
        what is in flight is the throughput times the latency.
        """
        return min(self.in_flight * self.trip_bytes / self.latency_ns, self.road_gb_per_s)

    def arrival_ns(self, trip: int) -> float:
        """When a trip (from 0) arrives, if all start at once and return without a pause."""
        period = max(self.latency_ns, self.in_flight * self.gate_ns)
        lap, place = divmod(trip, self.in_flight)
        return lap * period + place * self.gate_ns + max(self.latency_ns, self.gate_ns)

    def load_ns(self, load_bytes: float) -> float:
        """When the last byte of a load arrives."""
        return self.arrival_ns(max(0, math.ceil(load_bytes / self.trip_bytes) - 1))


# Round numbers for a picture; the notebook measures those of a real machine.
CAR = Fleet(latency_ns=100, trip_bytes=64, in_flight=10, road_gb_per_s=40)
TRUCKS = Fleet(latency_ns=500, trip_bytes=128, in_flight=4096, road_gb_per_s=2000)


class Trucks(Explorable):
    """A widget in which a car and trucks deliver bytes, with sliders for their properties.

    car, trucks: the fields of a `Fleet`. load: bytes requested. time_ns: position of the
    animation. asks: whether the reader predicts before the answer is shown. guesses: the reader's
    predictions, set by the page: [{"load", "guess", "first"}].
    """

    module = "trucks"

    car = traitlets.Dict(asdict(CAR)).tag(sync=True)
    trucks = traitlets.Dict(asdict(TRUCKS)).tag(sync=True)
    load = traitlets.Int(64, min=1).tag(sync=True)
    time_ns = traitlets.Float(0.0, min=0.0).tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)
    guesses = traitlets.List().tag(sync=True)


def state() -> dict:
    """All that the book's page starts from."""
    return Trucks.defaults()
