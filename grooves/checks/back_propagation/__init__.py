"""Checks of lab 02, back propagation: what the notebook imports as `check` (chapter 02).

Key idea: one check per exercise. In exercises 1 to 11 the student *writes* a part of back
propagation, so an answer that calls the course's own code, or PyTorch's, is refused. In exercises
12 and 13 the student repairs and chooses, and may call anything.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.back_propagation.local import multiply_backward, unbroadcast
from grooves.checks.back_propagation.layer import matmul_backward, relu_backward
from grooves.checks.back_propagation.loss import loss_backward
from grooves.checks.back_propagation.network import network_backward
from grooves.checks.back_propagation.order import in_order
from grooves.checks.back_propagation.graph import backward
from grooves.checks.back_propagation.gradient_check import gradient_error
from grooves.checks.back_propagation.steps import step, adam
from grooves.checks.back_propagation.repair import mended
from grooves.checks.back_propagation.challenge import race, recipe
# isort: on

__all__ = [
    "adam",
    "backward",
    "gradient_error",
    "in_order",
    "loss_backward",
    "matmul_backward",
    "mended",
    "multiply_backward",
    "network_backward",
    "race",
    "recipe",
    "relu_backward",
    "start",
    "step",
    "unbroadcast",
]

LAB = "02_back_propagation"

start = functools.partial(checks.start, LAB)
