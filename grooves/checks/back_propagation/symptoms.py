"""Symptoms of a network whose training step is wrong, one after the other (chapter 02).

Part of the check of `mended`: each function looks at one thing and raises CheckFailed with what was
seen and where to look. used: how far each parameter has moved, divided by the learning rate;
true: PyTorch's gradients. Both are arrays by the parameter's name.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed

NAMES = ("W1", "b1", "W2", "b2", "W3", "b3")
N_PICTURES = 6
TOLERANCE = 1e-4


def same(a, b) -> bool:
    """Whether two arrays agree, relative to the largest absolute value."""
    size = np.abs(b).max()
    return a.shape == b.shape and bool(np.abs(a - b).max() <= TOLERANCE * max(size, 1e-6))


def fail(hint: str, symptom: str, mistake: str):
    """Raises: CheckFailed with a hint, what was seen, and the likely mistake."""
    raise CheckFailed(f"{symptom}\nLikely mistake: {mistake}", hint=hint)


def check_moves(used) -> None:
    """Does every parameter move?"""
    still = [name for name in NAMES if not np.any(used[name])]
    if len(still) == len(NAMES):
        fail(
            "nothing_moves",
            "after a step all six parameters are unchanged, so the loss curve is flat from the "
            "first step on.",
            "the step computes new values but does not store them in the network. Does it change "
            "self.parameters?",
        )
    if still:
        fail(
            "some_stay",
            f"after a step {still[0]} is unchanged, but others have moved.",
            f"the step skips {', '.join(still)}, or the gradient is always 0.",
        )


def check_scale(used, true) -> None:
    """Do all move too far or too little by one factor, or in the wrong direction?"""
    for factor, hint, symptom, mistake in (
        (
            -1,
            "wrong_sign",
            "every parameter moves *along* its gradient, so the loss grows.",
            "a wrong sign, in the step or in the gradient of the loss.",
        ),
        (
            N_PICTURES,
            "too_large",
            f"every parameter moves {N_PICTURES} times as far as its gradient says, and the batch "
            f"has {N_PICTURES} pictures.",
            "you take a sum where the loss is a mean.",
        ),
        (
            1 / N_PICTURES,
            "too_small",
            f"every parameter moves 1/{N_PICTURES} as far as its gradient says, and the batch has "
            f"{N_PICTURES} pictures.",
            "you divide by the batch size twice, at the start of the backward pass.",
        ),
    ):
        if all(same(used[name], factor * true[name]) for name in NAMES):
            fail(hint, symptom, mistake)
    factor = float((used["W3"] * true["W3"]).sum() / (true["W3"] ** 2).sum())
    if factor and abs(factor - 1) > 0.01 and all(same(used[n], factor * true[n]) for n in NAMES):
        fail(
            "another_rate",
            f"every parameter moves {factor:.3g} times as far as `lr` times its gradient.",
            "a factor of your own in the step, a rate other than `lr`, or a factor in the gradient "
            "of the loss.",
        )


def check_last_layer(used, true) -> None:
    """Do W3 and b3 move by their gradients?"""
    if not same(used["W3"], true["W3"]):
        fail(
            "last_weights",
            "W3, in the last layer, does not move by its gradient.",
            "the gradient of the logits, the input of the last layer, or something done to the "
            "gradients afterwards, such as clipping.",
        )
    if same(used["b3"], true["b3"] / N_PICTURES):
        fail(
            "biases_small",
            f"W3 moves by its gradient, but b3 by 1/{N_PICTURES} of it; the batch has {N_PICTURES} "
            "pictures. The loss curve hardly shows this: the biases learn too slowly.",
            "you take a mean for the biases, although the loss has divided already.",
        )
    if same(used["b3"], -true["b3"]):
        fail(
            "bias_sign",
            "W3 moves against its gradient, but b3 along it.",
            "a sign, for the biases.",
        )
    if not same(used["b3"], true["b3"]):
        fail(
            "last_bias",
            "W3 moves by its gradient, but b3 does not.",
            "how the gradients of all pictures are combined into the gradient of the bias.",
        )


def check_second_layer(used, true, other_mask) -> None:
    """Do W2 and b2? other_mask: W2 with the first ReLU's mask."""
    if same(used["W2"], true["W2"]):
        if not same(used["b2"], true["b2"]):
            fail(
                "second_bias",
                "W2 moves by its gradient, but b2 does not.",
                "how the gradients of all pictures are combined into that of b2. Those of layer 1 "
                "were not examined.",
            )
        return
    symptom = "W3 and b3 move by their gradients, but W2 does not: the gradient goes wrong "
    if same(used["W2"], other_mask):
        fail(
            "wrong_mask",
            symptom
            + "between the second layer and the third: some inactive neurons pass a gradient "
            "on, and some active ones do not.",
            "you use the mask of another ReLU. Which z belongs to the second layer?",
        )
    fail(
        "second_layer",
        symptom + "between the second layer and the third.",
        "one of the steps there: the product with W3, or the second ReLU.",
    )


def check_first_layer(used, true, not_transposed) -> None:
    """Do W1 and b1? not_transposed: W1 with W2 not transposed."""
    if same(used["W1"], true["W1"]):
        if not same(used["b1"], true["b1"]):
            fail(
                "first_bias",
                "W1 moves by its gradient, but b1 does not.",
                "only the biases of the first layer.",
            )
        return
    symptom = "layers 3 and 2 move by their gradients, but W1 does not: the gradient goes wrong "
    if same(used["W1"], not_transposed):
        fail(
            "not_transposed",
            symptom + "between the first layer and the second. All shapes fit, but the gradient of "
            "one neuron goes to another.",
            "shapes that fit by accident. What would happen if the two hidden layers had different "
            "widths?",
        )
    fail(
        "first_layer",
        symptom + "between the first layer and the second.",
        "one of the steps there: the product with W2, or the first ReLU.",
    )


def check_second_step(now, then, before) -> None:
    """Does the second step, now, depend on the first, before?"""
    if all(same(now[name], then[name] + before[name]) for name in NAMES):
        fail(
            "remembers",
            "the first step is right. The second moves by the gradients of *both* batches, like "
            "momentum with μ = 1, so the loss falls and then rises again.",
            "the gradients of the first batch are not cleared.",
        )
    if wrong := [name for name in NAMES if not same(now[name], then[name])]:
        fail(
            "second_step",
            f"the first step is right. In the second, {wrong[0]} does not move by its gradient.",
            "something is kept from one step to the next.",
        )
