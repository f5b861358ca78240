"""Data for the book's pages: the state that each explorable starts from, and its still picture.

The state is computed whenever the book is built, by the function that the page's directive names
under `:data:`. The still pictures are committed, and redrawn when the weights or the drawing
change: `python -m grooves.explorables.export`. Chapters: all with an explorable.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grooves.explorables.attention import still as attention_still
from grooves.explorables.attention import widget as attention_widget
from grooves.explorables.backprop import still as backprop_still
from grooves.explorables.backprop import widget as backprop_widget
from grooves.explorables.choosing import still as choosing_still
from grooves.explorables.choosing import widget as choosing_widget
from grooves.explorables.dataflow import programs as dataflow_programs
from grooves.explorables.dataflow import still as dataflow_still
from grooves.explorables.dataflow import widget as dataflow_widget
from grooves.explorables.devices import still as devices_still
from grooves.explorables.devices import widget as devices_widget
from grooves.explorables.feedback import still as feedback_still
from grooves.explorables.feedback import widget as feedback_widget
from grooves.explorables.finetune import still as finetune_still
from grooves.explorables.finetune import widget as finetune_widget
from grooves.explorables.forward import still as forward_still
from grooves.explorables.forward import widget as forward_widget
from grooves.explorables.labels import still as labels_still
from grooves.explorables.labels import widget as labels_widget
from grooves.explorables.memory import still as memory_still
from grooves.explorables.memory import widget as memory_widget
from grooves.explorables.roofline import still as roofline_still
from grooves.explorables.roofline import widget as roofline_widget
from grooves.explorables.sampling import still as sampling_still
from grooves.explorables.sampling import widget as sampling_widget
from grooves.explorables.serving import still as serving_still
from grooves.explorables.serving import widget as serving_widget
from grooves.explorables.teller import still as teller_still
from grooves.explorables.teller import widget as teller_widget
from grooves.explorables.trucks import still as trucks_still
from grooves.explorables.trucks import widget as trucks_widget
from grooves.language.stories import Stories
from grooves.models import published as published_models
from grooves.training import lineage
from grooves.training.gradient_descent import train_digits

FOLDER = Path(__file__).parent


def attention() -> dict:
    """The lineage's trained model and its language."""
    return attention_widget.state(lineage.base())


def forward() -> dict:
    """Chapter 1's templates and chapter 2's trained network, which trains in a second."""
    return forward_widget.state(train_digits())


def backprop() -> dict:
    """A formula with its numbers, and the choices that the small network starts from."""
    return backprop_widget.state()


def choosing() -> dict:
    """Models, offers with their prices, and the workload to begin with."""
    return choosing_widget.state()


def dataflow() -> dict:
    """The recorded programs of a decoding step, and the assumed latencies to begin with."""
    return dataflow_widget.state()


def devices() -> dict:
    """Published models, devices and links, and the cluster to begin with."""
    return devices_widget.state()


def feedback() -> dict:
    """The lineage's trained model at 8 bits per weight, and its language."""
    return feedback_widget.state(lineage.base())


def finetune() -> dict:
    """Recorded runs of fine-tuning; the models are fetched when a reader asks for them."""
    return finetune_widget.state()


def labels() -> dict:
    """A sentence to begin with, and endings of stories of which the grammar knows the label."""
    return labels_widget.state()


def memory() -> dict:
    """Published models and devices, the course's own model, and the choices to begin with."""
    return memory_widget.state()


def roofline() -> dict:
    """Published figures of devices, and the operation that is shown first."""
    return roofline_widget.state()


def sampling() -> dict:
    """The lineage's trained model at 8 bits per weight, and its language."""
    return sampling_widget.state(lineage.base())


def serving() -> dict:
    """Round costs of a step, and the settings to begin with."""
    return serving_widget.state()


def teller() -> dict:
    """The lineage's trained model at 8 bits per weight, and its language."""
    return teller_widget.state(lineage.base())


def trucks() -> dict:
    """A car and trucks, in round numbers."""
    return trucks_widget.state()


def main() -> None:
    """Redraw the still pictures, and record the programs that `dataflow` shows."""
    dataflow_programs.write()
    network = train_digits()
    first = forward_widget.state(network)
    pictures = {
        "attention": attention_still.draw(lineage.base(), Stories(), attention_widget.PROMPT),
        "backprop": backprop_still.draw(backprop_widget.EXPRESSION, backprop_widget.VALUES),
        "choosing": choosing_still.draw(choosing_still.found()),
        "dataflow": dataflow_still.draw(dataflow_programs.recorded()),
        "devices": devices_still.draw(devices_still.steps()),
        "feedback": feedback_still.draw(),
        "finetune": finetune_still.draw(finetune_widget.recorded()),
        "forward": forward_still.draw(network, np.array(first["pixels"]), first["neuron"]),
        "labels": labels_still.draw(labels_widget.SENTENCE),
        "memory": memory_still.draw(
            published_models.models()[memory_widget.FIRST],
            memory_widget.devices(),
            memory_widget.CONTEXT,
        ),
        "roofline": roofline_still.draw(roofline_widget.devices()),
        "sampling": sampling_still.draw(lineage.base(), Stories()),
        "serving": serving_still.draw(serving_still.traces()),
        "teller": teller_still.draw(lineage.base(), Stories()),
        "trucks": trucks_still.draw(trucks_widget.CAR, trucks_widget.TRUCKS),
    }
    for name, picture in pictures.items():
        path = FOLDER / name / f"{name}.svg"
        path.write_text(picture, encoding="utf-8")
        print(f"wrote {path.name}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
