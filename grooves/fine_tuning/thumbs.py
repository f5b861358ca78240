"""Two stories and two thumbs: the widget with which a reader teaches a model.

Key idea: the reader says only which of two stories is better, and what they say goes into a file of
their own. The model that tells the stories is not changed by that: learning is a step of its own
(`grooves learn FILE`).
Chapter 10; in the notebook and in the lab.
"""

from __future__ import annotations

import html
import os
from pathlib import Path

from grooves.inference import feedback_file
from grooves.inference.feedback_file import Feedback
from grooves.inference.sampled import draw_texts
from grooves.language.tokenizers import WordTokenizer

BATCH = 8  # stories drawn at once, so that the next pair appears at once
TRIES = 5  # batches before the widget gives up finding two different stories


class Thumbs:
    """Two stories side by side, with a button below each, and one to skip.

    All buttons are reached with Tab and pressed with Enter or Space; the focus stays on the button,
    so a reader who only presses Enter goes on with the next pair. Nothing is written until a button
    is pressed.

    model: whose stories they are. language: the `Stories` it was trained on. prompt: words with
    which every story begins. file: where the thumbs go (default: `feedback_file.default_path()`, on
    this machine). name: of the model, in the file. seed: of the first pair.
    Raises: ValueError where the model does not know a word of the prompt, or cannot write two
    different stories that begin with it.
    """

    def __init__(
        self, model, language, file=None, prompt: str = "", name: str = "model", seed: int = 0
    ):
        self.model, self.tokenizer = model, WordTokenizer(language.vocabulary)
        self.path = Path(file) if file is not None else feedback_file.default_path()
        self.prompt, self.seed = prompt, seed
        self.prefix = self.tokenizer.encode(prompt)
        self.weights = f"{name}@{feedback_file.weights_hash(model)}"
        self.given = 0  # pairs judged with this widget
        self.waiting: list[list[int]] = []  # drawn, not yet shown
        self.pair = self._next_pair()
        self._build()
        self._show()

    def left(self) -> None:
        """The left story is better: write it down, and show the next two."""
        self._choose(0)

    def right(self) -> None:
        """The right story is better: write it down, and show the next two."""
        self._choose(1)

    def skip(self) -> None:
        """No opinion: nothing is written; show the next two."""
        self.pair = self._next_pair()
        self._show()

    def texts(self) -> tuple[str, str]:
        """The two stories as text, with the prompt."""
        return self.tokenizer.decode(self.pair[0]), self.tokenizer.decode(self.pair[1])

    def _choose(self, better: int) -> None:
        n = len(self.prefix)
        written = [self.tokenizer.decode(tokens[n:]) for tokens in self.pair]
        one = Feedback(
            self.weights, self.prompt, chosen=written[better], rejected=written[1 - better]
        )
        try:
            feedback_file.append(self.path, one)
        except OSError as error:  # a full or read-only disk: the reader must hear of it
            self.status.value = _paragraph(f"Not written: {error}.")
            return
        self.given += 1
        self.skip()

    def _next_pair(self) -> tuple[list[int], list[int]]:
        for _ in range(TRIES):
            while len(self.waiting) > 1:
                first = self.waiting.pop(0)
                other = next((i for i, text in enumerate(self.waiting) if text != first), None)
                if other is not None:
                    return first, self.waiting.pop(other)
            drawn = draw_texts(self.model, BATCH, seed=self.seed, prefixes=[self.prefix] * BATCH)
            self.seed += 1
            self.waiting += drawn.tokens
        raise ValueError(
            f"the model writes only one story that begins with {self.prompt!r}: "
            "give fewer words, so that there is something to choose from"
        )

    # ---- what is seen ------------------------------------------------------------------------

    def _build(self) -> None:
        import ipywidgets

        half = ipywidgets.Layout(width="50%", min_width="16em", padding="0 1em 0 0")
        self.stories = [ipywidgets.HTML() for _ in range(2)]
        names = (("Left is better", self.left), ("Right is better", self.right))
        self.buttons = []
        for label, action in (*names, ("Skip this pair", self.skip)):
            icon = "" if label.startswith("Skip") else "thumbs-up"
            button = ipywidgets.Button(description=label, icon=icon)
            button.on_click(lambda _, action=action: action())
            self.buttons.append(button)
        sides = [
            ipywidgets.VBox([story, button], layout=half)
            for story, button in zip(self.stories, self.buttons[:2], strict=True)
        ]
        self.status = ipywidgets.HTML()
        self.widget = ipywidgets.VBox(
            [ipywidgets.HBox(sides), self.buttons[2], self.status],
            layout=ipywidgets.Layout(max_width="64em"),
        )

    def _show(self) -> None:
        for story, text, side in zip(self.stories, self.texts(), ("Left", "Right"), strict=True):
            story.value = f"<strong>{side}</strong>{_paragraph(text)}"
        said = "1 pair" if self.given == 1 else f"{self.given} pairs"
        self.status.value = (
            f'<p role="status" style="font-size:.9em">You have judged {said}. Your thumbs are '
            f"written to <code>{html.escape(shown(self.path))}</code> on this machine, and nowhere "
            "else; the model does not change while you judge.</p>"
        )

    def _repr_mimebundle_(self, **kwargs):
        return self.widget._repr_mimebundle_(**kwargs)


def shown(path: Path) -> str:
    """A path as a reader likes to see it: from $GROOVES_CACHE where that is set, or from home, ~.

    So a page of the book, in which the widget stands as well, names no folder of the machine that
    built it.
    """
    places = {"~": str(Path.home())}
    if chosen := os.environ.get("GROOVES_CACHE"):
        places = {"$GROOVES_CACHE": chosen} | places
    for name, folder in places.items():
        try:
            return str(Path(name) / path.resolve().relative_to(Path(folder).resolve()))
        except (ValueError, RuntimeError, OSError):
            continue
    return str(path)


def _paragraph(text: str) -> str:
    return f'<p style="line-height:1.5">{html.escape(text)}</p>'
