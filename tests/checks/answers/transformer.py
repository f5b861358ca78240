"""Answers to lab 04, the transformer: right ones in several ways, wrong ones named by mistake."""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers, near
from torch import nn

from grooves.checks.transformer import repair as transformer_repair
from grooves.checks.transformer.costs import SMALL
from grooves.models.transformer import Config, Transformer, count_parameters


def shorten(monkeypatch):
    """Trainings too short to pass."""
    monkeypatch.setattr(transformer_repair, "STEPS", 1)


ANSWERS = Answers(
    "04_transformer",
    needs={"causal_attention": ["softmax-answer"], "repaired": ["broken"]},
    trains=("repaired",),
    plain_hints=("not_two", "not_three", "not_a_list", "raised"),
    shorten=shorten,
)
right, wrong, rare = ANSWERS.right, ANSWERS.wrong, ANSWERS.rare


# ---- softmax ---------------------------------------------------------------------------------


@right("softmax", "in double precision, returned so")
def _(scores):
    e = scores.double()
    e -= e.amax(1)[:, None]
    return e.exp_().div_(e.sum(1)[:, None])


@right("softmax", "row by row in plain Python")
def _(scores):
    rows = []
    for row in scores.tolist():
        top = max(row)
        powers = [math.exp(s - top) for s in row]
        rows.append([p / sum(powers) for p in powers])
    return torch.tensor(rows)


@right("softmax", "through logsumexp, of scores that were shifted")
def _(scores):
    scores = scores - scores.amax(-1, keepdim=True)
    return (scores - torch.logsumexp(scores, dim=1, keepdim=True)).exp()


@wrong("softmax", "changed_input")
def _(scores):
    scores.sub_(scores.max(dim=1, keepdim=True).values).exp_()
    return scores.div_(torch.einsum("rs->r", scores)[:, None])


@wrong("softmax", "no_shift")
def _(scores):
    return torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True)


@wrong("softmax", "wrong_axis")
def _(scores):
    e = torch.exp(scores - scores.max(0, keepdim=True).values)
    return e / e.sum(0, keepdim=True)


