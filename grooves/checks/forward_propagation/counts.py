"""Checks of lab 01, third part: shapes, parameters and FLOPs of any network (chapter 01).

Key idea: PyTorch builds the network on its `meta` device, where arrays have shapes and no numbers,
and its shapes and parameters are what the answers are held against.
"""

from __future__ import annotations

import itertools
import math

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
# First no two sizes alike, so that no mistake hides behind another; then the same number of layers
# and another batch, sizes and layers that occur twice, a layer of one, and counts beyond 32 bits.
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
    """What goes into each layer and what comes out of it."""
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
    """The list with a part exchanged: each a function of (B, fan_in, fan_out)."""
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
        "your weights lie on their side. x @ W needs as many rows in W as x has columns: "
        "(fan_in, fan_out).",
    ),
    Mistake(
        "batch_in_weights",
        lambda s, B: _listed(s, B, W=lambda B, i, o: (B, i, o)),
        "your weights grow with the batch. All pictures meet the same weights.",
    ),
    Mistake(
        "bias_for_each_picture",
        lambda s, B: _listed(s, B, b=lambda B, i, o: (B, o)),
        "your biases grow with the batch. All pictures get the same ones, fan_out of them.",
    ),
    Mistake(
        "bias_of_inputs",
        lambda s, B: _listed(s, B, b=lambda B, i, o: (i,)),
        "your biases are as many as the inputs. There is one for each neuron, which is an output.",
    ),
    Mistake(
        "bias_as_row",
        lambda s, B: _listed(s, B, b=lambda B, i, o: (1, o)),
        "your biases have two axes. A list of fan_out numbers has one: (fan_out,).",
    ),
    Mistake(
        "batch_last",
        lambda s, B: _listed(s, B, x=lambda B, i, o: (i, B), out=lambda B, i, o: (o, B)),
        "your pictures stand in columns. In this course each picture is a row: (B, ...).",
    ),
    Mistake(
        "one_picture",
        lambda s, B: _listed(s, B, x=lambda B, i, o: (i,), out=lambda B, i, o: (o,)),
        "these are the shapes for a single picture. A batch has an axis for the pictures in front.",
    ),
    Mistake(
        "input_forgotten",
        lambda s, B: _listed(s, B)[1:],
        "the input is missing: the list begins with it.",
    ),
    Mistake(
        "parameters_only",
        lambda s, B: [shape for i, shape in enumerate(_listed(s, B)) if i % 3],
        "these are weights and biases. The batch itself, at the start and behind each layer, "
        "is missing.",
    ),
    Mistake(
        "activations_only",
        lambda s, B: _listed(s, B)[::3],
        "these are the shapes of the batch alone. The weights and biases are missing.",
    ),
    Mistake(
        "first_layer",
        lambda s, B: _listed(s[:2], B),
        "that is the first layer. Go on to the last of `sizes`.",
    ),
    Mistake(
        "all_read_the_input",
        lambda s, B: [(s[0], *w[1:]) if i % 3 == 1 else w for i, w in enumerate(_listed(s, B))],
        "all your layers read the pictures. A layer reads what the layer before it gives.",
    ),
    Mistake(
        "input_of_each_layer",
        lambda s, B: [t for p in pairs(s) for t in _listed(p, B)],
        "you list the input of each layer. It is the output of the layer before, and stands once.",
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
        told = f"({shape}) is the number {shape} to Python. A shape with one axis is written "
        raise CheckFailed(f"{told}({shape},), with a comma.", hint="no_comma")
    if not all(_is_number(n) for n in shape):
        raise CheckFailed(
            f"your result holds {describe(shape)} where a shape should be, a tuple of integers. "
            "The shapes stand one after the other, in one list.",
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


ALL_MULTIPLIED = "you multiply all sizes. Only neighbours share a matrix; the layers are added up."
BY_LAYER = "the FLOPs are those of each layer, added up, and not a product of all sizes."
PARAMETER_MISTAKES = (
    Mistake(
        "flops_first",
        lambda s, B: 2 * B * weights_of(s),
        "the order: parameters first, then FLOPs.",
    ),
    Mistake(
        "no_biases",
        lambda s, B: weights_of(s),
        "the biases are missing: each layer has fan_out of them besides its weights.",
    ),
    Mistake(
        "biases_of_inputs",
        lambda s, B: weights_of(s) + sum(s[:-1]),
        "you count as many biases as inputs. There is one for each neuron, which is an output.",
    ),
    Mistake(
        "one_bias_a_layer",
        lambda s, B: weights_of(s) + len(s) - 1,
        "you count one bias a layer. There is one for each neuron of it.",
    ),
    Mistake(
        "biases_for_the_input",
        lambda s, B: weights_of(s) + sum(s),
        "you count biases for the input too. The pictures are not made by neurons.",
    ),
    Mistake(
        "times_pictures",
        lambda s, B: B * (weights_of(s) + sum(s[1:])),
        "your parameters grow with the batch. All pictures meet the same weights.",
    ),
    Mistake(
        "first_layer",
        lambda s, B: s[0] * s[1] + s[1],
        "that is the first layer. Add up all of them.",
    ),
    Mistake("all_multiplied", lambda s, B: math.prod(s), ALL_MULTIPLIED),
    Mistake("all_multiplied", lambda s, B: math.prod(s) + sum(s[1:]), ALL_MULTIPLIED),
    Mistake(
        "equal_layers_once",
        lambda s, B: sum((i + 1) * o for i, o in set(pairs(s))),
        "layers of equal sizes are counted once. Each has weights and biases of its own.",
    ),
)
FLOP_MISTAKES = (
    Mistake(
        "multiplications_only",
        lambda s, B: B * weights_of(s),
        "the factor 2 is missing: each product is also added, and both count.",
    ),
    Mistake(
        "one_picture",
        lambda s, B: 2 * weights_of(s),
        "that is one picture. Each picture of the batch meets all weights.",
    ),
    Mistake(
        "biases_counted",
        lambda s, B: 2 * B * (weights_of(s) + sum(s[1:])),
        "you count the biases twice a picture. Count the matrix products alone, as PyTorch does.",
    ),
    Mistake(
        "biases_added",
        lambda s, B: B * (2 * weights_of(s) + sum(s[1:])),
        "you count the addition of the biases. Count the matrix products alone, as PyTorch does.",
    ),
    Mistake("all_multiplied_flops", lambda s, B: 2 * B * math.prod(s), BY_LAYER),
    Mistake(
        "outputs_twice",
        lambda s, B: B * sum(i * o * o for i, o in pairs(s)),
        "you multiply by fan_out once more. The 2 is for a product and its addition, whatever the "
        "sizes.",
    ),
    Mistake(
        "first_layer_only",
        lambda s, B: 2 * B * s[0] * s[1],
        "that is the product of the first layer. Add up all of them.",
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
            judge(lambda *_, v=value: v, inputs, expected, mistakes, given, "the right is", EXACT)
