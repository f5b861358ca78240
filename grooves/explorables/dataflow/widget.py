"""The explorable `dataflow` in JupyterLab: a static schedule to step through, also of your own.

Key idea: what a compiler promises can be looked at before anything runs: which unit does what in
which cycle, and which operations would have to be faster to shorten it. Chapter 14.
"""

from __future__ import annotations

from dataclasses import asdict

import traitlets

from grooves.explorables.dataflow.programs import STORY, chip_facts, encoded, recorded
from grooves.explorables.shared.widget import Explorable
from grooves.hardware.dataflow import Chip, Program
from grooves.hardware.dataflow.cached_machine import Machine, Noise

EXPERIMENTS = ("vectors", "one", "exp", "matrix", "far", "short")
CHIP, MACHINE, NOISE = chip_facts(Chip().with_planes("fp16")), Machine(), Noise()


class Dataflow(Explorable):
    """A widget that shows the schedules of programs, and the same on a machine with a cache.

    programs: operations by the program's name, as `encoded` gives them. story: the text before the
    word to which their values belong. program: the one shown.
    chip: of `chip_facts`. latencies: cycles by name, as in `chip`. vector_units: how many.
    stepping: "operation", "cycle" or "path". cycle, operation: what is described; -1 stands for
    the operation issued last. machine, noise: fields of `Machine` and `Noise`; cache_kib and
    noise_lines: what takes the place of two of them. position: tokens before the one computed.
    seed: of the noise. experiment: one of `EXPERIMENTS`. asks: whether the reader predicts before
    an answer is shown. guesses: what was predicted, set by the page: [{"experiment", "guess",
    "right"}].
    """

    module = "dataflow"

    programs = traitlets.Dict().tag(sync=True)
    story = traitlets.Unicode(STORY).tag(sync=True)
    program = traitlets.Unicode("as written").tag(sync=True)
    chip = traitlets.Dict(CHIP).tag(sync=True)
    latencies = traitlets.Dict(CHIP["latencies"]).tag(sync=True)
    vector_units = traitlets.Int(CHIP["units"]["vector"], min=1).tag(sync=True)
    stepping = traitlets.Enum(("operation", "cycle", "path"), "operation").tag(sync=True)
    cycle = traitlets.Int(0, min=0).tag(sync=True)
    operation = traitlets.Int(-1, min=-1).tag(sync=True)
    machine = traitlets.Dict(asdict(MACHINE)).tag(sync=True)
    noise = traitlets.Dict(asdict(NOISE)).tag(sync=True)
    cache_kib = traitlets.Int(MACHINE.cache_bytes // 1024, min=1).tag(sync=True)
    noise_lines = traitlets.Float(64.0, min=0.0).tag(sync=True)
    position = traitlets.Int(64, min=0, max=511).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    experiment = traitlets.Enum(EXPERIMENTS, "vectors").tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)
    guesses = traitlets.List().tag(sync=True)

    @traitlets.default("programs")
    def _recorded(self) -> dict:
        return recorded()

    @traitlets.validate("latencies")
    def _complete(self, proposal):
        """Every latency by name, each an integer of at least one cycle."""
        wanted = set(self.chip["latencies"])
        if set(proposal["value"]) != wanted:
            raise traitlets.TraitError(f"latencies must name {', '.join(sorted(wanted))}")
        for name, cycles in proposal["value"].items():
            if not isinstance(cycles, int) or cycles < 1:
                raise traitlets.TraitError(f"latency {name}={cycles!r} must be an integer >= 1")
        return proposal["value"]

    def __init__(self, programs: dict[str, Program] | None = None, **choices):
        """Schedules of compiled programs by name; None takes the course's own model's.

        Raises: ValueError where programs were compiled for different chips.
        """
        if programs:
            chips = [chip_facts(program.chip) for program in programs.values()]
            if any(chip != chips[0] for chip in chips):
                raise ValueError(
                    f"{', '.join(programs)} must be compiled for one and the same chip"
                )
            own = {
                "programs": {name: encoded(program) for name, program in programs.items()},
                "story": "",
                "program": next(iter(programs)),
                "chip": chips[0],
                "latencies": chips[0]["latencies"],
                "vector_units": chips[0]["units"]["vector"],
            }
            choices = own | choices
        super().__init__(**choices)


def state() -> dict:
    """All that the book's page starts from."""
    return Dataflow.defaults() | {"programs": recorded()}
