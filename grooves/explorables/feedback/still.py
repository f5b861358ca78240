"""The still picture of the explorable `feedback`, for readers without scripts and for print.

Key idea: to tell more happy stories, a model must move, and the optimum of each beta reaches its
share with the least KL possible. Chapter 10.
"""

from __future__ import annotations

import math

from grooves.explorables.shared.svg import EXACT, INK, MARGIN, MODEL, SOFT, WIDTH, card, text

HEIGHT, HAPPY, POINTS = 330, 0.5, 80  # pixels; share of happy stories in the language; of the line
BETAS = (2.0, 1.0, 0.5, 0.25)
BOX = (MARGIN + 50, WIDTH - MARGIN - 20, 62, HEIGHT - 74)  # left, right, top, bottom


def optimum(beta: float, p: float = HAPPY) -> tuple[float, float]:
    """Share of happy stories of p exp(r / beta), with reward 1 for them and 0 else; and its KL.

    Returns: a share, and nats per story.
    Raises: ValueError unless beta is positive and p between 0 and 1.
    Source: Korbak et al. 2022, arXiv:2205.11275, section 3.
    """
    if not beta > 0 or not 0 < p < 1:
        raise ValueError(f"{beta=} must be positive, and {p=} between 0 and 1")
    share = 1 / (1 + (1 - p) / p * math.exp(-1 / beta))
    return share, least_kl(share, p)


def least_kl(share: float, p: float = HAPPY) -> float:
    """KL in nats by which p at least becomes `share`: that of two Bernoulli distributions."""
    pairs = (share, p), (1 - share, 1 - p)
    return sum(a * math.log(a / b) for a, b in pairs if a > 0)


def draw() -> str:
    """A picture (SVG) of the share of happy stories over KL, with the optima of `BETAS`."""
    left, right, top, bottom = BOX
    most = 0.75  # nats on the axis

    def place(kl, share):
        return left + kl / most * (right - left), bottom - (share - 0.5) / 0.5 * (bottom - top)

    parts = [text(MARGIN, 32, "Share of happy stories of the best model", 15, INK, weight=600)]
    for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        _, y = place(0, share)
        parts.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#d5dae0"/>')
        parts.append(text(left - 6, y + 4, f"{share:.0%}", 12, SOFT, anchor="end"))
    for kl in (0.0, 0.2, 0.4, 0.6):
        x, _ = place(kl, 0.5)
        parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="#d5dae0"/>')
        parts.append(text(x, bottom + 18, f"{kl:.1f}", 12, SOFT, anchor="middle"))
    shares = [HAPPY + (1 - HAPPY) * i / POINTS for i in range(POINTS + 1)]
    line = " ".join("{:.1f},{:.1f}".format(*place(least_kl(s), s)) for s in shares)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{EXACT}" stroke-width="2.5"/>')
    for beta in BETAS:
        share, kl = optimum(beta)
        x, y = place(kl, share)
        look = f'fill="#fff" stroke="{MODEL}" stroke-width="3"'
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" {look}/>')
        said = f"β = {beta:g}: {share:.0%} at {kl:.2f} nats"
        late = x > WIDTH - 240  # no room to its right
        at = (x, y + 26, "end") if late else (x + 12, y + 16, "start")
        parts.append(text(at[0], at[1], said, 13, MODEL, anchor=at[2], weight=600))
    said = "KL from the published model, nats per story (reward 1 for a happy ending)"
    return card([*parts, text(MARGIN, HEIGHT - 22, said, 13, SOFT)], HEIGHT)
