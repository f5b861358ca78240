"""Check of lab 06: early stopping with patience (chapter 06).

Key idea: the curves are made so that each misreading of the rule keeps another look: noise before
the best, a second fall after the run has stopped, equal losses, a rise with small falls in it.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import judge
from grooves.checks.compare import Mistake, written_by_hand
from grooves.checks.fine_tuning.sweeps import read_only

LAB = "06_fine_tuning"
EXACT = 1e-9


def _stop(losses, patience, better=np.less, in_a_row=True, stopped=False, first=1):
    """The right look, or one by another rule.

    in_a_row: whether a new best resets the counter. stopped: whether to return the look at which
    the run stops. first: the look with which counting begins.
    """
    best, waited = 0, 0
    for look in range(first, len(losses)):
        if better(losses[look], losses[best]):
            best, waited = look, waited * (not in_a_row)
        else:
            waited += 1
        if waited == patience:
            return look if stopped else best
    return len(losses) - 1 if stopped else best


def _better_than_the_last(losses, patience):
    """The look that is kept where a look better than the one before it counts as the best."""
    best = 0
    for look in range(1, len(losses)):
        if losses[look] < losses[look - 1]:
            best = look
        elif look - best == patience:
            break
    return best


def _last_if_patient(losses, patience):
    """The right look where patience runs out, and the last one where it does not."""
    best = _stop(losses, patience)
    ran_out = _stop(losses, patience, stopped=True) - best == patience
    return best if ran_out else len(losses) - 1


MISTAKES = (
    Mistake(
        "training_curve",
        lambda t, h, p: _stop(t, p),
        "you watch the training loss, which keeps falling while the model memorises. Watch the "
        "held-out loss.",
    ),
    Mistake(
        "first_rise",
        lambda t, h, p: _stop(h, 1),
        "you stop at the first look that is no better, which may be noise. Wait for `patience` of "
        "them in a row.",
    ),
    Mistake(
        "compared_with_previous",
        lambda t, h, p: _better_than_the_last(h, p),
        "you compare each look with the one before it. Compare it with the best so far.",
    ),
    Mistake(
        "last_if_never_stopped",
        lambda t, h, p: _last_if_patient(h, p),
        "you return the last look where patience never runs out. The best one may have come "
        "before it.",
    ),
    Mistake(
        "looked_ahead",
        lambda t, h, p: int(np.argmin(h)),
        "that is the best look of the whole curve. Patience had run out before, so the run never "
        "got there.",
    ),
    Mistake(
        "stopping_look",
        lambda t, h, p: _stop(h, p, stopped=True),
        "that is the look at which you stopped. Return the best one before it.",
    ),
    Mistake(
        "equal_is_better",
        lambda t, h, p: _stop(h, p, better=np.less_equal),
        "you count an equal loss as a new best. It is no better, so use <.",
    ),
    Mistake(
        "first_look_forgotten",
        lambda t, h, p: _stop(h[1:], p) + 1 if len(h) > 1 else 0,
        "you never return look 0. Where the losses only rise, it is the best.",
    ),
    *(
        Mistake(
            "minimum_improvement",
            lambda t, h, p, least=least: _stop(h, p, better=lambda a, b: a < b - least),
            "you require a minimum improvement. Any loss below the best is a new best.",
        )
        for least in (0.1, 1e-2, 1e-3, 1e-4)
    ),
    Mistake(
        "counter_not_reset",
        lambda t, h, p: _stop(h, p, in_a_row=False),
        "you count all looks that were no better. Reset the counter at each new best.",
    ),
    Mistake(
        "too_patient",
        lambda t, h, p: _stop(h, p + 1),
        "you wait for one look more than `patience`.",
    ),
    Mistake(
        "too_impatient",
        lambda t, h, p: _stop(h, p, first=0),
        "you count look 0 as a look without a new best, because its loss is not below itself. It "
        "is the best so far: begin with look 1.",
    ),
    Mistake(
        "too_impatient",
        lambda t, h, p: _stop(h, max(p - 1, 1)),
        "you stop one look too early. Stop once `patience` looks in a row were no better.",
    ),
)

CURVES = (  # held-out losses and patience; no two mistakes keep the same look where one first shows
    ((3, 2.75, 3, 2.75, 2.25, 1.75, 2, 1.75, 1.5, 1.25, 1.5, 1.75, 1.5, 1, 0.75), 4),
    ((3, 2.5, 2, 1.75, 1.5, 1.75, 2, 2.25), 2),
    ((3, 2.5, 2, 2, 1.5, 1.5, 1.75, 2, 2, 1.5, 1, 0.75, 0.75, 0.5, 0.75), 1),
    ((3, 3.25, 3, 3.25, 3, 2.5, 2.75, 2.5, 2.5, 2.75, 2.75, 3), 3),
    ((3, 2.5, 2.25, 2), 2),
    ((3, 2, 2.5, 1.5, 1.75, 1.75), 4),  # patience lasts, and the best is not the last
    ((25, 31, 24.5, 26, 27, 20), 3),  # losses above 10
    ((1_000, 1_500, 2_000, 2_500, 900), 3),  # they rise from the first on
    ((1, 0.9999, 0.9998, 0.99975, 0.9997, 1.2, 1.3), 2),  # hardly better is better
    ((1.5, 1.0502, 1.0498, 1.0053, 1.0047, 1.2, 1.3), 2),
    ((2, 1.50051, 1.50049, 1.6, 1.7), 2),
    ((1, 1 - 1e-9, 1 - 2e-9, 1 - 3e-9, 1 - 2e-9), 3),
    ((4, 3, 3.5, 3.5, 2.9, 3, 3, 3, 1), 3),
    ((2, 1, 1, 1, 0.5), 2),
    ((7, 6.5), 5),
    ((8,), 1),
    (tuple(range(170, 0, -1)), 1),  # patience lasts, however short
    ((*range(400, 200, -1), 201, *range(202, 240), 100), 30),  # over 127 looks
    ((*range(2_000, 1_720, -1), *range(1_722, 1_870), 1_720.5, 300), 140),  # over 255, and patient
    ((2e40, 1e40, 1.5e40, 3e40, 0.5e40), 3),
    ((3e-30, 1e-30, 2e-30, 1.5e-30, 0.5e-30), 2),
    ((1, 0, 0.5, 0.25, -1), 2),  # a loss of 0
    ((2, 2, 2, 2, 1), 3),
    ((9, 7, 8, 5, 6, 6, 6, 6, 6, 6, 1), 6),
    ((2, 1.5, 1.75, 1.25, 1.5, 1.5), 2),
)
WHOLE = {6: int}  # of which patience the losses are integers


@check(lab=LAB, exercise="stop_at")
def stop_at(answer):
    """stop_at(training, held_out, patience) -> the look to keep."""

    def call(*inputs):
        return written_by_hand(answer, *inputs)

    for number, (held_out, patience) in enumerate(CURVES):
        looks = len(held_out)
        training = np.linspace(3, 0.5, looks)
        training[-2:] = training[max(looks - 3, 0)]  # it no longer falls at the end
        if number % 4 == 3:
            training[1::2] += 1  # and is as restless as that of single batches
        inputs = (training, np.array(held_out, WHOLE.get(patience, float)), patience)
        asked = call
        if (held_out, patience) == CURVES[-1]:  # one array for both, which nobody may write to
            inputs, asked = (inputs[1], inputs[1], patience), read_only(call)
        losses = ", ".join(f"{loss:.10g}" for loss in held_out[:20])
        more = f", … ({looks} looks)" if looks > 20 else ""
        given = f"held-out losses {losses}{more} and {patience = }"
        judge(
            asked,
            inputs,
            _stop(held_out, patience),
            MISTAKES,
            given,
            "it should be",
            EXACT,
        )
    return "Held-out stories decide when to stop."
