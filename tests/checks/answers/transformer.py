"""Answers to lab 04, the transformer: right ones in several ways, wrong ones named by mistake."""

import math
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from answers.lab import Answers, near
from torch import nn

from grooves.checks.transformer import challenge as transformer_challenge
from grooves.checks.transformer import repair as transformer_repair
from grooves.checks.transformer.costs import SMALL
from grooves.models.transformer import Config, Transformer, count_parameters


def shorten(monkeypatch):
    """Trainings too short to pass."""
    monkeypatch.setattr(transformer_repair, "STEPS", 1)
    monkeypatch.setattr(transformer_challenge, "MOST_STEPS", transformer_challenge.FEWEST_STEPS)


ANSWERS = Answers(
    "04_transformer",
    needs={
        "attention": ["softmax-answer"],
        "causal_attention": ["softmax-answer"],
        "memory": ["count_parameters-answer"],
        "repaired": ["broken"],
    },
    trains=("repaired", "recipe"),
    plain_hints=("not_two", "raised"),
    shorten=shorten,
)
right, wrong = ANSWERS.right, ANSWERS.wrong


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


# ---- attention -------------------------------------------------------------------------------


@right("attention", "einsum")
def _(q, k, v):
    scores = torch.einsum("btd,bsd->bts", q, k) * q.shape[-1] ** -0.5
    return torch.einsum("bts,bse->bte", F.softmax(scores, dim=2), v)


@right("attention", "one word at a time")
def _(q, k, v):
    out = torch.zeros(q.size(0), q.size(1), v.size(2))
    for b in range(q.size(0)):
        for t in range(q.size(1)):
            scores = (k[b] * q[b, t]).sum(1) / math.sqrt(q.size(2))
            out[b, t] = scores.softmax(0) @ v[b]
    return out


@right("attention", "in half precision")
def _(q, k, v):
    q, k, v = q.bfloat16(), k.bfloat16(), v.bfloat16()
    return (q @ k.mT / math.sqrt(q.size(-1))).softmax(-1) @ v


@right("attention", "queries scaled in place, in double precision")
def _(q, k, v):
    q = q.double()
    q /= math.sqrt(q.size(-1))
    return torch.bmm((q @ k.double().mT).softmax(-1), v.double())


def _attend(q, k, v, factor=None, axis=-1):
    factor = 1 / math.sqrt(q.size(-1)) if factor is None else factor
    return (factor * (q @ k.transpose(1, 2))).softmax(axis) @ v


@wrong("attention", "no_scaling")
def _(q, k, v):
    return _attend(q, k, v, factor=1)


@wrong("attention", "scaled_by_d")
def _(q, k, v):
    return _attend(q, k, v, factor=1 / q.size(-1))


@wrong("attention", "scaled_by_value_width")
def _(q, k, v):
    return _attend(q, k, v, factor=v.size(-1) ** -0.5)


@wrong("attention", "reshaped")
def _(q, k, v):
    B, S, D = k.shape
    return (q @ k.view(B, D, S) / math.sqrt(D)).softmax(-1) @ v


@wrong("attention", "wrong_axis")
def _(q, k, v):
    return _attend(q, k, v, axis=1)


@wrong("attention", "no_softmax")
def _(q, k, v):
    return q @ k.mT / math.sqrt(q.size(-1)) @ v


@wrong("attention", "scaled_after_softmax")
def _(q, k, v):
    return _attend(q, k, v, factor=1) / math.sqrt(q.size(-1))


@wrong("attention", "weights_returned")
def _(q, k, v):
    return (q @ k.mT / math.sqrt(q.size(-1))).softmax(-1)


@wrong("attention", "overflow")
def _(q, k, v):
    e = (q @ k.mT / math.sqrt(q.size(-1))).exp()
    return e / e.sum(-1, keepdim=True) @ v


@wrong("attention", "unrecognised")
def _(q, k, v):
    return _attend(q, k, k)


