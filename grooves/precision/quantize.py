"""Weights in fewer bits: stored as integers with scales, and dequantised where they are used.

Key idea: small integers and one scale represent many weights. The scale is set by the largest of
them, so one outlier makes the steps of all others coarse, and the question is how many weights
share a scale: per-tensor, per-channel (a row) or group-wise. Chapter 12.
Source: symmetric quantisation as in Nagel et al. 2021, arXiv:2106.08295, section 2.2.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grooves.models.transformer import Config, Transformer
from grooves.training import checkpoint

PLAIN = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FP8 = {"fp8 e4m3": torch.float8_e4m3fn, "fp8 e5m2": torch.float8_e5m2}
WHOLE = {f"int{bits}": bits for bits in range(2, 9)}
SCALE = torch.bfloat16  # a scale needs the range of the weights more than their precision


@dataclass(frozen=True)
class Scheme:
    """How weights are stored: their format, and how many of them share a scale.

    format: "fp32", "bf16" or "fp16" (no scale), "fp8 e4m3", "fp8 e5m2", or "int8" down to "int2".
    group: "tensor", "row" (one scale per output), or a number of neighbours in a row.
    Raises: ValueError for another format or group.
    """

    format: str
    group: str | int = "row"

    def __post_init__(self):
        if self.format not in PLAIN | FP8 | WHOLE:
            raise ValueError(
                f"{self.format!r} is not a format: there are {', '.join(PLAIN | FP8 | WHOLE)}"
            )
        if self.group not in ("tensor", "row") and not (
            isinstance(self.group, int) and self.group > 0
        ):
            raise ValueError(f"group={self.group!r} must be 'tensor', 'row' or a positive number")

    def __str__(self) -> str:
        if self.format in PLAIN:
            return self.format
        kind = f"groups of {self.group}" if isinstance(self.group, int) else f"per {self.group}"
        return f"{self.format} {kind}"

    @property
    def bits(self) -> int:
        """Bits of one weight, without its part of a scale."""
        if self.format in WHOLE:
            return WHOLE[self.format]
        return torch.finfo((PLAIN | FP8)[self.format]).bits

    @property
    def qmax(self) -> float:
        """The largest magnitude that is stored: integers go as far down as up."""
        if self.format in WHOLE:
            return 2 ** (self.bits - 1) - 1
        return torch.finfo((PLAIN | FP8)[self.format]).max


# ---- one matrix ---------------------------------------------------------------------------------


def quantize(weight: Tensor, scheme: Scheme) -> tuple[Tensor, Tensor]:
    """Codes and scales, so that codes * scales is near the weight.

    weight: (R, C). Returns: codes (G, group) in the format, integers as int8; and scales
    (G, 1), where G is the number of groups: 1, R, or R C / group.
    Raises: ValueError where a row is not made of whole groups, or a weight is not finite.
    """
    if not torch.isfinite(weight).all():
        raise ValueError("a weight is infinite or not a number: it has no scale")
    groups = _grouped(weight.detach().float(), scheme)  # (G, group)
    if scheme.format in PLAIN:
        return groups.to(PLAIN[scheme.format]), torch.ones(1, 1, dtype=SCALE, device=weight.device)
    largest = groups.abs().amax(dim=1, keepdim=True)
    scales = (largest / scheme.qmax).to(SCALE)
    scales[scales == 0] = 1  # nothing but zeros: any scale will do
    scaled = groups / scales.float()  # by the scale as it is stored
    if scheme.format in FP8:
        return scaled.clamp(-scheme.qmax, scheme.qmax).to(FP8[scheme.format]), scales
    return scaled.round().clamp(-scheme.qmax, scheme.qmax).to(torch.int8), scales


def dequantize(codes: Tensor, scales: Tensor, shape) -> Tensor:
    """The weight that codes and scales represent, at 32 bits, in the shape it had."""
    return (codes.float() * scales.float()).view(shape)


def pack(codes: Tensor, bits: int) -> Tensor:
    """Integers of few bits side by side without gaps: two of 4 bits per byte.

    codes: int8, any shape, each from -2^(bits-1) to 2^(bits-1) - 1. The first is in the lowest
    bits. Returns: (ceil(n * bits / 8),) bytes.
    """
    places = torch.arange(bits, device=codes.device)
    ones = (codes.flatten()[:, None].to(torch.int16) >> places) & 1  # (n, bits), two's complement
    ones = F.pad(ones.flatten(), (0, -ones.numel() % 8)).view(-1, 8)
    return (ones << torch.arange(8, device=codes.device)).sum(1).to(torch.uint8)


def unpack(packed: Tensor, bits: int, n: int) -> Tensor:
    """The n integers that `pack` put side by side, as int8."""
    if bits == 4:  # the usual case, without taking every byte apart
        both = torch.stack((packed << 4, packed & 0xF0), dim=1).view(torch.int8)  # (bytes, 2)
        return (both >> 4).flatten()[:n]  # the shift carries the sign along
    ones = (packed[:, None] >> torch.arange(8, device=packed.device)) & 1  # (bytes, 8)
    ones = ones.flatten()[: n * bits].view(n, bits).to(torch.int16)
    codes = (ones << torch.arange(bits, device=packed.device)).sum(1)
    return (codes - (ones[:, -1].long() << bits)).to(torch.int8)  # the last bit is the sign


# ---- a whole model ------------------------------------------------------------------------------


class QuantizedWeight(nn.Module):
    """A matrix that is stored as packed codes and scales, and dequantised when it is called.

    weight: (R, C).
    """

    def __init__(self, weight: Tensor, scheme: Scheme):
        super().__init__()
        self.scheme, self.shape = scheme, tuple(weight.shape)
        codes, scales = quantize(weight, scheme)
        if scheme.format in WHOLE and scheme.bits < 8:
            codes = pack(codes, scheme.bits)
        self.register_buffer("codes", codes)
        if scheme.format not in PLAIN:
            self.register_buffer("scales", scales)

    def forward(self) -> Tensor:
        """The matrix at 32 bits, (R, C)."""
        if self.scheme.format in PLAIN:
            return self.codes.float().view(self.shape)
        codes = self.codes
        if codes.dtype == torch.uint8:
            n = self.shape[0] * self.shape[1]
            codes = unpack(codes, self.scheme.bits, n).view(len(self.scales), -1)
        return dequantize(codes, self.scales, self.shape)


class QuantizedLinear(nn.Module):
    """x W^T with a stored W: (..., fan_in) -> (..., fan_out)."""

    def __init__(self, stored: QuantizedWeight):
        super().__init__()
        self.stored = stored

    @property
    def weight(self) -> Tensor:
        """The matrix at 32 bits, (fan_out, fan_in)."""
        return self.stored()

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight)


class QuantizedEmbedding(QuantizedLinear):
    """A row of a stored matrix for each word: (B, T) -> (B, T, C)."""

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight)


def quantized(
    model: Transformer, scheme: Scheme, others: Mapping[str, Scheme] | None = None
) -> Transformer:
    """A copy of the model whose matrices are stored by a scheme, for inference only.

    others: schemes for single matrices by name, such as {"embedding": Scheme("int8")}; the names
    are those of `matrices`. Vectors stay at 32 bits.
    Raises: ValueError for a name that is not there.
    """
    others = dict(others or {})
    names = matrices(model)
    if unknown := sorted(others.keys() - names.keys()):
        raise ValueError(f"no matrix is called {unknown[0]!r}: there are {', '.join(names)}")
    small = copy.deepcopy(model)
    # a matrix that serves at both ends is stored once
    stored: dict[nn.Parameter, QuantizedWeight] = {}
    for name, module in list(small.named_modules()):
        if isinstance(module, nn.Linear | nn.Embedding):
            if module.weight not in stored:
                stored[module.weight] = QuantizedWeight(module.weight, others.get(name, scheme))
            kind = QuantizedLinear if isinstance(module, nn.Linear) else QuantizedEmbedding
            small.set_submodule(name, kind(stored[module.weight]))
    return small.eval()


def matrices(model: nn.Module) -> dict[str, Tensor]:
    """The matrices of a model by the name of the module that holds them; a shared one once."""
    found: dict[Tensor, str] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            found.setdefault(module.weight, name)
    return {name: weight for weight, name in found.items()}


def dequantized(small: Transformer) -> Transformer:
    """A model of 32 bits with the weights that a quantised one represents."""
    model = Transformer(small.config).to(small.embedding.weight.device)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(_find(small, name))
    return model.eval()


def stored_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What has to be kept of a model, by name: weights, or codes and scales; each once."""
    found = dict(model.named_parameters())
    for name, buffer in model.named_buffers():
        if name.endswith((".codes", ".scales")):
            found[name] = buffer
    return found


