"""The still picture of the explorable `sampling`, for readers without scripts and for print.

Key idea: the same sampler at two places. Where many words can follow it cuts true ones, and where
the model is confidently wrong it cuts nothing. Chapter 08.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from grooves.explorables.sampling.widget import PLACES
from grooves.explorables.shared.eight_bits import as_told
from grooves.explorables.shared.svg import EXACT, INK, MARGIN, MODEL, SOFT, WIDTH, card, text
from grooves.inference.sampling import Sampler
from grooves.language.grammar import END
from grooves.language.stories import Stories, to_words

SAMPLER = Sampler(top_p=0.9)
SHOWN = (0, 4)  # of PLACES: the first word, and a mistake
DRAWN, CUT = 3, 2  # rows: of words that can be drawn, and of cut ones that can follow
ROW, LEFT, RIGHT = 24, 130, WIDTH - MARGIN - 190  # pixels


@torch.inference_mode()
def next_words(model, language: Stories, prefix: str) -> tuple[Tensor, Tensor]:
    """Language's and sampler's probabilities of the word after a prefix, float64 (V,) each."""
    words = to_words(prefix)
    ids = torch.tensor([[0, *(language.index[word] for word in words)]])
    q = SAMPLER.probabilities(as_told(model)(ids)[0, -1].double())
    return torch.from_numpy(language.next_word(words)), q


def kl(p: Tensor, q: Tensor) -> float:
    """Kullback-Leibler divergence of q from p in nats, infinite where p > 0 = q: (V,), (V,)."""
    inside = p > 0
    return float((p[inside] * (p[inside] / q[inside]).log()).sum())


def draw(model, language: Stories) -> str:
    """A picture (SVG) of two places in stories, with the words that a sampler cuts at each."""
    title = f"The next word, in the language and after a sampler ({SAMPLER})"
    parts, top = [text(MARGIN, 34, title, 15, INK, weight=600)], 62
    for x, name, colour in ((LEFT, "language", EXACT), (LEFT + 110, "sampler", MODEL)):
        parts.append(f'<rect x="{x}" y="{top - 10}" width="10" height="10" fill="{colour}"/>')
        parts.append(text(x + 15, top, name, 13, SOFT))
    for place in SHOWN:
        name, prefix = PLACES[place]
        said = f"After “… {' '.join(prefix.split()[-7:])}”" if prefix else name
        parts.append(text(MARGIN, top + 28, said, 14, INK, weight=600))
        p, q = next_words(model, language, prefix)
        rows = _bars(language, p.tolist(), q.tolist(), top + 34)
        parts += [part for row in rows for part in row]
        top += 34 + ROW * len(rows) + 24
        parts.append(text(MARGIN, top, _distances(p, q), 13, SOFT))
        top += 14
    return card(parts, top + 14)


def _bars(language: Stories, p: list[float], q: list[float], top: float) -> list[list[str]]:
    """A row for each of the likeliest words, and for some that are cut: bars and probabilities."""
    order = sorted(range(len(p)), key=lambda i: -max(p[i], q[i]))
    shown = [i for i in order if q[i]][:DRAWN] + [i for i in order if p[i] and not q[i]][:CUT]
    rows = []
    for row, i in enumerate(shown):
        y = top + 18 + ROW * row
        word = language.vocabulary[i]
        parts = [text(MARGIN, y, "the end" if word == END else word, 14, INK)]
        said = (f"{p[i]:.1%}" if p[i] else "impossible", f"{q[i]:.1%}" if q[i] else "cut")
        ends = ((p[i], EXACT, 11), (q[i], MODEL, 4))
        for (value, colour, above), x, number in zip(ends, (95, 190), said, strict=True):
            width = value * (RIGHT - LEFT)
            shape = f'x="{LEFT}" y="{y - above}" width="{width:.1f}" height="6"'
            parts.append(f'<rect {shape} fill="{colour}"/>')
            parts.append(text(RIGHT + x, y, number, 14, INK, anchor="end"))
        rows.append(parts)
    return rows


def _distances(p: Tensor, q: Tensor) -> str:
    """Both divergences in one line."""
    forward, backward = (
        "∞" if math.isinf(nats) else f"{nats:.3f} nats" for nats in (kl(p, q), kl(q, p))
    )
    return f"KL(language ‖ sampler) = {forward}, KL(sampler ‖ language) = {backward}"
