"""Check of lab 8: the best of n by total or by mean log-probability (chapter 8).

Key idea: short and long texts whose padding is 0, or anything else, and texts that tie exactly.
Letters: B questions, N texts for each, T tokens.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.compare import shape_of
from grooves.checks.generation.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms


def case(seed: int, B: int, N: int, T: int, padding: float = 0.0) -> tuple[Tensor, Tensor]:
    """Log-probabilities (B, N, T), filled with `padding` after each text, and lengths (B, N).

    They are multiples of 1/64, so that sums are exact in single precision.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(1, T + 1, size=(B, N))
    level = random.uniform(0.3, 2.0, size=(B, N, 1))  # of each text, so that means differ
    log_p = -np.round(64 * level * random.exponential(size=(B, N, T))) / 64
    log_p = np.where(np.arange(T) < lengths[..., None], log_p, padding)
    return torch.tensor(log_p, dtype=torch.float32), torch.tensor(lengths)


def with_ties(seed: int, B: int, N: int, T: int) -> tuple[Tensor, Tensor]:
    """The same, with every text twice, in another order."""
    log_p, lengths = case(seed, B, N // 2, T)
    return torch.cat((log_p, log_p.flip(1)), 1), torch.cat((lengths, lengths.flip(1)), 1)


def _sums(log_p: Tensor, lengths: Tensor, fewer: int = 0) -> Tensor:
    """Sums over the tokens of each text, (B, N); without its last `fewer`."""
    inside = torch.arange(log_p.size(-1)) < (lengths - fewer)[..., None]
    return log_p.double().masked_fill(~inside, 0.0).sum(-1)


def _scores(log_p, lengths, by, fewer=0):
    sums = _sums(log_p, lengths, fewer)
    return sums / (lengths - fewer).clamp_min(1) if by == "mean" else sums


def _padded_scores(log_p, lengths, by, divisor):
    sums = log_p.double().sum(-1)
    return sums / divisor(log_p, lengths) if by == "mean" else sums


def _multiplied(log_p, lengths, by):
    """The padding is multiplied by a mask of 0 and 1."""
    sums = (log_p * (torch.arange(log_p.size(-1)) < lengths[..., None])).double().sum(-1)
    return sums / lengths if by == "mean" else sums


def _last_of_ties(scores: Tensor) -> Tensor:
    return scores.size(-1) - 1 - scores.flip(-1).argmax(-1)


def _of_probabilities(log_p, lengths, by):
    """Probabilities are averaged, or added up, in place of their logarithms."""
    return _scores(log_p.double().exp(), lengths, by)


MISTAKES = (
    *in_forms(
        "padding_counted",
        "you count the padding. Only the first `lengths` numbers belong to a text; what stands "
        "after them may be anything.",
        lambda z, n, by: _padded_scores(z, n, by, lambda z, n: z.size(-1)).argmax(-1),
        lambda z, n, by: _padded_scores(z, n, by, lambda z, n: n).argmax(-1),
    ),
    Mistake(
        "padding_multiplied",
        lambda z, n, by: _multiplied(z, n, by).argmax(-1),
        "you multiply the padding by 0, and 0 times -inf, or NaN, is NaN. Put a 0 in its place, as "
        "`masked_fill` and `where` do.",
    ),
    Mistake(
        "divided_by_longest",
        lambda z, n, by: _sums(z, n).argmax(-1),
        "the mean is divided by the same number for every text, such as T, so it "
        "chooses the same text as the total. Divide by the length of each text.",
    ),
    Mistake(
        "always_mean",
        lambda z, n, by: _scores(z, n, "mean").argmax(-1),
        "`by` has no effect: you always choose by the mean.",
    ),
    Mistake(
        "exchanged",
        lambda z, n, by: _scores(z, n, "total" if by == "mean" else "mean").argmax(-1),
        "mean and total are exchanged.",
    ),
    Mistake(
        "worst",
        lambda z, n, by: _scores(z, n, by).argmin(-1),
        "that is the worst text. Log-probabilities are negative, and the largest is the best.",
    ),
    Mistake(
        "last_of_ties",
        lambda z, n, by: _last_of_ties(_scores(z, n, by)),
        "of texts with equal scores you take the last. Take the first.",
    ),
    *in_forms(
        "one_for_all",
        "every question gets the same text. Each has its own best one.",
        lambda z, n, by: _scores(z, n, by).sum(0).argmax(-1).expand(len(z)),
        lambda z, n, by: _scores(z, n, by)[0].argmax(-1).expand(len(z)),
    ),
    Mistake(
        "last_token_missing",
        lambda z, n, by: _scores(z, n, by, fewer=1).argmax(-1),
        "the last token of each text is missing. Its tokens are at the places 0 to length - 1.",
    ),
    Mistake(
        "not_logarithms",
        lambda z, n, by: _of_probabilities(z, n, by).argmax(-1),
        "you add up probabilities. The probability of a text is the product of theirs, so add up "
        "their logarithms, which you are given.",
    ),
    Mistake(
        "likeliest_token",
        lambda z, n, by: (
            torch.where(torch.arange(z.size(-1)) < n[..., None], z.double(), -torch.inf)
            .amax(-1)
            .argmax(-1)
        ),
        "you choose the text with the likeliest single token. All its tokens count.",
    ),
)


@check(lab=LAB, exercise="best_of_n", returns=(Tensor, np.ndarray, list))
def best_of_n(answer):
    """best_of_n(log_p, lengths, by): (B, N, T), (B, N), "total" or "mean" -> indices (B,)."""

    def ask(call, made, by, note=""):
        log_p, lengths = made
        given = f'log_p of shape {shape_of(log_p)} and by = "{by}"{note}'
        inputs = (log_p, lengths, by)
        judge(call, inputs, _scores(*inputs).argmax(-1), MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(51, 12, 4, 9), "mean")
    ask(answer, case(51, 12, 4, 9), "total")
    ask(answer, case(52, 12, 4, 9), "total")
    ask(answer, case(53, 9, 7, 7, padding=-3.0), "mean", ", padded with -3")
    ask(answer, case(53, 9, 7, 7, padding=-3.0), "total", ", padded with -3")
    ask(answer, case(54, 5, 3, 20, padding=8.0), "mean", ", padded with 8")
    ask(answer, with_ties(55, 8, 6, 5), "mean", ", with texts that tie")
    ask(answer, with_ties(55, 8, 6, 5), "total", ", with texts that tie")
    ask(answer, case(56, 1, 1, 4), "total")
    ask(answer, case(57, 6, 400, 30), "mean")
    ask(answer, case(58, 6, 400, 30), "total")
    ask(answer, case(59, 7, 5, 6, padding=-torch.inf), "mean", ", padded with -inf")
    ask(answer, case(60, 7, 5, 6, padding=torch.nan), "total", ", padded with NaN")
