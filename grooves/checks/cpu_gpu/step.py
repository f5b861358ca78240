"""Check of lab 11, eighth part: a training step without its slow lines (chapter 11).

Key idea: no time is measured. A step that does something for each row calls PyTorch, or Python,
more often when the batch is larger, or executes more lines, since a loop need not call anything. So
a step with 16 pictures is compared with one with 320. And what it returns, and the resulting
weights, must be those of the reference step.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves import device
from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import close, own_seed, refuse_given_changed
from grooves.checks.cpu_gpu.rules import LAB, figure, same
from grooves.checks.cpu_gpu.tally import Operations, counted
from grooves.language.corpora import digits

BATCHES = (16, 320)
STEPS = 3
NEAR = 1e-3  # GPUs add in another order
FORGIVEN = 12  # steps in Python that may come and go; one for each further row would be 304
PIXELS, CLASSES = 40, 7  # of the other pictures


class FixedDropout(nn.Module):
    """Dropout without chance: in training mode every second neuron is 0, the others are doubled.

    So an answer's numbers can be compared with the reference step's, however it draws its own.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, n_hidden)."""
        if not self.training:
            return x
        return x * torch.tensor([2.0, 0.0], device=x.device).repeat(x.shape[-1] // 2)


# Hidden neurons, what stands behind them, and settings of SGD: the lab's, and others.
NETWORKS = (
    (32, nn.ReLU, {"lr": 0.5}),
    (24, nn.Tanh, {"lr": 0.2, "momentum": 0.9, "weight_decay": 0.01}),
    (16, FixedDropout, {"lr": 0.2}),
)
OTHERS = {
    nn.ReLU: "",
    nn.Tanh: ", other pictures, another network, and an optimizer with momentum and weight decay",
    FixedDropout: ", other pictures, and a network with dropout",
}
FIXED = (
    "with the lab's pictures, network and optimizer your step is right, so something of theirs is "
    "hard-coded. Use the arguments: images, labels, model(x) and optimizer.step()."
)


def reference_step(
    model, optimizer, images, labels, chosen, clear=True, move=True, rows=None, after=False,
    scale=False, count=False, evaluate=False,
) -> tuple[float, float]:  # fmt: skip
    """A training step, and its loss and accuracy; the defaults are right."""
    if rows == "first":
        chosen = torch.arange(len(chosen), device=images.device)
    x, y = images[chosen], labels[chosen]
    model.train(not evaluate)
    logits = model(x)
    loss = F.cross_entropy(logits, y, reduction="sum" if scale else "mean")
    if clear is True:
        optimizer.zero_grad()
    loss.backward()
    if move:
        optimizer.step()
    if clear == "late":
        optimizer.zero_grad()
    model.train()
    seen = model(x) if after else logits
    right = (seen.argmax(1) == y).float()
    accuracy = right.sum() if count else right.mean()
    return loss.item(), accuracy.item()


MISTAKES = (
    ("gradients_accumulated", {"clear": False}, "gradients of earlier steps are added. Clear them"),
    (
        "cleared_late",
        {"clear": "late"},
        "gradients from before the step are added. Clear them before loss.backward()",
    ),
    ("no_update", {"move": False}, "the weights do not change: optimizer.step() is missing"),
    ("chosen_ignored", {"rows": "first"}, "you use the first pictures instead of the chosen ones"),
    (
        "accuracy_after_step",
        {"after": True},
        "you compute the accuracy with the new weights. Use the logits from before the step",
    ),
    ("loss_summed", {"scale": True}, "the loss should be a mean over the pictures, not a sum"),
    (
        "count_not_accuracy",
        {"count": True},
        "that is the number of correct ones. Divide by the batch",
    ),
    (
        "dropout_off",
        {"evaluate": True},
        "you switch dropout off. slow_step does not change the mode of the network: do not call "
        "eval()",
    ),
)


@check(lab=LAB, exercise="mended_step", returns=(tuple, list))
def mended_step(answer):
    """mended_step(model, optimizer, images, labels, chosen) -> loss and accuracy: two numbers."""
    operations, cut, steps = zip(*(_examine(answer, n) for n in BATCHES), strict=True)
    _examine(answer, 1)
    _examine(answer, 48, NETWORKS[1])
    _examine(answer, 64, NETWORKS[2])
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
                f"for {few} and {many} pictures, your result is right, and in one step {name} "
                f"splits a tensor into {cut[0][name]} and {cut[1][name]}.\nLikely mistake: you "
                "split the batch into rows, to loop over them or to stack them again. Keep it in "
                "one tensor.",
                hint="split_into_rows",
            )
    if steps[1] - steps[0] > FORGIVEN:
        raise CheckFailed(
            f"for {few} and {many} pictures, your result is right, and one step takes {steps[0]:,} "
            f"and {steps[1]:,} steps in Python: calls and executed lines.\nLikely mistake: "
            "Python still loops over the rows. Compare whole tensors.",
            hint="python_loop",
        )
    refuse_given_changed(answer, "slow_step")
    return f"One step takes {sum(operations[1].values())} operations, whatever the batch."


def _advice(operation: str) -> tuple[str, str]:
    if "local_scalar" in operation:
        return "waits_row_by_row", (
            "that is .item(), which waits for one number, and you call it for each row. (Indexing "
            "with a tensor of one number does the same.) Call it once, at the end."
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
    images, labels = _pictures(network, place)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(batch))
    for i, first in ((5, 0), (batch + 3, batch + 9)):  # some pictures are chosen twice
        order[i] = order[first]
    chosen = [part.to(place) for part in order.split(batch)[:STEPS]]
    results, weights, counts = _run(answer, images, labels, chosen, batch, network)
    expected, expected_weights, _ = _run(reference_step, images, labels, chosen, batch, network)
    for number in range(STEPS):
        for name, got, right in zip(
            ("the loss", "the accuracy"), results[number], expected[number], strict=True
        ):
            given = f"{batch} pictures{OTHERS[network[1]]}, step {number + 1}"
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
            f"for {batch} pictures, your result is right, and the weights after {STEPS} steps "
            "differ from those of slow_step. Keep loss, backward and step as they are.",
            hint="other_weights",
        )
    return counts


def _pictures(network, place) -> tuple[Tensor, Tensor]:
    """The lab's pictures and labels for its network, others for another."""
    images = torch.tensor(digits().train_images, dtype=torch.float32, device=place)
    labels = torch.tensor(digits().train_labels, device=place)
    if network == NETWORKS[0]:
        return images, labels
    return images.flip(0)[:, :PIXELS].contiguous(), labels.flip(0) % CLASSES


