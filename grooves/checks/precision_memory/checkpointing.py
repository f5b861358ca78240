"""Check of lab 12: gradient checkpointing (chapter 12).

Key idea: three things are checked, in this order. The gradients must be those of a chain that keeps
everything; every layer may be computed at most twice; and the memory of all tensors is watched, so
that what is kept cannot be hidden.
Letters: B pictures, C channels.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import draw
from grooves.checks.precision_memory.rules import LAB
from grooves.precision import memory

BATCH, CHANNELS = 96, 4  # so that a layer's weights are small beside what goes through it
# Layers, and every how many one is kept; the first two are alike, and come with other numbers.
CASES = ((20, 4), (20, 4), (23, 5), (5, 1), (6, 9), (1, 3), (38, 11), (21, 7))
SPARE = 4  # temporary tensors: input and output of a layer and their gradients
NEAR = 1e-9


class Layer:
    """tanh(x W), with its backward pass; calls: what was called, in all layers of a chain."""

    def __init__(self, weight: Tensor, place: int, calls: list):
        self.weight, self.place, self.calls = weight, place, calls
        self.gradient = torch.zeros_like(weight)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C) -> (B, C)."""
        self.calls.append(("forward", self.place, None, None))
        return (x @ self.weight).tanh_()

    def backward(self, x: Tensor, g: Tensor) -> Tensor:
        """The gradient of the input, from the input and the gradient of the output.

        Adds the gradient of the weights to `gradient`.
        """
        self.calls.append(("backward", self.place, float(x.sum()), float(g.sum())))
        inner = (x @ self.weight).tanh_().square_().neg_().add_(1).mul_(g)
        self.gradient += x.T @ inner
        return inner @ self.weight.T


def chain(n_layers: int, channels: int = CHANNELS, dtype=torch.float64) -> list[Layer]:
    """Layers that follow one another, always the same ones; their `calls` is one list."""
    calls: list = []
    weights = draw(7, n_layers, channels, channels, scale=0.9 / math.sqrt(channels))
    return [Layer(weight, i, calls) for i, weight in enumerate(weights.to(dtype))]


def _truth(n_layers: int, x: Tensor, target: Tensor):
    """By PyTorch: the gradient of x, those of the weights; what went into each layer, and the
    gradient of what came out of it."""
    weights = [layer.weight.clone().requires_grad_() for layer in chain(n_layers)]
    inputs = [x.clone().requires_grad_()]
    for weight in weights:
        inputs.append(torch.tanh(inputs[-1] @ weight))
    loss = 0.5 * (inputs[-1] - target).square().sum()
    found = torch.autograd.grad(loss, [*weights, *inputs])
    return found[n_layers], found[:n_layers], [t.detach() for t in inputs], found[n_layers + 1 :]


@check(lab=LAB, exercise="checkpointed", returns=Tensor)
def checkpointed(answer):
    """checkpointed(layers, x, every, output_gradient) -> the gradient of x (B, C).

    output_gradient(y): the gradient of the last layer's output.
    """
    said, earlier, results = [], [], []
    for seed, (n, every) in enumerate(CASES):
        x, target = (draw(100 * seed + i, BATCH, CHANNELS).double() for i in range(2))
        truth, layers = _truth(n, x, target), chain(n)
        given = f"{n} layers and every = {every}"
        result: list[Tensor] = []
        handed_over, chained = x.clone(), list(layers)

        def run(layers=layers, every=every, target=target, x=handed_over, result=result):
            result.append(answer(layers, x, every, lambda y: y - target))

        peak = memory.watched_peak_bytes(run) / (x.numel() * x.element_size())
        _judge_given(layers, chained, handed_over, x)
        _judge_gradients(result[0], truth, layers, earlier, given)
        n_forward = _judge_calls(layers, every, given)
        if n_forward > n:
            _judge_kept(layers, every, given)
        _judge_memory(peak, n, every, n_forward, given)
        results.append((result[0], result[0].detach().clone()))
        earlier += [float(each.sum()) for each in truth[2]]
        said.append(f"{n_forward} calls of forward for {n} layers")
    if not all(torch.equal(one, as_it_was) for one, as_it_was in results):
        raise CheckFailed(
            "a later call of your function changed what an earlier one had returned: both are the "
            "same tensor. Make a new one in every call.",
            hint="overwritten",
        )
    return f"{said[1]}, and {said[2]}."


def _judge_given(layers: list, chained: list, handed_over: Tensor, x: Tensor) -> None:
    """Refuse an answer that changed what it was given."""
    for changed, what in (
        (layers != chained, "list of layers"),
        (not torch.equal(handed_over, x), "tensor x"),
    ):
        if changed:
            raise CheckFailed(
                f"your function changed the {what} that it was given. Work on a copy, or make "
                "something new.",
                hint="changed_input",
            )


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.double().cpu(), b, rtol=NEAR, atol=NEAR)


def _fail(given: str, found: str, name: str, says: str):
    raise CheckFailed(f"for {given}, {found}\nLikely mistake: {says}", hint=name)


