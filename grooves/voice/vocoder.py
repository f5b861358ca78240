"""A vocoder: a wave as a hundred frames of thirteen numbers per second, and back.

Key idea: the target of one prediction should be small, and small errors should sound small.
Thirteen numbers describe 10 ms of a voice: ten for the shape of the vocal tract, one for loudness,
one for pitch, and one for whether the frame is voiced.
Chapter 06. Shapes: S samples, T frames, p = 10 line spectral frequencies.
"""

from __future__ import annotations

import numpy as np

from grooves.voice.acoustics import HOP_S, ORDER, PREEMPHASIS, autocorrelation, pitch, predictor

N_NUMBERS = ORDER + 3  # line spectral frequencies, loudness, pitch, voiced
LOUDNESS, PITCH, VOICED = ORDER, ORDER + 1, ORDER + 2  # columns
QUIET = -9.0  # log of the size below which nothing is voiced
_BLUR_HZ = 60.0  # without it, a high voice's overtones pass for sharp resonances (Kabal 2003)
_NEAREST = 0.005  # radians between line spectral frequencies; closer, a resonance would ring on
_RUMBLE_HZ = 50.0  # below, there is no voice
_TRANSFORM = 512  # samples of a filtered piece, its ringing included


def analyse(wave: np.ndarray, rate: int) -> np.ndarray:
    """The numbers of every 10 ms of a wave of shape (S,): (T, 13).

    Line spectral frequencies in radians, natural logarithm of the size of the residual, natural
    logarithm of the pitch in Hz (interpolated between voiced sounds), and 0 or 1.
    """
    lag = np.arange(ORDER + 1) / rate
    correlations = autocorrelation(wave, rate) * np.exp(-0.5 * (2 * np.pi * _BLUR_HZ * lag) ** 2)
    polynomials, left = predictor(correlations)
    window = np.hamming(round(0.03 * rate))
    size = 0.5 * np.log(left / (window**2).sum() + 1e-12)
    hertz, apart = pitch(wave, rate)
    voiced = (apart < 0.3) & (size > QUIET)
    if not voiced.any():
        raise ValueError("nothing in this wave is voiced, so it has no pitch to learn")
    time = np.arange(len(hertz))
    tune = np.interp(time, time[voiced], np.log(hertz[voiced]))
    tune -= np.log(2) * np.round((tune - np.median(tune)) / np.log(2))  # an error of an octave
    return np.c_[line_spectrum(polynomials), size, tune, voiced]


