"""Checks of lab 14, a chip without a cache: what the notebook imports as `check` (chapter 14).

Key idea: one check per exercise. An answer that calls the course's own code for its exercise is
refused; in the challenge everything may be called. `SIX` are the operations of `two_units`,
`operations_of` and `tasks_of` convert a puzzle, and `timetable` prints a schedule. `Block` is the
block of the challenge, `compiled` a program of the simulated chip, and `race` scores an answer.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.dataflow.check_intensity import intensity
from grooves.checks.dataflow.check_systolic_cycles import systolic_cycles
from grooves.checks.dataflow.check_liveness import liveness
from grooves.checks.dataflow.check_addresses import addresses
from grooves.checks.dataflow.check_two_units import SIX, two_units
from grooves.checks.dataflow.check_find_hazard import find_hazard
from grooves.checks.dataflow.check_fused_bytes import fused_bytes
from grooves.checks.dataflow.check_chips_for import chips_for
from grooves.checks.dataflow.check_pipeline_balance import pipeline_balance
from grooves.checks.dataflow.check_puzzle import operations_of, puzzle, tasks_of
from grooves.checks.dataflow.check_shorter_chain import race, shorter_chain
from grooves.checks.dataflow.chain_block import Block, compiled
from grooves.checks.dataflow.rules import timetable
# isort: on

__all__ = [
    "SIX",
    "Block",
    "addresses",
    "chips_for",
    "compiled",
    "find_hazard",
    "fused_bytes",
    "intensity",
    "liveness",
    "operations_of",
    "pipeline_balance",
    "puzzle",
    "race",
    "shorter_chain",
    "start",
    "systolic_cycles",
    "tasks_of",
    "timetable",
    "two_units",
]

LAB = "14_dataflow"

start = functools.partial(checks.start, LAB)
