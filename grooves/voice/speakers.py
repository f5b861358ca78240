"""Two synthetic speakers: a source, a filter, and nothing recorded from anybody.

Key idea: source and filter. The vocal folds give pulses at some pitch, and the vocal tract passes
some frequencies better than others: its resonances, the formants. Pitch and the length of the tract
depend on the speaker, the positions of the formants on the vowel. Because both are set here, what a
model of these voices should have learned is known exactly.
Chapter 06. Shapes: N sentences, S samples (8,000 per second), 4 formants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

RATE = 8_000  # samples per second, as on the telephone
STEP_S = 0.005  # time between two settings of the synthesizer
MOVE_S = 0.05  # time that the vocal tract takes from one sound to the next
SILENCE = "_"
VOWELS = ("i", "ɪ", "ɛ", "æ", "ɑ", "ɔ", "ʊ", "u", "ʌ", "ɝ")
_WORDS = ("heed", "hid", "head", "had", "hod", "hawed", "hood", "who'd", "hud", "heard")
WORDS = dict(zip(VOWELS, _WORDS, strict=True))
CONSONANTS = ("m", "n", "ʃ")
PHONEMES = (SILENCE, *VOWELS, *CONSONANTS)
# Means of 28 women and of 33 men, in Hz: Peterson and Barney 1952, table II; columns as VOWELS.
_WOMEN = (
    (310, 430, 610, 860, 850, 590, 470, 370, 760, 500),
    (2790, 2480, 2330, 2050, 1220, 920, 1160, 950, 1400, 1640),
    (3310, 3070, 2990, 2850, 2810, 2710, 2680, 2670, 2780, 1960),
)
_MEN = (
    (270, 390, 530, 660, 730, 570, 440, 300, 640, 490),
    (2290, 1990, 1840, 1720, 1090, 840, 1020, 870, 1190, 1350),
    (3010, 2550, 2480, 2410, 2440, 2410, 2240, 2240, 2390, 1690),
)
_F4 = 3300.0  # of a man: Klatt 1980, table I
_BANDWIDTHS = (60.0, 90.0, 130.0, 200.0)
# A man's consonants: Klatt 1980, table III; the nasals without their zero, so that poles suffice.
_CONSONANTS = {
    "m": ((270, 1270, 2130), (60, 200, 200), 0.35, 0.0),
    "n": ((270, 1340, 2470), (60, 300, 300), 0.35, 0.0),
    "ʃ": ((300, 1840, 2750), (400, 200, 160), 0.0, 0.35),
}


@dataclass(frozen=True)
class Speaker:
    """One voice. pitch_hz: its mean. formants: (10, 4) in Hz, by vowel. tract: length relative to
    the man's. breath: strength of the noise that is added to the pulses."""

    name: str
    pitch_hz: float
    formants: np.ndarray
    tract: float
    breath: float


def speaker(name: str) -> Speaker:
    """`"woman"` or `"man"`, with the mean formants of the American English women or men.

    Raises: ValueError for another name.
    Source: Peterson and Barney 1952, J. Acoust. Soc. Am. 24, table II.
    """
    if name not in ("woman", "man"):
        raise ValueError(f"{name=} is no speaker: there are 'woman' and 'man'")
    women, men = (np.array(table, dtype=float).T for table in (_WOMEN, _MEN))
    tract = float(np.exp(-np.log(women / men).mean()))  # a shorter tract raises all formants
    own, length, pitch, breath = (
        (women, tract, 220.0, 0.02) if name == "woman" else (men, 1.0, 125.0, 0.01)
    )
    return Speaker(name, pitch, np.c_[own, np.full(10, _F4 / length)], length, breath)


def between(one: Speaker, other: Speaker, share: float = 0.5) -> Speaker:
    """A speaker between two others, `share` of the way in logarithms: a mixed voice."""

    def mix(a, b):
        return np.exp((1 - share) * np.log(a) + share * np.log(b))

    parts = ("pitch_hz", "formants", "tract", "breath")
    pairs = ((getattr(one, part), getattr(other, part)) for part in parts)
    return Speaker(f"{share:.0%} {other.name}", *(mix(*pair) for pair in pairs))


