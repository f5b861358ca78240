"""Few thumbs, a learned proxy, and a verifiable reward: what feedback does to the story model.

Parts. `thumbs`: 5 to 40 pairs, five sets of pairs, with direct fitting at equal cost, wrong thumbs
and other tastes as controls. `proxy`: reward models from simulated raters, and policies optimised
on one of them with and without a KL penalty. `selection`: ratings of served stories only.
`verifiable`: the parser as judge of a model of which 4 % are accepted. Costs are fixed in steps and
stories, so that a busy machine changes nothing; CPU seconds are recorded beside them. Notebook 10
shows what was recorded.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev

import report
from feedback_parts.proxy import Proxy, selection
from feedback_parts.thumbs import DRAWN, SETS, Thumbs
from feedback_parts.verifiable import START_STEPS, TOLD, Verifiable

PARTS = ("thumbs", "proxy", "selection", "verifiable")


def numbers_of(run: dict) -> dict[str, float]:
    """The numbers of one run; of one that was measured along the way, those that sum it up."""
    if "rows" in run:
        last, before = run["rows"][-1], run["rows"][-3]
        best = max(run["rows"], key=lambda row: row["true"])
        return {
            "peak": best["true"],
            "peak_step": best["step"],
            "end": last["true"],
            "proxy_at_peak": best["proxy"],
            "proxy_at_end": last["proxy"],
            "proxy_still_rises": float(last["proxy"] > before["proxy"]),
            "kl_at_peak": best["kl"],
            "kl_at_end": last["kl"],
        }
    if len(run) == 1 and isinstance(value := next(iter(run.values())), dict):
        return value
    return {name: value for name, value in run.items() if isinstance(value, int | float)}


def summary(found: dict) -> list[dict]:
    """One row for each thing that was measured: mean, standard deviation and number of seeds."""
    groups: dict[str, list[dict]] = {}
    for key, run in found.items():
        name, _, seed = key.rpartition(", ")
        if "tuning" not in key:
            groups.setdefault(name if seed.isdigit() else key, []).append(numbers_of(run))
    rows = []
    for name, runs in groups.items():
        row = {"run": name, "seeds": len(runs), "mean": {}, "sd": {}}
        for field in runs[0]:
            values = [run[field] for run in runs]
            row["mean"][field] = round(mean(values), 4)
            row["sd"][field] = round(stdev(values), 4) if len(values) > 1 else None
        rows.append(row)
    return rows


def in_words(row: dict) -> str:
    """The figures of a row of `summary` for a reader: "accepted 0.936 ± 0.010, ..."."""
    errors = {name: "" if sd is None else f" ± {sd:.3f}" for name, sd in row["sd"].items()}
    return ", ".join(f"{name} {mean:.3f}{errors[name]}" for name, mean in row["mean"].items())


def main() -> None:
    """Measure the parts that are asked for, and publish everything that has been found."""
    parser = report.arguments(__doc__)
    parser.add_argument("--parts", nargs="*", default=list(PARTS), help="none: only publish")
    parser.add_argument("--progress", default="_build/feedback.json", help="finished runs")
    parsed = parser.parse_args()
    report.one_thread()
    progress = report.Progress(Path(parsed.progress))

    def publish() -> None:
        found = progress.found
        notes = [
            f"{len(found)} runs. {DRAWN} stories a measurement of thumbs and proxy, 400 of the "
            f"judge, whose start has {START_STEPS} steps and whose arms draw {TOLD:,} stories."
        ]
        title = "Learning from feedback"
        rows = summary(found)
        shown = [{"run": r["run"], "seeds": r["seeds"], "mean and sd": in_words(r)} for r in rows]
        report.publish("feedback", title, shown, notes, parsed.out, summary=rows, runs=found)

    measured = {
        "thumbs": lambda: Thumbs(progress).measure(publish),
        "proxy": lambda: Proxy(progress).measure(publish),
        "selection": lambda: [
            progress.get(f"selection, {part}", lambda p=part: selection(p)) for part in SETS
        ],
        "verifiable": lambda: Verifiable(progress).measure(publish),
    }
    for part in parsed.parts:
        measured[part]()
    publish()


if __name__ == "__main__":
    main()