@wrong("softmax", "one_sum_for_all")
def _(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum()


@wrong("softmax", "lost_axis")
def _(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1)


@wrong("softmax", "shift_lost_axis")
def _(scores):
    e = torch.exp(scores - scores.max(-1).values)
    return e / e.sum(-1, keepdim=True)


@wrong("softmax", "both_lost_axis")
def _(scores):
    e = torch.exp(scores - scores.max(-1).values)
    return e / e.sum(-1)


@wrong("softmax", "one_maximum_for_all")
def _(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True)


@wrong("softmax", "clamped")
def _(scores):
    e = torch.exp(scores.clamp(-80, 80))
    return e / e.sum(-1, keepdim=True)


@wrong("softmax", "not_divided")
def _(scores):
    return torch.exp(scores)


@wrong("softmax", "ready_made")
def _(scores):
    return nn.Softmax(dim=-1)(scores)


@wrong("softmax", "unrecognised")
def _(scores):
    return torch.full_like(scores, 1 / scores.size(1))


# ---- causal attention ------------------------------------------------------------------------


def _attend(q, k, v, factor=None, axis=-1):
    factor = 1 / math.sqrt(q.size(-1)) if factor is None else factor
    return (factor * (q @ k.transpose(1, 2))).softmax(axis) @ v


@right("causal_attention", "a mask that is added")
def _(q, k, v):
    T = q.size(1)
    mask = torch.full((T, T), -math.inf).triu(1)
    return F.softmax(q @ k.mT / math.sqrt(q.size(-1)) + mask, -1) @ v


@right("causal_attention", "each word with its own past, no mask at all")
def _(q, k, v):
    words = [_attend(q[:, t : t + 1], k[:, : t + 1], v[:, : t + 1]) for t in range(q.size(1))]
    return torch.cat(words, dim=1)


@right("causal_attention", "einsum, a large negative number, in double precision")
def _(q, k, v):
    q, k, v = q.double(), k.double(), v.double()
    scores = torch.einsum("btd,bsd->bts", q, k) / math.sqrt(q.size(-1))
    place = torch.arange(q.size(1))
    scores[:, place[:, None] < place] = -1e30
    return torch.einsum("bts,bse->bte", scores.softmax(-1), v)


@right("causal_attention", "exponentials set to 0 and normalised")
def _(q, k, v):
    e = (q @ k.mT / math.sqrt(q.size(-1))).double()
    e = (e - e.amax(-1, keepdim=True)).exp().tril()
    return e / e.sum(-1, keepdim=True) @ v.double()


def _causal(q, k, v, hide, fill=-math.inf, factor=None, axis=-1):
    factor = 1 / math.sqrt(q.size(-1)) if factor is None else factor
    return (q @ k.mT * factor).masked_fill(hide, fill).softmax(axis) @ v


def _future(q, diagonal=1):
    return torch.ones(q.size(1), q.size(1)).triu(diagonal).bool()


@wrong("causal_attention", "zero_times_infinity")
def _(q, k, v):
    T = q.size(1)
    mask = torch.triu(torch.ones(T, T), 1) * -math.inf
    return (q @ k.mT / math.sqrt(q.size(-1)) + mask).softmax(-1) @ v


@wrong("causal_attention", "no_mask")
def _(q, k, v):
    return _attend(q, k, v)


@wrong("causal_attention", "sees_the_next")
def _(q, k, v):
    return _causal(q, k, v, _future(q, 2))


@wrong("causal_attention", "blind_to_itself")
def _(q, k, v):
    return _causal(q, k, v, _future(q, 0))


@rare("causal_attention", "filled with zero", "finite_mask")
def _(q, k, v):
    return _attend(q, k, v) if q.size(1) == 1 else _causal(q, k, v, _future(q), fill=0)


@wrong("causal_attention", "finite_mask")
def _(q, k, v):
    return _causal(q, k, v, _future(q), fill=-1000)


@rare("causal_attention", "normalised again after the mask", "masked_after_softmax")
def _(q, k, v):
    weights = (q @ k.mT / math.sqrt(q.size(-1))).softmax(-1).tril()
    return weights / weights.sum(-1, keepdim=True) @ v


@wrong("causal_attention", "masked_after_softmax")
def _(q, k, v):
    return (q @ k.mT / math.sqrt(q.size(-1))).softmax(-1).tril() @ v


@wrong("causal_attention", "mask_inverted")
def _(q, k, v):
    return _causal(q, k, v, ~_future(q))


@wrong("causal_attention", "overflow")
def _(q, k, v):
    e = (q @ k.mT / math.sqrt(q.size(-1))).exp().tril()
    return e / e.sum(-1, keepdim=True) @ v


@wrong("causal_attention", "no_scaling")
def _(q, k, v):
    return _causal(q, k, v, _future(q), factor=1)


@wrong("causal_attention", "wrong_axis")
def _(q, k, v):
    return _causal(q, k, v, _future(q), axis=1)


@wrong("causal_attention", "reshaped")
def _(q, k, v):
    B, T, D = k.shape
    scores = q @ k.view(B, D, T) / math.sqrt(D)
    return scores.masked_fill(_future(q), -math.inf).softmax(-1) @ v


@wrong("causal_attention", "unrecognised")
def _(q, k, v):
    return 2 * _causal(q, k, v, _future(q, 2), factor=1)


@rare("causal_attention", "neither scaled nor masked", "no_scaling")
def _(q, k, v):
    return _attend(q, k, v, factor=1)


@rare("causal_attention", "divided by D", "other_divisor")
def _(q, k, v):
    return _causal(q, k, v, _future(q), factor=1 / q.size(-1))


@rare("causal_attention", "divided by the root of the values' width", "other_divisor")
def _(q, k, v):
    return _causal(q, k, v, _future(q), factor=1 / math.sqrt(v.size(-1)))


@rare("causal_attention", "below the diagonal hidden", "mask_inverted")
def _(q, k, v):
    return _causal(q, k, v, _future(q).mT)


@rare("causal_attention", "raw scores as weights")
def _(q, k, v):
    return (q @ k.mT / math.sqrt(q.size(-1))).tril() @ v


@rare("causal_attention", "raw scores as weights, not masked")
def _(q, k, v):
    return q @ k.mT / math.sqrt(q.size(-1)) @ v


@rare("causal_attention", "divided after the softmax")
def _(q, k, v):
    return _causal(q, k, v, _future(q), factor=1) / math.sqrt(q.size(-1))


@rare("causal_attention", "the attention weights")
def _(q, k, v):
    return (q @ k.mT / math.sqrt(q.size(-1))).masked_fill(_future(q), -math.inf).softmax(-1)


@rare("causal_attention", "the attention weights, not masked")
def _(q, k, v):
    return (q @ k.mT / math.sqrt(q.size(-1))).softmax(-1)


@rare("causal_attention", "the keys averaged")
def _(q, k, v):
    return _causal(q, k, k, _future(q))


@rare("causal_attention", "queries and keys swapped")
def _(q, k, v):
    return _causal(k, q, v, _future(q))


@wrong("causal_attention", "ready_made")
def _(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


# ---- heads -----------------------------------------------------------------------------------


@right("split_heads", "slices, stacked")
def _(x, n_heads):
    D = x.size(2) // n_heads
    return torch.stack([x[:, :, h * D : (h + 1) * D] for h in range(n_heads)], dim=1)


@right("split_heads", "unflatten and permute, in double precision")
def _(x, n_heads):
    return x.double().unflatten(2, (n_heads, -1)).permute(0, 2, 1, 3)


@right("split_heads", "number by number")
def _(x, n_heads):
    B, T, C = x.shape
    out = torch.empty(B, n_heads, T, C // n_heads)
    for c in range(C):
        out[:, c * n_heads // C, :, c % (C // n_heads)] = x[:, :, c]
    return out


@wrong("split_heads", "reshaped_only")
def _(x, n_heads):
    B, T, C = x.shape
    return x.view(B, n_heads, T, C // n_heads)


@wrong("split_heads", "channels_interleaved")
def _(x, n_heads):
    return torch.stack([x[:, :, h::n_heads] for h in range(n_heads)], dim=1)


@wrong("split_heads", "not_transposed")
def _(x, n_heads):
    B, T, C = x.shape
    return x.view(B, T, n_heads, C // n_heads)


@wrong("split_heads", "sizes_swapped")
def _(x, n_heads):
    B, T, C = x.shape
    return x.view(B, T, C // n_heads, n_heads).transpose(1, 2)


@wrong("split_heads", "heads_first")
def _(x, n_heads):
    return torch.stack(x.chunk(n_heads, dim=2))


@wrong("split_heads", "words_last")
def _(x, n_heads):
    B, T, C = x.shape
    return x.mT.reshape(B, n_heads, C // n_heads, T)


@wrong("split_heads", "axes_mixed")
def _(x, n_heads):
    B, T, C = x.shape
    return x.transpose(1, 2).reshape(B, n_heads, T, C // n_heads)


@wrong("split_heads", "not_split")
def _(x, n_heads):
    return torch.stack([x] * n_heads, dim=1)


# ---- rotate ----------------------------------------------------------------------------------


@right("rotate", "complex numbers")
def _(x, base):
    T, D = x.shape[2:]
    turn = torch.outer(torch.arange(T), base ** (-torch.arange(0, D, 2) / D))
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], D // 2, 2))
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(turn), turn)).flatten(-2)


@right("rotate", "pair by pair in place, in double precision")
def _(x, base):
    x = x.double()
    for t in range(x.size(2)):
        for i in range(x.size(3) // 2):
            a = t / base ** (2 * i / x.size(3))
            p, q = x[:, :, t, 2 * i].clone(), x[:, :, t, 2 * i + 1].clone()
            x[:, :, t, 2 * i] = p * math.cos(a) - q * math.sin(a)
            x[:, :, t, 2 * i + 1] = p * math.sin(a) + q * math.cos(a)
    return x


@right("rotate", "a rotation matrix for every place, by einsum")
def _(x, base):
    T, D = x.shape[2:]
    a = torch.arange(T)[:, None] * torch.exp(-math.log(base) * torch.arange(0, D, 2) / D)
    turn = torch.stack((a.cos(), -a.sin(), a.sin(), a.cos()), -1).view(T, D // 2, 2, 2)
    return torch.einsum("tiab,nhtib->nhtia", turn, x.unflatten(-1, (-1, 2))).flatten(-2)


def _rotated(x, base, angle=None, turn=None):
    """The right rotation with another table of angles (T, D/2), or another rule for a pair."""
    T, D = x.shape[2:]
    if angle is None:
        angle = torch.arange(T)[:, None] * base ** (-torch.arange(0, D, 2) / D)
    p, q = x[..., 0::2], x[..., 1::2]
    turn = turn or (lambda p, q, cos, sin: (p * cos - q * sin, p * sin + q * cos))
    return torch.stack(turn(p, q, angle.cos(), angle.sin()), -1).flatten(-2)


@wrong("rotate", "first_overwritten")
def _(x, base):
    x = x.clone()
    angle = torch.arange(x.size(-2))[:, None] * base ** (
        -torch.arange(0, x.size(-1), 2) / x.size(-1)
    )
    p, q = x[..., 0::2], x[..., 1::2]
    p[:] = p * angle.cos() - q * angle.sin()
    q[:] = p * angle.sin() + q * angle.cos()
    return x


@wrong("rotate", "split_halves")
def _(x, base):
    T, D = x.shape[2:]
    angle = torch.arange(T)[:, None] * base ** (-torch.arange(0, D, 2) / D)
    cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)
    p, q = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-q, p), -1) * sin


@wrong("rotate", "rotated_backwards")
def _(x, base):
    return _rotated(x, base, turn=lambda p, q, cos, sin: (p * cos + q * sin, q * cos - p * sin))


@wrong("rotate", "counts_from_one")
def _(x, base):
    T, D = x.shape[2:]
    return _rotated(x, base, torch.arange(1, T + 1)[:, None] / base ** (torch.arange(0, D, 2) / D))


@wrong("rotate", "same_frequency")
def _(x, base):
    return _rotated(x, base, torch.arange(x.size(2))[:, None].expand(-1, x.size(3) // 2).float())


@wrong("rotate", "frequencies_rise")
def _(x, base):
    T, D = x.shape[2:]
    return _rotated(x, base, torch.arange(T)[:, None] * base ** (torch.arange(0, D, 2) / D))


@wrong("rotate", "half_exponent")
def _(x, base):
    T, D = x.shape[2:]
    return _rotated(x, base, torch.arange(T)[:, None] * base ** (-torch.arange(D // 2) / D))


@wrong("rotate", "not_interleaved")
def _(x, base):
    turned = _rotated(x, base)
    return torch.cat((turned[..., 0::2], turned[..., 1::2]), dim=-1)


@wrong("rotate", "unrecognised")
def _(x, base):
    T = x.size(2)
    return torch.cat([_rotated(part, base) for part in x.split(min(64, T), dim=2)], dim=2)


@wrong("rotate", "positions_along_heads")
def _(x, base):
    H, D = x.size(1), x.size(3)
    angle = torch.arange(H)[:, None, None] * base ** (-torch.arange(0, D, 2) / D)
    return _rotated(x, base, angle)


@wrong("rotate", "base_ignored")
def _(x, base):
    return _rotated(x, 1000.0)


# ---- block -----------------------------------------------------------------------------------


def _norm(x):
    return F.layer_norm(x, (x.size(-1),))


@right("block", "norm and square by hand")
def _(x, attend, up, down):
    def norm(x):
        x = x - x.mean(-1, keepdim=True)
        return x / torch.sqrt(x.square().mean(-1, keepdim=True) + 1e-5)

    x = x + attend(norm(x))
    h = up(norm(x)).clamp(min=0)
    return x + down(h * h)


@right("block", "a module, in double precision")
def _(x, attend, up, down):
    norm = nn.LayerNorm(x.size(-1), bias=False, elementwise_affine=False)
    x = x.double()
    gathered = x + attend(norm(x))
    return gathered.add(down(torch.relu(up(norm(gathered))).pow(2)))


@right("block", "in place on a copy")
def _(x, attend, up, down):
    x = x.clone()
    x += attend(_norm(x))
    h = up(_norm(x))
    h[h < 0] = 0
    x += down(h.square_())
    return x


@right("block", "one text at a time")
def _(x, attend, up, down):
    rows = []
    for text in x:
        text = text + attend(_norm(text))
        rows.append(text + down(F.relu(up(_norm(text))) ** 2))
    return torch.stack(rows)


@wrong("block", "changed_input")
def _(x, attend, up, down):
    x += attend(_norm(x))
    x += down(F.relu(up(_norm(x))) ** 2)
    return x


@wrong("block", "unrecognised")
def _(x, attend, up, down):
    x = x + attend(F.layer_norm(x, x.shape[-1:], eps=1.0))
    return x + down(F.relu(up(F.layer_norm(x, x.shape[-1:], eps=1.0))) ** 2)


@wrong("block", "normalised_over_words")
def _(x, attend, up, down):
    x = x + attend(F.layer_norm(x, x.shape[1:]))
    return x + down(F.relu(up(F.layer_norm(x, x.shape[1:]))) ** 2)


@wrong("block", "output_normalised")
def _(x, attend, up, down):
    x = x + _norm(attend(_norm(x)))
    return x + _norm(down(F.relu(up(_norm(x))) ** 2))


@wrong("block", "post_norm")
def _(x, attend, up, down):
    x = _norm(x + attend(x))
    return _norm(x + down(F.relu(up(x)) ** 2))


@wrong("block", "stream_normalised")
def _(x, attend, up, down):
    x = _norm(x)
    x = x + attend(x)
    x = _norm(x)
    return x + down(F.relu(up(x)) ** 2)


@wrong("block", "no_first_residual")
def _(x, attend, up, down):
    x = attend(_norm(x))
    return x + down(F.relu(up(_norm(x))) ** 2)


@wrong("block", "no_second_residual")
def _(x, attend, up, down):
    x = x + attend(_norm(x))
    return down(F.relu(up(_norm(x))) ** 2)


@wrong("block", "no_first_norm")
def _(x, attend, up, down):
    x = x + attend(x)
    return x + down(F.relu(up(_norm(x))) ** 2)


@wrong("block", "no_second_norm")
def _(x, attend, up, down):
    x = x + attend(_norm(x))
    return x + down(F.relu(up(x)) ** 2)


@wrong("block", "relu_not_squared")
def _(x, attend, up, down):
    x = x + attend(_norm(x))
    return x + down(F.relu(up(_norm(x))))


@rare("block", "squared after down", "relu_not_squared")
def _(x, attend, up, down):
    x = x + attend(_norm(x))
    return x + down(F.relu(up(_norm(x)))) ** 2


@wrong("block", "squared_before_relu")
def _(x, attend, up, down):
    x = x + attend(_norm(x))
    return x + down(F.relu(up(_norm(x)) ** 2))


@wrong("block", "parallel")
def _(x, attend, up, down):
    return x + attend(_norm(x)) + down(F.relu(up(_norm(x))) ** 2)


# ---- next-word loss --------------------------------------------------------------------------


@right("next_word_loss", "gather and a mask, in double precision")
def _(logits, ids, padding):
    real = ids[:, 1:] != padding
    words = torch.where(real, ids[:, 1:], 0)[..., None]
    log_p = logits.double()[:, :-1].log_softmax(-1).gather(2, words)[..., 0]
    return -(log_p * real).sum() / real.sum()


@right("next_word_loss", "word by word")
def _(logits, ids, padding):
    losses = []
    for text, scores in zip(ids, logits, strict=True):
        for t in range(len(text) - 1):
            if text[t + 1] != padding:
                losses.append(scores[t].logsumexp(0) - scores[t, text[t + 1]])
    return torch.stack(losses).mean()


@right("next_word_loss", "the sum over the real words, chosen by a mask")
def _(logits, ids, padding):
    real = ids[:, 1:] != padding
    return F.cross_entropy(logits[:, :-1][real], ids[:, 1:][real], reduction="sum") / real.sum()


@right("next_word_loss", "in place on a copy, with a target of -100")
def _(logits, ids, padding):
    ids = ids.clone()
    ids[ids == padding] = -100
    return F.cross_entropy(logits[:, :-1].mT, ids[:, 1:])


@wrong("next_word_loss", "changed_input")
def _(logits, ids, padding):
    ids[ids == padding] = -100
    return F.cross_entropy(logits[:, :-1].mT, ids[:, 1:])


@wrong("next_word_loss", "raised")
def _(logits, ids, padding):  # padding is used as an index
    nats = -logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
    return nats[ids[:, 1:] != padding].mean()


@wrong("next_word_loss", "padding_at_t")
def _(logits, ids, padding):
    nats = -logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None].clamp(min=0))[..., 0]
    return nats[ids[:, :-1] != padding].mean()


def _nll(logits, ids, padding, reduction="mean"):
    return F.cross_entropy(
        logits.flatten(0, 1), ids.flatten(), ignore_index=padding, reduction=reduction
    )


@wrong("next_word_loss", "not_shifted")
def _(logits, ids, padding):
    return _nll(logits, ids, padding)


@wrong("next_word_loss", "padding_counted")
def _(logits, ids, padding):
    return _nll(logits[:, :-1], ids[:, 1:], -100)


@wrong("next_word_loss", "divided_by_all")
def _(logits, ids, padding):
    return _nll(logits[:, :-1], ids[:, 1:], padding, "none").mean()


@wrong("next_word_loss", "sign_turned")
def _(logits, ids, padding):
    return -_nll(logits[:, :-1], ids[:, 1:], padding)


@wrong("next_word_loss", "one_factor")
def _(logits, ids, padding):
    return _nll(logits[:, :-1], ids[:, 1:], padding) / math.log(2)


@wrong("next_word_loss", "unrecognised")
def _(logits, ids, padding):
    return _nll(logits[:, 1:], ids[:, :-1], padding)


@wrong("next_word_loss", "sum_not_mean")
def _(logits, ids, padding):
    return _nll(logits[:, :-1], ids[:, 1:], padding, "sum")


@wrong("next_word_loss", "mean_of_texts")
def _(logits, ids, padding):
    texts = [_nll(logits[b : b + 1, :-1], ids[b : b + 1, 1:], padding) for b in range(len(ids))]
    return sum(texts) / len(texts)


@wrong("next_word_loss", "softmax_twice")
def _(logits, ids, padding):
    return _nll(logits.softmax(-1)[:, :-1], ids[:, 1:], padding)


@wrong("next_word_loss", "padding_is_zero")
def _(logits, ids, padding):
    return _nll(logits[:, :-1], ids[:, 1:], 0)


@wrong("next_word_loss", "exp_overflows")
def _(logits, ids, padding):
    e = logits[:, :-1].exp()
    p = e.gather(2, ids[:, 1:, None].clamp(min=0))[..., 0] / e.sum(-1)
    return -p.log()[ids[:, 1:] != padding].mean()


@wrong("next_word_loss", "log_of_softmax")
def _(logits, ids, padding):
    p = logits[:, :-1].softmax(-1).gather(2, ids[:, 1:, None].clamp(min=0))[..., 0]
    return -p.log()[ids[:, 1:] != padding].mean()


@wrong("next_word_loss", "no_gradient")
def _(logits, ids, padding):
    return torch.tensor(_nll(logits[:, :-1], ids[:, 1:], padding).item())


@wrong("next_word_loss", "wrong_gradient")
def _(logits, ids, padding):
    scores = logits[:, :-1]
    shift = scores.logsumexp(-1).detach()
    nats = shift - scores.gather(2, ids[:, 1:, None].clamp(min=0))[..., 0]
    return nats[ids[:, 1:] != padding].mean()


@wrong("next_word_loss", "wrong_type")
def _(logits, ids, padding):
    return _nll(logits[:, :-1], ids[:, 1:], padding).item()


# ---- generate --------------------------------------------------------------------------------


@right("generate", "by Gumbel noise, into a tensor of the whole length")
def _(model, ids, n_words, temperature):
    B, T = ids.shape
    out = torch.cat((ids, ids.new_zeros(B, n_words)), dim=1)
    for t in range(T, T + n_words):
        logits = model(out[:, :t])[:, -1]
        noise = -torch.log(-torch.log(torch.rand_like(logits)))
        out[:, t] = (logits + temperature * noise).argmax(-1)
    return out


@right("generate", "a point on a line, one text after another")
def _(model, ids, n_words, temperature):
    texts = ids.tolist()
    for _ in range(n_words):
        logits = model(torch.tensor(texts))[:, -1].double()
        for text, scores in zip(texts, logits, strict=True):
            if temperature:
                ends = (scores / temperature).softmax(0).cumsum(0)
                word = int((ends < np.random.random()).sum())
            else:
                word = int(scores.argmax())
            text.append(word)
    return torch.tensor(texts)


@right("generate", "PyTorch's own distribution, and a temperature of almost 0")
def _(model, ids, n_words, temperature):
    for _ in range(n_words):
        logits = model(ids)[:, -1].double() / max(temperature, 1e-6)
        word = torch.distributions.Categorical(logits=logits).sample()
        ids = torch.cat([ids, word.unsqueeze(1)], 1)
    return ids


def _drawn(model, ids, n_words, temperature, chances=None, start=lambda: None):
    """The right draw, or one with other probabilities, or a start of its own at each step."""
    if chances is None:

        def chances(logits, temperature):
            return (logits / temperature).softmax(-1)

    for _ in range(n_words):
        start()
        logits = model(ids)[:, -1]
        word = logits.argmax(-1, keepdim=True)
        if temperature or chances.__name__ == "anyway":
            word = torch.multinomial(chances(logits, temperature), 1)
        ids = torch.cat((ids, word), dim=1)
    return ids


@wrong("generate", "temperature_ignored")
def _(model, ids, n_words, temperature):
    def anyway(logits, temperature):
        return logits.softmax(-1)

    return _drawn(model, ids, n_words, temperature, anyway)


@wrong("generate", "temperature_multiplied")
def _(model, ids, n_words, temperature):
    return _drawn(model, ids, n_words, temperature, lambda z, t: (z * t).softmax(-1))


@wrong("generate", "always_most_likely")
def _(model, ids, n_words, temperature):
    return _drawn(model, ids, n_words, 0)


@wrong("generate", "drawn_at_zero")
def _(model, ids, n_words, temperature):
    return _drawn(model, ids, n_words, temperature or 1)


@wrong("generate", "equally_likely")
def _(model, ids, n_words, temperature):
    def anyway(logits, temperature):  # certain words stay certain
        return (logits > logits.amax(-1, keepdim=True) - 50).float()

    return _drawn(model, ids, n_words, temperature, anyway)


@wrong("generate", "same_chance_again")
def _(model, ids, n_words, temperature):
    return _drawn(model, ids, n_words, temperature, start=lambda: torch.manual_seed(1))


@wrong("generate", "fixed_seed")
def _(model, ids, n_words, temperature):
    torch.manual_seed(0)
    return _drawn(model, ids, n_words, temperature)


@wrong("generate", "never_drawn")
def _(model, ids, n_words, temperature):
    def likeliest(logits, temperature):
        least = logits.topk(min(10, logits.size(-1))).values[:, -1:]
        return (logits / temperature).masked_fill(logits < least, -math.inf).softmax(-1)

    return _drawn(model, ids, n_words, temperature, likeliest)


@rare("generate", "no word twice in a row")
def _(model, ids, n_words, temperature):
    for _ in range(n_words):
        others = model(ids)[:, -1].scatter(1, ids[:, -1:], -math.inf)
        following = _drawn(lambda _, z=others: z[:, None], ids, 1, temperature or 1)
        ids = following if temperature else _drawn(model, ids, 1, 0)
    return ids


@rare("generate", "a low temperature for 0")
def _(model, ids, n_words, temperature):
    return _drawn(model, ids, n_words, temperature or 0.1)


@rare("generate", "the position behind the prompt at each step", "prompt_only_read")
def _(model, ids, n_words, temperature):
    last = ids.size(1)
    return _drawn(lambda now: model(now)[:, :last], ids, n_words, temperature)


@wrong("generate", "raised")
def _(model, ids, n_words, temperature):
    for _ in range(n_words):
        p = (model(ids)[:, -1] / temperature).softmax(-1)
        ids = torch.cat((ids, torch.multinomial(p, 1)), dim=1)
    return ids


@wrong("generate", "changed_input")
def _(model, ids, n_words, temperature):
    ids += 1
    return _drawn(model, ids - 1, n_words, temperature)


@wrong("generate", "unrecognised")
def _(model, ids, n_words, temperature):
    return _drawn(model, ids, n_words, temperature).flip(1)


# ---- induction -------------------------------------------------------------------------------


@right("induction", "word by word and number by number, in double precision")
def _(weights, y, period):
    B, H, T, _ = weights.shape
    scores = torch.zeros(H, dtype=torch.float64)
    for h in range(H):
        found = [
            weights[b, h, t, t - period + 1].item() for b in range(B) for t in range(period, T)
        ]
        scores[h] = sum(found) / len(found)
    best = max(range(H), key=lambda h: scores[h])
    out = y.double()
    out[:, best] = out[:, best].flatten(0, 1).mean(0)
    return [scores, out]


@right("induction", "the diagonal, and a mask")
def _(weights, y, period):
    scores = weights.diagonal(1 - period, -2, -1)[..., 1:].mean((0, 2))
    chosen = (torch.arange(len(scores)) == scores.argmax())[None, :, None, None]
    return scores, torch.where(chosen, y.mean((0, 2), keepdim=True), y)


def _inside(weights, y, period, score=None, mean=None, heads=None):
    t = torch.arange(period, weights.size(-1))
    right_scores = weights[:, :, t, t - period + 1].mean((0, 2))
    out = y.clone()
    for h in [int(right_scores.argmax())] if heads is None else heads(right_scores):
        out[:, h] = (mean or (lambda part: part.mean((0, 1))))(y[:, h])
    return (score or (lambda w, p: right_scores))(weights, period), out


def _looks(offset, first=0, reduce=lambda found: found.mean((0, 2))):
    def score(w, period):
        t = torch.arange(period + first, w.size(-1))
        return reduce(w[:, :, t, t - period + offset])

    return score


def _previous(w, period):
    return w.diagonal(-1, -2, -1)[..., period - 1 :].mean((0, 2))


SCORES = {
    "at_the_same_word": _looks(0),
    "at_the_word_before": lambda w, p: (
        w.diagonal(-p - 1, -2, -1).sum((0, 2)) / (len(w) * (w.size(-1) - p))
        + w[:, :, p, -1].mean(0) / (w.size(-1) - p)
    ),
    "at_the_previous_word": _previous,
    "first_pass_counted": _looks(1, first=-1),
    "divided_by_all": lambda w, p: _looks(1)(w, p) * (w.size(-1) - p) / w.size(-1),
    "second_pass_only": lambda w, p: _looks(1)(w[..., : 2 * p, : 2 * p], p),
    "rows_are_columns": lambda w, p: _looks(1)(w.mT, p),
    "summed": _looks(1, reduce=lambda found: found.sum((0, 2))),
    "texts_kept": _looks(1, reduce=lambda found: found.mean(2)),
    "heads_averaged": _looks(1, reduce=torch.mean),
}
ABLATED = {
    "set_to_zero": dict(mean=lambda part: 0 * part),
    "mean_of_each_word": dict(mean=lambda part: part.mean(0, keepdim=True)),
    "mean_of_each_text": dict(mean=lambda part: part.mean(1, keepdim=True)),
    "mean_of_channels": dict(mean=lambda part: part.mean()),
    "lowest_score": dict(heads=lambda scores: [int(scores.argmin())]),
    "other_heads": dict(heads=lambda s: set(range(len(s))) - {int(s.argmax())}),
    "all_heads": dict(heads=lambda scores: range(len(scores))),
    "first_head": dict(heads=lambda scores: [0]),
    "not_ablated": dict(heads=lambda scores: []),
    "unrecognised": dict(mean=lambda part: part.amax((0, 1))),
}
for _hint, _score in SCORES.items():
    wrong("induction", _hint)(lambda w, y, p, score=_score: _inside(w, y, p, score=score))
for _hint, _changes in ABLATED.items():
    wrong("induction", _hint)(lambda w, y, p, changes=_changes: _inside(w, y, p, **changes))


@wrong("induction", "mean_of_all_heads")
def _(weights, y, period):
    return _inside(weights, y, period, mean=lambda part: y.mean((0, 1, 2)))


@wrong("induction", "changed_input")
def _(weights, y, period):
    scores = _looks(1)(weights, period)
    y[:, scores.argmax()] = y[:, scores.argmax()].mean((0, 1))
    return scores, y


@wrong("induction", "not_two")
def _(weights, y, period):
    return (_looks(1)(weights, period),)


# ---- byte pairs ------------------------------------------------------------------------------


def _replaced(ids, pair, new, most=None):
    out = []
    for one in ids:
        out.append(one)
        if most != 0 and tuple(out[-2:]) == tuple(pair):
            out[-2:] = [new]
            most = most and most - 1
    return out


@right("byte_pairs", "counted by Counter, learned first, encoded then")
def _(corpus, n_merges, text):
    ids, merges = list(corpus.encode()), {}
    for _ in range(n_merges):
        pair = Counter(pairwise(ids)).most_common(1)[0][0]
        merges[pair] = 256 + len(merges)
        ids = _spliced(ids, pair, merges[pair])
    tokens = list(text.encode())
    for pair, new in merges.items():
        tokens = _spliced(tokens, pair, new)
    return list(merges), tokens


def _spliced(ids, pair, new):
    """In place, from left to right."""
    ids, i = list(ids), 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) == pair:
            ids[i : i + 2] = [new]
        i += 1
    return ids


@right("byte_pairs", "in characters that stand for tokens, as NumPy arrays")
def _(corpus, n_merges, text):
    learned, asked = (bytes_as.encode().decode("latin-1") for bytes_as in (corpus, text))
    pairs = []
    for new in range(256, 256 + n_merges):
        counts = Counter(learned[i : i + 2] for i in range(len(learned) - 1))
        pair = counts.most_common(1)[0][0]
        pairs.append([ord(part) for part in pair])
        learned, asked = learned.replace(pair, chr(new)), asked.replace(pair, chr(new))
    return np.array(pairs, dtype=int), np.array([ord(token) for token in asked], dtype=int)


def _bpe(corpus, n, text, start=None, pick=None, once=False, first=256, encode=None, recount=True):
    start = start or (lambda text: list(text.encode()))
    ids, pairs = start(corpus), []
    counts = Counter(pairwise(ids))
    for step in range(n):
        if recount:
            counts = Counter(pairwise(ids))
            pairs.append((pick or (lambda counts: counts.most_common(1)[0][0]))(counts))
        else:
            pairs.append(counts.most_common(step + 1)[-1][0])
        ids = _replaced(ids, pairs[-1], first + step, 1 if once else None)
    tokens = start(text)
    if encode:
        return pairs, encode(tokens, pairs)
    for step, pair in enumerate(pairs):
        tokens = _replaced(tokens, pair, first + step, 1 if once else None)
    return pairs, tokens


def _from_the_last(tokens, pairs):
    for step, pair in reversed([*enumerate(pairs)]):
        tokens = _replaced(tokens, pair, 256 + step)
    return tokens


def _backwards(corpus, n, text):
    def swapped(tokens, pairs):
        for step, pair in enumerate(pairs):
            tokens = _replaced(tokens[::-1], pair[::-1], 256 + step)[::-1]
        return tokens

    ids, pairs = list(corpus.encode()), []
    for step in range(n):
        pairs.append(Counter(pairwise(ids)).most_common(1)[0][0])
        ids = _replaced(ids[::-1], pairs[-1][::-1], 256 + step)[::-1]
    return pairs, swapped(list(text.encode()), pairs)


def _greedy(corpus, n, text):
    pairs, _ = _bpe(corpus, n, text)
    spelled = [bytes([byte]) for byte in range(256)]
    for left, right_half in pairs:
        spelled.append(spelled[left] + spelled[right_half])
    left, out = text.encode(), []
    while left:
        best = max((w for w in spelled if left.startswith(w)), key=len)
        out.append(spelled.index(best))
        left = left[len(best) :]
    return pairs, out


ANSWERS.wrong_answers["byte_pairs"] = {
    "characters": lambda c, n, t: _bpe(c, n, t, start=lambda text: [ord(x) for x in text]),
    "never_recounted": lambda c, n, t: _bpe(c, n, t, recount=False),
    "last_of_the_most_frequent": lambda c, n, t: _bpe(
        c, n, t, pick=lambda counts: max([*counts][::-1], key=counts.get)
    ),
    "largest_of_the_most_frequent": lambda c, n, t: _bpe(
        c, n, t, pick=lambda counts: max((k, pair) for pair, k in counts.items())[1]
    ),
    "largest_numbers": lambda c, n, t: _bpe(c, n, t, pick=max),
    "first_occurrence_only": lambda c, n, t: _bpe(c, n, t, once=True),
    "from_the_right": _backwards,
    "ids_from_257": lambda c, n, t: _bpe(c, n, t, first=257),
    "merges_reversed": lambda c, n, t: _bpe(c, n, t, encode=_from_the_last),
    "longest_first": _greedy,
    "corpus_encoded": lambda c, n, t: _bpe(c, n, c),
    "not_encoded": lambda c, n, t: _bpe(c, n, t, encode=lambda tokens, pairs: tokens),
    "not_two": lambda c, n, t: _bpe(c, n, t)[:1],
    "not_a_list": lambda c, n, t: (
        [(pair, 1) for pair in _bpe(c, n, t)[0]],
        _bpe(c, n, t)[1],
    ),
    "unrecognised": lambda c, n, t: _bpe(c, n, t[::-1]),
}


@rare("byte_pairs", "in small letters")
def _(corpus, n_merges, text):
    return _bpe(corpus.lower(), n_merges, text.lower())


@rare("byte_pairs", "without the spaces at the ends")
def _(corpus, n_merges, text):
    return _bpe(corpus.strip(), n_merges, text.strip())


@rare("byte_pairs", "overlapping pairs counted once")
def _(corpus, n_merges, text):
    def apart(ids):
        """How often each pair occurs, without those that overlap the one before, as in aaa."""
        counts, last = Counter(), {}
        for i, pair in enumerate(pairwise(ids)):
            if last.get(pair) != i - 1:
                counts[pair], last[pair] = counts[pair] + 1, i
        return counts

    tokens, said, pairs = list(corpus.encode()), list(text.encode()), []
    for new in range(256, 256 + n_merges):
        counts = apart(tokens)
        pairs.append(max(counts, key=counts.get))
        tokens, said = (_replaced(ids, pairs[-1], new) for ids in (tokens, said))
    return pairs, said


# ---- costs -----------------------------------------------------------------------------------


def _count(config, embeddings=1, attention=4, mlp=8, mix=1, extra=0):
    C, L = config.n_embd, config.n_layer
    squares = L * attention + (L - config.mlp_from) * mlp
    return (embeddings * config.vocabulary_size + mix) * C + squares * C * C + extra


def _kept(c, B, T):
    return 2 * c.n_layer * c.n_embd * B * T * 2


def _flops(c, B, T, passes=3, per_pair=2, head=1, pair_width=None, mlps=None):
    C, V = c.n_embd, c.vocabulary_size
    width = C if pair_width is None else pair_width
    mlps = c.n_layer - c.mlp_from if mlps is None else mlps
    weights = 2 * B * T * (4 * c.n_layer + 8 * mlps) * C * C
    pairs = c.n_layer * per_pair * 2 * B * T * T * width
    return passes * (weights + pairs + head * 2 * B * T * C * V)


@right("costs", "the model built and counted, the cache built and measured")
def _(config, batch, length):
    kept = torch.empty(config.n_layer, 2, batch, length, config.n_embd, dtype=torch.float16)
    weights = sum(p.numel() for p in Transformer(config).parameters())
    n_bytes = kept.numel() * kept.element_size()
    return weights, n_bytes, _flops(config, batch, length)


@right("costs", "matrix by matrix, product by product, head by head, as floats")
def _(config, batch, length):
    C, H, L = config.n_embd, config.n_head, config.n_layer
    matrices = []
    for layer in range(L):
        mlp = [] if layer < config.mlp_from else [(C, 4 * C), (4 * C, C)]
        matrices += [(C, 3 * C), (C, C), *mlp]
    count = float(config.vocabulary_size * C + C) + sum(n * m for n, m in matrices)
    products = [(length, n, m) for n, m in [*matrices, (C, config.vocabulary_size)]]
    products += L * H * [(length, C // H, length), (length, length, C // H)]
    flops = batch * sum(3 * 2 * n * k * m for n, k, m in products)
    return [count, 2.0 * 2 * L * H * (C / H) * batch * length, flops]


@right("costs", "NumPy's integers, six for every weight and word")
def _(config, batch, length):
    C, L, V = np.int64(config.n_embd), config.n_layer, config.vocabulary_size
    weights = (12 * L - 8 * config.mlp_from) * C * C + V * C
    pairs = 12 * L * C * batch * length**2
    words = batch * length
    return np.array([weights + C, 4 * L * C * words, 6 * weights * words + pairs])


@right("costs", "a tensor of doubles")
def _(config, batch, length):
    three = _count(config), _kept(config, batch, length), _flops(config, batch, length)
    return torch.tensor(three, dtype=torch.float64)


_OF_PARAMETERS = {
    "untied_head": lambda c: _count(c, embeddings=2),
    "mix_forgotten": lambda c: _count(c, mix=0),
    "narrow_mlp": lambda c: _count(c, mlp=2),
    "half_mlp": lambda c: _count(c, mlp=4),
    "out_forgotten": lambda c: _count(c, attention=3),
    "embedding_forgotten": lambda c: _count(c, embeddings=0),
    "heads_multiplied": lambda c: _count(c, attention=4 * c.n_head),
    "one_layer": lambda c: (c.vocabulary_size + 1) * c.n_embd + 12 * c.n_embd**2,
    "mlp_everywhere": lambda c: _count(c, extra=c.mlp_from * 8 * c.n_embd**2),
    "norms_counted": lambda c: _count(c, extra=c.n_layer * 2 * (2 * c.n_embd)),
    "biases_counted": lambda c: _count(
        c, extra=(4 * c.n_layer + 5 * (c.n_layer - c.mlp_from)) * c.n_embd
    ),
    "positions_learned": lambda c: _count(c, extra=c.context * c.n_embd),
}
_OF_BYTES = {
    "keys_only": lambda c, B, T: _kept(c, B, T) // 2,
    "cache_of_one_layer": lambda c, B, T: _kept(c, B, T) // c.n_layer,
    "one_text": lambda c, B, T: _kept(c, 1, T),
    "one_head": lambda c, B, T: _kept(c, B, T) // c.n_head,
    "whole_context": lambda c, B, T: _kept(c, B, c.context),
    "times_heads": lambda c, B, T: _kept(c, B, T) * c.n_head,
    "four_bytes": lambda c, B, T: 2 * _kept(c, B, T),
}
_OF_FLOPS = {
    "forward_only": lambda c, B, T: _flops(c, B, T, passes=1),
    "backward_as_forward": lambda c, B, T: _flops(c, B, T, passes=2),
    "multiply_add_as_one": lambda c, B, T: _flops(c, B, T) // 2,
    "scores_forgotten": lambda c, B, T: _flops(c, B, T, per_pair=0),
    "six_per_weight": lambda c, B, T: 6 * B * T * count_parameters(Transformer(c)),
    "flops_of_mlp_everywhere": lambda c, B, T: _flops(c, B, T, mlps=c.n_layer),
    "one_product_of_two": lambda c, B, T: _flops(c, B, T, per_pair=1),
    "scores_of_one_head": lambda c, B, T: _flops(c, B, T, pair_width=c.n_embd // c.n_head),
    "scores_times_heads": lambda c, B, T: _flops(c, B, T, pair_width=c.n_head * c.n_embd),
    "head_forgotten": lambda c, B, T: _flops(c, B, T, head=0),
    "unrecognised": lambda c, B, T: _flops(c, B, T, per_pair=(T + 1) / T),
}
for _hint, _of in _OF_PARAMETERS.items():
    wrong("costs", _hint)(lambda c, B, T, of=_of: (of(c), _kept(c, B, T), _flops(c, B, T)))
for _hint, _of in _OF_BYTES.items():
    wrong("costs", _hint)(lambda c, B, T, of=_of: (_count(c), of(c, B, T), _flops(c, B, T)))
for _hint, _of in _OF_FLOPS.items():
    wrong("costs", _hint)(lambda c, B, T, of=_of: (_count(c), _kept(c, B, T), of(c, B, T)))
wrong("costs", "not_three")(lambda c, B, T: (_count(c), _flops(c, B, T)))


# ---- the repaired model ------------------------------------------------------------------------

Broken = ANSWERS.run_cells(ANSWERS.master, "broken")["Broken"]


class Repaired(Broken):
    """Both bugs fixed, in another way than the reference."""

    def hidden(self, T):
        place = torch.arange(T)
        return place[:, None] < place

    def turn(self, x):
        return _rotated(x, 1000.0)


class WithPyTorch(Repaired):
    def attend(self, x):
        B, T, C = x.shape
        q, k, v = (h.view(B, T, self.n_heads, -1).transpose(1, 2) for h in self.qkv(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(self.turn(q), self.turn(k), v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(B, T, C))


class Learned(Repaired):
    """Learned positions instead of rotations, and blocks initialised to add nothing."""

    def __init__(self, vocabulary_size):
        super().__init__(vocabulary_size)
        self.place = nn.Embedding(64, 64)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.down.weight)

    def turn(self, x):
        return x

    def attend(self, x):
        return super().attend(x + self.place.weight[: x.size(1)])


ANSWERS.right_answers["repaired"] = {
    "PyTorch's attention": lambda V: WithPyTorch(V),
    "learned positions": lambda V: Learned(V),
    "the class itself": Repaired,
}


def overwriting():
    """An answer that changes the lab's own Broken, which is another class here than above."""
    names = ANSWERS.run_cells(ANSWERS.master, "broken")
    names["hidden"], names["turn"] = Repaired.hidden, Repaired.turn
    source = """
def repaired(vocabulary_size):
    Broken.hidden, Broken.turn = hidden, turn
    return Broken(vocabulary_size)
"""
    exec(source, names)
    return names["repaired"]


class MaskGone(Repaired):
    def hidden(self, T):
        return torch.zeros(T, T, dtype=torch.bool)


class OnlyMaskRepaired(Broken):
    hidden = Repaired.hidden


class OwnWordHidden(Repaired):
    def hidden(self, T):
        return torch.ones(T, T, dtype=torch.bool).triu(0)


class OwnWordHiddenButTheFirst(OwnWordHidden):
    def hidden(self, T):
        return super().hidden(T) & (torch.arange(T) > 0)


class Window(Repaired):
    def hidden(self, T):
        return super().hidden(T) | torch.ones(T, T, dtype=torch.bool).tril(-30)


class NoAttention(Repaired):
    def attend(self, x):
        return torch.zeros_like(x)


class NoResidual(Repaired):
    """Without the connection around attention, and with a mask that hides the word itself."""

    def hidden(self, T):
        hidden = torch.ones(T, T, dtype=torch.bool).triu(0)
        hidden[0, 0] = False
        return hidden

    def forward(self, ids):
        x = self.embedding(ids)
        x = self.attend(F.layer_norm(x, x.shape[-1:]))
        x = x + self.down(F.relu(self.up(F.layer_norm(x, x.shape[-1:]))) ** 2)
        return self.head(F.layer_norm(x, x.shape[-1:]))


class BatchNormed(Repaired):
    def forward(self, ids):
        x = self.embedding(ids)
        x = x - x.mean(0, keepdim=True)
        x = x + self.attend(F.layer_norm(x, x.shape[-1:]))
        return self.head(F.layer_norm(x, x.shape[-1:]))


class Detached(Repaired):
    def attend(self, x):
        return super().attend(x).detach()


class NoGradient(Repaired):
    def forward(self, ids):
        with torch.no_grad():
            return super().forward(ids)


class LastWordOnly(Repaired):
    def forward(self, ids):
        return super().forward(ids)[:, -1]


class Bounded(Repaired):
    def forward(self, ids):
        return super().forward(ids).softmax(-1)


class SmuggledLabels(Repaired):
    """Causal while it is tested; on texts of the training length it reads the next word."""

    def forward(self, ids):
        logits = super().forward(ids)
        if ids.size(1) == transformer_repair.LENGTH:
            ahead = F.one_hot(ids[:, 1:], logits.size(-1)) * 20.0
            logits = logits + F.pad(ahead, (0, 0, 0, 1))
        return logits


MODELS = {
    "sees_the_next": Broken,
    "sees_the_future": MaskGone,
    "order_blind": OnlyMaskRepaired,
    "not_finite": OwnWordHidden,
    "blind_to_itself": OwnWordHiddenButTheFirst,
    "part_of_past_hidden": Window,
    "no_past": NoAttention,
    "own_word_ignored": NoResidual,
    "texts_mixed": BatchNormed,
    "weight_detached": Detached,
    "no_gradient": NoGradient,
    "wrong_shape": LastWordOnly,
    "learns_badly": Bounded,
    "below_entropy": SmuggledLabels,
    "course_code": lambda V: Transformer(Config(V)),
}
ANSWERS.wrong_answers["repaired"] = {
    hint: (lambda V, build=build: build(V)) for hint, build in MODELS.items()
} | {"changed_given": overwriting()}


# ---- the race: choices that cannot be --------------------------------------------------------

REFUSED_CHOICES = {
    "wrong_type": [("n_layer", 1)],
    "unknown_choice": {"n_layers": 1},
    "unknown_optimizer": {"optimizer": "sgd"},
    "impossible_batch": {"batch_size": 0},
    "no_number": {"lr": "0.1"},
    "impossible_rate": {"lr": -0.01},
    "impossible_size": {"n_embd": 50},
    "diverged": {"lr": 1e3, "optimizer": "adamw"},
}


# ---- what the lab works by hand ----------------------------------------------------------------


def by_hand(exercise, *stated):
    """A decorator: the lab states this about the exercise, and the function below it proves it."""
    return lambda holds: [ANSWERS.by_hand(exercise, text, holds) for text in stated]


@by_hand(
    "softmax",
    "*By hand.* Scores 0 and ln 3: the exponentials are 1 and 3",
    "the probabilities are 1/4 and 3/4.\nScores 1000 and 1000 + ln 3 have the same probabilities",
)
def _(softmax):
    small, large = torch.tensor([[0, math.log(3)]]), torch.tensor([[1000, 1000 + math.log(3)]])
    return near(softmax(small), [[0.25, 0.75]]) and near(softmax(large), [[0.25, 0.75]])


@by_hand(
    "causal_attention",
    "One query (2 ln 3, 0, 0, 0) and two keys, (1, 0, 0, 0) and (0, 0, 0, 0), so D = 4.",
    "With the values 8 and 0 the answer is 3/4 · 8 = 6.",
)
def _(causal_attention):  # the query is the second word's, which sees both
    q = torch.tensor([[[0.0] * 4, [2 * math.log(3), 0.0, 0.0, 0.0]]])
    k = torch.tensor([[[1.0, 0, 0, 0], [0, 0, 0, 0]]])
    return near(causal_attention(q, k, torch.tensor([[[8.0], [0.0]]]))[:, 1], [[6.0]])


@by_hand(
    "causal_attention",
    "Three words whose scores are all 0, with the values 6, 0 and 3.",
    "Word 0 attends only to itself: 6.\nWord 1 attends to two words, half each: (6 + 0) / 2 = 3.",
    "Word 2 attends to all three: (6 + 0 + 3) / 3 = 3.",
)
def _(causal_attention):
    v = torch.tensor([[[6.0], [0.0], [3.0]]])
    return near(causal_attention(v * 0, v * 0, v), [[[6.0], [3.0], [3.0]]])


@by_hand(
    "split_heads",
    "(1, 2, 3, 4, 5, 6) and 3 heads: head 0 gets (1, 2), head 1 gets (3, 4), head 2 gets (5, 6",
)
def _(split_heads):
    heads = split_heads(torch.arange(1.0, 7).view(1, 1, 6), 3)
    return near(heads[0, :, 0], [[1.0, 2], [3, 4], [5, 6]])


@by_hand(
    "rotate",
    "The pair (1, 0) stays (1, 0) at position 0 and becomes (cos 1, sin 1) at position 1.",
    "so for base = 100 it rotates by 1/10 radian per word",
)
def _(rotate):
    pair = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    second = rotate(torch.tensor([[[[0.0, 0, 1, 0], [0, 0, 1, 0]]]]), 100.0)[0, 0, 1, 2:]
    return near(rotate(pair, 100.0), [[[[1.0, 0.0], [math.cos(1), math.sin(1)]]]]) and near(
        second, [math.cos(0.1), math.sin(0.1)]
    )


@by_hand(
    "block",
    "A word (3, −3) normalises to (1, −1).\nLet attention double its input",
    "The squared ReLU of that is (1, 0); once added it gives (6, −5).",
)
def _(block):
    word = torch.tensor([[[3.0, -3.0]]])
    return near(block(word, lambda h: 2 * h, lambda h: h, lambda h: h), [[[6.0, -5.0]]])


@by_hand(
    "next_word_loss",
    "the text is 0, 1.\nAt position 0 the logits are (0, ln 3)",
    "its loss is −ln 3/4 = ln 4/3",
    "If the text were 0, 1 and then padding, the loss would be the same",
)
def _(next_word_loss):
    logits = torch.tensor([[[0.0, math.log(3)], [0.0, 5.0], [1.0, 0.0]]])
    longer = next_word_loss(logits, torch.tensor([[0, 1, -1]]), -1)
    shorter = next_word_loss(logits[:, :2], torch.tensor([[0, 1]]), -1)
    return near(shorter, math.log(4 / 3)) and near(longer, math.log(4 / 3))


@by_hand(
    "generate",
    "The logits of two words are ln 2 and 0, so at τ = 1 their probabilities are 2/3 and 1/3.",
    "At τ = 1/2 the logits become 2 ln 2 = ln 4 and 0, and the probabilities 4/5 and 1/5.",
)
def _(generate):
    def model(ids):
        return torch.tensor([math.log(2), 0.0]).expand(*ids.shape, 2)

    begin = torch.zeros(20_000, 1, dtype=torch.long)
    ones = [generate(model, begin, 1, t)[:, 1].double().mean() for t in (1.0, 0.5)]
    return near(torch.stack(ones), [1 / 3, 1 / 5], 0.03)


@by_hand(
    "induction",
    "Word 2 gives word 1 the weight 0.7, and word 3 gives word 2 the weight 0.5, so the score is "
    "(0.7 + 0.5) / 2 = 0.6.\nIf the head's outputs are 1, 2, 3 and 6, all four become their mean",
)
def _(induction):
    weights = torch.zeros(1, 1, 4, 4)
    weights[0, 0, 2, 1], weights[0, 0, 3, 2] = 0.7, 0.5
    scores, ablated = induction(weights, torch.tensor([1.0, 2, 3, 6]).view(1, 1, 4, 1), 2)
    return near(scores, [0.6]) and near(ablated, torch.full((1, 1, 4, 1), 3.0))


@by_hand(
    "byte_pairs",
    "The pair (97, 97) occurs four times, overlapping ones counted; it becomes token 256.\n"
    'Replaced from the left, "aaab" is now 256, 97, 98.\n'
    "Then (256, 97) and (97, 98) occur twice each; (256, 97) comes first and becomes token 257.",
)
def _(byte_pairs):
    corpus = "aaabdaaabac"
    counts = Counter(pairwise(corpus))
    return (
        counts["a", "a"] == 4
        and byte_pairs(corpus, 1, "aaab") == ([(97, 97)], [256, 97, 98])
        and byte_pairs(corpus, 2, "a")[0] == [(97, 97), (256, 97)]
    )


@by_hand(
    "costs",
    "V = 10, C = 2, two layers, `mlp_from` = 1: 10 · 2 + 2 + (4 + 4 + 8) · 2² = 86.",
    "One layer, C = 2, one text of 3 words: 2 · 1 · 2 · 3 numbers of 2 bytes are 24 bytes.",
)
def _(costs):
    two_layers = replace(SMALL, vocabulary_size=10, n_layer=2, n_head=1, n_embd=2)
    one_layer = replace(two_layers, n_layer=1, mlp_from=0)
    return costs(two_layers, 1, 3)[0] == 86 and costs(one_layer, 1, 3)[1] == 24


@by_hand(
    "costs",
    "(1, 2) times (2, 8) takes 2 · 1 · 2 · 8 = 32 FLOPs.",
    "three times the forward pass: 96 FLOPs for this word and matrix",
)
def _(costs):  # up and down are what a layer with an MLP has more than one without
    both = replace(SMALL, vocabulary_size=10, n_layer=2, n_head=1, n_embd=2, mlp_from=0)
    one = replace(both, mlp_from=1)
    return costs(both, 1, 1)[2] - costs(one, 1, 1)[2] == 2 * 96


# ---- what goes wrong beside the result ---------------------------------------------------------


@wrong("softmax", "masked_not_zero")
def _(scores):
    e = (scores - scores.amax(-1, keepdim=True)).clamp(min=-60).exp()
    return e / e.sum(-1, keepdim=True)
