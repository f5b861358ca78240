"""Published models: their parameters, and the sizes that memory and compute follow from.

Key idea: a configuration that a paper prints is enough to count a model's parameters, bytes and
FLOPs. Each stands once, in `published.toml`, with its source and the day on which it was read; a
test counts every model from its sizes and compares the count with the published one.
Chapters: 05, 12, 15.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Model:
    """One published model: its parameters, and the sizes that its memory depends on.

    parameters: of the text model, without a vision encoder. mlp_width: of a dense layer; 0 where
    every layer has experts. For a mixture of experts: n_experts in each layer but the first
    `n_dense`, of which a token uses `experts_per_token`, and n_shared that every token uses; each
    expert_width wide. active: parameters that a token uses, as published. n_windowed layers attend
    to the last `window` tokens only. q_rank, kv_rank, rope_dim: of multi-head latent attention,
    which caches kv_rank + rope_dim numbers per token and layer in place of keys and values.
    norms: vectors of `width` per layer. expert_bits: of an expert's weight in the published file,
    scales included; matrix_bits: of a weight of the layers' other matrices, the routers apart. Each
    is 0 where the weights are stored like the rest, in 16.
    """

    name: str
    parameters: int
    n_layer: int
    n_head: int
    n_kv_head: int
    head_dim: int
    width: int
    mlp_width: int
    vocabulary: int
    source: str
    read: str  # the date
    released: str = ""  # year and month
    active: float = 0
    n_experts: int = 0
    experts_per_token: int = 0
    n_shared: int = 0
    expert_width: int = 0
    n_dense: int = 0
    expert_bits: float = 0
    matrix_bits: float = 0
    window: int = 0
    n_windowed: int = 0
    q_rank: int = 0
    kv_rank: int = 0
    rope_dim: int = 0
    positions: int = 0  # learned ones; models since 2021 rotate instead
    norms: int = 2
    tied: bool = False  # whether input and output embeddings are one matrix
    qkv_bias: bool = False
    qk_norm: bool = False
    biases: bool = False  # everywhere else

    @property
    def is_sparse(self) -> bool:
        """Whether it is a mixture of experts."""
        return self.n_experts > 0


def counted_parameters(model: Model, active: bool = False, input_embedding: bool = True) -> int:
    """A model's parameters, counted from its sizes.

    active: only the experts that one token uses. input_embedding: with the matrix of the input
    embeddings; decoding looks up one row of it and reads the rest only where it is the output
    matrix as well.
    """
    C, layers = model.width, model.n_layer
    ends = model.vocabulary * C * (1 if model.tied or not input_embedding else 2)
    attention, feed_forward = _attention(model) * layers, _feed_forward(model, active)
    norms = C * (layers * model.norms + 1) * (2 if model.positions else 1)  # gain, and GPT's shift
    return ends + model.positions * C + attention + feed_forward + norms


def expert_parameters(model: Model, active: bool = False) -> int:
    """Weights of all routed experts together, without biases: what is stored in `expert_bits`.

    active: only of the experts that one token uses.
    """
    used = model.experts_per_token if active else model.n_experts
    return (model.n_layer - model.n_dense) * used * 3 * model.width * model.expert_width


def stored_bytes(model: Model, active: bool = False, input_embedding: bool = True) -> float:
    """Size of the published weights, or of those that one token needs.

    Experts in `expert_bits`, the layers' other matrices in `matrix_bits`, all other weights in 16.
    active, input_embedding: as in `counted_parameters`.
    """
    few = expert_parameters(model, active) if model.expert_bits else 0
    matrices = _matrices(model) if model.matrix_bits else 0
    rest = counted_parameters(model, active, input_embedding) - few - matrices
    return rest * 2 + few * model.expert_bits / 8 + matrices * model.matrix_bits / 8


def cache_numbers(model: Model, n_tokens: int) -> int:
    """Numbers that the KV cache of one sequence holds after n_tokens.

    A layer with a window keeps the last `window` tokens. Latent attention keeps one vector per
    token and layer, from which keys and values are computed (DeepSeek-AI 2024, arXiv:2405.04434).
    """
    per_token = model.kv_rank + model.rope_dim or 2 * model.n_kv_head * model.head_dim
    short = model.n_windowed * min(n_tokens, model.window)
    return per_token * ((model.n_layer - model.n_windowed) * n_tokens + short)


def _attention(model: Model) -> int:
    """Parameters of one layer's attention."""
    C, H, D = model.width, model.n_head, model.head_dim
    if model.kv_rank:  # down to a rank, a norm, and up to every head; a part of q and k is rotated
        q = C * model.q_rank + model.q_rank + model.q_rank * H * (D + model.rope_dim)
        kv = C * (model.kv_rank + model.rope_dim) + model.kv_rank + model.kv_rank * H * 2 * D
        return q + kv + H * D * C
    wide = D * (H + 2 * model.n_kv_head)
    biases = wide * (model.qkv_bias or model.biases) + C * model.biases
    sinks = H if model.biases and model.is_sparse else 0  # gpt-oss: a score that attends to nothing
    return C * wide + H * D * C + biases + 2 * D * model.qk_norm + sinks


