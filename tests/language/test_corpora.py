"""Batches hold what the language said, in an order that an interruption cannot change.

Downloads are tried against a web server of our own on 127.0.0.1, which counts, lies and breaks off.
"""

import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from grooves.language.corpora import (
    IGNORED,
    SOURCES,
    HeldOut,
    Source,
    StoryData,
    TextData,
    digits,
    download,
    english,
    next_word_rows,
)
from grooves.language.stories import Stories

LANGUAGE = Stories()


# ---- stories -----------------------------------------------------------------------------------


def test_the_target_is_the_next_word_then_the_end_then_nothing():
    inputs, targets = next_word_rows([[5, 6, 7], [8]])
    assert inputs.tolist() == [[0, 5, 6, 7], [0, 8, 0, 0]]
    assert targets.tolist() == [[5, 6, 7, 0], [8, 0, IGNORED, IGNORED]]


def test_ignored_targets_are_the_ones_that_cross_entropy_skips():
    logits = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[2, 1, IGNORED]])
    both = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    by_hand = -(logits[0, 0].log_softmax(-1)[2] + logits[0, 1].log_softmax(-1)[1]) / 2
    assert torch.allclose(both, by_hand)


def stories_in(batch, data):
    inputs, targets = batch
    for row in targets.tolist():
        yield tuple(data.tokenizer.decode_words([t for t in row if t > 0]))


def test_one_pass_shows_every_story_once_and_the_next_pass_has_another_order():
    data = StoryData(LANGUAGE, n_stories=64, batch_size=8, seed=3)
    first = [set(stories_in(data.batch(step), data)) for step in range(8)]
    second = [set(stories_in(data.batch(step), data)) for step in range(8, 16)]
    written = set(map(tuple, LANGUAGE.corpus(64, seed=3)))
    assert set().union(*first) == set().union(*second) == written
    assert first != second


def test_a_batch_depends_on_the_seed_and_the_step_alone():
    steps = [0, 5, 17, 3, 90, 17]
    one, other = (StoryData(LANGUAGE, n_stories=64, seed=4) for _ in range(2))
    in_turn = {step: one.batch(step) for step in range(91)}
    for step in steps:  # as a training that begins in the middle would ask
        for a, b in zip(in_turn[step], other.batch(step), strict=True):
            assert torch.equal(a, b)
    another = StoryData(LANGUAGE, n_stories=64, seed=5)
    assert not torch.equal(one.batch(0)[0][:, :20], another.batch(0)[0][:, :20])


def test_stories_of_a_batch_are_of_similar_length_so_padding_is_rare():
    data = StoryData(LANGUAGE, n_stories=800)
    padding = torch.cat([(targets == IGNORED).flatten() for _, targets in data.batches])
    assert padding.float().mean() < 0.01


def test_fewer_stories_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="n_stories=7 is less than one batch of 12"):
        StoryData(LANGUAGE, n_stories=7)


def test_windows_of_a_text_are_moved_by_one_byte():
    text = "".join(map(chr, range(33, 120)))
    data = TextData(text, context=10, batch_size=4, seed=1)
    for step in (0, 1, 0):
        inputs, targets = data.batch(step)
        assert inputs.shape == targets.shape == (4, 10)
        assert torch.equal(inputs + 1, targets), "in this text each byte is the one before plus 1"
    assert torch.equal(data.batch(7)[0], TextData(text, 10, 4, seed=1).batch(7)[0])
    assert not torch.equal(data.batch(7)[0], data.batch(8)[0])


def test_every_window_of_a_text_can_be_drawn():
    data = TextData("abcdefgh", context=4, batch_size=16)
    starts = {int(row[0]) for step in range(20) for row in data.batch(step)[0]}
    assert starts == {data.tokenizer.encode(c)[0] for c in "abcd"}
    with pytest.raises(ValueError, match="a text of 4 bytes has no window of 4"):
        TextData("abcd", context=4)


def test_held_out_stories_carry_their_exact_probabilities():
    held_out = HeldOut(LANGUAGE, n_stories=5, seed=77)
    assert held_out.stories == LANGUAGE.corpus(5, seed=77)
    for row, story in enumerate(held_out.stories):
        table = LANGUAGE.next_word_table(story)
        assert np.allclose(held_out.truth[row, : len(table)], table, atol=1e-6)
        assert held_out.truth[row, len(table) :].abs().sum() == 0
        score = held_out.truth[row].gather(1, held_out.targets[row, :, None].clamp(min=0))[:, 0]
        assert np.allclose(score[: len(table)].log(), LANGUAGE.score(story), atol=1e-5)


