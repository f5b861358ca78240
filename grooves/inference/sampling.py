"""Samplers: how the next token is chosen from the model's distribution.

Key idea: a sampler changes the model's distribution and then draws from it. Each change is a small
function from logits to logits, in which -inf is the logit of a token that cannot be drawn, and the
changed distribution is known exactly, so that its distance to the language can be computed.
Chapters: 08, 09.

Logits have shape (..., V). Log-probabilities are logits too, so everything here also applies to
the language's own probabilities. Of equally likely tokens, the one with the lower index counts as
the likelier, so that k tokens are always k. (Hugging Face's and vLLM's top-k keep all tokens that
tie with the last one.)
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

import numpy as np
import torch
from torch import Tensor

ROUNDING = 1e-6  # of a sum of probabilities in float32


def apply_repetition_penalty(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Make tokens that occurred before less likely: positive logits / penalty, negative * penalty.

    logits: (..., V). seen: bool (..., V), True for the tokens of the text so far (`seen_before`).
    penalty: 1 changes nothing; 1.2 is usual. Unlike all other functions here, it changes if a
    constant is added to all logits, because it depends on their sign.
    Raises: ValueError unless penalty is positive.
    Source: Keskar et al. 2019, arXiv:1909.05858, section 4.1 (there for positive logits only).
    """
    if not penalty > 0:
        raise ValueError(f"{penalty=} must be positive; 1 changes nothing")
    lowered = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, lowered, logits)


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Divide by the temperature: below 1 the likely tokens gain, above 1 the unlikely ones.

    logits: (..., V). Temperature 0 is greedy decoding: only the likeliest token is left, of several
    the first. Raises: ValueError for a negative or infinite temperature.
    Source: Ackley, Hinton and Sejnowski 1985, Cognitive Science 9.
    """
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"{temperature=} must be finite and 0 (always the likeliest) or more")
    if temperature == 0:
        likeliest = logits.argmax(-1, keepdim=True)
        return torch.full_like(logits, -torch.inf).scatter(-1, likeliest, 0.0)
    return logits if temperature == 1 else logits / temperature


def apply_top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k likeliest tokens, (..., V); all of them if k is V or more.

    Raises: ValueError unless k is an integer of at least 1.
    Source: Fan, Lewis and Dauphin 2018, arXiv:1805.04833, section 3.2.
    """
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"top-k with {k=} must be an integer and keep 1 token or more")
    n_kept = torch.full_like(logits[..., :1], min(k, logits.size(-1)), dtype=torch.long)
    return _keep_likeliest(logits, n_kept, _descending(logits))


