"""Texts and pictures, as batches of numbers.

Key idea: the inputs and the targets of a language model are the same text, moved by one token, so
no text has to be labelled by hand.
Chapters: 01, 03, 04, 05. Everything here works offline except `download`.
"""

from __future__ import annotations

import hashlib
import random
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grooves import cache_dir
from grooves.language.gazette import WORDS, Gazette
from grooves.language.stories import Stories
from grooves.language.tokenizers import ByteTokenizer, WordTokenizer

IGNORED = -100  # the target of a padded place; cross-entropy skips it


def next_word_rows(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Inputs and targets for texts of about equal length, one a row, padded to the longest.

    Each row begins with the end mark (token 0): "the text before is over". The target at every
    place is the next token; the last target is the end mark, padding is `IGNORED`.
    Returns: two tensors (B, T), T one more than the longest text.
    """
    longest = max(map(len, texts)) + 1
    inputs = np.zeros((len(texts), longest), dtype=np.int64)
    targets = np.full((len(texts), longest), IGNORED, dtype=np.int64)
    for row, text in enumerate(texts):
        inputs[row, 1 : len(text) + 1] = text
        targets[row, : len(text)] = text
        targets[row, len(text)] = 0
    return torch.from_numpy(inputs), torch.from_numpy(targets)


class StoryData:
    """`n_stories` stories of a language in batches of stories of similar length.

    `batch(step)` depends on the seed and the step alone, so that an interrupted training continues
    with exactly the batches that it would have seen. Each pass over the stories has its own order.
    Raises: ValueError where there are fewer stories than one batch holds.
    """

    def __init__(
        self, language: Stories, n_stories: int = 8_000, batch_size: int = 12, seed: int = 0
    ):
        if n_stories < batch_size:
            raise ValueError(f"{n_stories=} is less than one batch of {batch_size}")
        self.language, self.seed = language, seed
        self.tokenizer = WordTokenizer(language.vocabulary)
        stories = sorted(map(self.tokenizer.encode, language.corpus(n_stories, seed)), key=len)
        last = len(stories) - batch_size + 1
        self.batches = [
            next_word_rows(stories[i : i + batch_size]) for i in range(0, last, batch_size)
        ]
        self._order = (-1, None)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one training step, each (B, T)."""
        epoch, place = divmod(step, len(self.batches))
        if self._order[0] != epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.batches))
            self._order = (epoch, order)
        return self.batches[self._order[1][place]]


class GazetteData:
    """Sentences of a Gazette in batches, with the interface of `StoryData`.

    n_sentences: how many different draws there are; after so many sentences the next pass over them
    begins, each in its own order. None: every batch is drawn anew, so nothing is seen twice except
    by chance. A batch depends on the seed and the step alone.
    Raises: ValueError where there are fewer sentences than one batch holds.
    """

    def __init__(
        self,
        language: Gazette,
        batch_size: int = 256,
        seed: int = 0,
        n_sentences: int | None = None,
    ):
        if n_sentences is not None and n_sentences < batch_size:
            raise ValueError(f"{n_sentences=} is less than one batch of {batch_size}")
        self.language, self.batch_size, self.seed = language, batch_size, seed
        self.sentences, probabilities = language.every()
        self._up_to = probabilities.cumsum()
        self.n_batches = None if n_sentences is None else n_sentences // batch_size

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one training step, each (B, 5)."""
        if self.n_batches is not None:
            epoch, place = divmod(step, self.n_batches)
            order = np.random.default_rng((self.seed, 1, epoch)).permutation(self.n_batches)
            step = int(order[place])
        chance = np.random.default_rng((self.seed, 0, step)).random(self.batch_size)
        drawn = np.minimum(np.searchsorted(self._up_to, chance), len(self.sentences) - 1)
        return gazette_rows(self.sentences[drawn])


def gazette_rows(sentences: np.ndarray) -> tuple[Tensor, Tensor]:
    """Inputs and targets for sentences (B, 4), each (B, 5): the same words, moved by one token.

    As in `next_word_rows`, the end mark (token 0) stands before and after a sentence.
    """
    rows = np.zeros((len(sentences), WORDS + 2), dtype=np.int64)
    rows[:, 1:-1] = sentences
    return torch.from_numpy(rows[:, :-1]), torch.from_numpy(rows[:, 1:])


class TextData:
    """Windows of `context` tokens from one long text, with the interface of `StoryData`.

    Raises: ValueError where the text is shorter than a window.
    """

    def __init__(self, text: str, context: int = 128, batch_size: int = 16, seed: int = 0):
        self.tokenizer, self.seed = ByteTokenizer(), seed
        self.context, self.batch_size = context, batch_size
        self.tokens = torch.tensor(self.tokenizer.encode(text))
        if len(self.tokens) <= context:
            raise ValueError(f"a text of {len(self.tokens)} bytes has no window of {context} + 1")

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one training step, each (B, T)."""
        rng = np.random.default_rng((self.seed, step))
        starts = rng.integers(0, len(self.tokens) - self.context, self.batch_size)
        rows = torch.stack([self.tokens[s : s + self.context + 1] for s in starts.tolist()])
        return rows[:, :-1], rows[:, 1:]


