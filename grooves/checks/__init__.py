"""The checks of the labs: the framework, and one folder a lab.

Read `exercise` (what every check does around its comparisons), `answers` and `again` (the student's
function watched, and called again), `compare` and `arrays` (results compared), `survey`, `verdict`,
`smallest` and `diagnoses` (which mistake explains them), `errors`, `quiet` and `words` (what is
said), then a lab such as `transformer/`, whose `__init__` lists its exercises. `progress` keeps
what was passed.
"""

from grooves.checks.answers import recorded
from grooves.checks.exercise import check, exercises, modules, start
from grooves.checks.failures import AnswerRaised, CheckFailed, NotStarted
from grooves.checks.words import describe

__all__ = [
    "AnswerRaised",
    "CheckFailed",
    "NotStarted",
    "check",
    "describe",
    "exercises",
    "modules",
    "recorded",
    "start",
]
