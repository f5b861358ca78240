"""The vocoder: what it takes down of a voice, it can say again."""

import numpy as np
import pytest

from grooves.voice import speakers
from grooves.voice.acoustics import autocorrelation, pitch, predictor
from grooves.voice.speakers import RATE
from grooves.voice.vocoder import (
    LOUDNESS,
    N_NUMBERS,
    PITCH,
    VOICED,
    analyse,
    line_spectrum,
    predictor_of,
    render,
)
from grooves.voice.voice_metrics import measure_vowels


@pytest.fixture(scope="module")
def some_predictors():
    noise = np.random.default_rng(0).standard_normal(4_000).cumsum()
    return predictor(autocorrelation(noise, RATE))[0]


@pytest.fixture(scope="module")
def woman():
    told = [[("_", 0.1), *((v, 0.4) for v in ("i", "æ", "u")), ("ʃ", 0.2), ("_", 0.1)]]
    wave = speakers.speak(speakers.speaker("woman"), told, seed=1)[0]
    return told, wave, analyse(wave, RATE)


def test_line_spectral_frequencies_lose_nothing(some_predictors):
    frequencies = line_spectrum(some_predictors)
    assert (np.diff(frequencies) > 0).all()
    assert frequencies.min() > 0 and frequencies.max() < np.pi
    clear = np.diff(frequencies).min(axis=1) > 0.01
    assert clear.sum() > 30
    assert predictor_of(frequencies[clear]) == pytest.approx(some_predictors[clear], abs=1e-9)


def test_at_its_line_spectral_frequencies_a_predictor_and_its_mirror_cancel(some_predictors):
    """The definition, by evaluation and without roots: A(z) ± z^-11 A(1/z) is 0 there."""
    for a, row in zip(some_predictors[:5], line_spectrum(some_predictors[:5]), strict=True):
        for i, w in enumerate(row):
            turn = np.exp(-1j * w * np.arange(11))
            mirrored = np.exp(-11j * w) * (a @ turn.conj())
            sign = 1 if i % 2 == 0 else -1
            assert abs(a @ turn + sign * mirrored) < 1e-8 * np.abs(a).sum()


def test_any_numbers_belong_to_a_filter_that_does_not_ring_for_ever():
    wild = np.random.default_rng(1).uniform(-1, 4, (200, 10))  # neither rising nor within 0 and π
    for polynomial in predictor_of(wild):
        assert np.abs(np.roots(polynomial)).max() < 1


def test_a_voice_taken_down_and_said_again_has_its_pitch_and_formants(woman):
    told, wave, numbers = woman
    again = render(numbers, RATE)
    assert len(again) == len(wave)
    before, after = measure_vowels([wave], told), measure_vowels([again], told)
    assert after.pitch_hz == pytest.approx(before.pitch_hz, rel=0.03)
    assert after.formants_hz == pytest.approx(before.formants_hz, rel=0.06)


def test_what_is_voiced_is_rendered_with_pulses_and_the_rest_with_noise(woman):
    told, _, numbers = woman
    which, _, _ = speakers.at_rate(told[0], 0.01)
    assert numbers[which == 2, VOICED].mean() > 0.9 > 0.3 > numbers[which == 4, VOICED].mean()
    _, apart = pitch(render(numbers, RATE), RATE)
    assert np.median(apart[which == 2]) < 0.2 < 0.4 < np.median(apart[which == 4])


def test_an_error_of_an_octave_is_put_right():
    """A fifth of a sound has half the period: so an ear mistakes now and then, and nobody
    speaks."""
    cycles = np.cumsum(np.repeat([120.0, 240, 120], [4_000, 1_600, 2_400]) / RATE)
    wave = sum(np.cos(2 * np.pi * k * cycles) / k for k in range(1, 8))
    tune = np.exp(analyse(wave, RATE)[3:-4, PITCH])
    assert tune.min() > 85 and tune.max() < 170
    assert np.median(tune[52:68]) == pytest.approx(120, rel=0.02)


def test_a_louder_voice_differs_in_loudness_alone(woman):
    _, wave, numbers = woman
    louder = analyse(2 * wave, RATE)
    voiced = numbers[:, VOICED] > 0
    change = (louder - numbers)[voiced]
    assert change[:, LOUDNESS] == pytest.approx(np.log(2), abs=1e-3)
    assert np.delete(change, LOUDNESS, axis=1) == pytest.approx(0, abs=1e-3)


def test_what_has_no_sound_is_refused():
    with pytest.raises(ValueError, match="voiced"):
        analyse(1e-5 * np.random.default_rng(0).standard_normal(4_000), RATE)
    with pytest.raises(ValueError, match="finite"):
        render(np.full((5, N_NUMBERS), np.nan), RATE)
