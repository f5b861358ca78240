"""The same step with a shorter critical path: what algebra can do for a chip that waits for itself.

Key idea: the chip computes one word at a time, so it is never short of units; it waits for the
longest chain of operations that need each other's results. Each class below moves work off that
chain without changing the output: `STEPS` lists them from the longest path to the shortest.
Chapter 14. C channels, D head size, H heads, T context. The residual stream is held 64 times
smaller, which norm undoes, so that its squares fit into fp16.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.hardware.dataflow.arranged import Layer, centred, copies, linear
from grooves.hardware.dataflow.lower import SMALL
from grooves.hardware.dataflow.steps import Attention, Step, TransformerStep, put

EPS = 1e-5  # of `torch.nn.functional.layer_norm`


class RootNorm(nn.Module):
    """`norm` of a vector whose mean is 0 already: no mean, no subtraction, one sum fewer."""

    def __init__(self, scale: float = 1.0):
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(-1, keepdim=True) + EPS * self.scale**2).rsqrt()


class CentredStep(TransformerStep):
    """Weights that write to the residual stream, and those of queries and keys, are centred; the
    norm of the embedding is taken for the whole vocabulary before the program runs."""

    def __init__(self, model):
        super().__init__(model)
        C, H, D = self.width, self.n_head, self.width // self.n_head
        table = F.layer_norm(model.embedding.weight, (C,)) * SMALL
        self.embedding = nn.Embedding.from_pretrained(table)
        self.leaves = nn.Embedding.from_pretrained(centred(model.mix * table, 1))
        self.norm = RootNorm(SMALL)
        self.attention = nn.ModuleList()
        self.mlp = nn.ModuleList()
        for block in model.blocks:
            attention = Attention(block.attention, model.rotation)
            attention.norm = RootNorm()
            q, k, v = block.attention.qkv.weight.view(3, H, D, C)
            qkv = torch.stack((centred(q, 1), centred(k, 1), v)).view(3 * C, C)
            attention.qkv = linear(qkv)
            attention.out = linear(centred(block.attention.out.weight, 0) * SMALL)
            self.attention.append(attention)
            self.mlp.append(Narrow(block.mlp) if block.mlp is not None else nn.Identity())

    def forward(self, word: Tensor, position: Tensor, before: Tensor, *caches):
        logits, new_caches = self.layers_of(self.embedding(word) + before, position, caches)
        return logits, self.leaves(word), *new_caches


class Narrow(nn.Module):
    """The MLP, writing a centred vector in the residual stream's smaller unit."""

    def __init__(self, mlp):
        super().__init__()
        self.up, self.down = mlp.up, linear(centred(mlp.down.weight, 0) * SMALL)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.up(x).relu().square())


