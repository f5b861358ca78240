"""Checks of lab 04, the transformer: what the notebook imports as `check` (chapter 04).

Key idea: one check per exercise. Where students *write* something, an answer that calls the
course's own model, or the very PyTorch function that it is compared with, is refused with a
sentence. Where they count and debug, they may call anything.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.transformer.stable_softmax import softmax
from grooves.checks.transformer.causal import causal_attention
from grooves.checks.transformer.heads import split_heads, rotate
from grooves.checks.transformer.transformer_block import block
from grooves.checks.transformer.loss import next_word_loss
from grooves.checks.transformer.generation import generate
from grooves.checks.transformer.induction_head import induction
from grooves.checks.transformer.byte_pair import byte_pairs
from grooves.checks.transformer.costs import counted
from grooves.checks.transformer.flops import costs
from grooves.checks.transformer.repair import openings, repaired, short_training
from grooves.checks.transformer.challenge import race

# isort: on
from grooves.checks.compare import single

__all__ = [
    "block",
    "byte_pairs",
    "causal_attention",
    "costs",
    "counted",
    "generate",
    "induction",
    "next_word_loss",
    "openings",
    "race",
    "repaired",
    "rotate",
    "short_training",
    "single",
    "softmax",
    "split_heads",
    "start",
]

LAB = "04_transformer"

start = functools.partial(checks.start, LAB)
