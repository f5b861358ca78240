"""What each ingredient of the model buys on the full language: rates retuned, five seeds.

Each variant is trained at three learning rates on a seed that is not reported, then at the best
rate on the seeds that are, each with other initial weights and other stories. The extra
feed-forward network is tried twice: for as many steps, and for as many FLOPs. The notebook shows
what was recorded.
"""

from __future__ import annotations

import math
from statistics import median

import report

from grooves.language.stories import Stories
from grooves.training.lineage import BATCH, gap, new_data, new_model
from grooves.training.loop import Divergence, train

FULL, EXTRA, EQUAL = "the full model", "MLP in every block", "MLP in every block, equal FLOPs"
VARIANTS = {  # changes of the model, optimizer
    FULL: ({}, "muon"),
    "learned positions": ({"positions": "learned"}, "muon"),
    "no positions": ({"positions": "none"}, "muon"),
    "no QK-norm": ({"qk_norm": False}, "muon"),
    "no token shift": ({"mix": False}, "muon"),
    EXTRA: ({"mlp_from": 0}, "muon"),
    EQUAL: ({"mlp_from": 0}, "muon"),
    "AdamW, not Muon": ({}, "adamw"),
}
RATES = {"muon": (0.01, 0.02, 0.04), "adamw": (0.005, 0.01, 0.02)}  # Muon's go along, 1.25 times
TUNING_SEED = 100


def flops_per_token(config) -> int:
    """FLOPs of the matrix products with weights, for one token of a forward pass."""
    C, n_mlp = config.n_embd, config.n_layer - config.mlp_from
    return 8 * C**2 * config.n_layer + 16 * C**2 * n_mlp + 2 * C * config.vocabulary_size


def gap_after(name: str, language: Stories, data, rate: float, steps: int, seed: int) -> float:
    """The gap of one training in nats per word; infinite where it diverged."""
    change, optimizer = VARIANTS[name]
    model = new_model(language, seed=seed, **change)
    try:
        how = {"optimizer": optimizer, "lr": rate, "matrix_lr": 1.25 * rate}
        train(model, data, steps=steps, progress=False, **how)
    except Divergence:
        return math.inf
    return gap(model, language)[0]


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=1_000, help="steps of each training")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each variant")
    parsed = parser.parse_args()
    report.one_thread()
    language = Stories()
    full, extra = (
        flops_per_token(new_model(language, **VARIANTS[n][0]).config) for n in (FULL, EXTRA)
    )
    steps = dict.fromkeys(VARIANTS, parsed.steps) | {EQUAL: round(parsed.steps * full / extra)}
    seeds = range(2 if parsed.quick else parsed.seeds)
    tuning: dict[str, dict[str, float]] = {}
    data = new_data(language, seed=1 + TUNING_SEED)
    for name, (_, optimizer) in VARIANTS.items():
        if name == EQUAL:
            tuning[name] = tuning[EXTRA]  # the same model
            continue
        tuning[name] = {}
        for rate in RATES[optimizer]:
            found = gap_after(name, language, data, rate, steps[name], TUNING_SEED)
            tuning[name][str(rate)] = found
            print(f"  tuning, {name}, {rate}: {found:.4f}", flush=True)
    chosen = {name: float(min(tried, key=tried.get)) for name, tried in tuning.items()}
    gaps: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for seed in seeds:  # every variant once before any has its next turn
        data = new_data(language, seed=1 + seed)
        for name, rate in chosen.items():
            gaps[name].append(gap_after(name, language, data, rate, steps[name], seed))
            print(f"  seed {seed}, {name}: {gaps[name][-1]:.4f} nats above", flush=True)
        publish(gaps, steps, tuning, chosen, parsed.out)


def publish(gaps: dict, steps: dict, tuning: dict, chosen: dict, out) -> None:
    """The table of what has been measured so far."""
    rows = [
        {
            "model": name,
            "nats above": round(median(found), 4),
            "from … to": f"{min(found):.4f} … {max(found):.4f}",
            "steps": steps[name],
            "rate": chosen[name],
        }
        for name, found in sorted(gaps.items(), key=lambda item: median(item[1]))
    ]
    notes = [
        f"{steps[FULL]:,} steps of {BATCH} stories, median of {len(gaps[FULL])} seeds; "
        "rates chosen on another."
    ]
    title = "What each ingredient buys, on the full language"
    record = {"gaps": gaps, "steps": steps, "tuning": tuning, "chosen": chosen, "batch": BATCH}
    report.publish("ingredients", title, rows, notes, out, **record)


if __name__ == "__main__":
    main()
