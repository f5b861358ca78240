"""What ten or fifty labels are worth when their pictures may be chosen, and not drawn at random.

k-means chooses the pictures: one for each cluster, the nearest to its centre. The same labels then
go to every way of learning, and to the clusters themselves as their names. Every seed gives another
clustering and other initial weights. The notebook shows what was recorded.
"""

from __future__ import annotations

import labels as random_labels
import numpy as np
import report

from grooves.language.corpora import digits
from grooves.training import label_efficiency
from grooves.training.chosen_labels import cluster

COUNTS = (10, 50)
FIRST_SEED = 100  # not one of the notebook's


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--draws", type=int, default=30, help="clusterings")
    parsed = parser.parse_args()
    report.one_thread()
    seeds = range(FIRST_SEED, FIRST_SEED + (2 if parsed.quick else parsed.draws))
    numbers = digits()
    pictures = label_efficiency.Pictures(numbers)
    accuracies: dict[str, list] = {"named clusters": []} | {n: [] for n in random_labels.WAYS}
    missing = []  # digits that no chosen picture shows
    for seed in seeds:  # every way once before any has its next turn
        clusters = [cluster(numbers.train_images, n, seed) for n in COUNTS]
        draws = [found.examples for found in clusters]
        missing.append([10 - len(np.unique(numbers.train_labels[draw])) for draw in draws])
        named = [found.predict(numbers.test_images, numbers.train_labels) for found in clusters]
        right = [float((each == numbers.test_labels).mean()) for each in named]
        accuracies["named clusters"].append([round(fraction, 4) for fraction in right])
        encoders = label_efficiency.pretrain(pictures, [seed])
        for name, way in random_labels.WAYS.items():
            networks = label_efficiency.learn(pictures, way, draws, [seed] * 2, encoders)
            found = networks.accuracy(pictures.test_images, pictures.test_labels)
            accuracies[name].append([round(float(fraction), 4) for fraction in found])
        print(f"  seed {seed} done", flush=True)
    rows = [
        {"way": name}
        | {f"{n} labels": f"{np.mean([run[i] for run in runs]):.1%}" for i, n in enumerate(COUNTS)}
        for name, runs in accuracies.items()
    ]
    notes = [f"Mean accuracy on the test pictures over {len(seeds)} clusterings."]
    title = "Accuracy with labels for the pictures nearest to the centres of clusters"
    more = {"counts": COUNTS, "accuracies": accuracies, "first_seed": FIRST_SEED}
    report.publish("chosen_labels", title, rows, notes, parsed.out, missing=missing, **more)


if __name__ == "__main__":
    main()
