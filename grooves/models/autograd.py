"""Reverse-mode automatic differentiation: every tensor records what it was computed from.

Key idea: each operation has one local rule, which turns the gradient of its result into the
gradients of its inputs. Go through the computation graph in reverse, multiply along each path and
add where paths meet: that is the gradient of one number with respect to everything that it was
computed from. Chapter 02. Enough for the network of chapter 01 and for a block of the transformer.
Source: Linnainmaa 1970; Rumelhart, Hinton & Williams 1986, doi:10.1038/323533a0.
"""

from __future__ import annotations

import numpy as np

IGNORED = -100  # a target with this value is left out of the loss, as in `grooves.language.corpora`


class Tensor:
    """An array that records how it was computed.

    data: numbers of any shape, kept as float64. parents: for each tensor it was computed from, a
    pair (tensor, local), where local(g) turns the gradient with respect to this result into the
    gradient with respect to that tensor. None for a leaf, which was not computed: a weight.
    After `backward`, `grad` has the shape of `data`; a second `backward` adds to it.
    Raises: TypeError where the data are not real floating-point numbers.
    """

    __array_ufunc__ = None  # for array + tensor, Python calls the tensor's method

    def __init__(self, data, parents=None):
        data = np.asarray(data)
        if data.dtype.kind != "f":
            raise TypeError(
                f"a Tensor of {data.dtype} has no gradient, because its values cannot change by a "
                "little: give floats, such as 1.0 for 1, and use integers as an index only"
            )
        self.data = data.astype(np.float64, copy=False)
        self.parents = [] if parents is None else [(p, f) for p, f in parents if p.needs_grad]
        self.needs_grad = parents is None or bool(self.parents)
        self.grad: np.ndarray | None = None

    def backward(self) -> None:
        """Add the gradient of this single number to the `grad` of every tensor in its graph.

        Raises: ValueError where this is more than one number, or depends on no weight.
        """
        if self.data.size != 1:
            raise ValueError(
                f"backward starts from one number, not from shape {self.shape}: "
                "take the sum or the mean first"
            )
        if not self.needs_grad:
            raise ValueError("backward from a constant reaches nothing: no weight was used in it")
        upstream = {self: np.ones_like(self.data)}
        for node in reversed(in_order(self)):
            g = upstream.pop(node)  # complete: all nodes that use this one have been visited
            node.grad = g.copy() if node.grad is None else node.grad + g
            for parent, local in node.parents:
                new = unbroadcast(local(g), parent.shape)
                upstream[parent] = upstream[parent] + new if parent in upstream else new

    # ---- operations: one line forward, and one line backward for each input ----------------------

    def __add__(self, other):
        other = constant_unless_tensor(other)
        out = fitting(np.add, self, other)
        return Tensor(out, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other):
        other = constant_unless_tensor(other)
        a, b = self.data, other.data
        out = fitting(np.multiply, self, other)
        return Tensor(out, [(self, lambda g: g * b), (other, lambda g: g * a)])

    def __truediv__(self, other):
        other = constant_unless_tensor(other)
        a, b = self.data, other.data
        out = fitting(np.divide, self, other)
        return Tensor(out, [(self, lambda g: g / b), (other, lambda g: -g * a / b**2)])

    def __pow__(self, exponent: float):
        if isinstance(exponent, Tensor):
            raise TypeError("the exponent must be a number: write x ** y as (x.log() * y).exp()")
        a, n = self.data, float(exponent)
        return Tensor(a**n, [(self, lambda g: g * (n * a ** (n - 1) if n else 0.0))])

    def __matmul__(self, other):
        other = constant_unless_tensor(other)
        a, b = self.data, other.data
        out = fitting(np.matmul, self, other)
        to_a = lambda g: np.matmul(g, b.swapaxes(-1, -2))  # noqa: E731
        to_b = lambda g: np.matmul(a.swapaxes(-1, -2), g)  # noqa: E731
        return Tensor(out, [(self, to_a), (other, to_b)])

    def exp(self):
        """e to the power of each number; its derivative is the result itself."""
        out = np.exp(self.data)
        return Tensor(out, [(self, lambda g: g * out)])

    def log(self):
        """Natural logarithm; its derivative is 1 over the number."""
        a = self.data
        return Tensor(np.log(a), [(self, lambda g: g / a)])

    def tanh(self):
        """Hyperbolic tangent; its derivative 1 - tanh² is close to 0 where tanh saturates."""
        out = np.tanh(self.data)
        return Tensor(out, [(self, lambda g: g * (1 - out**2))])

    def relu(self):
        """max(x, 0); the gradient passes where the input is positive."""
        a = self.data
        return Tensor(np.maximum(a, 0.0), [(self, lambda g: g * (a > 0))])

    def sum(self, axis=None, keepdims: bool = False):
        """Sum along axis (all where None), as in NumPy; each term gets the full gradient."""
        a = self.data
        full = np.sum(a, axis, keepdims=True).shape  # the shape of the result, with keepdims
        spread = lambda g: np.broadcast_to(g.reshape(full), a.shape)  # noqa: E731
        return Tensor(np.sum(a, axis, keepdims=keepdims), [(self, spread)])

    def reshape(self, *shape: int):
        """The same numbers in another shape."""
        before = self.shape
        return Tensor(self.data.reshape(shape), [(self, lambda g: g.reshape(before))])

    def transpose(self, *axes: int):
        """The axes in this order; reversed where none is given."""
        axes = axes or tuple(reversed(range(self.data.ndim)))
        back = np.argsort(axes)
        return Tensor(self.data.transpose(axes), [(self, lambda g: g.transpose(back))])

    def __getitem__(self, index):
        def scatter(g):
            out = np.zeros(shape)
            np.add.at(out, index, g)  # an element that was picked twice gets two contributions
            return out

        shape = self.shape
        return Tensor(self.data[index], [(self, scatter)])

    # ---- operations made of these ----------------------------------------------------------------

    def mean(self, axis=None, keepdims: bool = False):
        """Mean along axis (all where None), as in NumPy."""
        total = self.sum(axis, keepdims)
        return total * (total.data.size / self.data.size)

    def __neg__(self):
        return Tensor(-self.data, [(self, lambda g: -g)])

    def __sub__(self, other):
        return self + (-other if isinstance(other, Tensor) else -np.asarray(other, np.float64))

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return constant_unless_tensor(other) / self

    def __rmatmul__(self, other):
        return constant_unless_tensor(other) @ self

    __radd__, __rmul__ = __add__, __mul__

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the data."""
        return self.data.shape

    def __float__(self):
        return float(self.data.reshape(()))

    def __repr__(self):
        return f"Tensor({np.array2string(self.data, precision=4, prefix='Tensor(')})"


# ---- the graph -----------------------------------------------------------------------------------


def in_order(result: Tensor) -> list[Tensor]:
    """All tensors that `result` was computed from, each after its parents.

    Depth first with an explicit stack, because Python limits recursion to about a thousand calls.
    """
    order, seen, waiting = [], set(), [(result, False)]
    while waiting:
        node, parents_done = waiting.pop()
        if parents_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting.extend((parent, False) for parent, _ in node.parents)
    return order


def unbroadcast(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of an array of this shape that was broadcast to the shape of `g`.

    A number that was used a hundred times gets the sum of a hundred contributions.
    """
    if g.shape == shape:
        return g
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))  # axes that broadcasting put in front
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


