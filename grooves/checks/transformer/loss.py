"""Check of lab 04, third part: the next-word loss (chapter 04).

Key idea: the number is compared with PyTorch's log-softmax, and then its gradient: a loss that is
detached from the graph looks right, but a model cannot learn from it.
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


def _negative_log_likelihood(
    logits: Tensor, ids: Tensor, shift: int = 1, from_the_end: bool = False
) -> Tensor:
    """-log p of the word `shift` positions ahead, where there is one: (B, T - shift).

    from_the_end: an id of -1 is read as the last word, as an index is, not as the first.
    """
    T = ids.size(1)
    log_p = logits.double().log_softmax(-1)[:, : T - shift]
    words = ids[:, shift:, None]  # padding need not be a word id
    words = words % logits.size(-1) if from_the_end else words.clamp(min=0)
    return -log_p.gather(-1, words).squeeze(-1)


def _loss(logits, ids, padding):
    """The right answer."""
    return _negative_log_likelihood(logits, ids)[ids[:, 1:] != padding].mean()


def _mean_of_texts(logits, ids, padding, empty=None):
    """empty: the mean of a text without a word to predict; 0/0, or it is left out."""
    real = ids[:, 1:] != padding
    each = (_negative_log_likelihood(logits, ids) * real).sum(1) / real.sum(1)
    return each[real.any(1)].mean() if empty == "left out" else each.nan_to_num(empty).mean()


def _through_probabilities(probabilities, ids, padding):
    """The loss from probabilities that may have rounded to 0, in their own precision."""
    words = ids[:, 1:, None].clamp(min=0)
    return -probabilities[:, :-1].gather(-1, words).log().squeeze(-1)[ids[:, 1:] != padding].mean()


LOSS_MISTAKES = (
    Mistake(
        "not_shifted",
        lambda logits, ids, padding: _negative_log_likelihood(logits, ids, 0)[
            ids != padding
        ].mean(),
        "position t is scored on word t, which is its input. It must predict word t + 1.",
    ),
    *(
        Mistake(
            "padding_counted",
            lambda logits, ids, padding, end=end: _negative_log_likelihood(
                logits, ids, from_the_end=end
            ).mean(),
            "the padding is scored as if it were words. Leave it out.",
        )
        for end in (False, True)
    ),
    Mistake(
        "divided_by_all",
        lambda logits, ids, padding: (
            _loss(logits, ids, padding) * (ids[:, 1:] != padding).double().mean()
        ),
        "the padding's loss is left out, but its positions still count in the mean. "
        "Divide by the number of words that are predicted.",
    ),
    *(
        Mistake(
            "padding_at_t",
            lambda logits, ids, padding, end=end: _negative_log_likelihood(
                logits, ids, from_the_end=end
            )[ids[:, :-1] != padding].mean(),
            "you test for padding at position t, the input. The target, the word at t + 1, must "
            "not be padding.",
        )
        for end in (False, True)
    ),
    Mistake(
        "sum_not_mean",
        lambda logits, ids, padding: _negative_log_likelihood(logits, ids)[
            ids[:, 1:] != padding
        ].sum(),
        "that is the sum over the words. The loss is their mean.",
    ),
    *(
        Mistake(
            "mean_of_texts",
            partial(_mean_of_texts, empty=empty),
            "you average each text, then the texts, so words of short texts count more. "
            "Every predicted word should count the same.",
        )
        for empty in (math.nan, 0.0, "left out")
    ),
    Mistake(
        "softmax_twice",
        lambda logits, ids, padding: _negative_log_likelihood(
            logits.double().softmax(-1), ids
        ).mean(),
        "you pass probabilities to cross_entropy, which takes logits and applies the softmax "
        "itself; and the padding is counted.",
    ),
    Mistake(
        "softmax_twice",
        lambda logits, ids, padding: _loss(logits.double().softmax(-1), ids, padding),
        "you pass probabilities to cross_entropy. It takes logits and applies the softmax itself.",
    ),
    Mistake(
        "padding_is_zero",
        lambda logits, ids, padding: _loss(logits, ids, 0),
        "word 0 is left out. The padding is the argument `padding`, which need not be 0.",
    ),
    Mistake(
        "exp_overflows",
        lambda logits, ids, padding: _through_probabilities(
            logits.exp() / logits.exp().sum(-1, keepdim=True), ids, padding
        ),
        "exp of a logit above 88 is infinite in float32. log_softmax and cross_entropy subtract "
        "the largest logit first.",
    ),
    Mistake(
        "log_of_softmax",
        lambda logits, ids, padding: _through_probabilities(logits.softmax(-1), ids, padding),
        "a very unlikely word's probability rounds to 0, and log 0 is -inf. "
        "log_softmax avoids the 0.",
    ),
)


@check(lab=LAB, exercise="next_word_loss", returns=Tensor)
def next_word_loss(answer):
    """next_word_loss(logits, ids, padding): (B, T, V), (B, T), int -> mean loss in nats."""
    right, calls = [], []
    ids = torch.tensor([[3, 1, 4, 1, 5, 2], [2, 6, 0, 9, 9, 9], [8, 0, 7, 9, 9, 9]])

    def judge(call, logits, ids, padding, note=""):
        given = f"logits {shape_of(logits)}, ids {shape_of(ids)} and padding = {padding}{note}"
        got = call(logits.clone(), ids.clone(), padding)
        inputs = (logits, ids, padding)
        expected = _loss(*inputs)
        compare(got, expected, LOSS_MISTAKES, inputs, given)
        right.append(close(as_tensor(got), expected, TOLERANCE.get(got.dtype, ORDINARY_TOLERANCE)))
        calls.append((*inputs, given))

    def by_hand(*inputs):
        return written_by_hand(answer, *inputs)

    logits = draw(24, 3, 6, 10, scale=2.0)
    judge(by_hand, logits, ids, 9)
    few = torch.tensor([[[0.0, 1, 0], [2, 0, 0], [0, 0, 1]]])
    judge(answer, few, torch.tensor([[0, 1, 0]]), 2)
    judge(answer, draw(25, 3, 6, 10), ids, 9, " (other numbers)")
    judge(answer, draw(28, 1, 4, 3), torch.tensor([[0, 1, 0, 2]]), 2)
    judge(answer, logits, (ids + 1) % 10, 0)
    judge(answer, logits, ids.where(ids != 9, -1), -1, ", which is not a word id,")
    for B, T, V in ((1, 11, 300), (70, 3, 5), (1, 1_100, 7), (2, 2, 1_100)):
        many = torch.randint(V - 1, (B, T), generator=torch.Generator().manual_seed(26))
        judge(answer, draw(27, B, T, V), many, V - 1, ", which does not occur,")
    one_word = ids.where(torch.tensor([[True] * 6, [True] + [False] * 5, [True] * 6]), 9)
    judge(answer, logits, one_word, 9, ", one text of a single word,")
    judge(answer, 0 * logits, ids, 9, " and logits of 0")
    judge(answer, logits - 1000, ids, 9, " and logits near -1,000")
    judge(answer, 20_000 * logits, ids, 9, " and logits in the ten thousands")
    judge(answer, logits + 1000, ids, 9, " and logits near 1,000")
    judge(answer, 200 * logits, ids, 9, " and logits in the hundreds")
    if all(right):  # a loss that is right by chance, as with logits of 0, has a different gradient
        for each in calls:
            _check_gradient(answer, *each)


def _check_gradient(answer, logits, ids, padding, given: str) -> None:
    """Refuse a right loss whose gradient is not PyTorch's."""
    leaf, twin = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    got = answer(leaf * 1, ids.clone(), padding)
    if not got.requires_grad:
        raise CheckFailed(
            f"for {given}, the number is right, but it is detached from the graph, so no "
            "gradient flows back.\nLikely mistake: .item(), .detach(), no_grad or a new tensor "
            "along the way.",
            hint="no_gradient",
        )
    got.backward()
    _loss(twin, ids, padding).backward()
    tolerance = TOLERANCE.get(got.dtype, ORDINARY_TOLERANCE)
    if leaf.grad is None or not close(leaf.grad, twin.grad, tolerance):
        raise CheckFailed(
            f"for {given}, the number is right, but its gradient is not PyTorch's.\n"
            "Likely mistake: a part of the sum is detached or copied into a new tensor, or padding "
            "becomes NaN in the backward pass.",
            hint="wrong_gradient",
        )
