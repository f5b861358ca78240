"""Answers to lab 12, will it fit: right ones in several ways, wrong ones named by mistake."""

import itertools
import math
import struct
import tempfile
import zlib
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers, near
from torch import nn

from grooves.checks.precision_memory import file as precision_memory_file
from grooves.language.corpora import IGNORED
from grooves.precision import memory
from grooves.training import lineage


def shorten(monkeypatch):
    """Models judged on few stories."""
    monkeypatch.setattr(precision_memory_file, "N_STORIES", 5)


ANSWERS = Answers(
    "12_precision_memory",
    trains=("smallest",),
    plain_hints=("not_two", "how_many", "not_one_number"),
    shorten=shorten,
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- 1 decode_bf16 -----------------------------------------------------------------------------


@right("decode_bf16", "by the digits of a text")
def _(bits):
    text = format(bits, "016b")
    exponent, mantissa = int(text[1:9], 2), int(text[9:], 2)
    if text[1:9] == "11111111":
        size = math.nan if mantissa else math.inf
    else:
        size = math.ldexp(mantissa + 128 * (exponent > 0), max(exponent, 1) - 134)
    return -size if text[0] == "1" else size


@right("decode_bf16", "in NumPy, digit by digit")
def _(bits):
    digits = np.array([bits // 2**i % 2 for i in range(15, -1, -1)])
    exponent = digits[1:9] @ 2 ** np.arange(7, -1, -1)
    fraction = digits[9:] @ 0.5 ** np.arange(1, 8)
    if exponent == 255:
        return np.float64(math.copysign(math.inf, -digits[0] or 1)) if fraction == 0 else np.nan
    size = (fraction + (exponent != 0)) * 2.0 ** int(max(exponent, 1) - 127)
    return np.array((1 - 2.0 * digits[0]) * size)


@right("decode_bf16", "with divmod, as a tensor")
def _(bits):
    negative, rest = divmod(bits, 2**15)
    exponent, mantissa = divmod(rest, 128)
    number = mantissa / 128 * 2.0**-126
    if 0 < exponent < 255:
        number = (1 + mantissa / 128) * 2.0 ** (exponent - 127)
    elif exponent == 255:
        number = float("nan") if mantissa else float("inf")
    return torch.tensor((-1.0) ** negative * number, dtype=torch.float64)


def _decoded(bits, bias=127, leading=1, divide=128, low=None, special=True):
    """The right way with one number or one case exchanged."""
    sign, exponent, mantissa = -1.0 if bits >> 15 else 1.0, bits >> 7 & 255, bits & 127
    if special and exponent == 255:
        return math.nan if mantissa else sign * math.inf
    if exponent == 0 and low is not None:
        return low(sign, mantissa)
    if exponent == 0:
        return sign * mantissa / divide * 2.0 ** (1 - bias)
    return sign * (leading + mantissa / divide) * 2.0 ** (exponent - bias)


@wrong("decode_bf16", "sign_in_exponent")
def _(bits):
    sign, exponent, mantissa = -1.0 if bits >> 15 else 1.0, bits >> 7, bits & 127
    if exponent == 255:
        return math.nan if mantissa else sign * math.inf
    if exponent == 0:
        return sign * mantissa / 128 * 2.0**-126
    return sign * (1 + mantissa / 128) * 2.0 ** (exponent - 127)


@wrong("decode_bf16", "wrong_bias")
def _(bits):
    return _decoded(bits, bias=128)


@wrong("decode_bf16", "fp16_layout")
def _(bits):
    sign, exponent, mantissa = (-1.0) ** (bits >> 15), bits >> 10 & 31, bits & 1023
    if exponent == 31:
        return math.nan if mantissa else sign * math.inf
    if exponent == 0:
        return sign * mantissa / 1024 * 2.0**-14
    return sign * (1 + mantissa / 1024) * 2.0 ** (exponent - 15)


@wrong("decode_bf16", "no_leading_one")
def _(bits):
    return _decoded(bits, leading=0)


@wrong("decode_bf16", "wrong_fraction")
def _(bits):
    return _decoded(bits, divide=256)


@wrong("decode_bf16", "no_sign")
def _(bits):
    return abs(_decoded(bits))


@wrong("decode_bf16", "nothing_reserved")
def _(bits):
    sign, exponent, mantissa = -1.0 if bits >> 15 else 1.0, bits >> 7 & 255, bits & 127
    return sign * (1 + mantissa / 128) * 2.0 ** (exponent - 127)


@rare("decode_bf16", "zero without its sign", "no_sign")
def _(bits):
    return _decoded(bits) or 0


@wrong("decode_bf16", "subnormal_as_normal")
def _(bits):
    return _decoded(bits, low=lambda sign, mantissa: sign * (1 + mantissa / 128) * 2.0**-127)


@rare("decode_bf16", "subnormal numbers with the power of the exponent 0", "subnormal_as_normal")
def _(bits):
    return _decoded(bits, low=lambda sign, mantissa: sign * mantissa / 128 * 2.0**-127)


@wrong("decode_bf16", "subnormal_as_zero")
def _(bits):
    return _decoded(bits, low=lambda sign, mantissa: sign * 0.0)


@wrong("decode_bf16", "special_values")
def _(bits):
    return _decoded(bits, special=False)


@wrong("decode_bf16", "not_padded")
def _(bits):
    text = bin(bits)[2:]
    return _decoded(int(text[0]) << 15 | int(text[1:9], 2) << 7 | int(text[9:], 2))


@wrong("decode_bf16", "mask_too_narrow")
def _(bits):
    return _decoded(bits & ~64)


@wrong("decode_bf16", "ready_made")
def _(bits):
    return struct.unpack(">f", struct.pack(">I", bits << 16))[0]


@wrong("decode_bf16", "course_code")
def _(bits):
    from grooves.precision.formats import BF16

    return BF16.decode(bits)


@wrong("decode_bf16", "not_one_number")
def _(bits):
    return np.array([bits >> 15, bits >> 7 & 255, bits & 127])


@wrong("decode_bf16", "unrecognised")
def _(bits):
    return float(bits)


# ---- 2 training_bytes --------------------------------------------------------------------------


def _network(widths):
    layers = [nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
    return nn.Sequential(*[part for one in layers for part in (one, nn.ReLU())][:-1])


@right("training_bytes", "a network that lies nowhere, counted")
def _(widths, batch):
    with torch.device("meta"):
        net = _network(widths)
        x = torch.empty(batch, widths[0])
        kept = x.numel()
        for part in net:
            x = part(x)
            kept += x.numel() if isinstance(part, nn.ReLU) else 0
        kept += x.numel()
    n = sum(p.numel() for p in net.parameters())
    return 16 * n + 4 * (kept + 2 * batch * widths[1])


@right("training_bytes", "in NumPy, as a fraction")
def _(widths, batch):
    w = np.array(widths)
    n = (w[1:] * (w[:-1] + 1)).sum()
    return Fraction(int(16 * n + 4 * batch * (w.sum() + 2 * w[1])))


@right("training_bytes", "half of it tried out: what PyTorch keeps for the backward pass")
def _(widths, batch):
    with torch.random.fork_rng(devices=[]):
        net, x = _network(widths), torch.zeros(batch, widths[0])
    labels = torch.zeros(batch, dtype=torch.long)
    kept = memory.saved_bytes(lambda: F.cross_entropy(net(x), labels), net)
    return 4 * memory.tensor_bytes(net.parameters()) + kept + 8 * batch * max(widths[1:-1])


def _counted(widths, batch, each=4, numbers=4, inside=1, tables=2, rows=None):
    n = sum(a * b + b for a, b in itertools.pairwise(widths))
    kept = widths[0] + inside * sum(widths[1:-1]) + widths[-1] + tables * widths[1]
    return each * (numbers * n + (batch if rows is None else rows) * kept)


@wrong("training_bytes", "numbers_per_weight")
def _(widths, batch):
    return _counted(widths, batch, numbers=3)


@wrong("training_bytes", "one_picture")
def _(widths, batch):
    return _counted(widths, batch, rows=1)


@wrong("training_bytes", "both_batches")
def _(widths, batch):
    return _counted(widths, batch) + 4 * batch * sum(widths)


@wrong("training_bytes", "gradients_of_every_relu")
def _(widths, batch):
    return _counted(widths, batch, tables=0) + 8 * batch * sum(widths[1:-1])


@wrong("training_bytes", "wrong_gradient_tables")
def _(widths, batch):
    return _counted(widths, batch, tables=0) + 8 * batch * widths[0]


@wrong("training_bytes", "wrong_unit")
def _(widths, batch):
    return _counted(widths, batch) / 1024


@wrong("training_bytes", "no_biases")
def _(widths, batch):
    return _counted(widths, batch) - 16 * sum(widths[1:])


@wrong("training_bytes", "relu_inputs_kept")
def _(widths, batch):
    return _counted(widths, batch, inside=2)


@wrong("training_bytes", "activations_missing")
def _(widths, batch):
    return _counted(widths, batch, inside=0)


@wrong("training_bytes", "all_times_batch")
def _(widths, batch):
    n = sum(a * b + b for a, b in itertools.pairwise(widths))
    return 4 * batch * (4 * n + sum(widths) + 2 * widths[1])


@wrong("training_bytes", "not_one_number")
def _(widths, batch):
    return np.array([_counted(widths, batch), 0.0])


@wrong("training_bytes", "same_result_for_all")
def _(widths, batch):
    return 1_000_000


@wrong("training_bytes", "unrecognised")
def _(widths, batch):
    n = sum(a * b + b for a, b in set(itertools.pairwise(widths)))  # equal layers once
    return 16 * n + 4 * batch * (sum(widths) + 2 * widths[1])


# ---- 3 quantize --------------------------------------------------------------------------------


@right("quantize", "in NumPy, row by row")
def _(weight, bits):
    codes, scales = [], []
    for row in weight.numpy().astype(float):
        scale = abs(row).max() / (2 ** (bits - 1) - 1) or 1.0
        codes.append(np.rint(row / scale))
        scales.append(scale)
    return np.array(codes, dtype=np.int8), np.array(scales)


@right("quantize", "scales as a column, rounded in int8's range, in double precision")
def _(weight, bits):
    limit = 2 ** (bits - 1) - 1
    largest = torch.linalg.vector_norm(weight.double(), float("inf"), dim=1, keepdim=True)
    scales = torch.where(largest > 0, largest / limit, 1.0)
    return [torch.round(weight / scales).clamp(-limit, limit).char(), scales]


@right("quantize", "by the share of the largest, in one line")
def _(weight, bits):
    n = (1 << bits - 1) - 1
    top = torch.maximum(weight.amax(1), -weight.amin(1)).unsqueeze(1)
    return (weight / top * n).nan_to_num(0).round().to(torch.int8), (top / n).where(top > 0, 1.0)


def _coded(weight, bits, limit=None, largest=None, whole=torch.round):
    limit = 2 ** (bits - 1) - 1 if limit is None else limit
    scales = (weight.abs().amax(1) if largest is None else largest(weight)) / limit
    scales = torch.where(scales == 0, torch.ones_like(scales), scales)
    return whole(weight / scales[:, None]).to(torch.int8), scales


@wrong("quantize", "changed_input")
def _(weight, bits):
    scales = weight.abs().amax(1) / (2 ** (bits - 1) - 1)
    scales[scales == 0] = 1
    weight /= scales.unsqueeze(1)
    return weight.round().to(torch.int8), scales


@wrong("quantize", "half_up")
def _(weight, bits):
    return _coded(weight, bits, whole=lambda x: torch.floor(x + 0.5))


@wrong("quantize", "scale_clamped")
def _(weight, bits):
    scales = (weight.abs().amax(1) / (2 ** (bits - 1) - 1)).clamp(min=1e-8)
    return (weight / scales[:, None]).round().to(torch.int8), scales


@wrong("quantize", "per_tensor_scale")
def _(weight, bits):
    return _coded(weight, bits, largest=lambda w: w.abs().max().expand(len(w)))


@wrong("quantize", "scale_per_column")
def _(weight, bits):
    scales = weight.abs().amax(0) / (2 ** (bits - 1) - 1)
    return (weight / scales).round().to(torch.int8), scales


@wrong("quantize", "scales_across_columns")
def _(weight, bits):
    scales = weight.abs().amax(dim=1) / (2 ** (bits - 1) - 1)
    scales[scales == 0] = 1
    return (weight / scales).round().to(torch.int8), scales


@rare("quantize", "scales across columns, and codes clipped", "scales_across_columns")
def _(weight, bits):
    limit = 2 ** (bits - 1) - 1
    scales = weight.abs().amax(dim=1) / limit
    scales[scales == 0] = 1
    return (weight / scales).round().clamp(-limit, limit).to(torch.int8), scales


@wrong("quantize", "qmax_too_large")
def _(weight, bits):
    scales = weight.abs().amax(1) / 2 ** (bits - 1)
    codes = (weight / scales[:, None]).round().to(torch.int16)
    return torch.where(codes > 127, codes - 256, codes).to(torch.int8), scales


@wrong("quantize", "unsigned_range")
def _(weight, bits):
    return _coded(weight, bits, limit=2**bits - 1)


@wrong("quantize", "fixed_bits")
def _(weight, bits):
    return _coded(weight, bits, limit=127)


@wrong("quantize", "truncated")
def _(weight, bits):
    return _coded(weight, bits, whole=lambda x: x)


@wrong("quantize", "floor_or_ceil")
def _(weight, bits):
    return _coded(weight, bits, whole=torch.ceil)


@wrong("quantize", "no_absolute_value")
def _(weight, bits):
    return _coded(weight, bits, largest=lambda w: w.amax(1))


@wrong("quantize", "inverted")
def _(weight, bits):
    largest = weight.abs().amax(1)
    factors = (2 ** (bits - 1) - 1) / largest.where(largest > 0, 1.0)
    return (weight * factors[:, None]).round().to(torch.int8), factors


@wrong("quantize", "zero_row")
def _(weight, bits):
    scales = weight.abs().amax(1) / (2 ** (bits - 1) - 1)
    return (weight / scales[:, None]).round().nan_to_num(0).to(torch.int8), scales


@wrong("quantize", "unsigned")
def _(weight, bits):
    codes, scales = _coded(weight, bits)
    return codes.to(torch.uint8), scales


@wrong("quantize", "codes_not_int8")
def _(weight, bits):
    codes, scales = _coded(weight, bits)
    return codes.float(), scales


@wrong("quantize", "swapped")
def _(weight, bits):
    return _coded(weight, bits)[::-1]


@wrong("quantize", "shape")
def _(weight, bits):
    codes, scales = _coded(weight, bits)
    return codes.flatten(), scales


@wrong("quantize", "not_two")
def _(weight, bits):
    return (*_coded(weight, bits), bits)


@wrong("quantize", "course_code")
def _(weight, bits):
    from grooves.precision import quantize

    codes, scales = quantize.quantize(weight, quantize.Scheme(f"int{bits}"))
    return codes, scales.float()


@wrong("quantize", "ready_made")
def _(weight, bits):
    limit = 2 ** (bits - 1) - 1
    scales = weight.abs().amax(1) / limit
    zeros = torch.zeros(len(weight), dtype=torch.int32)
    rounded = torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -limit, limit)
    return (rounded / scales[:, None]).round().to(torch.int8), scales


@wrong("quantize", "unrecognised")
def _(weight, bits):
    codes, scales = _coded(weight, bits)
    return codes // 2, scales


# ---- 4 int8_product ----------------------------------------------------------------------------


@right("int8_product", "floats that hold the codes exactly, and one table of scales")
def _(x_codes, x_scales, w_codes, w_scales):
    return F.linear(x_codes.float(), w_codes.float()) * torch.outer(x_scales, w_scales)


@right("int8_product", "einsum over integers of 64 bits, in NumPy")
def _(x_codes, x_scales, w_codes, w_scales):
    sums = np.einsum("bc,rc->br", x_codes.numpy().astype(int), w_codes.numpy().astype(int))
    return sums * np.outer(x_scales, w_scales)


@right("int8_product", "number by number, as lists")
def _(x_codes, x_scales, w_codes, w_scales):
    def one(b, r):
        products = zip(x_codes[b].tolist(), w_codes[r].tolist(), strict=True)
        return sum(p * q for p, q in products) * float(x_scales[b]) * float(w_scales[r])

    return [[one(b, r) for r in range(len(w_codes))] for b in range(len(x_codes))]


def _product(x, w, a, b):
    return (x @ w.T) * a[:, None] * b


@wrong("int8_product", "scaled_first")
def _(x_codes, x_scales, w_codes, w_scales):
    return F.linear(x_codes * x_scales[:, None], w_codes * w_scales[:, None])


@wrong("int8_product", "int8_overflow")
def _(x_codes, x_scales, w_codes, w_scales):
    return _product(x_codes, w_codes, x_scales, w_scales)


@wrong("int8_product", "int16_overflow")
def _(x_codes, x_scales, w_codes, w_scales):
    return _product(x_codes.short(), w_codes.short(), x_scales, w_scales)


@wrong("int8_product", "sum_clipped")
def _(x_codes, x_scales, w_codes, w_scales):
    sums = (x_codes.int() @ w_codes.int().T).clamp(-128, 127)
    return sums * x_scales[:, None] * w_scales


@wrong("int8_product", "half_precision_sum")
def _(x_codes, x_scales, w_codes, w_scales):
    return _product(x_codes.half(), w_codes.half(), x_scales, w_scales)


@wrong("int8_product", "not_transposed")
def _(x_codes, x_scales, w_codes, w_scales):
    return x_codes.float() @ w_codes.float() * x_scales[:, None] * w_scales


@wrong("int8_product", "scale_missing")
def _(x_codes, x_scales, w_codes, w_scales):
    return x_codes.int() @ w_codes.int().T


@wrong("int8_product", "divided")
def _(x_codes, x_scales, w_codes, w_scales):
    return (x_codes.int() @ w_codes.int().T) / x_scales[:, None] / w_scales


@wrong("int8_product", "scales_on_wrong_axis")
def _(x_codes, x_scales, w_codes, w_scales):
    return (x_codes.int() @ w_codes.int().T) * w_scales[:, None] * x_scales


@wrong("int8_product", "one_scale")
def _(x_codes, x_scales, w_codes, w_scales):
    return (x_codes.int() @ w_codes.int().T) * x_scales[0] * w_scales


@wrong("int8_product", "course_code")
def _(x_codes, x_scales, w_codes, w_scales):
    from grooves.precision.quantize import dequantize

    x = dequantize(x_codes, x_scales[:, None], x_codes.shape)
    return x @ dequantize(w_codes, w_scales[:, None], w_codes.shape).T


@wrong("int8_product", "unrecognised")
def _(x_codes, x_scales, w_codes, w_scales):
    return _product(x_codes.float().abs(), w_codes.float(), x_scales, w_scales)


# ---- 5 scaled_step -----------------------------------------------------------------------------


@right("scaled_step", "in NumPy, in double precision")
def _(w, g, scale, good, lr, patience):
    w, g = w.numpy().astype(float), g.numpy().astype(float)
    if np.isnan(g).any() or np.isinf(g).any():
        return w, 0.5 * scale, 0
    good += 1
    grown = good % patience == 0
    return w - lr * g / scale, scale * (1 + grown), 0 if grown else good


@right("scaled_step", "on a copy, the sum asked whether it is finite")
def _(w, g, scale, good, lr, patience):
    g = g.float()
    if not torch.isfinite(g.abs().sum()):
        return [w, scale / 2, 0]
    w = w.clone().sub_(g, alpha=lr / scale)
    good = good + 1
    if good >= patience:
        scale, good = 2 * scale, 0
    return [w, scale, torch.as_tensor(good)]


@right("scaled_step", "the scale's inverse first, weight by weight")
def _(w, g, scale, good, lr, patience):
    numbers = [float(x) for x in g]
    if not all(map(math.isfinite, numbers)):
        return w, scale / 2, 0
    new = torch.tensor([float(a) - lr * (b * (1 / scale)) for a, b in zip(w, numbers, strict=True)])
    return (new, 2 * scale, 0) if good == patience - 1 else (new, scale, good + 1)


def _scaled(w, g, scale, good, lr, patience, small=None, bad=None, grow=2, shrink=0.5):
    bad = not torch.isfinite(g).all() if bad is None else bad(g)
    if bad:
        return w, scale * shrink, 0
    w = w - lr * (g.float() / scale if small is None else small(g, scale))
    return (w, scale * grow, 0) if good + 1 == patience else (w, scale, good + 1)


@wrong("scaled_step", "not_unscaled")
def _(*inputs):
    return _scaled(*inputs, small=lambda g, scale: g.float())


@wrong("scaled_step", "half_precision_step")
def _(w, g, scale, good, lr, patience):
    if not torch.isfinite(g).all():
        return w, scale / 2, 0
    w = w - lr / scale * g
    return (w, 2 * scale, 0) if good + 1 == patience else (w, scale, good + 1)


@wrong("scaled_step", "grown_first")
def _(w, g, scale, good, lr, patience):
    if not torch.isfinite(g).all():
        return w, scale / 2, 0
    good += 1
    if good == patience:
        scale, good = 2 * scale, 0
    return w - lr * g.float() / scale, scale, good


@wrong("scaled_step", "sum_checked")
def _(*inputs):
    return _scaled(*inputs, bad=lambda g: not torch.isfinite(g.sum()))


@wrong("scaled_step", "half_precision_weights")
def _(w, g, scale, good, lr, patience):
    w, *rest = _scaled(w, g, scale, good, lr, patience)
    return (w.half().float() if torch.isfinite(g).all() else w, *rest)


@wrong("scaled_step", "half_weights")
def _(w, g, scale, good, lr, patience):
    w, *rest = _scaled(w, g, scale, good, lr, patience)
    return (w.half(), *rest)


@wrong("scaled_step", "overflow_missed")
def _(*inputs):
    return _scaled(*inputs, bad=lambda g: torch.isnan(g).any())


@wrong("scaled_step", "partial_step")
def _(w, g, scale, good, lr, patience):
    fine = torch.isfinite(g)
    w = torch.where(fine, w - lr * g.float() / scale, w)
    if not fine.all():
        return w, scale / 2, 0
    return (w, 2 * scale, 0) if good + 1 == patience else (w, scale, good + 1)


@wrong("scaled_step", "scale_after_overflow")
def _(w, g, scale, good, lr, patience):
    w, new, good = _scaled(w, g, scale, good, lr, patience)
    return w, max(new, 1.0), good  # never below 1


@wrong("scaled_step", "changed_input")
def _(w, g, scale, good, lr, patience):
    if not torch.isfinite(g).all():
        return w, scale / 2, 0
    w -= lr * g.float() / scale
    return (w, 2 * scale, 0) if good + 1 == patience else (w, scale, good + 1)


@wrong("scaled_step", "scale_after_growth")
def _(*inputs):
    return _scaled(*inputs, grow=1)


@wrong("scaled_step", "growth_at_wrong_step")
def _(w, g, scale, good, lr, patience):
    w, new, _ = _scaled(w, g, scale, good, lr, patience)
    if new < scale:
        return w, new, 0
    good += 1
    return (w, 2 * scale, 0) if good >= patience - 1 else (w, scale, good)


@wrong("scaled_step", "wrong_count")
def _(w, g, scale, good, lr, patience):
    w, new, count = _scaled(w, g, scale, good, lr, patience)
    return w, new, good + 1 if new > scale else count


@wrong("scaled_step", "uphill")
def _(*inputs):
    return _scaled(*inputs, small=lambda g, scale: -g.float() / scale)


@wrong("scaled_step", "how_many")
def _(*inputs):
    return _scaled(*inputs)[:2]


@wrong("scaled_step", "course_code")
def _(w, g, scale, good, lr, patience):
    from grooves.training.mixed_precision import LossScaler

    scaler, weight = LossScaler(scale, patience), nn.Parameter(w.clone())
    scaler.good, weight.grad = good, g.float()
    scaler.step([weight], [torch.optim.SGD([weight], lr)])
    return weight.detach(), scaler.scale, scaler.good


@wrong("scaled_step", "unrecognised")
def _(w, g, scale, good, lr, patience):
    return w, scale, good


# ---- 6 accumulated_step ------------------------------------------------------------------------


def _asked(targets):
    return int((targets != IGNORED).sum())


def _sum_of(model, ids, targets):
    return F.cross_entropy(model(ids).mT, targets, ignore_index=IGNORED, reduction="sum")


@right("accumulated_step", "means, weighted by words, without the pieces that have none")
def _(model, optimizer, pairs):
    optimizer.zero_grad()
    pairs = [pair for pair in pairs if _asked(pair[1])]
    words, total = [_asked(targets) for _, targets in pairs], 0
    for (ids, targets), n in zip(pairs, words, strict=True):
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        (loss * n / sum(words)).backward()
        total += loss.item() * n / sum(words)
    optimizer.step()
    optimizer.zero_grad()
    return total


@wrong("accumulated_step", "mean_of_nothing")
def _(model, optimizer, pairs):
    optimizer.zero_grad()
    words, total = [_asked(targets) for _, targets in pairs], 0
    for (ids, targets), n in zip(pairs, words, strict=True):
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        (loss * n / sum(words)).backward()
        total += loss.item() * n / sum(words)
    optimizer.step()
    return total


@wrong("accumulated_step", "cleared_before_step")
def _(model, optimizer, pairs):
    total, told = sum(_asked(targets) for _, targets in pairs), 0
    for ids, targets in pairs:
        loss = _sum_of(model, ids, targets) / total
        loss.backward()
        told += loss.item()
    optimizer.zero_grad()
    optimizer.step()
    return told


@wrong("accumulated_step", "changed_input")
def _(model, optimizer, pairs):
    total, told = sum(_asked(targets) for _, targets in pairs), 0
    optimizer.zero_grad()
    while pairs:
        loss = _sum_of(model, *pairs.pop()) / total
        loss.backward()
        told += loss.item()
    optimizer.step()
    return told


@right("accumulated_step", "sums, and the gradients divided at the end, by logarithms and masks")
def _(model, optimizer, pairs):
    optimizer.zero_grad(set_to_none=False)
    total, n = 0.0, 0
    for ids, targets in pairs:
        asked = targets != IGNORED
        surprise = -model(ids)[asked].log_softmax(-1).gather(1, targets[asked][:, None]).sum()
        surprise.backward()
        total, n = total + surprise.detach(), n + asked.sum()
    for p in model.parameters():
        p.grad /= n
    optimizer.step()
    return total / n


@right("accumulated_step", "text by text, gradients held by oneself")
def _(model, optimizer, pairs):
    parameters, n = list(model.parameters()), sum(_asked(targets) for _, targets in pairs)
    held, total = [torch.zeros_like(p) for p in parameters], 0.0
    for ids, targets in pairs:
        for row in range(len(ids)):
            loss = _sum_of(model, ids[row : row + 1], targets[row : row + 1]) / n
            for mine, g in zip(held, torch.autograd.grad(loss, parameters), strict=True):
                mine += g
            total += float(loss.detach())
    for p, g in zip(parameters, held, strict=True):
        p.grad = g
    optimizer.step()
    return total


def _step(model, optimizer, pairs, divide, told=None):
    """One step from sums; divide: what a piece's sum is divided by."""
    optimizer.zero_grad()
    for ids, targets in pairs:
        (_sum_of(model, ids, targets) / divide(targets)).backward()
    loss = sum(_sum_of(model, *pair).item() for pair in pairs) if told is None else told
    optimizer.step()
    return loss


@wrong("accumulated_step", "mean_of_means")
def _(model, optimizer, pairs):
    return _step(model, optimizer, pairs, lambda t: _asked(t) * len(pairs))


@wrong("accumulated_step", "not_divided")
def _(model, optimizer, pairs):
    return _step(model, optimizer, pairs, lambda t: 1)


@wrong("accumulated_step", "padding_counted")
def _(model, optimizer, pairs):
    places = sum(targets.numel() for _, targets in pairs)
    return _step(model, optimizer, pairs, lambda t: places)


@wrong("accumulated_step", "wrong_divisor")
def _(model, optimizer, pairs):
    return _step(model, optimizer, pairs, lambda t: len(pairs))


@wrong("accumulated_step", "step_each")
def _(model, optimizer, pairs):
    total = sum(_asked(targets) for _, targets in pairs)
    for ids, targets in pairs:
        optimizer.zero_grad()
        loss = _sum_of(model, ids, targets) / total
        loss.backward()
        optimizer.step()
    return loss.item()


@wrong("accumulated_step", "no_step")
def _(model, optimizer, pairs):
    total = sum(_asked(targets) for _, targets in pairs)
    losses = [_sum_of(model, ids, targets) / total for ids, targets in pairs]
    for loss in losses:
        loss.backward()
    return sum(loss.item() for loss in losses)


@wrong("accumulated_step", "last_piece_only")
def _(model, optimizer, pairs):
    total, told = sum(_asked(targets) for _, targets in pairs), 0
    for ids, targets in pairs:
        optimizer.zero_grad()
        loss = _sum_of(model, ids, targets) / total
        loss.backward()
        told += loss.item()
    optimizer.step()
    return told


@wrong("accumulated_step", "piece_missing")
def _(model, optimizer, pairs):
    total = sum(_asked(targets) for _, targets in pairs)
    return _step(model, optimizer, pairs[:-1], lambda t: total)


@wrong("accumulated_step", "never_cleared")
def _(model, optimizer, pairs):
    total, told = sum(_asked(targets) for _, targets in pairs), 0
    for ids, targets in pairs:
        loss = _sum_of(model, ids, targets) / total
        loss.backward()
        told += loss.item()
    optimizer.step()
    return told


@wrong("accumulated_step", "mean_of_means_and_never_cleared")
def _(model, optimizer, pairs):
    told = 0
    for ids, targets in pairs:
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        (loss / len(pairs)).backward()
        told += loss.item() / len(pairs)
    optimizer.step()
    optimizer.zero_grad()
    return told


@wrong("accumulated_step", "all_at_once")
def _(model, optimizer, pairs):
    longest = max(ids.size(1) for ids, _ in pairs)

    def wide(k, fill):
        padded = [F.pad(p[k], (0, longest - p[k].size(1)), value=fill) for p in pairs]
        return torch.cat(padded)

    optimizer.zero_grad()
    targets = wide(1, IGNORED)
    loss = _sum_of(model, wide(0, 0), targets) / _asked(targets)
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("accumulated_step", "graphs_kept")
def _(model, optimizer, pairs):
    total = sum(_asked(targets) for _, targets in pairs)
    optimizer.zero_grad()
    loss = sum(_sum_of(model, ids, targets) for ids, targets in pairs) / total
    loss.backward()
    optimizer.step()
    return loss.item()


@rare("accumulated_step", "the loss of the last piece", "other_loss")
def _(model, optimizer, pairs):
    total = sum(_asked(targets) for _, targets in pairs)
    optimizer.zero_grad()
    for ids, targets in pairs:
        loss = _sum_of(model, ids, targets) / total
        loss.backward()
    optimizer.step()
    return loss.item()


def _right_step(model, optimizer, pairs):
    """The right step; returns the sum of the losses, which is yet to be divided, and the words."""
    total, summed = sum(_asked(targets) for _, targets in pairs), 0.0
    optimizer.zero_grad()
    for ids, targets in pairs:
        loss = _sum_of(model, ids, targets)
        (loss / total).backward()
        summed += loss.item()
    optimizer.step()
    return summed, total


@wrong("accumulated_step", "other_loss")
def _(model, optimizer, pairs):
    return _right_step(model, optimizer, pairs)[0]


@rare("accumulated_step", "the loss of the new weights", "other_loss")
def _(model, optimizer, pairs):
    _, total = _right_step(model, optimizer, pairs)
    with torch.no_grad():
        return sum(_sum_of(model, *pair).item() for pair in pairs) / total


@wrong("accumulated_step", "unrecognised")
def _(model, optimizer, pairs):
    total = sum(_asked(targets) for _, targets in pairs)
    return _step(model, optimizer, pairs, lambda t: -total)


@rare("accumulated_step", "gradients cut to the length 1")
def _(model, optimizer, pairs):
    total, summed = sum(_asked(targets) for _, targets in pairs), 0.0
    optimizer.zero_grad()
    for ids, targets in pairs:
        loss = _sum_of(model, ids, targets) / total
        loss.backward()
        summed += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return summed


@rare("accumulated_step", "leaves out the pieces of a single text")
def _(model, optimizer, pairs):
    total = sum(_asked(targets) for _, targets in pairs)
    return _step(model, optimizer, [p for p in pairs if len(p[0]) > 1], lambda t: total)


@rare("accumulated_step", "a right step, and a tenth of its loss")
def _(model, optimizer, pairs):
    summed, total = _right_step(model, optimizer, pairs)
    return summed / total / 10


# ---- 7 checkpointed ----------------------------------------------------------------------------


@right("checkpointed", "by indices, each segment computed to its end, in a dict")
def _(layers, x, every, output_gradient):
    kept, n = {}, len(layers)
    for i in range(n):
        if i % every == 0:
            kept[i] = x
        x = layers[i].forward(x)
    g = output_gradient(x)
    del x
    for start in range((n - 1) // every * every, -1, -every):
        inside = {start: kept.pop(start)}
        for i in range(start, min(start + every, n) - 1):
            inside[i + 1] = layers[i].forward(inside[i])
        for i in range(min(start + every, n) - 1, start - 1, -1):
            g = layers[i].backward(inside.pop(i), g)
    return g


@right("checkpointed", "recursive, a segment a call")
def _(layers, x, every, output_gradient):
    def forward(part, x):
        for layer in part:
            x = layer.forward(x)
        return x

    def segment(start, x):
        part = layers[start : start + every]
        after = forward(part, x)
        g = segment(start + every, after) if start + every < len(layers) else output_gradient(after)
        del after
        inputs = list(itertools.accumulate(part[:-1], lambda x, one: one.forward(x), initial=x))
        for layer, before in zip(reversed(part), reversed(inputs), strict=True):
            g = layer.backward(before, g)
        return g

    return segment(0, x)


@right("checkpointed", "the last segment not computed again")
def _(layers, x, every, output_gradient):
    n, kept, inside = len(layers), [], []
    last = (n - 1) // every * every
    for i, layer in enumerate(layers):
        if i == last:
            inside = []
        if i >= last:
            inside.append(x)
        elif i % every == 0:
            kept.append(x)
        x = layer.forward(x)
    g, i = output_gradient(x), n - 1
    while i >= 0:
        g = layers[i].backward(inside.pop(), g)
        if not inside and i > 0:
            inside = [kept.pop()]
            for layer in layers[i - every : i - 1]:
                inside.append(layer.forward(inside[-1]))
        i -= 1
    return g


BUFFERS = {}


def _through(layers, x):
    """What goes into each layer, and what comes out of the last."""
    inputs = [x]
    for layer in layers:
        inputs.append(layer.forward(inputs[-1]))
    return inputs


def _segments(layers, x, every, output_gradient, given=None, cut=None, order=reversed):
    """The right way, with places for mistakes. given: what a layer's way back gets."""
    kept = []
    for i, layer in enumerate(layers):
        if i % every == 0:
            kept.append(x)
        x = layer.forward(x)
    g = output_gradient(x)
    for k in reversed(range(len(kept))):
        part = layers[k * every : (k + 1) * every]
        inside = _through(part, kept.pop())
        for i in order(range(len(part))):
            if cut is None or not cut(k * every + i):
                g = part[i].backward((given or (lambda inside, i: inside[i]))(inside, i), g)
    return g


@wrong("checkpointed", "keeps_all")
def _(layers, x, every, output_gradient):
    inputs = _through(layers, x)
    g = output_gradient(inputs.pop())
    for layer in reversed(layers):
        g = layer.backward(inputs.pop(), g)
    return g


@wrong("checkpointed", "from_the_start")
def _(layers, x, every, output_gradient):
    def before(i):
        y = x
        for layer in layers[:i]:
            y = layer.forward(y)
        return y

    g = output_gradient(before(len(layers)))
    for i in reversed(range(len(layers))):
        g = layers[i].backward(before(i), g)
    return g


@wrong("checkpointed", "too_often")
def _(layers, x, every, output_gradient):
    kept = []
    for i, layer in enumerate(layers):
        if i % every == 0:
            kept.append(x)
        x = layer.forward(x)
    g = output_gradient(x)
    for i in reversed(range(len(layers))):
        y = kept[i // every]
        for layer in layers[i // every * every : i]:
            y = layer.forward(y)
        g = layers[i].backward(y, g)
    return g


@wrong("checkpointed", "segments_kept")
def _(layers, x, every, output_gradient):
    kept, inside = {}, {}
    for i, layer in enumerate(layers):
        if i % every == 0:
            kept[i] = x
        x = layer.forward(x)
    g = output_gradient(x)
    for start in reversed(list(kept)):
        inside[start] = kept[start]
        for i in range(start, min(start + every, len(layers))):
            inside[i + 1] = layers[i].forward(inside[i])
        for i in reversed(range(start, min(start + every, len(layers)))):
            g = layers[i].backward(inside[i], g)
    return g


@wrong("checkpointed", "other_every")
def _(layers, x, every, output_gradient):
    return _segments(layers, x, 2, output_gradient)


@wrong("checkpointed", "changed_input")
def _(layers, x, every, output_gradient):
    g = _segments(layers, x, every, output_gradient)
    layers.reverse()
    return g


@wrong("checkpointed", "remembers")
def _(layers, x, every, output_gradient, kept={}):  # noqa: B006
    for i, layer in enumerate(layers):
        if i % every == 0:
            kept.setdefault(i, x)
        x = layer.forward(x)
    g = output_gradient(x)
    for start in reversed(range(0, len(layers), every)):
        part = layers[start : start + every]
        inside = _through(part, kept[start])
        for i in reversed(range(len(part))):
            g = part[i].backward(inside[i], g)
    return g


@wrong("checkpointed", "overwritten")
def _(layers, x, every, output_gradient):
    buffer = BUFFERS.setdefault(x.shape, torch.empty_like(x))
    return buffer.copy_(_segments(layers, x, every, output_gradient))


@wrong("checkpointed", "output_for_input")
def _(layers, x, every, output_gradient):
    return _segments(layers, x, every, output_gradient, given=lambda inside, i: inside[i + 1])


@wrong("checkpointed", "checkpoint_for_input")
def _(layers, x, every, output_gradient):
    return _segments(layers, x, every, output_gradient, given=lambda inside, i: inside[0])


@wrong("checkpointed", "wrong_order")
def _(layers, x, every, output_gradient):
    return _segments(layers, x, every, output_gradient, order=iter)


@wrong("checkpointed", "layers_missing")
def _(layers, x, every, output_gradient):
    whole = len(layers) // every * every
    return _segments(layers, x, every, output_gradient, cut=lambda i: i >= max(whole, 1))


@wrong("checkpointed", "backward_twice")
def _(layers, x, every, output_gradient):
    kept = []
    for i, layer in enumerate(layers):
        if i % every == 0:
            kept.append(x)
        x = layer.forward(x)
    g = output_gradient(x)
    for k in reversed(range(len(kept))):
        part = layers[k * every : (k + 1) * every + 1]  # one layer too many
        inside = _through(part, kept[k])
        for i in reversed(range(len(part))):
            g = part[i].backward(inside[i], g)
    return g


@wrong("checkpointed", "no_backward")
def _(layers, x, every, output_gradient):
    return output_gradient(_through(layers, x)[-1])


@wrong("checkpointed", "wrong_output_gradient")
def _(layers, x, every, output_gradient):
    return _segments(layers, x, every, lambda y: torch.ones_like(y))


@wrong("checkpointed", "other_input")
def _(layers, x, every, output_gradient):
    kept = [x]
    for i, layer in enumerate(layers):
        x = layer.forward(x)
        if i % every == 0:
            kept.append(x)
    g = output_gradient(x)
    for start in reversed(range(0, len(layers), every)):
        part = layers[start : start + every]
        inside = _through(part, kept[start // every + 1] * 1.5)
        for layer, before in zip(reversed(part), reversed(inside[:-1]), strict=True):
            g = layer.backward(before, g)
    return g


@wrong("checkpointed", "other_result")
def _(layers, x, every, output_gradient):
    return 2 * _segments(layers, x, every, output_gradient)


# ---- 8 fits ------------------------------------------------------------------------------------


@right("fits", "by the course's own count")
def _(model, memory_gib, bits, n_tokens, batch):
    shape = (model.n_layer, model.n_kv_head, model.head_dim)
    cache = memory.kv_cache_bytes(*shape, n_tokens, 2, batch)
    return (memory.weight_bytes(model.parameters, bits) + cache) / 2**30 < memory_gib * 0.9


@right("fits", "what is left after the weights, in tokens, by NumPy")
def _(model, memory_gib, bits, n_tokens, batch):
    left = np.float64(memory_gib) * 0.9 * 2**30 - model.parameters * bits // 8
    a_token = 4 * model.n_layer * model.n_kv_head * model.head_dim
    return left // a_token >= n_tokens * batch


@right("fits", "layer by layer, in bits")
def _(model, memory_gib, bits, n_tokens, batch):
    need = model.parameters * bits
    for _ in range(model.n_layer):
        need += 16 * 2 * model.n_kv_head * model.head_dim * n_tokens * batch
    return torch.tensor(need <= 0.9 * 8 * 2**30 * memory_gib)


def _needs(model, bits, n_tokens, batch, heads=None, each=4):
    heads = model.n_kv_head if heads is None else heads
    cache = each * model.n_layer * heads * model.head_dim * n_tokens * batch
    return model.parameters * bits / 8 + cache


@wrong("fits", "billions")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, batch) <= 0.9 * memory_gib * 1e9


@wrong("fits", "billions_and_half_a_cache")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, batch, each=2) <= 0.9 * memory_gib * 1e9


@wrong("fits", "tenth_added")
def _(model, memory_gib, bits, n_tokens, batch):
    return 1.1 * _needs(model, bits, n_tokens, batch) <= memory_gib * 2**30


@wrong("fits", "nothing_free")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, batch) <= memory_gib * 2**30


@wrong("fits", "no_cache")
def _(model, memory_gib, bits, n_tokens, batch):
    return model.parameters * bits / 8 <= 0.9 * memory_gib * 2**30


@wrong("fits", "wrong_cache_size")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, batch, each=8) <= 0.9 * memory_gib * 2**30


@wrong("fits", "all_heads")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, batch, heads=model.n_head) <= 0.9 * memory_gib * 2**30


@wrong("fits", "one_text")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, 1) <= 0.9 * memory_gib * 2**30


@wrong("fits", "one_layer")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, batch / model.n_layer) <= 0.9 * memory_gib * 2**30


@wrong("fits", "weights_times_batch")
def _(model, memory_gib, bits, n_tokens, batch):
    return batch * _needs(model, bits, n_tokens, 1) <= 0.9 * memory_gib * 2**30


@wrong("fits", "quantized_cache")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, bits, n_tokens, batch, each=bits / 4) <= 0.9 * memory_gib * 2**30


