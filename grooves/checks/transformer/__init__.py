"""Checks of lab 04, the transformer: what the notebook imports as `check` (chapter 04).

Key idea: one check per exercise. In exercises 1 to 8 students *write* something, so an answer that
calls the course's own model, or the very PyTorch function that it is compared with, is refused with
a sentence. In exercises 9 to 13 they count, debug and choose, and may call anything.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.transformer.scaled_attention import softmax, attention
from grooves.checks.transformer.causal import causal_attention
from grooves.checks.transformer.heads import split_heads, merge_heads, rotate
from grooves.checks.transformer.transformer_block import block
from grooves.checks.transformer.loss import next_word_loss
from grooves.checks.transformer.costs import count_parameters, counted, memory
from grooves.checks.transformer.flops import training_flops
from grooves.checks.transformer.repair import repaired, short_training
from grooves.checks.transformer.challenge import race, recipe

# isort: on
from grooves.checks.compare import single

__all__ = [
    "attention",
    "block",
    "causal_attention",
    "count_parameters",
    "counted",
    "memory",
    "merge_heads",
    "next_word_loss",
    "race",
    "recipe",
    "repaired",
    "rotate",
    "short_training",
    "single",
    "softmax",
    "split_heads",
    "start",
    "training_flops",
]

LAB = "04_transformer"

start = functools.partial(checks.start, LAB)
