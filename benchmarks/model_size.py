"""Quality against model size and against context length, on models trained for it.

Sizes: width 8 to 128, the same stories and steps, the learning rate chosen for each width in short
runs on a seed that is not reported. Contexts: the model of width 64, trained on pieces of 1 to 64
tokens of the same stories, so that all see equally many words, and judged on the last so many
tokens of each text. Three seeds each. Notebook 08 shows what was recorded.
"""

from __future__ import annotations

import math
from pathlib import Path

import report
import torch
import torch.nn.functional as F

from grooves.inference.evaluation import accepted
from grooves.language.corpora import IGNORED, HeldOut
from grooves.language.stories import Stories, per_word
from grooves.language.tokenizers import WordTokenizer
from grooves.models.transformer import count_parameters
from grooves.training.lineage import new_data, new_model
from grooves.training.loop import Divergence, train

STEPS, TUNING_STEPS, TUNING_SEED = 1_000, 400, 100
WIDTHS = (8, 16, 32, 64, 128)
CONTEXTS = (1, 4, 16, 64)
RATES = (0.0125, 0.025, 0.05)  # of Muon
WHOLE = 192


class Pieces:
    """Every batch of `data`, cut into pieces of `context` tokens from a place that changes."""

    def __init__(self, data, context: int):
        self.data, self.context = data, context

    def batch(self, step: int):
        """Inputs and targets, (n, context) each; the same words for every context."""
        generator = torch.Generator().manual_seed(step)
        skip = int(torch.randint(self.context, (1,), generator=generator))
        both = self.data.batch(step)
        fill = (0, IGNORED)
        pieces = [_cut(x, skip, self.context, value) for x, value in zip(both, fill, strict=True)]
        used = (pieces[1] != IGNORED).any(1)
        return pieces[0][used], pieces[1][used]


def _cut(rows, skip: int, context: int, value: int):
    """Rows (B, T) with `skip` places in front, as pieces (B * n, context) padded with `value`."""
    after = -(rows.size(1) + skip) % context
    return F.pad(rows, (skip, after), value=value).reshape(-1, context)


@torch.inference_mode()
def window_gap(model, held_out: HeldOut, context: int) -> tuple[float, float]:
    """The gap of a model that sees the last `context` tokens only, in nats per word, with error."""
    inputs, truth = held_out.inputs, held_out.truth
    parts = []
    for row, p in zip(inputs, truth, strict=True):
        first = model(row[None, :context])[0]  # (c, V), the places that see everything
        log_q = first.log_softmax(-1)
        if context < len(row):
            windows = row.unfold(0, context, 1)[1:]  # (T - c, c)
            log_q = torch.cat((log_q, model(windows)[:, -1].log_softmax(-1)))
        parts.append((torch.special.xlogy(p, p) - p * log_q).sum().item())
    words = (held_out.targets >= 0).sum(-1)
    return per_word(torch.tensor(parts).double().numpy(), words.numpy())


@torch.inference_mode()
def window_accepted(model, language: Stories, context: int, n: int = 100, seed: int = 0) -> float:
    """The proportion of accepted stories of a model that sees the last `context` tokens only."""
    if context == WHOLE:
        return accepted(model, language, 3 * n, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.zeros((n, 1), dtype=torch.long)
    while tokens.size(1) < WHOLE and not (tokens[:, 1:] == 0).any(1).all():
        p = model(tokens[:, -context:])[:, -1].softmax(-1)
        tokens = torch.cat((tokens, torch.multinomial(p, 1, generator=generator)), 1)
    decode = WordTokenizer(language.vocabulary).decode_words
    rows = [row[: row.index(0)] if 0 in row else row for row in tokens[:, 1:].tolist()]
    return sum(language.parse(decode(row)).ok for row in rows) / n


def measured(
    language: Stories, width: int, context: int, rate: float, seed: int, steps: int, held_out
) -> dict:
    """Gap and accepted stories of one model; infinite where it diverged."""
    model = new_model(language, seed=seed, n_embd=width, context=context)
    data = new_data(language, seed=1 + seed)
    if context < WHOLE:
        data = Pieces(data, context)
    try:
        train(model, data, steps=steps, progress=False, matrix_lr=rate)
    except Divergence:
        return {"gap": math.inf}
    gap, error = window_gap(model, held_out, context)
    share = window_accepted(model, language, context)
    weights = count_parameters(model)
    return {"gap": gap, "error": error, "accepted": share, "weights": weights}


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--progress", default="_build/model_size.json", help="finished runs")
    parsed = parser.parse_args()
    report.one_thread()
    progress = report.Progress(Path(parsed.progress))
    steps, seeds = (100, range(1)) if parsed.quick else (STEPS, range(parsed.seeds))
    language = Stories()
    held_out = HeldOut(language, 40)

    def run(width, context, rate, seed, steps=steps):
        key = f"width {width}, context {context}, rate {rate}, seed {seed}, {steps} steps"
        found = progress.get(
            key, lambda: measured(language, width, context, rate, seed, steps, held_out)
        )
        return {"width": width, "context": context, "rate": rate, "seed": seed} | found

    sizes, tuning = [], []
    for width in WIDTHS:
        tried = [run(width, WHOLE, r, TUNING_SEED, min(steps, TUNING_STEPS)) for r in RATES]
        tuning += tried
        best = min(tried, key=lambda one: one["gap"])["rate"]
        sizes += [run(width, WHOLE, best, seed) for seed in seeds]
    contexts = [run(64, context, 0.025, seed) for context in CONTEXTS for seed in seeds]
    rows = [
        {
            "width": one["width"],
            "context": one["context"],
            "weights": one["weights"],
            "rate": one["rate"],
            "seed": one["seed"],
            "gap": round(one["gap"], 4),
            "accepted": one["accepted"],
        }
        for one in (*sizes, *contexts)
    ]
    notes = [
        f"{steps} steps of 6 stories; gap in nats per word over {len(held_out.stories)} held-out "
        "stories; accepted: of 300 stories (100 with a shorter context) written at temperature 1.",
        "Contexts: trained on pieces of that many tokens of the same stories, and judged on the "
        "last so many tokens.",
    ]
    found = {"sizes": sizes, "contexts": contexts, "tuning": tuning}
    title = "Quality against size and against context"
    report.publish("model_size", title, rows, notes, parsed.out, **found)


if __name__ == "__main__":
    main()