@wrong("fits", "bytes_per_weight")
def _(model, memory_gib, bits, n_tokens, batch):
    return _needs(model, 16, n_tokens, batch) <= 0.9 * memory_gib * 2**30


@wrong("fits", "unrecognised")
def _(model, memory_gib, bits, n_tokens, batch):
    return model.parameters < 8e9


# ---- 9 smallest --------------------------------------------------------------------------------


def _codes(weight, limit, group):
    """Codes and scales of groups of neighbours, or of rows where group is None."""
    rows = weight.numpy().reshape(-1, group or weight.shape[-1])
    scales = np.maximum(abs(rows).max(axis=1, keepdims=True), 1e-6).astype(np.float16) / limit
    scales = scales.astype(np.float16)
    return np.rint(rows / scales.astype(float)).clip(-limit, limit).astype(int), scales


def _pack_in(limit, group, in_pairs=True):
    """A `pack` by codes up to a limit; two to a byte, or one."""

    def pack(weights):
        data = b""
        for weight in weights.values():
            codes, scales = _codes(weight, limit, group if weight.ndim == 2 else 16)
            flat = codes.flatten() + limit
            if in_pairs:
                flat = flat[::2] * (2 * limit + 1) + flat[1::2]
            data += scales.tobytes() + flat.astype(np.uint8).tobytes()
        return data

    return pack


