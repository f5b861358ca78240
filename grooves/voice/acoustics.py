"""Measurements of a voice from its wave: pitch, and the resonances of the vocal tract.

Key idea: the measurement uses the wave alone, not how it was made. So a model's voice and a
speaker's are compared by how both sound.
Chapter 06. Shapes: S samples, F frames, p the order of the prediction.
"""

from __future__ import annotations

import numpy as np

HOP_S = 0.01  # from frame to frame
LOWEST_HZ, HIGHEST_HZ = 70.0, 400.0  # range of the pitch
ORDER = 10  # two for each formant below 4 kHz, and two for the tilt of the spectrum
PREEMPHASIS = 0.97  # raises the high frequencies, of which a voice has less


def frames(wave: np.ndarray, rate: int, length_s: float) -> np.ndarray:
    """Overlapping pieces of a wave, one every `HOP_S`, the n-th around the middle of step n.

    Returns: (F, samples of `length_s`); beyond the ends of the wave there is silence.
    """
    length, hop = round(length_s * rate), round(HOP_S * rate)
    before = (length - hop) // 2
    padded = np.pad(wave, (max(before, 0), length))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length)
    return windows[: len(wave) // hop * hop : hop][: len(wave) // hop]


def pitch(wave: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Pitch in Hz of each frame, and how far from periodic it is: 0 perfectly, about 1 for noise.

    The period is the first shift at which the frame differs little from itself; later ones are
    multiples of it.
    Source: de Cheveigné and Kawahara 2002 (YIN), J. Acoust. Soc. Am. 111, steps 1 to 5; our
    threshold is relative to the smallest difference, where theirs is fixed.
    """
    longest = int(rate / LOWEST_HZ) + 2
    shortest = int(rate / HIGHEST_HZ)
    window = round(0.025 * rate)
    blur = round(0.001 * rate)  # the high frequencies are the least regular
    smooth = np.convolve(wave, np.ones(blur) / blur, mode="same")
    pieces = frames(smooth, rate, (window + longest) / rate)
    difference = np.zeros((len(pieces), longest + 1))
    for shift in range(1, longest + 1):
        gap = pieces[:, :window] - pieces[:, shift : shift + window]
        difference[:, shift] = (gap**2).sum(1)
    shifts = np.arange(1, longest + 1)
    mean = np.cumsum(difference[:, 1:], axis=1) / shifts
    relative = np.ones_like(difference)
    np.divide(difference[:, 1:], mean, out=relative[:, 1:], where=mean > 0)
    found, apart = np.empty(len(pieces)), np.empty(len(pieces))
    for i, row in enumerate(relative):
        inside = row[shortest:longest]
        at = shortest + int(np.argmax(inside < inside.min() + 0.08))  # the first low enough
        while at + 1 < longest and row[at + 1] < row[at]:
            at += 1
        left, middle, right = row[at - 1], row[at], row[at + 1]
        curvature = left - 2 * middle + right
        shift = 0.5 * (left - right) / curvature if curvature > 0 else 0.0
        found[i], apart[i] = rate / (at + np.clip(shift, -0.5, 0.5)), middle
    return found, apart


def autocorrelation(wave: np.ndarray, rate: int, order: int = ORDER) -> np.ndarray:
    """Autocorrelation of each frame, pre-emphasised, in a window of 30 ms: (F, order + 1)."""
    bright = np.append(wave[:1], wave[1:] - PREEMPHASIS * wave[:-1])
    pieces = frames(bright, rate, 0.03)
    pieces = pieces * np.hamming(pieces.shape[1])
    spectrum = np.abs(np.fft.rfft(pieces, 2 * pieces.shape[1])) ** 2
    return np.fft.irfft(spectrum)[:, : order + 1]


def predictor(correlations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear prediction of a sample from those before it, for many frames at once.

    correlations: (F, p + 1). Returns: the polynomials 1 - Σ a_k z^-k as (F, p + 1), and the energy
    of the residual, (F,). Levinson and Durbin's recursion.
    Source: Atal and Hanauer 1971, J. Acoust. Soc. Am. 50; Makhoul 1975, Proc. IEEE 63, eq. 38.
    """
    r = correlations.copy()
    r[:, 0] = r[:, 0] * (1 + 1e-6) + 1e-9  # a silent frame has a predictor too
    n, order = len(r), r.shape[1] - 1
    a, left = np.zeros((n, order + 1)), r[:, 0].copy()
    a[:, 0] = 1.0
    for i in range(1, order + 1):
        k = -(a[:, :i] * r[:, i:0:-1]).sum(1) / left
        a[:, 1 : i + 1] = a[:, 1 : i + 1] + k[:, None] * a[:, i - 1 :: -1][:, :i]
        left = left * (1 - k**2)
    return a, left


def formants(correlations: np.ndarray, rate: int, n: int = 3) -> np.ndarray:
    """The first n formants in Hz of each set of correlations: (F, n), NaN where there are fewer.

    A formant is a root of the predictor near the unit circle: a resonance no wider than 500 Hz.
    Source: Atal and Hanauer 1971, section IV.
    """
    polynomials, _ = predictor(np.atleast_2d(correlations))
    order = polynomials.shape[1] - 1
    companion = np.zeros((len(polynomials), order, order))
    companion[:, 0] = -polynomials[:, 1:]
    companion[:, np.arange(1, order), np.arange(order - 1)] = 1.0
    roots = np.linalg.eigvals(companion)
    hertz = np.angle(roots) * rate / (2 * np.pi)
    width = -np.log(np.abs(roots)) * rate / np.pi
    peaks = np.where((hertz > 150) & (hertz < rate / 2 - 100) & (width < 500), hertz, np.nan)
    return np.sort(peaks, axis=1)[:, :n]  # NaN is sorted to the end
