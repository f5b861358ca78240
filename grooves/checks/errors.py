"""What PyTorch's and NumPy's own errors mean for somebody who knows the other of the two.

Key idea: most lost minutes of a first PyTorch lab are NumPy habits. The error is shown as it is,
and one sentence behind it says what to write. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import re

# a pattern in "Type: message" and, below, the line that raised it; and what to say of it
_HABITS: tuple[tuple[str, str], ...] = (
    (
        r"torch\.return_types\.(max|min|median|sort|topk|mode|kthvalue)",
        "In PyTorch, x.{0}(dim) returns two tensors, values and places: take x.{0}(dim).values "
        "(for the largest there is also x.amax(dim)). To compare with a number write "
        "x.clamp(min=0).",
    ),
    (
        r"(?s)tuple indices must be integers.*\n.*\.(max|min|median|sort|topk|mode)\(",
        "In PyTorch, x.{0}(dim) returns two tensors, values and places: take x.{0}(dim).values.",
    ),
    (
        r"max\(\) received an invalid combination.*axis|min\(\) received an invalid combination",
        "PyTorch's max takes a tensor and an axis: x.amax(dim=-1) gives the largest along it, "
        "x.clamp(min=0) compares with a number.",
    ),
    (
        r"(maximum|minimum)\(\): argument '\w+' \(position \d\) must be Tensor",
        "torch.{0} takes two tensors. To compare with a number write x.clamp(min=0) or x.relu().",
    ),
    (
        r"transpose\(\) (received an invalid combination|takes|expected|missing)",
        "PyTorch's transpose(a, b) swaps two axes; permute(...) takes them all, and x.mT swaps "
        "the last two.",
    ),
    (
        r"(?s)`?x?\.T`? on tensors of dimension other than 2|numpy_T|"
        r"t\(\) expects a tensor with <= 2 dimensions|"
        r"(?:must match the size of tensor|Expected size for first two).*\n.*\w\.T\b",
        "x.T is for two axes only: x.mT swaps the last two of any number.",
    ),
    (
        r"Boolean value of Tensor with more than one value|"
        r"truth value of an array with more than one element",
        "Python's max, min, if and or compare single numbers. For all numbers of an array at once: "
        "clamp or relu (PyTorch), maximum or where (NumPy).",
    ),
    (
        r"'Tensor' object has no attribute 'copy'",
        "A tensor's copy is x.clone().",
    ),
    (
        r"'Tensor' object has no attribute 'astype'",
        "A tensor's type is changed by x.to(dtype), x.float() or x.long().",
    ),
    (
        r"unexpected keyword argument '(axis|keepdims)'",
        "PyTorch says dim and keepdim where NumPy says axis and keepdims.",
    ),
    (
        r"unexpected keyword argument '(dim|keepdim)'",
        "NumPy says axis and keepdims where PyTorch says dim and keepdim.",
    ),
    (
        r"[Cc]an't call numpy\(\) on Tensor that requires grad",
        "NumPy would cut the gradients of the weights off: stay in PyTorch.",
    ),
    (
        r"a leaf Variable that requires grad is being used in an in-place operation|"
        r"a view of a leaf Variable that requires grad",
        "Weights are changed under torch.no_grad(), or not in place.",
    ),
    (
        r"expected scalar type|expected m1 and m2 to have the same dtype|must have the same dtype",
        "Both operands must have one data type: convert one of them, x.to(other.dtype).",
    ),
    (
        r"tensors used as indices must be long",
        "Indices are integers: x.long().",
    ),
    (
        r"Index tensor must have the same number of dimensions as (input|self)",
        "gather wants an index with as many axes as the tensor: index.unsqueeze(-1), and "
        "squeeze(-1) afterwards.",
    ),
    (
        r"exp\(\): argument 'input' \(position 1\) must be Tensor|"
        r"\w+\(\): argument 'input' \(position 1\) must be Tensor, not (int|float)",
        "torch functions take tensors. For a single number use math, or torch.tensor(number).",
    ),
    (
        r"view size is not compatible with input tensor's size and stride",
        "After transpose or permute the numbers no longer lie in order: use reshape, which copies "
        "where it has to.",
    ),
    (
        r"only (integer|length-1|0-dimensional|one element)|"
        r"a Tensor with \d+ elements cannot be converted to Scalar",
        "A single number is needed here, and this is an array of several.",
    ),
    (
        r"maximum recursion depth exceeded",
        "It calls itself too often: a loop with a list of what is still to do has no such limit.",
    ),
)


def habit(error: str, line: str = "") -> str | None:
    """The sentence for an error, or None. error: "TypeError: message"; line: where it arose."""
    for pattern, says in _HABITS:
        if match := re.search(pattern, f"{error}\n{line}"):
            return says.format(*match.groups(default=""))
    return None
