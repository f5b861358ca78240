"""The explorable `memory` in JupyterLab: will a model fit, and how a number is rounded.

Key idea: the page uses the formulas of `grooves/precision/budget.py`, for the published models
and devices of `devices.toml` and for the course's own model beside them; and it rounds as PyTorch
does. `budget.mjs` and `formats.mjs` are the same in JavaScript. Chapter 12.
"""

from __future__ import annotations

import re
from dataclasses import asdict

import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.hardware import devices as published
from grooves.models import published as published_models
from grooves.models.published import Model
from grooves.models.transformer import Transformer
from grooves.precision.budget import KEPT, PRECISIONS, RECIPES
from grooves.training import lineage

FORMATS = ("fp32", "bf16", "fp16", "e4m3", "e5m2", "int8")
SIZES = (8, 12, 24, 31.8, 80, 140.4, 179.1, 640)  # GiB: shown where a device has it
FIRST, CONTEXT = "Llama 3.1 8B", 8192  # what the page opens on
NAMES_SHOWN = 2  # devices that are named in one row


def described(model: Transformer, name: str) -> Model:
    """A model of the course as `published.toml` describes those of others."""
    config = model.config
    return Model(
        name=name,
        parameters=sum(p.numel() for p in model.parameters()),
        n_layer=config.n_layer,
        n_head=config.n_head,
        n_kv_head=config.n_head,
        head_dim=config.n_embd // config.n_head,
        width=config.n_embd,
        mlp_width=4 * config.n_embd,
        vocabulary=config.vocabulary_size,
        source="assets/weights, counted here like the others; the chapter counts it to the byte",
        read="when this was made",
    )


def models() -> list[dict]:
    """The course's story model, and the published dense ones from the smallest on.

    The formulas of the page are those of dense models: a mixture of experts is left out.
    """
    own = described(lineage.base(), "the course’s story model")
    dense = [one for one in published_models.models().values() if not one.is_sparse]
    others = sorted(dense, key=lambda one: one.parameters)
    return [asdict(one) for one in (own, *others)]


def short(name: str) -> str:
    """A device's name without its maker and its memory, which the row states anyway."""
    return re.sub(r"^(NVIDIA|GeForce|AMD) (GeForce |Instinct )?|,? \d+ GB$", "", name)


def devices() -> list[dict]:
    """A row for each of `SIZES`, with the names of the devices that have this much memory."""
    rows = []
    for size in SIZES:
        same = [
            one
            for one in published.published().values()
            if one.memory_gib == size and one.kind in ("gpu", "system")
        ]
        if same:
            names = " or ".join(short(one.name) for one in same[:NAMES_SHOWN])
            first = {"source": same[0].source, "read": same[0].read}
            rows.append({"memory_gib": size, "names": names} | first)
    return rows


class Memory(Explorable):
    """A widget that shows whether a model fits into a memory, and what to change if not.

    models, devices: rows to choose from, as `models()` and `devices()` make them; others may
    be passed. view: "fit" or "bits". model: a name. device: the chosen one's memory in GiB, 0 for
    none of them, None for none yet. ask: whether the answer is hidden until the reader has guessed.
    task, precision, recipe, batch, context, kept, small_cache: as `grooves.precision.budget.budget`
    takes them; context is its n_tokens. need: bytes of each part, set by the page. format: one of
    `FORMATS`. number: what is to be stored, as text. largest: of the numbers that share int8's
    scale. pattern: the bits as an integer, set by the page.
    """

    module = "memory"

    view = traitlets.Enum(("fit", "bits"), "fit").tag(sync=True)
    models = traitlets.List().tag(sync=True)
    devices = traitlets.List().tag(sync=True)
    model = traitlets.Unicode(FIRST).tag(sync=True)
    device = traitlets.Float(None, allow_none=True).tag(sync=True)
    ask = traitlets.Bool(True).tag(sync=True)
    task = traitlets.Enum(("answer", "train"), "answer").tag(sync=True)
    precision = traitlets.Enum(tuple(PRECISIONS), "bf16").tag(sync=True)
    recipe = traitlets.Enum(tuple(RECIPES), "mixed").tag(sync=True)
    batch = traitlets.Int(1, min=1).tag(sync=True)
    context = traitlets.Int(CONTEXT, min=1).tag(sync=True)
    kept = traitlets.Enum(KEPT, "no_scores").tag(sync=True)
    small_cache = traitlets.Bool(False).tag(sync=True)
    need = traitlets.Dict().tag(sync=True)
    format = traitlets.Enum(FORMATS, "bf16").tag(sync=True)
    number = traitlets.Unicode("0.1").tag(sync=True)
    largest = traitlets.Float(1.0, min=0.0).tag(sync=True)
    pattern = traitlets.Int(0x3DCD, min=0).tag(sync=True)  # 0.1 in bf16

    def __init__(self, **choices):
        super().__init__(**({"models": models(), "devices": devices()} | choices))


def state() -> dict:
    """All that the book's page starts from."""
    return Memory.defaults() | {"models": models(), "devices": devices()}