class HeldOut:
    """Stories that training never sees, with the exact probabilities of the language.

    inputs, targets: (N, T). truth: (N, T, V), the exact next-word probabilities at each place.
    """

    def __init__(self, language: Stories, n_stories: int = 100, seed: int = 987_654_321):
        self.stories = language.corpus(n_stories, seed)
        tokenizer = WordTokenizer(language.vocabulary)
        self.inputs, self.targets = next_word_rows([tokenizer.encode(s) for s in self.stories])
        self.truth = torch.zeros(*self.inputs.shape, len(tokenizer))
        for row, story in enumerate(self.stories):
            table = language.next_word_table(story)
            self.truth[row, : len(table)] = torch.from_numpy(table)


@dataclass(frozen=True)
class Digits:
    """Handwritten digits: images (N, 64) in [0, 1], labels (N,), apart for training and testing."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def digits(test_share: float = 0.25, seed: int = 0) -> Digits:
    """The 1,797 pictures of 8 x 8 grey values that scikit-learn carries, shuffled and split.

    Source: Alpaydin & Kaynak 1998, UCI Machine Learning Repository.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    split = train_test_split(
        images / 16.0, labels, test_size=test_share, random_state=seed, stratify=labels
    )
    return Digits(split[0], split[2], split[1], split[3])


def english() -> str:
    """Real English that every Python carries: the help texts of the language itself, 0.4 MB."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


@dataclass(frozen=True)
class Source:
    """A public text: where it is, its SHA-256 (None where nobody has published one), its size."""

    url: str
    sha256: str | None
    megabytes: float


SOURCES = {
    "tiny_shakespeare": Source(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        1.1,
    ),
    "tiny_stories": Source(
        "https://huggingface.co/datasets/roneneldan/TinyStories/resolve/"
        "f54c09fd23315a6f9c86f9dc80f725de7d8f9c64/TinyStories-valid.txt",
        "94e431816c4cce81ff71e4408ff8d3bda9a42e8d2663986697c3954288cb38b4",
        19.4,
    ),
}


def download(name: str, source: Source | None = None) -> str:
    """A public text, fetched once and kept in the cache folder.

    name: "tiny_shakespeare" or "tiny_stories", or any name with a `source` of your own.
    Raises: ValueError for an unknown name or a wrong checksum; ConnectionError when offline.
    """
    from tqdm.auto import tqdm

    if source is None and (source := SOURCES.get(name)) is None:
        raise ValueError(f"{name=} is not one of {', '.join(SOURCES)}")
    path = cache_dir() / "texts" / f"{name}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{random.randrange(16**8):08x}.part")
        try:
            with urllib.request.urlopen(source.url, timeout=20) as reply, part.open("wb") as file:
                promised = reply.headers.get("Content-Length")
                size = int(promised or source.megabytes * 1e6)
                with tqdm(total=size, unit="B", unit_scale=True, desc=name) as bar:
                    while chunk := reply.read(1 << 16):
                        file.write(chunk)
                        bar.update(len(chunk))
                if promised and file.tell() != size:  # a cut connection looks like the end
                    raise ConnectionError(f"it broke off after {file.tell()} of {size} bytes")
            _check(part, name, source.sha256)
            part.replace(path)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise ConnectionError(
                f"{name} could not be fetched ({error}): connect to the internet once, or use "
                "english() or StoryData, which need no network"
            ) from None
        finally:
            part.unlink(missing_ok=True)
    _check(path, name, source.sha256)
    return path.read_text(encoding="utf-8")


def _check(path: Path, name: str, sha256: str | None) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 is not None and found != sha256:
        path.unlink()
        raise ValueError(
            f"{name} has checksum {found[:12]}…, expected {sha256[:12]}…: fetch it again"
        )
