"""Checks of lab 15, choosing: what the notebook imports as `check` (chapter 15).

Key idea: one check per exercise. An answer that calls the course's own code for its exercise is
refused; in the challenge everything but the course's own search may be called. `race` scores an
answer to the challenge.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.choosing.check_token_cost import token_cost
from grooves.checks.choosing.check_request_cost import request_cost
from grooves.checks.choosing.check_use_needed import use_needed
from grooves.checks.choosing.check_energy_per_token import energy_per_token
from grooves.checks.choosing.check_stale_prices import stale_prices
from grooves.checks.choosing.check_dense_peak import dense_peak
from grooves.checks.choosing.check_total_cost import total_cost
from grooves.checks.choosing.check_break_even import break_even
from grooves.checks.choosing.check_cheapest_plan import cheapest_plan
from grooves.checks.choosing.check_three_customers import race, three_customers
from grooves.checks.choosing.rules import LAB
# isort: on

__all__ = [
    "break_even",
    "cheapest_plan",
    "dense_peak",
    "energy_per_token",
    "race",
    "request_cost",
    "stale_prices",
    "start",
    "three_customers",
    "token_cost",
    "total_cost",
    "use_needed",
]

start = functools.partial(checks.start, LAB)
