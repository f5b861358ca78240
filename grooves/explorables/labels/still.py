"""The still picture of the explorable `labels`, for readers without scripts and for print.

Key idea: one sentence, twice: the input above, the targets below, as
`grooves.training.objectives` makes them. Chapter 03.
"""

from __future__ import annotations

import numpy as np

from grooves.explorables.shared.svg import INK, MARGIN, MODEL, SOFT, WIDTH, card, text, width_of
from grooves.language.corpora import IGNORED
from grooves.language.stories import to_words
from grooves.training.objectives import masked_word, next_word

SIZE, BOX, GAP, LINE = 14, 26, 16, 86  # pixels: text, a tile's height, between its two, a line
CHOSEN = 4  # the pair that is shown with all that the model has read
SHARE, SEED = 0.15, 1  # 3 of 20 words
MASK = "[MASK]"


def draw(sentence: str) -> str:
    """A picture (SVG) of a sentence's pairs for the next word and for masked words."""
    words = to_words(sentence)
    vocabulary = [*dict.fromkeys(words), MASK]
    ids = np.array([vocabulary.index(word) for word in words])
    parts, y = [], 40.0
    asked = [
        ("Next word", next_word(ids), range(CHOSEN + 1)),
        ("Masked word", _masked(ids, len(vocabulary) - 1), range(len(ids))),
    ]
    for name, (inputs, targets), seen in asked:
        n = int((targets != IGNORED).sum())
        parts.append(text(MARGIN, y, name, 15, INK, weight=600))
        said = f"{n} pairs, 0 human labels"
        parts.append(text(WIDTH - MARGIN, y, said, 14, SOFT, anchor="end"))
        rows = zip(inputs, targets, strict=True)
        pairs = [(vocabulary[i], None if t == IGNORED else vocabulary[t]) for i, t in rows]
        tiles, y = _tiles(pairs, seen, y + 16)
        parts += tiles
        y += 26
    said = "above: the input, shaded where it is visible to one prediction; below: the targets"
    return card([*parts, text(MARGIN, y - 16, said, 13, SOFT)], y + 8)


def _masked(ids: np.ndarray, mask_id: int) -> tuple[np.ndarray, np.ndarray]:
    return masked_word(ids, mask_id, SHARE, np.random.default_rng(SEED))


def _tiles(pairs: list[tuple[str, str | None]], seen, top: float) -> tuple[list[str], float]:
    """Pairs in lines, and where they end. seen: positions that are visible to one prediction."""
    parts, x, y = [], float(MARGIN), top
    for place, (read, asked) in enumerate(pairs):
        width = max(width_of(word, SIZE) for word in (read, asked or "")) + 16
        if x + width > WIDTH - MARGIN:
            x, y = float(MARGIN), y + LINE
        hidden = read == MASK
        shade = 0.14 if place in seen and not hidden else 0.03
        look = f'fill="{INK}" fill-opacity="{0 if hidden else shade}" stroke="{SOFT}"'
        parts += _box(x, y, width, read, look + (' stroke-dasharray="3 2"' if hidden else ""))
        if asked is not None:
            middle, below = x + width / 2, y + BOX + GAP
            arrow = f"M{middle:.1f} {y + BOX + 2:.1f}V{below - 3:.1f}m-3 -4l3 4l3 -4"
            parts.append(f'<path d="{arrow}" fill="none" stroke="{SOFT}"/>')
            look = f'fill="{MODEL}" fill-opacity="0.1" stroke="{MODEL}" stroke-width="2"'
            parts += _box(x, below, width, asked, look)
        x += width + 5
    return parts, y + LINE


def _box(x: float, y: float, width: float, word: str, look: str) -> list[str]:
    """A word in a frame."""
    shape = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BOX}" rx="5"'
    middle = text(x + width / 2, y + 18, word, SIZE, INK, width_of(word, SIZE), anchor="middle")
    return [f"<rect {shape} {look}/>", middle]
