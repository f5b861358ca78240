"""Check of lab 10: the log-probability of a text after its prompt (chapter 10).

Key idea: prompts and texts of several lengths in one batch, padding whose logits are extreme, and
texts in which the token 0 occurs only as a mark. Letters: B texts, T places, V tokens.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.compare import draw, shape_of
from grooves.checks.feedback.rules import LAB, SHOULD
from grooves.checks.mistakes import Mistake, in_forms


def case(seed: int, prompts: list[int], lengths: list[int], V: int, extra: int = 2, padding=0):
    """Logits (B, T, V), tokens (B, T), and the lengths of prompts and texts, (B,) each.

    extra: places after the longest text's end mark. padding: the token that fills them.
    """
    random = np.random.default_rng(seed)
    T = max(lengths) + 2 + extra
    tokens = np.full((len(lengths), T), padding)
    for row, n in enumerate(lengths):
        tokens[row, : n + 2] = [0, *random.integers(1, V, n), 0]
    logits = draw(seed, len(lengths), T, V, scale=2.0)
    return logits, torch.tensor(tokens), torch.tensor(prompts), torch.tensor(lengths)


def _inside(n_prompt: Tensor, lengths: Tensor, T: int, first: int = 0, last: int = 0) -> Tensor:
    """The places whose next token counts, (B, T): from the prompt's end to the text's.

    first, last: how many places the range begins, or ends, later.
    """
    places = torch.arange(T)
    return (places >= n_prompt[:, None] + first) & (places <= lengths[:, None] + last)


def _each(logits: Tensor, tokens: Tensor, shift: int = 1) -> Tensor:
    """Log-probability of the token `shift` places on, under the logits of each place: (B, T)."""
    targets = tokens.roll(-shift, 1).clamp_min(0)
    return logits.double().log_softmax(-1).gather(-1, targets[..., None])[..., 0]


def _sum(values: Tensor, inside: Tensor) -> Tensor:
    return values.masked_fill(~inside, 0.0).sum(-1)


def right(logits, tokens, n_prompt, lengths) -> Tensor:
    """The log-probability of each text, (B,)."""
    return _sum(_each(logits, tokens), _inside(n_prompt, lengths, tokens.size(1)))


def _range(first: int = 0, last: int = 0):
    def compute(z, x, n, m):
        return _sum(_each(z, x), _inside(n, m, x.size(1), first, last))

    return compute


def _mean(z, x, n, m):
    inside = _inside(n, m, x.size(1))
    return _sum(_each(z, x), inside) / inside.sum(-1)


def _with_padding(z, x, n, m):
    """All places after the prompt but the last, which has no next token."""
    return _sum(_each(z, x), _inside(n, torch.full_like(m, x.size(1) - 2), x.size(1)))


def _token_zero(z, x, n, m):
    """A text ends where the next token is not 0, so that its end mark goes missing."""
    return _sum(_each(z, x), _inside(n, m, x.size(1)) & (x.roll(-1, 1) != 0))


def _unnormalised(z, x, n, m):
    values = z.double().gather(-1, x.roll(-1, 1).clamp_min(0)[..., None])[..., 0]
    return _sum(values, _inside(n, m, x.size(1)))


def _multiplied(z, x, n, m):
    """Places that do not count are multiplied by 0."""
    return (_each(z, x) * _inside(n, m, x.size(1))).sum(-1)


MISTAKES = (
    Mistake(
        "prompt_counted",
        lambda z, x, n, m: right(z, x, torch.zeros_like(n), m),
        "the tokens of the prompt are counted. The model was given them, so only what follows the "
        "prompt has a log-probability that counts.",
    ),
    Mistake(
        "first_missing",
        _range(first=1),
        "the first token after the prompt is missing. It is predicted at the prompt's last token, "
        "the place n_prompt, because a row begins with a mark.",
    ),
    Mistake(
        "prompt_end_counted",
        lambda z, x, n, m: right(z, x, (n - 1).clamp_min(0), m),
        "the last token of the prompt is counted. The first token that counts is predicted at the "
        "place n_prompt, and stands at n_prompt + 1.",
    ),
    *in_forms(
        "end_missing",
        "the end mark is missing. That a text ends has a probability too; without it, a text is "
        "as likely as all its continuations together.",
        _range(last=-1),
        _token_zero,
    ),
    Mistake(
        "padding_counted",
        _with_padding,
        "the padding is counted. A text ends with its end mark, at the place length + 1.",
    ),
    Mistake(
        "one_after_the_end",
        _range(last=1),
        "one place too many is counted: the one after the end mark.",
    ),
    *in_forms(
        "not_shifted",
        "you look up each token in the logits of its own place, which were computed after it had "
        "been read. Logits at place t are about the token at place t + 1.",
        lambda z, x, n, m: _sum(_each(z, x, 0), _inside(n, m, x.size(1), 1, 1)),
        lambda z, x, n, m: _sum(_each(z, x, 0), _inside(n, m, x.size(1))),
        lambda z, x, n, m: _sum(_each(z, x, 0), _inside(n, m, x.size(1), 1, 0)),
    ),
    *in_forms(
        "mean",
        "that is the mean per token. A text's log-probability is the sum over its tokens.",
        _mean,
        lambda z, x, n, m: right(z, x, n, m) / m,
        lambda z, x, n, m: right(z, x, n, m) / (x.size(1) - 1),
        lambda z, x, n, m: right(z, x, n, m) / (m - n).clamp_min(1),
    ),
    Mistake(
        "not_normalised",
        _unnormalised,
        "you add up logits. They become log-probabilities by `log_softmax` over the vocabulary.",
    ),
    *in_forms(
        "probabilities",
        "you add up probabilities, or return their product. Add up their logarithms.",
        lambda z, x, n, m: _sum(_each(z, x).exp(), _inside(n, m, x.size(1))),
        lambda z, x, n, m: right(z, x, n, m).exp(),
    ),
    Mistake(
        "padding_multiplied",
        _multiplied,
        "what does not count is multiplied by 0, and 0 times -inf, or NaN, is NaN. Put a 0 in its "
        "place, as `where` and `masked_fill` do.",
    ),
    Mistake(
        "negative",
        lambda z, x, n, m: -right(z, x, n, m),
        "that is the loss, which is positive. A log-probability is negative.",
    ),
)


@check(
    lab=LAB,
    exercise="story_logprob",
    returns=(Tensor, np.ndarray, list),
    raised=(
        (
            r"(?i)index.*out of bounds|negative",
            "Padding is -100 here, which is no token: look up only tokens that count, or put a 0 "
            "in the place of the others first.",
        ),
    ),
)
def story_logprob(answer):
    """story_logprob(logits, tokens, n_prompt, lengths): (B, T, V), (B, T), (B,), (B,) -> (B,)."""

    def ask(call, made, note=""):
        given = f"logits of shape {shape_of(made[0])}{note}"
        judge(call, made, right(*made), MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(1, [2, 1, 3], [4, 6, 5], 5))
    ask(answer, case(2, [2, 1, 3], [4, 6, 5], 5))
    ask(answer, case(1, [0, 2, 4], [4, 6, 5], 5), ", one without a prompt")
    ask(answer, case(3, [0, 0, 0, 0], [3, 8, 5, 1], 7, extra=0), ", all without a prompt")
    ask(answer, case(4, [3], [6], 4, extra=3))
    ask(answer, case(5, [4, 1], [4, 5], 6), ", one of which ends after its prompt")
    ask(answer, case(5, [2, 5], [4, 5], 6), ", one of which ends after its prompt")
    ask(answer, case(6, [5, 20, 0], [40, 60, 33], 50))
    ask(answer, case(7, [2, 1, 4], [7, 4, 6], 8, padding=-100), ", padded with -100")
    logits, *others = case(8, [1, 2, 1], [3, 6, 4], 6, extra=1)
    ask(answer, (logits + 300 * draw(9, 3, 9, 1), *others), ", far from 0")
    after = torch.arange(9) > others[-1][:, None]
    logits = draw(10, *logits.shape, scale=2.0).masked_fill(after[..., None], torch.nan)
    ask(answer, (logits, *others), ", which are NaN after each end mark")
