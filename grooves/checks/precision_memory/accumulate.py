"""Check of lab 12: gradient accumulation (chapter 12).

Key idea: the step must be that of the whole batch, to the last digits of 64 bits. And it must not
need the memory of the whole batch: the model records its forward and backward passes, and that of a
piece must be over before the next begins.
Letters: B texts, T tokens, V tokens in the vocabulary.
"""

from __future__ import annotations

import copy
import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from grooves.checks import CheckFailed, again, check
from grooves.checks.compare import draw, own_seed
from grooves.checks.precision_memory.rules import LAB, as_number
from grooves.checks.precision_memory.watched_model import STEPS, CountedSGD, Watched, batch
from grooves.language.corpora import IGNORED

RATE, NEAR = 0.5, 1e-7


def _loss(model, pairs, kind: str) -> Tensor:
    """The loss of pieces: all at once, or by what a mistake makes of them.

    kind: "words" divides the sum by the target words; "means" is the mean of the
    pieces' means; "summed_means" their sum; "sum" divides by nothing; "places" by all positions,
    padding too; "texts" by the texts; "by_batches" by the pieces; "so_far" divides each piece by
    the words up to its end.
    """
    logits = [model(ids).flatten(0, 1) for ids, _ in pairs]
    losses = [
        F.cross_entropy(scores, targets.flatten(), reduction="sum", ignore_index=IGNORED)
        for scores, (_, targets) in zip(logits, pairs, strict=True)
    ]
    words = [int((targets != IGNORED).sum()) for _, targets in pairs]
    places = [targets.numel() for _, targets in pairs]
    texts = [len(targets) for _, targets in pairs]
    means = [loss / n if n else 0 * loss for loss, n in zip(losses, words, strict=True)]
    return {
        "words": sum(losses) / sum(words),
        "means": sum(means) / len(means),
        "summed_means": sum(means),
        "sum": sum(losses),
        "places": sum(losses) / sum(places),
        "texts": sum(losses) / sum(texts),
        "so_far": sum(s / n for s, n in zip(losses, itertools.accumulate(words), strict=True)),
        "by_batches": sum(losses) / len(losses),
    }[kind]


def _learned(model, pairs, kind="words", left_over=()) -> list[Tensor]:
    """The weights after one step; left_over: gradients that were there before."""
    model = copy.deepcopy(model)
    loss = _loss(model, pairs, kind) if pairs else sum(p.sum() * 0 for p in model.parameters())
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    if left_over:
        gradients = [g + old for g, old in zip(gradients, left_over, strict=True)]
    found = zip(model.parameters(), gradients, strict=True)
    return [(p - RATE * g).detach() for p, g in found]


NOTHING = (
    "one of the pieces has no target words, and the mean over no words is 0 / 0 = NaN, whatever "
    "its weight. Sum the losses, and divide by the number of target words of the whole batch."
)
# Of each mistake the kinds of losses that it may have, and what to say.
MISTAKES = {
    "mean_of_means": (
        ("means",),
        "every piece has the same weight, although their numbers of target words differ. Sum the "
        "losses of all words, and divide by the number of target words of the whole batch.",
    ),
    "not_divided": (
        ("sum", "summed_means"),
        "you add up sums or means of the pieces without dividing by the number of target words "
        "of the whole batch, so the step is too long.",
    ),
    "padding_counted": (
        ("places",),
        "you divide by all positions, including padding. Count the targets that are not IGNORED.",
    ),
    "wrong_divisor": (
        ("texts", "by_batches", "so_far"),
        "you do not divide by the number of target words of the whole batch. Count these before "
        "the first piece.",
    ),
}