def _run(step, images, labels, chosen, batch, network=NETWORKS[0]):
    """Results of three steps, the weights after them, and what was counted in the last two.

    Counted are PyTorch's operations by name, the tensors into which they cut one, by name too, and
    the steps in Python.
    """
    with own_seed(0):
        hidden, between, settings = network
        pixels, classes = (64, 10) if network == NETWORKS[0] else (PIXELS, CLASSES)
        model = nn.Sequential(nn.Linear(pixels, hidden), between(), nn.Linear(hidden, classes))
        model.to(images.device)
        optimizer = torch.optim.SGD(model.parameters(), **settings)
    if network != NETWORKS[0]:
        for p in model.parameters():
            p.grad = torch.full_like(p, 0.25)  # left there by an earlier step
    results = []
    first, second, third = (partial(step, model, optimizer, images, labels, c) for c in chosen)
    results.append(_numbers(first(), batch))
    steps, result = counted(second)
    results.append(_numbers(result, batch))
    with Operations() as operations:  # it makes calls of its own
        results.append(_numbers(third(), batch))
    if not all(part.training for part in model.modules()):
        raise CheckFailed(
            f"for {batch} pictures, the network is left in evaluation mode; your result must leave "
            "it in training mode, in which you got it.\nLikely mistake: you call eval(), which a "
            "training step does not.",
            hint="mode_changed",
        )
    weights = torch.cat([p.detach().flatten().cpu() for p in model.parameters()])
    return results, weights, (operations.seen, operations.cut, steps)


def _numbers(result, batch: int) -> tuple[float, float]:
    given = f"{batch} pictures"
    if len(result) != 2:
        raise CheckFailed(
            f"for {given}, your result is {describe(result)}, expected two numbers: the loss and "
            "the accuracy.",
            hint="how_many",
        )
    if any(isinstance(part, Tensor) and part.requires_grad for part in result):
        raise CheckFailed(
            f"for {given}, your result still holds the graph for its gradients, which keeps all "
            "activations of the step in memory. Convert it to a number, once: .item().",
            hint="keeps_the_graph",
        )
    loss, share = (figure(part, given) for part in result)
    return loss, share


def _why(run, results) -> tuple[str, str]:
    """The mistake that gives the same numbers in every step: a name, and what to say."""
    for name, mistake, says in MISTAKES:
        would, _, _ = run(partial(reference_step, **mistake))
        pairs = zip(sum(results, ()), sum(would, ()), strict=True)
        if all(same(mine, other, NEAR) for mine, other in pairs):
            return name, says + "."
    return "unrecognised", "none of the usual ones. Compare with slow_step, part by part."
