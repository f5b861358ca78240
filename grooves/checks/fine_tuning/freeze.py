"""Check of lab 06: which weights are trainable, and how many numbers they hold (chapter 06).

Key idea: requires_grad is read from the model after the call, for every name that a weight has. A
mistake is known by the weights that it makes trainable and by the number that it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from grooves.checks import CheckFailed, again, check
from grooves.checks.compare import as_tensor, number, own_seed, written_by_hand
from grooves.checks.fine_tuning.parts import BEFORE, CASES, Case, Tied
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

LAB = "06_fine_tuning"


@dataclass(frozen=True)
class Mistake:
    """A mistake: which weights are trainable then, what is counted, and what to say."""

    name: str
    learns: Callable
    counts: Callable
    says: str


def _named(model: nn.Module) -> list[tuple[str, Tensor]]:
    return list(model.named_parameters(remove_duplicate=False))


def _is_in(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")


def _ids(named, parts, fits=_is_in) -> set[int]:
    return {id(w) for name, w in named if any(fits(name, part) for part in parts)}


def _right(model, case) -> set[int]:
    return _ids(_named(model), case.parts)


def _as_before(model, case) -> set[int]:
    return model.learned_before


def _switch_at_first(model: nn.Module, case: Case) -> None:
    """Freeze all, none, or the second, the fourth and so on of the weights; note which learn."""
    for i, weight in enumerate(model.parameters()):
        if case.frozen != "as left":
            weight.requires_grad_(not case.frozen or (case.frozen == "half" and i % 2 == 0))
    model.learned_before = {id(w) for w in model.parameters() if w.requires_grad}


def _last_name_wins(model, case) -> set[int]:
    by_id = {id(w): any(_is_in(name, p) for p in case.parts) for name, w in _named(model)}
    return {i for i, chosen in by_id.items() if chosen}


def _last_part_wins(model, case, named=_named) -> set[int]:
    """Each part switches a weight on or off: what the last part leaves on, after the last name."""
    learning = _as_before(model, case)
    for name, weight in named(model):
        for part in case.parts:
            learning = learning | {id(weight)} if _is_in(name, part) else learning - {id(weight)}
    return learning


def _first_names(model):
    return list(model.named_parameters())


def _total(model, learning: set[int]) -> int:
    return sum(w.numel() for w in model.parameters() if id(w) in learning)


def _by_name(model, case, named=_named) -> int:
    """The numbers of the weights that are named, a tensor once for each of its names."""
    return sum(w.numel() for name, w in named(model) if any(_is_in(name, p) for p in case.parts))


def _honest(learns):
    """A mistake that counts rightly what it lets learn."""
    return {"learns": learns, "counts": lambda m, c: _total(m, learns(m, c))}


MISTAKES = (
    Mistake(
        "counts_all",
        _right,
        lambda m, c: sum(w.numel() for w in m.parameters()),
        "the right weights are trainable, but you count all of them.",
    ),
    *(
        Mistake(
            "tied_twice",
            _right,
            counts,
            "the tensor with two names is counted under both. It is one tensor, so count it once.",
        )
        for counts in (
            lambda m, c: sum(w.numel() for _, w in _named(m) if id(w) in _right(m, c)),
            _by_name,
        )
    ),
    Mistake(
        "tied_missed",
        **_honest(lambda m, c: _ids(m.named_parameters(), c.parts)),
        says="named_parameters() lists a tensor with two names under the first one only, so your "
        "code never sees `head.weight`. Pass remove_duplicate=False to get both names.",
    ),
    *(
        Mistake(
            "switched_off_again",
            _last_name_wins,
            counts,
            "the tensor with two names is switched on under one name and off again under the "
            "other. Collect the trainable tensors first, then set requires_grad.",
        )
        for counts in (lambda m, c: _total(m, _last_name_wins(m, c)), _by_name)
    ),
    *(
        Mistake(
            "switched_off_again",
            partial(_last_part_wins, named=named),
            counts,
            "a weight that one part switches on is switched off again by the next part, to which "
            "it does not belong. Decide with any(… for part in parts), once for each weight.",
        )
        for named in (_named, _first_names)
        for counts in (
            lambda m, c, named=named: _total(m, _last_part_wins(m, c, named)),
            lambda m, c, named=named: _by_name(m, c, named),
        )
    ),
    Mistake(
        "frozen_instead",
        **_honest(lambda m, c: {id(w) for w in m.parameters()} - _right(m, c)),
        says="you froze the parts that are named. These are the ones that should be trainable.",
    ),
    Mistake(
        "prefix",
        **_honest(lambda m, c: _ids(_named(m), c.parts, str.startswith)),
        says="`blocks.1` makes `blocks.10` trainable too. After the part, the name must end or go "
        "on with a dot.",
    ),
    Mistake(
        "substring",
        **_honest(lambda m, c: _ids(_named(m), c.parts, lambda name, part: part in name)),
        says="you accept a part anywhere in a name, so `norm` also matches `prenorm`. A name must "
        "begin with the part.",
    ),
    Mistake(
        "not_unfrozen",
        **_honest(lambda m, c: _right(m, c) & _as_before(m, c)),
        says="what was frozen before stays frozen, even if it is named. Set requires_grad to True "
        "for the named parts.",
    ),
    Mistake(
        "full_names_only",
        **_honest(lambda m, c: _ids(_named(m), c.parts, str.__eq__)),
        says="only weights whose full name is given are trainable. A part may be the beginning of "
        "many names.",
    ),
    Mistake(
        "not_frozen",
        **_honest(lambda m, c: _right(m, c) | _as_before(m, c)),
        says="the named parts are switched on, but all other weights keep their old setting. "
        "Switch these off.",
    ),
    Mistake(
        "counted_only",
        _as_before,
        lambda m, c: _total(m, _right(m, c)),
        "the number is right, but requires_grad was not changed in this model. Set it on the "
        "weights of the model itself, not of a copy.",
    ),
)


@check(lab=LAB, exercise="trainable", returns=(int, float, np.number, np.ndarray, Tensor))
def trainable(answer):
    """trainable(model, parts) -> how many numbers are trainable: those of the parts alone."""
    for case in CASES:
        if case.frozen != "as left":
            with own_seed(0):
                model = Tied()
        _switch_at_first(model, case)
        model.blocks.eval()
        before, parts, kept = _named(model), list(case.parts), _kept(model)
        got = as_tensor(written_by_hand(answer, model, parts))
        again.refuse_changed(((list(case.parts),), {}), (parts,), {})
        if [(name, id(w)) for name, w in before] != [(name, id(w)) for name, w in _named(model)]:
            raise CheckFailed(
                "your function replaced weights of the model. Keep them, and set only their "
                "requires_grad.",
                hint="other_weights",
            )
        if any(not same for same in map(_same, kept, _kept(model))):
            raise CheckFailed(
                "your function changed more than requires_grad: values of a weight, the train() or "
                "eval() mode of a part, or whether PyTorch records gradients. Set requires_grad "
                "only.",
                hint="more_than_switches",
            )
        _judge(model, case, got.reshape(()) if got.numel() == 1 else got)


def _kept(model: nn.Module) -> list:
    """What the answer should leave as it is: numbers, modes, and whether gradients are followed."""
    modes = [m.training for m in model.modules()]
    return [w.detach().clone() for w in model.parameters()] + [modes, torch.is_grad_enabled()]


def _same(before, after) -> bool:
    return torch.equal(before, after) if isinstance(before, Tensor) else before == after


def _judge(model: nn.Module, case: Case, got: Tensor) -> None:
    learning = {id(w) for w in model.parameters() if w.requires_grad}
    expected = _right(model, case)
    total = _total(model, expected)
    names = {id(w): name for name, w in model.named_parameters()}
    said = f"number {number(got)}" if got.ndim == 0 else f"shape {tuple(got.shape)}"
    told = (
        f"for parts = {list(case.parts)} in a model of {_total(model, set(names))} numbers, "
        f"{BEFORE[case.frozen]}, your result is the {said}, and {_listed(names, learning)}; it "
        f"should be {total}, and {_listed(names, expected)}."
    )
    if learning != expected and any("requires_grad" in vars(m) for m in model.modules()):
        raise CheckFailed(
            f"{told}\nLikely mistake: you set requires_grad on a module, which creates a new "
            "attribute that PyTorch never reads. Set it on the weights, or call "
            "module.requires_grad_(…), with a trailing _, which sets it on all of them.",
            hint="set_on_module",
        )

    def agrees(mistake) -> bool:
        if mistake.learns(model, case) != learning:
            return False
        # it may count in another way what it wrongly lets learn
        return learning != expected or mistake.counts(model, case) == float(got)

    right = learning == expected and got.ndim == 0 and float(got) == total
    note(Finding(not right, told, MISTAKES, agrees))


def _listed(names: dict[int, str], learning: set[int]) -> str:
    """The names of the trainable weights, in words."""
    some = [name for i, name in names.items() if i in learning]
    if not some:
        return "nothing is trainable"
    shown = ", ".join(some[:4]) + (f" and {len(some) - 4} more" if len(some) > 4 else "")
    return f"{shown} {'is' if len(some) == 1 else 'are'} trainable"
