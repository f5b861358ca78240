"""Check of lab 11, eighth part: a step without its slow lines (chapter 11).

Key idea: no clock is asked. A step that does something for each row calls PyTorch, or Python, more
often when the batch is larger, or goes through more lines, since a loop need call nothing. So a
step with 16 pictures is held against one with 64. And what it returns, and the weights that it
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

BATCHES = (16, 64)
STEPS = 3
NEAR = 1e-3  # graphics cards add in another order
FORGIVEN = 12  # calls that may come and go; one for each further row would be 48


def honest_step(
    model, optimizer, images, labels, chosen, clear=True, move=True, rows=None, after=False,
    scale=False, count=False,
) -> tuple[float, float]:  # fmt: skip
    """A step of training, and its loss and the share that was right; the defaults are right."""
    if rows is not None:
        chosen = torch.arange(len(chosen) if rows == "first" else len(images), device=images.device)
    x, y = images[chosen], labels[chosen]
    logits = model(x)
    loss = F.cross_entropy(logits, y, reduction="sum" if scale else "mean")
    if clear:
        optimizer.zero_grad()
    loss.backward()
    if move:
        optimizer.step()
    seen = model(x) if after else logits
    right = (seen.argmax(1) == y).float()
    return loss.item(), (right.sum() if count else right.mean()).item()


MISTAKES = (
    ("gradients_added", {"clear": False}, "gradients of earlier steps are still there. Clear them"),
    ("no_update", {"move": False}, "the weights do not move: optimizer.step() is missing"),
    ("chosen_ignored", {"rows": "first"}, "you take the first pictures in place of the chosen"),
    ("all_pictures", {"rows": "all"}, "you take all pictures in place of the chosen"),
    ("judged_after", {"after": True}, "you count with the new weights. Use the same logits"),
    ("loss_summed", {"scale": True}, "the loss is a mean over the pictures, not a sum"),
    ("number_not_share", {"count": True}, "that is how many were right. The share was asked for"),
)


@check(lab=LAB, exercise="mended_step", points=3, returns=(tuple, list))
def mended_step(answer):
    """mended_step(model, optimizer, images, labels, chosen) -> loss, share right: two numbers."""
    operations, cut, steps = zip(*(_examine(answer, n) for n in BATCHES), strict=True)
    few, many = BATCHES
    grown = Counter(operations[1])
    grown.subtract(operations[0])
    for waits in (True, False):
        for name, more in grown.most_common():
            if more > FORGIVEN and (not waits or "local_scalar" in name):
                raise CheckFailed(
                    f"for {few} and {many} pictures, your result is right, and one step calls "
                    f"{name} {operations[0][name]} and {operations[1][name]} times.\n"
                    f"Likely mistake: {_advice(name)[1]}",
                    hint=_advice(name)[0],
                )
    for name in cut[1]:
        if cut[1][name] - cut[0][name] > FORGIVEN:
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
        f"{operation} is called for each row. Call it once, for the whole batch."
    )


def _examine(answer, batch: int) -> tuple[Counter, Counter, int]:
    """Three steps, each compared; what was counted in the last two, as `_run` says."""
    place = device()
    images = torch.tensor(digits().train_images, dtype=torch.float32, device=place)
    labels = torch.tensor(digits().train_labels, device=place)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(batch))
    chosen = [part.to(place) for part in order.split(batch)[:STEPS]]
    results, weights, counts = _run(answer, images, labels, chosen, batch)
    expected, expected_weights, _ = _run(honest_step, images, labels, chosen, batch)
    for number in range(STEPS):
        for i, (name, got, right) in enumerate(
            zip(("the loss", "the share"), results[number], expected[number], strict=True)
        ):
            given = f"{batch} pictures, step {number + 1}"
            if not same(got, right, NEAR):
                run = partial(_run, images=images, labels=labels, chosen=chosen, batch=batch)
                name_of_mistake, says = _why(run, results, number, i)
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


def _run(step, images, labels, chosen, batch):
    """Results of three steps, the weights after them, and what was counted in the last two.

    Counted are PyTorch's operations by name, the tensors into which they cut one, by name too, and
    the steps in Python.
    """
    with own_seed(0):
        model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(images.device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
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


def _why(run, results, number: int, i: int) -> tuple[str, str]:
    for name, mistake, says in MISTAKES:
        would, _, _ = run(partial(honest_step, **mistake))
        if same(results[number][i], would[number][i], NEAR):
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
