"""Will it fit? What a model needs in memory, counted before anything is loaded.

Key idea: four things take memory in training (weights, gradients, the optimizer's state, and the
activations that the backward pass needs) and two in inference (weights and the KV cache). Each is a
product of a few numbers, so it can be computed beforehand and measured afterwards.
Chapter 12. Every count is in bytes; GB is 1e9.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Numbers of 32 bits that an optimizer keeps for each weight.
OPTIMIZER_NUMBERS = {"sgd": 0, "momentum": 1, "muon": 1, "adam": 2}
# Bytes per token, layer and channel that the backward pass needs, by what is recomputed instead.
ACTIVATION_BYTES = {"nothing": 34, "all": 2}


# ---- the parts ----------------------------------------------------------------------------------


def gpt_parameters(n_layers: int, n_embd: int, vocabulary_size: int, context: int) -> int:
    """Weights of a model built like GPT-3: learned positions, biases, one matrix for both ends.

    A block has 4 C² for attention and 8 C² for the feed-forward network, and 13 C of biases and
    norms. Source: Brown et al. 2020, arXiv:2005.14165, table 2.1, for the sizes.
    """
    C = n_embd
    return n_layers * (12 * C**2 + 13 * C) + (vocabulary_size + context) * C + 2 * C


def weight_bytes(n_parameters: float, bits: float) -> float:
    """Memory that weights take. bits: of one weight, scales included where there are any."""
    _positive(n_parameters=n_parameters, bits=bits)
    return n_parameters * bits / 8


def optimizer_bytes(n_parameters: float, optimizer: str = "adam", bits: float = 32) -> float:
    """Memory of the optimizer's state, which usually has 32 bits whatever the weights have.

    bits: of a weight. Weights of fewer than 32 bits get a copy in 32 besides, because a small
    step would be rounded away. Source: Rajbhandari et al. 2020, arXiv:1910.02054, section 3.1.
    Raises: ValueError for an unknown optimizer.
    """
    _positive(n_parameters=n_parameters, bits=bits)
    if optimizer not in OPTIMIZER_NUMBERS:
        raise ValueError(f"{optimizer=} must be one of {', '.join(OPTIMIZER_NUMBERS)}")
    copies = OPTIMIZER_NUMBERS[optimizer] + (1 if bits < 32 else 0)
    return 4 * copies * n_parameters


def kv_cache_bytes(
    n_layers: int,
    n_kv_heads: int,
    head_dim: int,
    n_tokens: int,
    bytes_per_value: float,
    n_sequences: int = 1,
) -> float:
    """Memory that the keys and values of sequences occupy.

    Two tensors (K and V) per layer, each of shape (n_sequences, n_kv_heads, n_tokens, head_dim).

    Returns: bytes.
    Raises: ValueError where an argument is not positive.
    Source: Ainslie et al. 2023, arXiv:2305.13245 (query heads share keys and values).
    """
    _positive(n_layers=n_layers, n_kv_heads=n_kv_heads, head_dim=head_dim, n_tokens=n_tokens)
    _positive(bytes_per_value=bytes_per_value, n_sequences=n_sequences)
    return 2 * n_layers * n_kv_heads * head_dim * n_tokens * bytes_per_value * n_sequences


def activation_bytes(
    n_layers: int, n_embd: int, n_tokens: int, n_sequences: int = 1, recompute: str = "nothing"
) -> float:
    """What a usual transformer keeps for the backward pass: 34 bytes per token and channel in bf16.

    Without the squares of attention's scores, which today's kernels do not keep. recompute: "all"
    keeps only what goes into each block and computes the rest a second time.
    Raises: ValueError for another word, or where a number is not positive.
    Source: Korthikanti et al. 2022, arXiv:2205.05198, equations 1 and 6 and section 5.
    """
    _positive(n_layers=n_layers, n_embd=n_embd, n_tokens=n_tokens, n_sequences=n_sequences)
    if recompute not in ACTIVATION_BYTES:
        raise ValueError(f"{recompute=} must be one of {', '.join(ACTIVATION_BYTES)}")
    return ACTIVATION_BYTES[recompute] * n_layers * n_embd * n_tokens * n_sequences


# ---- the sums -----------------------------------------------------------------------------------


def training_bytes(
    n_parameters: float,
    bits: float,
    n_layers: int,
    n_embd: int,
    n_tokens: int,
    n_sequences: int = 1,
    optimizer: str = "adam",
    recompute: str = "nothing",
) -> dict[str, float]:
    """What training a usual transformer needs, by part, when all parts are there at once.

    bits: 16 or 32, of weights, gradients and activations. The cell that has all of it is at the
    end of the forward pass in training that adds up gradients of several batches.
    """
    kept = activation_bytes(n_layers, n_embd, n_tokens, n_sequences, recompute)
    return {
        "weights": weight_bytes(n_parameters, bits),
        "gradients": weight_bytes(n_parameters, bits),
        "optimizer": optimizer_bytes(n_parameters, optimizer, bits),
        "activations": kept * bits / 16,
    }


# ---- the course's own model, to the last byte ---------------------------------------------------


def own_activation_bytes(
    n_sequences: int,
    n_tokens: int,
    n_layer: int,
    n_mlp: int,
    n_embd: int,
    n_head: int,
    vocabulary_size: int,
) -> int:
    """What `grooves.models.transformer` keeps for the backward pass of one loss, at 32 bits.

    n_mlp: blocks that have a feed-forward network. For the model with all its ingredients, on a
    processor. Each line is what one part saves, in numbers a token:

    - the embedding, its shifted copy, and what goes into the last norm and out of it: 4 C
    - attention: what goes into the norm and out of it, q, k and v before and after the rotation,
      what was looked up, and, of several heads, the same with them side by side: 2 C + 3 C + 2 C
      + 2 C
    - a feed-forward network: into the norm and out of it, then 4 C before and after the square
    - the loss: the logarithm of each word's probability, V
    - a mean and a deviation for each norm, and one number a head for attention's softmax
    """
    C = n_embd
    attention = 9 * C if n_head > 1 else 8 * C
    per_token = 4 * C + attention * n_layer + 10 * C * n_mlp + vocabulary_size
    norms = 2 * (2 + n_layer + n_mlp) + 4 * n_head * n_layer  # of words, and of queries and keys
    softmaxes = n_head * n_layer
    ids = 2  # the words themselves, 64 bits each
    return 4 * n_sequences * n_tokens * (per_token + norms + softmaxes + ids)


def own_loss_bytes(n_sequences: int, n_tokens: int, vocabulary_size: int) -> int:
    """What comes on top for a moment where the backward pass begins: the loss's gradient with
    respect to each logarithm of a probability, and with respect to each score."""
    return 2 * 4 * n_sequences * n_tokens * vocabulary_size


def own_training_bytes(
    n_sequences: int,
    n_tokens: int,
    n_layer: int,
    n_mlp: int,
    n_embd: int,
    n_head: int,
    vocabulary_size: int,
    optimizer: str = "adam",
) -> dict[str, int]:
    """What a training step of the course's model needs where it needs most, by part.

    That is where the backward pass begins. Gradients are none of it: they take the place of
    activations, one block after another, and are gone before the next step begins.
    Our "muon" is Muon for the blocks' matrices and Adam for the rest.
    """
    matrices = 4 * n_embd**2 * n_layer + 8 * n_embd**2 * n_mlp
    rest = vocabulary_size * n_embd + n_embd
    shape = (n_sequences, n_tokens, n_layer, n_mlp, n_embd, n_head, vocabulary_size)
    other = "adam" if optimizer == "muon" else optimizer
    state = optimizer_bytes(matrices, optimizer) + optimizer_bytes(rest, other)
    return {
        "weights": 4 * (matrices + rest),
        "optimizer": state,
        "activations": own_activation_bytes(*shape),
        "loss": own_loss_bytes(n_sequences, n_tokens, vocabulary_size),
    }


# ---- measured -----------------------------------------------------------------------------------


def tensor_bytes(tensors: Iterable[Tensor]) -> int:
    """Memory behind tensors; what two of them share counts once."""
    pieces = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors}
    return sum(pieces.values())


def state_bytes(optimizers: Iterable[torch.optim.Optimizer]) -> int:
    """Memory of what optimizers keep of each weight."""
    kept = (state.values() for o in optimizers for state in o.state.values())
    return tensor_bytes(v for values in kept for v in values if isinstance(v, Tensor))


def saved_bytes(function: Callable[[], Tensor], model: nn.Module) -> int:
    """Memory of what `function()` keeps for the backward pass, without the model's own tensors.

    function: computes a loss, and is called once.
    """
    own = {t.untyped_storage()._cdata for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if (key := tensor.untyped_storage()._cdata) not in own:
            kept[key] = tensor  # held, so that its place is not given to another
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function()
    kept.pop(result.untyped_storage()._cdata, None)  # the loss itself
    return tensor_bytes(kept.values())


def peak_bytes(function: Callable[[], object]) -> int:
    """The most memory that `function()` takes at any moment, beyond what was taken before.

    On CUDA the allocator says so, after a first run in which libraries take what they keep.
    Elsewhere it is watched.
    """
    if torch.cuda.is_available():
        function()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    return watched_peak_bytes(function)


def watched_peak_bytes(function: Callable[[], object]) -> int:
    """As `peak_bytes`, by watching every tensor from its making to its end, on any device.

    What an operation takes and gives back inside is not seen.
    """
    with _Watch() as watch:
        function()
    return watch.peak


class _Watch(TorchDispatchMode):
    """Adds up the memory of every tensor that an operation makes, and takes it off at its end."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.live: dict[int, int] = {}
        self.before: dict[int, object] = {}  # held, so that their places are not given to others

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        for storage in _storages((args, kwargs)):
            if storage._cdata not in self.live:
                self.before.setdefault(storage._cdata, storage)
        out = operation(*args, **(kwargs or {}))
        for storage in _storages(out):
            if storage._cdata not in self.live and storage._cdata not in self.before:
                self.live[storage._cdata] = storage.nbytes()
                self.now += storage.nbytes()
                weakref.finalize(storage, self._end, storage._cdata)
        self.peak = max(self.peak, self.now)
        return out

    def _end(self, key: int) -> None:
        self.now -= self.live.pop(key)


def _storages(tree) -> list:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _positive(**numbers) -> None:
    for name, value in numbers.items():
        if not value > 0:
            raise ValueError(f"{name}={value} must be positive")