def constant_unless_tensor(x) -> Tensor:
    """x as a tensor. Anything that is not one already is a constant and gets no gradient."""
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x, dtype=np.float64), parents=[])


def fitting(operation, a: Tensor, b: Tensor) -> np.ndarray:
    """operation(a, b) on the arrays. Raises: ValueError with the shapes where they do not fit."""
    if operation is np.matmul and min(a.data.ndim, b.data.ndim) < 2:
        raise ValueError(
            f"a matrix product needs matrices, not shapes {a.shape} and {b.shape}: "
            "reshape a vector to a matrix of one row"
        )
    try:
        return operation(a.data, b.data)
    except ValueError:
        raise ValueError(f"{operation.__name__}: {a.shape} does not fit {b.shape}") from None


# ---- functions of tensors ------------------------------------------------------------------------


def where(condition: np.ndarray, a, b) -> Tensor:
    """a where the condition holds, else b; a causal mask is where(mask, scores, -inf)."""
    a, b, condition = constant_unless_tensor(a), constant_unless_tensor(b), np.asarray(condition)
    to_a = lambda g: np.where(condition, g, 0.0)  # noqa: E731
    to_b = lambda g: np.where(condition, 0.0, g)  # noqa: E731
    return Tensor(np.where(condition, a.data, b.data), [(a, to_a), (b, to_b)])


def log_softmax(x: Tensor) -> Tensor:
    """Logarithm of the softmax along the last axis. Shape unchanged.

    The largest logit is subtracted first, so that no exponential overflows; the result is the same.
    """
    x = x - x.data.max(axis=-1, keepdims=True)
    return x - x.exp().sum(axis=-1, keepdims=True).log()


def softmax(x: Tensor) -> Tensor:
    """Probabilities along the last axis: positive, with sum 1. Shape unchanged."""
    e = (x - x.data.max(axis=-1, keepdims=True)).exp()
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(logits: Tensor, targets: np.ndarray) -> Tensor:
    """Mean negative log-likelihood of the targets, in nats; IGNORED targets are left out.

    logits: (..., K). targets: (...), integers.

    Raises: ValueError for a target that is no class, for shapes that differ, or for no targets.
    """
    targets = np.asarray(targets)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets of shape {targets.shape} do not fit logits of {logits.shape}")
    counted = np.nonzero(targets != IGNORED)
    chosen, n_classes = targets[counted], logits.shape[-1]
    if not chosen.size:
        raise ValueError("every target is ignored, so there is no loss")
    if chosen.min() < 0 or chosen.max() >= n_classes:
        raise ValueError(
            f"targets from {chosen.min()} to {chosen.max()} do not fit classes 0 to {n_classes - 1}"
        )
    return -log_softmax(logits)[(*counted, chosen)].mean()


def finite_differences(function, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences: the gradient of function(x), one number, in the shape of x.

    Two evaluations for each number of x. A check for `backward`, since it shares no code with it.
    """
    x = np.array(x, dtype=np.float64)
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        slopes[place] = (float(function(up)) - float(function(down))) / (2 * step)
    return slopes
