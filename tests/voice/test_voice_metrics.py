"""The ruler from voice to voice: its ends, its middle, and what is on neither."""

import numpy as np
import pytest

from grooves.plots.voice_plots import pitch_tracks, vowel_chart
from grooves.voice import speakers
from grooves.voice.speakers import VOWELS, Speaker, sentences, speak, speaker
from grooves.voice.voice_metrics import (
    Ruler,
    VowelMeasurements,
    measure_vowels,
    pitch_over_time,
)

WOMAN, MAN = speaker("woman"), speaker("man")
TOLD = [[("_", 0.05), *((v, 0.2) for v in VOWELS), ("_", 0.05)] for _ in range(2)]


def heard(who, seed=5, told=TOLD):
    return measure_vowels(speak(who, told, seed), told)


@pytest.fixture(scope="module")
def ruler():
    return Ruler(heard(WOMAN, 1), heard(MAN, 2))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_a_mix_of_two_speakers_is_read_as_the_mix_that_it_is(ruler, share):
    reading = ruler.read(heard(speakers.between(WOMAN, MAN, share)))
    assert reading.pitch == pytest.approx(share, abs=0.1)
    assert reading.formants == pytest.approx(share, abs=0.1)
    assert reading.to_old == pytest.approx(0.165 * share, abs=0.03)
    assert reading.to_new == pytest.approx(0.165 * (1 - share), abs=0.03)


def test_a_chimera_of_one_speakers_pitch_and_the_others_tract_is_told_apart(ruler):
    chimera = Speaker("chimera", MAN.pitch_hz, WOMAN.formants, WOMAN.tract, 0.01)
    reading = ruler.read(heard(chimera))
    assert reading.pitch > 0.9 and abs(reading.formants) < 0.1
    assert reading.newer < 0.1


def test_vowels_are_recognised_only_where_they_are_the_right_ones(ruler):
    rightly = heard(MAN)
    assert ruler.read(rightly).right > 0.9
    turned = np.roll(VOWELS, 3)
    wrong = np.array([turned[VOWELS.index(v)] for v in rightly.vowel])
    assert ruler.read(VowelMeasurements(wrong, rightly.pitch_hz, rightly.formants_hz)).right < 0.1


def test_only_the_vowels_asked_about_are_read(ruler):
    woman, man = heard(WOMAN), heard(MAN)
    ours = np.isin(woman.vowel, ["æ", "ʌ"])  # both said the same, in the same order
    mixed = VowelMeasurements(
        woman.vowel,
        np.where(ours, man.pitch_hz, woman.pitch_hz),
        np.where(ours[:, None], man.formants_hz, woman.formants_hz),
    )
    assert ruler.read(mixed, ("æ", "ʌ")).formants > 0.9 > 0.1 > ruler.read(mixed, "iɪɛ").formants
    with pytest.raises(ValueError, match="was said"):
        ruler.read(mixed, ("y",))


def test_a_formant_that_was_not_found_does_not_count(ruler):
    man = heard(MAN)
    right = ruler.read(man).right
    assert right > 0.9
    man.formants_hz[man.vowel == "u", 2] = np.nan
    reading = ruler.read(man)
    assert reading.formants == pytest.approx(1, abs=0.1)
    assert reading.right == pytest.approx(right - 2 / len(man.vowel))


def test_the_edges_of_a_vowel_are_not_listened_to():
    """A vowel between two others: its middle is measured, not the way there and back."""
    alone = measure_vowels(speak(MAN, [[("ɑ", 0.24)]], 0), [[("ɑ", 0.24)]])
    told = [[("i", 0.2), ("ɑ", 0.12), ("i", 0.2)]]
    among = measure_vowels(speak(MAN, told, 0), told)
    assert among.vowel.tolist() == ["i", "ɑ", "i"]
    assert among.formants_hz[1] == pytest.approx(alone.formants_hz[0], rel=0.04)


def test_a_ruler_needs_every_vowel_of_both():
    told = sentences(2, 1.0, seed=0, vowels=("i", "u"))
    few = measure_vowels(speakers.speak(MAN, told, 0), told)
    with pytest.raises(ValueError, match="not heard to say"):
        Ruler(few, few)


def test_a_track_has_no_pitch_where_no_voice_is():
    told = [[("ɑ", 0.3), ("ʃ", 0.3), ("u", 0.3)] for _ in range(3)]
    track = pitch_over_time(speak(MAN, told, 0))
    vowels = np.concatenate((track[5:25], track[67:85]))
    assert len(track) == 90 and np.isnan(track[40:50]).mean() > 0.7
    assert vowels == pytest.approx(MAN.pitch_hz, rel=0.25)


def test_charts_show_every_vowel_and_say_in_words_what_they_show(ruler):
    man = heard(MAN)
    chart = vowel_chart(ruler, man, ("æ",), "ten vowels", "notice them").markup
    assert all(f">{vowel}<" in chart for vowel in VOWELS)
    assert 'aria-label="ten vowels"' in chart and "notice them" in chart
    tracks = pitch_tracks({"his": speak(MAN, TOLD, 0)}, "one line", "low")
    assert tracks.words == "one line" and ">his<" in tracks.markup
