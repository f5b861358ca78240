"""Checks of lab 01, forward propagation: what the notebook imports as `check` (chapter 01).

Key idea: one check an exercise. Where an exercise asks to *write* something, an answer that calls
the course's own code, or a finished function that does the exercise, is refused with a sentence.
Where it asks to count (6 and 7) or to choose numbers (5 and 12), everything may be called.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.forward_propagation.layers import neuron, layer
from grooves.checks.forward_propagation.bend import relu, forward
from grooves.checks.forward_propagation.xor_network import xor
from grooves.checks.forward_propagation.counts import shapes, costs
from grooves.checks.forward_propagation.stable_softmax import softmax
from grooves.checks.forward_propagation.loss import cross_entropy
from grooves.checks.forward_propagation.largest_logit import accuracy
from grooves.checks.forward_propagation.digit_templates import templates
from grooves.checks.forward_propagation.challenge import race, reader
# isort: on

__all__ = [
    "accuracy",
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
