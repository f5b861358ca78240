"""Check of lab 06, last part: why a tuned model misses the bar (chapter 06).

Key idea: what was trained can be seen from which numbers changed, and memorising from a loss on the
twenty stories far below that on unseen ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from grooves.checks.compare import own_seed
from grooves.language.corpora import HeldOut
from grooves.language.stories import Stories
from grooves.training import lineage

# Nats per word between unseen stories and the twenty. After 80 steps of LoRA: 0.11, after 400: 0.36
MEMORISED_NATS = 0.2


@dataclass(frozen=True)
class Exam:
    """Stories to learn from, old ones, and unseen ones of the dialect, which stay here.

    seed: of the stories to learn from.
    """

    few: list[list[int]]
    many: list[list[int]]
    unseen: HeldOut
    seed: int


def nats_above(model: nn.Module, unseen: HeldOut) -> float:
    """Nats per word by which a model is worse than a perfect one."""
    words = (unseen.targets >= 0).sum()
    return float(lineage.divergence(model, unseen).double().sum() / words)


def loss_above(model: nn.Module, held: HeldOut) -> float:
    """A model's loss on these very stories less that of a perfect model, in nats per word."""
    words = held.targets >= 0
    with torch.no_grad():
        log_q = model(held.inputs.to(next(model.parameters()).device)).float().log_softmax(-1).cpu()
    targets = held.targets.clamp(min=0)[..., None]
    log_q, log_p = (table.gather(-1, targets)[..., 0] for table in (log_q, held.truth.log()))
    return float((log_p - log_q)[words].double().mean())


def reason(judged, n_changed: int, gap: float, exam: Exam, budget: int) -> tuple[str, str]:
    """The likely reason that a model stays above the bar: a name, and what to say."""
    with own_seed(0):
        base = lineage.base()
    before = nats_above(base, exam.unseen)
    if not n_changed:
        return "nothing_changed", "this is the base model. Train some of its numbers on stories."
    if gap > before:
        return "worse_than_before", (
            f"the base model has {before:.2f}. Either the learning rate was so large that the "
            "model forgot what it knew, and a tenth of it would do, or it was trained on other "
            "stories than `few`, those of the dialect."
        )
    if gap > 0.75 * before:
        return "hardly_moved", (
            f"the base model has {before:.2f}, so next to nothing of the dialect was learned. "
            "Train on `few`, whose stories are the dialect's, or try a larger learning rate, more "
            "steps, or other trainable numbers."
        )
    if all(
        torch.equal(new, old)
        for (name, new), (_, old) in zip(
            judged.blocks.named_parameters(), base.blocks.named_parameters(), strict=True
        )
    ):
        return "blocks_untouched", (
            f"no matrix of the blocks has changed, only {_changed(judged, base)}, and that alone "
            "cannot teach the model which word follows which. Train the blocks too, with a low "
            "rank."
        )
    rows_untouched = torch.equal(judged.embedding.weight, base.embedding.weight) and torch.equal(
        judged.head.weight, base.head.weight
    )
    seen = loss_above(judged, HeldOut(Stories("narrator"), len(exam.few), exam.seed))
    if gap - seen > MEMORISED_NATS:
        also = " Besides, the embedding has not changed." if rows_untouched else ""
        return "memorised", (
            f"the model has memorised `few`: there its loss is {abs(seen):.2f} nats per word "
            f"{'above' if seen > 0 else 'below'} the entropy, and {gap:.2f} above it on unseen "
            "stories. Take fewer steps or a smaller learning rate: hold out five stories, and stop "
            f"where the loss on them is lowest.{also}"
        )
    if rows_untouched:
        return "rows_untouched", (
            "the embedding has not changed. Words that the base model has never read have nearly "
            "identical rows, and LoRA cannot distinguish them. Train the rows of some of them. "
            "(`weight[:5].requires_grad_(True)` affects a new tensor, not these rows.)"
        )
    rows = _rows(judged, base)
    if len(rows & {word for story in exam.many for word in story}) > len(rows) / 2:
        return "rows_of_known_words", (
            "most of the rows that changed belong to words that the base model knows. Which "
            "words of `few` are in no story of `many`?"
        )
    if n_changed < budget / 2:
        return (
            "few_numbers",
            f"only {n_changed:,} of {budget:,} numbers have changed. Which others help?",
        )
    return "not_there_yet", (
        "none of the usual ones. Hold out five of the stories and watch the loss on them: if it "
        "still falls at the end, use more steps or a larger learning rate; if it rises, use fewer."
    )


def _changed(judged, base) -> str:
    """The tensors outside the blocks that have changed, by their names."""
    theirs = dict(base.named_parameters(remove_duplicate=False))
    return " and ".join(
        name
        for name, weight in judged.named_parameters()
        if not name.startswith("blocks.") and not torch.equal(weight, theirs[name])
    )


def _rows(judged, base) -> set[int]:
    """The words whose row is another one than before, where it is read or where it is spoken."""
    before = base.embedding.weight
    other = (judged.embedding.weight != before) | (judged.head.weight != before)
    return set(other.any(dim=1).nonzero().flatten().tolist())
