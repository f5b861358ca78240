"""Checks of lab 10, learn from feedback: what the notebook imports as `check` (chapter 10).

Key idea: one check per exercise. An answer that calls the course's own code for its exercise is
refused; in the challenge everything may be called but the language's grammar and trained weights.
`beginner` gives the model of the challenge, `judge` the parser with a budget, `race` scores an
answer.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.feedback.check_bradley_terry import bradley_terry
from grooves.checks.feedback.check_story_logprob import story_logprob
from grooves.checks.feedback.check_dpo import dpo
from grooves.checks.feedback.check_kl_estimators import kl_estimators
from grooves.checks.feedback.check_group_advantages import group_advantages
from grooves.checks.feedback.check_best_of_n_kl import best_of_n_kl
from grooves.checks.feedback.check_cheated_reward import cheated_reward
from grooves.checks.feedback.check_when_to_stop import when_to_stop
from grooves.checks.feedback.check_selection_bias import selection_bias
from grooves.checks.feedback.check_self_training import beginner, judge, race, self_training
# isort: on

__all__ = [
    "beginner",
    "best_of_n_kl",
    "bradley_terry",
    "cheated_reward",
    "dpo",
    "group_advantages",
    "judge",
    "kl_estimators",
    "race",
    "selection_bias",
    "self_training",
    "start",
    "story_logprob",
    "when_to_stop",
]

LAB = "10_feedback"

start = functools.partial(checks.start, LAB)
