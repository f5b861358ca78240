"""The fine-tuned models that tell stories on the page of chapter 6, made and judged as kept.

They are the first of the runs that `fine_tuning.py` recorded: same stories, seed and recipes. What
is kept of each is its difference from the base model, in 8 bits a number (`grooves/tuned.py`); what
is judged is the model that comes back out of the file. Takes two minutes of one core. The files lie
beside the JSON: `python benchmarks/tuned_models.py --out grooves/recorded`.
"""

from __future__ import annotations

import report

from grooves import tuned, tuning
from grooves.stories import Stories


def runs_of(n: int, out) -> list[dict]:
    """Train by every way on so many stories, write the models, and judge what was written."""
    language = Stories(tuned.DIALECT)
    models = {m: tuning.fine_tune(m, language, n, tuned.SEED)[0] for m in tuning.METHODS}
    out.mkdir(parents=True, exist_ok=True)
    tuned.save(models, n, out)
    rows = []
    for method, kept in tuned.read(n, out).items():
        exact = tuning.judge_both(models[method], language)
        stored = tuning.judge_both(tuned.unpack(method, kept), language)
        judged = dict(
            zip(("new", "old", "new, 32 bits", "old, 32 bits"), stored + exact, strict=True)
        )
        row = {"method": method, "n": n, "bytes": tuned.kept_bytes(kept)}
        rows.append(row | {name: round(value, 4) for name, value in judged.items()})
    return rows


def main() -> None:
    """Train, keep, judge and publish."""
    parsed = report.arguments(__doc__).parse_args()
    report.one_thread()
    rows = [
        row for n in tuned.COUNTS[: 2 if parsed.quick else None] for row in runs_of(n, parsed.out)
    ]
    notes = [
        "Nats a word above the exact entropy: of the dialect (new), of the first language (old).",
        "bytes: what must be kept beside the base model.",
    ]
    more = {"dialect": tuned.DIALECT, "seed": tuned.SEED}
    report.publish(
        "tuned_models", "Fine-tuned models as they are kept", rows, notes, parsed.out, **more
    )


if __name__ == "__main__":
    main()
