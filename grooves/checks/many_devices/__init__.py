"""Checks of lab 13, many devices: what the notebook imports as `check` (chapter 13).

Key idea: one check per exercise. An answer that calls the course's own code for its exercise is
refused; in the challenge everything but the course's own search may be called. `perform` lets
simulated devices follow a list of ring steps, and `race` scores an answer to the challenge.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.many_devices.check_ring_all_reduce import perform, ring_all_reduce
from grooves.checks.many_devices.check_bytes_on_the_wire import bytes_on_the_wire
from grooves.checks.many_devices.check_mean_gradient import mean_gradient
from grooves.checks.many_devices.check_pipeline_bubble import pipeline_bubble
from grooves.checks.many_devices.check_zero_memory import zero_memory
from grooves.checks.many_devices.check_fit_alpha_beta import fit_alpha_beta
from grooves.checks.many_devices.check_step_time import step_time
from grooves.checks.many_devices.check_checkpoint_interval import checkpoint_interval
from grooves.checks.many_devices.check_loader_workers import loader_workers
from grooves.checks.many_devices.check_parallel_plan import parallel_plan, race
from grooves.checks.many_devices.rules import LAB
# isort: on

__all__ = [
    "bytes_on_the_wire",
    "checkpoint_interval",
    "fit_alpha_beta",
    "loader_workers",
    "mean_gradient",
    "parallel_plan",
    "perform",
    "pipeline_bubble",
    "race",
    "ring_all_reduce",
    "start",
    "step_time",
    "zero_memory",
]

start = functools.partial(checks.start, LAB)
