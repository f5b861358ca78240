"""Watch a model while it trains, and let it write stories afterwards.

Key idea: a loss curve alone says little; beside the exact entropy it shows how much is left to
learn. Both classes work without a browser, too: the plot is a picture that is replaced by the next
one, and the story teller's buttons call public methods. Chapters: the first notebook, 05.
"""

from __future__ import annotations

import html
import time

from grooves.inference.generate import tell
from grooves.language.stories import END
from grooves.plots import figures

POINTS = 120  # of the curve: more than this is noise, and makes the picture heavy


class LivePlot:
    """The loss during training beside the exact entropy, redrawn in place.

    Pass it as `train(..., on_step=live_plot)`; the time for drawing is not training time.

    entropy: in nats per word, the lowest loss that any model can reach.
    every_s: seconds between two drawings.
    """

    def __init__(self, entropy: float, every_s: float = 1.0):
        self.entropy, self.every_s = entropy, every_s
        self._drawn_at = float("-inf")
        self._place = None  # the output that is replaced, once there is one

    def __call__(self, history, done: float) -> None:
        """After each training step: redraw if the last drawing is older than `every_s`."""
        now = time.monotonic()
        if done >= 1 or now - self._drawn_at >= self.every_s:
            self.show(history)
            self._drawn_at = time.monotonic()

    def show(self, history) -> None:
        """Draw into the running cell's output, or replace the drawing there."""
        from IPython.display import display

        if self._place is None:
            self._place = display(self.draw(history), display_id=True)
        else:
            self._place.update(self.draw(history))

    def draw(self, history) -> figures.Picture:
        """The curve as a picture. Each point is the mean of as many steps as 120 points need."""
        words, losses = curve(history)
        figure, axes = figures.canvas(2.6)
        axes.plot(words, losses, color=figures.BLUE)
        axes.axhline(self.entropy, color=figures.VERMILION, linestyle="--")
        axes.annotate(
            f"exact entropy, {self.entropy:.3f}",
            (0.99, self.entropy),
            xycoords=("axes fraction", "data"),
            xytext=(0, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            color=figures.VERMILION,
        )
        axes.set(xlabel="words read (thousands)", ylabel="loss (nats per word)")
        axes.set(yscale="log", ylim=(self.entropy / 2, 8))
        ticks = [0.2, 0.5, 1, 2, 5]
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        text = (
            f"The loss fell from {losses[0]:.2f} to {losses[-1]:.2f} nats per word in "
            f"{history.steps:,} steps. The exact entropy is {self.entropy:.3f}."
        )
        return figures.picture(figure, text)


def curve(history) -> tuple[list[float], list[float]]:
    """Thousands of words read, and the mean loss since the previous point: at most 120 points."""
    size = -(-history.steps // POINTS)  # rounded up
    per_step = history.words / history.steps / 1000
    words, losses = [], []
    for start in range(0, history.steps, size):
        part = history.losses[start : start + size]
        words.append((start + len(part)) * per_step)
        losses.append(sum(part) / len(part))
    return words, losses


class StoryTeller:
    """A text field for the start of a story, and the model's story below it.

    Enter and the button generate another story each time. The parser's verdict follows it.

    model: a trained story model. language: the `Stories` it was trained on.
    prompt: the start in the text field at first; its story is generated at once.
    """

    def __init__(self, model, language, prompt: str = ""):
        import ipywidgets

        self.model, self.language = model, language
        self.told = 0  # stories, each with the next seed
        self.verdict = None  # of the last story; None where none could be told
        wide = ipywidgets.Layout(width="100%", max_width="44em")
        self.prompt = ipywidgets.Text(
            value=prompt,
            description="It begins:",
            placeholder="(nothing yet: the model begins)",
            layout=wide,
        )
        self.temperature = ipywidgets.FloatSlider(
            value=1.0,
            min=0.0,
            max=2.0,
            step=0.1,
            description="Temperature:",
            style={"description_width": "initial"},  # the usual width cuts the word off
            layout=wide,
        )
        self.button = ipywidgets.Button(description="Tell a story", button_style="primary")
        self.answer = ipywidgets.HTML(layout=wide)
        self.widget = ipywidgets.VBox([self.prompt, self.temperature, self.button, self.answer])
        self.button.on_click(lambda _: self.tell())
        self.prompt.on_msg(lambda _, message, __: self._hear(message))
        self.tell()

    def tell(self) -> None:
        """Generate one story from the text field, and show the parser's verdict."""
        start = self.prompt.value.strip()
        try:
            story = tell(self.model, self.language, start, self.temperature.value, seed=self.told)
        except ValueError as error:  # a word it does not know, or a start that is too long
            self.verdict = None
            self.answer.value = _paragraph(f"No story: {error}.")
            return
        self.told += 1
        self.verdict = self.language.parse(story)
        self.answer.value = _paragraph(story) + _paragraph(said(self.verdict), small=True)

    def _hear(self, message) -> None:
        # What the front end sends when Enter is pressed, whether or not the text has changed.
        if message.get("event") == "submit":
            self.tell()

    def _repr_mimebundle_(self, **kwargs):
        return self.widget._repr_mimebundle_(**kwargs)


def said(verdict) -> str:
    """The parser's verdict as one sentence for a reader."""
    if verdict.ok:
        return "The parser: this is a story of the language."
    found = "the end" if verdict.word == END else f"“{verdict.word}”"
    could = ", ".join("the end" if word == END else f"“{word}”" for word in verdict.expected[:3])
    more = ", …" if len(verdict.expected) > 3 else ""
    return (
        f"The parser: not a story. In place {verdict.position + 1} stands {found}, "
        f"where only {could}{more} could stand."
    )


def _paragraph(text: str, small: bool = False) -> str:
    style = "margin: 0.4em 0; line-height: 1.5" + ("; opacity: 0.8" if small else "")
    return f'<p role="status" style="{style}">{html.escape(text)}</p>'
