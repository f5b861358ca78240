"""Check of lab 01: a network whose weights are set by hand so that it computes XOR (chapter 01).

Key idea: the answer is a set of weights, and the check runs them in a forward pass of its own. The
four outputs show what a wrong network computes instead (OR, AND, a sum), and the hidden sums show
whether any ReLU is nonlinear on these inputs: no linear network computes XOR (Minsky & Papert
1969). The biases must be 0, so that the solution is not that of the chapter.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.compare import number
from grooves.checks.forward_propagation.rules import LAB

CASES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
EXACT = 0.01  # how far an output may be from 0 or 1
ZERO = 1e-9  # a bias below this is a rounding error
NEARLY = 0.25

# What other functions of two inputs the network may compute: name, the four outputs, what to say.
SOMETHING_ELSE = (
    (
        "or",
        (0, 1, 1, 1),
        "that is OR. The output for (1, 1) is too large: both hidden neurons must be 0 there.",
    ),
    ("and", (0, 0, 0, 1), "that is AND, which is 0 where the inputs differ."),
    ("nand", (1, 1, 1, 0), "that is NAND. It differs from XOR at (0, 0)."),
    ("xnor", (1, 0, 0, 1), "that is XNOR, the opposite: swap 0 and 1 in the last layer."),
    (
        "sum",
        (0, 1, 1, 2),
        "that is the sum of the inputs. It is right except for (1, 1), where the two must cancel: "
        "give them weights of opposite signs in each hidden neuron.",
    ),
    *(
        (
            "one_case_missing",
            outputs,
            f"that is 1 for {right} only. The output for {missing} is missing.",
        )
        for outputs, right, missing in (
            ((0, 0, 1, 0), "(1, 0)", "(0, 1)"),
            ((0, 1, 0, 0), "(0, 1)", "(1, 0)"),
        )
    ),
    *(
        ("one_input", outputs, f"your network repeats its {which} input and ignores the other.")
        for outputs, which in (((0, 0, 1, 1), "first"), ((0, 1, 0, 1), "second"))
    ),
)


@check(lab=LAB, exercise="xor", returns=(tuple, list), repeatable=False)
def xor(answer):
    """xor() -> W1 (2, n_hidden), b1 (n_hidden,), W2 (n_hidden, 1), b2 (1,): for XOR; biases 0."""
    W1, b1, W2, b2 = _read(answer())
    sums = CASES @ W1 + b1  # (4, n_hidden)
    said = (np.maximum(sums, 0.0) @ W2 + b2)[:, 0]
    stepped = ((sums > 0) @ W2 + b2)[:, 0]
    if np.abs(said - XOR).max() <= EXACT:
        if max(np.abs(b1).max(), np.abs(b2).max()) > ZERO:
            raise CheckFailed(
                "your network computes XOR, as that of the chapter does, but with a bias that is "
                "not 0. Set all biases to 0, and choose the weights anew: which sum of the inputs "
                "is 0 for (0, 0) and for (1, 1) without a bias?",
                hint="with_bias",
            )
        n_hidden = len(b1)
        neurons = "1 neuron" if n_hidden == 1 else f"{n_hidden} neurons"
        return f"0, 1, 1, 0 from {neurons} and {W1.size + b1.size + W2.size + b2.size} numbers."
    listed = ", ".join(number(round(value, 6)) for value in said)
    message = (
        f"for the inputs (0, 0), (0, 1), (1, 0) and (1, 1), your network returns {listed}; "
        "XOR is 0, 1, 1, 0."
    )
    name, why = _why(sums, said, stepped)
    raise CheckFailed(f"{message}\nLikely mistake: {why}", hint=name)


def _why(sums: np.ndarray, said: np.ndarray, stepped: np.ndarray) -> tuple[str, str]:
    """What the network computes instead of XOR: a name, and what to say.

    stepped: what it would return if its hidden neurons gave 1 wherever their sum is positive.
    """
    if np.isclose(said, said[0], atol=EXACT).all():
        return "constant", (
            "the output is the same for all four inputs. Is every hidden neuron always 0, or do "
            "they cancel?"
        )
    nonlinear = ((sums > 0).any(axis=0) & (sums < 0).any(axis=0)).any()
    for name, pattern, what in SOMETHING_ELSE:
        if np.allclose(said, pattern, atol=EXACT):
            return name, what
    if (np.abs(said - XOR) < NEARLY).all():
        return "nearly", "each output is near 0 or 1, as it should be, but not within 0.01."
    if np.allclose(stepped, XOR, atol=EXACT):
        return "steps", (
            "with a step function, which gives 0 or 1, it would be XOR. ReLU leaves a positive sum "
            "unchanged, and it may be 2, or 0.5."
        )
    if not nonlinear:
        return "linear", (
            "each hidden neuron is active for all four inputs or for none, so every ReLU acts as a "
            "linear function, and your network computes a weighted sum of its inputs. No weighted "
            "sum is XOR: the first input would have to add 1 at (1, 0) and subtract 1 at (1, 1). "
            "Give the two inputs of a neuron weights of opposite signs."
        )
    same, different = said[[0, 3]], said[[1, 2]]
    if np.ptp(same) <= EXACT and np.ptp(different) <= EXACT:
        return "other_scale", (
            "it separates the two kinds of input, but not with the outputs 0 and 1. "
            "Scale and shift the last layer, W2 and b2."
        )
    return "unrecognised", (
        "none of the usual ones. Write the outputs of each hidden neuron for the four inputs "
        "into a table before you choose W2."
    )


def _read(parts) -> list[np.ndarray]:
    """The four arrays, with the shapes that a forward pass needs."""
    if len(parts) != 4:
        raise CheckFailed(
            f"expected four arrays, W1, b1, W2 and b2; got {len(parts)}.", hint="not_four"
        )
    W1, b1, W2, b2 = (np.asarray(part, dtype=float) for part in parts)
    if W1.ndim != 2 or W1.shape[0] != 2:
        raise CheckFailed(
            f"W1 has shape {W1.shape}, expected (2, n_hidden): a row for each of the two inputs, "
            "a column for each hidden neuron.",
            hint="first_shape",
        )
    n_hidden = W1.shape[1]
    if b1.shape != (n_hidden,):
        raise CheckFailed(
            f"b1 has shape {b1.shape}, expected ({n_hidden},): one bias for each hidden neuron, "
            "which is a column of W1.",
            hint="bias_shape",
        )
    if W2.shape not in ((n_hidden, 1), (n_hidden,)) or b2.size != 1:
        raise CheckFailed(
            f"W2 has shape {W2.shape} and b2 {b2.shape}, expected ({n_hidden}, 1) and (1,): "
            "the network has one output.",
            hint="second_shape",
        )
    if not all(np.isfinite(part).all() for part in (W1, b1, W2, b2)):
        raise CheckFailed("a weight or a bias is infinite or NaN.", hint="not_finite")
    return [W1, b1, W2.reshape(n_hidden, 1), b2.reshape(1)]
