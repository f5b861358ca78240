"""The speakers: what they say is what was asked, and how they sound is what was set."""

import numpy as np
import pytest

from grooves.voice import speakers
from grooves.voice.speakers import (
    CONSONANTS,
    RATE,
    SILENCE,
    VOWELS,
    at_rate,
    sentences,
    speak,
    speaker,
)

WOMAN, MAN = speaker("woman"), speaker("man")


def test_speakers_have_the_published_formants():
    assert MAN.formants[VOWELS.index("i"), :3].tolist() == [270, 2290, 3010]
    assert WOMAN.formants[VOWELS.index("æ"), :3].tolist() == [860, 2050, 2850]
    assert MAN.formants[VOWELS.index("ɝ"), 2] == 1690  # the lowest third formant of all
    assert 1.1 < 1 / WOMAN.tract < 1.2  # a woman's tract is about that much shorter
    with pytest.raises(ValueError, match="'woman' and 'man'"):
        speaker("child")


def test_sentences_have_the_length_and_the_vowels_asked_for():
    told = sentences(30, 2.5, seed=4, vowels=("i", "ʌ"))
    sounds = {phoneme for sentence in told for phoneme, _ in sentence}
    assert sounds == {SILENCE, "i", "ʌ", *CONSONANTS}
    for sentence in told:
        assert sum(seconds for _, seconds in sentence) == pytest.approx(2.5)
        assert min(seconds for _, seconds in sentence) > 0.05
        assert sentence[0][0] == sentence[-1][0] == SILENCE


def test_time_in_a_sentence_counts_from_each_sound_to_the_next():
    which, since, until = at_rate([("i", 0.03), ("m", 0.02)], 0.01)
    assert which.tolist() == [0, 0, 0, 1, 1]
    assert since == pytest.approx([0.005, 0.015, 0.025, 0.005, 0.015])
    assert until == pytest.approx([0.025, 0.015, 0.005, 0.015, 0.005])


@pytest.mark.parametrize("who", [WOMAN, MAN], ids=["woman", "man"])
def test_overtones_are_multiples_of_the_pitch(who):
    """By the spectrum alone: of one second of a vowel, the strongest lines lie at the pitch."""
    wave = speak(who, [[("u", 1.0)]], seed=2)[0]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    low = (hertz > 60) & (hertz < 1.5 * who.pitch_hz)
    assert hertz[low][spectrum[low].argmax()] == pytest.approx(who.pitch_hz, rel=0.15)


def test_a_fricative_is_noise_and_silence_is_silent():
    told = [[(SILENCE, 0.3), ("ɑ", 0.3), ("ʃ", 0.3), (SILENCE, 0.3)]]
    silence, vowel, hiss = np.split(speak(MAN, told, seed=0)[0], 4)[:3]
    middle = slice(600, -600)
    assert (vowel[middle] ** 2).mean() > 1_000 * (silence[middle] ** 2).mean()

    def sameness(wave):  # with itself one period later
        wave = wave[middle]
        shifts = range(55, 80)
        return max(np.corrcoef(wave[:-shift], wave[shift:])[0, 1] for shift in shifts)

    assert sameness(vowel) > 0.8 and sameness(hiss) < 0.6


def test_a_steady_vowel_is_the_response_of_its_four_resonators():
    """Noise through `_resonate` has the spectrum that the formula of the poles says."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((8, 8_192))
    formants, widths = np.array([700.0, 1100, 2400, 3300]), np.array([80.0, 90, 120, 200])
    settings = (np.broadcast_to(part, (8, 8_192, 4)) for part in (formants, widths))
    heard = speakers._resonate(noise, *settings)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(8_192))
    gain = np.ones(len(turn), dtype=complex)
    for f, b in zip(formants / RATE, widths / RATE, strict=True):
        pole = np.exp(-np.pi * b + 2j * np.pi * f)
        gain *= abs(1 - pole) ** 2 / ((1 - pole * turn) * (1 - pole.conj() * turn))
    measured = np.abs(np.fft.rfft(heard) / np.fft.rfft(noise)).mean(0)
    bands = [slice(i, i + 64) for i in range(64, 4_000, 64)]
    for band in bands:
        assert measured[band].mean() == pytest.approx(np.abs(gain[band]).mean(), rel=0.12)


def test_sentences_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="give one length"):
        speak(MAN, [[("i", 0.2)], [("i", 0.3)]], seed=0)