def stored_bytes(model: nn.Module) -> int:
    """Memory that a model's weights take, scales included."""
    return sum(t.numel() * t.element_size() for t in stored_tensors(model).values())


def save(small: Transformer, path: Path | str) -> int:
    """Write a quantised model to a safetensors file. Returns: the size of the file, in bytes."""
    schemes = {n: m for n, m in small.named_modules() if isinstance(m, QuantizedLinear)}
    kept = {n: [m.stored.scheme.format, m.stored.scheme.group] for n, m in schemes.items()}
    notes = {"config": small.config.to_dict(), "schemes": kept}
    checkpoint.write(path, stored_tensors(small), notes)
    return Path(path).stat().st_size


def load(path: Path | str) -> Transformer:
    """The quantised model that `save` wrote, on the processor.

    Raises: CheckpointError where the file is missing, damaged, or holds no such model.
    """
    tensors, notes = checkpoint.read(path)
    try:
        model = Transformer(Config(**notes["config"]))
        schemes = {name: Scheme(*scheme) for name, scheme in notes["schemes"].items()}
        schemes = {name: schemes[name] for name in matrices(model)}
    except (KeyError, TypeError, ValueError) as error:
        raise checkpoint.CheckpointError(f"{path} holds no quantised model ({error})") from None
    small = quantized(model, Scheme("fp32"), schemes)
    checkpoint.fill(stored_tensors(small), tensors, path)
    return small


# ---- what the above is made of ------------------------------------------------------------------


def _grouped(weight: Tensor, scheme: Scheme) -> Tensor:
    """A matrix with one row for each scale: (R, C) -> (G, group)."""
    if scheme.group == "tensor" or scheme.format in PLAIN:
        return weight.reshape(1, -1)
    if scheme.group == "row":
        return weight
    if weight.size(1) % scheme.group:
        raise ValueError(f"rows of {weight.size(1)} cannot be divided into {scheme}")
    return weight.reshape(-1, scheme.group)


def _find(module: nn.Module, name: str) -> Tensor:
    """A weight by its name, whether it is a parameter or stored."""
    for part in name.split("."):
        module = getattr(module, part)
    return module
