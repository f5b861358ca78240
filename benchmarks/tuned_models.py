"""The fine-tuned models that tell stories on the page of chapter 6, evaluated as stored.

They are the first of the runs that `fine_tuning.py` recorded: same stories, seed and recipes. What
is stored of each is its difference from the base model, in 8 bits per number
(`grooves/precision/stored_adapters.py`); what is evaluated is the model read back from the file.
Takes two minutes of one core. The files lie beside the JSON: `python benchmarks/tuned_models.py
--out grooves/assets/measurements`.
"""

from __future__ import annotations

import report

from grooves.fine_tuning import recipes
from grooves.language.stories import Stories
from grooves.precision import stored_adapters


def runs_of(n: int, out) -> list[dict]:
    """Train in every way on n stories, write the models, and evaluate what was written."""
    language = Stories(stored_adapters.DIALECT)
    models = {
        m: recipes.fine_tune(m, language, n, stored_adapters.SEED)[0] for m in recipes.METHODS
    }
    out.mkdir(parents=True, exist_ok=True)
    stored_adapters.save(models, n, out)
    rows = []
    for method, kept in stored_adapters.read(n, out).items():
        exact = recipes.evaluate_both(models[method], language)
        stored = recipes.evaluate_both(stored_adapters.unpack(method, kept), language)
        judged = dict(
            zip(("new", "old", "new, 32 bits", "old, 32 bits"), stored + exact, strict=True)
        )
        row = {"method": method, "n": n, "bytes": stored_adapters.kept_bytes(kept)}
        rows.append(row | {name: round(value, 4) for name, value in judged.items()})
    return rows


def main() -> None:
    """Train, store, evaluate and publish."""
    parsed = report.arguments(__doc__).parse_args()
    report.one_thread()
    rows = [
        row
        for n in stored_adapters.COUNTS[: 2 if parsed.quick else None]
        for row in runs_of(n, parsed.out)
    ]
    notes = [
        "Nats per word above the exact entropy: of the dialect (new), of the first language (old).",
        "bytes: what must be stored beside the base model.",
    ]
    more = {"dialect": stored_adapters.DIALECT, "seed": stored_adapters.SEED}
    report.publish(
        "tuned_models", "Fine-tuned models as they are stored", rows, notes, parsed.out, **more
    )


if __name__ == "__main__":
    main()
