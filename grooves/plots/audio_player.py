"""An audio player for a waveform, in a notebook and on a static page.

Key idea: a short sound fits into the page itself, so it plays from any host or from disk without a
request to a server. A description in words is part of it, for readers who cannot hear it.
Chapter 06.
"""

from __future__ import annotations

import base64
import io
import wave
from html import escape

import numpy as np

from grooves.plots.figures import Picture

LIMIT_BYTES = 60_000  # of one sound in a page: four sounds weigh as much as a photograph
PEAK = 0.9  # of the loudest sample, alike for all sounds


def play(samples, rate: int, label: str, words: str) -> Picture:
    """An audio player with a name, and a description of the sound below it.

    samples: (S,), of any amplitude. label: a name for the sound. words: its description.
    `figures.keep` stores it like any picture.
    Raises: ValueError where there is nothing to hear, or too much for a page.
    """
    samples = np.asarray(samples, dtype=float)
    if samples.ndim != 1 or not np.isfinite(samples).all() or not np.abs(samples).max(initial=0):
        raise ValueError(f"a sound of shape {samples.shape} must be one row of numbers, not all 0")
    data = base64.b64encode(wav(samples, rate)).decode()
    if len(data) > LIMIT_BYTES:
        raise ValueError(f"{len(data):,} bytes are too many for a page: cut to fewer seconds")
    name = f"{label}, {len(samples) / rate:.1f} s"
    markup = (
        f'<figure style="margin: 0.6em 0"><figcaption style="font-weight: normal; '
        f'color: inherit; text-align: left"><strong>{escape(label)}.</strong> {escape(words)}'
        f'</figcaption><audio controls preload="metadata" aria-label="{escape(name, quote=True)}" '
        f'src="data:audio/wav;base64,{data}" style="width: 100%; max-width: 24em"></audio></figure>'
    )
    return Picture(markup, f"Sound: {name}. {words}")


def wav(samples, rate: int) -> bytes:
    """A WAV file of 16-bit samples, scaled so that the largest is `PEAK` of full scale."""
    samples = np.asarray(samples, dtype=float)
    scaled = np.round(samples / np.abs(samples).max() * PEAK * 32767).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(scaled.tobytes())
    return target.getvalue()