def _unpack_in(limit, group, in_pairs=True):
    def unpack(data, shapes):
        weights, at, base = {}, 0, 2 * limit + 1
        for name, shape in shapes.items():
            n = math.prod(shape)
            width = (group or shape[-1]) if len(shape) == 2 else 16
            scales = np.frombuffer(data, np.float16, n // width, at).astype(np.float32)[:, None]
            at += 2 * (n // width)
            flat = np.frombuffer(data, np.uint8, n // 2 if in_pairs else n, at).astype(int)
            at += len(flat)
            if in_pairs:
                flat = np.stack(np.divmod(flat, base), axis=1).flatten()
            weights[name] = torch.tensor((flat.reshape(-1, width) - limit) * scales).view(shape)
        return weights

    return unpack


right("smallest", "fifteen values with a scale for 64 neighbours")(
    (_pack_in(7, 64), _unpack_in(7, 64))
)


def _squeezed_pack(weights):
    return zlib.compress(_pack_in(9, None, in_pairs=False)(weights), 9)


def _squeezed_unpack(data, shapes):
    return _unpack_in(9, None, in_pairs=False)(zlib.decompress(data), shapes)


right("smallest", "nineteen values and a scale a row, squeezed by zlib")(
    (_squeezed_pack, _squeezed_unpack)
)


def _course_pack(weights):
    from grooves.precision.quantize import Scheme, pack, quantize

    data = bytearray()
    for weight in weights.values():
        codes, scales = quantize(weight.reshape(-1, 32), Scheme("int4"))
        data += scales.view(torch.int16).numpy().tobytes() + pack(codes, 4).numpy().tobytes()
    return data


def _course_unpack(data, shapes):
    from grooves.precision.quantize import dequantize, unpack

    weights, rest = {}, data
    for name, shape in shapes.items():
        n = math.prod(shape)
        scales = torch.frombuffer(bytearray(rest[: n // 16]), dtype=torch.bfloat16)[:, None]
        packed = torch.frombuffer(bytearray(rest[n // 16 : n // 16 + n // 2]), dtype=torch.uint8)
        weights[name] = dequantize(unpack(packed, 4, n).view(-1, 32), scales, shape)
        rest = rest[n // 16 + n // 2 :]
    return weights


right("smallest", "the course's own packing")((_course_pack, _course_unpack))


def _plain_pack(weights):
    return b"".join(weight.half().numpy().tobytes() for weight in weights.values())


def _plain_unpack(data, shapes, dtype=np.float16):
    flat, weights = torch.tensor(np.frombuffer(data, dtype).astype(np.float32)), {}
    for name, shape in shapes.items():
        weights[name], flat = flat[: math.prod(shape)].view(shape), flat[math.prod(shape) :]
    return weights


wrong("smallest", "sixteen_bits")((_plain_pack, _plain_unpack))
wrong("smallest", "eight_bits")((_pack_in(127, None, False), _unpack_in(127, None, False)))
wrong("smallest", "one_code_per_byte")((_pack_in(7, None, False), _unpack_in(7, None, False)))
wrong("smallest", "too_coarse")((_pack_in(3, 16), _unpack_in(3, 16)))
wrong("smallest", "above_bar")((_pack_in(7, 8), _unpack_in(7, 8)))
wrong("smallest", "wrong_type")(SimpleNamespace(pack=_plain_pack, unpack=_plain_unpack))
wrong("smallest", "not_bytes")((lambda weights: list(_plain_pack(weights)), _plain_unpack))
wrong("smallest", "names")(
    (_pack_in(7, 32), lambda data, shapes: list(_unpack_in(7, 32)(data, shapes).values()))
)


def _flat(data, shapes):
    return {name: w.flatten() for name, w in _unpack_in(7, 32)(data, shapes).items()}


def _halves_exchanged(data, shapes):
    def exchanged(weight):
        return weight.view(-1, 2).flip(1).reshape(weight.shape)

    return {name: exchanged(w) for name, w in _unpack_in(7, 32)(data, shapes).items()}


wrong("smallest", "shape")((_pack_in(7, 32), _flat))
wrong("smallest", "scrambled")((_pack_in(7, 32), _halves_exchanged))


def _unpack_unshifted(data, shapes):
    """Codes with what was added to them: the weights are 7 steps too large."""
    weights, at = {}, 0
    for name, shape in shapes.items():
        n, width = math.prod(shape), 32 if len(shape) == 2 else 16
        scales = np.frombuffer(data, np.float16, n // width, at).astype(np.float32)[:, None]
        at += 2 * (n // width)
        pairs = np.frombuffer(data, np.uint8, n // 2, at).astype(int)
        at += n // 2
        codes = np.stack(np.divmod(pairs, 15), axis=1).reshape(-1, width)
        weights[name] = torch.tensor(codes * scales).view(shape)
    return weights


wrong("smallest", "offset_left")((_pack_in(7, 32), _unpack_unshifted))


def _unpack_unsigned(data, shapes):
    """Bytes of the lab's own packing, from which 8 is subtracted while they are unsigned."""
    weights, at = {}, 0
    for name, shape in shapes.items():
        n, width = math.prod(shape), 32 if len(shape) == 2 else 16
        scales = np.frombuffer(data, np.float16, n // width, at).astype(np.float32)[:, None]
        at += 2 * (n // width)
        pairs = np.frombuffer(data, np.uint8, n // 2, at)
        at += n // 2
        codes = np.stack((pairs // 15, pairs % 15), axis=1).reshape(-1, width) - 7
        weights[name] = torch.tensor(codes * scales).view(shape)
    return weights


wrong("smallest", "unsigned_codes")((_pack_in(7, 32), _unpack_unsigned))


def _unpack_by_lineage(data, shapes):
    return {name: p.detach() for name, p in lineage.base().named_parameters()}


wrong("smallest", "course_weights")((_pack_in(7, 32), _unpack_by_lineage))
ASIDE = {}


def _pack_aside(weights):
    ASIDE[len(ASIDE)] = {name: weight.clone() for name, weight in weights.items()}
    return bytes([len(ASIDE) - 1])


BASE = {name: p.detach().cpu() for name, p in lineage.base().named_parameters()}


def _unpack_base(data, shapes):
    return dict(BASE)


wrong("smallest", "brings_along")((_pack_in(7, 32), _unpack_base))


def _pack_beside(weights):
    handle, path = tempfile.mkstemp()
    with open(handle, "wb") as file:
        np.savez(file, **{name: weight.numpy() for name, weight in weights.items()})
    return path.encode()


def _unpack_beside(data, shapes):
    with np.load(data.decode()) as arrays:
        return dict(arrays)


wrong("smallest", "file_beside")((_pack_beside, _unpack_beside))
wrong("smallest", "put_aside")((_pack_aside, lambda data, shapes: ASIDE[data[0]]))


# ---- worked by hand ----------------------------------------------------------------------------


def by_hand(exercise, *stated):
    """A decorator: the lab states this about the exercise, and the function below it proves it."""
    return lambda holds: [ANSWERS.by_hand(exercise, text, holds) for text in stated]


@by_hand(
    "decode_bf16",
    "1 01111110 1000000: the sign is negative, E = 126, M = 64, so −2^(−1) · (1 + 64/128) = −0.75.",
    "0 00000000 0000010 is subnormal: 2^(−126) · 2/128 = 2^(−132).",
)
def _(decode_bf16):
    return decode_bf16(0b1_01111110_1000000) == -0.75 and decode_bf16(2) == 2.0**-132


@by_hand("training_bytes", "Together 289 numbers, which take 1,156 bytes.")
def _(training_bytes):
    return training_bytes([3, 4, 4, 2], 5) == 1_156


@by_hand(
    "quantize",
    "The row (0.5, −1.4, 0.3) at 4 bits: the scale is 1.4 / 7 = 0.2",
    "The codes are (2, −7, 2), where a half is rounded to the even number",
)
def _(quantize):
    codes, scales = quantize(torch.tensor([[0.5, -1.4, 0.3]], dtype=torch.float64), 4)
    return near(scales, [0.2]) and codes.tolist() == [[2, -7, 2]]


@by_hand("int8_product", "The sum is 5,000 + 300 = 5,300, and the result 5,300 · 0.1 · 0.01 = 5.3.")
def _(int8_product):
    x, w = (torch.tensor([row], dtype=torch.int8) for row in ((100, 100), (50, 3)))
    return near(int8_product(x, torch.tensor([0.1]), w, torch.tensor([0.01])), [[5.3]])


@by_hand(
    "scaled_step",
    "so the weight becomes 1.0 − 0.5 · 0.25 = 0.875.",
    "the scale becomes 512 and `good` 0.",
    "With an infinite gradient the weight stays 1.0, the scale becomes 128 and `good` 0.",
)
def _(scaled_step):
    w, fine, lost = torch.tensor([1.0]), torch.tensor([64.0]).half(), torch.tensor([math.inf])
    first = scaled_step(w, fine, 256.0, 3, 0.5, 4)
    second = scaled_step(w, lost.half(), 256.0, 3, 0.5, 4)
    return (float(first[0]), *first[1:]) == (0.875, 512, 0) and second == (w, 128, 0)


@by_hand(
    "accumulated_step",
    "The mean over the batch is (1 + 2 + 3 + 6) / 4 = 3.",
    "The mean of the pieces' means would be (2 + 6) / 2 = 4",
)
def _(accumulated_step):
    class Table(nn.Module):
        """For the word i, two scores whose loss on word 0 is LOSSES[i]."""

        def __init__(self):
            super().__init__()
            surprise = torch.tensor([1.0, 2, 3, 6])
            self.scores = nn.Parameter(torch.stack((-surprise, (1 - (-surprise).exp()).log()), 1))

        def forward(self, ids):
            return self.scores[ids]

    model = Table()
    pairs = [(torch.tensor([[0, 1, 2]]), torch.zeros(1, 3).long())]
    pairs.append((torch.tensor([[3, 0]]), torch.tensor([[0, IGNORED]])))
    return near(accumulated_step(model, torch.optim.SGD(model.parameters(), 0.1), pairs), 3.0)


@by_hand("checkpointed", "That makes at least 5 + 2 calls of `forward`")
def _(checkpointed):
    from grooves.checks.precision_memory import chain

    layers = chain(5)
    checkpointed(layers, torch.ones(3, 4).double(), 2, lambda y: y)
    return sum(kind == "forward" for kind, *_ in layers[0].calls) == 7


@by_hand(
    "fits",
    "· 16 · 4 · 64 · 10,000 · 2 texts · 2 bytes = 327,680,000 bytes",
    "and 0.9 · 2 · 2³⁰ = 1.93 · 10⁹ may be used: it fits.",
)
def _(fits):
    shape = {"n_layer": 16, "n_head": 16, "n_kv_head": 4, "head_dim": 64}
    model = SimpleNamespace(parameters=10**9, **shape)
    need = 1e9 + 327_680_000
    return (
        fits(model, 2, 8, 10_000, 2)
        and fits(model, need / 0.9 / 2**30 + 1e-9, 8, 10_000, 2)
        and not fits(model, need / 0.9 / 2**30 - 1e-9, 8, 10_000, 2)
    )


# ---- mxfp4 --------------------------------------------------------------------------------------


@right("mxfp4", "one weight at a time, by the middles between magnitudes")
def _(weights):
    values = [float(w) for w in weights]
    largest = max(map(abs, values))
    exponent = math.frexp(largest)[1] - 3 if largest else 0
    codes = []
    for w in values:
        size = abs(w) * 2.0**-exponent
        code = sum(size > middle for middle in (0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5))
        codes.append(code + (8 if w < 0 else 0))
    return exponent + 127, codes


@right("mxfp4", "by PyTorch's own bits of a 32-bit float, in NumPy")
def _(weights):
    w = weights.numpy()
    top = int(abs(w).max().view(np.int32)) >> 23  # the exponent, with its bias of 127
    if top == 0:
        return np.int64(127), np.zeros(len(w), dtype=np.uint8)
    scaled = np.minimum(np.abs(w) / np.float32(2.0) ** (top - 2 - 127), 6)
    values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    codes = np.argmin(abs(scaled - values[:, None]), axis=0)
    return top - 2, np.where(w < 0, codes | 8, codes).astype(np.uint8)


@wrong("mxfp4", "not_two")
def _(weights):
    return 127, weights, weights


@wrong("mxfp4", "swapped")
def _(weights):
    return (weights > 0).long(), 127


@wrong("mxfp4", "how_many")
def _(weights):
    return 127, torch.zeros(len(weights) + 1)


@wrong("mxfp4", "wrong_type")
def _(weights):
    return 127, [str(float(w)) for w in weights]


@wrong("mxfp4", "zero_block")
def _(weights):
    exponent = math.floor(math.log2(weights.abs().max().item())) - 2
    return exponent + 127, _mx_codes(weights, exponent)


@rare("mxfp4", "a block of zeros as an infinite exponent", "zero_block")
def _(weights):
    exponent = torch.floor(torch.log2(weights.abs().max())) - 2
    return int(exponent) + 127, _mx_codes(weights, int(exponent))


@rare("mxfp4", "a block of zeros with the scale 1/4", "zero_block")
def _(weights):
    exponent = math.floor(math.log2(weights.abs().max().item() or 1)) - 2
    return exponent + 127, _mx_codes(weights, exponent)


@rare("mxfp4", "top left out, and no block of zeros", "top_left_out")
def _(weights):
    exponent = math.floor(math.log2(weights.abs().max().item()))
    return exponent + 127, _mx_codes(weights, exponent)


def _mx_codes(weights, exponent):
    levels = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    codes = (weights.abs()[:, None] / 2.0**exponent - levels).abs().argmin(1)
    return (codes + 8 * (weights < 0)).tolist()


@rare("mxfp4", "a scale too small where the largest is a power of two")
def _(weights):
    largest = float(weights.abs().max())
    exponent = math.ceil(math.log2(largest)) - 3 if largest else 0
    return exponent + 127, _mx_codes(weights, exponent)


@rare("mxfp4", "the scale of the first 32 weights")
def _(weights):
    return _scaled_by(weights, weights[:32])


def _scaled_by(weights, some):
    """A block with the scale that some weights would have."""
    largest = float(some.abs().max())
    exponent = math.frexp(largest)[1] - 3 if largest else 0
    return exponent + 127, _mx_codes(weights, exponent)


@by_hand(
    "mxfp4",
    "so E = −4, and the scale is 1/16 with the bits 123.",
    "the nearest levels (4, −1.5, 0.5, 1), and the codes (6, 11, 1, 2).",
)
def _(mxfp4):
    bits, codes = mxfp4(torch.tensor([0.3, -0.1, 0.02, 0.05]))
    return bits == 123 and list(codes) == [6, 11, 1, 2]
