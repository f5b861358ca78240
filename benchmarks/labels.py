"""How far few labels go, by six ways of learning: many draws of the labels.

Notebook 03 tries five draws, and five are few: an interval around a mean of five is wide. Here the
same is done with other draws, and more of them; and one way more, the pre-trained network whose
hidden layers go on learning. The notebook shows what was recorded.
"""

from __future__ import annotations

import report

from grooves.language.corpora import digits
from grooves.training import label_efficiency

COUNTS = (10, 20, 50, 100, 300, 1000)
FIRST_SEED = 100  # not one of the notebook's
WAYS = label_efficiency.WAYS | {"pre-trained, tuned": label_efficiency.Way(pretrained=True)}


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--draws", type=int, default=30, help="draws of the labels")
    parsed = parser.parse_args()
    report.one_thread()
    seeds = range(FIRST_SEED, FIRST_SEED + (2 if parsed.quick else parsed.draws))
    pictures = label_efficiency.Pictures(digits())
    accuracies: dict[str, list] = {name: [] for name in WAYS}
    for seed in seeds:  # every way once before any has its next turn
        encoders = label_efficiency.pretrain(pictures, [seed])
        for name, way in WAYS.items():
            found = label_efficiency.curve(pictures, way, COUNTS, [seed], encoders)
            accuracies[name].append([round(float(share), 4) for share in found[:, 0]])
        print(f"  seed {seed} done", flush=True)
    rows = []
    for name, runs in accuracies.items():
        means = [sum(run[i] for run in runs) / len(runs) for i in range(len(COUNTS))]
        by_count = zip(COUNTS, means, strict=True)
        rows.append({"way": name} | {f"{n:,} labels": f"{mean:.1%}" for n, mean in by_count})
    notes = [f"Mean accuracy on the test pictures over {len(seeds)} draws of the labels."]
    title = "Accuracy by number of labels and way of learning"
    more = {"counts": COUNTS, "accuracies": accuracies, "first_seed": FIRST_SEED}
    report.publish("labels", title, rows, notes, parsed.out, **more)


if __name__ == "__main__":
    main()
