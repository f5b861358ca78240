"""What each ingredient of the model buys on the full language: several seeds, equal steps.

Notebook 04 trains each variant once, on short stories, and once is little: whether a model has
found its way of recalling after so many steps is partly chance. Here each is trained from several
first weights on several sets of stories. The notebook shows what was recorded.
"""

from __future__ import annotations

from statistics import median

import report

from grooves.language.stories import Stories
from grooves.training.lineage import BATCH, gap, new_data, new_model
from grooves.training.loop import train

VARIANTS = {  # changes of the model, changes of the training
    "the full model": ({}, {}),
    "learned positions": ({"positions": "learned"}, {}),
    "no positions": ({"positions": "none"}, {}),
    "no QK-norm": ({"qk_norm": False}, {}),
    "no mixing": ({"mix": False}, {}),
    "a network in every block": ({"mlp_from": 0}, {}),
    "AdamW, not Muon": ({}, {"optimizer": "adamw", "lr": 1e-2}),
}


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=1_300, help="steps of each training")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each variant")
    parsed = parser.parse_args()
    report.one_thread()
    language = Stories()
    seeds = range(2 if parsed.quick else parsed.seeds)
    gaps: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for seed in seeds:  # every variant once before any has its next turn
        data = new_data(language, seed=1 + seed)
        for name, (change, how) in VARIANTS.items():
            model = new_model(language, seed=seed, **change)
            train(model, data, steps=parsed.steps, progress=False, **how)
            gaps[name].append(gap(model, language)[0])
            print(f"  seed {seed}, {name}: {gaps[name][-1]:.4f} nats above", flush=True)
    rows = [
        {
            "model": name,
            "nats above": round(median(found), 4),
            "from … to": f"{min(found):.4f} … {max(found):.4f}",
        }
        for name, found in sorted(gaps.items(), key=lambda item: median(item[1]))
    ]
    notes = [f"{parsed.steps:,} steps of {BATCH} stories, median of {len(seeds)} trainings each."]
    title = "What each ingredient buys, on the full language"
    report.publish("ingredients", title, rows, notes, parsed.out, gaps=gaps, steps=parsed.steps)


if __name__ == "__main__":
    main()