def sentences(n: int, seconds: float, seed: int, vowels=VOWELS) -> list[list[tuple[str, float]]]:
    """Random sentences: syllables of a consonant, or none, and a vowel, between two silences.

    Durations do not depend on the speaker, so they carry no information about who speaks.
    Returns: n lists of (phoneme, seconds), each `seconds` long in total.
    """
    rng = np.random.default_rng(seed)
    told = []
    for _ in range(n):
        sounds, left = [(SILENCE, 0.08)], seconds - 0.16
        while left > 0.45:
            if rng.random() < 0.6:
                sounds.append((str(rng.choice(CONSONANTS)), round(rng.uniform(0.07, 0.12), 2)))
                left -= sounds[-1][1]
            sounds.append((str(rng.choice(vowels)), round(rng.uniform(0.14, 0.26), 2)))
            left -= sounds[-1][1]
        sounds.append((str(rng.choice(vowels)), left))
        told.append([*sounds, (SILENCE, 0.08)])
    return told


def at_rate(sentence, step_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sentence in time steps: index of the sound, seconds since its start, and until its end.

    Returns: three arrays with one value per step.
    """
    ends = np.cumsum([seconds for _, seconds in sentence])
    now = (np.arange(round(ends[-1] / step_s)) + 0.5) * step_s
    which = np.minimum(np.searchsorted(ends, now), len(ends) - 1)
    starts = np.concatenate(([0.0], ends[:-1]))
    return which, now - starts[which], ends[which] - now


def speak(who: Speaker, told, seed: int) -> np.ndarray:
    """The wave of each sentence, all of one length: (N, S), loudest sample about 0.5.

    Raises: ValueError where the sentences differ in length.

    Pulses at the pitch, with jitter, and a breath of noise go through four resonators in a row.
    Source: Fant 1960 (source and filter); Klatt 1980, J. Acoust. Soc. Am. 67 (resonators, eq. 2).
    """
    lengths = {round(sum(seconds for _, seconds in sentence) / STEP_S) for sentence in told}
    if len(lengths) != 1:
        spans = ", ".join(f"{n * STEP_S:.2f}" for n in sorted(lengths))
        raise ValueError(f"sentences of {spans} s cannot be said side by side: give one length")
    rng = np.random.default_rng(seed)
    settings = [_settings(who, sentence) for sentence in told]
    formants, bandwidths, voice, noise = (np.stack(part) for part in zip(*settings, strict=True))
    times = round(STEP_S * RATE)  # samples a step
    n_samples = voice.shape[1] * times
    source = np.stack([_pulses(who, n_samples, rng) for _ in told]) * _slowly(voice, times)
    breath = _slowly(noise + who.breath * voice, times)
    source += breath * rng.standard_normal(source.shape)
    wave = _resonate(source, _slowly(formants, times), _slowly(bandwidths, times))
    room = 1e-3 * rng.standard_normal(wave.shape)  # no room is as silent as zeros are
    return 0.5 * wave / np.abs(wave).max() + room


# ---- what a voice is made of ---------------------------------------------------------------------


def _settings(who: Speaker, sentence):
    """Formants (T, 4), bandwidths (T, 4), loudness of voice (T,) and of noise (T,), every step."""
    rows = [_target(who, phoneme, sentence, i) for i, (phoneme, _) in enumerate(sentence)]
    which, _, _ = at_rate(sentence, STEP_S)
    width = round(MOVE_S / STEP_S)
    ease = np.hanning(width + 2)[1:-1]
    ease /= ease.sum()
    smooth = []
    for part in zip(*rows, strict=True):
        steps = np.array(part, dtype=float)[which].reshape(len(which), -1)
        ahead, behind = width // 2, width - 1 - width // 2
        padded = np.pad(steps, ((ahead, behind), (0, 0)), mode="edge")
        columns = [np.convolve(column, ease, mode="valid") for column in padded.T]
        smooth.append(np.stack(columns, axis=-1))
    return smooth[0], smooth[1], smooth[2][:, 0], smooth[3][:, 0]


def _target(who: Speaker, phoneme: str, sentence, i: int):
    if phoneme in VOWELS:
        return who.formants[VOWELS.index(phoneme)], _BANDWIDTHS, 1.0, 0.0
    if phoneme == SILENCE:  # the tract prepares for the next sound, or stays as it was
        near = sentence[1 if i == 0 else i - 1][0]
        formants, bandwidths, _, _ = _target(who, near, sentence, i)
        return formants, bandwidths, 0.0, 0.0
    formants, bandwidths, voice, noise = _CONSONANTS[phoneme]
    formants = np.array((*formants, _F4)) / who.tract
    return formants, (*bandwidths, _BANDWIDTHS[3]), voice, noise


def _slowly(steps: np.ndarray, times: int) -> np.ndarray:
    """Settings (N, T, ...) for every sample, linearly interpolated: (N, T * times, ...)."""
    after = np.concatenate((steps[:, 1:], steps[:, -1:]), axis=1)
    share = (np.arange(times) / times).reshape(1, 1, times, *[1] * (steps.ndim - 2))
    between = steps[:, :, None] * (1 - share) + after[:, :, None] * share
    return between.reshape(len(steps), -1, *steps.shape[2:])


def _pulses(who: Speaker, n_samples: int, rng) -> np.ndarray:
    """Glottal pulses as flow that leaves the lips: a falling pitch, waves in it, and jitter."""
    seconds = np.arange(n_samples) / RATE
    tune = 0.06 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.2) * seconds + rng.random()))
    fall = 0.08 - 0.16 * seconds / seconds[-1]
    pitch = who.pitch_hz * np.exp(tune + fall + 0.03 * rng.standard_normal())
    impulses = np.zeros(n_samples + 1)
    place = rng.uniform(0, RATE / who.pitch_hz)
    while place < n_samples - 1:
        whole, part = int(place), place % 1  # between two samples, so that the pitch is exact
        strength = 1 + 0.03 * rng.standard_normal()
        impulses[whole] += strength * (1 - part)
        impulses[whole + 1] += strength * part
        place += RATE / pitch[whole] * (1 + 0.005 * rng.standard_normal())
    # The folds are a low-pass of 12 dB per octave; radiation at the lips takes half of it back.
    flow, pole = np.zeros(n_samples), math.exp(-2 * math.pi * 50 / RATE)
    once = twice = 0.0
    for i in range(n_samples):
        once = impulses[i] + pole * once
        twice = once + pole * twice
        flow[i] = twice
    flow = np.diff(flow, prepend=0.0)
    return flow / np.sqrt((flow**2).mean())


def _resonate(wave: np.ndarray, formants: np.ndarray, bandwidths: np.ndarray) -> np.ndarray:
    """Four resonators in a row whose settings move. wave: (N, S), settings: (N, S, 4), in Hz.

    y(t) = A x(t) + B y(t-1) + C y(t-2), with C = -e^(-2πb), B = 2 e^(-πb) cos 2πf, A = 1 - B - C
    for frequency f and bandwidth b in cycles per sample.
    """
    c = -np.exp(-2 * np.pi * bandwidths / RATE)
    b = 2 * np.exp(-np.pi * bandwidths / RATE) * np.cos(2 * np.pi * formants / RATE)
    a = 1 - b - c
    a, b, c = (np.ascontiguousarray(part.transpose(1, 2, 0)) for part in (a, b, c))  # (S, 4, N)
    heard = np.empty(wave.T.shape)
    one, two = np.zeros((2, formants.shape[-1], len(wave)))
    for t, sample in enumerate(np.ascontiguousarray(wave.T)):
        kept = b[t] * one + c[t] * two
        two, one = one, np.empty_like(one)
        for stage in range(len(one)):
            sample = a[t, stage] * sample + kept[stage]
            one[stage] = sample
        heard[t] = sample
    return heard.T
