"""Part of a check of lab 04: which weights the gradients of a model reach (chapter 04).

Key idea: a weight that affects the logits must receive a gradient, and so must queries and keys,
from each position that attends to more than one word.
Shapes: B texts, T words, V words in the vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.checks import CheckFailed
from grooves.checks.compare import draw


def changed_logits(logits: Tensor, before: Tensor) -> Tensor:
    """The positions whose logits differ by more than rounding."""
    return (logits - before).abs().amax(-1) > 1e-4 * before.std()


def check_own_word(model: nn.Module, vocabulary_size: int) -> None:
    """Refuse a model in which word 1 attends to word 0 alone.

    With one word to attend to, queries and keys have no effect, so they get no gradient from the
    second word of a text, but do from the third.
    """
    model.eval()
    words = torch.arange(vocabulary_size)
    texts = torch.stack((words, words.roll(1), words.roll(7)), dim=1)
    reached = []
    for place in (1, 2):
        model.zero_grad()
        logits = model(texts[:, : place + 1])[:, place]
        if not logits.requires_grad:
            return  # `check_gradients` says so
        logits.log_softmax(-1)[:, 0].sum().backward()
        grads = [w.grad for w in model.parameters() if w.grad is not None]
        reached.append([int((g.abs() > 1e-6 * g.abs().max()).sum()) for g in grads])
    if any(second < third / 2 for second, third in zip(*reached, strict=True)):
        raise CheckFailed(
            "the second word of a text attends to the first word alone, not to itself: queries and "
            "keys get no gradient from it.\nLikely mistake: the mask hides a word from itself. "
            "Keep the diagonal visible.",
            hint="blind_to_itself",
        )


def check_gradients(model: nn.Module, ids: Tensor) -> None:
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
                "no_grad or requires_grad=False along the way, or a weight that is not used.",
                hint="weight_detached",
            )


def check_zero_gradients(model: nn.Module, ids: Tensor) -> None:
    """Refuse a model some of whose weights affect the logits, but have a gradient of exactly 0."""
    model.eval()
    model.zero_grad()
    before = model(ids)
    F.cross_entropy(before[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    with torch.no_grad():
        for seed, (name, weight) in enumerate(model.named_parameters()):
            kept = weight.clone()
            weight.add_(draw(seed, *weight.shape, scale=0.03).to(weight) * (weight.grad == 0))
            changed = changed_logits(model(ids)[:, :-1], before[:, :-1]).any()
            weight.copy_(kept)
            if changed:
                raise CheckFailed(
                    f"some elements of {name} affect the logits, but no gradient reaches them, so "
                    "they never learn.\nLikely mistake: .detach() or no_grad along the way, such "
                    "as around the attention scores or weights.",
                    hint="partly_detached",
                )
