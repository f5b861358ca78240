"""Checks of lab 03, labels from nowhere: what the notebook imports as `check` (chapter 03).

Key idea: one check per exercise. In exercises 1 to 10 students *write* something, so an answer that
calls the course's own objectives is refused with a sentence. In exercise 11 they may call anything
that does not give away the labels. `classify` is the lab's fixed classifier, for the cells between
the exercises.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.labels.words import next_word
from grooves.checks.labels.batch import padded_batch
from grooves.checks.labels.masking import hide_words
from grooves.checks.labels.patches import hide_patches
from grooves.checks.labels.rotation_task import rotations
from grooves.checks.labels.two_views import views
from grooves.checks.labels.contrastive import contrastive_loss
from grooves.checks.labels.pseudo import pseudo_labels
from grooves.checks.labels.balance import draw_balanced
from grooves.checks.labels.paired import paired_interval
from grooves.checks.labels.challenge import choose, race
from grooves.checks.labels.classifier import classify
# isort: on

__all__ = [
    "choose",
    "classify",
    "contrastive_loss",
    "draw_balanced",
    "hide_patches",
    "hide_words",
    "next_word",
    "padded_batch",
    "paired_interval",
    "pseudo_labels",
    "race",
    "rotations",
    "start",
    "views",
]

LAB = "03_labels"

start = functools.partial(checks.start, LAB)
