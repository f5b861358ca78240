"""Remedies against overfitting, with equal tuning: six settings of one dial each, five seeds.

Two tasks of 300 training pictures: noisy digits, whose lowest possible loss is known, and the
handwritten digits themselves. A remedy's setting is chosen for each seed by the loss on 300
validation pictures; what is reported is the loss of that network on test pictures that decided
nothing. No remedy and more training pictures are the controls. Notebook 02 shows what was recorded.
"""

from __future__ import annotations

import numpy as np
import report

from grooves.language.corpora import digits
from grooves.models import layers
from grooves.training.gradient_descent import AdamW, network, parameters
from grooves.training.validation import NoisyDigits, fit, mean_loss

N, EPOCHS, LR, HIDDEN = 300, 200, 0.003, 128
DIALS = {  # way -> the name of its dial, and its settings
    "no remedy": ("lr", (LR,)),
    "lower learning rate": ("lr", (0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002)),
    "another width": ("hidden", (4, 8, 16, 32, 64, 256)),
    "weight decay": ("decay", (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)),
    "dropout": ("rate", (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)),
    "early stopping": ("epochs", (5, 10, 20, 40, 80, 160)),
}


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="training sets and networks")
    parsed = parser.parse_args()
    report.one_thread()
    seeds = range(2 if parsed.quick else parsed.seeds)
    task = NoisyDigits()
    floor, floor_error = task.floor()
    found: dict[str, dict[str, list]] = {"noisy digits": {}, "handwritten digits": {}}
    for name, draw in (("noisy digits", _noisy), ("handwritten digits", _handwritten)):
        for seed in seeds:
            data = draw(task, seed)
            for remedy, (dial, settings) in DIALS.items():
                runs = [_run(*data[:3], seed, **{dial: setting}) for setting in settings]
                _note(found[name], remedy, settings, runs)
            runs = [_run(data[3], *data[1:3], seed, lr=LR)]
            _note(found[name], "4 times the pictures", [LR], runs)
            print(f"  {name}, seed {seed} done", flush=True)
    rows = [
        {
            "task": name,
            "remedy": remedy,
            "test loss": round(float(np.mean([run["test"] for run in runs])), 3),
            "settings chosen": sorted(run["setting"] for run in runs),
        }
        for name, remedies in found.items()
        for remedy, runs in remedies.items()
    ]
    notes = [
        f"{N} training pictures, {EPOCHS} epochs of batches of 40, one hidden layer of {HIDDEN}, "
        f"AdamW at {LR} where the learning rate is not the dial; {len(seeds)} seeds.",
        f"Lowest possible loss of the noisy digits: {floor:.4f} ± {floor_error:.4f} nats.",
    ]
    title = "Remedies against overfitting, equally tuned"
    facts = {"n_train": N, "epochs": EPOCHS, "floor": floor, "floor_error": floor_error}
    dials = {remedy: list(settings) for remedy, (_, settings) in DIALS.items()}
    report.publish("overfitting", title, rows, notes, parsed.out, found=found, dials=dials, **facts)


def _noisy(task, seed):
    """Training, validation and test pictures, and four times the training pictures."""
    more = task.draw(4 * N, 1000 + seed)
    train = (more[0][:N], more[1][:N])
    return train, task.draw(N, 2000 + seed), task.draw(10_000, 3000 + seed), more


def _handwritten(task, seed):
    data = digits()
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = images[order], labels[order]
    parts = (slice(0, N), slice(4 * N, 4 * N + N), slice(5 * N, None), slice(0, 4 * N))
    return tuple((images[part], labels[part]) for part in parts)


def _run(train, validation, test, seed, lr=LR, hidden=HIDDEN, decay=0.0, rate=0.0, epochs=EPOCHS):
    """Losses of the network after the last epoch: it is not chosen among the epochs."""
    learned = parameters(layers.new_network((64, hidden, 10), seed))
    n_epochs = epochs * N // len(train[0])  # equally many steps, however many pictures
    fit(learned, AdamW(learned, lr, decay), train, validation, n_epochs, rate=rate, seed=seed)
    right = layers.accuracy(network(learned).forward(test[0]), test[1])
    return {
        "train": mean_loss(learned, train),
        "validation": mean_loss(learned, validation),
        "test": mean_loss(learned, test),
        "right": right,
    }


def _note(remedies, remedy, settings, runs) -> None:
    """Keep the run with the lowest validation loss, and the test losses of all settings."""
    best = int(np.argmin([run["validation"] for run in runs]))
    chosen = {"setting": settings[best], **runs[best], "all": [run["test"] for run in runs]}
    remedies.setdefault(remedy, []).append(chosen)


if __name__ == "__main__":
    main()