def _matrices(model: Model) -> int:
    """Weights of a mixture's attention, dense layers and shared experts."""
    sparse_layers = model.n_layer - model.n_dense
    shared = sparse_layers * model.n_shared * 3 * model.width * model.expert_width
    dense = model.n_dense * 3 * model.width * model.mlp_width
    return _attention(model) * model.n_layer + shared + dense


def _feed_forward(model: Model, active: bool) -> int:
    """Parameters of all feed-forward networks, with routers and their biases."""
    C, n_matrices = model.width, 2 if model.positions else 3  # GPT's has no gate
    dense_layers = model.n_dense if model.is_sparse else model.n_layer
    dense = n_matrices * C * model.mlp_width + (C + model.mlp_width) * (
        model.biases and not model.is_sparse
    )
    expert = 3 * C * model.expert_width
    bias = (C + 2 * model.expert_width) * model.biases
    used = model.experts_per_token if active else model.n_experts
    router = C * model.n_experts + model.n_experts * (model.biases or model.kv_rank > 0)
    sparse = used * (expert + bias) + model.n_shared * expert + router
    return dense_layers * dense + (model.n_layer - dense_layers) * sparse


# ---- the table ----------------------------------------------------------------------------------


@cache
def models() -> dict[str, Model]:
    """All models of the table by name.

    Raises: ValueError for an entry with a figure that is not positive, or a name that comes twice.
    """
    return read_models(Path(__file__).with_name("published.toml").read_text("utf-8"))


def read_models(text: str) -> dict[str, Model]:
    """The models of a table in TOML, by name. Raises: ValueError as `models` does."""
    found = entries(text, "model", Model)
    for one in found.values():
        needed = [n for n, f in Model.__dataclass_fields__.items() if f.default is MISSING]
        if one.is_sparse:
            needed.remove("mlp_width")  # where every layer has experts there is no other
        figures = [getattr(one, name) for name in needed]
        check_positive(one, [value for value in figures if not isinstance(value, str)])
        if one.n_head % one.n_kv_head:
            raise ValueError(f"{one.name!r}: {one.n_head=} cannot share {one.n_kv_head=}")
    return found


def entries(text: str, kind: str, of: type) -> dict:
    """The entries of one kind, by name, each with all fields of its class that have no default.

    Raises: ValueError for a missing or an unknown field, or a name that comes twice.
    """
    found: dict = {}
    for entry in tomllib.loads(text).get(kind, []):
        fields = of.__dataclass_fields__
        missing = [n for n, f in fields.items() if f.default is MISSING and n not in entry]
        if missing:
            raise ValueError(f"{kind} {entry.get('name')!r} lacks {', '.join(missing)}")
        if unknown := sorted(entry.keys() - fields.keys()):
            raise ValueError(f"{kind} {entry['name']!r} has an unknown field, {unknown[0]!r}")
        one = of(**entry | {"read": str(entry["read"])})
        if one.name in found:
            raise ValueError(f"{kind} {one.name!r} stands in the table twice")
        found[one.name] = one
    return found


def check_positive(one, figures) -> None:
    if not all(value > 0 for value in figures):
        raise ValueError(
            f"{type(one).__name__.lower()} {one.name!r} has a figure that is not positive: "
            f"{tuple(figures)}"
        )
