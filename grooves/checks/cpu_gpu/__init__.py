"""Checks of lab 11, CPU and GPU: what the notebook imports as `check` (chapter 11).

Key idea: one check an exercise, and none of them measures time: devices, curves and profiles
are simulated, so an answer is as right on a busy laptop as on a GPU. In exercises 1 to 6 students
*write* something and may not call the course's own code; in the others they may call anything.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.cpu_gpu.clock import median_time
from grooves.checks.cpu_gpu.counts import intensity
from grooves.checks.cpu_gpu.roof import attainable
from grooves.checks.cpu_gpu.time import predict_time
from grooves.checks.cpu_gpu.flight import in_flight
from grooves.checks.cpu_gpu.pieces import softmax_average
from grooves.checks.cpu_gpu.batch import busy_batch
from grooves.checks.cpu_gpu.profile import slowest_part
from grooves.checks.cpu_gpu.step import mended_step
from grooves.checks.cpu_gpu.machine_plan import JOBS, plan, race, seconds
# isort: on

__all__ = [
    "JOBS",
    "attainable",
    "busy_batch",
    "in_flight",
    "intensity",
    "median_time",
    "mended_step",
    "plan",
    "predict_time",
    "race",
    "seconds",
    "slowest_part",
    "softmax_average",
    "start",
]

LAB = "11_cpu_gpu"

start = functools.partial(checks.start, LAB)
