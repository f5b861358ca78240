"""Checks of lab 01, forward propagation: what the notebook imports as `check` (chapter 01).

Key idea: one check per exercise. Where an exercise asks you to *write* something, the check refuses
an answer that calls the course's own code, or a library function that solves the exercise.
Where it asks you to count (6 and 7) or to choose numbers (5 and 11), you may call anything.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.forward_propagation.layers import neuron, layer
from grooves.checks.forward_propagation.activation import relu, forward
from grooves.checks.forward_propagation.xor_network import xor
from grooves.checks.forward_propagation.counts import shapes, costs
from grooves.checks.forward_propagation.stable_softmax import softmax
from grooves.checks.forward_propagation.loss import cross_entropy
from grooves.checks.forward_propagation.digit_templates import templates
from grooves.checks.forward_propagation.challenge import race, reader
# isort: on

__all__ = [
    "costs",
    "cross_entropy",
    "forward",
    "layer",
    "neuron",
    "race",
    "reader",
    "relu",
    "shapes",
    "softmax",
    "start",
    "templates",
    "xor",
]

LAB = "01_forward_propagation"

start = functools.partial(checks.start, LAB)
