"""Check of lab 10: the DPO loss from log-probabilities of tokens (chapter 10).

Key idea: the two texts of a pair differ in length, their prompts have different log-probabilities
(as with dropout), padding holds other numbers, and cutting has made some pairs identical.
Letters: N pairs, T tokens.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.arrays import by_hand, judge
from grooves.checks.compare import shape_of
from grooves.checks.feedback.rules import LAB, OVERFLOWS, SHOULD
from grooves.checks.mistakes import Mistake, in_forms

PAD = -1


def case(seed: int, N: int, T: int, same: tuple = (), gap: float = 0.5, prompts: int = 3):
    """Tokens (N, 2, T), log-probabilities and those of the reference alike, prompts' lengths (N,).

    same: pairs that are identical, as if they had been cut. gap: how far the model is from the
    reference. prompts: the longest prompt.
    """
    random = np.random.default_rng(seed)
    n_prompt = random.integers(0, prompts + 1, N)
    tokens = np.full((N, 2, T), PAD)
    for i in range(N):
        prompt = random.integers(1, 60, n_prompt[i])
        for side in (0, 1):
            n = T if i in same else random.integers(n_prompt[i] + 2, T + 1)
            tokens[i, side, :n] = [*prompt, *random.integers(1, 60, n - n_prompt[i])]
        if i in same:
            tokens[i, 1] = tokens[i, 0]
    ref = -random.exponential(size=tokens.shape) - 0.1
    log_p = ref + gap * random.normal(size=tokens.shape)  # of other texts, and padding, too
    return (
        torch.tensor(tokens),
        torch.tensor(log_p, dtype=torch.float32),
        torch.tensor(ref, dtype=torch.float32),
        torch.tensor(n_prompt),
    )


def _inside(tokens: Tensor, n_prompt: Tensor) -> Tensor:
    return (tokens != PAD) & (torch.arange(tokens.size(-1)) >= n_prompt[:, None, None])


def _summed(values: Tensor, inside: Tensor, mean: bool = False) -> Tensor:
    sums = values.double().masked_fill(~inside, 0.0).sum(-1)
    return sums / inside.sum(-1).clamp_min(1) if mean else sums


def _rewards(tokens, log_p, ref, n_prompt, inside=None, mean=False) -> Tensor:
    """ln(pi / pi_ref) of each text: (N, 2)."""
    inside = _inside(tokens, n_prompt) if inside is None else inside
    return _summed(log_p, inside, mean) - _summed(ref, inside, mean)


def _loss_of(h: Tensor) -> Tensor:
    """-ln sigmoid(h), (N,)."""
    return torch.log1p(torch.exp(-h.abs())) + (-h).clamp_min(0)


def _mean_over(losses: Tensor, tokens: Tensor) -> Tensor:
    """The mean over pairs whose texts differ, 0 without any."""
    differ = (tokens[:, 0] != tokens[:, 1]).any(-1)
    return losses[differ].mean() if differ.any() else torch.zeros((), dtype=torch.float64)


def right(tokens, log_p, ref, n_prompt, beta, **changes) -> Tensor:
    """The loss; changes: of `_rewards`."""
    r = _rewards(tokens, log_p, ref, n_prompt, **changes)
    return _mean_over(_loss_of(beta * (r[:, 0] - r[:, 1])), tokens)


def _from(h, mean=_mean_over, loss=_loss_of):
    """The loss with h(summed log_p, summed ref, beta), of (N, 2) each, in place of the margin."""

    def compute(tokens, log_p, ref, n_prompt, beta):
        inside = _inside(tokens, n_prompt)
        margin = h(_summed(log_p, inside), _summed(ref, inside), beta)
        return mean(loss(margin), tokens)

    return compute


def _margin(p, q, beta):
    return beta * ((p - q)[:, 0] - (p - q)[:, 1])


def _everything(tokens, log_p, ref, n_prompt, beta):
    """Padding counted as tokens of the text."""
    after = torch.arange(tokens.size(-1)) >= n_prompt[:, None, None]
    return right(tokens, log_p, ref, n_prompt, beta, inside=after.expand_as(tokens))


MISTAKES = (
    Mistake(
        "exchanged",
        _from(lambda p, q, b: -_margin(p, q, b)),
        "chosen and rejected are exchanged, so the model learns to prefer what was rejected.",
    ),
    Mistake(
        "no_reference",
        _from(lambda p, q, b: _margin(p, 0 * q, b)),
        "the reference is missing. The reward of a text is how much more probable the model makes "
        "it than the reference does.",
    ),
    *in_forms(
        "reference_added",
        "the sign of the reference is wrong: its log-probability is subtracted, for the rejected "
        "text as for the chosen one.",
        _from(lambda p, q, b: _margin(p, -q, b)),
        _from(lambda p, q, b: b * (p[:, 0] - p[:, 1] - q[:, 0] - q[:, 1])),
    ),
    Mistake(
        "mean_over_tokens",
        lambda *inputs: right(*inputs, mean=True),
        "you average over the tokens of a text. The probability of a text is the product over its "
        "tokens, so add up their log-probabilities.",
    ),
    Mistake(
        "prompt_counted",
        lambda x, p, q, n, b: right(x, p, q, torch.zeros_like(n), b),
        "the tokens of the prompt are counted. Nobody chose between them.",
    ),
    Mistake(
        "padding_counted",
        _everything,
        "the padding is counted: a token -1 belongs to no text.",
    ),
    Mistake(
        "padding_and_prompt",
        lambda x, p, q, n, b: right(x, p, q, n, b, inside=torch.ones_like(x, dtype=torch.bool)),
        "all T places are counted, the prompt and the padding too.",
    ),
    *in_forms(
        "identical_counted",
        "identical pairs are counted. Their two texts are the same after cutting, so they say "
        "nothing, and their part in the mean makes the step of the others smaller.",
        _from(_margin, mean=lambda losses, x: losses.mean()),
        _from(
            _margin,
            mean=lambda losses, x: (
                (losses * (x[:, 0] != x[:, 1]).any(-1)).sum() / max(len(losses), 1)
            ),
        ),
    ),
    Mistake(
        "none_left",
        lambda x, p, q, n, b: (
            right(x, p, q, n, b) if (x[:, 0] != x[:, 1]).any() else torch.tensor(torch.nan)
        ),
        "the mean over no pairs is NaN. Return 0 if all pairs are identical.",
    ),
    *in_forms(
        "beta_outside",
        "beta multiplies the loss. It belongs inside the sigmoid, where it turns nats into reward.",
        _from(lambda p, q, b: _margin(p, q, 1), loss=_loss_of),
        lambda x, p, q, n, b: b * right(x, p, q, n, 1.0),
        lambda x, p, q, n, b: right(x, p, q, n, 1.0) / b,
    ),
    Mistake(
        "sum",
        _from(_margin, mean=lambda losses, x: losses[(x[:, 0] != x[:, 1]).any(-1)].sum()),
        "the losses of the pairs are added up. Return their mean.",
    ),
    *in_forms(
        "unstable",
        "for a margin far below 0, the sigmoid is rounded to 0 and the loss is infinite. Use "
        "`logsigmoid` or `softplus`.",
        _from(_margin, loss=lambda h: -torch.log(torch.sigmoid(h.float()))),
        _from(_margin, loss=lambda h: -torch.log(torch.sigmoid(h))),
        _from(_margin, loss=lambda h: torch.log(1 + torch.exp(-h))),
        _from(_margin, loss=lambda h: torch.log(1 + torch.exp(-h.float()))),
    ),
)


@check(lab=LAB, exercise="dpo", returns=(Tensor, np.ndarray, Real), raised=OVERFLOWS)
def dpo(answer):
    """dpo(tokens, log_p, ref_log_p, n_prompt, beta): (N, 2, T) three times, (N,) -> a number."""

    def ask(call, made, beta, note=""):
        inputs = (*made, beta)
        given = f"tokens of shape {shape_of(made[0])} and beta = {beta}{note}"
        judge(call, inputs, right(*inputs), MISTAKES, given, SHOULD)

    ask(by_hand(answer), case(1, 5, 8), 0.5)
    ask(answer, case(2, 5, 8), 0.5)
    ask(answer, case(1, 5, 8), 0.1)
    ask(answer, case(3, 6, 9, same=(1, 4)), 0.3, ", two of whose pairs are identical")
    ask(answer, case(4, 6, 9, same=(0,)), 0.7, ", one of whose pairs is identical")
    ask(answer, case(5, 1, 6), 2.0)
    ask(answer, case(6, 4, 7, prompts=0), 0.4, ", without prompts")
    ask(answer, case(7, 3, 5, same=(0, 1, 2)), 0.4, ", all of whose pairs are identical")
    ask(answer, case(8, 40, 120, gap=0.2), 0.1)
    tokens, log_p, ref, n_prompt = case(9, 6, 50)
    ask(answer, (tokens, 100 * log_p, 100 * ref, n_prompt), 5.0, ", with margins of hundreds")
