"""Checks of lab 02, back propagation: what the notebook imports as `check` (chapter 02).

Key idea: one check per exercise. In exercises 1 to 9 the student *writes* a part of training,
so an answer that calls the course's own code, or PyTorch's, is refused. In exercises 10 and 11 the
student repairs and chooses, and may call anything.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.back_propagation.local import unbroadcast
from grooves.checks.back_propagation.layer import matmul_backward
from grooves.checks.back_propagation.loss import loss_backward
from grooves.checks.back_propagation.network import network_backward
from grooves.checks.back_propagation.order import in_order
from grooves.checks.back_propagation.graph import backward
from grooves.checks.back_propagation.gradient_check import gradient_error
from grooves.checks.back_propagation.steps import adam
from grooves.checks.back_propagation.training_loop import fit
from grooves.checks.back_propagation.repair import mended
from grooves.checks.back_propagation.challenge import race, recipe
# isort: on

__all__ = [
    "adam",
    "backward",
    "fit",
    "gradient_error",
    "in_order",
    "loss_backward",
    "matmul_backward",
    "mended",
    "network_backward",
    "race",
    "recipe",
    "start",
    "unbroadcast",
]

LAB = "02_back_propagation"

start = functools.partial(checks.start, LAB)
