"""The explorable `finetune` in JupyterLab: the value of examples, and what each model writes.

Key idea: the curves are recorded, since they took hours; the models are stored as differences from
the base model, and the page fetches only those that the reader chooses. Your own models replace
them if you pass any. Chapter 06.
"""

from __future__ import annotations

from collections.abc import Mapping

import traitlets
from safetensors.torch import save

from grooves import assets
from grooves.explorables.attention.widget import pack
from grooves.explorables.shared.widget import Explorable
from grooves.fine_tuning import recipes
from grooves.language.stories import Stories
from grooves.precision import stored_adapters
from grooves.training import checkpoint, lineage

KEYS = {"from scratch": "scratch", "last layer": "head", "LoRA": "lora", "full": "full"}
PROMPT = "Listen, children."


def recorded() -> dict:
    """What `benchmarks/fine_tuning.py` recorded for one dialect, and the sizes of the models.

    Returns: counts; ways: of each its key, name, losses of the dialect (`new`) and of the first
    language (`old`), a row for each count with a number for each run; and `bytes` beside the base
    model; `chosen`: counts of which there are models; `base_new`, `base_old`: of the base model;
    `tuned`: losses of the models that the page has, as they are kept.
    """
    runs, kept = assets.recorded("fine_tuning"), assets.recorded("tuned_models")
    counts = runs["counts"]

    def losses(method: str, what: str) -> list[list[float]]:
        ours = [
            r
            for r in runs["runs"]
            if (r["method"], r["dialect"]) == (method, stored_adapters.DIALECT)
        ]
        return [[r[what] for r in ours if r["n"] == n] for n in counts]

    ways = [
        {
            "key": KEYS[method],
            "name": method,
            "new": losses(method, "new"),
            "old": losses(method, "old"),
            "bytes": next(row["bytes"] for row in kept["rows"] if row["method"] == method),
        }
        for method in recipes.METHODS
    ]
    models = [{name: row[name] for name in ("n", "new", "old")} for row in kept["rows"]]
    named = zip(models, kept["rows"], strict=True)
    return {
        "counts": counts,
        "ways": ways,
        "chosen": list(stored_adapters.COUNTS),
        "base_new": runs["base_new"][stored_adapters.DIALECT],
        "base_old": runs["base_old"],
        "tuned": [model | {"way": KEYS[row["method"]]} for model, row in named],
    }


class FineTuning(Explorable):
    """A widget in which one predicts which method learns a dialect best, and reads each model.

    recorded: as of `recorded`. old, new: grammars of the first language and of the dialect.
    own: your models' losses, [{"way", "n", "new", "old"}], marked beside the recorded ones.
    n: stories that were learned from, one of `chosen`. way: the key of a way, which stands out.
    prompt: the text that every model continues. seed: of the sampling. length: in words. asks:
    whether the reader is asked before the answer is shown. guesses: what was answered, set
    by the page: [{"n", "guess", "best"}]. told: what each model went on with, by key; set by the
    page.
    """

    module = "finetune"

    recorded = traitlets.Dict().tag(sync=True)
    old = traitlets.Dict().tag(sync=True)
    new = traitlets.Dict().tag(sync=True)
    own = traitlets.List().tag(sync=True)
    n = traitlets.Int(stored_adapters.COUNTS[0], min=1).tag(sync=True)
    way = traitlets.Enum(tuple(KEYS.values()), "full").tag(sync=True)
    prompt = traitlets.Unicode(PROMPT).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    length = traitlets.Int(30, min=1).tag(sync=True)
    asks = traitlets.Bool(True).tag(sync=True)
    guesses = traitlets.List().tag(sync=True)
    told = traitlets.Dict().tag(sync=True)

    def __init__(self, models: Mapping | None = None, losses: Mapping | None = None, **choices):
        """The recorded runs with the course's models, or with yours if you trained any.

        models: by (method, number of stories), as `tuning.fine_tune` made them. losses: by the
        same, the results of `tuning.evaluate_both`.
        Raises: ValueError for a method or a number of stories that the page does not have.
        """
        self._models = dict(models or {})
        for method, n in [*self._models, *(losses or {})]:
            if method not in KEYS or n not in stored_adapters.COUNTS:
                some = ", ".join(map(str, stored_adapters.COUNTS))
                raise ValueError(f"{(method, n)} has no place here: a way with {some} stories has")
        own = [
            {"way": KEYS[method], "n": n, "new": float(new), "old": float(old)}
            for (method, n), (new, old) in (losses or {}).items()
        ]
        super().__init__(**(_shared() | {"own": own} | choices))
        self.on_msg(self._answer)

    def part(self, name: str) -> bytes:
        """What the page asks for by name: "base", or a number of stories for its models."""
        return part(name, {m: model for (m, n), model in self._models.items() if str(n) == name})

    def _answer(self, _, message: dict, buffers: list) -> None:
        if (name := message.get("want")) is not None:
            self.send({"part": name}, [self.part(name)])


def part(name: str, own: Mapping | None = None) -> bytes:
    """The base model's checkpoint for "base", else what is kept of the models that learned from
    so many stories, with those of `own`, by method, in the place of the course's.

    Raises: CheckpointError where there are no models for this number.
    """
    if name == "base":
        return pack(lineage.base())
    if not name.isdigit():
        raise checkpoint.CheckpointError(f"{name!r} is neither 'base' nor a number of stories")
    kept = stored_adapters.read(int(name)) | {
        m: stored_adapters.pack(m, model) for m, model in (own or {}).items()
    }
    tensors = {f"{KEYS[m]}/{n}": one for m, parts in kept.items() for n, one in parts.items()}
    return save(tensors, {"grooves": "{}"})


def _shared() -> dict:
    grammars = {"old": Stories().to_json(), "new": Stories(stored_adapters.DIALECT).to_json()}
    return {"recorded": recorded()} | grammars


def state() -> dict:
    """All that the book's page starts from; what it fetches later is in `parts`, by name."""
    names = ("base", *map(str, stored_adapters.COUNTS))
    return FineTuning.defaults() | _shared() | {"parts": {name: part(name) for name in names}}
