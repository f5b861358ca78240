"""What a network that learns wrongly does, symptom by symptom (chapter 02).

Part of the check of `mended`: each function looks at one thing and raises CheckFailed with what was
seen and where to look. believed: how far each parameter has moved, divided by the learning rate;
true: PyTorch's gradients. Both are arrays by the parameter's name.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed

NAMES = ("W1", "b1", "W2", "b2", "W3", "b3")
N_PICTURES = 6
TOLERANCE = 1e-4


def same(a, b) -> bool:
    """Whether two arrays agree, measured by the largest number."""
    size = np.abs(b).max()
    return a.shape == b.shape and bool(np.abs(a - b).max() <= TOLERANCE * max(size, 1e-6))


def fail(hint: str, symptom: str, mistake: str):
    """Raises: CheckFailed with a hint, what was seen, and the likely mistake."""
    raise CheckFailed(f"{symptom}\nLikely mistake: {mistake}", hint=hint)


def check_moves(believed) -> None:
    """Does every parameter move?"""
    still = [name for name in NAMES if not np.any(believed[name])]
    if len(still) == len(NAMES):
        fail(
            "nothing_moves",
            "after a step all six parameters are what they were before, so the loss curve is flat "
            "from the first step on.",
            "the step computes new numbers and puts them where nobody looks for them. Is "
            "self.parameters changed?",
        )
    if still:
        fail(
            "some_stay",
            f"after a step {still[0]} is what it was before, but others have moved.",
            f"the step passes over {', '.join(still)}, or its gradient never arrives.",
        )


def check_scale(believed, true) -> None:
    """Do all move by one factor too far, or the wrong way?"""
    for factor, hint, symptom, mistake in (
        (
            -1,
            "uphill",
            "every parameter moves *along* its gradient, and the loss grows.",
            "a sign, in the step or where blame begins.",
        ),
        (
            N_PICTURES,
            "too_large",
            f"every parameter moves {N_PICTURES} times as far as its gradient says, and the batch "
            f"has {N_PICTURES} pictures.",
            "a mean became a sum.",
        ),
        (
            1 / N_PICTURES,
            "too_small",
            f"every parameter moves 1/{N_PICTURES} as far as its gradient says, and the batch has "
            f"{N_PICTURES} pictures.",
            "a mean is taken of a mean, at the very start of the backward pass.",
        ),
    ):
        if all(same(believed[name], factor * true[name]) for name in NAMES):
            fail(hint, symptom, mistake)


def check_last_layer(believed, true) -> None:
    """Do W3 and b3 move by their gradients?"""
    if not same(believed["W3"], true["W3"]):
        fail(
            "last_weights",
            "W3, next to the loss, does not move by its gradient.",
            "the blame of the logits, or what went into the last layer.",
        )
    if same(believed["b3"], true["b3"] / N_PICTURES):
        fail(
            "biases_small",
            f"W3 moves by its gradient, and b3 by 1/{N_PICTURES} of it; the batch has {N_PICTURES} "
            "pictures. Alone it would hardly show in a loss curve: the biases learn too slowly.",
            "a mean that was taken already is taken again, for the biases.",
        )
    if same(believed["b3"], -true["b3"]):
        fail("bias_uphill", "W3 moves downhill, and b3 uphill.", "a sign, for the biases.")
    if not same(believed["b3"], true["b3"]):
        fail(
            "last_bias",
            "W3 moves by its gradient, and b3 does not.",
            "how the blame of all pictures becomes the blame of one bias.",
        )


def check_second_layer(believed, true, other_mask) -> None:
    """Do W2 and b2? other_mask: W2 behind the first ReLU."""
    if same(believed["W2"], true["W2"]):
        if not same(believed["b2"], true["b2"]):
            fail(
                "second_bias",
                "W2 moves by its gradient, and b2 does not.",
                "the biases of the second layer alone.",
            )
        return
    symptom = "W3 and b3 move by their gradients, and W2 does not: the blame goes astray "
    if same(believed["W2"], other_mask):
        fail(
            "mask_elsewhere",
            symptom + "between the second layer and the third, at neurons that were shut while "
            "blame passed them, or open while none did.",
            "it is let through by somebody else's ReLU. Which z belongs to the second layer?",
        )
    fail(
        "second_layer",
        symptom + "between the second layer and the third.",
        "what lies there: W3, the backward pass, or the second ReLU.",
    )


def check_first_layer(believed, true, not_turned) -> None:
    """Do W1 and b1? not_turned: W1 with W2 not transposed."""
    if same(believed["W1"], true["W1"]):
        if not same(believed["b1"], true["b1"]):
            fail(
                "first_bias",
                "W1 moves by its gradient, and b1 does not.",
                "the biases of the first layer alone.",
            )
        return
    symptom = (
        "all of layers 3 and 2 move by their gradients, and W1 does not: the blame goes astray "
    )
    if same(believed["W1"], not_turned):
        fail(
            "not_turned",
            symptom + "between the first layer and the second. All shapes fit, and yet the blame "
            "of one neuron lands at another.",
            "shapes that fit by accident. What would happen if the two hidden layers had unlike "
            "widths?",
        )
    fail(
        "first_layer",
        symptom + "between the first layer and the second.",
        "what lies there: W2, the backward pass, or the first ReLU.",
    )


def check_second_step(now, then, before) -> None:
    """Does the second step, now, know anything of the first, before?"""
    if all(same(now[name], then[name] + before[name]) for name in NAMES):
        fail(
            "remembers",
            "the first step is right in everything. The second moves by the gradients of *both* "
            "batches: a ball without friction, whose loss falls, and comes back up.",
            "what the first batch left behind was not cleared away.",
        )
    if wrong := [name for name in NAMES if not same(now[name], then[name])]:
        fail(
            "second_step",
            f"the first step is right in everything. In the second, {wrong[0]} moves otherwise "
            "than its gradient says.",
            "something is kept from one step to the next.",
        )
