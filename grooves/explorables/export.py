"""What the book's pages need of their explorables: the state that each starts from, and stills.

The state is made whenever the book is built, by the function that the page's directive names under
`:data:`. The still pictures are made once, and again when the weights or the drawing have changed:
`python -m grooves.explorables.export`. Chapters: all with an explorable.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grooves.explorables.attention import still
from grooves.explorables.attention import widget as looks
from grooves.explorables.backprop import still as still_backprop
from grooves.explorables.backprop import widget as blame
from grooves.explorables.finetune import still as still_finetune
from grooves.explorables.finetune import widget as tunings
from grooves.explorables.forward import still as still_forward
from grooves.explorables.forward import widget as digits
from grooves.explorables.labels import still as still_labels
from grooves.explorables.labels import widget as questions
from grooves.explorables.memory import still as still_memory
from grooves.explorables.memory import widget as room
from grooves.explorables.roofline import still as still_roofline
from grooves.explorables.roofline import widget as limits
from grooves.explorables.trucks import still as still_trucks
from grooves.explorables.trucks import widget as deliveries
from grooves.language.stories import Stories
from grooves.models import published as published_models
from grooves.training import lineage
from grooves.training.gradient_descent import train_digits

FOLDER = Path(__file__).parent


def attention() -> dict:
    """The lineage's trained model and its language."""
    return looks.state(lineage.base())


def forward() -> dict:
    """Chapter 1's templates and chapter 2's trained network, which trains in a second."""
    return digits.state(train_digits())


def backprop() -> dict:
    """A formula with its numbers, and the choices that the small network starts from."""
    return blame.state()


def finetune() -> dict:
    """Recorded runs of fine-tuning; the models are fetched when a reader asks for them."""
    return tunings.state()


def labels() -> dict:
    """A sentence to begin with, and endings of stories of which the grammar knows the label."""
    return questions.state()


def memory() -> dict:
    """Published models and devices, the course's own model, and the choices to begin with."""
    return room.state()


def roofline() -> dict:
    """Published figures of devices, and the operation that is looked at first."""
    return limits.state()


def trucks() -> dict:
    """A car and trucks, in round numbers."""
    return deliveries.state()


def main() -> None:
    """Draw the still pictures anew."""
    network = train_digits()
    first = digits.state(network)
    pictures = {
        "attention": still.draw(lineage.base(), Stories(), looks.PROMPT),
        "backprop": still_backprop.draw(blame.EXPRESSION, blame.VALUES),
        "finetune": still_finetune.draw(tunings.recorded()),
        "forward": still_forward.draw(network, np.array(first["pixels"]), first["neuron"]),
        "labels": still_labels.draw(questions.SENTENCE),
        "memory": still_memory.draw(
            published_models.models()[room.FIRST], room.devices(), room.CONTEXT
        ),
        "roofline": still_roofline.draw(limits.devices()),
        "trucks": still_trucks.draw(deliveries.CAR, deliveries.TRUCKS),
    }
    for name, picture in pictures.items():
        path = FOLDER / name / f"{name}.svg"
        path.write_text(picture, encoding="utf-8")
        print(f"wrote {path.name}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
