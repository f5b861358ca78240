"""Checks of lab 9, answer many at once: what the notebook imports as `check` (chapter 9).

Key idea: one check per exercise. An answer that calls the course's own code for its exercise is
refused; in the challenge everything may be called. `served` counts the requests that met
the goal of the challenge, and `race` scores a policy.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.serving.check_cached_attention import cached_attention
from grooves.checks.serving.check_cache_bytes import cache_bytes
from grooves.checks.serving.check_block_table import block_table
from grooves.checks.serving.check_plan_step import plan_step
from grooves.checks.serving.check_verify import verify
from grooves.checks.serving.check_percentile import percentile
from grooves.checks.serving.check_littles_law import littles_law
from grooves.checks.serving.check_read_stream import read_stream
from grooves.checks.serving.check_goodput import goodput, race, served
# isort: on

__all__ = [
    "block_table",
    "cache_bytes",
    "cached_attention",
    "goodput",
    "littles_law",
    "percentile",
    "plan_step",
    "race",
    "read_stream",
    "served",
    "start",
    "verify",
]

LAB = "09_serving"

start = functools.partial(checks.start, LAB)
