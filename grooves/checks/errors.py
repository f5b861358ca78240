"""What PyTorch's and NumPy's own errors mean for somebody who knows the other of the two.

Key idea: most lost minutes of a first PyTorch lab are NumPy habits. The error is shown as it is,
and one sentence after it says what to write. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

TWO_RESULTS = "max|min|median|mode|sort|topk|kthvalue|cummax|cummin"

# a pattern in "Type: message" and, below, the line that raised it; and what to say of it
_HABITS: tuple[tuple[str, str], ...] = (
    # two results where NumPy has one
    (
        rf"torch\.return_types\.({TWO_RESULTS})",
        "In PyTorch, x.{0}(dim) returns two tensors, values and indices: take x.{0}(dim).values "
        "(for the largest there is also x.amax(dim)). To compare with a number write "
        "x.clamp(min=0).",
    ),
    (
        rf"(?s)tuple indices must be integers.*\n.*\.({TWO_RESULTS})\(",
        "In PyTorch, x.{0}(dim) returns two tensors, values and indices: take x.{0}(dim).values.",
    ),
    (
        r"\b(?:max|min)\(\) received an invalid combination of arguments",
        "PyTorch's max takes a tensor and an axis: x.amax(dim=-1) gives the largest along it, "
        "x.clamp(min=0) compares with a number.",
    ),
    # comparing with a number
    (
        r"(maximum|minimum)\(\): argument '\w+' \(position \d\) must be Tensor",
        "torch.{0} takes two tensors. To compare with a number write x.clamp(min=0) or x.relu().",
    ),
    (
        r"(?:Boolean value of Tensor|truth value of an array|The size of tensor a|could not be "
        r"broadcast).*\n.*(?:\bnot in\b|(?:\bif|\band|\bor|\breturn|=|\() ?[\w.\[\]]+ in\b)",
        "`in` compares the numbers of two tensors or arrays. To find out whether a list holds this "
        "one, compare identities: `any(x is other for other in some_list)`, or collect id(x).",
    ),
    (
        r"Boolean value of Tensor with more than one value|"
        r"truth value of an array with more than one element",
        "Python's max, min, if and or compare single numbers. For all numbers of an array at once: "
        "clamp or relu (PyTorch), maximum or where (NumPy).",
    ),
    # swapping axes
    (
        r"transpose\(\)(?: (?:received an invalid combination|takes|expected|missing)|"
        r": argument 'dim\d' \(position \d\) must be int)",
        "PyTorch's transpose(a, b) swaps two axes; permute(...) takes them all, and x.mT swaps "
        "the last two.",
    ),
    (
        r"axes don't match array",
        "NumPy's transpose takes all axes, as in a.transpose(0, 2, 1); a.swapaxes(1, 2) swaps two.",
    ),
    (
        r"(?s)`?x?\.T`? on tensors of dimension other than 2|numpy_T|"
        r"t\(\) expects a tensor with <= 2 dimensions|"
        r"(?:must match the size of tensor|Expected size for first two|shapes cannot be multiplied"
        r"|mismatch in its core dimension).*\n.*\.T\b",
        "x.T reverses all axes, so it swaps two only where there are two: x.mT swaps the last two "
        "of any number.",
    ),
    # lists
    (
        r"unsupported operand type\(s\) for [-+*/%]+: '(?:list' and '\w+|\w+' and 'list)'|"
        r"can't multiply sequence by non-int of type '(?:list|float)'",
        "Lists have no arithmetic of their own: make arrays of them, np.array(x), or compute "
        "element by element, as in [a - b for a, b in zip(x, y)].",
    ),
    # names that one of the two lacks
    (
        r"'Tensor' object has no attribute 'copy'",
        "A tensor's copy is x.clone().",
    ),
    (
        r"'Tensor' object has no attribute 'astype'",
        "A tensor's type is changed by x.to(dtype), x.float() or x.long().",
    ),
    (
        r"'Tensor' object has no attribute 'append'",
        "A tensor keeps its size: join two with torch.cat((x, y), dim), which makes a new one.",
    ),
    (
        r"module 'torch(?:\.random)?' has no attribute '(expand_dims|swapaxis|array|copy|append|"
        r"randn?)'",
        "torch has no {0}. A new axis is x[:, None] or x.unsqueeze(dim), an array is "
        "torch.tensor(...), a copy x.clone(), one tensor after another torch.cat(...), and normal "
        "random numbers come from torch.randn(...).",
    ),
    (
        r"'numpy\.ndarray' object has no attribute '(\w+)'",
        "This is a NumPy array, and {0} belongs to PyTorch's tensors: torch.from_numpy(a) makes "
        "one of it.",
    ),
    (
        r"module 'numpy' has no attribute '(relu|softmax|cat|permute|clamp|mm|bmm|tensor)'",
        "NumPy has no {0}: there are np.maximum(a, 0), np.concatenate, np.transpose and np.clip. "
        "A softmax is to be written.",
    ),
    (
        r"unexpected keyword argument '(axis|keepdims)'|missing 1 required positional arguments?: "
        r"\"dims?\"",
        "PyTorch says dim and keepdim where NumPy says axis and keepdims. Its repeat_interleave "
        "repeats each part, as NumPy's repeat does.",
    ),
    (
        r"unexpected keyword argument '(dim|keepdim)'",
        "NumPy says axis and keepdims where PyTorch says dim and keepdim.",
    ),
    (
        r"'builtin_function_or_method' object is not subscriptable|"
        r"for (?:[-+*/%]|//): 'builtin_function_or_method'",
        "In PyTorch, size is a method: x.size(-1) is the length of the last axis, x.shape[-1] is "
        "the same, and x.numel() is how many numbers there are.",
    ),
    (
        r"step must be greater than zero",
        "Tensors cannot be read backwards by [::-1]: x.flip(dim) does it.",
    ),
    # arrays among tensors
    (
        r"must be Tensor, not numpy\.ndarray|but got numpy\.ndarray|got \([^)]*numpy\.ndarray|"
        r"for .*: 'numpy\.ndarray' and 'Tensor'|Concatenation operation is not implemented",
        "One of the two is a NumPy array and the other a tensor: torch.from_numpy(a) makes a "
        "tensor of an array, x.numpy() an array of a tensor.",
    ),
    (
        r"[Cc]an't call numpy\(\) on Tensor that requires grad",
        "A NumPy function would cut the gradient off: stay in PyTorch, whose function mostly has "
        "the same name, or write x.detach() where no gradient is needed.",
    ),
    (
        r"must be Tensor, not (int|float)|expected Tensor .*but got (int|float)\b",
        "torch functions take tensors. For a single number use math, or torch.tensor(number).",
    ),
    # data types
    (
        r"masked_fill_? only supports boolean masks",
        "A mask consists of True and False: mask.bool(), or torch.ones(..., dtype=torch.bool), or "
        "a comparison such as x > 0.",
    ),
    (
        r"with a bool tensor is not supported|operator, on a bool tensor",
        "A mask of True and False is inverted by ~mask.",
    ),
    (
        r"can't be cast to the desired output type|could not infer output dtype|"
        r"not implemented for '(?:Long|Int|Bool)'",
        "These are integers, which hold no fractions: convert them first, x.float().",
    ),
    (
        r"expected target dtype to be Long|expected scalar type Long|"
        r"one of the following scalar types: Long",
        "Word ids and classes are 64-bit integers: x.long().",
    ),
    (
        r"expected scalar type|expected m1 and m2 to have the same dtype|must have the same dtype",
        "Both operands must have one data type: convert one of them, x.to(other.dtype).",
    ),
    (
        r"tensors used as indices must be long",
        "Indices are integers: x.long().",
    ),
    # shapes
    (
        r"must be tuple of ints|'float' object cannot be interpreted as an integer|"
        r"(?:view|reshape|expand)\(\) received .* got \([^)]*float|"
        r"integers? (?:is|are) required \(got type float\)",
        "Sizes are integers: divide them with //, since / makes a fraction.",
    ),
    (
        r"The shape of the mask \[|boolean index did not match",
        "x[mask] needs a mask with x's own shape. x.masked_fill(mask, value) and "
        "where(mask, value, x) repeat a smaller mask along the other axes.",
    ),
    (
        r"prob_dist must be 1 or 2 dim",
        "multinomial takes one row of probabilities per draw, (N, V): choose the position first.",
    ),
    (
        r"Sizes of tensors must match except in dimension|"
        r"array dimensions .* for the concatenation axis must match",
        "All axes but the one along which you join must be equally long. Unless you say another, "
        "that is axis 0: torch.cat((x, y), dim=1), np.concatenate((a, b), axis=1).",
    ),
    (
        r"zero-dimensional (?:tensor|arrays) .*cannot be concatenated",
        "A single number has no axis to be joined along: keep the axis, argmax(-1, keepdim=True), "
        "or add one, x[None].",
    ),
    (
        r"Expected target size \[|Expected input batch_size \(\d+\) to match target",
        "F.cross_entropy takes logits of shape (N, V) and N ids. From (B, T, V) and (B, T), "
        "logits.flatten(0, 1) and ids.flatten() make them.",
    ),
    (
        r"Target -?\d+ is out of bounds",
        "A target is the index of a column, from 0 to their number - 1. Among targets that are "
        "word ids, one that is no word (such as a padding) needs ignore_index.",
    ),
    (
        r"index -1 is out of bounds for dimension",
        "An id of -1 is no word but padding: leave such targets out before you look up their "
        "probabilities, or look up ids.clamp(min=0) and leave their losses out of the mean.",
    ),
    (
        r"Index tensor must have the same number of dimensions as (input|self)",
        "gather wants an index with as many axes as the tensor: index.unsqueeze(-1), and "
        "squeeze(-1) afterwards.",
    ),
    (
        r"Tensors must have same number of dimensions",
        "cat joins tensors with equally many axes: x[:, None] adds one.",
    ),
    (
        r"view size is not compatible with input tensor's size and stride",
        "After transpose or permute the numbers no longer lie in order: use reshape, which copies "
        "where it has to.",
    ),
    (
        r"only (integer|length-1|0-dimensional|one element)|"
        r"a Tensor with \d+ elements cannot be converted to Scalar|array of size 1 to a Python",
        "A single number is needed here, and this is an array of several. (The functions of math "
        "take one number; torch and np have the same for arrays.)",
    ),
    # gradients and chance
    (
        r"a leaf Variable that requires grad is being used in an in-place operation|"
        r"a view of a leaf Variable that requires grad",
        "Weights are changed in place under torch.no_grad() only; elsewhere make a new tensor, "
        "w = w - step.",
    ),
    (
        r"grad can be implicitly created only for scalar outputs",
        "backward starts from one number: take the mean or the sum of the loss first.",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "Nothing here leads back to a weight: .item(), .detach(), .numpy(), no_grad or "
        "torch.tensor(x) cuts the gradient off.",
    ),
    (
        r"probability tensor contains either",
        "Probabilities are finite and at least 0: these are logits, or something was divided by 0.",
    ),
    (
        r"The size of tensor a \(\d+\) must match|could not be broadcast together",
        "Shapes are aligned from the last axis, and only an axis of length 1 is repeated: "
        "x[:, None] adds one after the first.",
    ),
    (
        r"maximum recursion depth exceeded",
        "It calls itself too often: a loop with a list of what is still to do has no such limit.",
    ),
)


def habit(error: str, line: str = "", usual: Sequence[tuple[str, str]] = ()) -> str | None:
    """The sentence for an error, or None. error: "TypeError: message"; line: where it arose.

    usual: the errors of an exercise's usual mistakes, which are looked for first: (pattern, says).
    """
    for pattern, says in usual:
        if re.search(pattern, error):
            return f"Likely mistake: {says}"
    for pattern, says in _HABITS:
        if match := re.search(pattern, f"{error}\n{line}"):
            return says.format(*match.groups(default=""))
    return None


def returned_habit(kind: str, accepted: str) -> str:
    """What to say of a result of a wrong type, a sentence with a space before it, or "".

    kind: the result's type in full ("torch.return_types.max"). accepted: those that fit, in words.
    """
    if found := re.fullmatch(rf"torch\.return_types\.({TWO_RESULTS})", kind):
        return (
            f" In PyTorch, x.{found[1]}(dim) returns two tensors: .values is the first, and "
            ".indices, where they stand, is the second."
        )
    if kind == "numpy.ndarray" and "tensor" in accepted:
        return " torch.from_numpy(a) makes a tensor of a NumPy array."
    if kind == "torch.Tensor" and "array" in accepted:
        return " x.numpy() makes a NumPy array of a tensor."
    return ""
