"""Answers to lab 02, back propagation: right ones in several ways, wrong ones named by mistake, and
rare wrong ones that a check refuses without naming their mistake."""

import functools
import itertools
import math
from collections import Counter, defaultdict, deque

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers, near
from scipy.optimize import approx_fprime

from grooves.models import autograd, layers
from grooves.training import gradient_descent

ORDER = ("pairs", "no_tensors", "strangers", "twice", "no_result", "leaves_only", "no_leaves")
MORE_ORDER = ("missing", "backwards", "by_distance", "too_early", "every_path", "recursion")
STILL_MORE = ("first_parent", "by_value", "marked_too_early", "wrong_order", "changed_graph")
PLAIN = ("by_differences", "rounding_left", "one_array")
ANSWERS = Answers(
    "02_back_propagation",
    needs={
        "network_backward": [
            *(f"{name}-answer" for name in ("unbroadcast", "matmul_backward", "loss_backward")),
            "relu",
        ],
        "backward": ["unbroadcast-answer", "in_order-answer"],
        "mended": ["loss_backward-answer", "broken"],
    },
    trains=("mended", "recipe"),
    plain_hints=("how_many", "changed_input", "keys", *PLAIN, *ORDER, *MORE_ORDER, *STILL_MORE),
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- unbroadcast -----------------------------------------------------------------------------


@right("unbroadcast", "one axis after the other")
def _(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis=i, keepdims=True)
    return g


@right("unbroadcast", "place by place")
def _(g, shape):
    found = np.zeros(shape)
    for place in np.ndindex(g.shape):
        kept = place[g.ndim - len(shape) :]
        found[tuple(0 if n == 1 else i for i, n in zip(kept, shape, strict=True))] += g[place]
    return found


@right("unbroadcast", "one sum, then a reshape, in single precision")
def _(g, shape):
    wide = (1,) * (g.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i, (n, m) in enumerate(zip(g.shape, wide, strict=True)) if n != m)
    return g.astype("f4").sum(axis=axes).reshape(shape)


@wrong("unbroadcast", "averaged")
def _(g, shape):
    while g.ndim > len(shape):
        g = g.mean(axis=0)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.mean(axis=i, keepdims=True)
    return g


@wrong("unbroadcast", "largest")
def _(g, shape):
    while g.ndim > len(shape):
        g = g.max(axis=0)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.max(axis=i, keepdims=True)
    return g


@wrong("unbroadcast", "unchanged")
def _(g, shape):
    return g


@wrong("unbroadcast", "first_only")
def _(g, shape):
    while g.ndim > len(shape):
        g = g[0]
    for i, n in enumerate(shape):
        if n == 1:
            g = np.take(g, [0], axis=i)
    return g


@wrong("unbroadcast", "axis_kept")
def _(g, shape):
    wide = (1,) * (g.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i, n in enumerate(wide) if n == 1)
    return g.sum(axis=axes, keepdims=True)


@wrong("unbroadcast", "ones_lost")
def _(g, shape):
    wide = (1,) * (g.ndim - len(shape)) + tuple(shape)
    return g.sum(axis=tuple(i for i, n in enumerate(wide) if n == 1))


@wrong("unbroadcast", "front_only")
def _(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    return g


@wrong("unbroadcast", "first_axis_always")
def _(g, shape):
    return g.sum(axis=0)


@wrong("unbroadcast", "all_summed")
def _(g, shape):
    return g.sum()


@wrong("unbroadcast", "changed_input")
def _(g, shape):
    before, g_ = g.copy(), g
    for _ in range(before.ndim - len(shape)):
        before = before.sum(axis=0)
    g_ *= 0
    return before.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


@wrong("unbroadcast", "one_axis_in_front")
def _(g, shape):
    g = g.sum(axis=0) if g.ndim > len(shape) else g
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


@wrong("unbroadcast", "course_code")
def _(g, shape):
    return autograd.unbroadcast(g, shape)


@wrong("unbroadcast", "unrecognised")
def _(g, shape):
    return np.full(shape, abs(g).sum())


# ---- matmul_backward -------------------------------------------------------------------------


@right("matmul_backward", "einsum")
def _(x, W, g):
    return np.einsum("bo,io->bi", g, W), np.einsum("bi,bo->io", x, g)


@right("matmul_backward", "picture by picture")
def _(x, W, g):
    to_x, to_W = np.zeros(x.shape), np.zeros(W.shape)
    for row, (picture, upstream) in enumerate(zip(x, g, strict=True)):
        to_x[row] = W @ upstream
        to_W += np.outer(picture, upstream)
    return to_x, to_W


@right("matmul_backward", "on the other side, in single precision, as a list")
def _(x, W, g):
    x, W, g = (part.astype("f4") for part in (x, W, g))
    return [(W @ g.T).T, (g.T @ x).T]


@wrong("matmul_backward", "W_not_transposed")
def _(x, W, g):
    return g @ W, x.T @ g


@wrong("matmul_backward", "x_not_transposed")
def _(x, W, g):
    return g @ W.T, x @ g


@wrong("matmul_backward", "none_transposed")
def _(x, W, g):
    return g @ W, x @ g


@wrong("matmul_backward", "wrong_side")
def _(x, W, g):
    return W.T @ g, g @ x.T


@wrong("matmul_backward", "transposed_results")
def _(x, W, g):
    return W @ g.T, g.T @ x


@wrong("matmul_backward", "exchanged")
def _(x, W, g):
    return x.T @ g, g @ W.T


@wrong("matmul_backward", "averaged")
def _(x, W, g):
    return g @ W.T, x.T @ g / len(g)


@wrong("matmul_backward", "g_unused")
def _(x, W, g):
    return np.tile(W.sum(axis=1), (len(x), 1)), np.tile(x.sum(axis=0), (W.shape[1], 1)).T


@wrong("matmul_backward", "element_by_element")
def _(x, W, g):
    return g * W, g * x


@wrong("matmul_backward", "last_kept")
def _(x, W, g):
    to_x, to_W = np.zeros(x.shape), np.zeros(W.shape)
    for b, i, o in itertools.product(*map(range, (*x.shape, W.shape[1]))):
        to_x[b, i], to_W[i, o] = g[b, o] * W[i, o], g[b, o] * x[b, i]
    return to_x, to_W


@wrong("matmul_backward", "not_summed")
def _(x, W, g):
    return g @ W.T, x[:, :, None] * g[:, None, :]


@wrong("matmul_backward", "how_many")
def _(x, W, g):
    return x.T @ g, g @ W.T, g.sum(axis=0)


@wrong("matmul_backward", "course_code")
def _(x, W, g):
    x, W = autograd.Tensor(x), autograd.Tensor(W)
    ((x @ W) * g).sum().backward()
    return x.grad, W.grad


@wrong("matmul_backward", "unrecognised")
def _(x, W, g):
    return g @ abs(W).T, x.T @ g


# ---- loss_backward ---------------------------------------------------------------------------


def softmax_of(logits):
    return layers.softmax(logits)


def one_hot(labels, logits):
    return (np.arange(logits.shape[-1]) == labels[:, None]).astype(float)


@right("loss_backward", "one-hot labels, and a softmax of one's own")
def _(logits, labels):
    e = np.exp(logits - logits.max(axis=1)[:, None])
    return (e / e.sum(axis=1)[:, None] - one_hot(labels, logits)) / len(labels)


@right("loss_backward", "picture by picture, as lists")
def _(logits, labels):
    rows = []
    for z, k in zip(logits, labels, strict=True):
        powers = [math.exp(value - max(z)) for value in z]
        rows.append([(p / sum(powers) - (j == k)) / len(labels) for j, p in enumerate(powers)])
    return rows


@right("loss_backward", "through the logarithm, in place on a copy")
def _(logits, labels):
    logits = np.array(logits, dtype=float)
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    g = np.exp(logits)
    g[range(len(labels)), labels] -= 1
    return g / len(labels)


@wrong("loss_backward", "not_averaged")
def _(logits, labels):
    return softmax_of(logits) - one_hot(labels, logits)


@wrong("loss_backward", "averaged_twice")
def _(logits, labels):
    return (softmax_of(logits) - one_hot(labels, logits)) / len(labels) ** 2


@wrong("loss_backward", "over_all_numbers")
def _(logits, labels):
    return (softmax_of(logits) - one_hot(labels, logits)) / logits.size


@rare("loss_backward", "over classes")
def _(logits, labels):
    return (softmax_of(logits) - one_hot(labels, logits)) / logits.shape[1]


@wrong("loss_backward", "wrong_sign")
def _(logits, labels):
    return (one_hot(labels, logits) - softmax_of(logits)) / len(labels)


@wrong("loss_backward", "probabilities_only")
def _(logits, labels):
    return softmax_of(logits) / len(labels)


@wrong("loss_backward", "right_class_only")
def _(logits, labels):
    g, rows = np.zeros(logits.shape), np.arange(len(labels))
    g[rows, labels] = softmax_of(logits)[rows, labels] - 1
    return g / len(labels)


@wrong("loss_backward", "all_labels_in_each_row")
def _(logits, labels):
    g = softmax_of(logits)
    g[:, labels] -= 1
    return g / len(labels)


@wrong("loss_backward", "gradient_of_probabilities")
def _(logits, labels):
    g, rows = np.zeros(logits.shape), np.arange(len(labels))
    g[rows, labels] = -1 / softmax_of(logits)[rows, labels]
    return g / len(labels)


@wrong("loss_backward", "wrong_axis")
def _(logits, labels):
    return (softmax_of(logits.T).T - one_hot(labels, logits)) / len(labels)


@wrong("loss_backward", "no_shift")
def _(logits, labels):
    e = np.exp(logits)
    return (e / e.sum(axis=1, keepdims=True) - one_hot(labels, logits)) / len(labels)


@rare("loss_backward", "one maximum for all", "shift_by_another")
def _(logits, labels):
    e = np.exp(logits - logits.max())
    return (e / e.sum(axis=1, keepdims=True) - one_hot(labels, logits)) / len(labels)


@wrong("loss_backward", "shift_by_another")
def _(logits, labels):
    e = np.exp(logits - logits[:, :1])
    return (e / e.sum(axis=1, keepdims=True) - one_hot(labels, logits)) / len(labels)


@wrong("loss_backward", "rounded")
def _(logits, labels):
    p = np.clip(softmax_of(logits), 1e-7, 1 - 1e-7)
    return (p - one_hot(labels, logits)) / len(labels)


@wrong("loss_backward", "by_differences")
def _(logits, labels):
    g = np.zeros(logits.shape)
    for place in np.ndindex(g.shape):
        up, down = logits.copy(), logits.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        g[place] = layers.cross_entropy(up, labels) - layers.cross_entropy(down, labels)
    return g / 2e-5


@wrong("loss_backward", "course_code")
def _(logits, labels):
    logits = autograd.Tensor(logits)
    autograd.cross_entropy(logits, labels).backward()
    return logits.grad


@wrong("loss_backward", "ready_made")
def _(logits, labels):
    logits = torch.tensor(logits, requires_grad=True)
    F.cross_entropy(logits, torch.tensor(labels)).backward()
    return logits.grad


@wrong("loss_backward", "unrecognised")
def _(logits, labels):
    return (softmax_of(logits) - one_hot(labels, logits)) ** 2 / len(labels)


# ---- network_backward ------------------------------------------------------------------------


def back(
    x, labels, W1, b1, W2, b2, *, mask=None, relu=True, loss=None, transposed=True, h_for_W2=None
):
    """The gradients, with places to go wrong."""
    z = x @ W1 + b1
    h = layers.relu(z) if relu else z
    g = (loss or loss_gradient)(h @ W2 + b2, labels)
    to_h = g @ (W2.T if transposed else W2)
    to_z = to_h * (z > 0 if mask is None else mask(z, to_h))
    return [x.T @ to_z, to_z.sum(0), (h if h_for_W2 is None else h_for_W2(z)).T @ g, g.sum(0)]


def loss_gradient(logits, labels):
    return (softmax_of(logits) - one_hot(labels, logits)) / len(labels)


@right("network_backward", "in one go")
def _(x, labels, W1, b1, W2, b2):
    return back(x, labels, W1, b1, W2, b2)


@right("network_backward", "the biases as weights of a 1, in single precision")
def _(x, labels, *parameters):
    W1, b1, W2, b2 = (p.astype("f4") for p in parameters)
    x1 = np.c_[x, np.ones(len(x))]
    h = np.maximum(x1 @ np.r_[W1, b1[None]], 0)
    h1 = np.c_[h, np.ones(len(x))]
    g = loss_gradient(h1 @ np.r_[W2, b2[None]], labels)
    second, first = h1.T @ g, x1.T @ (g @ W2.T * (h > 0))
    return first[:-1], first[-1], second[:-1], second[-1]


@right("network_backward", "picture by picture, added up")
def _(x, labels, W1, b1, W2, b2):
    parts = [back(x[i : i + 1], labels[i : i + 1], W1, b1, W2, b2) for i in range(len(x))]
    return tuple(sum(each) / len(x) for each in zip(*parts, strict=True))


@wrong("network_backward", "by_differences")
def _(x, labels, *parameters):
    found = []
    for i, p in enumerate(parameters):
        g = np.zeros(p.shape)
        for place in np.ndindex(p.shape):
            values = []
            for move in (1e-5, -1e-5):
                q = [part.copy() for part in parameters]
                q[i][place] += move
                z = np.maximum(x @ q[0] + q[1], 0) @ q[2] + q[3]
                values.append(layers.cross_entropy(z, labels))
            g[place] = (values[0] - values[1]) / 2e-5
        found.append(g)
    return found


@rare("network_backward", "slope at zero")
def _(*inputs):
    return back(*inputs, mask=lambda z, g: z >= 0)


@wrong("network_backward", "no_mask")
def _(*inputs):
    return back(*inputs, mask=lambda z, g: 1)


@rare("network_backward", "mask of the gradient")
def _(*inputs):
    return back(*inputs, mask=lambda z, g: g > 0)


@rare("network_backward", "no activation at all")
def _(*inputs):
    return back(*inputs, relu=False, mask=lambda z, g: 1)


@wrong("network_backward", "z_for_hidden")
def _(*inputs):
    return back(*inputs, h_for_W2=lambda z: z)


@wrong("network_backward", "biases_averaged")
def _(*inputs):
    W1, b1, W2, b2 = back(*inputs)
    return W1, b1 / len(inputs[0]), W2, b2 / len(inputs[0])


@wrong("network_backward", "biases_per_picture")
def _(x, labels, W1, b1, W2, b2):
    g = loss_gradient(layers.relu(x @ W1 + b1) @ W2 + b2, labels)
    to_z = g @ W2.T * (x @ W1 + b1 > 0)
    return x.T @ to_z, to_z, layers.relu(x @ W1 + b1).T @ g, g


@wrong("network_backward", "not_averaged")
def _(*inputs):
    return back(*inputs, loss=lambda z, y: softmax_of(z) - one_hot(y, z))


@wrong("network_backward", "averaged_twice")
def _(*inputs):
    return back(*inputs, loss=lambda z, y: loss_gradient(z, y) / len(y))


@wrong("network_backward", "wrong_sign")
def _(*inputs):
    return back(*inputs, loss=lambda z, y: -loss_gradient(z, y))


@wrong("network_backward", "wrong_order")
def _(*inputs):
    W1, b1, W2, b2 = back(*inputs)
    return W2, b2, W1, b1


@wrong("network_backward", "W2_not_transposed")
def _(*inputs):
    return back(*inputs, transposed=False)


@rare("network_backward", "weights, then biases", "wrong_order")
def _(*inputs):
    W1, b1, W2, b2 = back(*inputs)
    return W1, W2, b1, b2


@wrong("network_backward", "relu_swapped")
def _(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    g = loss_gradient(layers.relu(z) @ W2 + b2, labels)
    to_z = z * (g @ W2.T > 0)
    return x.T @ to_z, to_z.sum(0), layers.relu(z).T @ g, g.sum(0)


@wrong("network_backward", "b2_forgotten")
def _(x, labels, W1, b1, W2, b2):
    return back(x, labels, W1, b1, W2, 0 * b2)


@wrong("network_backward", "softmax_before")
def _(*inputs):
    return back(*inputs, loss=lambda z, y: loss_gradient(softmax_of(z), y))


@wrong("network_backward", "how_many")
def _(*inputs):
    W1, _, W2, _ = back(*inputs)
    return W1, W2


@wrong("network_backward", "course_code")
def _(x, labels, *parameters):
    learned = [autograd.Tensor(p) for p in parameters]
    autograd.cross_entropy(gradient_descent.logits(learned, x), labels).backward()
    return [p.grad for p in learned]


@wrong("network_backward", "unrecognised")
def _(*inputs):
    W1, b1, W2, b2 = back(*inputs)
    return W1, b1, W2, b2**2


# ---- in_order --------------------------------------------------------------------------------


def parents_of(node):
    return [parent for parent, local in node.parents]


def everything(result):
    found, waiting = {result}, [result]
    while waiting:
        for parent in parents_of(waiting.pop()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


@right("in_order", "count the parents that are missing (Kahn 1962), as a tuple")
def _(result):
    children, waits = defaultdict(list), Counter()
    for node in everything(result):
        for parent in set(parents_of(node)):
            children[parent].append(node)
            waits[node] += 1
    ready, order = deque(n for n in everything(result) if not waits[n]), []
    while ready:
        node = ready.popleft()
        order.append(node)
        for child in children[node]:
            waits[child] -= 1
            if not waits[child]:
                ready.append(child)
    return tuple(order)


@right("in_order", "an iterator for each open tensor")
def _(result):
    order, seen, open_ = [], {result}, [(result, iter(parents_of(result)))]
    while open_:
        node, left = open_[-1]
        parent = next((p for p in left if p not in seen), None)
        if parent is None:
            order.append(node)
            open_.pop()
        else:
            seen.add(parent)
            open_.append((parent, iter(parents_of(parent))))
    return order


@right("in_order", "from the end: a tensor comes once all its gradient has been passed on")
def _(result):
    uses = Counter(parent for node in everything(result) for parent in parents_of(node))
    done, order = [result], []
    while done:
        node = done.pop()
        order.append(node)
        for parent in parents_of(node):
            uses[parent] -= 1
            if not uses[parent]:
                done.append(parent)
    return order[::-1]


def by_recursion(result, remember=True):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            if remember:
                seen.add(node)
            for parent in parents_of(node):
                visit(parent)
            order.append(node)

    visit(result)
    return order


def by_meeting(result, last):
    met, waiting = [result], deque([result])
    while waiting:
        for parent in parents_of(waiting.pop() if last else waiting.popleft()):
            if parent not in met:
                met.append(parent)
                waiting.append(parent)
    return met


@wrong("in_order", "recursion")
def _(result):
    return by_recursion(result)


@wrong("in_order", "twice")
def _(result):
    return by_recursion(result, remember=False)


@wrong("in_order", "every_path")
def _(result):
    return list(dict.fromkeys(by_recursion(result, remember=False)))


@wrong("in_order", "backwards")
def _(result):
    return by_recursion(result)[::-1]


@wrong("in_order", "by_distance")
def _(result):
    return by_meeting(result, last=False)[::-1]


@wrong("in_order", "too_early")
def _(result):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            order.append(node)
            for parent in parents_of(node):
                visit(parent)

    visit(result)
    return [*order[1:], result]


@wrong("in_order", "no_result")
def _(result):
    return by_recursion(result)[:-1]


@wrong("in_order", "leaves_only")
def _(result):
    return [node for node in by_recursion(result) if not node.parents]


@wrong("in_order", "no_leaves")
def _(result):
    return [node for node in by_recursion(result) if node.parents]


@wrong("in_order", "missing")
def _(result):
    return [*parents_of(result), result]


@wrong("in_order", "first_parent")
def _(result):
    order = [result]
    while order[-1].parents:
        order.append(parents_of(order[-1])[0])
    return order[::-1]


@wrong("in_order", "by_value")
def _(result):
    order, seen = [], set()

    def visit(node):
        if float(node) not in seen:
            seen.add(float(node))
            for parent in parents_of(node):
                visit(parent)
            order.append(node)

    visit(result)
    return order


@wrong("in_order", "marked_too_early")
def _(result):
    order, seen, waiting = [], {result}, [(result, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            order.append(node)
            continue
        waiting.append((node, True))
        for parent in parents_of(node):
            if parent not in seen:
                seen.add(parent)
                waiting.append((parent, False))
    return order


@wrong("in_order", "wrong_order")
def _(result):
    met = by_meeting(result, last=False)[::-1]
    return [n for n in met if not n.parents] + [n for n in met if n.parents]


@wrong("in_order", "remembers")
def _(result, seen=set()):  # noqa: B006
    order = [node for node in by_recursion(result) if node not in seen]
    seen.update(order)
    return order


@wrong("in_order", "changed_graph")
def _(result):
    order = by_recursion(result)
    for node in order:
        node.parents = node.parents[:1]
    return order


@wrong("in_order", "pairs")
def _(result):
    order = []

    def visit(pair):
        for each in pair[0].parents:
            visit(each)
        order.append(pair)

    visit((result, None))
    return order


@wrong("in_order", "no_tensors")
def _(result):
    return [float(node.data) for node in by_recursion(result)]


@wrong("in_order", "strangers")
def _(result):
    return [*by_recursion(result)[:-1], autograd.Tensor(result.data)]


@wrong("in_order", "course_code")
def _(result):
    return autograd.in_order(result)


# ---- backward --------------------------------------------------------------------------------


def narrow(g, shape):
    """The gradient of what was broadcast."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


def walk(result, meet=np.add, start=None, arrive=narrow, chain=True, order=None):
    found = {result: np.ones(result.shape) if start is None else start(result)}
    for node in by_recursion(result)[::-1] if order is None else order(result):
        for parent, local in node.parents:
            g = found[node] if chain else np.ones(node.shape)
            share = arrive(np.asarray(local(g)), parent.shape)
            found[parent] = meet(found[parent], share) if parent in found else share
    return found


@right("backward", "zeros to begin with")
def _(result):
    order = by_recursion(result)
    found = {node: np.zeros(node.shape) for node in order}
    found[result] = np.ones(result.shape)
    for node in order[::-1]:
        for parent, local in node.parents:
            found[parent] += narrow(np.asarray(local(found[node])), parent.shape)
    return found


@right("backward", "each tensor reads the gradients of those that used it")
def _(result):
    users = defaultdict(list)
    for node in by_recursion(result):
        for parent, local in node.parents:
            users[parent].append((node, local))
    found = {result: np.ones(result.shape)}

    def gradient(node):
        if node not in found:
            shares = [np.asarray(local(gradient(user))) for user, local in users[node]]
            found[node] = sum(narrow(share, node.shape) for share in shares)
        return found[node]

    return {node: gradient(node) for node in by_recursion(result)}


@right("backward", "single precision, the order from the end, pair by pair")
def _(result):
    found = {node: np.zeros(node.shape, "f4") for node in everything(result)}
    found[result] = np.ones(result.shape, "f4")
    pairs = [(node, *pair) for node in by_recursion(result)[::-1] for pair in node.parents]
    for node, parent, local in pairs:
        found[parent] = (
            found[parent] + narrow(np.asarray(local(found[node])), parent.shape)
        ).astype("f4")
    return found


@wrong("backward", "every_path")
def _(result):
    found = defaultdict(float)

    def go(node, g):
        found[node] = (found[node] + g).astype("f4")
        for parent, local in node.parents:
            go(parent, narrow(np.asarray(local(g)), parent.shape))

    go(result, np.ones(result.shape))
    return found


@wrong("backward", "overwritten")
def _(result):
    return walk(result, meet=lambda old, new: new)


@wrong("backward", "first_kept")
def _(result):
    return walk(result, meet=lambda old, new: old)


@wrong("backward", "averaged")
def _(result):
    shares, found = defaultdict(list, {result: [np.ones(result.shape)]}), {}
    for node in by_recursion(result)[::-1]:
        found[node] = np.mean(shares[node], axis=0)
        for parent, local in node.parents:
            shares[parent].append(narrow(np.asarray(local(found[node])), parent.shape))
    return found


@wrong("backward", "one_of_two_uses")
def _(result):
    found = {result: np.ones(result.shape)}
    for node in by_recursion(result)[::-1]:
        for parent, local in dict(node.parents).items():
            share = narrow(np.asarray(local(found[node])), parent.shape)
            found[parent] = found[parent] + share if parent in found else share
    return found


@wrong("backward", "remembers")
def _(result, found={}):  # noqa: B006
    found.update(walk(result))
    return dict(found)


@wrong("backward", "changed_graph")
def _(result):
    found = walk(result)
    result.parents = []
    return found


@wrong("backward", "incomplete")
def _(result):
    return walk(result, order=lambda r: by_meeting(r, last=False))


@wrong("backward", "passed_on_again")
def _(result):
    found = {node: np.zeros(node.shape) for node in by_recursion(result)}
    found[result] = np.ones(result.shape)

    def go(node):
        for parent, local in node.parents[::-1]:
            found[parent] = found[parent] + narrow(np.asarray(local(found[node])), parent.shape)
        for parent, _ in node.parents[::-1]:
            go(parent)

    go(result)
    return found


@wrong("backward", "aliased")
def _(result):
    found = {result: np.ones(result.shape)}
    for node in by_recursion(result)[::-1]:
        for parent, local in node.parents:
            share = local(found[node])
            if share.shape != parent.shape:
                share = narrow(share, parent.shape)
            if parent in found:
                found[parent] += share
            else:
                found[parent] = share
    return found


@wrong("backward", "wrong_end")
def _(result):
    return walk(result, order=by_recursion)


@wrong("backward", "own_value_first")
def _(result):
    return walk(result, start=lambda r: r.data)


@wrong("backward", "g_unused")
def _(result):
    return walk(result, chain=False)


@wrong("backward", "not_unbroadcast")
def _(result):
    return walk(result, arrive=lambda g, shape: g)


@wrong("backward", "first_twice")
def _(result):
    found = {result: np.ones(result.shape)}
    for node in by_recursion(result)[::-1]:
        for parent, local in node.parents:
            share = narrow(np.asarray(local(found[node])), parent.shape)
            found.setdefault(parent, share)
            found[parent] = found[parent] + share
    return found


@wrong("backward", "keys")
def _(result):
    return {id(node): g for node, g in walk(result).items()}


@wrong("backward", "no_result")
def _(result):
    return {node: g for node, g in walk(result).items() if node is not result}


@wrong("backward", "missing")
def _(result):
    return {node: g for node, g in walk(result).items() if not node.parents or node is result}


@wrong("backward", "course_code")
def _(result):
    result.backward()
    return {node: node.grad for node in everything(result)}


@wrong("backward", "unrecognised")
def _(result):
    return {node: g if node is result else abs(g) + 1 for node, g in walk(result).items()}


# ---- gradient_error --------------------------------------------------------------------------


def measured(f, x, step=1e-5, sides=2, put_back=True, width=2):
    """Slopes by differences, with places to go wrong."""
    n, moved = np.zeros(x.shape), x.astype(float)
    for place in np.ndindex(x.shape):
        if put_back:
            moved = x.astype(float)
        moved[place] += step
        up = f(moved.copy())
        moved[place] -= step if sides == 1 else 2 * step
        down = f(moved.copy())
        n[place] = (up - down) / (step if sides == 1 else width * step)
    return n


def length(a):
    return math.sqrt((a**2).sum())


def error(n, g):
    return length(g - n) / (length(g) + length(n)) if length(g) + length(n) else 0.0


@right("gradient_error", "a copy that is moved, a smaller step, in plain Python")
def _(f, x, gradient):
    return float(error(measured(f, x, step=1e-6), gradient))


@right("gradient_error", "in place, and put back; the fourth-order formula")
def _(f, x, gradient):
    x = np.array(x, dtype=float)
    flat, slopes = x.ravel(), []  # the same memory
    for i in range(flat.size):
        kept, h = flat[i], 1e-4
        values = []
        for k in (-2, -1, 1, 2):
            flat[i] = kept + k * h
            values.append(f(x))
        flat[i] = kept
        slopes.append(np.dot(values, [1, -8, 8, -1]) / (12 * h))
    slopes = np.reshape(slopes, x.shape)
    both = np.linalg.norm(slopes.ravel()) + np.linalg.norm(gradient.ravel())
    return np.array([np.linalg.norm((slopes - gradient).ravel()) / both if both else 0])


@right("gradient_error", "a row of an identity for each move")
def _(f, x, gradient):
    moves = np.eye(x.size).reshape(-1, *x.shape) * 2e-5
    n = np.array([f(x + m) - f(x - m) for m in moves]).reshape(x.shape) / 4e-5
    return length(n - gradient) / max(length(n) + length(gradient), 1e-300)


@wrong("gradient_error", "one_side")
def _(f, x, gradient):
    return error(measured(f, x, sides=1), gradient)


@wrong("gradient_error", "step_too_large")
def _(f, x, gradient):
    return error(measured(f, x, step=0.01), gradient)


@wrong("gradient_error", "step_too_small")
def _(f, x, gradient):
    return error(measured(f, x, step=1e-12), gradient)


@wrong("gradient_error", "not_restored")
def _(f, x, gradient):
    return error(measured(f, x, put_back=False), gradient)


@wrong("gradient_error", "whole_row")
def _(f, x, gradient):
    n = np.zeros(x.shape)
    for i in range(len(x)):
        up, down = x.copy(), x.copy()
        up[i] += 1e-5
        down[i] -= 1e-5
        n[i] = (f(up) - f(down)) / 2e-5
    return error(n, gradient)


@wrong("gradient_error", "one_array")
def _(f, x, gradient):
    n = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        up, down = x, x
        up[place] += 1e-5
        down[place] -= 1e-5
        n[place] = (f(up) - f(down)) / 2e-5
    return error(n, gradient)


@wrong("gradient_error", "rounding_left")
def _(f, x, gradient):
    n = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        x[place] += 1e-5
        up = f(x)
        x[place] -= 2e-5
        n[place] = (up - f(x)) / 2e-5
        x[place] += 1e-5
    return error(n, gradient)


@wrong("gradient_error", "all_at_once")
def _(f, x, gradient):
    slope = (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
    return error(np.full(x.shape, slope), gradient)


@wrong("gradient_error", "not_all_numbers")
def _(f, x, gradient):
    n = np.zeros(x.shape)
    for i in range(1):
        move = np.zeros(x.shape)
        move.ravel()[i] = 1e-5
        n.ravel()[i] = (f(x + move) - f(x - move)) / 2e-5
    return error(n, gradient)


@wrong("gradient_error", "single_precision")
def _(f, x, gradient):
    moved, n = x.astype("f4"), np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        move = np.zeros(x.shape, "f4")
        move[place] = 1e-5
        n[place] = (f(moved + move) - f(moved - move)) / 2e-5
    return error(n, gradient)


@wrong("gradient_error", "integers")
def _(f, x, gradient):
    n = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        move = np.zeros_like(x)
        move[place] = 1e-5
        n[place] = (f(x + move) - f(x - move)) / 2e-5
    return error(n, gradient)


@wrong("gradient_error", "wrong_point")
def _(f, x, gradient):
    return error(measured(f, x.ravel().astype(float)), gradient.ravel())


@wrong("gradient_error", "one_length_is_zero")
def _(f, x, gradient):
    n = measured(f, x)
    return error(n, gradient) if n.any() else 0.0


@wrong("gradient_error", "other_norm")
def _(f, x, gradient):
    n = measured(f, x)
    both = abs(n).max() + abs(gradient).max()
    return abs(n - gradient).max() / both if both else 0.0


@wrong("gradient_error", "half_or_double")
def _(f, x, gradient):
    return error(measured(f, x, width=1), gradient)


@wrong("gradient_error", "never_called")
def _(f, x, gradient):
    return error(x, gradient)


@wrong("gradient_error", "not_one_number")
def _(f, x, gradient):
    n = measured(f, x)
    return abs(n - gradient) / (abs(n) + abs(gradient))


@wrong("gradient_error", "changed_input")
def _(f, x, gradient):
    found = error(measured(f, x), gradient)
    x += 1e-5
    return found


@wrong("gradient_error", "zero_by_zero")
def _(f, x, gradient):
    n = measured(f, x)
    return np.float64(length(gradient - n)) / (length(gradient) + length(n))


@wrong("gradient_error", "not_relative")
def _(f, x, gradient):
    return length(measured(f, x, step=1e-6) - gradient) if gradient.any() else 0.0


@wrong("gradient_error", "one_length")
def _(f, x, gradient):
    n = measured(f, x)
    return length(n - gradient) / length(n) if n.any() else 0.0


@rare("gradient_error", "over one claimed", "one_length")
def _(f, x, gradient):
    return length(measured(f, x) - gradient) / length(gradient) if gradient.any() else 0.0


@wrong("gradient_error", "over_larger")
def _(f, x, gradient):
    n = measured(f, x)
    return length(n - gradient) / max(length(n), length(gradient), 1e-300)


@wrong("gradient_error", "squared_lengths")
def _(f, x, gradient):
    n = measured(f, x)
    return ((n - gradient) ** 2).sum() / max((n**2).sum() + (gradient**2).sum(), 1e-300)


@rare("gradient_error", "lengths compared")
def _(f, x, gradient):
    n = measured(f, x)
    return abs(length(n) - length(gradient)) / max(length(n) + length(gradient), 1e-300)


@rare("gradient_error", "not absolute")
def _(f, x, gradient):
    n = measured(f, x)
    return (gradient - n).sum() / max(abs(gradient).sum() + abs(n).sum(), 1e-300)


@wrong("gradient_error", "element_by_element")
def _(f, x, gradient):
    n = measured(f, x)
    return np.mean(abs(gradient - n) / np.maximum(abs(gradient) + abs(n), 1e-300))


@rare("gradient_error", "place by place largest", "element_by_element")
def _(f, x, gradient):
    n = measured(f, x)
    return np.max(abs(gradient - n) / np.maximum(abs(gradient) + abs(n), 1e-300))


@rare("gradient_error", "absolute values", "other_norm")
def _(f, x, gradient):
    n = measured(f, x)
    return abs(gradient - n).sum() / max((abs(gradient) + abs(n)).sum(), 1e-300)


@wrong("gradient_error", "spectral_norm")
def _(f, x, gradient):
    def largest(a):
        return np.linalg.norm(a, 2) if a.ndim == 2 else length(a)

    n = measured(f, x)
    return largest(gradient - n) / max(largest(gradient) + largest(n), 1e-300)


@wrong("gradient_error", "course_code")
def _(f, x, gradient):
    return error(autograd.finite_differences(f, x), gradient)


@wrong("gradient_error", "ready_made")
def _(f, x, gradient):
    return error(approx_fprime(x.ravel(), lambda flat: f(flat.reshape(x.shape))), gradient.ravel())


@wrong("gradient_error", "unrecognised")
def _(f, x, gradient):
    return error(measured(f, x), gradient) ** 3


# ---- adam ------------------------------------------------------------------------------------


@right("adam", "the correction in the rate, as the paper's section 2 has it, eps scaled")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g * g - v)
    size = math.sqrt(1 - beta2**t)
    return w - lr * size / (1 - beta1**t) * m / (np.sqrt(v) + size * eps), m, v


@right("adam", "in place on copies, a list")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    w, m, v = (np.array(part, dtype=float) for part in (w, m, v))
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * np.square(g)
    w -= lr * (m / (1 - pow(beta1, t))) / ((v / (1 - pow(beta2, t))) ** 0.5 + eps)
    return [w, m, v]


def adam_with(
    w, m, v, g, t, lr, beta1, beta2, eps, *, first=True, second=True, at=0, sign=-1,
    new=1.0, power=pow, kept=False,
):  # fmt: skip
    m = beta1 * m + new * (1 - beta1) * g
    v = beta2 * v + new * (1 - beta2) * g**2
    mean = m / (1 - power(beta1, t + at)) if first else m
    size = v / (1 - power(beta2, t + at)) if second else v
    w = w + sign * lr * mean / (np.sqrt(size) + eps)
    return (w, mean, size) if kept else (w, m, v)


@wrong("adam", "uncorrected")
def _(*inputs):
    return adam_with(*inputs, first=False, second=False)


@wrong("adam", "one_uncorrected")
def _(*inputs):
    return adam_with(*inputs, first=False)


@rare("adam", "square uncorrected", "one_uncorrected")
def _(*inputs):
    return adam_with(*inputs, second=False)


@wrong("adam", "stored_corrected")
def _(*inputs):
    return adam_with(*inputs, kept=True)


@wrong("adam", "no_power")
def _(*inputs):
    return adam_with(*inputs, power=lambda beta, t: beta)


@wrong("adam", "wrong_sign")
def _(*inputs):
    return adam_with(*inputs, sign=1)


@wrong("adam", "t_off_by_one")
def _(*inputs):
    return adam_with(*inputs, at=1)


@rare("adam", "t minus one", "t_off_by_one")
def _(*inputs):
    return adam_with(*inputs, at=-1)


@wrong("adam", "no_eps")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    return adam_with(w, m, v, g, t, lr, beta1, beta2, 0)


@wrong("adam", "no_root")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    _, m, v = adam_with(w, m, v, g, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / (v / (1 - beta2**t) + eps), m, v


@wrong("adam", "eps_inside")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    _, m, v = adam_with(w, m, v, g, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), m, v


@wrong("adam", "not_squared")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g
    return w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@wrong("adam", "betas_swapped")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    return adam_with(w, m, v, g, t, lr, beta2, beta1, eps)


@wrong("adam", "raw_gradient")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    _, m, v = adam_with(w, m, v, g, t, lr, beta1, beta2, eps)
    return w - lr * g / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@wrong("adam", "how_many")
def _(*inputs):
    return adam_with(*inputs)[:1]


@wrong("adam", "course_code")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    weight = autograd.Tensor(w)
    weight.grad = g
    rule = gradient_descent.Adam([weight], lr, (beta1, beta2), eps)
    rule.mean, rule.square, rule.n_steps = [m], [v], [t - 1]
    rule.step()
    return weight.data, rule.mean[0], rule.square[0]


@wrong("adam", "unrecognised")
def _(w, m, v, g, t, lr, beta1, beta2, eps):
    _, m, v = adam_with(w, m, v, g, t, lr, beta1, beta2, eps)
    return w - lr * np.tanh(m), m, v


# ---- fit -------------------------------------------------------------------------------------


@right("fit", "all weights kept, the best chosen at the end; in place on copies")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    weights, kept = [w.copy() for w in weights], []
    rng = np.random.default_rng(seed)
    for _ in range(n_epochs):
        order = list(rng.permutation(len(train[0])))
        while order:
            batch, order = order[:batch_size], order[batch_size:]
            found = gradients(*(part[batch] for part in train), *weights)
            for w, g in zip(weights, found, strict=True):
                w -= lr * g
        kept.append([w.copy() for w in weights])
    return min(kept, key=lambda weights: loss(*validation, *weights))


@right("fit", "shuffled copies, np.array_split at the batch size")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    x, y = train
    rng, losses, kept = np.random.default_rng(seed), [], []
    cuts = range(batch_size, len(x), batch_size)
    for _ in range(n_epochs):
        order = rng.permutation(len(x))
        for some_x, some_y in zip(np.split(x[order], cuts), np.split(y[order], cuts), strict=True):
            found = gradients(some_x, some_y, *weights)
            weights = [weights[i] - lr * found[i] for i in range(len(weights))]
        losses.append(loss(*validation, *weights))
        kept.append(weights)
    return tuple(kept[int(np.argmin(losses))])


@wrong("fit", "last_kept")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    (x, y), lowest = train, math.inf
    weights, rng = [w.copy() for w in weights], np.random.default_rng(seed)
    for _ in range(n_epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            for w, g in zip(weights, gradients(x[batch], y[batch], *weights), strict=True):
                w -= lr * g
        if loss(*validation, *weights) < lowest:
            best, lowest = weights, loss(*validation, *weights)
    return best


def standard(rng, n, size):
    order = rng.permutation(n)
    return [(order[i : i + size],) * 2 for i in range(0, n, size)]


def weights_of(inputs, batches=standard, sign=-1, stale=False):
    """The weights after every epoch and after every step of the loop with these batches."""
    weights, (x, y), _, gradients, _, lr, size, n_epochs, seed = inputs
    rng, ends, steps = np.random.default_rng(seed), [], []
    for _ in range(n_epochs):
        first = weights
        for of_x, of_y in batches(rng, len(x), size):
            found = gradients(x[of_x], y[of_y], *(first if stale else weights))
            weights = [w + sign * lr * g for w, g in zip(weights, found, strict=True)]
            steps.append(weights)
        ends.append(weights)
    return ends, steps


def lowest_of(candidates, inputs, data=2):
    return min(candidates, key=lambda weights: inputs[4](*inputs[data], *weights))


def fit_wrong(name, data=2, **changes):
    def answer(*inputs):
        return lowest_of(weights_of(inputs, **changes)[0], inputs, data)

    wrong("fit", name)(answer)


fit_wrong("chosen_by_training", data=1)
fit_wrong("uphill", sign=1)
fit_wrong("stale_gradients", stale=True)
fit_wrong("not_shuffled", batches=lambda rng, n, size: standard(Unshuffled(), n, size))
fit_wrong("last_batch_lost", batches=lambda *given: standard(*given)[: given[1] // given[2]])
fit_wrong("whole_set", batches=lambda rng, n, size: standard(rng, n, n))


class Unshuffled:
    """A generator whose permutations change nothing."""

    def permutation(self, n):
        return np.arange(n)


@wrong("fit", "labels_not_shuffled")
def _(*inputs):
    def batches(rng, n, size):
        found = standard(rng, n, size)
        return [(x, slice(i * size, (i + 1) * size)) for i, (x, _) in enumerate(found)]

    return lowest_of(weights_of(inputs, batches)[0], inputs)


@wrong("fit", "shuffled_once")
def _(*inputs):
    def batches(rng, n, size):
        return standard(np.random.default_rng(inputs[-1]), n, size)

    return lowest_of(weights_of(inputs, batches)[0], inputs)


@wrong("fit", "after_each_step")
def _(*inputs):
    return lowest_of(weights_of(inputs)[1], inputs)


@wrong("fit", "divided_again")
def _(*inputs):
    gradients = inputs[3]
    again = lambda x, *others: [g / len(x) for g in gradients(x, *others)]  # noqa: E731
    return lowest_of(weights_of((*inputs[:3], again, *inputs[4:]))[0], inputs)


@wrong("fit", "not_an_array")
def _(*inputs):
    best = lowest_of(weights_of(inputs)[0], inputs)
    return best, 0.25


@wrong("fit", "stopped_at_first_rise")
def _(*inputs):
    ends, _ = weights_of(inputs)
    losses = [inputs[4](*inputs[2], *weights) for weights in ends]
    rises = [i for i in range(1, len(losses)) if losses[i] >= losses[i - 1]]
    return ends[rises[0] - 1 if rises else -1]


@wrong("fit", "changed_input")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    for w in weights:
        w -= lr
    return weights


@wrong("fit", "how_many")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    return [*weights, 0.0]


@wrong("fit", "course_code")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    return [gradient_descent.SGD([autograd.Tensor(w)], lr).parameters[0].data for w in weights]


@wrong("fit", "ready_made")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    found = [torch.tensor(w, requires_grad=True) for w in weights]
    torch.optim.SGD(found, lr=lr).step()
    return [w.detach().numpy() for w in found]


@wrong("fit", "unrecognised")
def _(weights, train, validation, gradients, loss, lr, batch_size, n_epochs, seed):
    found = gradients(*train, *weights)
    return [w - lr * np.sign(g) for w, g in zip(weights, found, strict=True)]


# ---- mended ----------------------------------------------------------------------------------


class Sound:
    """A sound network of the lab's interface, with a place for each symptom."""

    factor, bias_factor, momentum = 1.0, 1.0, 0.0
    tells, tells_sum = True, False
    still: tuple = ()
    n_learned = 0

    def __init__(self, n_in, n_hidden, n_out, seed):
        rng, sizes = np.random.default_rng(seed), (n_in, n_hidden, n_hidden, n_out)
        self.parameters, self.kept = {}, {}
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes), 1):
            self.parameters[f"W{i}"] = rng.normal(0, math.sqrt(2 / fan_in), (fan_in, fan_out))
            self.parameters[f"b{i}"] = np.zeros(fan_out)

    def second(self, g3, W3, z1, z2):
        return g3 @ W3.T * (z2 > 0)

    def first(self, g2, W2, z1):
        return g2 @ W2.T * (z1 > 0)

    def change(self, gradients):
        return gradients

    def learn(self, x, labels, lr):
        self.n_learned += 1
        W1, b1, W2, b2, W3, b3 = self.parameters.values()
        z1 = x @ W1 + b1
        z2 = layers.relu(z1) @ W2 + b2
        logits = layers.relu(z2) @ W3 + b3
        g3 = self.factor * loss_gradient(logits, labels)
        g2 = self.second(g3, W3, z1, z2)
        g1 = self.first(g2, W2, z1)
        gradients = {}
        for i, (came, g) in enumerate(((x, g1), (layers.relu(z1), g2), (layers.relu(z2), g3)), 1):
            gradients[f"W{i}"], gradients[f"b{i}"] = came.T @ g, self.bias_factor * g.sum(0)
        for name, g in self.change(gradients).items():
            self.kept[name] = g + self.momentum * self.kept.get(name, 0)
            if name not in self.still:
                self.parameters[name] = self.parameters[name] - lr * self.kept[name]
        loss = layers.cross_entropy(logits, labels) * (len(x) if self.tells_sum else 1)
        return loss if self.tells else None


def with_symptom(**changes):
    return type("Symptom", (Sound,), changes)


@right("mended", "a class of one's own")
def _(n_in, n_hidden, n_out, seed):
    return Sound(n_in, n_hidden, n_out, seed)


@right("mended", "by our own automatic differentiation, in place")
def _(n_in, n_hidden, n_out, seed):
    class Network(Sound):
        def learn(self, x, labels, lr):
            tensors = {name: autograd.Tensor(p) for name, p in self.parameters.items()}
            loss = autograd.cross_entropy(
                gradient_descent.logits(list(tensors.values()), x), labels
            )
            loss.backward()
            for name, tensor in tensors.items():
                self.parameters[name] -= lr * tensor.grad
            return float(loss)

    return Network(n_in, n_hidden, n_out, seed)


def broken_with(**mended_methods):
    """The lab's own Broken, with these methods mended."""
    names = ANSWERS.run_cells(ANSWERS.master, "loss_backward-answer", "broken")
    return lambda *inputs: type("Half", (names["Broken"],), mended_methods)(*inputs)


def moving_step(self, lr):
    for name, gradient in self.gradients.items():
        self.parameters[name] = self.parameters[name] - lr * gradient


def backward_with(biases=True, mask=True, transposed=True, cleared=True):
    """Broken.backward, with some of its four mistakes repaired."""

    def backward(self, logits, labels):
        p = self.parameters
        g3 = loss_gradient(logits, labels)
        g2 = g3 @ p["W3"].T * ((self.z2 if mask else self.z1) > 0)
        g1 = g2 @ (p["W2"].T if transposed else p["W2"]) * (self.z1 > 0)
        for i, (came, g) in enumerate(((self.x, g1), (self.h1, g2), (self.h2, g3)), 1):
            to_bias = g.sum(0) if biases else g.mean(0)
            for name, gradient in ((f"W{i}", came.T @ g), (f"b{i}", to_bias)):
                before = 0 if cleared else self.gradients[name]
                self.gradients[name] = before + gradient

    return backward


def overwriting():
    """An answer that mends the lab's own Broken."""
    names = ANSWERS.run_cells(ANSWERS.master, "loss_backward-answer", "broken")
    names["step"], names["back"] = moving_step, backward_with()
    source = """
def mended(*inputs):
    Broken.step, Broken.backward = step, back
    return Broken(*inputs)
"""
    exec(source, names)
    return names["mended"]


wrong("mended", "changed_given")(overwriting())

# each of Broken's five symptoms, in the order in which the check tells them
wrong("mended", "nothing_moves")(broken_with())
wrong("mended", "biases_small")(broken_with(step=moving_step))
wrong("mended", "wrong_mask")(
    broken_with(
        step=moving_step, backward=backward_with(mask=False, transposed=False, cleared=False)
    )
)
wrong("mended", "not_transposed")(
    broken_with(step=moving_step, backward=backward_with(transposed=False, cleared=False))
)
wrong("mended", "remembers")(broken_with(step=moving_step, backward=backward_with(cleared=False)))

# and what may be broken while mending
wrong("mended", "wrong_sign")(with_symptom(factor=-1.0))
wrong("mended", "too_large")(with_symptom(factor=6.0))
wrong("mended", "too_small")(with_symptom(factor=1 / 6))
wrong("mended", "bias_sign")(with_symptom(bias_factor=-1.0))
wrong("mended", "last_bias")(with_symptom(bias_factor=0.5))
wrong("mended", "last_weights")(
    with_symptom(change=lambda self, g: {**g, "W3": g["W3"] / 2, "b3": g["b3"] / 2})
)
wrong("mended", "another_rate")(with_symptom(factor=0.5))


@rare("mended", "a rate of its own", "another_rate")
def _(n_in, n_hidden, n_out, seed):
    class Network(Sound):
        def learn(self, x, labels, lr):
            return super().learn(x, labels, 0.3)

    return Network(n_in, n_hidden, n_out, seed)


wrong("mended", "some_stay")(with_symptom(still=("b1",)))
wrong("mended", "no_loss")(with_symptom(tells=False))
wrong("mended", "loss")(with_symptom(tells_sum=True))
wrong("mended", "second_step")(with_symptom(momentum=0.9))
wrong("mended", "second_layer")(with_symptom(second=lambda self, g3, W3, z1, z2: g3 @ W3.T))
wrong("mended", "first_layer")(with_symptom(first=lambda self, g2, W2, z1: g2 @ W2.T))
wrong("mended", "second_bias")(with_symptom(change=lambda self, g: {**g, "b2": 2 * g["b2"]}))
wrong("mended", "first_bias")(with_symptom(change=lambda self, g: {**g, "b1": 2 * g["b1"]}))
wrong("mended", "learns_badly")(
    with_symptom(
        change=lambda self, g: {n: p if self.n_learned < 9 else 0 * p for n, p in g.items()}
    )
)


wrong("mended", "later_step")(
    with_symptom(
        change=lambda self, g: {n: 0 * p if self.n_learned % 99 == 98 else p for n, p in g.items()}
    )
)


@wrong("mended", "made_once")
@functools.cache
def _(n_in, n_hidden, n_out, seed):
    return Sound(n_in, n_hidden, n_out, seed)


@wrong("mended", "slope_at_zero")
def _(*inputs):
    at_zero = lambda self, g2, W2, z1: g2 @ W2.T * (z1 >= 0)  # noqa: E731
    return with_symptom(first=at_zero)(*inputs)


@wrong("mended", "shared")
def _(n_in, n_hidden, n_out, seed, made={}):  # noqa: B006
    network = Sound(n_in, n_hidden, n_out, seed)
    network.parameters = made.setdefault(n_in, network.parameters)
    return network


@wrong("mended", "seed")
def _(n_in, n_hidden, n_out, seed):
    return Sound(n_in, n_hidden, n_out, 0)


@wrong("mended", "wrong_type")
def _(n_in, n_hidden, n_out, seed):
    return layers.new_network((n_in, n_hidden, n_hidden, n_out), seed)


@wrong("mended", "names")
def _(n_in, n_hidden, n_out, seed):
    network = Sound(n_in, n_hidden, n_out, seed)
    network.parameters = {name.lower(): p for name, p in network.parameters.items()}
    return network


# ---- recipe ----------------------------------------------------------------------------------


def as_recipe(**choices):
    return lambda: choices


GOOD = {"optimizer": "adam", "lr": 0.01, "batch_size": 64, "hidden": 128}
right("recipe", "momentum, and a wide layer")(
    as_recipe(optimizer="momentum", lr=0.1, batch_size=64, hidden=128)
)
right("recipe", "Adam, with a rate that falls")(
    as_recipe(**{**GOOD, "lr": lambda step: 0.03 * max(0.1, 1 - step / 100)})
)
right("recipe", "numbers of NumPy and PyTorch")(
    as_recipe(
        **{**GOOD, "lr": torch.tensor(0.01), "batch_size": np.int64(64), "hidden": np.array([128])}
    )
)
right("recipe", "two hidden layers")(as_recipe(**{**GOOD, "hidden": (128, 128)}))
wrong("recipe", "defaults")(as_recipe())
wrong("recipe", "no_better_than_chance")(as_recipe(optimizer="adam", lr=3.0))
wrong("recipe", "rate_too_small")(as_recipe(**{**GOOD, "lr": 0.001}))
wrong("recipe", "rate_too_large")(as_recipe(**{**GOOD, "lr": 0.1}))
wrong("recipe", "too_narrow")(as_recipe(**{**GOOD, "lr": 0.02, "hidden": 16}))
wrong("recipe", "slow")(as_recipe(optimizer="sgd", lr=0.5, batch_size=16, hidden=128))
wrong("recipe", "too_noisy")(as_recipe(**{**GOOD, "noise": 0.5, "lr": 0.02}))
wrong("recipe", "unknown_choice")(as_recipe(learning_rate=0.1))
wrong("recipe", "unknown_optimizer")(as_recipe(optimizer="lion"))
wrong("recipe", "learning_rate")(as_recipe(lr=-0.1))
wrong("recipe", "out_of_range")(as_recipe(momentum=1.0))
wrong("recipe", "batch_size")(as_recipe(batch_size=1347))
wrong("recipe", "hidden")(as_recipe(hidden=1000))
wrong("recipe", "wrong_type")(lambda: [GOOD])


# ---- what the lab works by hand --------------------------------------------------------------


def parts_near(got, expected):
    return all(near(np.array(a), np.array(b)) for a, b in zip(got, expected, strict=True))


ANSWERS.by_hand(
    "unbroadcast",
    "g = ((1, 2), (3, 4), (5, 6)).\nThe first bias was used for the whole first column: "
    "1 + 3 + 5 = 9. The second gets 2 + 4 + 6 = 12. The gradient has the shape of the biases, "
    "(2,).",
    lambda f: near(f(np.array([[1.0, 2], [3, 4], [5, 6]]), (2,)), [9.0, 12.0]),
)
ANSWERS.by_hand(
    "matmul_backward",
    "*By hand.* One picture x = (1, 2) and one neuron with the weights 3 and 4, so "
    "W = ((3), (4)). The upstream gradient is g = ((10)).\nEach weight gets its input times 10: "
    "((10), (20)). Each input gets its weight times 10: ((30, 40)).",
    lambda f: parts_near(
        f(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([[10.0]])),
        ([[30.0, 40.0]], [[10.0], [20.0]]),
    ),
)
ANSWERS.by_hand(
    "loss_backward",
    "Probabilities minus label: (1/4 − 1, 3/4 − 0) = (−3/4, 3/4).\n"
    "If a second picture is in the batch, both rows are halved.",
    lambda f: (
        near(f(np.array([[0.0, math.log(3)]]), np.array([0])), [[-0.75, 0.75]])
        and near(
            f(np.array([[0.0, math.log(3)], [0.0, 0.0]]), np.array([0, 1])),
            [[-0.375, 0.375], [0.25, -0.25]],
        )
    ),
)
ANSWERS.by_hand(
    "network_backward",
    "z = 2, h = 2, both logits are 6, and both probabilities are 1/2. The label is 0.\n"
    "The gradient of the logits is (−1/2, 1/2), and so is that of the last biases. That of the "
    "last weights is h times as large: (−1, 1).\nThe gradient of h is −1/2 · 3 + 1/2 · 3 = 0, so "
    "the gradients of W1 and b1 are 0",
    lambda f: parts_near(
        f(
            np.array([[2.0]]),
            np.array([0]),
            np.ones((1, 1)),
            np.zeros(1),
            np.full((1, 2), 3.0),
            np.zeros(2),
        ),
        ([[0.0]], [0.0], [[-1.0, 1.0]], [-0.5, 0.5]),
    ),
)


def _twice_used():
    w, x = autograd.Tensor(2.0), autograd.Tensor(3.0)
    product = w * x
    total = product + w
    error = total - 5.0
    return w, x, product, total, error, error**2


def _order_holds(in_order):
    *nodes, loss = _twice_used()
    w, x, product, total, error = nodes
    order = in_order(loss)
    place = {node: i for i, node in enumerate(order)}
    return len(order) == 6 and max(place[w], place[x]) < place[product] < place[total]


def _walk_holds(backward):
    w, x, product, total, error, loss = _twice_used()
    found = backward(loss)
    return (float(loss), float(error)) == (9, 3) and [
        float(found[n]) for n in (loss, error, total, product, w, x)
    ] == [1, 6, 6, 6, 24, 12]


ANSWERS.by_hand(
    "in_order",
    "*By hand.* Above, w and x come first, then the product, then the total.",
    _order_holds,
)
ANSWERS.by_hand(
    "backward",
    "*By hand.* w = 2, x = 3 and the loss (w·x + w − 5)² = 9. The gradient of the loss itself is "
    "1. That of the error 3 is 2 · 3 = 6, and so are those of the total and the product.\n"
    "w gets 6 directly, and 6 · 3 = 18 through the product: 24 in all. x gets 6 · 2 = 12.",
    _walk_holds,
)
ANSWERS.by_hand(
    "gradient_error",
    "The error is |5 − 6| / (5 + 6) = 1/11.",
    lambda f: near(f(lambda x: (x**2).sum(), np.array([3.0]), np.array([5.0])), 1 / 11),
)
ANSWERS.by_hand(
    "adam",
    "with g = 4, β₁ = 0.9 and β₂ = 0.99: m = 0.4 and v = 0.16. Corrected they are 4 and 16, and "
    "4 / √16 = 1.\nWith η = 0.1 a weight 1 becomes 0.9.",
    lambda f: parts_near(
        f(np.array(1.0), 0.0, 0.0, np.array(4.0), 1, 0.1, 0.9, 0.99, 1e-8), (0.9, 0.4, 0.16)
    ),
)
ANSWERS.by_hand(
    "fit",
    "*By hand.* One weight w = 0, two examples with the gradients w − 1 and w − 3, batches of one, "
    "η = 0.5, one epoch, and the order 1, 0: w becomes 0 − 0.5 · (0 − 3) = 1.5, and then "
    "1.5 − 0.5 · (1.5 − 1) = 1.25.",
    lambda f: parts_near(
        f(
            [np.zeros(1)],
            (np.zeros(2), np.array([1.0, 3.0])),
            (np.zeros(1), np.ones(1)),
            lambda x, y, w: [w - y],
            lambda x, y, w: float(((w - y) ** 2).mean()),
            0.5,
            1,
            1,
            next(s for s in range(9) if np.random.default_rng(s).permutation(2)[0] == 1),
        ),
        ([1.25],),
    ),
)
