"""KL divergence between a model and its reference: exact, and estimated from texts.

Key idea: KL(pi || ref) is the mean of ln(pi / ref) over texts drawn from pi. That mean has no bias,
but single values are often negative; k2 and k3 never are, and pay for it, k2 with bias and k3 with
spread where the two models are far apart.
Chapter 10.
Source: Schulman 2020, "Approximating KL Divergence", joschu.net/blog/kl-approx.html.

d is ln ref - ln pi of what was drawn from pi, any shape.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grooves.fine_tuning.preferences import CHUNK, encode
from grooves.fine_tuning.updates import device_of


def k1(d: Tensor) -> Tensor:
    """-d: no bias, and negative for every text that the reference finds likelier."""
    return -d


def k2(d: Tensor) -> Tensor:
    """d² / 2: never negative; right only in the limit of small differences."""
    return d.square() / 2


def k3(d: Tensor) -> Tensor:
    """exp(d) - 1 - d: never negative and no bias, with little spread where pi is near ref.

    Where the reference gives a text far more probability than pi, exp(d) is huge, and the mean of
    any affordable number of texts misses it. Source: Schulman 2020; used by GRPO, Shao et al. 2024,
    arXiv:2402.03300, eq. 4.
    """
    return torch.expm1(d) - d


ESTIMATORS = {"k1": k1, "k2": k2, "k3": k3}


def exact_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q) in nats over the last axis: (..., K) -> (...). Both are given as logarithms.

    Outcomes with p = 0 contribute nothing; where only q is 0, the result is infinite.
    """
    terms = log_p.exp() * (log_p - log_q)
    return torch.where(log_p > -math.inf, terms, 0.0).sum(-1)


def moments(log_p: Tensor, log_q: Tensor) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each estimator for one draw from p, by enumeration.

    log_p, log_q: (K,). Returns: {"k1": (mean, sd), ...} in nats.
    """
    p, d = log_p.exp(), log_q - log_p
    out = {}
    for name, estimator in ESTIMATORS.items():
        values = torch.where(p > 0, estimator(d), 0.0)
        mean = (p * values).sum()
        out[name] = float(mean), float((p * (values - mean).square()).sum().sqrt())
    return out


@torch.no_grad()
def story_kl(model, reference, texts: list[list[int]], n_prompt: int = 0, ended=None) -> Tensor:
    """For each text drawn from the model, the sum of the exact KL of its next-word distributions.

    Its mean over texts estimates KL(model || reference) per text without bias, and with less spread
    than k1, because which word was drawn makes no difference. Returns: (N,) in nats.
    Arguments as `grooves.fine_tuning.preferences.encode`.
    """
    out = []
    for i in range(0, len(texts), CHUNK):
        part = slice(i, i + CHUNK)
        inputs, targets = encode(
            texts[part], n_prompt, None if ended is None else ended[part], model.config.context
        )
        log_p = model(inputs.to(device_of(model))).float().log_softmax(-1).cpu()
        log_q = reference(inputs.to(device_of(reference))).float().log_softmax(-1).cpu()
        out.append((exact_kl(log_p, log_q) * (targets >= 0)).sum(1))
    return torch.cat(out)
