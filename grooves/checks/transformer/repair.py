"""Check of lab 04, fourth part: a model that trains badly (chapter 04).

Key idea: a model is judged by its symptoms, not by its code. Words are changed one at a time to see
which logits change, gradients are traced back, and the loss is compared with the exact entropy,
which no causal model can beat.
Shapes: B texts, T words, V words in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.checks import CheckFailed, check
from grooves.checks.compare import draw, own_seed, refuse_given_changed, shape_of
from grooves.checks.transformer.gradient_flow import (
    changed_logits,
    check_gradients,
    check_own_word,
    check_zero_gradients,
)
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer

LAB = "04_transformer"
N_WORDS = 40  # length of the texts that are probed
STEPS = 60
LONG = 60  # words of a text longer than those
LENGTH = 48  # words of a story that the short training reads
GAP_NATS = 2.0  # a repaired model reaches about 0.4


@check(lab=LAB, exercise="repaired", returns=nn.Module)
def repaired(answer):
    """repaired(vocabulary_size) -> a model, ids (B, T) -> logits (B, T, V), without
    either bug."""
    vocabulary_size = 90
    with own_seed(0):
        model, second = answer(vocabulary_size), answer(vocabulary_size)
    if isinstance(model, Transformer):
        raise CheckFailed(
            "that is the course's own model. Find out what is wrong with Broken, and fix it.",
            hint="course_code",
        )
    _check_anew(model, second)
    _add_noise(model)
    ids = torch.randperm(vocabulary_size, generator=torch.Generator().manual_seed(1))
    ids = ids[: 2 * N_WORDS].view(2, N_WORDS)
    with torch.no_grad():
        model.eval()
        _check_scores(model, ids, vocabulary_size)
        _check_texts_apart(model, ids)
        _check_reach(_influence(model, ids[0], vocabulary_size))
        _check_order(model, ids[:1])
        _check_long_text(model, vocabulary_size)
    check_own_word(model, vocabulary_size)
    check_gradients(model, ids)
    check_zero_gradients(model, ids)
    loss, entropy = short_training(answer, STEPS)
    _check_loss(loss, entropy)
    refuse_given_changed(answer, "Broken")
    return f"After {STEPS} steps its loss is {loss - entropy:.2f} nats above the exact entropy."


def short_training(build: Callable[[int], nn.Module], steps: int) -> tuple[float, float]:
    """Train the model that `build(vocabulary_size)` makes on the openings of stories.

    Returns: its loss on held-out openings, and the exact entropy of those, in nats per word.
    """
    words, held_out, entropy = openings()
    with own_seed(0):
        model = build(len(Stories().vocabulary))
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95))
        generator = torch.Generator().manual_seed(2)
        for _ in range(steps):
            batch = words[torch.randint(len(words), (16,), generator=generator)]
            loss = _loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            return float(_loss(model.eval(), held_out)), entropy


# ---- what is checked -----------------------------------------------------------------------


def _check_anew(model: nn.Module, second: nn.Module) -> None:
    if {id(w) for w in model.parameters()} & {id(w) for w in second.parameters()}:
        raise CheckFailed(
            "called again, your function returned a model with the same weights as before: "
            "training one trains both. Build a new model in each call.",
            hint="remembers",
        )


def _check_scores(model: nn.Module, ids: Tensor, vocabulary_size: int) -> None:
    logits = model(ids)
    expected = (*ids.shape, vocabulary_size)
    if tuple(logits.shape) != expected:
        raise CheckFailed(
            f"for ids of shape {shape_of(ids)} and {vocabulary_size} words, the logits have shape "
            f"{shape_of(logits)}, expected {expected}.",
            hint="wrong_shape",
        )
    broken = ~logits.isfinite().all(-1).all(0)
    if broken.any():
        raise CheckFailed(
            f"the logits at word {int(broken.nonzero()[0])} are NaN or infinite.\n"
            "Likely mistake: the mask hides a word from itself, so the first word has nothing to "
            "attend to. Keep the diagonal visible.",
            hint="not_finite",
        )


def _check_texts_apart(model: nn.Module, ids: Tensor) -> None:
    if changed_logits(model(ids)[0], model(ids[:1])[0]).any():
        raise CheckFailed(
            "the logits of text 0 change when text 1 is removed from the batch.\n"
            "Likely mistake: a softmax, a norm or a transpose over axis 0, the texts.",
            hint="texts_mixed",
        )


def _check_reach(influence: Tensor) -> None:
    """influence: (T, T) bool, row s column t: changing word s changes the logits at word t."""
    ahead = influence.tril(-1).nonzero()
    if len(ahead):
        changed, seen = ahead[(ahead[:, 0] - ahead[:, 1]).argmax()].tolist()
        message = f"in {N_WORDS} words, changing word {changed} changes the logits at word {seen}"
        if changed - seen == 1:
            raise CheckFailed(
                f"{message}: every word attends to the next one, which it must predict.\n"
                "Likely mistake: the mask's diagonal is off by one.",
                hint="sees_the_next",
            )
        raise CheckFailed(
            f"{message}: the future leaks.\nLikely mistake: no mask, one that covers some of the "
            "words only, an inverted mask, one filled with 0 or a finite number, not -inf, or "
            "a softmax over the wrong axis.",
            hint="sees_the_future",
        )
    if not influence.diagonal().all():
        raise CheckFailed(
            "the logits at a word do not depend on that word.\n"
            "Likely mistake: the residual connection around attention is missing, or the model's "
            "inputs are shifted by one word.",
            hint="own_word_ignored",
        )
    behind = influence.triu(1)
    if not behind.any():
        raise CheckFailed(
            "no earlier word changes any logits: the model only sees the current word.\n"
            "Likely mistake: attention was removed, or its result is never added to x.",
            hint="no_past",
        )
    if not behind[0, 1:].all():
        place = 1 + int((~behind[0, 1:]).nonzero()[0])
        raise CheckFailed(
            f"the logits at word {place} do not change when word 0 does, but those at nearer words "
            "do.\nLikely mistake: the mask hides part of the past.",
            hint="part_of_past_hidden",
        )


def _check_order(model: nn.Module, ids: Tensor) -> None:
    last = N_WORDS - 1
    pairs = [(0, b) for b in range(1, last)] + [(a, a + 1) for a in range(1, last - 1)]
    order = torch.arange(N_WORDS).repeat(len(pairs), 1)
    for row, (a, b) in zip(order, pairs, strict=True):
        row[a], row[b] = b, a
    changed = changed_logits(model(ids[0, order])[:, -1], model(ids)[:, -1])
    if not changed.all():
        a, b = pairs[int((~changed).nonzero()[0])]
        raise CheckFailed(
            f"words {a} and {b} can be swapped without changing the last word's logits: the model "
            "ignores their order.\nLikely mistake: "
            + (
                "all keys of a text are rotated by the same angle, or not at all. Print "
                "the shape of the positions where they multiply q and k: along which axis do "
                "they grow?"
                if not changed.any()
                else "some words share a position. Print the positions: they should "
                "count 0, 1, 2, …, to the end of the text."
            ),
            hint="order_blind",
        )


def _check_long_text(model: nn.Module, vocabulary_size: int) -> None:
    ids = torch.randint(vocabulary_size, (1, LONG), generator=torch.Generator().manual_seed(3))
    if changed_logits(model(ids)[0, : LONG - 10], model(ids[:, :-10])[0]).any():
        raise CheckFailed(
            f"in a text of {LONG} words, the logits at the earlier ones change when the last ten "
            "are removed: the future leaks.\nLikely mistake: a mask of one fixed size.",
            hint="sees_the_future",
        )


def _check_loss(loss: float, entropy: float) -> None:
    measured = (
        f"after {STEPS} steps the loss is {loss:.2f} nats per word, the exact entropy {entropy:.2f}"
    )
    if loss < entropy - 0.05:
        raise CheckFailed(
            f"{measured}. No causal model can be below it: the model sees what it predicts.",
            hint="below_entropy",
        )
    if not loss < entropy + GAP_NATS:
        raise CheckFailed(
            f"{measured}; a correct model comes within {GAP_NATS} of it.\nLikely mistake: the "
            "logits are bounded or badly scaled (a softmax or tanh on the logits, a missing norm "
            "or residual connection, a wrong factor).",
            hint="learns_badly",
        )


# ---- how ---------------------------------------------------------------------------------------


def _influence(model: nn.Module, ids: Tensor, vocabulary_size: int) -> Tensor:
    """(T, T) bool: row s, column t is True where changing word s changes the logits at word t."""
    changed = ids.repeat(N_WORDS, 1)
    changed.diagonal().copy_((ids + 1) % vocabulary_size)
    return changed_logits(model(changed), model(ids.expand(N_WORDS, -1)))


@torch.no_grad()
def _add_noise(model: nn.Module) -> None:
    """Add noise to all weights, so that a block initialised to add nothing has an effect."""
    for seed, weight in enumerate(model.parameters()):
        weight.add_(draw(seed, *weight.shape, scale=0.1).to(weight))


@cache
def openings() -> tuple[Tensor, Tensor, float]:
    """Openings of stories to learn from, and 100 others: two tensors of word ids (N, LENGTH + 1).

    Each begins with the end mark. Returned third: the exact entropy of the others, nats per word.
    """
    language = Stories()
    stories = [s for s in language.corpus(1300, seed=4) if len(s) > LENGTH]
    ids = torch.tensor([[0, *(language.index[w] for w in s[:LENGTH])] for s in stories])
    nats = [-language.score(s)[:LENGTH].mean() for s in stories[-100:]]
    return ids[:-100], ids[-100:], sum(nats) / len(nats)


def _loss(model: nn.Module, ids: Tensor) -> Tensor:
    return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1).float(), ids[:, 1:].flatten())
