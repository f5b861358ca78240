"""Feedback by HTTP: one JSON object per line, appended to a file on this machine.

Key idea: a body is checked, field by field, before it becomes a line of `feedback_file`, so a
program that reads the file while the server runs finds whole and valid lines. The weights do not
change here: `grooves learn` reads the file later. Chapters: 09, 10.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from grooves.inference import feedback_file
from grooves.inference.feedback_file import Feedback
from grooves.inference.protocol import LONGEST_WORD
from grooves.inference.request_fields import BadRequest, shown
from grooves.language.stories import to_words
from grooves.language.tokenizers import WordTokenizer

TEXTS = ("prompt", "chosen", "rejected", "text")


class FeedbackLog:
    """Appends to a JSON Lines file. Raises: OSError where it cannot be written to."""

    def __init__(self, path: Path | str, tokenizer: WordTokenizer):
        self.path, self.tokenizer = Path(path), tokenizer
        self.path.open("ab").close()  # so that a wrong path is noticed when the server starts

    def append(self, body: dict, model: str) -> dict:
        """Check a client's opinion and append it; returns the record.

        body: `prompt`, and either `chosen` and `rejected`, or `text` and `thumb` (1 or -1). model:
        name and weights of the model that was judged.
        Raises: BadRequest that names the field which is wrong.
        """
        given = {name: value for name, value in body.items() if value is not None}
        for name, value in given.items():
            self._check(name, value)
        given = {n: v.strip() if isinstance(v, str) else v for n, v in given.items()}
        pair, thumb = {"chosen", "rejected"} & given.keys(), {"text", "thumb"} & given.keys()
        if len(pair) + len(thumb) != 2 or len(pair) == 1:
            raise BadRequest(
                "feedback is either chosen and rejected, or text and thumb: "
                f"{', '.join(sorted(pair | thumb)) or 'none of them'} was sent"
            )
        if pair and given["chosen"] == given["rejected"]:
            raise BadRequest(
                "chosen and rejected are the same text: there is nothing to learn", "rejected"
            )
        feedback = Feedback(model, source="server", **given)
        feedback_file.append(self.path, feedback)
        return asdict(feedback)

    def _check(self, name: str, value: object) -> None:
        """Raises: BadRequest for a field that does not exist, or holds what it must not."""
        if name == "thumb":
            if type(value) is not int or value not in (1, -1):
                raise BadRequest(f"thumb is {shown(value)}: it must be 1 (up) or -1 (down)", name)
        elif name not in TEXTS:
            raise BadRequest(
                f"{name[:LONGEST_WORD]!r} is no field of feedback: leave it out",
                name[:LONGEST_WORD],
            )
        elif not isinstance(value, str):
            raise BadRequest(f"{name} is {shown(value)}: it must be a text", name)
        else:
            try:
                self.tokenizer.encode([word[:LONGEST_WORD] for word in to_words(value)])
            except ValueError as error:
                raise BadRequest(f"{name}: {error}", name, code="unknown_word") from None
