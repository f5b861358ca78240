"""Checks of lab 01, third part: shapes, parameters and FLOPs of any network (chapter 01).

Key idea: PyTorch builds the network on its `meta` device, where tensors have shapes but no data,
and the answers are compared with its shapes and parameters.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn

from grooves.checks import CheckFailed, check, describe
from grooves.checks.arrays import judge
from grooves.checks.compare import Mistake
from grooves.checks.forward_propagation.rules import LAB
from grooves.checks.survey import Finding
from grooves.checks.verdict import note

EXACT = 1e-12  # counts below 9e15, which a float holds exactly
# First no two sizes are equal, so that no mistake hides another; then the same number of layers
# with another batch, sizes and layers that occur twice, a layer of one, and counts beyond 32 bits.
NETWORKS = (
    ((5, 4, 3), 7),
    ((8, 11, 6), 2),
    ((8, 11, 6), 9),
    ((61, 37, 17, 12), 450),
    ((6, 2), 1),
    ((3, 5, 3, 2, 3), 4),
    ((7, 7, 7), 3),
    ((9, 1, 300), 13),
    ((307, 401, 11), 9_973),
    ((6, 4, 6, 3), 6),
    (tuple(range(3, 74)), 13),
    ((4, 2), 1_000_003),
)


def pairs(sizes):
    """The sizes of each layer's input and output."""
    return list(itertools.pairwise(sizes))


def _built(sizes) -> list[nn.Linear]:
    return [nn.Linear(fan_in, fan_out, device="meta") for fan_in, fan_out in pairs(sizes)]


# ---- 6 shapes --------------------------------------------------------------------------------


def torchs_shapes(sizes, n_pictures) -> list[tuple]:
    """Shapes along a forward pass, read off PyTorch's layers, which keep weights transposed."""
    x = torch.empty(n_pictures, sizes[0], device="meta")
    found = [tuple(x.shape)]
    for linear in _built(sizes):
        x = linear(x)
        found += [tuple(linear.weight.T.shape), tuple(linear.bias.shape), tuple(x.shape)]
    return found


def _listed(sizes, B, x=None, W=None, b=None, out=None) -> list[tuple]:
    """The list with some shapes replaced: each a function of (B, fan_in, fan_out)."""
    found = [x(B, sizes[0], sizes[0]) if x else (B, sizes[0])]
    for i, o in pairs(sizes):
        found.append(W(B, i, o) if W else (i, o))
        found.append(b(B, i, o) if b else (o,))
        found.append(out(B, i, o) if out else (B, o))
    return found


SHAPE_MISTAKES = (
    Mistake(
        "weights_transposed",
        lambda s, B: _listed(s, B, W=lambda B, i, o: (o, i)),
        "your weights are transposed. For x @ W, W needs as many rows as x has columns: "
        "(fan_in, fan_out).",
    ),
    Mistake(
        "batch_in_weights",
        lambda s, B: _listed(s, B, W=lambda B, i, o: (B, i, o)),
        "your weights have a batch axis. All pictures use the same weights.",
    ),
    Mistake(
        "bias_for_each_picture",
        lambda s, B: _listed(s, B, b=lambda B, i, o: (B, o)),
        "your biases have a batch axis. All pictures use the same biases, fan_out of them.",
    ),
    Mistake(
        "bias_of_inputs",
        lambda s, B: _listed(s, B, b=lambda B, i, o: (i,)),
        "you have one bias per input. There is one per neuron, so fan_out of them.",
    ),
    Mistake(
        "bias_as_row",
        lambda s, B: _listed(s, B, b=lambda B, i, o: (1, o)),
        "your biases have two axes. Here they have one: (fan_out,).",
    ),
    Mistake(
        "batch_last",
        lambda s, B: _listed(s, B, x=lambda B, i, o: (i, B), out=lambda B, i, o: (o, B)),
        "your pictures are columns. In this course each picture is a row: (B, ...).",
    ),
    Mistake(
        "one_picture",
        lambda s, B: _listed(s, B, x=lambda B, i, o: (i,), out=lambda B, i, o: (o,)),
        "these are the shapes for a single picture. With a batch, the first axis counts pictures.",
    ),
    Mistake(
        "input_forgotten",
        lambda s, B: _listed(s, B)[1:],
        "the input is missing: the list begins with it.",
    ),
    Mistake(
        "first_layer",
        lambda s, B: _listed(s[:2], B),
        "your list ends after the first layer. Go on to the last of `sizes`.",
    ),
    Mistake(
        "input_of_each_layer",
        lambda s, B: [t for p in pairs(s) for t in _listed(p, B)],
        "you list the input of each layer. It is the output of the layer before, so list it once.",
    ),
)


@check(lab=LAB, exercise="shapes", returns=(list, tuple))
def shapes(answer):
    """shapes(sizes, n_pictures) -> shapes of the input, then of each layer's W, b and output."""
    for sizes, n_pictures in NETWORKS:
        expected = torchs_shapes(sizes, n_pictures)
        got = [_as_shape(shape) for shape in answer(sizes, n_pictures)]
        told = "" if got == expected else _told(got, expected, sizes, n_pictures)

        def agrees(mistake, got=got, inputs=(sizes, n_pictures)):
            return mistake.compute(*inputs) == got

        note(Finding(got != expected, told, SHAPE_MISTAKES, agrees))


