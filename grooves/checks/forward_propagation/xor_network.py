"""Check of lab 01: a network whose weights are set by hand so that it computes XOR (chapter 01).

Key idea: the answer is numbers, and the check runs them in a forward pass of its own. What a wrong
network computes instead (OR, AND, a sum) is read off its four answers, and whether any hidden
neuron bends at all off its sums: without a bend no weights can do it (Minsky & Papert 1969).
"""

from __future__ import annotations

import numpy as np

from grooves.checks import CheckFailed, check
from grooves.checks.compare import number
from grooves.checks.forward_propagation.rules import LAB

CASES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
EXACT = 0.01  # how far from 0 and 1 an answer may lie

# What else two inputs may be turned into: name, the four answers, what to say.
SOMETHING_ELSE = (
    ("or", (0, 1, 1, 1), "that is OR. It lacks the case of two ones, which must pull down again."),
    ("and", (0, 0, 0, 1), "that is AND: one hidden neuron of the two that XOR can be made of."),
    ("nand", (1, 1, 1, 0), "that is NAND. It lacks the case of two zeros."),
    ("nor", (1, 0, 0, 0), "that is NOR, the opposite of OR."),
    ("equal", (1, 0, 0, 1), "that is the opposite, EQUAL: swap 0 and 1 in the last layer."),
    (
        "sum",
        (0, 1, 1, 2),
        "that is the sum of the inputs. It is right but for two ones, where a second hidden neuron "
        "has to take off 2.",
    ),
    ("first_alone", (0, 0, 1, 0), "that is 1 where only the first input is. (0, 1) is missing."),
    ("second_alone", (0, 1, 0, 0), "that is 1 where only the second input is. (1, 0) is missing."),
    ("first_input", (0, 0, 1, 1), "your network repeats its first input."),
    ("second_input", (0, 1, 0, 1), "your network repeats its second input."),
)


@check(lab=LAB, exercise="xor", returns=(tuple, list), repeatable=False)
def xor(answer):
    """xor() -> W1 (2, H), b1 (H,), W2 (H, 1), b2 (1,), a network that tells unlike inputs."""
    W1, b1, W2, b2 = _read(answer())
    sums = CASES @ W1 + b1  # (4, H)
    said = (np.maximum(sums, 0.0) @ W2 + b2)[:, 0]
    stepped = ((sums > 0) @ W2 + b2)[:, 0]
    if np.abs(said - XOR).max() <= EXACT:
        n_hidden = len(b1)
        neurons = "1 neuron" if n_hidden == 1 else f"{n_hidden} neurons"
        return f"0, 1, 1, 0 from {neurons} and {W1.size + b1.size + W2.size + b2.size} numbers."
    listed = ", ".join(number(round(value, 6)) for value in said)
    message = (
        f"for the inputs (0, 0), (0, 1), (1, 0) and (1, 1), your network says {listed}; "
        "XOR says 0, 1, 1, 0."
    )
    name, why = _why(sums, said, stepped)
    raise CheckFailed(f"{message}\nLikely mistake: {why}", hint=name)


def _why(sums: np.ndarray, said: np.ndarray, stepped: np.ndarray) -> tuple[str, str]:
    """What the network computes instead of XOR: a name, and what to say.

    stepped: what it would say if its hidden neurons said 1 where their sum is positive.
    """
    if np.isclose(said, said[0], atol=EXACT).all():
        return "constant", (
            "it says the same to everything. Does every hidden neuron stay at 0, or do none?"
        )
    bends = ((sums > 0).any(axis=0) & (sums < 0).any(axis=0)).any()
    for name, pattern, what in SOMETHING_ELSE:
        if np.allclose(said, pattern, atol=EXACT):
            return name, what
    if np.allclose(stepped, XOR, atol=EXACT):
        return "steps", (
            "with hidden neurons that say 0 or 1 it would be XOR. ReLU leaves a positive sum what "
            "it is, which may be 2, or a half."
        )
    if not bends:
        return "never_bends", (
            "each hidden neuron of yours is awake for all four inputs or for none, so no ReLU "
            "bends, and your network is a weighted sum of its inputs. No weighted sum is XOR: "
            "what the first input adds alone, it also adds beside the second. "
            "Move a bias so that one neuron wakes up for (1, 1) only."
        )
    same, unlike = said[[0, 3]], said[[1, 2]]
    if np.ptp(same) <= EXACT and np.ptp(unlike) <= EXACT:
        return "other_scale", (
            "it tells the two kinds apart, with other numbers than 0 and 1. "
            "Scale and shift the last layer, W2 and b2."
        )
    if (np.abs(said - XOR) < 0.5).all():
        return "nearly", "each answer is on the right side of a half, but not 0 or 1 itself."
    return "unrecognised", (
        "none of the usual ones. Write down what each hidden neuron says to the four inputs, "
        "in a table, before you choose W2."
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
            f"W1 has shape {W1.shape}, expected (2, H): a row for each of the two inputs, "
            "a column for each hidden neuron.",
            hint="first_shape",
        )
    n_hidden = W1.shape[1]
    if b1.shape != (n_hidden,):
        raise CheckFailed(
            f"b1 has shape {b1.shape}, expected ({n_hidden},): W1 has that many columns, "
            "and each hidden neuron one bias.",
            hint="bias_shape",
        )
    if W2.shape not in ((n_hidden, 1), (n_hidden,)) or b2.size != 1:
        raise CheckFailed(
            f"W2 has shape {W2.shape} and b2 {b2.shape}, expected ({n_hidden}, 1) and (1,): "
            "one number comes out.",
            hint="second_shape",
        )
    if not all(np.isfinite(part).all() for part in (W1, b1, W2, b2)):
        raise CheckFailed("a weight or a bias is infinite or NaN.", hint="not_finite")
    return [W1, b1, W2.reshape(n_hidden, 1), b2.reshape(1)]