@check(lab=LAB, exercise="accumulated_step")
def accumulated_step(answer):
    """accumulated_step(model, optimizer, pairs) -> the loss; updates the model once.

    pairs: a list of (inputs, targets), each (B, T), of different sizes, with IGNORED targets.
    """
    with own_seed(0):
        model = Watched()
        for i, p in enumerate(model.parameters()):
            p.data = draw(70 + i, *p.shape).double()
            p.grad = draw(80 + i, *p.shape).double()  # of an earlier step
    optimizer = CountedSGD(model.parameters(), lr=RATE)
    last = [p.grad.clone() for p in model.parameters()]
    for step in range(len(STEPS)):
        pairs, before = batch(step), copy.deepcopy(model)
        expected, loss = _learned(before, pairs), _loss(before, pairs, "words").item()
        optimizer.n_steps, model.events, model.texts = 0, [], []
        words = sum(int((targets != IGNORED).sum()) for _, targets in pairs)
        given = f"step {step + 1}, {len(pairs)} pieces with {words} target words"
        handed_over = [(ids.clone(), targets.clone()) for ids, targets in pairs]
        told = as_number(answer(model, optimizer, handed_over))
        now = [p.detach().clone() for p in model.parameters()]
        _judge_weights(now, expected, before, pairs, given, last, optimizer.n_steps)
        _judge_order(model, pairs, given)
        if math.isnan(told) and step == len(STEPS) - 1:
            raise CheckFailed(
                f"for {given}, your result is the loss NaN.\nLikely mistake: {NOTHING}",
                hint="mean_of_nothing",
            )
        if not abs(told - loss) < NEAR * 100:
            name, says = _why_loss(told, before, model, pairs)
            raise CheckFailed(
                f"for {given}, your result is the loss {told:.6g}; that of the whole batch is "
                f"{loss:.6g}. The step itself is right.\n{says}",
                hint=name,
            )
        if not again.same(handed_over, pairs):
            raise CheckFailed(
                "your function changed the list of pairs that it was given, or a tensor in it. "
                "Work on a copy.",
                hint="changed_input",
            )
        last = [p.grad.clone() if p.grad is not None else 0 * p for p in model.parameters()]
    return "The same step as with the whole batch, with one piece in memory at a time."


def _near(some, others) -> bool:
    return all(
        torch.allclose(a, b, rtol=NEAR, atol=NEAR) for a, b in zip(some, others, strict=True)
    )


def _judge_weights(now, expected, before, pairs, given, last, n_steps):
    if _near(now, expected) and n_steps == 1:
        return
    gap = max(float((a - b).abs().max()) for a, b in zip(now, expected, strict=True))
    difference = f"your result is a model whose weights are up to {gap:.3g} from"
    if not all(p.isfinite().all() for p in now):
        difference = "your result is a model with weights that are not finite, unlike"
    name, says = _why(now, before, pairs, last, n_steps)
    said = f"Likely mistake: {says}" if name != "unrecognised" else says
    raise CheckFailed(
        f"for {given}, {difference} those after a step with the whole batch.\n{said}", hint=name
    )


