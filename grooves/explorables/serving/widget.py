"""The explorable `serving` in JupyterLab: requests as a timetable, served by two policies.

Key idea: whether a policy is good depends on the order of events and on what a step costs, so a
simulation with your own machine's costs shows what it would do there. Chapter 09.
"""

from __future__ import annotations

from dataclasses import asdict

import traitlets

from grooves.explorables.serving.simulation import POLICIES
from grooves.explorables.shared.widget import Explorable
from grooves.inference.serving_simulation import StepCost

COST = StepCost(fixed_s=10e-3, per_token_s=0.2e-3, per_context_s=0.1e-6)  # round numbers
EXPERIMENTS = ("static", "load", "chunk", "few", "many", "memory")
LONGEST = 760  # tokens: of the longest prompt and answer


class Serving(Explorable):
    """A widget in which requests are served by static and by continuous batching.

    policy: the one whose timetable is shown. load: arrivals, as a share of what continuous batching
    with full slots can serve. batch: slots. blocks: of 16 tokens, in the KV cache. budget: tokens
    per step, None for no limit. drafts: tokens that a draft model proposes per step and text.
    acceptance: probability that one is accepted. prompts: "short", "one" (long) or "tenth".
    seed: of the requests. first: the first request shown. experiment: one of `EXPERIMENTS`.
    cost: the fields of a `StepCost`. asks: whether the reader predicts before an answer is shown.
    guesses: what was predicted, set by the page: [{"experiment", "seed", "guess", "right"}].
    """

    module = "serving"

    policy = traitlets.Enum(POLICIES, "continuous").tag(sync=True)
    load = traitlets.Float(0.8, min=0.01, max=2.0).tag(sync=True)
    batch = traitlets.Int(16, min=1, max=32).tag(sync=True)
    blocks = traitlets.Int(320, min=-(-LONGEST // 16), max=4096).tag(sync=True)
    budget = traitlets.Int(None, min=32, allow_none=True).tag(sync=True)
    drafts = traitlets.Int(0, min=0, max=16).tag(sync=True)
    acceptance = traitlets.Float(0.6, min=0.0, max=1.0).tag(sync=True)
    prompts = traitlets.Enum(("short", "one", "tenth"), "short").tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    first = traitlets.Int(0, min=0).tag(sync=True)
    experiment = traitlets.Enum(EXPERIMENTS, "static").tag(sync=True)
    cost = traitlets.Dict(asdict(COST)).tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)
    guesses = traitlets.List().tag(sync=True)

    def __init__(self, cost: StepCost | None = None, **choices):
        """A server whose steps cost `cost`; None takes round numbers, `COST`."""
        super().__init__(cost=asdict(cost or COST), **choices)


def state() -> dict:
    """All that the book's page starts from."""
    return Serving.defaults()
