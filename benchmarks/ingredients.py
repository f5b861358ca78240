"""What each ingredient of the model buys on the full language: rates retuned, five seeds.

Each variant's learning rate is chosen on two seeds that are not reported: from two rates, by
doubling and halving, until the best has a worse one on both sides. At that rate it is trained on
the seeds that are reported, each with other initial weights and other stories, for as many FLOPs
as the full model; where that makes other steps, for as many steps as well. Every run is kept as
soon as it is done, and the same command goes on from there.
The notebook shows what was recorded.
"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean, median

import report
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from grooves.language.stories import Stories
from grooves.training.lineage import BATCH, gap, new_data, new_model
from grooves.training.loop import Divergence, train
from grooves.training.optimizers import build_optimizers

FULL, EXTRA, ADAMW = "the full model", "MLP in every block", "AdamW, not Muon"
VARIANTS = {  # changes of the model, optimizer
    FULL: ({}, "muon"),
    "learned positions": ({"positions": "learned"}, "muon"),
    "no positions": ({"positions": "none"}, "muon"),
    "no QK-norm": ({"qk_norm": False}, "muon"),
    "no token shift": ({"mix": False}, "muon"),
    EXTRA: ({"mlp_from": 0}, "muon"),
    ADAMW: ({}, "adamw"),
}
EQUAL_STEPS = ", equal steps"  # after the name of a variant
FIRST_RATES = {"muon": (0.02, 0.04), "adamw": (0.01, 0.02)}  # Muon's go along, 1.25 times
TUNING_SEEDS = (100, 101)


class Runs:
    """Runs that are done at most once: the file `path` keeps the gap of each."""

    def __init__(self, path: Path):
        self.progress, self.language, self.data = report.Progress(path), Stories(), {}

    def gap(self, name: str, rate: float, steps: int, seed: int) -> float:
        """The gap of one training in nats per word; infinite where it diverged."""
        key = f"{name}, rate {rate}, {steps} steps, seed {seed}"
        return self.progress.get(key, lambda: self._train(name, rate, steps, seed))

    def _train(self, name: str, rate: float, steps: int, seed: int) -> float:
        if seed not in self.data:
            self.data = {seed: new_data(self.language, seed=1 + seed)}
        change, optimizer = VARIANTS[name]
        model = new_model(self.language, seed=seed, **change)
        how = {"optimizer": optimizer, "lr": rate, "matrix_lr": 1.25 * rate}
        try:
            train(model, self.data[seed], steps=steps, progress=False, **how)
        except Divergence:
            return math.inf
        return gap(model, self.language)[0]


def step_flops(name: str, language: Stories, n_batches: int = 10) -> float:
    """FLOPs of the matrix products of a training step: both passes, and the optimizer's own."""
    change, optimizer = VARIANTS[name]
    model, data = new_model(language, **change), new_data(language, n_stories=BATCH * n_batches)
    optimizers = build_optimizers(model, optimizer)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        for i in range(n_batches):
            model.loss(*data.batch(i)).backward()
            for each in optimizers:
                each.step()
    return counter.get_total_flops() / n_batches


def best_rate(gap_of, first: tuple[float, float]) -> tuple[float, dict[float, list[float]]]:
    """The rate of the least geometric mean of gaps, and all that were tried, a factor 2 apart.

    gap_of: (rate, seed) -> a gap. first: two rates. The best has a worse one on each side. A rate
    whose first gap is more than twice the least one is worse, and is not run again.
    """
    one, *others = TUNING_SEEDS
    tried = {rate: [gap_of(rate, one)] for rate in first}
    while True:
        least = min(found[0] for found in tried.values())
        close = [rate for rate, found in tried.items() if found[0] <= 2 * least]
        for rate in close:
            tried[rate] = tried[rate][:1] + [gap_of(rate, seed) for seed in others]
        best = min(close, key=lambda rate: fmean(map(math.log, tried[rate])))
        if best not in (min(tried), max(tried)):
            return best, dict(sorted(tried.items()))
        further = best / 2 if best == min(tried) else best * 2
        tried[further] = [gap_of(further, one)]


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=1_300, help="steps of the full model")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each variant")
    parsed = parser.parse_args()
    report.one_thread()
    parsed.out.mkdir(parents=True, exist_ok=True)
    runs = Runs(parsed.out / "ingredients.runs")
    flops = {name: step_flops(name, runs.language) for name in VARIANTS}
    steps = {name: round(parsed.steps * flops[FULL] / flops[name]) for name in VARIANTS}
    chosen, tuning = {}, {}
    for name, (_, optimizer) in VARIANTS.items():

        def gap_of(rate: float, seed: int, name=name) -> float:
            return runs.gap(name, rate, steps[name], seed)

        chosen[name], tuning[name] = best_rate(gap_of, FIRST_RATES[optimizer])
    gaps: dict[str, list[float]] = {name: [] for name in VARIANTS}
    seeds = range(2 if parsed.quick else parsed.seeds)
    for seed in seeds:  # every variant in turn
        for name in VARIANTS:
            gaps[name].append(runs.gap(name, chosen[name], steps[name], seed))
    publish(gaps, steps, flops, tuning, chosen, parsed.out)
    for name in [name for name in VARIANTS if steps[name] != steps[FULL]]:
        row = name + EQUAL_STEPS
        steps[row], flops[row], chosen[row] = steps[FULL], flops[name], chosen[name]
        gaps[row] = [runs.gap(name, chosen[name], steps[row], seed) for seed in seeds]
    publish(gaps, steps, flops, tuning, chosen, parsed.out)
    runs.progress.path.unlink()  # the record holds them all


def publish(gaps: dict, steps: dict, flops: dict, tuning: dict, chosen: dict, out) -> None:
    """The table."""
    total = {name: steps[name] * flops[name] for name in gaps}
    rows = [
        {
            "model": name,
            "nats above": round(median(found), 4),
            "from … to": f"{min(found):.4f} … {max(found):.4f}",
            "steps": steps[name],
            "TFLOPs": round(total[name] / 1e12, 3),
            "rate": chosen[name],
        }
        for name, found in sorted(gaps.items(), key=lambda item: median(item[1]))
    ]
    notes = [
        f"As many FLOPs as {steps[FULL]:,} steps of the full model, {BATCH} stories a step; median "
        f"of {len(gaps[FULL])} seeds; rates chosen on {len(TUNING_SEEDS)} others."
    ]
    title = "What each ingredient buys, on the full language"
    record = {"gaps": gaps, "steps": steps, "flops": total, "tuning": tuning, "chosen": chosen}
    report.publish("ingredients", title, rows, notes, out, batch=BATCH, **record)


if __name__ == "__main__":
    main()
