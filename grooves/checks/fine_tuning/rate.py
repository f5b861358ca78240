"""Check of lab 06: the best learning rate of a sweep (chapter 06).

Key idea: small sweeps in which each misreading finds another rate: the training loss is
lowest elsewhere, the last look ranks otherwise, a run was best before it diverged, the rates are
in no order, and the edge of the list is not the edge of the rates.
Letters: R runs, S looks.
"""

from __future__ import annotations

import warnings

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import judge_parts
from grooves.checks.compare import Mistake, written_by_hand
from grooves.checks.fine_tuning.sweeps import INF, SWEEPS, read_only

LAB = "06_fine_tuning"


def _choose(rates, training, held_out, sound=None, look=None, edge=None, score=None):
    """The right choice, or one with a part exchanged.

    sound: which runs count (R,). look: of a run's losses, the look that is returned. score: of a
    run's losses, what is compared. edge: of all rates and the index of the best, whether it lies
    there.
    """
    if sound is None:
        sound = np.isfinite(training).all(1) & np.isfinite(held_out).all(1)
    scores = [score(row) if score else row.min() for row in held_out]
    run = int(np.where(sound, scores, INF).argmin())
    at = int((look or np.argmin)(held_out[run]))
    edge = edge or (lambda rates, i, sound: rates[i] in (rates.min(), rates.max()))
    return rates[run], at, bool(edge(rates, run, sound))


def _everything(losses):
    return np.ones(len(losses), bool)


def _before_it_diverged(rates, training, held_out):
    losses = np.where(np.isfinite(held_out), held_out, INF)
    return _choose(rates, training, losses, sound=_everything(losses))


def _nan_wins(rates, training, held_out):
    run, look = np.unravel_index(np.argmin(held_out), held_out.shape)
    return rates[run], look, rates[run] in (rates.min(), rates.max())


def _nan_wins_by_run(rates, training, held_out):
    run = int(np.argmin(held_out.min(1)))
    return rates[run], int(np.argmin(held_out[run])), rates[run] in (rates.min(), rates.max())


def _argsort_for_place(rates, training, held_out):
    """The order of the sorted rates taken for the places of the unsorted ones."""
    rate, look, _ = _choose(rates, training, held_out)
    return rate, look, np.argsort(rates)[list(rates).index(rate)] in (0, len(rates) - 1)


def _training(rates, training, held_out):
    return _choose(rates, held_out, training)


MISTAKES = (
    Mistake(
        "training_loss",
        _training,
        "you choose by the training loss, which tells how well the model fits the stories it has "
        "seen. Choose by the held-out loss.",
    ),
    *(
        Mistake(
            "nan_wins",
            compute,
            "argmin returns the first NaN, so a run that diverged wins. Replace its losses by "
            "infinity first.",
        )
        for compute in (_nan_wins, _nan_wins_by_run)
    ),
    Mistake(
        "before_it_diverged",
        _before_it_diverged,
        "your run had its best loss before it diverged. A run that diverges is excluded "
        "altogether.",
    ),
    Mistake(
        "training_not_checked",
        lambda r, t, h: _choose(r, t, h, sound=np.isfinite(h).all(1)),
        "a training loss of your run is not finite, so the run has diverged. Both kinds of loss "
        "must be finite.",
    ),
    Mistake(
        "infinity_allowed",
        lambda r, t, h: _choose(r, t, h, sound=~np.isnan(t).any(1) & ~np.isnan(h).any(1)),
        "you exclude runs with NaN alone. Infinity is not finite either: np.isfinite finds both.",
    ),
    *(
        Mistake(
            "last_losses_compared",
            lambda r, t, h, look=look: _choose(r, t, h, score=lambda row: row[-1], look=look),
            "you compare the last losses. A run may have had its best one earlier.",
        )
        for look in (lambda row: len(row) - 1, np.argmin)
    ),
    Mistake(
        "last_look_returned",
        lambda r, t, h: _choose(r, t, h, look=lambda row: len(row) - 1),
        "the rate is right, but you return the last look, not the one with the lowest loss.",
    ),
    Mistake(
        "index_returned",
        lambda r, t, h: (list(r).index(_choose(r, t, h)[0]), *_choose(r, t, h)[1:]),
        "that is the index of the rate in the list. Return the rate itself.",
    ),
    Mistake(
        "diverged_rates_ignored",
        lambda r, t, h: _choose(
            r,
            t,
            h,
            edge=lambda rates, i, sound: rates[i] in (rates[sound].min(), rates[sound].max()),
        ),
        "you look for the edge among the runs that did not diverge. The rates of the diverged "
        "runs were tried too, so your rate is not at the edge.",
    ),
    Mistake(
        "lower_edge_missed",
        lambda r, t, h: _choose(r, t, h, edge=lambda rates, i, sound: rates[i] == rates.max()),
        "the smallest rate is an edge too, since a smaller one may be better.",
    ),
    Mistake(
        "edge_of_the_list",
        lambda r, t, h: _choose(r, t, h, edge=lambda rates, i, sound: i in (0, len(rates) - 1)),
        "you test whether the rate is first or last in the list. Compare it with the smallest and "
        "the largest rate.",
    ),
    Mistake(
        "argsort_for_rank",
        _argsort_for_place,
        "np.argsort(rates)[i] is not the position of rate i in sorted order; it is the index of "
        "the rate at position i. Compare the rate with the smallest and the largest one.",
    ),
)


@check(lab=LAB, exercise="choose_rate", returns=(tuple, list))
def choose_rate(answer):
    """choose_rate(rates, training, held_out) -> rate, look, whether the rate is at the edge."""

    def call(*inputs):
        with warnings.catch_warnings():  # NumPy's, about rows of NaN
            warnings.simplefilter("ignore")
            return written_by_hand(answer, *inputs)

    for number, (rates, held_out, training) in enumerate(SWEEPS):
        last = number == len(SWEEPS) - 1
        inputs = (np.array(rates), np.array(training, float), np.array(held_out, float))
        parts = ("the rate", "the look", "whether it is at the edge")
        expected = dict(zip(parts, _choose(*inputs), strict=True))
        given = _in_words(rates, held_out, training)
        asked = read_only(call) if last else call
        judge_parts(asked, inputs, expected, MISTAKES, given, "it should be")
    return "A sweep whose best rate is at the edge has not found the best rate."


def _in_words(rates, held_out, training) -> str:
    """A sweep in lines, a run in each; a large one in a line."""
    if len(rates) > 9:
        return f"{len(rates)} runs of {len(held_out[0])} looks"
    rows = [
        f"    rate {rate:g}: held-out {_losses(off)}; training {_losses(on)}"
        for rate, off, on in zip(rates, held_out, training, strict=True)
    ]
    return f"these {len(rates)} runs\n" + "\n".join(rows) + "\nin this order"


def _losses(row) -> str:
    return ", ".join(f"{loss:g}" for loss in row)