class LateStep(Step):
    """Divisions come after the matrix products: (x / |x|) W = (x W) / |x|, so the product does not
    wait for the length. A column of ones among the values makes the sum of the softmax.

    early: divide before the products after all, as int8 needs it: the residual stream's length
    differs a thousandfold between words, and one scale cannot serve all of them. Before the first
    layer it does not differ, so that the first layer may be late in any case.
    """

    def __init__(self, model, early: bool = False):
        super().__init__()
        self.early = early
        config = model.config
        self.context, self.width = config.context, config.n_embd
        self.n_head, self.D = config.n_head, config.n_embd // config.n_head
        C = self.width
        table = F.layer_norm(model.embedding.weight.detach(), (C,)) * SMALL
        self.embedding = nn.Embedding.from_pretrained(copies(table, (C * EPS) ** 0.5 * SMALL))
        leaves = copies(centred(model.mix.detach() * table, 1))
        self.leaves = nn.Embedding.from_pretrained(leaves)
        self.layers = nn.ModuleList(Layer(block, self.n_head) for block in model.blocks)
        self.head = linear(model.head.weight)
        turn = torch.cat((model.rotation.real, model.rotation.imag), 1)  # (T, D)
        turn = turn.view(self.context, 2, -1).repeat_interleave(2, 2).view(self.context, -1)
        self.turn = nn.Embedding.from_pretrained(turn.repeat(1, self.n_head))  # (T, 2DH)
        self.register_buffer("one", torch.ones(1))

    def value_columns(self, layer: int) -> int:
        """Columns of the cache of values of one head."""
        return self.D + 1

    def start(self):
        state = [torch.zeros(4 * self.width + 1)]
        for layer in range(len(self.layers)):
            state += [torch.zeros(self.context, 2 * self.D) for _ in range(self.n_head)]
            columns = self.value_columns(layer)
            state += [torch.zeros(self.context, columns) for _ in range(self.n_head)]
        return tuple(state)

    def copy(self, x: Tensor, number: int) -> Tensor:
        """One of the four copies of the residual stream, (C,)."""
        start = number * self.width + (number > 1)
        return x[start : start + self.width]

    def squares(self, x: Tensor) -> Tensor:
        """Mean square of the residual stream plus eps, in its smaller unit; shape ()."""
        return x[self.width : 2 * self.width + 1].square().sum() / self.width

    def read(self, x: Tensor, layer: int) -> tuple[Tensor, Tensor | None]:
        """What the matrices read, and its mean square that is still to be divided by, if any."""
        squares = self.squares(x)
        return (x * squares.rsqrt(), None) if self.early and layer > 0 else (x, squares)

    def lengths(self, m: Tensor, squares: Tensor | None) -> list[Tensor]:
        """1 / (sqrt(D) times the length that `norm` divides by) of each head's vector m (2DH,)."""
        heads = m.view(self.n_head, 2, self.D)[:, 0]
        tiny = self.D * EPS if squares is None else squares * (self.D * EPS)
        return [(heads[h].square().sum() + tiny).rsqrt() for h in range(self.n_head)]

    def forward(self, word: Tensor, position: Tensor, before: Tensor, *caches):
        H, new_caches = self.n_head, []
        turn = self.turn(position)
        x = self.embedding(word) + before  # (4C + 1,)
        for i, layer in enumerate(self.layers):
            mine = caches[2 * H * i : 2 * H * (i + 1)]
            x, keys, values = self.attend(i, layer, x, turn, position, mine[:H], mine[H:])
            new_caches += [*keys, *values]
            x = x if layer.up is None else self.mlp(layer, x, layer.down)
        return self.logits(x), self.leaves(word), *new_caches

    def mlp(self, layer, x: Tensor, down: Tensor) -> Tensor:
        """The residual stream after the MLP: the square of a length comes out of a square."""
        read, squares = self.read(x, 1)
        y = (read[: self.width] @ layer.up).relu().square() @ down
        return x + (y if squares is None else y / squares)

    def logits(self, x: Tensor) -> Tensor:
        """Scores of the next word, (V,)."""
        read, squares = self.read(x, 1)
        return divided(self.head(read[: self.width]), squares)

    def key_row(self, turned: Tensor, length: Tensor, h: int) -> Tensor:
        """The rotated, normalised key of one head, twice: for the query's cos and its sin half."""
        both = turned.view(self.n_head, 2, self.D)[h]
        key = (both[0] + both[1]) * (length * self.D**0.5)
        return torch.cat((key, key))

    def attend(self, i, layer, x, turn, position, keys, values):
        """The residual stream after attention, (4C + 1,), and the caches with a row more."""
        D, (read, squares) = self.D, self.read(x, i)
        m, k = self.copy(read, 0) @ layer.q, self.copy(read, 2) @ layer.k  # (2DH,) each
        query, turned = m * turn, k * turn
        q_lengths, k_lengths = self.lengths(m, squares), self.lengths(k, squares)
        new_keys, new_values, y = [], [], x
        for h in range(self.n_head):
            new_keys.append(put(keys[h], position, self.key_row(turned, k_lengths[h], h)))
            value = divided(self.copy(read, 3) @ layer.v[h], squares)
            row = torch.cat((value, self.one))  # (D + 1,)
            new_values.append(put(values[h], position, row))
            scores = query.view(self.n_head, -1)[h] @ new_keys[h].T * q_lengths[h]  # (T,)
            mixed = scores.exp() @ new_values[h]  # (D + 1,): the last is the sum of the weights
            y = y + (mixed[:D] / mixed[D:].expand(D)) @ layer.out[h]
        return y, new_keys, new_values


def divided(x: Tensor, squares: Tensor | None) -> Tensor:
    """x divided by the root of a mean square, if that has not been done yet."""
    return x if squares is None else x * squares.rsqrt()


