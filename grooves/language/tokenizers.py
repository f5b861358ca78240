"""From text to numbers and back.

Key idea: a model reads no letters, only indices of tokens in a fixed list, the vocabulary.
For *Stories* a token is a word; for other texts it is a byte, so that no text is unknown, or
a piece of a word (`grooves.language.byte_pair`).
Chapters: 03, 04.
"""

from __future__ import annotations

from difflib import get_close_matches

from grooves.language.stories import to_text, to_words


class WordTokenizer:
    """One token a word. `vocabulary` is a sequence of words; token 0 is the end mark."""

    def __init__(self, vocabulary):
        self.vocabulary = tuple(vocabulary)
        self.index = {word: i for i, word in enumerate(self.vocabulary)}

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, text) -> list[int]:
        """Tokens of a text (or of a list of words).

        Raises: ValueError that names the first word which is not in the vocabulary.
        """
        words = to_words(text) if isinstance(text, str) else text
        try:
            return [self.index[word] for word in words]
        except KeyError as error:
            word = error.args[0]
            near = get_close_matches(word, self.vocabulary, n=3, cutoff=0.6)
            instead = f"; try {' or '.join(map(repr, near))}" if near else ""
            raise ValueError(
                f"{word!r} is not one of the {len(self)} words that the model knows{instead}"
            ) from None

    def decode_words(self, tokens) -> list[str]:
        """The words of the tokens, end marks left out."""
        return [self.vocabulary[token] for token in tokens if token]

    def decode(self, tokens) -> str:
        """The text of the tokens, end marks left out."""
        return to_text(self.decode_words(tokens))


class ByteTokenizer:
    """One token a byte of UTF-8, after token 0, the end mark: 257 tokens for every text."""

    def __len__(self) -> int:
        return 257

    def encode(self, text: str) -> list[int]:
        """Tokens of any text."""
        return [byte + 1 for byte in text.encode("utf-8")]

    def decode(self, tokens) -> str:
        """The text of the tokens; bytes that are not UTF-8 become the replacement mark."""
        return bytes(token - 1 for token in tokens if token).decode("utf-8", errors="replace")