def test_training_sees_no_held_out_story():
    held_out = set(map(tuple, HeldOut(LANGUAGE, n_stories=40).stories))
    assert held_out.isdisjoint(map(tuple, LANGUAGE.corpus(20_000, seed=1)))


# ---- what every machine has --------------------------------------------------------------------


@pytest.fixture
def no_network(monkeypatch):
    """Any attempt to reach out fails the test by name."""

    def refuse(self, address, *rest):
        raise AssertionError(f"something reached out to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_digits_come_without_a_network_and_no_picture_is_in_both_parts(no_network):
    data = digits()
    assert data.train_images.shape[1:] == data.test_images.shape[1:] == (64,)
    assert len(data.train_images) + len(data.test_images) == 1797
    assert len(data.train_labels) == len(data.train_images)
    assert (data.train_images.min(), data.train_images.max()) == (0, 1)
    counts = np.bincount(data.test_labels)
    assert len(counts) == 10
    assert counts.min() >= 40
    assert np.array_equal(digits().test_images, data.test_images)
    assert not np.array_equal(digits(seed=1).test_images, data.test_images)
    tests = {picture.tobytes() for picture in data.test_images}
    assert tests.isdisjoint(picture.tobytes() for picture in data.train_images)


def test_english_comes_without_a_network(no_network):
    text = english()
    assert len(text) > 300_000
    assert text.count(" the ") > 1_000


# ---- downloads ---------------------------------------------------------------------------------

BODY = ("It was a dark and stormy night. " * 5_000).encode()
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A web server that serves BODY and counts; `/half` promises more than it sends."""
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path == "/missing":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY[: len(BODY) // 2] if self.path == "/half" else BODY)

        def log_message(self, *_):
            pass

    asked = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.asked, httpd.files = asked, tmp_path / "texts"
    httpd.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield httpd
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_a_text_is_fetched_once_checked_and_kept(server, monkeypatch, capfd):
    source = Source(f"{server.url}/text", SHA256, 0.2)
    assert download("night", source) == BODY.decode()
    assert "night" in capfd.readouterr().err, "a progress bar with the text's name"
    assert download("night", source) == BODY.decode()
    assert server.asked == ["/text"]
    assert [path.name for path in server.files.iterdir()] == ["night.txt"]
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it reached out"))
    assert download("night", source) == BODY.decode(), "from the cache, offline"


def test_a_text_with_another_checksum_is_refused_and_not_kept(server):
    source = Source(f"{server.url}/text", "0" * 64, 0.2)
    with pytest.raises(ValueError, match=f"night has checksum {SHA256[:12]}.*expected 0{{12}}"):
        download("night", source)
    assert not list(server.files.iterdir())


def test_a_kept_text_that_was_changed_is_noticed(server):
    source = Source(f"{server.url}/text", SHA256, 0.2)
    download("night", source)
    (server.files / "night.txt").write_bytes(BODY + b"!")
    with pytest.raises(ValueError, match="fetch it again"):
        download("night", source)
    assert download("night", source) == BODY.decode(), "the next call fetches it again"


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_half_a_text_is_not_kept(server, sha256):
    source = Source(f"{server.url}/half", sha256, 0.2)
    with pytest.raises(ConnectionError, match=f"broke off after {len(BODY) // 2} of {len(BODY)}"):
        download("night", source)
    assert not list(server.files.iterdir())


@pytest.mark.parametrize("path", ["/missing", None])
def test_one_sentence_says_what_to_do_when_a_text_cannot_be_fetched(server, path):
    if path is None:  # nobody listens there
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/text"
    else:
        url = server.url + path
    with pytest.raises(ConnectionError) as refusal:
        download("night", Source(url, SHA256, 0.2))
    sentence = str(refusal.value)
    assert sentence.startswith("night could not be fetched")
    assert "connect to the internet once, or use english() or StoryData" in sentence
    assert "\n" not in sentence
    assert not list(server.files.iterdir())


def test_an_unknown_text_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="name='war_and_peace' is not one of tiny_shakes"):
        download("war_and_peace")


def test_every_source_is_secure_and_has_a_checksum():
    for source in SOURCES.values():
        assert source.url.startswith("https://")
        assert len(bytes.fromhex(source.sha256)) == 32
