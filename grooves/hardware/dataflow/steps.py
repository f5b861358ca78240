"""One step of generation as plain PyTorch: word and state in, logits and new state out.

Key idea: a compiler needs a function of tensors alone. So the caches, which elsewhere are objects
that grow, are tensors of fixed size here, and the position is a number that selects rows of tables.
Chapter 14. Shapes: C channels, D head size, T context, V vocabulary; no batch axis, since the chip
runs each story alone. `grooves.models.transformer` and `lstm` are the models; tests hold the steps
equal to them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Step(nn.Module):
    """What `compile` takes: forward(word, position, *state) -> (logits, *new state).

    word and position: integers, shape (). logits: (V,). `start` gives the state before a story.
    """

    context: int

    def start(self) -> tuple[Tensor, ...]:
        """The state before the first word: zeros."""
        raise NotImplementedError

    def example(self) -> tuple[Tensor, ...]:
        """Arguments of the first call."""
        return (torch.tensor(0), torch.tensor(0), *self.start())


class Norm(nn.Module):
    """`grooves.models.transformer.norm` as a module, so that its operations carry a name."""

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, (x.size(-1),))


class Turn(nn.Module):
    """Rotary positions without complex numbers: the pair (a, b) becomes (ac - bs, bc + as)."""

    def __init__(self, rotation: Tensor):
        super().__init__()
        cos, sin = rotation.real, rotation.imag  # (T, D/2)
        self.register_buffer("cos", cos.repeat_interleave(2, 1))  # (T, D)
        self.register_buffer("sin", torch.stack((-sin, sin), -1).flatten(1))  # (T, D)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        swapped = x.view(-1, 2).flip(-1).reshape(-1)  # (D,): the two of each pair change places
        return x * F.embedding(position, self.cos) + swapped * F.embedding(position, self.sin)


def put(cache: Tensor, position: Tensor, row: Tensor) -> Tensor:
    """A cache (T, n) with one row written. On the chip, the row is written in place."""
    return cache.index_copy(0, position.view(1), row.view(1, -1))


class Attention(nn.Module):
    """One head after the other: their queries, keys and values are slices of one vector."""

    def __init__(self, attention, rotation: Tensor):
        super().__init__()
        self.n_head = attention.n_head
        self.qkv, self.out = attention.qkv, attention.out
        self.norm, self.turn = Norm(), Turn(rotation)
        T = len(rotation)
        self.register_buffer("seen", torch.ones(T, T).tril())  # row t: the positions up to t

    def forward(self, x: Tensor, position: Tensor, keys, values):
        q, k, v = self.qkv(x).view(3, self.n_head, -1)  # (H, D) each
        D = q.size(-1)
        seen = F.embedding(position, self.seen)  # (T,)
        heads, new_keys, new_values = [], [], []
        for h in range(self.n_head):
            query = self.turn(self.norm(q[h]), position)
            key = self.turn(self.norm(k[h]), position)
            new_keys.append(put(keys[h], position, key))
            new_values.append(put(values[h], position, v[h]))
            scores = query @ new_keys[h].T  # (T,)
            # Normalised queries and keys: no score exceeds sqrt(D), so exp needs no maximum.
            weights = (scores * D**-0.5).exp() * seen
            heads.append(weights @ new_values[h] / weights.sum())
        return self.out(torch.cat(heads)), new_keys, new_values


class MLP(nn.Module):
    """Widen, square what is positive, narrow."""

    def __init__(self, mlp):
        super().__init__()
        self.up, self.down = mlp.up, mlp.down

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.up(x).relu().square())


class TransformerStep(Step):
    """The transformer as it is written in `grooves.models.transformer`, one word at a time.

    State: the embedding of the word before, (C,), then keys and values (T, D) of each layer's
    heads. Raises: ValueError for a model that lacks rotary positions, QK-norm or token shift: the
    scores of such a model have no bound, or its positions need other tables.
    """

    def __init__(self, model):
        super().__init__()
        config = model.config
        if config.positions != "rotary" or not config.qk_norm or not config.mix:
            raise ValueError(f"{config=} must have rotary positions, qk_norm and mix")
        self.context, self.width = config.context, config.n_embd
        self.n_head, self.n_layer = config.n_head, config.n_layer
        self.embedding, self.mix, self.norm = model.embedding, model.mix, Norm()
        self.attention = nn.ModuleList(
            Attention(block.attention, model.rotation) for block in model.blocks
        )
        self.mlp = nn.ModuleList(
            MLP(block.mlp) if block.mlp is not None else nn.Identity() for block in model.blocks
        )
        self.head = model.head

    def start(self):
        D = self.width // self.n_head
        caches = (torch.zeros(self.context, D) for _ in range(2 * self.n_layer * self.n_head))
        return torch.zeros(self.width), *caches

    def forward(self, word: Tensor, position: Tensor, before: Tensor, *caches):
        embedded = self.norm(self.embedding(word))  # (C,)
        logits, new_caches = self.layers_of(embedded + self.mix * before, position, caches)
        return logits, embedded, *new_caches

    def layers_of(self, x: Tensor, position: Tensor, caches) -> tuple[Tensor, list[Tensor]]:
        """All layers and the head on the residual stream x (C,): logits (V,), and the caches."""
        H, new_caches = self.n_head, []
        for i, (attention, mlp) in enumerate(zip(self.attention, self.mlp, strict=True)):
            mine = caches[2 * H * i : 2 * H * (i + 1)]
            y, keys, values = attention(self.norm(x), position, mine[:H], mine[H:])
            new_caches += [*keys, *values]
            x = x + y
            if not isinstance(mlp, nn.Identity):
                x = x + mlp(self.norm(x))
        return self.head(self.norm(x)), new_caches


class LSTMStep(Step):
    """The LSTM of `grooves.models.lstm`, one word at a time. State: h and c of each layer.

    The weights of the four gates are four matrices, so that all gates lie in the same lanes.
    copies: how often every vector lies in the lanes, (copies * C,). With four, each gate's matrix
    reads a copy of its own and none displaces another from its plane; 320 lanes hold four copies of
    at most 80 values.
    """

    def __init__(self, model, copies: int = 1):
        super().__init__()
        self.context, self.copies = model.config.context, copies
        self.width, self.n_layer = model.embedding.embedding_dim, model.layers.num_layers
        self.layers, self.head = model.layers, model.head
        table = model.embedding.weight.detach().repeat(1, copies)
        self.embedding = nn.Embedding.from_pretrained(table)

    def start(self):
        return tuple(torch.zeros(self.copies * self.width) for _ in range(2 * self.n_layer))

    def gate(self, layer: int, gate: int, x: Tensor, h: Tensor) -> Tensor:
        """One gate before its nonlinearity, in all copies."""
        rows = slice(gate * self.width, (gate + 1) * self.width)

        def part(name: str) -> Tensor:
            value = getattr(self.layers, f"{name}_l{layer}")[rows]
            return value.repeat(self.copies, 1) if value.dim() == 2 else value.repeat(self.copies)

        start = self.width * (gate % self.copies)
        mine = slice(start, start + self.width)
        bias = part("bias_ih") + part("bias_hh")
        return part("weight_hh") @ h[mine] + (part("weight_ih") @ x[mine] + bias)

    def forward(self, word: Tensor, position: Tensor, *state):
        x, new_state = self.embedding(word), []
        for layer in range(self.n_layer):
            h, c = state[2 * layer : 2 * layer + 2]
            i, f, g, o = (self.gate(layer, gate, x, h) for gate in range(4))
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            x = h = o.sigmoid() * c.tanh()
            new_state += [h, c]
        return self.head(x[: self.width]), *new_state
