"""The still picture of the explorable `attention`, for readers without scripts and for print.

Key idea: the same words, attention weights and bars that the page would show first, drawn once
from the trained model. Widths of words are measured, then written into the picture, so that it
looks the same in every font. Chapter 04.
"""

from __future__ import annotations

import torch

from grooves.explorables.shared.svg import (
    EXACT,
    INK,
    MARGIN,
    MODEL,
    SOFT,
    WIDTH,
    card,
    text,
    width_of,
)
from grooves.language.stories import END, Stories, to_text, to_words

LINE_HEIGHT, SIZE = 44, 17  # pixels
FAR = 5  # words back, from where on attention counts as far; as in story.mjs
ROWS = 3  # of the bars


def far_head(weights: torch.Tensor) -> tuple[int, int]:
    """The head in which the last word attends most to distant words, without the start token.

    weights: (L, H, T, T), of `Transformer.attention_weights` for one text.
    Returns: layer, head.
    """
    last = weights.size(-1) - 1
    far = weights[:, :, last, 1 : max(2, last - FAR)].amax(-1)  # (L, H)
    return divmod(int(far.argmax()), weights.size(1))


@torch.inference_mode()
def draw(model, language: Stories, prompt: str) -> str:
    """A picture (SVG) of what the last word of `prompt` attends to, and of what may come next."""
    words = to_words(prompt)
    place = next(model.parameters()).device
    ids = torch.tensor([[0, *(language.index[word] for word in words)]], device=place)
    weights = model.attention_weights(ids)[:, 0].cpu()  # (L, H, T, T)
    layer, head = far_head(weights)
    looks = weights[layer, head, -1].tolist()
    story, bottom = _story(words, looks)
    said = f"“{words[-1]}” in layer {layer + 1}, head {head + 1}: percent of its attention"
    parts = [*story, text(MARGIN, bottom + 8, said, 13, SOFT)]
    chances = model(ids)[0, -1].float().softmax(-1).tolist()
    bars, bottom = _bars(language, chances, language.next_word(words).tolist(), bottom + 34)
    return card([*parts, *bars], bottom)


def _story(words: list[str], looks: list[float]) -> tuple[list[str], float]:
    """The words in lines, shaded, with arcs from those that the last one attends to."""
    boxes, x, y = [], MARGIN, 44.0
    for i in range(len(words)):
        piece = to_text(words[: i + 1])[len(to_text(words[:i])) :]
        word = piece.strip()
        x += width_of(" ", SIZE) + 2 if piece != word else 0  # room for the box around the last
        width = width_of(word, SIZE)
        if x + width > WIDTH - MARGIN:
            x, y = MARGIN, y + LINE_HEIGHT
        boxes.append((x, y, width, word))
        x += width
    shades, arcs, texts = [], [], []
    *_, (end_x, end_y, end_width, _) = boxes
    for (x, y, width, word), look in zip(boxes, looks[1:], strict=True):
        box = f'x="{x - 2:.1f}" y="{y - 17:.1f}" width="{width + 4:.1f}" height="23" rx="4"'
        if look >= 0.01:
            shades.append(f'<rect {box} fill="{MODEL}" fill-opacity="{0.55 * look:.3f}"/>')
        if look >= 0.05:
            share = f"{look:.0%}".rstrip("%")
            texts.append(text(x + width / 2, y - 20, share, 11, SOFT, anchor="middle"))
            if x != end_x or y != end_y:
                target = (end_x + end_width / 2, end_y)
                arcs.append(_arc((x + width / 2, y), target, look))
        texts.append(text(x, y, word, SIZE, INK, width))
    box = f'x="{end_x - 3:.1f}" y="{end_y - 18:.1f}" width="{end_width + 6:.1f}" height="25" rx="4"'
    chosen = f'<rect {box} fill="none" stroke="{INK}" stroke-width="2"/>'
    return [*shades, *arcs, *texts, chosen], end_y + 22


def _arc(start: tuple[float, float], end: tuple[float, float], look: float) -> str:
    """A curve from under one word to another: under it on the same line, above it on a later."""
    (x, y), (end_x, end_y) = start, end
    if y == end_y:
        sag = f"C{x:.1f} {y + 19:.1f} {end_x:.1f} {y + 19:.1f}"
        curve = f"M{x:.1f} {y + 6:.1f}{sag} {end_x:.1f} {y + 6:.1f}"
    else:
        bend = max(14, (end_y - y - 23) / 2)
        curve = (
            f"M{x:.1f} {y + 6:.1f}C{x:.1f} {y + 6 + bend:.1f} "
            f"{end_x:.1f} {end_y - 18 - bend:.1f} {end_x:.1f} {end_y - 18:.1f}"
        )
    ink = f'stroke="{MODEL}" stroke-width="{1 + 2.5 * look:.2f}" opacity="{0.3 + 0.6 * look:.2f}"'
    return f'<path d="{curve}" fill="none" {ink}/>'


def _bars(language, model: list[float], exact: list[float], top: float) -> tuple[list[str], float]:
    """The likeliest next words, the model's bars above the language's; and where they end."""
    order = sorted(range(len(model)), key=lambda i: max(model[i], exact[i]), reverse=True)
    parts = [text(MARGIN, top + 16, "The next word", 13, INK, weight=600)]
    left, right = 150, WIDTH - MARGIN - 170
    for x, name, colour in ((right + 85, "model", MODEL), (right + 170, "language", EXACT)):
        parts.append(text(x, top + 16, name, 13, SOFT, anchor="end"))
        x -= width_of(name, 13) + 15
        parts.append(f'<rect x="{x:.1f}" y="{top + 6}" width="10" height="10" fill="{colour}"/>')
    for row, i in enumerate(order[:ROWS]):
        y = top + 42 + 24 * row
        word = language.vocabulary[i]
        parts.append(text(MARGIN, y, "the end" if word == END else word, 14, INK))
        for p, colour, above, x in ((model[i], MODEL, 11, 85), (exact[i], EXACT, 4, 170)):
            width = p * (right - left)
            shape = f'x="{left}" y="{y - above}" width="{width:.1f}" height="6"'
            parts.append(f'<rect {shape} fill="{colour}"/>')
            parts.append(text(right + x, y, _percent(p), 14, INK, anchor="end"))
    return parts, top + 42 + 24 * ROWS


def _percent(p: float) -> str:
    """A probability for people; nothing is called certain that is not."""
    if p in (0, 1):
        return f"{p:.0%}"
    return "< 0.1%" if p < 0.001 else "> 99.9%" if p > 0.999 else f"{p:.1%}"