class PreloadedStep(LateStep):
    """The keys and values of earlier words enter the planes while the new word is still being
    computed; the new word's own score and value are added beside them."""

    def own_values(self, layer, read) -> list[Tensor]:
        """The new word's value in each head, not yet divided by its length: (D,)."""
        return [self.copy(read, 3) @ layer.v[h] for h in range(self.n_head)]

    def written(self, layer, x, parts) -> Tensor:
        """The residual stream plus what the heads add, (D,) each."""
        for h, part in enumerate(parts):
            x = x + part @ layer.out[h]
        return x

    def attend(self, i, layer, x, turn, position, keys, values):
        read, squares = self.read(x, i)
        m, k = self.copy(read, 0) @ layer.q, self.copy(read, 2) @ layer.k
        own = self.own_values(layer, read)
        parts, *rows = self.heads(m, k, own, turn, squares, squares, position, keys, values)
        return self.written(layer, x, parts), *rows

    def heads(self, m, k, own_values, turn, q_squares, squares, position, keys, values):
        """What each head gives. m, k: (2DH,), to be divided by the roots of both squares if any."""
        query, turned = m * turn, k * turn
        q_lengths, k_lengths = self.lengths(m, q_squares), self.lengths(k, squares)
        together = (m * k).view(self.n_head, 2, self.D)[:, 0]  # rotation cancels at one position
        new_keys, new_values, parts = [], [], []
        for h, value in enumerate(own_values):
            scores = query.view(self.n_head, -1)[h] @ keys[h].T * q_lengths[h]  # (T,)
            mixed = scores.exp() @ values[h]
            value, n = divided(value, squares), mixed.numel() - 1
            score = together[h].sum() * (q_lengths[h] * k_lengths[h] * self.D**0.5)
            own = score.exp()
            # Every earlier row ends in 1 and unwritten rows are 0: the last value is the sum.
            total = mixed[n:].expand(n) + own
            parts.append((mixed[:n] + value * own) / total)
            new_keys.append(put(keys[h], position, self.key_row(turned, k_lengths[h], h)))
            new_values.append(put(values[h], position, torch.cat((value, self.one))))
        return parts, new_keys, new_values


class FoldedStep(PreloadedStep):
    """The output matrix is multiplied into the values when they are stored: (w V) O = w (V O)."""

    def value_columns(self, layer: int) -> int:
        return 4 * self.width + 2

    def own_values(self, layer, read):
        return [self.copy(read, 3) @ (layer.v[h] @ layer.out[h]) for h in range(self.n_head)]

    def written(self, layer, x, parts):
        return x + sum(parts[1:], parts[0])


class ThroughStep(FoldedStep):
    """Where one attention follows another, the next queries' matrix is multiplied into the values
    as well: (x + w V O) Q = x Q + w (V O Q). The next layer's queries then exist as soon as the
    residual stream that they are made from."""

    def through(self, i: int) -> bool:
        """Whether layer i is followed by attention, with no MLP between."""
        return i + 1 < len(self.layers) and self.layers[i].up is None

    def value_columns(self, layer: int) -> int:
        stream = 2 * self.width + 1  # two copies are enough behind the first layer
        return stream + 1 + (2 * self.width if self.through(layer) else 0)

    def forward(self, word: Tensor, position: Tensor, before: Tensor, *caches):
        H, C, new_caches = self.n_head, self.width, []
        stream = 2 * C + 1
        turn = self.turn(position)
        x, m = self.embedding(word) + before, None  # (4C + 1,)
        for i, layer in enumerate(self.layers):
            keys, values = caches[2 * H * i :][:H], caches[2 * H * i + H :][:H]
            read, squares = self.read(x, i)
            if m is None:
                m, k = read[:C] @ layer.q, self.copy(read, 2) @ layer.k
                sources, q_squares = [self.copy(read, 3)] * 2, squares
            else:  # keys in the lanes of the queries, which lie behind the residual stream
                k = (read[:C] @ F.pad(layer.k, (stream, 0)))[stream:]
                sources, q_squares = [read[:C], read[C : 2 * C]], self.squares(x)
            fold = [out[:, :stream] for out in layer.out]
            if self.through(i):
                ahead = self.layers[i + 1].q
                fold = [torch.cat((out, out[:, :C] @ ahead), 1) for out in fold]
            own = [sources[h % 2] @ (layer.v[h] @ fold[h]) for h in range(H)]
            parts, *rows = self.heads(m, k, own, turn, q_squares, squares, position, keys, values)
            new_caches += [*rows[0], *rows[1]]
            added = sum(parts[1:], parts[0])
            m = added[stream:] + x[:C] @ ahead if self.through(i) else None
            x = x[:stream] + added[:stream]
            x = x if layer.up is None else self.mlp(layer, x, layer.down[:, :stream])
        return self.logits(x), self.leaves(word), *new_caches


STEPS = {
    "as written": TransformerStep,
    "centred weights": CentredStep,
    "late division": LateStep,
    "preloaded caches": PreloadedStep,
    "folded output": FoldedStep,
    "folded through": ThroughStep,
}
EARLY = {
    "preloaded caches": partial(PreloadedStep, early=True),
    "folded output": partial(FoldedStep, early=True),
    "folded through": partial(ThroughStep, early=True),
}