def _why(now, before, pairs, last, n_steps) -> tuple[str, str]:
    """The name of the mistake, and what to say."""
    words = [int((targets != IGNORED).sum()) for _, targets in pairs]
    if n_steps > 1:
        return "step_each", (
            f"the optimizer made {n_steps} steps. Accumulate the gradients of all pieces, "
            "and step once after the loop."
        )
    if n_steps == 0:
        return "no_step", (
            "`optimizer.step()` was not called. Call it once the gradients of all pieces are "
            "accumulated."
        )
    if not all(p.isfinite().all() for p in now) and 0 in words:
        return "mean_of_nothing", NOTHING
    if _near(now, before.parameters()):
        return "cleared_before_step", (
            "`optimizer.step()` changed nothing, because there were no gradients. Either "
            "`backward()` was not called, or `zero_grad()` comes between it and the step; call it "
            "before the loop."
        )
    for name, (kinds, says) in MISTAKES.items():
        if any(_near(now, _learned(before, pairs, kind)) for kind in kinds):
            return name, says
    if _near(now, _learned(before, pairs, left_over=last)):
        return "never_cleared", (
            "gradients of an earlier step were added. Call `optimizer.zero_grad()` before the "
            "first piece."
        )
    if _near(now, _learned(before, pairs, "means", left_over=last)):
        return "mean_of_means_and_never_cleared", (
            "you made two mistakes at once. Gradients of an earlier step were added: call "
            "`optimizer.zero_grad()` before the first piece, not after the step. And every piece "
            "has the same weight: sum the losses of all words, and divide by the number of target "
            "words of the whole batch."
        )
    parts = zip(before.parameters(), now, strict=True)
    moved = torch.cat([(a - b).detach().flatten() for a, b in parts]) / RATE
    for kept, name, says in (
        (pairs[-1:], "last_piece_only", "only the last piece counts. Do you clear the gradients "
         "inside the loop, or call `backward()` once, after it?"),
        (pairs[:-1], "piece_missing", "the last piece is left out."),
        (pairs[:1], "piece_missing", "only the first piece was used."),
    ):  # fmt: skip
        n = sum(int((targets != IGNORED).sum()) for _, targets in kept)
        if not 0 < n < sum(words):
            continue
        mean = _gradient(before, kept, "words")
        by_batches = _gradient(before, kept, "means") * len(kept) / len(pairs)
        likely = (mean, mean * n, mean * n / sum(words), by_batches)
        if any(torch.allclose(moved, g, rtol=1e-6) for g in likely):
            return name, says
    return "unrecognised", (
        "This is none of the usual mistakes. Compare the gradient of one weight with that of the "
        "whole batch."
    )


def _why_loss(told: float, before, after, pairs) -> tuple[str, str]:
    """The name of the mistake in the number that comes back beside a right step."""
    with torch.no_grad():
        loss_after = _loss(after, pairs, "words").item()
        of_kinds = [
            _loss(before, pairs, kind).item() for kinds, _ in MISTAKES.values() for kind in kinds
        ]
        n = sum(int((targets != IGNORED).sum()) for _, targets in pairs)
        sums = [_loss(before, [pair], "sum").item() for pair in pairs]
        means = [_loss(before, [pair], "means").item() for pair in pairs]
    if math.isclose(told, loss_after, rel_tol=1e-6):
        return "other_loss", (
            "Likely mistake: that is the loss of the new weights. Return the one whose gradient "
            "made the step."
        )
    if any(math.isclose(told, x, rel_tol=1e-6) for x in (*sums, *means, *(s / n for s in sums))):
        return "other_loss", (
            "Likely mistake: that is the loss of one piece. Add up those of all pieces."
        )
    if any(math.isclose(told, other, rel_tol=1e-6) for other in of_kinds):
        return "other_loss", (
            "Likely mistake: the losses that you add up were not divided like those whose "
            "gradient you used. Use the same losses for both."
        )
    return "unrecognised", (
        "This is none of the usual mistakes. Print the loss of each piece, and compare their sum."
    )


def _gradient(model, pairs, kind) -> Tensor:
    """The gradient of a loss as one long row."""
    gradients = torch.autograd.grad(_loss(model, pairs, kind), list(model.parameters()))
    return torch.cat([g.flatten() for g in gradients])


def _judge_order(model: Watched, pairs, given: str) -> None:
    """Refuse a step that is right and had the activations of several pieces at once."""
    largest = max(len(ids) for ids, _ in pairs)
    if max(model.texts) > largest:
        raise CheckFailed(
            f"for {given}, your result is right, but the model read {max(model.texts)} texts at "
            "once, so all activations were in memory together. Run one piece after the "
            "other.",
            hint="all_at_once",
        )
    ahead = most = 0
    for event in model.events:
        ahead += 1 if event == "forward" else -1
        most = max(most, ahead)
    if most > 1:
        raise CheckFailed(
            f"for {given}, your result is right, but {most} forward passes ran before "
            "the first backward pass, so their activations were in memory together. Call "
            "`backward()` inside the loop: gradients accumulate.",
            hint="graphs_kept",
        )
