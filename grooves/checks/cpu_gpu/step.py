"""Check of lab 11, eighth part: a step without its slow lines (chapter 11).

Key idea: no clock is asked. A step that does something for each row calls PyTorch, or Python, more
often when the batch is larger, or goes through more lines, since a loop need call nothing. So a
step with 16 pictures is held against one with 320. And what it returns, and the weights that it
leaves, must be those of an honest step.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from grooves import device
from grooves.checks import CheckFailed, check, describe
from grooves.checks.answers import is_students
from grooves.checks.compare import close, own_seed
from grooves.checks.cpu_gpu.rules import LAB, figure, same
from grooves.language.corpora import digits

BATCHES = (16, 320)
STEPS = 3
NEAR = 1e-3  # GPUs add in another order
FORGIVEN = 12  # steps in Python that may come and go; one for each further row would be 304
# Hidden neurons, what stands behind them, and settings of SGD: the lab's, and others.
NETWORKS = (
    (32, nn.ReLU, {"lr": 0.5}),
    (24, nn.Tanh, {"lr": 0.2, "momentum": 0.9, "weight_decay": 0.01}),
)
OTHERS = ", another network, and an optimizer with momentum and weight decay"
FIXED = (
    "with the lab's network and optimizer your step is right, so something of theirs is fixed in "
    "it. Use model(x) and optimizer.step() as they come."
)


def honest_step(
    model, optimizer, images, labels, chosen, clear=True, move=True, rows=None, after=False,
    scale=False, count=False, all_after=False, over_all=False,
) -> tuple[float, float]:  # fmt: skip
    """A step of training, and its loss and the share that was right; the defaults are right."""
    if rows is not None:
        n = {"first": len(chosen), "all": len(images)}.get(rows)
        chosen = chosen.unique() if n is None else torch.arange(n, device=images.device)
    x, y = images[chosen], labels[chosen]
    logits = model(x)
    loss = F.cross_entropy(logits, y, reduction="sum" if scale else "mean")
    if clear:
        optimizer.zero_grad()
    loss.backward()
    if move:
        optimizer.step()
    seen = model(x) if after or all_after else logits
    right = (seen.argmax(1) == y).float()
    if all_after:
        loss = F.cross_entropy(seen, y)
    share = right.sum() / len(images) if over_all else right.sum() if count else right.mean()
    return loss.item(), share.item()


MISTAKES = (
    ("gradients_added", {"clear": False}, "gradients of earlier steps are still there. Clear them"),
    ("no_update", {"move": False}, "the weights do not move: optimizer.step() is missing"),
    ("chosen_ignored", {"rows": "first"}, "you take the first pictures in place of the chosen"),
    ("all_pictures", {"rows": "all"}, "you take all pictures in place of the chosen"),
    ("judged_after", {"after": True}, "you count with the new weights. Use the same logits"),
    ("all_judged_after", {"all_after": True}, "both numbers are those of the new weights"),
    ("each_picture_once", {"rows": "once"}, "a picture that is chosen twice counts twice"),
    ("share_of_all", {"over_all": True}, "you divide by all pictures, not by those chosen"),
    ("loss_summed", {"scale": True}, "the loss is a mean over the pictures, not a sum"),
    ("number_not_share", {"count": True}, "that is how many were right. The share was asked for"),
)


@check(lab=LAB, exercise="mended_step", points=3, returns=(tuple, list))
def mended_step(answer):
    """mended_step(model, optimizer, images, labels, chosen) -> loss, share right: two numbers."""
    operations, cut, steps = zip(*(_examine(answer, n) for n in BATCHES), strict=True)
    _examine(answer, 48, NETWORKS[1])
    few, many = BATCHES
    grown = Counter(operations[1])
    grown.subtract(operations[0])
    for waits in (True, False):
        for name, more in grown.most_common():
            if more > 0 and (not waits or "local_scalar" in name):
                raise CheckFailed(
                    f"for {few} and {many} pictures, your result is right, and one step calls "
                    f"{name} {operations[0][name]} and {operations[1][name]} times.\n"
                    f"Likely mistake: {_advice(name)[1]}",
                    hint=_advice(name)[0],
                )
    for name in cut[1]:
        if cut[1][name] > cut[0][name]:
            raise CheckFailed(
                f"for {few} and {many} pictures, your result is right, and in one step {name} cuts "
                f"a tensor into {cut[0][name]} and {cut[1][name]}.\nLikely mistake: the rows are "
                "taken apart, to be gone through or put together again. Leave them in one tensor.",
                hint="cut_into_rows",
            )
    if steps[1] - steps[0] > FORGIVEN:
        raise CheckFailed(
            f"for {few} and {many} pictures, your result is right, and one step takes {steps[0]:,} "
            f"and {steps[1]:,} steps in Python: calls, and lines that it runs.\nLikely mistake: "
            "Python still goes through the rows. Compare whole tensors.",
            hint="python_loop",
        )
    return f"One step takes {sum(operations[1].values())} operations, whatever the batch."


def _advice(operation: str) -> tuple[str, str]:
    if "local_scalar" in operation:
        return "waits_row_by_row", (
            "that is .item(): it asks for one number and waits for it, for each row. (So does an "
            "index that is a tensor of one number.) Ask once, at the end."
        )
    if "select" in operation:
        return "fetched_row_by_row", (
            "rows are taken out one by one. A tensor of indices takes all of them at once."
        )
    return "computed_row_by_row", (
        f"{operation} is called more often, the more pictures there are. Call it once, for the "
        "whole batch."
    )


def _examine(answer, batch: int, network=NETWORKS[0]) -> tuple[Counter, Counter, int]:
    """Three steps, each compared; what was counted in the last two, as `_run` says."""
    lab_s, place = network == NETWORKS[0], device()
    images = torch.tensor(digits().train_images, dtype=torch.float32, device=place)
    labels = torch.tensor(digits().train_labels, device=place)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(batch))
    for i, first in ((5, 0), (batch + 3, batch + 9)):  # some pictures are chosen twice
        order[i] = order[first]
    chosen = [part.to(place) for part in order.split(batch)[:STEPS]]
    results, weights, counts = _run(answer, images, labels, chosen, batch, network)
    expected, expected_weights, _ = _run(honest_step, images, labels, chosen, batch, network)
    for number in range(STEPS):
        for name, got, right in zip(
            ("the loss", "the share"), results[number], expected[number], strict=True
        ):
            given = f"{batch} pictures{'' if lab_s else OTHERS}, step {number + 1}"
            if not same(got, right, NEAR):
                run = partial(
                    _run,
                    images=images,
                    labels=labels,
                    chosen=chosen,
                    batch=batch,
                    network=network,
                )
                name_of_mistake, says = _why(run, results)
                if name_of_mistake == "unrecognised" and not lab_s:
                    name_of_mistake, says = "fixed_settings", FIXED
                raise CheckFailed(
                    f"for {given}, your result for {name} is {got:.4g}; it should be "
                    f"{right:.4g}.\nLikely mistake: {says}",
                    hint=name_of_mistake,
                )
    if not close(weights, expected_weights, NEAR):
        raise CheckFailed(
            f"for {batch} pictures, your result is right, and the weights after {STEPS} steps are "
            "others than those of slow_step. Keep loss, backward and step as they are.",
            hint="other_weights",
        )
    return counts


def _run(step, images, labels, chosen, batch, network=NETWORKS[0]):
    """Results of three steps, the weights after them, and what was counted in the last two.

    Counted are PyTorch's operations by name, the tensors into which they cut one, by name too, and
    the steps in Python.
    """
    with own_seed(0):
        hidden, between, settings = network
        model = nn.Sequential(nn.Linear(64, hidden), between(), nn.Linear(hidden, 10))
        model.to(images.device)
        optimizer = torch.optim.SGD(model.parameters(), **settings)
    results = []
    first, second, third = (partial(step, model, optimizer, images, labels, c) for c in chosen)
    results.append(_numbers(first(), batch))
    steps, result = _counted(second)
    results.append(_numbers(result, batch))
    with _Operations() as operations:  # it makes calls of its own
        results.append(_numbers(third(), batch))
    weights = torch.cat([p.detach().flatten().cpu() for p in model.parameters()])
    return results, weights, (operations.seen, operations.cut, steps)


def _numbers(result, batch: int) -> tuple[float, float]:
    given = f"{batch} pictures"
    if len(result) != 2:
        raise CheckFailed(
            f"for {given}, your result is {describe(result)}, expected two numbers: the loss and "
            "the share of pictures read rightly.",
            hint="how_many",
        )
    if any(isinstance(part, Tensor) and part.requires_grad for part in result):
        raise CheckFailed(
            f"for {given}, your result still hangs on the graph of its gradients, and keeps all "
            "of the step in memory. Ask for the number, once: .item().",
            hint="keeps_the_graph",
        )
    loss, share = (figure(part, given) for part in result)
    return loss, share


def _why(run, results) -> tuple[str, str]:
    """The mistake that gives the same numbers in every step: a name, and what to say."""
    for name, mistake, says in MISTAKES:
        would, _, _ = run(partial(honest_step, **mistake))
        pairs = zip(sum(results, ()), sum(would, ()), strict=True)
        if all(same(mine, other, NEAR) for mine, other in pairs):
            return name, says + "."
    return "unrecognised", "none of the usual ones. Compare with slow_step, part by part."


class _Operations(TorchDispatchMode):
    """Counts PyTorch's operations by name while it is on, and the tensors into which they cut."""

    def __init__(self):
        super().__init__()
        self.seen: Counter = Counter()
        self.cut: Counter = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        name = str(operation.overloadpacket)
        self.seen[name] += 1
        if isinstance(result, (tuple, list)):
            self.cut[name] += len(result)
        return result


def _counted(function) -> tuple[int, object]:
    """Steps in Python while a function runs, and its result.

    A step is a call of a function, Python's or C's, or a line of the student's code that runs: so
    often as it does, be it a loop of one line.
    """
    steps = 0

    def note(frame, event, argument):
        nonlocal steps
        steps += event in ("call", "c_call")

    def note_lines(frame, event, argument):
        nonlocal steps
        steps += event == "line"
        return note_lines if is_students(frame.f_code) else None

    before = sys.getprofile(), sys.gettrace()
    sys.setprofile(note)
    sys.settrace(note_lines)
    try:
        result = function()
    finally:
        sys.settrace(before[1])
        sys.setprofile(before[0])
    return steps, result
