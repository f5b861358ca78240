"""Whose voice is it? The pitch and the formants of what a model says, between two speakers.

Key idea: both speakers say the same sentences and are measured in the same way, which sets 0 (the
old speaker) and 1 (the new one) of a ruler. A mixed voice lies in between. The distance from either
speaker is measured too, since a voice that is neither need not lie between them.
Chapter 06. Shapes: N vowels that were said, 3 formants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grooves.voice import acoustics, speakers
from grooves.voice.speakers import RATE, VOWELS

EDGE_S = 0.04  # left out at both ends of a vowel, where it blends into its neighbours


@dataclass(frozen=True)
class VowelMeasurements:
    """Vowels as measured. vowel: (N,), the intended one; pitch_hz: (N,); formants_hz: (N, 3)."""

    vowel: np.ndarray
    pitch_hz: np.ndarray
    formants_hz: np.ndarray


@dataclass(frozen=True)
class Reading:
    """One voice on the ruler.

    pitch, formants: fraction of the way from the old speaker to the new one, in logarithms; for
    formants, the projection onto that way. to_old, to_new: distance from the speaker's formants, as
    a root mean square of relative differences. right: fraction of vowels whose nearest among the
    new speaker's ten is the intended one. newer: fraction whose formants are nearer to the new
    speaker's vowel than to the old one's.
    """

    pitch: float
    formants: float
    to_old: float
    to_new: float
    right: float
    newer: float


def measure_vowels(waves, told) -> VowelMeasurements:
    """Measure every vowel of some sentences: its pitch, and its first three formants.

    The correlations of a vowel's middle are averaged before the prediction, so that the overtones
    of a moving pitch blur and the resonances stay.
    """
    vowel, pitch_hz, formants_hz = [], [], []
    for wave, sentence in zip(waves, told, strict=True):
        hertz, _ = acoustics.pitch(wave, RATE)
        correlations = acoustics.autocorrelation(wave, RATE)
        correlations = correlations / np.maximum(correlations[:, :1], 1e-12)
        which, since, until = speakers.at_rate(sentence, acoustics.HOP_S)
        middle = (since > EDGE_S) & (until > EDGE_S)
        for i, (phoneme, _) in enumerate(sentence):
            here = np.flatnonzero((which == i) & middle)
            if phoneme in VOWELS and len(here):
                vowel.append(phoneme)
                pitch_hz.append(np.median(hertz[here]))
                formants_hz.append(correlations[here].mean(0))
    return VowelMeasurements(
        np.array(vowel), np.array(pitch_hz), acoustics.formants(np.array(formants_hz), RATE)
    )


class Ruler:
    """From one speaker's voice to another's, by the medians of each vowel.

    old, new: measurements of each speaker, who must have said every vowel.
    Raises: ValueError where one has not.
    """

    def __init__(self, old: VowelMeasurements, new: VowelMeasurements):
        self.old, self.new = (median_voice(heard, VOWELS) for heard in (old, new))
        for name, marks in (("old", self.old), ("new", self.new)):
            if not np.isfinite(marks).all():
                missing = [v for v, row in zip(VOWELS, marks, strict=True) if np.isnan(row).any()]
                raise ValueError(f"the {name} speaker was not heard to say {', '.join(missing)}")

    def read(self, heard: VowelMeasurements, vowels=VOWELS) -> Reading:
        """The position of a voice, by some of its vowels.

        Raises: ValueError where none of these was said.
        """
        said = [v for v in vowels if (heard.vowel == v).any()]
        if not said:
            raise ValueError(f"none of the vowels {', '.join(vowels)} was said")
        rows = [VOWELS.index(v) for v in said]
        way = self.new[rows] - self.old[rows]  # (V, 4): pitch and formants, in logarithms
        gone = median_voice(heard, said) - self.old[rows]
        found = np.isfinite(gone[:, 1:])
        way_f, gone_f = way[:, 1:][found], gone[:, 1:][found]
        chosen = np.isin(heard.vowel, said)
        right, newer = self._nearest(heard.vowel[chosen], heard.formants_hz[chosen])
        return Reading(
            pitch=float(gone[:, 0].mean() / way[:, 0].mean()),
            formants=float((gone_f * way_f).sum() / (way_f**2).sum()),
            to_old=float(np.sqrt((gone_f**2).mean())),
            to_new=float(np.sqrt(((gone_f - way_f) ** 2).mean())),
            right=right,
            newer=newer,
        )

    def _nearest(self, vowel, formants_hz) -> tuple[float, float]:
        """Fractions of vowels that are recognised, and that are nearer to the new speaker's."""
        rows = np.array([VOWELS.index(v) for v in vowel])
        logs = np.log(formants_hz)
        far = np.nan_to_num(((logs[:, None] - self.new[:, 1:]) ** 2).sum(-1), nan=np.inf)  # (N, 10)
        from_old = np.nan_to_num(((logs - self.old[rows, 1:]) ** 2).sum(-1), nan=0.0)
        clear = np.isfinite(logs).all(1)  # where a formant was not found, it is neither
        right = (far.argmin(1) == rows) & clear
        newer = (far[np.arange(len(rows)), rows] < from_old) & clear
        return float(right.mean()), float(newer.mean())


def pitch_over_time(waves) -> np.ndarray:
    """Pitch in Hz of each frame, the median over waves of one length; NaN where none has any."""
    found, apart = zip(*(acoustics.pitch(wave, RATE) for wave in waves), strict=True)
    voiced = np.where(np.array(apart) < 0.3, found, np.nan)
    track = np.full(voiced.shape[1], np.nan)
    some = np.isfinite(voiced).any(0)
    track[some] = np.nanmedian(voiced[:, some], axis=0)
    return track


def median_voice(heard: VowelMeasurements, vowels) -> np.ndarray:
    """(V, 4) logarithms of the median pitch and formants of each vowel; NaN where not heard."""
    rows = []
    for v in vowels:
        mine = heard.vowel == v
        both = np.c_[heard.pitch_hz[mine], heard.formants_hz[mine]]
        seen = np.isfinite(both).any(0) if len(both) else np.zeros(4, dtype=bool)
        row = np.full(4, np.nan)
        row[seen] = np.log(np.nanmedian(both[:, seen], axis=0))
        rows.append(row)
    return np.array(rows)