def _judge_gradients(got: Tensor, truth, layers, earlier, given: str) -> None:
    """Refuse wrong gradients, with the first call backward that went wrong as the reason."""
    of_x, of_weights, inputs, outputs = truth
    right = [_same(layer.gradient, g) for layer, g in zip(layers, of_weights, strict=True)]
    if _same(got, of_x) and all(right):
        return
    n = len(layers)
    found = f"your result is a gradient of x that is wrong ({describe(got)})."
    if not all(right):
        found = f"your result has the gradients of {right.count(False)} of {n} layers wrong."
    backward = [call[1:] for call in layers[0].calls if call[0] == "backward"]
    places = [place for place, *_ in backward]
    if not backward:
        _fail(given, found, "no_backward", "no layer's `backward` was called.")
    if places != sorted(places, reverse=True) and sorted(places) == list(range(n)):
        _fail(
            given,
            found,
            "wrong_order",
            f"`backward` was called for the layers in the order {places[:6]} ... The last layer "
            "comes first, inside a segment too.",
        )
    if missing := sorted(set(range(n)) - set(places)):
        _fail(
            given,
            found,
            "layers_missing",
            f"`backward` of {len(missing)} layers was never called, such as layer {missing[-1]}. "
            "Call it for every layer, including those of a shorter last segment.",
        )
    if len(places) > n:
        _fail(
            given,
            found,
            "backward_twice",
            f"`backward` was called {len(places)} times for {n} layers. Each call adds to the "
            "gradient, so call it once per layer.",
        )
    _judge_arguments(backward, inputs, outputs, earlier, given, found)
    _fail(
        given,
        found,
        "other_result",
        "every call of `backward` was right, but you do not return what the first layer's "
        "`backward` returned.",
    )


def _judge_arguments(backward, inputs, outputs, earlier, given: str, found: str) -> None:
    """Refuse the first call of a layer's `backward` that got something wrong."""
    for place, x, g in backward:
        sums = [float(each.sum()) for each in inputs]
        if not math.isclose(x, sums[place], rel_tol=1e-6, abs_tol=1e-9):
            of = [i for i, each in enumerate(sums) if math.isclose(x, each, rel_tol=1e-6)]
            where = f"the input of layer {of[0]}" if of else "something else"
            name = "other_input"
            says = "Print which input each layer gets, for five layers and every = 2."
            if not of and any(math.isclose(x, each, rel_tol=1e-6) for each in earlier):
                name, where = "remembers", "a tensor of an earlier call"
                says = (
                    "Something persists between calls: a global variable, or a list or "
                    "dictionary as a default argument. Create it inside the function."
                )
            elif of == [place + 1]:
                name, where = "output_for_input", "its output"
                says = "It needs its input."
            elif of and of[0] < place:
                name, says = (
                    "checkpoint_for_input",
                    ("Between two checkpoints, recompute the inputs from the first of them."),
                )
            _fail(given, found, name, f"`backward` of layer {place} was given {where}. {says}")
        if not math.isclose(g, float(outputs[place].sum()), rel_tol=1e-6, abs_tol=1e-9):
            _fail(
                given,
                found,
                "wrong_output_gradient",
                f"`backward` of layer {place} was given a wrong g. It is output_gradient(y) for "
                "the last layer, and for every other what the `backward` after it returned.",
            )


def _judge_calls(layers, every: int, given: str) -> int:
    """Refuse what computes a layer more than twice. Returns: the number of calls of forward."""
    forward = _forward(layers)
    often = [place for place in range(len(layers)) if forward.count(place) > 2]
    if not often:
        return len(forward)
    found = (
        f"your result is right, but `forward` of layer {often[0]} was called "
        f"{forward.count(often[0])} times; at most two are allowed."
    )
    if forward.count(0) > every + 1:
        _fail(
            given,
            found,
            "from_the_start",
            "you recompute from x each time. Start from the nearest checkpoint.",
        )
    _fail(
        given,
        found,
        "too_often",
        "call `forward` once for all layers, and once more within each segment, and keep the "
        "activations of a segment until its backward pass is done.",
    )


def _forward(layers) -> list[int]:
    return [place for kind, place, *_ in layers[0].calls if kind == "forward"]


def _judge_kept(layers, every: int, given: str) -> None:
    """Refuse an answer that goes forward again from other layers than those whose input is kept.

    The last segment need not be computed again, and with every = 1 none.
    """
    n, forward = len(layers), _forward(layers)
    again = {place for before, place in itertools.pairwise(forward) if place != before + 1}
    segments = set(range(0, (n - 1) // every * every, every)) if every > 1 else set()
    kept = f"only the inputs of the layers 0, {every}, {2 * every}, ... are kept"
    for places, goes in (
        ([place for place in again if place % every], "you recompute"),
        (segments - again, "you do not recompute"),
    ):
        if places:
            _fail(
                given,
                f"your result is right, but {goes} from the input of layer {max(places)}.",
                "other_every",
                f"{kept}, and all of these. Do you use `every`, and not another number?",
            )


def _judge_memory(peak: float, n: int, every: int, n_forward: int, given: str) -> None:
    """Refuse what holds more than the checkpoints, two segments, and some temporary tensors."""
    allowed = math.ceil(n / every) + 2 * every + SPARE
    if peak <= allowed + 0.5:
        return
    found = f"your result is right, but {peak:.0f} tensors of x's size were in memory at once."
    if n_forward <= n:
        _fail(
            given,
            f"{found} {allowed} are enough.",
            "keeps_all",
            "you keep all activations. Keep the inputs of the layers 0, every, 2 · every, ..., and "
            "discard the others.",
        )
    _fail(
        given,
        f"{found} {allowed} are enough.",
        "segments_kept",
        "recomputed activations stay in memory after their segment is done. Start a new list for "
        "each segment.",
    )