def _as_shape(shape) -> tuple:
    if isinstance(shape, (int, np.integer)):
        told = f"Python reads ({shape}) as the number {shape}. A shape with one axis is written "
        raise CheckFailed(f"{told}({shape},), with a comma.", hint="no_comma")
    if not all(_is_number(n) for n in shape):
        raise CheckFailed(
            f"your result contains {describe(shape)} in place of a shape, a tuple of integers. "
            "Return the shapes one after the other, in a single list.",
            hint="nested",
        )
    return tuple(int(n) if n == int(n) else float(n) for n in shape)


def _is_number(n) -> bool:
    return not isinstance(n, str) and np.ndim(n) == 0 and np.asarray(n).dtype.kind in "iuf"


def _told(got, expected, sizes, n_pictures) -> str:
    """Where the shapes first differ, in words."""
    names = ["the input"] + [
        f"the {what} of layer {i}"
        for i in range(1, len(sizes))
        for what in ("weights", "biases", "output")
    ]
    place = next(
        (i for i, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b),
        min(len(got), len(expected)),
    )
    if len(got) != len(expected):
        what = f"your result has {len(got)} shapes, expected {len(expected)}."
    else:
        what = f"your result for {names[place]} is {got[place]}; PyTorch's is {expected[place]}."
    return f"for sizes = {sizes} and n_pictures = {n_pictures}, {what}"


# ---- 7 costs ---------------------------------------------------------------------------------


def weights_of(sizes) -> int:
    """Weights of all layers, without biases."""
    return sum(i * o for i, o in pairs(sizes))


PARAMETER_MISTAKES = (
    Mistake(
        "flops_first",
        lambda s, B: 2 * B * weights_of(s),
        "the order: return the parameters first, then the FLOPs.",
    ),
    Mistake(
        "no_biases",
        lambda s, B: weights_of(s),
        "the biases are missing: each layer has fan_out of them besides its weights.",
    ),
    Mistake(
        "biases_of_inputs",
        lambda s, B: weights_of(s) + sum(s[:-1]),
        "you count one bias per input. There is one per neuron, so fan_out of them.",
    ),
    Mistake(
        "one_bias_per_layer",
        lambda s, B: weights_of(s) + len(s) - 1,
        "you count one bias per layer. There is one per neuron.",
    ),
    Mistake(
        "biases_for_the_input",
        lambda s, B: weights_of(s) + sum(s),
        "you count biases for the input too. The pixels are given; no neuron computes them.",
    ),
    Mistake(
        "times_pictures",
        lambda s, B: B * (weights_of(s) + sum(s[1:])),
        "your parameters grow with the batch. All pictures use the same weights.",
    ),
    Mistake(
        "first_layer",
        lambda s, B: s[0] * s[1] + s[1],
        "you count the first layer only. Add up all of them.",
    ),
)
FLOP_MISTAKES = (
    Mistake(
        "multiplications_only",
        lambda s, B: B * weights_of(s),
        "the factor 2 is missing: each product is also added to a sum, and both operations count.",
    ),
    Mistake(
        "one_picture",
        lambda s, B: 2 * weights_of(s),
        "these are the FLOPs of one picture. Every picture of the batch uses all weights.",
    ),
    *(
        Mistake(
            "biases_counted",
            lambda s, B, n=n: B * (2 * weights_of(s) + n * sum(s[1:])),
            "you count the biases too. Count the matrix products only, as PyTorch does.",
        )
        for n in (1, 2)
    ),
    Mistake(
        "first_layer_only",
        lambda s, B: 2 * B * s[0] * s[1],
        "you count the product of the first layer only. Add up all of them.",
    ),
)


@check(lab=LAB, exercise="costs", returns=(tuple, list, np.ndarray))
def costs(answer):
    """costs(sizes, n_pictures) -> (number of parameters, FLOPs of the matrix products)."""
    for sizes, n_pictures in NETWORKS:
        n_parameters = sum(p.numel() for linear in _built(sizes) for p in linear.parameters())
        got = answer(sizes, n_pictures)
        if len(got) != 2:
            raise CheckFailed(
                f"expected two numbers, (parameters, FLOPs), got {len(got)}.", hint="not_two"
            )
        flops = 2 * n_pictures * weights_of(sizes)
        parts = (("parameters", n_parameters, PARAMETER_MISTAKES), ("FLOPs", flops, FLOP_MISTAKES))
        for value, (name, expected, mistakes) in zip(got, parts, strict=True):
            given = f"the {name} of sizes = {sizes} and n_pictures = {n_pictures}"
            inputs = (sizes, n_pictures)
            judge(lambda *_, v=value: v, inputs, expected, mistakes, given, "it should be", EXACT)