def apply_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the nucleus, (..., V): the smallest set of likeliest tokens with probability p or more.

    The token with which the sum reaches p is kept, so at least one is. p = 1 keeps all.
    Raises: ValueError for p outside (0, 1].
    Source: Holtzman et al. 2020, arXiv:1904.09751, section 3.1.
    """
    if not 0 < p <= 1:
        raise ValueError(f"top-p with {p=} must be above 0 and at most 1 (all tokens)")
    if p == 1:
        return logits
    ordered = _descending(logits)
    probabilities = ordered.softmax(-1)
    before = probabilities.cumsum(-1) - probabilities  # (..., V), of all likelier tokens together
    n_kept = (before < p - ROUNDING).sum(-1, keepdim=True).clamp_min(1)  # (..., 1)
    return _keep_likeliest(logits, n_kept, ordered)


def apply_min_p(logits: Tensor, ratio: float) -> Tensor:
    """Keep the tokens (..., V) with at least `ratio` times the probability of the likeliest.

    0 keeps all, 1 the likeliest and its ties. Raises: ValueError for a ratio outside [0, 1].
    Source: Nguyen et al. 2024, arXiv:2407.01082, section 3.
    """
    if not 0 <= ratio <= 1:
        raise ValueError(f"min-p with {ratio=} must be from 0 (all tokens) to 1")
    if ratio == 0:
        return logits
    probabilities = logits.softmax(-1)
    least = ratio * probabilities.amax(-1, keepdim=True)
    return logits.masked_fill(probabilities < least, -torch.inf)


def apply_epsilon(logits: Tensor, epsilon: float) -> Tensor:
    """Drop tokens (..., V) less likely than `epsilon`, an absolute floor; the likeliest stay.

    Raises: ValueError for epsilon outside [0, 1).
    Source: Hewitt, Manning and Liang 2022, arXiv:2210.15191, section 3.2.
    """
    if not 0 <= epsilon < 1:
        raise ValueError(f"{epsilon=} must be from 0 (all tokens) to below 1")
    if epsilon == 0:
        return logits
    probabilities = logits.softmax(-1)
    likeliest = probabilities.amax(-1, keepdim=True)
    dropped = (probabilities < epsilon) & (probabilities < likeliest)
    return logits.masked_fill(dropped, -torch.inf)


@dataclass(frozen=True)
class Sampler:
    """Settings of a sampler. The defaults change nothing: the model's own distribution.

    They apply in the order in which they are listed, each to the renormalised result of the one
    before: repetition penalty, temperature, top-k, top-p, min-p, epsilon. This is the order of
    Hugging Face transformers. vLLM differs in one place: there min-p comes before top-k and top-p.
    top_k: None keeps all tokens. Raises: ValueError for a setting out of range.
    """

    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    min_p: float = 0.0
    epsilon: float = 0.0

    def __post_init__(self):
        self.logits(torch.zeros(2), torch.zeros(2, dtype=torch.bool))  # refuses what is wrong

    def logits(self, logits: Tensor, seen: Tensor | None = None) -> Tensor:
        """The changed logits (..., V), -inf for dropped tokens. seen: as for the penalty.

        Raises: ValueError where the penalty is set, but `seen` is not given.
        """
        if self.repetition_penalty != 1:
            if seen is None:
                raise ValueError("a repetition penalty depends on the text so far: pass `seen`")
            logits = apply_repetition_penalty(logits, seen, self.repetition_penalty)
        logits = apply_temperature(logits, self.temperature)
        if self.top_k is not None:
            logits = apply_top_k(logits, self.top_k)
        logits = apply_top_p(logits, self.top_p)
        logits = apply_min_p(logits, self.min_p)
        return apply_epsilon(logits, self.epsilon)

    def probabilities(self, logits: Tensor, seen: Tensor | None = None) -> Tensor:
        """The distribution from which the sampler draws: (..., V) -> (..., V), sums of 1."""
        return self.logits(logits, seen).softmax(-1)

    def log_probabilities(self, logits: Tensor, seen: Tensor | None = None) -> Tensor:
        """Its logarithm: (..., V) -> (..., V), -inf for tokens that cannot be drawn."""
        return self.logits(logits, seen).log_softmax(-1)

    def __str__(self) -> str:
        """The settings that differ from the defaults, as a label: "top-p 0.9"."""
        if self.temperature == 0:
            return "greedy"
        changed = [f for f in fields(self) if getattr(self, f.name) != f.default]
        names = {"top_k": "top-k", "top_p": "top-p", "min_p": "min-p"}
        parts = [
            f"{names.get(f.name, f.name.replace('_', ' '))} {getattr(self, f.name):g}"
            for f in changed
        ]
        return ", ".join(parts) or "temperature 1"


def draw(probabilities: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw one token from each distribution: (B, V) -> (B,).

    generator: None uses PyTorch's global one.
    """
    like = {"device": probabilities.device, "dtype": probabilities.dtype}
    points = torch.rand((len(probabilities), 1), generator=generator, **like)
    return at_points(probabilities, points)


def at_points(probabilities: Tensor, points: Tensor) -> Tensor:
    """The token of each distribution (B, V) on which a point (B, 1) in [0, 1) falls: (B,).

    Inverse transform: the tokens divide a line of length 1 among them in proportion to their
    probabilities, so a random point on it falls on each as often as that token is likely.
    """
    ends = probabilities.cumsum(-1)  # (B, V)
    points = points * ends[:, -1:]  # rounding may leave the line a little longer or shorter
    return torch.searchsorted(ends, points, right=True)[:, 0]  # the first end beyond the point


def draw_each(sampler: Sampler, logits: Tensor, generators: list[Random]) -> list[int]:
    """One token for each text, (n, V) -> n tokens, in one go; each from a generator of its own.

    So a text's tokens do not depend on who else is in the batch. logits: on the CPU.
    """
    points = np.array([[generator.random()] for generator in generators])
    probabilities = sampler.probabilities(logits).double()  # as precise as the points
    return at_points(probabilities, torch.from_numpy(points)).tolist()


def seen_before(tokens: list[int], size: int) -> Tensor:
    """Which tokens occur in a text before each place, and after its last: bool (T + 1, V)."""
    seen = torch.zeros((len(tokens) + 1, size), dtype=torch.bool)
    for place, token in enumerate(tokens, 1):
        seen[place:, token] = True
    return seen


def _keep_likeliest(logits: Tensor, n_kept: Tensor, ordered: Tensor) -> Tensor:
    """Keep `n_kept` (..., 1) tokens of each distribution, of equal ones the first: (..., V).

    ordered: the logits sorted from large to small, (..., V).
    """
    least = ordered.gather(-1, n_kept - 1)  # (..., 1), the last that is kept
    above, equal = logits > least, logits == least
    room = n_kept - above.sum(-1, keepdim=True)
    kept = above | (equal & (equal.cumsum(-1) <= room))
    return logits.masked_fill(~kept, -torch.inf)


def _descending(x: Tensor) -> Tensor:
    """Values sorted from large to small. NumPy sorts values alone, several times faster."""
    if x.device.type == "cpu":
        return torch.from_numpy(np.sort(x.detach().numpy(), -1)).flip(-1)
    return x.sort(-1, descending=True).values
