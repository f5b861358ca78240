"""Checks of lab 8, choose the next word: what the notebook imports as `check` (chapter 8).

Key idea: one check per exercise. Samplers are judged by the distribution that they give, searches
and choices by what they find. An answer that calls the course's own code for its exercise is
refused; in the challenge everything may be called but the language's grammar. `teller` gives the
model of the challenge with a budget of tokens, `told` counts its stories, `race` scores them.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.generation.check_top_k import top_k
from grooves.checks.generation.check_top_p import top_p
from grooves.checks.generation.check_min_p import min_p
from grooves.checks.generation.check_beam_search import beam_search, model_of
from grooves.checks.generation.check_pass_at_n import pass_at_n
from grooves.checks.generation.check_best_of_n import best_of_n
from grooves.checks.generation.check_truncated_kl import truncated_kl
from grooves.checks.generation.check_calibration import calibration
from grooves.checks.generation.check_constrained import constrained
from grooves.checks.generation.check_challenge import challenge, race, teller, told
# isort: on

__all__ = [
    "beam_search",
    "best_of_n",
    "calibration",
    "challenge",
    "constrained",
    "min_p",
    "model_of",
    "pass_at_n",
    "race",
    "start",
    "teller",
    "told",
    "top_k",
    "top_p",
    "truncated_kl",
]

LAB = "08_generation"

start = functools.partial(checks.start, LAB)
