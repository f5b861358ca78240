"""Weights and activations in int8 (W8A8): products of integers, and what outliers do to them.

Key idea: weights are known beforehand, activations only while the model runs, and where a few
channels are far larger than all others, one scale per token leaves the others a few levels. Two
remedies: keep those channels in 16 bits, or divide them beforehand and multiply the weights that
read them.
Chapter 12. Sources: Dettmers et al. 2022 (LLM.int8), arXiv:2208.07339; Nagel et al. 2019,
arXiv:1906.04721, section 4.1 (equalisation); Xiao et al. 2023 (SmoothQuant), arXiv:2211.10438.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from grooves.models.transformer import Transformer
from grooves.precision.calibrated import layer_inputs
from grooves.precision.quantize import Scheme, quantize

LIMIT = 127  # of int8, symmetric


class Int8Linear(nn.Module):
    """x Wᵀ from integers: (..., fan_in) -> (..., fan_out).

    weight: (fan_out, fan_in), rounded with a scale per row. static_scale: of all activations, from
    calibration; None computes one for each token. kept: channels whose products are done in 16
    bits, as in LLM.int8.

    The sums are done in 32-bit floats, which hold them exactly: 127 · 127 · fan_in stays below
    2^24 for fan_in up to 1,040.
    """

    def __init__(
        self, weight: Tensor, static_scale: float | None = None, kept: Tensor | None = None
    ):
        super().__init__()
        self.kept = torch.zeros(weight.size(1), dtype=torch.bool) if kept is None else kept.cpu()
        self.kept = self.kept.to(weight.device)
        codes, scales = quantize(weight.detach()[:, ~self.kept], Scheme("int8"))
        self.register_buffer("codes", codes)
        self.register_buffer("scales", scales.float().flatten())
        self.register_buffer("wide", weight.detach()[:, self.kept].bfloat16())
        self.static_scale = static_scale

    def forward(self, x: Tensor) -> Tensor:
        small = x[..., ~self.kept]
        scale = self.static_scale or (small.abs().amax(-1, keepdim=True) / LIMIT).clamp(min=1e-12)
        codes = (small / scale).round().clamp(-LIMIT, LIMIT)
        sums = codes @ self.codes.float().mT  # exact, see above
        y = sums * scale * self.scales
        if self.kept.any():
            y = y + (x[..., self.kept].bfloat16() @ self.wide.mT).float()
        return y


def w8a8(
    model: Transformer,
    ids: Tensor,
    per_token: bool = True,
    keep_above: float | None = None,
    activations_only: bool = False,
) -> Transformer:
    """A copy of a model whose blocks multiply int8 by int8; the embedding keeps its 32 bits.

    ids: (B, T), texts for calibration. per_token: a scale for each token in place of one per layer.
    keep_above: channels with an activation above this stay in 16 bits. activations_only: round
    activations and leave the weights as they are.
    """
    small = copy.deepcopy(model)
    for block in small.blocks:
        names = [name for name, module in block.named_modules() if isinstance(module, nn.Linear)]
        for name in names:
            layer = block.get_submodule(name)
            largest = layer_inputs(small, layer, ids).abs().amax(0)  # of each channel, (C,)
            kept = largest > keep_above if keep_above is not None else None
            scale = None if per_token else float(largest.max()) / LIMIT
            if activations_only:
                new = _RoundedInput(layer, scale)
            else:
                new = Int8Linear(layer.weight, scale, kept)
            block.set_submodule(name, new)
    return small.eval()


class _RoundedInput(nn.Module):
    """A layer whose input goes through int8 and whose weights do not."""

    def __init__(self, layer: nn.Linear, static_scale: float | None):
        super().__init__()
        self.layer, self.static_scale = layer, static_scale

    def forward(self, x: Tensor) -> Tensor:
        scale = self.static_scale or (x.abs().amax(-1, keepdim=True) / LIMIT).clamp(min=1e-12)
        return self.layer((x / scale).round().clamp(-LIMIT, LIMIT) * scale)


@torch.no_grad()
def equalised(model: Transformer, ids: Tensor, alpha: float = 0.5) -> Transformer:
    """The same function with evener activations inside the feed-forward networks.

    The activation of channel j is divided by s_j = max|x_j|^α / max|w_j|^(1 − α), and the weights
    that read it are multiplied by s_j. Behind a squared ReLU the division goes into the layer
    before: its row j divided by the square root of s_j.
    ids: (B, T), texts for calibration. Source: Xiao et al. 2023, equation 4.
    """
    other = copy.deepcopy(model)
    for block in other.blocks:
        if block.mlp is None:
            continue
        up, down = block.mlp.up.weight, block.mlp.down.weight
        x = layer_inputs(other, block.mlp.down, ids).abs().amax(0).clamp(min=1e-5)  # (4 C,)
        w = down.abs().amax(0).clamp(min=1e-5)
        s = x**alpha / w ** (1 - alpha)
        up /= s.sqrt()[:, None]
        down *= s
    return other
