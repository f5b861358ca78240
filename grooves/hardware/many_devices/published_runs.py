"""Training runs that others published, predicted: how far the model of a step can be trusted.

Key idea: a model with a free number fits anything. So the one free number, the part of its peak
that a device sustains, is fitted to one run, and the others are predicted with it; the errors are
the result, and where they are large, they say what the model leaves out. Chapter 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grooves.hardware.many_devices.cluster import Cluster, Step, training_step
from grooves.hardware.many_devices.dense import Dense
from grooves.hardware.many_devices.links import link_named
from grooves.hardware.many_devices.memory import Plan
from grooves.hardware.many_devices.plans import fastest
from grooves.models.published import check_positive, entries

CALIBRATED_ON = "nanochat d32"

# What Llama 3's cluster reported: interruptions that were not planned, in a snapshot of 54 days.
# Source: Grattafiori et al. 2024, arXiv:2407.21783, section 3.3.4 (466 interruptions, 47 planned).
LLAMA_3_DEVICES, LLAMA_3_DAYS, LLAMA_3_FAILURES = 16_384, 54, 419


@dataclass(frozen=True)
class Run:
    """One published run; the fields are those of `Cluster`, `Dense` and `Plan`, and what it
    reached."""

    name: str
    device: str
    n_devices: int
    inside: str
    between: str
    n_layer: int
    width: int
    n_head: int
    vocabulary: int
    context: int
    batch: int
    mfu: float
    software: str
    assumed: str
    source: str
    checked: str
    read: str
    mlp_width: int = 0
    gated: bool = False
    kv_width: int = 0
    tied: bool = True
    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    micro_batches: int = 1
    zero: int = 0
    recompute: str = "selective"
    chunks: int = 1
    step_s: float = 0  # where it was published
    plan_known: bool = True

    @property
    def model(self) -> Dense:
        """Its transformer."""
        return Dense(
            self.n_layer, self.width, self.n_head, self.vocabulary, self.context, self.mlp_width,
            self.gated, self.kv_width, self.tied,
        )  # fmt: skip

    def cluster(self, fraction: float | None = None) -> Cluster:
        """Its devices. fraction: of the peak; the course's own number, if None."""
        links = link_named(self.inside), link_named(self.between)
        more = {} if fraction is None else {"fraction": fraction}
        return Cluster(self.device, self.n_devices, *links, **more)

    @property
    def plan(self) -> Plan:
        """How it was divided."""
        return Plan(
            self.data, self.tensor, self.pipeline, self.micro_batches, self.zero, self.recompute,
            self.chunks,
        )  # fmt: skip

    def predict(self, fraction: float | None = None) -> Step:
        """Its step as the model of `cluster` has it."""
        if self.plan_known:
            return training_step(self.model, self.cluster(fraction), self.plan, self.batch)
        parts = (1, 2, 4, 6)  # Megatron-LM interleaves its pipelines
        return fastest(self.model, self.cluster(fraction), self.batch, chunks=parts).step


@cache
def published_runs() -> dict[str, Run]:
    """All runs of the table by name."""
    return read_runs(Path(__file__).with_name("published.toml").read_text("utf-8"))


def read_runs(text: str) -> dict[str, Run]:
    """The runs of a table in TOML. Raises: ValueError as `grooves.models.published.entries`, and
    for an MFU that is not between 0 and 1."""
    found = entries(text, "run", Run)
    for run in found.values():
        check_positive(run, (run.n_devices, run.batch, run.mfu))
        if run.mfu >= 1:
            raise ValueError(f"run {run.name!r}: {run.mfu=} must be below 1")
    return found


def calibrate(name: str = CALIBRATED_ON) -> float:
    """The fraction of the peak with which one run is predicted exactly, by bisection."""
    run, low, high = published_runs()[name], 0.05, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if run.predict(middle).mfu < run.mfu:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def predictions(fraction: float | None = None) -> list[dict]:
    """Every run's published and predicted MFU, the largest model last.

    Returns: rows of name, parameters, n_devices, published, predicted, error (predicted / published
    - 1), calibrated_on (whether the fraction was fitted to this run), plan_known and software.
    """
    rows = []
    for run in sorted(published_runs().values(), key=lambda r: (r.model.parameters, r.n_devices)):
        predicted = run.predict(fraction).mfu
        rows.append(
            {
                "name": run.name,
                "parameters": run.model.parameters,
                "n_devices": run.n_devices,
                "published": run.mfu,
                "predicted": predicted,
                "error": predicted / run.mfu - 1,
                "calibrated_on": run.name == CALIBRATED_ON,
                "plan_known": run.plan_known,
                "software": run.software,
            }
        )
    return rows
