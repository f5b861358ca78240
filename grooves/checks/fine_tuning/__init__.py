"""Checks of lab 06, fine-tuning: what the notebook imports as `check` (chapter 06).

Key idea: one check per exercise. In exercises 1 to 9 students *write* something, so an answer that
calls the course's own code is refused. In exercise 10 they tune a model and may call everything
except what generates more stories than were given.
"""

import functools

from grooves import checks

# The order of these lines is the order of the exercises.
# isort: off
from grooves.checks.fine_tuning.freeze import trainable
from grooves.checks.fine_tuning.lora import lora_forward
from grooves.checks.fine_tuning.merged_weights import merge
from grooves.checks.fine_tuning.rank import largest_rank
from grooves.checks.fine_tuning.check_training_bytes import training_bytes
from grooves.checks.fine_tuning.rate import choose_rate
from grooves.checks.fine_tuning.stop import stop_at
from grooves.checks.fine_tuning.forgetting import forgotten
from grooves.checks.fine_tuning.check_chat_rows import chat_rows
from grooves.checks.fine_tuning.challenge import numbers_changed, race, tune

# isort: on
from grooves.checks.compare import single

__all__ = [
    "chat_rows",
    "choose_rate",
    "forgotten",
    "largest_rank",
    "lora_forward",
    "merge",
    "numbers_changed",
    "race",
    "single",
    "start",
    "stop_at",
    "trainable",
    "training_bytes",
    "tune",
]

LAB = "06_fine_tuning"

start = functools.partial(checks.start, LAB)