def render(numbers: np.ndarray, rate: int, seed: int = 0) -> np.ndarray:
    """The wave of (T, 13) numbers: pulses or noise, filtered by the vocal tract frame by frame.

    Returns: (S,), one hop per frame.
    Raises: ValueError where a number is not finite.
    """
    if not np.isfinite(numbers).all():
        raise ValueError("a frame with a number that is not finite has no sound")
    hop = round(HOP_S * rate)
    source = _source(numbers, rate, hop, np.random.default_rng(seed))
    window = np.hanning(2 * hop + 1)[:-1]
    padded = np.pad(source, hop // 2)
    starts = np.arange(len(numbers)) * hop
    pieces = padded[starts[:, None] + np.arange(2 * hop)] * window  # (T, 2 hops)
    turn = np.exp(-2j * np.pi * np.outer(np.arange(ORDER + 1), np.fft.rfftfreq(_TRANSFORM)))
    gain = np.exp(numbers[:, LOUDNESS, None])
    tract = gain / (predictor_of(numbers[:, :ORDER]) @ turn)
    tract /= 1 - PREEMPHASIS * turn[1]  # undoes the pre-emphasis of the analysis
    tract *= np.fft.rfftfreq(_TRANSFORM, 1 / rate) > _RUMBLE_HZ  # and the rumble that it brings
    filtered = np.fft.irfft(np.fft.rfft(pieces, _TRANSFORM) * tract)
    wave = np.zeros(len(padded) + _TRANSFORM)
    for start, piece in zip(starts, filtered, strict=True):
        wave[start : start + _TRANSFORM] += piece
    return wave[hop // 2 : hop // 2 + len(source)]


def _source(numbers, rate: int, hop: int, rng) -> np.ndarray:
    """The source, of mean square 1: pulses with a little noise where voiced, else noise."""
    n = len(numbers) * hop
    middles = (np.arange(len(numbers)) + 0.5) * hop
    hertz = np.exp(np.interp(np.arange(n), middles, numbers[:, PITCH]))
    cycles = np.cumsum(hertz / rate) + rng.random()
    pulses = np.zeros(n + 1)
    begins = np.flatnonzero(np.diff(np.floor(cycles)) > 0) + 1
    late = (cycles[begins] % 1) / (hertz[begins] / rate)  # in samples: the pulse was so much sooner
    height = np.sqrt(rate / hertz[begins])
    np.add.at(pulses, begins, height * (1 - late))
    np.add.at(pulses, begins - 1, height * late)
    voiced = np.repeat(numbers[:, VOICED] > 0.5, hop)
    noise = rng.standard_normal(n)
    return np.where(voiced, 0.97 * pulses[:n] + 0.15 * noise, noise)


def line_spectrum(polynomials: np.ndarray) -> np.ndarray:
    """Line spectral frequencies of predictors: (T, p + 1) -> (T, p), rising, within 0 and π.

    The roots of A(z) ± z^-(p+1) A(1/z) lie on the unit circle, and those of the sum and of the
    difference take turns. Source: Itakura 1975, J. Acoust. Soc. Am. 57, S35.
    """
    longer = np.pad(polynomials, ((0, 0), (0, 1)))
    total, difference = longer + longer[:, ::-1], longer - longer[:, ::-1]
    for i in range(1, longer.shape[1] - 1):  # divide by 1 + z^-1, and by 1 - z^-1
        total[:, i] -= total[:, i - 1]
        difference[:, i] += difference[:, i - 1]
    angles = []
    for part in (total[:, :-1], difference[:, :-1]):
        order = part.shape[1] - 1
        companion = np.zeros((len(part), order, order))
        companion[:, 0] = -part[:, 1:]
        companion[:, np.arange(1, order), np.arange(order - 1)] = 1.0
        angle = np.sort(np.abs(np.angle(np.linalg.eigvals(companion))), axis=1)
        angles.append(angle[:, ::2])  # each occurs twice, once in each half of the circle
    return np.sort(np.concatenate(angles, axis=1), axis=1)


def predictor_of(frequencies: np.ndarray) -> np.ndarray:
    """The predictors of line spectral frequencies: (T, p) -> (T, p + 1), always stable.

    Any rising frequencies within 0 and π belong to a stable filter; others are put in order first.
    """
    ordered = _ordered(frequencies)
    halves = []
    for first, ending in ((0, 1.0), (1, -1.0)):
        part = np.ones((len(ordered), 1))
        for column in range(first, ordered.shape[1], 2):
            cosine = -2 * np.cos(ordered[:, column, None])
            part = (
                np.pad(part, ((0, 0), (0, 2)))
                + np.pad(part, ((0, 0), (2, 0)))
                + np.pad(cosine * part, ((0, 0), (1, 1)))
            )
        part = np.pad(part, ((0, 0), (0, 1))) + ending * np.pad(part, ((0, 0), (1, 0)))
        halves.append(part)
    return (0.5 * (halves[0] + halves[1]))[:, :-1]


def _ordered(frequencies: np.ndarray) -> np.ndarray:
    """Frequencies in rising order, within (0, π), no two nearer than `_NEAREST`."""
    p = frequencies.shape[1]
    steps = np.arange(p) * _NEAREST
    rising = np.sort(np.clip(frequencies, _NEAREST, np.pi - _NEAREST), axis=1) - steps
    rising = np.maximum.accumulate(rising, axis=1)
    return np.minimum(rising, np.pi - p * _NEAREST) + steps
