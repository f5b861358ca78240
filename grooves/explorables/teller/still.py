"""The still picture of the explorable `teller`, for readers without scripts and for print.

Key idea: it shows the first story of the page, word for word. So the random numbers with which the
page samples words are computed here as well. Chapters: none; the welcome page.
"""

from __future__ import annotations

import torch

from grooves.explorables.shared.eight_bits import as_told
from grooves.explorables.shared.svg import INK, MARGIN, SOFT, WIDTH, card, text, width_of
from grooves.explorables.teller.widget import SEED
from grooves.language.stories import Stories, to_text

SIZE, LINE_HEIGHT = 17, 28  # pixels
MIX = (0x21F0AAAD, 0x735A2D97)
WORD = 2**32


def random_number(seed: int, place: int) -> float:
    """A number in [0, 1), the one that `randomNumber` in shared/model.mjs gives."""
    h = ((seed * 0x9E3779B1) ^ ((place + 1) * 0x85EBCA6B)) % WORD
    for factor in MIX:
        h = ((h ^ (h >> 15)) * factor) % WORD
    return ((h ^ (h >> 15)) % WORD) / WORD


@torch.inference_mode()
def tell(model, language: Stories, seed: int = SEED) -> list[str]:
    """The words of the page's story with this seed, without the end token."""
    model = as_told(model)
    ids = [0]  # the end mark stands before every story
    while len(ids) < model.config.context:
        chances = model(torch.tensor([ids]))[0, -1].double().softmax(-1)
        above = torch.cumsum(chances, 0) > random_number(seed, len(ids) - 1)
        chosen = int(above.int().argmax()) if above.any() else len(chances) - 1
        if chosen == 0:
            break
        ids.append(chosen)
    return [language.vocabulary[i] for i in ids[1:]]


def draw(model, language: Stories) -> str:
    """A picture (SVG) of the first story and the language's verdict on it."""
    words = tell(model, language)
    lines, line = [], ""
    for word in to_text(words).split():
        longer = f"{line} {word}".strip()
        if width_of(longer, SIZE) > WIDTH - 2 * MARGIN:
            lines, longer = [*lines, line], word
        line = longer
    parts = [
        text(MARGIN, 44 + LINE_HEIGHT * row, one, SIZE, INK, width_of(one, SIZE))
        for row, one in enumerate([*lines, line])
    ]
    bottom = 44 + LINE_HEIGHT * len(lines) + 40
    verdict = language.parse(words)
    said = "True to the language" if verdict.ok else "Not true to the language"
    parts.append(text(MARGIN, bottom, f"{said}, says its parser.", 14, SOFT, weight=600))
    return card(parts, bottom + 24)
