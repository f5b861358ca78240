"""Check of lab 04, third part: the next-word loss (chapter 04).

Key idea: the number is compared with PyTorch's log-softmax, then its gradient is too: a loss that
has lost its history looks right and teaches nothing.
Shapes: B texts, T words, V words in the vocabulary.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check
from grooves.checks.compare import (
    ORDINARY_TOLERANCE,
    TOLERANCE,
    Mistake,
    as_tensor,
    close,
    compare,
    draw,
    shape_of,
    written_by_hand,
)

LAB = "04_transformer"


def _surprise(logits: Tensor, ids: Tensor, shift: int = 1) -> Tensor:
    """-log p of the word `shift` places on, where there is one: (B, T - shift)."""
    T = ids.size(1)
    chances = logits.double().log_softmax(-1)[:, : T - shift]
    words = ids[:, shift:, None].clamp(min=0)  # padding may be no word's number
    return -chances.gather(-1, words).squeeze(-1)


def _loss(logits, ids, padding):
    """The right answer."""
    return _surprise(logits, ids)[ids[:, 1:] != padding].mean()


def _backwards(logits, ids, padding):
    """Each position scored on the word before it."""
    words = ids[:, :-1, None].clamp(min=0)
    surprise = -logits.double().log_softmax(-1)[:, 1:].gather(-1, words).squeeze(-1)
    return surprise[ids[:, :-1] != padding].mean()


def _mean_of_texts(logits, ids, padding, empty=None):
    """empty: what a text without a word to predict has for its mean; 0/0, or it is left out."""
    real = ids[:, 1:] != padding
    each = (_surprise(logits, ids) * real).sum(1) / real.sum(1)
    return each[real.any(1)].mean() if empty == "left out" else each.nan_to_num(empty).mean()


def _rolled(logits, ids, padding):
    """The first word is the target of the last position."""
    targets = ids.roll(-1, 1)
    chances = logits.double().log_softmax(-1).gather(-1, targets[..., None].clamp(min=0))
    return -chances.squeeze(-1)[targets != padding].mean()


def _through_shares(shares, ids, padding):
    """The loss from shares that may have rounded to 0, in their own precision."""
    words = ids[:, 1:, None].clamp(min=0)
    return -shares[:, :-1].gather(-1, words).log().squeeze(-1)[ids[:, 1:] != padding].mean()


LOSS_MISTAKES = (
    Mistake(
        "not_shifted",
        lambda logits, ids, padding: _surprise(logits, ids, 0)[ids != padding].mean(),
        "position t is scored on word t, which it has just read. It must predict word t + 1.",
    ),
    Mistake(
        "shifted_backwards",
        _backwards,
        "position t is scored on word t − 1. The logits lose their last position, "
        "the words their first.",
    ),
    Mistake(
        "padding_counted",
        lambda logits, ids, padding: _surprise(logits, ids).mean(),
        "the padding is scored as if it were words.",
    ),
    Mistake(
        "divided_by_all",
        lambda logits, ids, padding: (
            _loss(logits, ids, padding) * (ids[:, 1:] != padding).double().mean()
        ),
        "the padding's surprise is left out, but its places still count. "
        "Divide by the number of real words.",
    ),
    Mistake(
        "first_words_counted",
        lambda logits, ids, padding: (
            _loss(logits, ids, padding) * (ids[:, 1:] != padding).sum() / (ids != padding).sum()
        ),
        "you divide by all words, the first of each text included, which nobody predicts.",
    ),
    Mistake(
        "padding_at_t",
        lambda logits, ids, padding: _surprise(logits, ids)[ids[:, :-1] != padding].mean(),
        "padding is sought at position t, where the model reads. What must not be padding is the "
        "word at t + 1, which it is to predict.",
    ),
    Mistake(
        "sum_not_mean",
        lambda logits, ids, padding: _surprise(logits, ids)[ids[:, 1:] != padding].sum(),
        "that is the sum over the words. The loss is their mean.",
    ),
    *(
        Mistake(
            "mean_of_texts",
            partial(_mean_of_texts, empty=empty),
            "you average each text, then the texts, so words of short texts weigh more. "
            "Every real word weighs the same.",
        )
        for empty in (math.nan, 0.0, "left out")
    ),
    Mistake(
        "goes_round",
        _rolled,
        "the first word of a text is the target of its last position, as roll puts it there. "
        "Nothing follows the last word.",
    ),
    Mistake(
        "softmax_twice",
        lambda logits, ids, padding: _loss(logits.double().softmax(-1), ids, padding),
        "cross_entropy was given probabilities. It takes the logits and does the softmax itself.",
    ),
    Mistake(
        "sign",
        lambda logits, ids, padding: -_loss(logits, ids, padding),
        "the sign: log p is negative, its surprise is −log p.",
    ),
    Mistake(
        "in_bits",
        lambda logits, ids, padding: _loss(logits, ids, padding) / math.log(2),
        "that is in bits (logarithm to base 2). The course counts in nats: the natural logarithm.",
    ),
    Mistake(
        "padding_is_zero",
        lambda logits, ids, padding: _loss(logits, ids, 0),
        "word 0 was left out. The padding is the argument `padding`, which need not be 0.",
    ),
    Mistake(
        "exp_overflows",
        lambda logits, ids, padding: _through_shares(
            logits.exp() / logits.exp().sum(-1, keepdim=True), ids, padding
        ),
        "exp of a logit above 88 is infinite in float32. log_softmax or cross_entropy shift first.",
    ),
    Mistake(
        "log_of_softmax",
        lambda logits, ids, padding: _through_shares(logits.softmax(-1), ids, padding),
        "a very unlikely word's softmax rounds to 0, and log 0 is -inf. "
        "log_softmax never forms the 0.",
    ),
    *(
        Mistake(
            "epsilon",
            lambda logits, ids, padding, least=least: _through_shares(
                logits.softmax(-1) + least, ids, padding
            ),
            "a small number under the logarithm hides that a share has rounded to 0, and makes "
            "very unlikely words look likelier. log_softmax needs none.",
        )
        for least in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-20)
    ),
)


@check(lab=LAB, exercise="next_word_loss", returns=Tensor)
def next_word_loss(answer):
    """next_word_loss(logits, ids, padding): (B, T, V), (B, T), int -> mean surprise in nats."""
    right, asked = [], []
    ids = torch.tensor([[3, 1, 4, 1, 5, 2], [2, 6, 0, 9, 9, 9], [8, 0, 7, 9, 9, 9]])

    def judge(call, logits, ids, padding, note=""):
        given = f"logits {shape_of(logits)}, ids {shape_of(ids)} and padding = {padding}{note}"
        got = call(logits.clone(), ids.clone(), padding)
        inputs = (logits, ids, padding)
        expected = _loss(*inputs)
        compare(got, expected, LOSS_MISTAKES, inputs, given)
        right.append(close(as_tensor(got), expected, TOLERANCE.get(got.dtype, ORDINARY_TOLERANCE)))
        asked.append((*inputs, given))

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs)

    logits = draw(24, 3, 6, 10, scale=2.0)
    judge(by_hand, logits, ids, 9)
    judge(answer, draw(25, 3, 6, 10), ids, 9, " (other numbers)")
    judge(answer, logits, (ids + 1) % 10, 0)
    judge(answer, logits, ids.where(ids != 9, -1), -1, ", no word's number,")
    for B, T, V in ((1, 11, 300), (70, 3, 5), (1, 1_100, 7), (2, 2, 1_100)):
        many = torch.randint(V - 1, (B, T), generator=torch.Generator().manual_seed(26))
        judge(answer, draw(27, B, T, V), many, V - 1, ", which is nowhere,")
    one_word = ids.where(torch.tensor([[True] * 6, [True] + [False] * 5, [True] * 6]), 9)
    judge(answer, logits, one_word, 9, ", one text of a single word,")
    judge(answer, 0 * logits, ids, 9, " and logits of 0")
    judge(answer, logits - 1000, ids, 9, " and logits near -1,000")
    judge(answer, 20_000 * logits, ids, 9, " and logits in the ten thousands")
    judge(answer, logits + 1000, ids, 9, " and logits near 1,000")
    judge(answer, 200 * logits, ids, 9, " and logits in the hundreds")
    if all(right):  # a loss that is right by chance, as with logits of 0, has another gradient
        for each in asked:
            _follow_back(answer, *each)


def _follow_back(answer, logits, ids, padding, given: str) -> None:
    """Refuse a right loss whose gradient is not PyTorch's."""
    leaf, twin = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    got = answer(leaf * 1, ids.clone(), padding)
    if not got.requires_grad:
        raise CheckFailed(
            f"for {given}, the number is right, but it has lost its history, so no gradient "
            "flows back.\nLikely mistake: .item(), .detach(), no_grad or a new tensor on "
            "the way.",
            hint="no_gradient",
        )
    got.backward()
    _loss(twin, ids, padding).backward()
    tolerance = TOLERANCE.get(got.dtype, ORDINARY_TOLERANCE)
    if leaf.grad is None or not close(leaf.grad, twin.grad, tolerance):
        raise CheckFailed(
            f"for {given}, the number is right, but its gradient is not PyTorch's.\n"
            "Likely mistake: a part of the sum is detached or copied into a new tensor, or padding "
            "turned into NaN in the backward pass.",
            hint="wrong_gradient",
        )
