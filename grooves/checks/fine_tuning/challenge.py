"""Check of lab 06, last part: twenty stories and two thousand numbers (chapter 06).

Key idea: the model that is judged is not the one that was handed in. It is rebuilt from the
base model and the changes that were counted, so nothing that escapes the count can help. It is
judged by its divergence from the exact dialect on stories that no answer sees.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from grooves.checks import CheckFailed, check
from grooves.checks.compare import own_seed, watched
from grooves.checks.fine_tuning.reasons import Exam, nats_above, reason
from grooves.checks.stories import with_no_other_stories
from grooves.fine_tuning.lora import LoRALinear
from grooves.language.corpora import HeldOut
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.models.transformer import Transformer
from grooves.training import lineage
from grooves.training.loop import Divergence

LAB = "06_fine_tuning"
BUDGET = 2_000
BAR_NATS = 0.2  # the base model has 2.2, rank 1 beside all matrices 0.24, with rows of 5 words 0.13
N_FEW, N_MANY, N_UNSEEN = 20, 200, 60
LONGEST = 192  # words of a story that are read; the tests read fewer
MAKERS_OF_STORIES = {
    ("grooves.language.grammar", "sample"),
    ("grooves.language.grammar", "next_words"),
}


@check(lab=LAB, exercise="tune", returns=nn.Module)
def tune(answer):
    """tune(model, few, many) -> the base model with at most 2,000 numbers changed."""
    exam = _exam(0)
    handed_in = _ask(answer, exam)
    judged, n_changed = _rebuilt(handed_in)
    gap = nats_above(judged, exam.unseen)
    if not gap < BAR_NATS:
        name, why = reason(judged, n_changed, gap, exam, BUDGET)
        raise CheckFailed(
            f"for {N_FEW} stories, your result is a model with {n_changed:,} numbers changed that "
            f"is {gap:.2f} nats per word above the entropy of the dialect; the bar is {BAR_NATS}.\n"
            f"Likely mistake: {why}",
            hint=name,
        )
    return f"{gap:.3f} nats per word above the entropy (bar: {BAR_NATS}), {n_changed:,} numbers."


def numbers_changed(model: nn.Module) -> int:
    """How many numbers of a tuned model are not the base model's, as the check counts them.

    Raises: CheckFailed where the model holds what the check cannot count.
    """
    return _rebuilt(model, budget=None)[1]


def race(answer, draws: int = 3) -> float:
    """Score of an answer: nats above the dialect's entropy, and nats forgotten, added up.

    The mean of several draws of twenty stories; lower is better. Nothing is graded.
    Raises: CheckFailed where a model cannot be used, or too many numbers changed.
    """
    gaps, lost = [], []
    with own_seed(0):
        base = lineage.base()
    known = HeldOut(Stories(), N_UNSEEN, seed=6_006)
    for draw in range(1, draws + 1):
        exam = _exam(draw)
        judged, _ = _rebuilt(_ask(answer, exam))
        gaps.append(nats_above(judged, exam.unseen))
        lost.append(nats_above(judged, known) - nats_above(base, known))
    gap, forgotten = sum(gaps) / draws, sum(lost) / draws
    print(f"score {gap + forgotten:.3f}: {gap:.3f} from the dialect, {forgotten:.3f} forgotten.")
    return gap + forgotten


# ---- what is handed in -----------------------------------------------------------------------


def _ask(answer, exam: Exam) -> nn.Module:
    """The model that an answer returns; refused where it makes stories of its own."""

    def maker(module: str, code) -> str | None:
        return code.co_name if (module, code.co_name) in MAKERS_OF_STORIES else None

    with own_seed(0):
        model = lineage.base()
        inputs = (model, [list(s) for s in exam.few], [list(s) for s in exam.many])
        try:
            result, made = with_no_other_stories(lambda: watched(answer, inputs, maker), answer)
        except Divergence as error:
            raise CheckFailed(f"{error}", hint="diverged") from None
    if made:
        raise CheckFailed(
            "your function generates stories, or uses the exact probabilities of the language. You "
            f"have {N_FEW} stories of the dialect and {N_MANY} of the first language: use these.",
            hint="stories_made",
        )
    return result


def _rebuilt(model: nn.Module, budget: int | None = BUDGET) -> tuple[Transformer, int]:
    """The base model with the changes of another, and how many numbers these are.

    Raises: CheckFailed where there is something that cannot be counted, or more than the budget.
    """
    with own_seed(0):
        judged = lineage.base()
    place = next(judged.parameters()).device
    base = dict(judged.named_parameters(remove_duplicate=False))
    given = dict(model.named_parameters(remove_duplicate=False))
    adapters = _adapters(model)
    _refuse_the_unknown(base, given, adapters)
    counts: dict[str, int] = {}
    with torch.no_grad():
        same_head = given["head.weight"] is given["embedding.weight"]
        if not same_head:
            judged.head.weight = nn.Parameter(base["embedding.weight"].clone())
        for name, weight in judged.named_parameters():
            new = given[name].detach().to(place, torch.float32)
            _refuse_nonsense(name, new)
            counts[name] = int((new != weight).sum())
            weight.copy_(new)
        for name, layer in adapters.items():
            for letter in ("A", "B"):
                _refuse_nonsense(f"{name}.{letter}", getattr(layer, letter))
            if layer.B.any():
                counts[f"{name}, A and B"] = layer.A.numel() + layer.B.numel()
                change = (layer.A @ layer.B).mT.flatten(0, 1)  # (O, I), as PyTorch keeps W
                change *= float(layer.scale)  # one number: a table of them would escape the count
                judged.get_submodule(name).weight.add_(change.to(place, torch.float32))
    total = sum(counts.values())
    if budget is not None and total > budget:
        _refuse_too_many(counts, total, budget)
    return judged.eval(), total


def _adapters(model: nn.Module) -> dict[str, LoRALinear]:
    return {name: m for name, m in model.named_modules() if isinstance(m, LoRALinear)}


def _refuse_the_unknown(base: dict, given: dict, adapters: dict) -> None:
    known = set(base) | {f"{name}.{letter}" for name in adapters for letter in ("A", "B")}
    odd = [name for name in given if name not in known]
    missing = [name for name in base if name not in given]
    if odd or missing:
        what = f"weights named {odd[0]!r}" if odd else f"no weights named {missing[0]!r}"
        raise CheckFailed(
            f"for {N_FEW} stories, your result has {what}, so the check cannot compare it with "
            "the base model. Return the model that you were given, with its own weights changed or "
            "with LoRA from `add_lora`; the check cannot read that of {{exercise lora_forward}}.",
            hint="unknown_weights",
        )
    for name, weight in base.items():
        if given[name].shape != weight.shape:
            raise CheckFailed(
                f"for {N_FEW} stories, your result has {name} of shape {tuple(given[name].shape)}; "
                f"in the base model it is {tuple(weight.shape)}. Change values, not shapes.",
                hint="other_shape",
            )


def _refuse_nonsense(name: str, weight: Tensor) -> None:
    if not weight.isfinite().all():
        raise CheckFailed(
            f"for {N_FEW} stories, your result has {int((~weight.isfinite()).sum())} numbers in "
            f"{name} that are NaN or infinite.\nLikely mistake: the learning rate is far too "
            "large. Divide it by ten.",
            hint="not_finite",
        )


def _refuse_too_many(counts: dict[str, int], total: int, budget: int) -> None:
    most = [n for n in sorted(counts, key=counts.get, reverse=True)[:3] if counts[n]]
    failure = (
        f"for {N_FEW} stories, your result is a model with {total:,} numbers changed; {budget:,} "
        f"are allowed. Most are in {', '.join(f'{name} ({counts[name]:,})' for name in most)}."
    )
    blocks = [n for name, n in counts.items() if name.startswith("blocks.")]
    if any("A and B" in name for name in counts):
        hint = "rank_too_high"
        says = (
            "the rank of LoRA exceeds the budget, or other weights are trainable besides it. "
            "Queries, keys and values each get an A and a B: see {{exercise largest_rank}}."
        )
        if counts["embedding.weight"] > budget:
            says, hint = "besides LoRA, the whole embedding is trainable.", "whole_embedding"
        raise CheckFailed(f"{failure}\nLikely mistake: {says}", hint=hint)
    if not any(blocks):
        raise CheckFailed(
            f"{failure}\nLikely mistake: the whole head or embedding was trained. {budget:,} "
            f"numbers are {budget // 64} of its rows: which words need them most?",
            hint="whole_head",
        )
    if counts["embedding.weight"] < budget:
        raise CheckFailed(
            f"{failure}\nLikely mistake: LoRA was merged, which changes every number of the "
            "matrix, or a whole matrix was trained. Return the model unmerged: only A and B are "
            "small.",
            hint="whole_matrices",
        )
    raise CheckFailed(
        f"{failure}\nLikely mistake: nothing was frozen. Choose the trainable weights before "
        "training.",
        hint="nothing_frozen",
    )


@cache
def _exam(draw: int) -> Exam:
    narrator, language = Stories("narrator"), Stories()
    encode = WordTokenizer(language.vocabulary).encode
    few = [encode(s)[:LONGEST] for s in narrator.corpus(N_FEW, seed=6_100 + draw)]
    many = [encode(s)[:LONGEST] for s in language.corpus(N_MANY, seed=6_200 + draw)]
    unseen = HeldOut(narrator, N_UNSEEN, seed=6_300 + draw)
    return Exam(few, many, unseen, seed=6_100 + draw)
