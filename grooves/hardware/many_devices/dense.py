"""What training a dense transformer needs: parameters, FLOPs per token, bytes of activations.

Key idea: five sizes of the model are enough. A matrix does two FLOPs per parameter and token in the
forward pass and four in the backward pass; what the backward pass needs from the forward pass, it
must find in memory or compute again. Chapters: 13, 15.
Source: Chowdhery et al. 2022 (PaLM), arXiv:2204.02311, appendix B, for the FLOPs that MFU counts;
Korthikanti et al. 2022, arXiv:2205.05198, section 4, for activations.
"""

from __future__ import annotations

from dataclasses import dataclass

from grooves.models import published

RECOMPUTE = ("none", "selective", "full")
STORED_BYTES = 34  # of a layer per token and channel, without attention's scores


@dataclass(frozen=True)
class Dense:
    """A dense transformer and its training sequences.

    mlp_width: 0 stands for 4 width. gated: whether the MLP has three matrices instead of two.
    kv_width: of the keys, and of the values, all heads together; 0 stands for width. tied: whether
    the embedding is the output matrix too. context: tokens per sequence.
    Raises: ValueError for a size that is not positive, or heads that do not divide the width.
    """

    n_layer: int
    width: int
    n_head: int
    vocabulary: int
    context: int
    mlp_width: int = 0
    gated: bool = False
    kv_width: int = 0
    tied: bool = True

    def __post_init__(self):
        sizes = (self.n_layer, self.width, self.n_head, self.vocabulary, self.context)
        if min(sizes) < 1 or self.width % self.n_head:
            raise ValueError(f"{self}: sizes must be positive and heads must divide the width")

    @property
    def layer_parameters(self) -> int:
        """Weights of one layer's matrices: queries and output, keys and values, MLP."""
        mlp_width = self.mlp_width or 4 * self.width
        attention = 2 * self.width**2 + 2 * self.width * (self.kv_width or self.width)
        return attention + (3 if self.gated else 2) * self.width * mlp_width

    @property
    def head_parameters(self) -> int:
        """Weights of the output matrix."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """Weights of all matrices; norms and biases are left out."""
        return self.n_layer * self.layer_parameters + self.head_parameters * (2 - self.tied)

    @property
    def model_flops_per_token(self) -> float:
        """FLOPs of forward and backward pass as MFU counts them.

        6 per weight that is multiplied, and 12 L C T for attention as if no token were masked.
        """
        weights = self.n_layer * self.layer_parameters + self.head_parameters
        return 6 * weights + 12 * self.n_layer * self.width * self.context

    def layer_flops(self, tokens: float, recompute: str = "selective") -> float:
        """FLOPs that a layer executes for so many tokens, forward and backward.

        Attention skips what is masked, which is half. recompute: "full" repeats the whole forward
        pass in the backward pass, "selective" only scores and their product with the values.
        """
        check_recompute(recompute)
        products = 2 * self.layer_parameters
        attention = 4 * self.width * self.context / 2
        forward = products + attention
        again = {"none": 0.0, "selective": attention, "full": forward}[recompute]
        return tokens * (3 * forward + again)

    def head_flops(self, tokens: float) -> float:
        """FLOPs of the output matrix, forward and backward."""
        return tokens * 6 * self.head_parameters

    def activation_bytes(
        self, sequences: float, tensor: int = 1, recompute: str = "selective"
    ) -> float:
        """Bytes that one layer keeps for the backward pass, on each device.

        s b h (34 + 5 a s / h) / t, in 16 bits, with sequence parallelism; the second term is
        attention's scores, which "selective" recomputes (and FlashAttention never stores);
        "full" keeps the layer's input only, 2 s b h, whole on each device.
        sequences: b, of a micro-batch. tensor: t, devices that divide each matrix.
        """
        check_recompute(recompute)
        sbh = self.context * sequences * self.width
        if recompute == "full":
            return 2 * sbh
        scores = 5 * self.n_head * self.context / self.width if recompute == "none" else 0
        return sbh * (STORED_BYTES + scores) / tensor

    def logits_bytes(self, sequences: float, tensor: int = 1) -> float:
        """Bytes of the logits in 32 bits, which the last stage keeps."""
        return 4 * self.context * sequences * self.vocabulary / tensor


def from_published(name: str, context: int) -> Dense:
    """A model of `grooves/models/published.toml` for sequences of `context` tokens.

    Raises: ValueError for a model that is not there, or that has experts or latent attention.
    """
    found = published.models()
    if name not in found:
        raise ValueError(f"{name!r} is not one of {', '.join(found)}")
    model = found[name]
    if model.is_sparse or model.kv_rank or model.n_head * model.head_dim != model.width:
        raise ValueError(f"{name!r} is no dense transformer with heads that add up to its width")
    return Dense(
        model.n_layer, model.width, model.n_head, model.vocabulary, context, model.mlp_width,
        not model.positions, model.n_kv_head * model.head_dim, model.tied,
    )  # fmt: skip


def check_recompute(recompute: str) -> None:
    """Raises: ValueError for a way of recomputation that does not exist."""
    if recompute not in RECOMPUTE:
        raise ValueError(f"{recompute=} is not one of {', '.join(RECOMPUTE)}")
