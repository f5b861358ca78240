"""What the book's pages need of their explorables: the state that each starts from, and stills.

The state is made whenever the book is built, by the function that the page's directive names under
`:data:`. The still pictures are made once, and again when the weights or the drawing have changed:
`python -m grooves.explorables.export`. Chapters: all with an explorable.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grooves import devices as published
from grooves import lineage
from grooves.descent import train_digits
from grooves.explorables import attention as looks
from grooves.explorables import backprop as blame
from grooves.explorables import finetune as tunings
from grooves.explorables import forward as digits
from grooves.explorables import labels as questions
from grooves.explorables import memory as room
from grooves.explorables import roofline as limits
from grooves.explorables import (
    still,
    still_backprop,
    still_finetune,
    still_forward,
    still_labels,
    still_memory,
    still_roofline,
    still_trucks,
)
from grooves.explorables import trucks as deliveries
from grooves.stories import Stories

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
        "memory": still_memory.draw(published.models()[room.FIRST], room.devices(), room.CONTEXT),
        "roofline": still_roofline.draw(limits.devices()),
        "trucks": still_trucks.draw(deliveries.CAR, deliveries.TRUCKS),
    }
    for name, picture in pictures.items():
        path = FOLDER / f"{name}.svg"
        path.write_text(picture, encoding="utf-8")
        print(f"wrote {path.name}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
