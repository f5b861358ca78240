"""Scaling laws on *Gazette*: runs of many sizes and lengths, and the exact gap of each.

1. rates: the learning rates of two widths, and the batch for three lengths.
2. budgets: at each of five budgets of compute, models of six widths, three seeds each.
3. dearer: the next budget, which costs sixteen times the largest from which it is forecast.
4. data: one width that is large enough, from 16,000 sentences to a million.
5. passes: one length, with 1, 2, 4 and 8 passes over the sentences.
6. transfer: three widths and three optimizers, each with five rates.
7. clock: thirty runs of other sizes and lengths, whose time is written down finely.

Two processes with one thread each; every run is written down as it ends, so an interrupted
benchmark goes on from there. About 40 minutes on two cores. Chapter 5.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from multiprocessing import get_context

import report

from grooves.language.gazette import Gazette
from grooves.training.scaling.runs import Setting, for_compute, run, tuned

SEEDS = (0, 1, 2)
BUDGETS = {  # FLOPs: widths
    3e9: (8, 12, 16, 24, 32, 48),
    1.2e10: (8, 12, 16, 24, 32, 48),
    4.8e10: (12, 16, 24, 32, 48, 64),
    1.92e11: (16, 24, 32, 48, 64, 96),
    7.68e11: (24, 32, 48, 64, 96),
}
DEARER = {3.072e12: (48, 64, 96)}
DATA_WIDTH = 64
DATA = tuple(16_000 * 2**k for k in range(7))
PASSES_WIDTH, PASSES_SENTENCES, PASSES = 32, 512_000, (1, 2, 4, 8)
RATES = tuple(
    (width, matrix, lr)
    for width in (16, 48)
    for matrix in (0.0125, 0.025, 0.05)
    for lr in (0.01, 0.02, 0.04, 0.08, 0.16)
)
BATCHES = tuple(
    (sentences, batch)
    for sentences in (16_000, 64_000, 256_000)
    for batch in (32, 64, 128, 256, 512)
)

_kept: list[Gazette] = []


def language() -> Gazette:
    """The language, made once per process."""
    if not _kept:
        _kept.append(Gazette())
    return _kept[0]


CLOCK = tuple(
    (width, sentences) for width in (16, 24, 32, 48, 64) for sentences in (30_000, 60_000, 120_000)
)
TRANSFER_WIDTHS, FACTORS = (16, 48, 128), (0.25, 0.5, 1, 2, 4)
TRANSFER = {"adamw": (0.01, 0.025), "scaled adamw": (0.01, 0.025), "muon": (0.04, 0.025)}
CURVES = {"clock": 200, "budgets": 40, "dearer": 40}  # parts whose losses and times are kept


def settings(quick: bool) -> dict[str, list[Setting]]:
    """The runs of each part; where `quick`, a few short ones."""
    seeds = SEEDS[:1] if quick else SEEDS
    one = language()
    if quick:
        cheap = for_compute(16, 1e9, one)
        passes = tuned(16, 4_000, n_sentences=2_000)
        return {"budgets": [cheap], "data": [tuned(16, 4_000)], "passes": [passes]}
    return {
        "rates": [tuned(w, 64_000, matrix_lr=m, lr=lr) for w, m, lr in RATES],
        "batches": [tuned(64, n, batch=batch) for n, batch in BATCHES],
        "data": [tuned(DATA_WIDTH, n, seed=s) for s in seeds for n in DATA],
        "budgets": [
            for_compute(width, flops, one, seed=s)
            for s in seeds
            for flops, widths in BUDGETS.items()
            for width in widths
        ],
        "passes": [
            tuned(PASSES_WIDTH, PASSES_SENTENCES, seed=s, n_sentences=PASSES_SENTENCES // n)
            for s in seeds
            for n in PASSES
        ],
        "transfer": [
            tuned(w, 64_000, optimizer=kind, lr=lr * f, matrix_lr=matrix_lr * f, seed=s)
            for s in seeds
            for kind, (lr, matrix_lr) in TRANSFER.items()
            for w in TRANSFER_WIDTHS
            for f in FACTORS
        ],
        "clock": [tuned(w, n, seed=s) for s in seeds[:2] for w, n in CLOCK],
        "dearer": [
            for_compute(width, flops, one, seed=s)
            for s in seeds
            for flops, widths in DEARER.items()
            for width in widths
        ],
    }


def measured(task: tuple[str, Setting]) -> dict:
    """One run, in a process of its own thread; what is stored of its curves is rounded."""
    report.one_thread()
    part, setting = task
    found = run(setting, language(), keep_losses=CURVES.get(part, 40))
    return found | {name: [round(x, 4) for x in found[name]] for name in ("losses", "seconds")}


def rows_of(found: dict[str, list[dict]]) -> list[dict]:
    """One row per setting, with the median and the extremes over its seeds."""
    rows = []
    for part, runs in found.items():
        groups: dict[str, list[dict]] = {}
        for one in runs:
            groups.setdefault(_key(part, Setting(**_fields(one | {"seed": 0}))), []).append(one)
        for same in groups.values():
            gaps = sorted(one["gap"]["total"] for one in same)
            first = same[0]
            rows.append(
                {
                    "part": part,
                    "width": first["width"],
                    "sentences": first["sentences"],
                    "batch": first["batch"],
                    "optimizer": first["optimizer"],
                    "different": first["n_sentences"] or first["sentences"],
                    "matrix lr": first["matrix_lr"],
                    "lr": first["lr"],
                    "gap": gaps[len(gaps) // 2],
                    "least": gaps[0],
                    "most": gaps[-1],
                    "core s": first["core_seconds"],
                }
            )
    return rows


def _slim(part: str, one: dict) -> dict:
    dropped = () if part in CURVES else ("losses", "seconds")
    return {name: value for name, value in one.items() if name not in dropped}


def _fields(one: dict) -> dict:
    return {field.name: one[field.name] for field in fields(Setting)}


def main() -> None:
    """Run what has not been run yet, and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--parts", default="", help="only these of its parts, with commas")
    parsed = parser.parse_args()
    report.one_thread()
    progress = report.Progress(parsed.out / "scaling.progress.json")
    parts = settings(parsed.quick)
    if parsed.parts:
        parts = {part: parts[part] for part in parsed.parts.split(",")}
    todo = [(part, one) for part, every in parts.items() for one in every]
    left = [(part, one) for part, one in todo if _key(part, one) not in progress.found]
    with get_context("spawn").Pool(2) as pool:
        results = pool.imap(measured, left)
        for (part, one), result in zip(left, results, strict=True):
            progress.get(_key(part, one), lambda result=result: result)
    found = {
        part: [_slim(part, progress.found[_key(part, one)]) for one in every]
        for part, every in parts.items()
    }
    notes = [
        "Gaps in nats per sentence, exact: summed over all sentences of the language. Core seconds "
        "are of one thread, on a machine that other work shared.",
    ]
    title = "Scaling laws on Gazette"
    report.publish("scaling", title, rows_of(found), notes, parsed.out, parts=found)


def _key(part: str, setting: Setting) -> str:
    return f"{part} " + ",".join(f"{value}" for value in asdict(setting).values())


if __name__ == "__main__":
    main()
