"""What next-word and masked-word models represent of an ending, over several runs.

Notebook 03 trains each model once. Its intervals cover other draws of the 20 labels; whether
another run would have learned the same, only more runs can show. Each run here has its own training
stories, initialisation and test stories. The notebook shows what was recorded.
"""

from __future__ import annotations

import numpy as np
import report

from grooves.language.stories import Stories
from grooves.training import lineage, linear_probe
from grooves.training.loop import train

STEPS = 200  # as in the notebook
FIRST_SEED = 100


def one(language: Stories, seed: int) -> dict[str, float]:
    """Accuracies with 20 labels on whole stories, means over 20 draws of the labels."""
    V = len(language.vocabulary)
    models = {"untrained": lineage.new_model(language, seed=seed)}
    models["next word"] = lineage.new_model(language, seed=seed)
    models["masked word"] = linear_probe.MaskedTransformer(V, seed=seed)
    data = lineage.new_data(language, n_stories=3_000, seed=seed)
    train(models["next word"], data, steps=STEPS, progress=False)
    train(models["masked word"], linear_probe.MaskedData(data), steps=STEPS, progress=False)
    models["next word, long"] = lineage.base()
    texts, labels = linear_probe.told(language, 500, seed=10_000 + seed)
    ids = [[0, *(language.index[word] for word in words)] for words in texts]
    counts = linear_probe.word_counts(ids, V)
    found = {"word counts": linear_probe.evaluate_endings(counts, labels).mean()}
    for name, model in models.items():
        seen = counts @ linear_probe.word_vectors(model)[:V]
        found[f"{name}, vectors"] = linear_probe.evaluate_endings(seen, labels).mean()
        states = linear_probe.last_states(model, ids)
        found[f"{name}, state"] = linear_probe.evaluate_endings(states, labels).mean()
    return {name: round(float(share), 4) for name, share in found.items()}


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--trainings", type=int, default=12, help="runs of each model")
    parsed = parser.parse_args()
    report.one_thread()
    language, runs = Stories(), []
    for seed in range(FIRST_SEED, FIRST_SEED + (2 if parsed.quick else parsed.trainings)):
        runs.append(one(language, seed))
        print(f"  seed {seed}: {runs[-1]}", flush=True)
    accuracies = {name: [run[name] for run in runs] for name in runs[0]}
    rows = [
        {"seen": name, "mean": f"{np.mean(a):.1%}", "from … to": f"{min(a):.1%} … {max(a):.1%}"}
        for name, a in accuracies.items()
    ]
    notes = [f"Whole stories, 20 labels, {len(runs)} runs of {STEPS} steps."]
    title = "Happy or sad: accuracy with 20 labels"
    more = {"accuracies": accuracies, "steps": STEPS, "first_seed": FIRST_SEED}
    report.publish("endings", title, rows, notes, parsed.out, **more)


if __name__ == "__main__":
    main()
