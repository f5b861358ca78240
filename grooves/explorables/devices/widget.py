"""The explorable `devices` in JupyterLab: a cluster to build, and who waits for whom.

Key idea: the page's formulas are those of `grooves/hardware/many_devices/`, with published devices
and links; other models, devices and links may be passed. Chapter 13.
"""

from __future__ import annotations

from dataclasses import asdict

import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.hardware.devices import published
from grooves.hardware.many_devices import cluster, dense, links, plans, requests
from grooves.hardware.many_devices.cluster import Cluster
from grooves.hardware.many_devices.dense import Dense
from grooves.hardware.many_devices.memory import Plan

DEVICES = ("NVIDIA A100 SXM 80 GB", "NVIDIA H100 SXM", "NVIDIA H200 SXM", "NVIDIA B200 SXM")
EXPERIMENTS = ("pcie", "batch", "micro", "zero", "user")
FIRST = Plan(4, 2, 1, 32, 3)  # of MPT 30B on eight H100, what the page opens on
MODEL, DEVICE, INSIDE, BETWEEN = "MPT 30B", "NVIDIA H100 SXM", "NVLink 4", "400 Gbit/s network"
BATCH = 256


def models() -> list[dict]:
    """The models of the chapter's table, with the sizes that the formulas need."""
    return [{"name": name, **asdict(model)} for name, model in plans.sizes().items()]


def devices() -> list[dict]:
    """Published devices: bytes, FLOP/s in bf16, bytes per second."""
    found = published()
    return [
        {
            "name": name,
            "memory": found[name].memory_bytes,
            "peak": found[name].peak_flops_per_s("bf16"),
            "bandwidth": found[name].bandwidth_bytes_per_s,
        }
        for name in DEVICES
    ]


def wires() -> list[dict]:
    """Published links: seconds and bytes per second, of long and of short messages."""
    return [
        {
            "name": name,
            "alpha": one.model.alpha_s,
            "beta": one.model.beta_bytes_per_s,
            "shortAlpha": one.short.alpha_s,
            "shortBeta": one.short.beta_bytes_per_s,
        }
        for name, one in links.published_links().items()
    ]


def constants() -> dict:
    """What the formulas assume."""
    return {
        "fraction": cluster.SUSTAINED_FRACTION,
        "passes": cluster.PASSES,
        "stored": dense.STORED_BYTES,
        "call_s": requests.CALL_S,
    }


def first() -> tuple[Dense, Cluster, Plan, int]:
    """The model, cluster, plan and batch that the page opens on."""
    return plans.sizes()[MODEL], cluster.servers(8, DEVICE, INSIDE, BETWEEN), FIRST, BATCH


class Devices(Explorable):
    """A widget in which a model is divided between the devices of a cluster.

    models, devices, links: rows to choose from, as `models()`, `devices()` and `wires()` make them.
    constants: as `constants()`. model, device, inside, between: names of rows; inside and between
    are links within a server of eight and between servers. n: devices. tensor, pipeline: that share
    each matrix, the layers; what is left divides the batch. zero: stage 0 to 3. micro:
    micro-batches in turn. recompute: "selective" or "full". batch: sequences of a step.
    experiment: one of `EXPERIMENTS`. asks: whether the reader predicts before an answer is shown.
    guesses: what was predicted, set by the page: [{"experiment", "guess", "right"}].
    """

    module = "devices"

    models = traitlets.List().tag(sync=True)
    devices = traitlets.List().tag(sync=True)
    links = traitlets.List().tag(sync=True)
    constants = traitlets.Dict().tag(sync=True)
    model = traitlets.Unicode(MODEL).tag(sync=True)
    device = traitlets.Unicode(DEVICE).tag(sync=True)
    inside = traitlets.Unicode(INSIDE).tag(sync=True)
    between = traitlets.Unicode(BETWEEN).tag(sync=True)
    n = traitlets.Int(8, min=1, max=64).tag(sync=True)
    tensor = traitlets.Int(FIRST.tensor, min=1, max=8).tag(sync=True)
    pipeline = traitlets.Int(FIRST.pipeline, min=1, max=16).tag(sync=True)
    zero = traitlets.Int(FIRST.zero, min=0, max=3).tag(sync=True)
    micro = traitlets.Int(FIRST.micro_batches, min=1, max=256).tag(sync=True)
    recompute = traitlets.Enum(("selective", "full"), FIRST.recompute).tag(sync=True)
    batch = traitlets.Int(BATCH, min=1, max=1024).tag(sync=True)
    experiment = traitlets.Enum(EXPERIMENTS, "pcie").tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)
    guesses = traitlets.List().tag(sync=True)

    def __init__(self, **choices):
        super().__init__(**(rows() | choices))


def rows() -> dict:
    """All that is published or assumed, by the names of the traits."""
    return {
        "models": models(),
        "devices": devices(),
        "links": wires(),
        "constants": constants(),
    }


def state() -> dict:
    """All that the book's page starts from."""
    return Devices.defaults() | rows()
