"""Training on one's own accepted texts, and the control that shows what the judge contributes.

Key idea: draw texts, keep those that a judge accepts, and train on them as on any other text. No
gradient of a reward, no penalty. The control trains on as many of the model's own texts drawn at
random, so whatever the first gains over it is the judge's doing.
Chapter 10.
Source: Zelikman et al. 2022, arXiv:2203.14465 (STaR); Dong et al. 2023, arXiv:2304.06767 (RAFT),
which keeps the best of several; Touvron et al. 2023, arXiv:2307.09288, section 3.2.3 (rejection
sampling).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from torch import nn

from grooves.fine_tuning.policy_gradient import PolicyHistory
from grooves.fine_tuning.preferences import encode, token_log_probs
from grooves.fine_tuning.updates import Updater
from grooves.inference.sampled import draw_texts


def train_on_accepted(
    model: nn.Module,
    accept: Callable[[list[list[int]]], Sequence[bool]],
    rounds: int | None = None,
    seconds: float | None = None,
    control: bool = False,
    per_round: int = 256,
    batch: int = 8,
    max_batches: int = 12,
    lr: float = 3e-3,
    optimizer: str = "muon",
    seed: int = 0,
    on_round: Callable[[PolicyHistory], None] | None = None,
) -> PolicyHistory:
    """Draw, judge, train on what was accepted, in rounds; the model is changed in place.

    accept: token lists -> True for each that is kept. rounds, seconds (CPU): give one budget.
    control: train on as many texts, drawn at random from all. per_round: texts drawn a round, of
    which at most batch * max_batches are trained on, once. on_round: called after each round; its
    time does not count.
    Returns: the share that was accepted in each round, as `rewards`.
    Raises: ValueError for a wrong budget.
    """
    if (rounds is None) == (seconds is None):
        raise ValueError(f"give one budget, not {rounds=} and {seconds=}")
    updater, history = Updater(model, optimizer, lr, warmup=1), PolicyHistory()
    rng = random.Random(seed)
    while history.steps < rounds if rounds is not None else history.seconds < seconds:
        started = time.process_time()
        model.eval()
        drawn = draw_texts(model, per_round, seed=seed * 977 + history.steps)
        verdicts = list(accept(drawn.tokens))
        kept = [row for row, ok in enumerate(verdicts) if ok]
        history.rewards.append(len(kept) / per_round)
        history.texts += per_round
        if control:
            kept = rng.sample(range(per_round), len(kept))
        rng.shuffle(kept)
        kept = kept[: batch * max_batches]
        texts, ended = [drawn.tokens[row] for row in kept], [drawn.ended[row] for row in kept]
        train_once(model, updater, texts, ended, batch, rng)
        history.seconds += time.process_time() - started
        if on_round is not None:
            on_round(history)
    model.eval()
    return history


def train_once(
    model: nn.Module,
    updater: Updater,
    texts: list[list[int]],
    ended: Sequence[bool],
    batch: int,
    rng: random.Random,
) -> None:
    """Train on each text once, in batches of similar length and random order; in place.

    ended: whether each text has an end mark. The loss is the mean over a batch's tokens.
    """
    rows = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    batches = [rows[i : i + batch] for i in range(0, len(rows), batch)]
    rng.shuffle(batches)
    model.train()
    for some in batches:
        inputs, targets = encode(
            [texts[r] for r in some], 0, [ended[r] for r in some], model.config.context
        )
        log_p = token_log_probs(model, inputs, targets)
        updater.step(-log_p.sum() / (targets >= 0).sum())
