"""The explorable `choosing` in JupyterLab: which machine is the cheapest for which workload.

Key idea: the page's formulas are those of `grooves/hardware/choosing/`, with published figures and
dated prices; other offers may be passed. Chapter 15.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.hardware.choosing import answers, cheapest
from grooves.hardware.choosing import rent_or_buy as rent
from grooves.hardware.choosing.customers import rented_offers
from grooves.hardware.choosing.servers import Server, server
from grooves.hardware.many_devices.dense import from_published
from grooves.hardware.many_devices.requests import CALL_S
from grooves.hardware.prices import in_euros, price

RENTED = (
    "T4 on demand", "L4 on demand", "A100 80 GB on demand", "8 × A100 80 GB on demand",
    "H100 on demand", "8 × H100 on demand",
)  # fmt: skip
OWNED = {  # name: server, price
    "own laptop": ("Laptop", "Laptop"),
    "own workstation": ("Workstation with an RTX 4090", "Workstation with an RTX 4090"),
    "own server, 8 × H100": ("G593-ZD2", "H100 server"),
}
MODELS = ("Llama 3.1 8B", "Llama 3.1 70B")
CONTEXT = 2048
PUE = 1.3  # of an own machine's electricity, cooling included: an assumption


def models() -> list[dict]:
    """Models with the sizes that the formulas need."""
    return [{"name": name, **asdict(from_published(name, CONTEXT))} for name in MODELS]


def described(name: str, where: Server, eur: float, owned: bool) -> dict:
    """An offer as the page takes it. eur: per hour, of an owned machine without its electricity."""
    group = where.group()
    return {
        "name": name,
        "n": where.n_devices,
        "memory": where.memory_bytes / where.n_devices,
        "bandwidth": group.bandwidth_bytes_per_s,
        "flops16": where.peak_flops_per_s(16) / where.n_devices,
        "flops8": where.peak_flops_per_s(8) / where.n_devices,
        "alpha": group.link.alpha_s,
        "beta": group.link.beta_bytes_per_s,
        "eur": eur,
        "busy": where.power_w if owned else 0,
        "idle": where.idle_w if owned else 0,
    }


def offers() -> list[dict]:
    """Rented machines, and owned ones at what they cost per hour of their life."""
    rented = {offer.name: offer for offer in rented_offers()}
    rows = [described(n, rented[n].server, rented[n].eur_per_hour, False) for n in RENTED]
    for name, (machine, bought) in OWNED.items():
        choice = owned_choice(machine, bought)
        without = rent.owned_eur_per_hour(choice) - rent.energy_eur_per_hour(choice)
        rows.append(described(name, server(machine), without, True))
    return rows


def owned_choice(machine: str, bought: str, utilisation: float = 0.5) -> rent.Choice:
    """An owned machine with the assumptions of `rent_or_buy`; its rent plays no part."""
    where = server(machine)
    usual = rent.Choice(1.0, in_euros(price(bought)), busy_w=where.power_w, idle_w=where.idle_w)
    return replace(usual, utilisation=utilisation, pue=PUE)


def settings() -> dict:
    """What the formulas assume."""
    return {
        "ofPeak": answers.OF_PEAK,
        "ofBandwidth": answers.OF_BANDWIDTH,
        "callS": CALL_S,
        "full": cheapest.FULL,
        "pue": PUE,
    }


class Choosing(Explorable):
    """A widget that maps the cheapest machine over a workload's requests and its latency goal.

    models, offers, settings: as the functions of these names make them. model: a name. requests:
    per day. tokenS, firstS: goals in seconds. tokensIn, tokensOut: of a request. peak: busiest hour
    over mean. rentFactor: of all rents. eurPerKwh: of owned machines. ask: whether the reader
    guesses first. guess: an offer's name, "" to be shown, None for none yet.
    """

    module = "choosing"

    models = traitlets.List().tag(sync=True)
    offers = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    model = traitlets.Unicode(MODELS[0]).tag(sync=True)
    requests = traitlets.Float(10_000.0, min=1).tag(sync=True)
    tokenS = traitlets.Float(0.05, min=1e-5).tag(sync=True)
    tokensIn = traitlets.Int(500, min=1).tag(sync=True)
    tokensOut = traitlets.Int(200, min=1).tag(sync=True)
    firstS = traitlets.Float(2.0, min=1e-3).tag(sync=True)
    peak = traitlets.Float(3.0, min=1.0).tag(sync=True)
    rentFactor = traitlets.Float(1.0, min=0.01).tag(sync=True)
    eurPerKwh = traitlets.Float(0.2, min=0.0).tag(sync=True)
    ask = traitlets.Bool(True).tag(sync=True)
    guess = traitlets.Unicode(None, allow_none=True).tag(sync=True)

    def __init__(self, **choices):
        super().__init__(**(rows() | choices))


def rows() -> dict:
    """All that is published, priced or assumed, by the names of the traits."""
    return {"models": models(), "offers": offers(), "settings": settings()}


def state() -> dict:
    """All that the book's page starts from."""
    return Choosing.defaults() | rows()
