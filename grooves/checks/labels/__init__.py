"""Checks of lab 03, labels from nowhere: what the notebook imports as `check` (chapter 03).

Key idea: one check an exercise. Exercises 1 to 11 ask to *write* something, so an answer that calls
the course's own objectives is refused with a sentence. In exercise 12 everything may be called but
what knows the labels. `read` is the lab's fixed classifier, for the cells between the exercises.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.labels.words import next_word
from grooves.checks.labels.batch import padded_batch
from grooves.checks.labels.hiding import hide_words
from grooves.checks.labels.places import draw_hidden
from grooves.checks.labels.patches import hide_patches
from grooves.checks.labels.rotation_task import rotations
from grooves.checks.labels.two_views import views
from grooves.checks.labels.contrast import contrastive_loss
from grooves.checks.labels.pseudo import pseudo_labels
from grooves.checks.labels.noise import flip_labels
from grooves.checks.labels.balance import draw_balanced
from grooves.checks.labels.challenge import choose, race
from grooves.checks.labels.reader import read
# isort: on

__all__ = [
    "choose",
    "contrastive_loss",
    "draw_balanced",
    "draw_hidden",
    "flip_labels",
    "hide_patches",
    "hide_words",
    "next_word",
    "padded_batch",
    "pseudo_labels",
    "race",
    "read",
    "rotations",
    "start",
    "views",
]

LAB = "03_labels"

start = functools.partial(checks.start, LAB)
