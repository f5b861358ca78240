"""The model that speaks: it is told the sounds, never the speaker, and learns whose voice it is."""

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal

from grooves.voice import acoustics, speakers, vocoder, voice_model
from grooves.voice.speakers import PHONEMES, RATE, VOWELS, sentences, speaker
from grooves.voice.vocoder import VOICED
from grooves.voice.voice_metrics import Ruler, measure_vowels

WOMAN, MAN = speaker("woman"), speaker("man")
UNHEARD = ("æ", "ʌ", "ɝ")
HEARD = tuple(v for v in VOWELS if v not in UNHEARD)


@pytest.fixture(scope="module")
def woman():
    return voice_model.record(WOMAN, sentences(8, 3.0, seed=1), seed=2)


@pytest.fixture(scope="module")
def man():
    return voice_model.record(MAN, sentences(5, 3.0, seed=3, vowels=HEARD), seed=4)


@pytest.fixture(scope="module")
def model(woman):
    return voice_model.pretrain(woman, steps=450)


@pytest.fixture(scope="module")
def tuned(model, man):
    return voice_model.fine_tune(model, man, steps=250)


@pytest.fixture(scope="module")
def told():
    return sentences(8, 3.0, seed=5)


@pytest.fixture(scope="module")
def ruler(told):
    return Ruler(*(measure_vowels(speakers.speak(who, told, 6), told) for who in (WOMAN, MAN)))


def test_a_model_is_told_the_sounds_and_when_they_come():
    asked = voice_model.encode_sentence([("i", 0.03), ("m", 0.02)]).cpu()
    n = len(PHONEMES)
    before, now, after = (asked[:, i * n : (i + 1) * n].argmax(1).tolist() for i in range(3))
    i, m = PHONEMES.index("i"), PHONEMES.index("m")
    assert before == [i, i, i, i, i] and now == [i, i, i, m, m] and after == [m, m, m, m, m]
    assert asked.shape == (5, voice_model.N_ASKED) and (asked[:, : 3 * n].sum(1) == 3).all()
    assert asked[0, -2:].tolist() == pytest.approx([0.05, 0.25])


def test_a_model_looks_back_on_the_frames_before_and_never_on_the_one_asked_for():
    told = sentences(2, 1.0, seed=0)
    recording = voice_model.record(MAN, told, seed=0)
    assert len(recording) == 200
    for t in (3, 50, 99, 103, 150):
        assert torch.equal(recording.past[t], recording.frame[t - 3 : t])
    for first in (0, 100):  # of a sentence; the one before it is forgotten
        assert torch.equal(recording.past[first], recording.frame[first].expand(3, -1))


def test_two_speakers_of_one_sentence_ask_the_same_of_a_model():
    told = sentences(1, 1.0, seed=0)
    first, second = (voice_model.record(who, told, seed=0) for who in (WOMAN, MAN))
    assert torch.equal(first.asked, second.asked) and not torch.equal(first.frame, second.frame)


def test_surprise_is_the_negative_logarithm_of_the_density(model, woman):
    past = ((woman.past - model.middle) / model.size)[:50]
    frame = ((woman.frame - model.middle) / model.size)[:50]
    with torch.no_grad():
        mean, log_size, logit = model(past, woman.asked[:50])
        found = model.nats(past, woman.asked[:50], frame)
    density = Normal(mean, log_size.exp()).log_prob(frame[:, :VOICED]).sum(1)
    density += Bernoulli(logits=logit).log_prob((woman.frame[:50, VOICED] > 0).float())
    assert torch.allclose(found, -density, atol=1e-3)


def test_a_pretrained_model_speaks_as_the_speaker_it_learned_from(model, ruler, told):
    reading = ruler.read(measure_vowels(voice_model.speak(model, told), told))
    assert abs(reading.pitch) < 0.15 and abs(reading.formants) < 0.15
    assert reading.to_old < 0.06


def test_a_tuned_model_speaks_as_the_new_speaker_where_it_heard_the_vowel(tuned, ruler, told):
    reading = ruler.read(measure_vowels(voice_model.speak(tuned, told), told), HEARD)
    assert reading.pitch > 0.75 and reading.formants > 0.75
    assert reading.to_new < reading.to_old / 2


def test_a_vowel_never_heard_from_the_new_speaker_is_kept_and_moved(tuned, man, ruler, told):
    """The control has only the new speaker's speech, so it cannot know what the vowel is."""
    reading = ruler.read(measure_vowels(voice_model.speak(tuned, told), told), UNHEARD)
    alone = voice_model.pretrain(man, steps=250)
    control = ruler.read(measure_vowels(voice_model.speak(alone, told), told), UNHEARD)
    assert reading.formants > 0.5 and reading.right > 0.6
    assert control.right < reading.right - 0.3


def test_fine_tuning_leaves_the_first_model_as_it_was(model, man):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tuned = voice_model.fine_tune(model, man, steps=3)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    moved = [not torch.equal(before[name], p) for name, p in tuned.named_parameters()]
    assert len(moved) == 6 and all(moved)


def test_the_first_speaker_is_forgotten(model, tuned, man):
    hers = voice_model.record(WOMAN, sentences(3, 3.0, seed=7), seed=8)
    his = voice_model.record(MAN, sentences(3, 3.0, seed=7), seed=8)
    assert (
        voice_model.negative_log_likelihood(tuned, hers)
        > voice_model.negative_log_likelihood(model, hers) + 5
    )
    assert (
        voice_model.negative_log_likelihood(tuned, his)
        < voice_model.negative_log_likelihood(model, his) - 5
    )


def test_who_learned_both_goes_on_as_whom_it_heard_last(model, woman, man, told):
    """Over the first third of a second; later it may mistake into the voice that it knows
    better."""
    both = voice_model.fine_tune(model, woman + man, steps=250)
    middle = {}
    for name, recording in (("woman", woman), ("man", man)):
        waves = voice_model.speak(both, told, heard=recording.past[60])
        middle[name] = np.median([acoustics.pitch(wave, RATE)[0][8:33] for wave in waves])
    assert middle["woman"] > 190 and middle["man"] < 155


def test_only_a_temperature_makes_two_sayings_differ(model, told):
    def frames(temperature, seed):
        kept = []
        render = vocoder.render
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                vocoder, "render", lambda rows, *_: kept.append(rows) or render(rows, RATE)
            )
            voice_model.speak(model, told[:1], temperature, seed)
        return kept[0]

    assert np.array_equal(frames(0.0, 1), frames(0.0, 2))
    assert np.array_equal(frames(0.7, 1), frames(0.7, 1))
    cool, warm = (np.abs(frames(t, 1) - frames(t, 2)).mean() for t in (0.3, 1.0))
    assert 0 < 1.5 * cool < warm
