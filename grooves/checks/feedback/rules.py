"""Checks of lab 10: what they have in common (chapter 10).

Letters: N texts or pairs, K outcomes, T tokens, V tokens in the vocabulary.
"""

from __future__ import annotations

LAB = "10_feedback"
SHOULD = "it should be"

# errors of Python's `math` where a logarithm is not taken in a stable way
OVERFLOWS = (
    (
        r"OverflowError|math domain error|expected a positive input",
        "a probability is rounded to 0, or an exponential overflows. -ln sigmoid(d) is "
        "ln(1 + exp(-d)); where d is far below 0, that is -d. `logsigmoid`, `softplus` and "
        "`np.logaddexp` compute it in a stable way.",
    ),
)
