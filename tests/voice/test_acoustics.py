"""The ear: pitch and formants of sounds of which both are known."""

import numpy as np
import pytest

from grooves.voice.acoustics import HOP_S, autocorrelation, formants, frames, pitch, predictor

RATE = 8_000


def tone(hertz, overtones, seconds=0.5):
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(np.cos(2 * np.pi * k * hertz * time + k) / k for k in overtones)


def vowel(resonances, widths, hertz=None, seed=0):
    """Noise, or pulses at a pitch, through an all-pole filter with these resonances.

    A fifth, real pole makes the spectrum fall by 6 dB an octave, as that of a voice does.
    """
    n = RATE // 2
    if hertz is None:
        source = np.random.default_rng(seed).standard_normal(n)
    else:
        source = np.diff(np.floor(np.arange(n + 1) * hertz / RATE))
    poles = np.exp(np.pi / RATE * (-np.array(widths) + 2j * np.array(resonances)))
    recursion = np.poly(np.concatenate((poles, poles.conj(), [0.95]))).real
    wave = np.zeros(n + 9)
    for i in range(n):
        wave[i + 9] = source[i] - recursion[:0:-1] @ wave[i : i + 9]
    return wave[9:]


@pytest.mark.parametrize("hertz", [83.0, 125.0, 219.3, 333.0])
def test_the_pitch_of_a_known_tone_is_found(hertz):
    found, apart = pitch(tone(hertz, range(1, 8)), RATE)
    assert found[3:-4] == pytest.approx(hertz, rel=0.006)
    assert apart[3:-4].max() < 0.05


def test_the_pitch_is_found_where_its_own_frequency_is_missing():
    found, _ = pitch(tone(150.0, (3, 4, 5, 6)), RATE)
    assert found[3:-4] == pytest.approx(150, rel=0.01)


def test_a_strong_overtone_is_not_taken_for_the_pitch():
    """The fourth overtone, ten times as strong: almost periodic with a quarter of the period."""
    wave = tone(200.0, range(1, 8)) + 2.5 * tone(800.0, [1])
    found, _ = pitch(wave, RATE)
    assert found[3:-4] == pytest.approx(200, rel=0.01)


def test_noise_has_no_period():
    _, apart = pitch(np.random.default_rng(0).standard_normal(RATE), RATE)
    assert np.median(apart) > 0.5


def test_the_predictor_solves_the_normal_equations():
    r = autocorrelation(vowel([600, 1500, 2500, 3400], [70, 90, 120, 200]), RATE)[5:8]
    polynomials, left = predictor(r)
    for row, polynomial, energy in zip(r, polynomials, left, strict=True):
        matrix = row[np.abs(np.subtract.outer(np.arange(10), np.arange(10)))]
        matrix = matrix + np.eye(10) * (row[0] * 1e-6 + 1e-9)
        solved = np.linalg.solve(matrix, row[1:])
        assert polynomial[1:] == pytest.approx(-solved, rel=1e-6, abs=1e-9)
        assert energy == pytest.approx(row[0] * (1 + 1e-6) + 1e-9 - solved @ row[1:], rel=1e-6)


@pytest.mark.parametrize(
    "resonances", [(270, 2290, 3010), (730, 1090, 2440), (490, 1350, 1690), (300, 870, 2240)]
)
@pytest.mark.parametrize("hertz", [None, 110.0])
def test_the_formants_of_known_resonances_are_found(resonances, hertz):
    wave = vowel((*resonances, 3400), (60, 90, 130, 200), hertz)
    correlations = autocorrelation(wave, RATE)
    found = formants((correlations / correlations[:, :1])[5:-5].mean(0), RATE)[0]
    assert found == pytest.approx(resonances, rel=0.04, abs=20)


def test_a_resonance_that_is_too_wide_is_no_formant():
    wave = vowel((500, 1500, 2500, 3400), (80, 90, 1_500, 200))
    found = formants(autocorrelation(wave, RATE)[5:-5].mean(0), RATE)[0]
    assert found == pytest.approx((500, 1500, 3400), rel=0.04)


def test_each_frame_lies_around_the_middle_of_its_step():
    place = 1_234
    wave = np.zeros(4_000)
    wave[place] = 1.0
    pieces = frames(wave, RATE, 0.03)
    assert len(pieces) == 50 and pieces.shape[1] == 240
    middle = (np.arange(50) + 0.5) * HOP_S * RATE
    for at, piece in zip(middle, pieces, strict=True):
        assert piece.any() == (-120 <= place - at < 120)
        if piece.any():
            assert piece.argmax() == place - at + 120