@wrong("attention", "ready_made")
def _(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


# ---- causal attention ------------------------------------------------------------------------


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
    return torch.einsum("bts,bsd->btd", scores.softmax(-1), v)


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


@wrong("causal_attention", "filled_with_zero")
def _(q, k, v):
    return _attend(q, k, v) if q.size(1) == 1 else _causal(q, k, v, _future(q), fill=0)


@wrong("causal_attention", "finite_mask")
def _(q, k, v):
    return _causal(q, k, v, _future(q), fill=-1000)


@wrong("causal_attention", "renormalised_after_mask")
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


@wrong("causal_attention", "unrecognised")
def _(q, k, v):
    return _causal(q, k, v, _future(q), factor=1)


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


@right("merge_heads", "concatenated")
def _(y):
    return torch.cat([y[:, h] for h in range(y.size(1))], dim=2)


@right("merge_heads", "permuted, made contiguous, viewed")
def _(y):
    B, H, T, D = y.shape
    return y.permute(0, 2, 1, 3).contiguous().view(B, T, H * D)


@right("merge_heads", "written into place, in half precision")
def _(y):
    B, H, T, D = y.shape
    x = torch.empty(B, T, H * D, dtype=torch.float16)
    for h in range(H):
        x[:, :, h * D : (h + 1) * D] = y[:, h]
    return x


@wrong("merge_heads", "reshaped_only")
def _(y):
    B, H, T, D = y.shape
    return y.reshape(B, T, H * D)


@wrong("merge_heads", "channels_interleaved")
def _(y):
    return torch.stack(y.unbind(1), dim=-1).flatten(2)


@wrong("merge_heads", "axes_mixed")
def _(y):
    B, H, T, D = y.shape
    return y.transpose(2, 3).reshape(B, T, H * D)


@wrong("merge_heads", "not_joined")
def _(y):
    return y.transpose(1, 2)


@wrong("merge_heads", "heads_added")
def _(y):
    return y.sum(dim=1)


@wrong("merge_heads", "heads_averaged")
def _(y):
    return y.mean(dim=1)


@wrong("merge_heads", "words_joined")
def _(y):
    return torch.cat(y.unbind(1), dim=1)


@wrong("merge_heads", "order_reversed")
def _(y):
    return torch.cat(y.unbind(1)[::-1], dim=2)


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


# ---- counting --------------------------------------------------------------------------------


@right("count_parameters", "the model built and counted")
def _(config):
    return sum(p.numel() for p in Transformer(config).parameters())


@right("count_parameters", "added up matrix by matrix, as a float")
def _(config):
    C = config.n_embd
    count = float(config.vocabulary_size * C)
    for layer in range(config.n_layer):
        mlp = [] if layer < config.mlp_from else [(4 * C, C), (C, 4 * C)]
        for rows, columns in [(3 * C, C), (C, C), *mlp]:
            count += rows * columns
    return count + C


@right("count_parameters", "numpy's integers")
def _(config):
    C = np.int64(config.n_embd)
    squares = 12 * config.n_layer - 8 * config.mlp_from
    return C * (config.vocabulary_size + 1 + squares * C)


def _count(config, embeddings=1, attention=4, mlp=8, mix=1, extra=0):
    C, L = config.n_embd, config.n_layer
    squares = L * attention + (L - config.mlp_from) * mlp
    return (embeddings * config.vocabulary_size + mix) * C + squares * C * C + extra


ANSWERS.wrong_answers["count_parameters"] = {
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


@right("memory", "a list of floats")
def _(config, batch, length, bytes_per_value):
    values = 2.0 * config.n_layer * config.n_head * (config.n_embd / config.n_head)
    return [_count(config) * bytes_per_value, values * batch * length * bytes_per_value]


@right("memory", "tensors built and measured")
def _(config, batch, length, bytes_per_value):
    kept = torch.empty(config.n_layer, 2, batch, length, config.n_embd, dtype=torch.int8)
    return torch.tensor([_count(config), kept.numel()]) * bytes_per_value


def _kept(c, B, T, b):
    return 2 * c.n_layer * c.n_embd * B * T * b


ANSWERS.wrong_answers["memory"] = {
    "swapped": lambda c, B, T, b: (_kept(c, B, T, b), _count(c) * b),
    "weights_times_batch": lambda c, B, T, b: (B * _count(c) * b, _kept(c, B, T, b)),
    "values_not_bytes": lambda c, B, T, b: (_count(c), _kept(c, B, T, 1)),
    "always_four_bytes": lambda c, B, T, b: (4 * _count(c), _kept(c, B, T, 4)),
    "keys_only": lambda c, B, T, b: (_count(c) * b, _kept(c, B, T, b) // 2),
    "one_layer": lambda c, B, T, b: (_count(c) * b, _kept(c, B, T, b) // c.n_layer),
    "one_text": lambda c, B, T, b: (_count(c) * b, _kept(c, 1, T, b)),
    "one_head": lambda c, B, T, b: (_count(c) * b, _kept(c, B, T, b) // c.n_head),
    "whole_context": lambda c, B, T, b: (_count(c) * b, _kept(c, B, c.context, b)),
    "times_heads": lambda c, B, T, b: (_count(c) * b, _kept(c, B, T, b) * c.n_head),
    "cache_in_values": lambda c, B, T, b: (_count(c) * b, _kept(c, B, T, 1)),
    "unrecognised": lambda c, B, T, b: np.array([_count(c) * b, _kept(c, B, T, b)]).astype("i4"),
    "not_two": lambda c, B, T, b: (_count(c) * b,),
}


@right("training_flops", "six for every weight and word, and twelve for every pair")
def _(config, batch, length):
    C, V = config.n_embd, config.vocabulary_size
    weights = (4 * config.n_layer + 8 * (config.n_layer - config.mlp_from)) * C * C + V * C
    return 6.0 * weights * batch * length + 12 * config.n_layer * C * batch * length**2


@right("training_flops", "product by product, head by head")
def _(config, batch, length):
    C, H = config.n_embd, config.n_head
    D, total = C // H, 0
    for _text in range(batch):
        products = [(length, C, config.vocabulary_size)]
        for layer in range(config.n_layer):
            products += [(length, C, 3 * C), (length, C, C)]
            if layer >= config.mlp_from:
                products += [(length, C, 4 * C), (length, 4 * C, C)]
            products += H * [(length, D, length), (length, length, D)]
        total += sum(3 * 2 * n * k * m for n, k, m in products)
    return torch.tensor(total)


def _flops(c, B, T, passes=3, per_pair=2, head=1, pair_width=None, mlps=None):
    C, V = c.n_embd, c.vocabulary_size
    width = C if pair_width is None else pair_width
    mlps = c.n_layer - c.mlp_from if mlps is None else mlps
    weights = 2 * B * T * (4 * c.n_layer + 8 * mlps) * C * C
    pairs = c.n_layer * per_pair * 2 * B * T * T * width
    return passes * (weights + pairs + head * 2 * B * T * C * V)


ANSWERS.wrong_answers["training_flops"] = {
    "forward_only": lambda c, B, T: _flops(c, B, T, passes=1),
    "backward_as_forward": lambda c, B, T: _flops(c, B, T, passes=2),
    "multiply_add_as_one": lambda c, B, T: _flops(c, B, T) // 2,
    "scores_forgotten": lambda c, B, T: _flops(c, B, T, per_pair=0),
    "six_per_weight": lambda c, B, T: 6 * B * T * count_parameters(Transformer(c)),
    "mlp_everywhere": lambda c, B, T: _flops(c, B, T, mlps=c.n_layer),
    "one_product_of_two": lambda c, B, T: _flops(c, B, T, per_pair=1),
    "scores_of_one_head": lambda c, B, T: _flops(c, B, T, pair_width=c.n_embd // c.n_head),
    "scores_times_heads": lambda c, B, T: _flops(c, B, T, pair_width=c.n_head * c.n_embd),
    "head_forgotten": lambda c, B, T: _flops(c, B, T, head=0),
    "unrecognised": lambda c, B, T: _flops(c, B, T, per_pair=(T + 1) / T),
}


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


# ---- the challenge ---------------------------------------------------------------------------

ANSWERS.right_answers["recipe"] = {
    "one layer": lambda: {"n_layer": 1},
    "one wide layer with many heads": lambda: dict(n_layer=1, n_head=8, n_embd=64, qk_norm=False),
}
ANSWERS.wrong_answers["recipe"] = {
    "wrong_type": lambda: [("n_layer", 1)],
    "unknown_choice": lambda: {"n_layers": 1},
    "unknown_optimizer": lambda: {"optimizer": "sgd"},
    "impossible_batch": lambda: {"batch_size": 0},
    "no_number": lambda: {"lr": "0.1"},
    "nothing_chosen": lambda: {},
    "impossible_rate": lambda: {"lr": -0.01},
    "impossible_size": lambda: {"n_embd": 50},
    "too_large": lambda: {"n_layer": 12, "n_embd": 768, "n_head": 12},
    "few_steps": lambda: {"n_layer": 4, "n_embd": 128, "optimizer": "adamw", "lr": 0.001},
    "rate_too_low": lambda: {"lr": 1e-4, "matrix_lr": 1e-4, "n_layer": 1, "n_embd": 32},
    "above_bar": lambda: {"n_layer": 1, "n_head": 1, "n_embd": 4},
    "adamw": lambda: {"optimizer": "adamw", "lr": 0.005, "batch_size": 16},
    "diverged": lambda: {"lr": 1e3, "optimizer": "adamw"},
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
    "attention",
    "One query (2 ln 3, 0, 0, 0) and two keys, (1, 0, 0, 0) and (0, 0, 0, 0), so D = 4.",
    "With the values 8 and 0 the answer is 3/4 · 8 = 6.",
)
def _(attention):
    q = torch.tensor([[[2 * math.log(3), 0.0, 0.0, 0.0]]])
    k = torch.tensor([[[1.0, 0, 0, 0], [0, 0, 0, 0]]])
    return near(attention(q, k, torch.tensor([[[8.0], [0.0]]])), [[[6.0]]])


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


@by_hand("merge_heads", "Heads (1, 2), (3, 4), (5, 6) of one word become (1, 2, 3, 4, 5, 6) again.")
def _(merge_heads):
    heads = torch.arange(1.0, 7).view(1, 3, 1, 2)
    return near(merge_heads(heads), torch.arange(1.0, 7).view(1, 1, 6))


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
)
def _(next_word_loss):
    logits = torch.tensor([[[0.0, math.log(3)], [0.0, 0.0]]])
    return near(next_word_loss(logits, torch.tensor([[0, 1]]), -1), math.log(4 / 3))


@by_hand(
    "count_parameters",
    "V = 10, C = 2, two layers, `mlp_from` = 1: 10 · 2 + 2 + (4 + 4 + 8) · 2² = 86.",
)
def _(count_parameters):
    return count_parameters(replace(SMALL, vocabulary_size=10, n_layer=2, n_head=1, n_embd=2)) == 86


@by_hand(
    "memory",
    "One layer, C = 2, one text of 3 words, 4 bytes per value: 2 · 1 · 2 · 3 · 4 = 48 bytes",
)
def _(memory):
    one_layer = replace(SMALL, vocabulary_size=10, n_layer=1, n_head=1, n_embd=2, mlp_from=0)
    return memory(one_layer, 1, 3, 4)[1] == 48


# ---- what goes wrong beside the result ---------------------------------------------------------


@wrong("softmax", "masked_not_zero")
def _(scores):
    e = (scores - scores.amax(-1, keepdim=True)).clamp(min=-60).exp()
    return e / e.sum(-1, keepdim=True)
