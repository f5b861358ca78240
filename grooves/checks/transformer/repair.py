"""Check of lab 04, fourth part: a model that trains badly (chapter 04).

Key idea: a model is judged by its symptoms, not by its code. Words are changed one at a time to see
which scores move, gradients are followed back, and the loss is held against the exact entropy,
below which no honest model can fall.
Shapes: B texts, T words, V words in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.checks import CheckFailed, check
from grooves.checks.compare import draw, own_seed, shape_of
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer

LAB = "04_transformer"
N_WORDS = 40  # length of the texts that are probed
STEPS = 60
LONG = 60  # words of a text longer than those
LENGTH = 48  # words of a story that the short training reads
GAP_NATS = 2.0  # a mended model comes to about 0.4


@check(lab=LAB, exercise="repaired", returns=nn.Module)
def repaired(answer):
    """repaired(vocabulary_size) -> a model, ids (B, T) -> logits (B, T, V), free of both
    mistakes."""
    vocabulary_size = 90
    with own_seed(0):
        model = answer(vocabulary_size)
    if isinstance(model, Transformer):
        raise CheckFailed(
            "that is the course's own model. Find out what is wrong with Broken, and mend it.",
            hint="course_code",
        )
    _shake(model)
    ids = torch.randperm(vocabulary_size, generator=torch.Generator().manual_seed(1))
    ids = ids[: 2 * N_WORDS].view(2, N_WORDS)
    with torch.no_grad():
        model.eval()
        _check_scores(model, ids, vocabulary_size)
        _check_texts_apart(model, ids)
        _check_reach(_influence(model, ids[0], vocabulary_size))
        _check_order(model, ids[:1])
        _check_long_text(model, vocabulary_size)
    _check_own_word(model, vocabulary_size)
    _check_gradients(model, ids)
    _check_zero_gradients(model, ids)
    loss, entropy = short_training(answer, STEPS)
    _check_loss(loss, entropy)
    return f"After {STEPS} steps its loss is {loss - entropy:.2f} nats above the exact entropy."


def short_training(build: Callable[[int], nn.Module], steps: int) -> tuple[float, float]:
    """Train the model that `build(vocabulary_size)` makes on the openings of stories.

    Returns: its loss on held-out openings, and the exact entropy of those; nats a word.
    """
    words, held_out, entropy = _openings()
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


# ---- what is looked at -----------------------------------------------------------------------


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
            f"the scores at word {int(broken.nonzero()[0])} are NaN or infinite.\n"
            "Likely mistake: the mask hides a word from itself, so the first word has nothing to "
            "look at. The diagonal stays visible.",
            hint="not_finite",
        )


def _check_texts_apart(model: nn.Module, ids: Tensor) -> None:
    if _moved(model(ids)[0], model(ids[:1])[0]).any():
        raise CheckFailed(
            "the scores of text 0 change when text 1 is taken out of the batch.\n"
            "Likely mistake: a softmax, a norm or a transpose over axis 0, the texts.",
            hint="texts_mixed",
        )


def _check_reach(influence: Tensor) -> None:
    """influence: (T, T) bool, row s column t: changing word s moves the scores at word t."""
    ahead = influence.tril(-1).nonzero()
    if len(ahead):
        changed, seen = ahead[(ahead[:, 0] - ahead[:, 1]).argmax()].tolist()
        message = f"in {N_WORDS} words, changing word {changed} moves the scores at word {seen}"
        if changed - seen == 1:
            raise CheckFailed(
                f"{message}: every word sees one word ahead, the one that it must predict.\n"
                "Likely mistake: the mask's diagonal is off by one.",
                hint="sees_the_next",
            )
        raise CheckFailed(
            f"{message}: the future leaks.\nLikely mistake: no mask, a mask the wrong way round, "
            "one that hides with 0 or a finite number in place of -inf, or a softmax over the "
            "wrong axis.",
            hint="sees_the_future",
        )
    if not influence.diagonal().all():
        raise CheckFailed(
            "the scores at a word do not depend on that word.\n"
            "Likely mistake: the residual connection around attention is gone, or the model reads "
            "the texts moved by one word.",
            hint="own_word_lost",
        )
    behind = influence.triu(1)
    if not behind.any():
        raise CheckFailed(
            "no earlier word changes any score: the model only sees the word before it must "
            "guess.\nLikely mistake: attention was taken out, or its result is never added to x.",
            hint="no_past",
        )
    if not behind[0, 1:].all():
        place = 1 + int((~behind[0, 1:]).nonzero()[0])
        raise CheckFailed(
            f"the scores at word {place} do not change when word 0 does, but those nearer do.\n"
            "Likely mistake: the mask hides a part of the past.",
            hint="near_sighted",
        )


def _check_order(model: nn.Module, ids: Tensor) -> None:
    swapped = ids[:, [1, 0, *range(2, N_WORDS)]]
    if not _moved(model(ids)[0, -1:], model(swapped)[0, -1:]).any():
        raise CheckFailed(
            "words 0 and 1 can change places and the last word's scores stay the same: the model "
            "cannot tell the order of words.\nLikely mistake: all words of a text are turned by "
            "the same angle, or by none. Print the shape of the positions where they meet q, and "
            "what they grow along.",
            hint="order_blind",
        )


def _check_long_text(model: nn.Module, vocabulary_size: int) -> None:
    ids = torch.randint(vocabulary_size, (1, LONG), generator=torch.Generator().manual_seed(3))
    if _moved(model(ids)[0, : LONG - 10], model(ids[:, :-10])[0]).any():
        raise CheckFailed(
            f"in a text of {LONG} words, the scores at the earlier ones change when the last ten "
            "are taken away: the future leaks.\nLikely mistake: a mask of one fixed size.",
            hint="sees_the_future",
        )


def _check_own_word(model: nn.Module, vocabulary_size: int) -> None:
    """Refuse a model in which word 1 attends to word 0 alone.

    With nothing to choose from, queries and keys do not matter, so they get no gradient from the
    second word of a text, and do from the third.
    """
    model.eval()
    words = torch.arange(vocabulary_size)
    texts = torch.stack((words, words.roll(1), words.roll(7)), dim=1)
    reached = []
    for place in (1, 2):
        model.zero_grad()
        scores = model(texts[:, : place + 1])[:, place]
        if not scores.requires_grad:
            return  # `_check_gradients` says so
        scores.log_softmax(-1)[:, 0].sum().backward()
        grads = [w.grad for w in model.parameters() if w.grad is not None]
        reached.append([int((g.abs() > 1e-6 * g.abs().max()).sum()) for g in grads])
    if any(second < third / 2 for second, third in zip(*reached, strict=True)):
        raise CheckFailed(
            "the second word of a text does not choose between the first word and itself: queries "
            "and keys get no gradient from it.\nLikely mistake: the mask hides a word from "
            "itself. The diagonal stays visible.",
            hint="blind_to_itself",
        )


def _check_gradients(model: nn.Module, ids: Tensor) -> None:
    model.train()
    model.zero_grad()
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    if not loss.requires_grad:
        raise CheckFailed(
            "no gradient flows back from the loss to any weight.\n"
            "Likely mistake: no_grad, .detach() or .data around the whole model.",
            hint="no_gradient",
        )
    loss.backward()
    for name, weight in model.named_parameters():
        if weight.grad is None or not weight.grad.any():
            raise CheckFailed(
                f"no gradient reaches {name}, so it never learns.\nLikely mistake: .detach(), "
                "no_grad or requires_grad=False on the way, or a weight that is not used.",
                hint="weight_cut_off",
            )


def _check_zero_gradients(model: nn.Module, ids: Tensor) -> None:
    """Refuse a model some of whose numbers move the scores, but have a gradient of exactly 0."""
    model.eval()
    model.zero_grad()
    before = model(ids)
    F.cross_entropy(before[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    with torch.no_grad():
        for seed, (name, weight) in enumerate(model.named_parameters()):
            kept = weight.clone()
            weight.add_(draw(seed, *weight.shape, scale=0.03).to(weight) * (weight.grad == 0))
            moved = _moved(model(ids)[:, :-1], before[:, :-1]).any()
            weight.copy_(kept)
            if moved:
                raise CheckFailed(
                    f"some numbers of {name} move the scores, yet no gradient reaches them, so "
                    "they never learn.\nLikely mistake: .detach() or no_grad on the way, such as "
                    "around the scores or the shares of attention.",
                    hint="partly_cut_off",
                )


def _check_loss(loss: float, entropy: float) -> None:
    measured = (
        f"after {STEPS} steps the loss is {loss:.2f} nats a word, the exact entropy {entropy:.2f}"
    )
    if loss < entropy - 0.05:
        raise CheckFailed(
            f"{measured}. No honest model can be below it: the model sees what it predicts.",
            hint="too_good",
        )
    if not loss < entropy + GAP_NATS:
        raise CheckFailed(
            f"{measured}; a sound model comes within {GAP_NATS} of it.\nLikely mistake: what the "
            "weights do is bounded or scaled away (a softmax or tanh on the logits, a missing norm "
            "or residual, a wrong factor).",
            hint="learns_badly",
        )


# ---- how ---------------------------------------------------------------------------------------


def _influence(model: nn.Module, ids: Tensor, vocabulary_size: int) -> Tensor:
    """(T, T) bool: row s, column t is True where changing word s moves the scores at word t."""
    changed = ids.repeat(N_WORDS, 1)
    changed.diagonal().copy_((ids + 1) % vocabulary_size)
    return _moved(model(changed), model(ids.expand(N_WORDS, -1)))


def _moved(logits: Tensor, before: Tensor) -> Tensor:
    """Which words' scores differ by more than rounding."""
    return (logits - before).abs().amax(-1) > 1e-4 * before.std()


@torch.no_grad()
def _shake(model: nn.Module) -> None:
    """Add noise to all weights, so that a block that starts as "add nothing" shows what it does."""
    for seed, weight in enumerate(model.parameters()):
        weight.add_(draw(seed, *weight.shape, scale=0.1).to(weight))


@cache
def _openings() -> tuple[Tensor, Tensor, float]:
    """Openings of 1,200 stories to learn from and of 100 others, each (N, LENGTH + 1), and the
    exact entropy of the latter in nats a word."""
    language = Stories()
    stories = [s for s in language.corpus(1300, seed=4) if len(s) > LENGTH]
    ids = torch.tensor([[0, *(language.index[w] for w in s[:LENGTH])] for s in stories])
    nats = [-language.score(s)[:LENGTH].mean() for s in stories[-100:]]
    return ids[:-100], ids[-100:], sum(nats) / len(nats)


def _loss(model: nn.Module, ids: Tensor) -> Tensor:
    return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1).float(), ids[:, 1:].flatten())
