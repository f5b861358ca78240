"""How far a model is from *Gazette*: exactly, part by part and rank by rank.

Key idea: the language has 16,384 sentences, so the expected loss is a sum that can be computed, and
the entropy is known. The gap, loss minus entropy, has no sampling noise. Chapter 5.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import nn

from grooves.language.corpora import gazette_rows
from grooves.language.gazette import RELATIONS, Gazette

ROWS = 4096  # sentences at a time


@dataclass(frozen=True)
class Gap:
    """Nats per sentence above the entropy, by the part of the sentence, and what is known.

    name, relation, fact, end: of both names, of the relation, of the value, and of the end mark.
    known: the probability that a random sentence's value is the model's likeliest one.
    """

    name: float
    relation: float
    fact: float
    end: float
    known: float

    @property
    def total(self) -> float:
        """Of the whole sentence."""
        return self.name + self.relation + self.fact + self.end

    def to_dict(self) -> dict:
        """The parts and the total as plain data."""
        return asdict(self) | {"total": self.total}


@torch.no_grad()
def surprise(model: nn.Module, gazette: Gazette) -> tuple[np.ndarray, np.ndarray]:
    """Of every sentence: nats at each of its five tokens, and whether its value is the likeliest.

    Returns: (4 K, 5) and (4 K,), for K people, in the order of `Gazette.every`.
    """
    training = model.training
    model.eval()
    place = next(model.parameters()).device
    sentences, _ = gazette.every()
    nats, likeliest = [], []
    for start in range(0, len(sentences), ROWS):
        inputs, targets = gazette_rows(sentences[start : start + ROWS])
        log_q = model(inputs.to(place)).float().log_softmax(-1).cpu()
        nats.append(-log_q.gather(2, targets[..., None])[..., 0])
        likeliest.append(log_q[:, 3].argmax(-1) == targets[:, 3])
    model.train(training)
    return torch.cat(nats).double().numpy(), torch.cat(likeliest).numpy()


def gap(model: nn.Module, gazette: Gazette) -> Gap:
    """The exact gap of a model, in nats per sentence."""
    nats, likeliest = surprise(model, gazette)
    _, p = gazette.every()
    first, family, relation, value, end = (p @ nats).tolist()
    names = float(-(gazette.fame * np.log(gazette.fame)).sum())
    return Gap(
        first + family - names,
        relation - float(np.log(len(RELATIONS))),
        value,
        end,
        float(p @ likeliest),
    )


def surprise_by_rank(model: nn.Module, gazette: Gazette) -> np.ndarray:
    """Nats of the value, averaged over a person's relations: (K,), the most famous first."""
    nats, _ = surprise(model, gazette)
    return nats[:, 3].reshape(gazette.n_people, len(RELATIONS)).mean(1)


def known_up_to(by_rank: np.ndarray, half: float = np.log(16) / 2) -> int:
    """The rank at which the surprise, smoothed over neighbouring ranks, first exceeds `half`.

    by_rank: as `surprise_by_rank` returns it. half: half of what a guess among 16 values costs.
    Returns: the number of people whose facts are known.
    """
    width = 5
    padded = np.pad(by_rank, width // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(width) / width, mode="valid")
    above = np.nonzero(smooth > half)[0]
    return int(above[0]) if len(above) else len(by_rank)
