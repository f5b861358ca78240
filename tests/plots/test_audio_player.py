"""Sounds play from the page alone, and say in words what is heard."""

import base64
import io
import re
import wave

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from grooves.plots import figures
from grooves.plots.audio_player import LIMIT_BYTES, play, wav

RATE = 8_000
TONE = 0.01 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)


def test_the_file_holds_the_wave_at_full_loudness():
    with wave.open(io.BytesIO(wav(TONE, RATE))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(samples) == len(TONE)
    assert np.corrcoef(samples, TONE)[0, 1] > 0.9999
    assert 0.8 * 32_767 < np.abs(samples).max() < 32_767


def test_a_sound_is_a_player_that_asks_nobody():
    markup = play(TONE, RATE, "A tone", "It hums.").markup
    source = re.search(r'<audio controls [^>]*src="data:audio/wav;base64,([^"]+)"', markup)
    assert base64.b64decode(source[1]) == wav(TONE, RATE)
    assert "http" not in markup and markup.count("src=") == 1
    assert "autoplay" not in markup


def test_a_sound_has_a_name_and_says_in_words_what_is_heard():
    sound = play(TONE, RATE, 'The "first"', "A < hum.")
    assert 'aria-label="The &quot;first&quot;, 1.0 s"' in sound.markup
    assert "A &lt; hum." in sound.markup
    assert sound.words == 'Sound: The "first", 1.0 s. A < hum.'


def test_a_sound_is_kept_like_a_picture():
    InteractiveShell.instance()
    with capture_output() as captured:
        figures.keep(hum=play(TONE, RATE, "A tone", "It hums."))
    (output,) = captured.outputs
    assert "<audio" in output.data["text/html"] and "hums" in output.data["text/plain"]
    assert output.metadata["scrapbook"]["name"] == "hum"


@pytest.mark.parametrize(
    "samples", [np.zeros(100), np.zeros(0), np.full(100, np.nan), np.ones((2, 100))]
)
def test_what_cannot_be_heard_is_refused(samples):
    with pytest.raises(ValueError, match="one row of numbers"):
        play(samples, RATE, "Nothing", "Nothing.")


def test_a_sound_too_long_for_a_page_is_refused():
    n_longest = LIMIT_BYTES * 3 // 4 // 2 - 50
    play(np.ones(n_longest), RATE, "Long", "Long.")
    with pytest.raises(ValueError, match="fewer seconds"):
        play(np.ones(n_longest + 200), RATE, "Long", "Long.")
