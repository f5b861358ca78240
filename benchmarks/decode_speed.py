"""How fast the model generates: with a cache, at batch 1, 16 and 64, beside Hugging Face.

Both sides sample the same number of words at temperature 1 without a cut-off, with a cache, on one
core, in turns; no text ends early. Beside each figure stands what the machine would allow, from its
measured rates of multiplying and of reading memory.
"""

from __future__ import annotations

import opponent
import report
import torch
from rivals import theirs

from grooves.inference.generate import Reader, generate, sample_next
from grooves.training.lineage import new_model

BATCHES = (1, 16, 64)
TARGETS = {1: 4.0, 64: 2.5}  # times Hugging Face's rate
N_WORDS = 120  # about one story


@torch.inference_mode()
def plainly(model, prompt: torch.Tensor) -> None:
    """Our model and its cache as chapter 04 builds them, without the decoder."""
    reader = Reader(model, prompt)
    logits = reader.logits
    for left in reversed(range(N_WORDS)):
        words = sample_next(logits, 1.0)
        if left:
            logits = reader.read(words)


def ceiling(model, n_texts: int, flops_per_s: float) -> tuple[float, float]:
    """Core-seconds that multiplying, and that reading, must take at least for `N_WORDS` words.

    Read are, for every word: all matrices, and the keys and values of the words before, of which
    there are half of N_WORDS on average.
    """
    config = model.config
    weights = 4 * opponent.matrix_weights(model)
    cache = 4 * n_texts * 2 * config.n_layer * config.n_embd * N_WORDS / 2
    bytes_per_s = report.read_rate(int(weights + cache))
    flops = opponent.forward_flops(model, n_texts, N_WORDS)
    return flops / flops_per_s, N_WORDS * (weights + cache) / bytes_per_s


def main() -> None:
    """Measure and publish."""
    parsed = report.arguments(__doc__).parse_args()
    report.one_thread()
    ours = new_model().cpu().eval()
    rival = opponent.Opponent.like(ours).eval()
    flops_per_s = report.product_rate()
    rows, ratios, notes = [], {}, []
    for n_texts in BATCHES:
        prompt = torch.zeros((n_texts, 1), dtype=torch.long)
        seconds = report.in_turns(
            {
                "ours": lambda p=prompt: generate(ours, p, N_WORDS, end=None),
                "ours, without the decoder": lambda p=prompt: plainly(ours, p),
                "ours, boldest word": lambda p=prompt: generate(ours, p, N_WORDS, 0, end=None),
                "Hugging Face": lambda p=prompt: theirs(rival, p, N_WORDS),
                "Hugging Face, boldest word": lambda p=prompt: theirs(
                    rival, p, N_WORDS, draw=False
                ),
            },
            rounds=3 if parsed.quick else 11,
        )
        multiplying, reading = ceiling(ours, n_texts, flops_per_s)
        limit = N_WORDS * n_texts / max(multiplying, reading)
        for name, runs in seconds.items():
            rate, low, high = report.spread([N_WORDS * n_texts / s for s in runs])
            rows.append(
                {
                    "batch": n_texts,
                    "who": name,
                    "words a core-second": rate,
                    "half between": f"{low:,.0f} and {high:,.0f}",
                    "of the limit": f"{rate / limit:.0%}" if name.startswith("ours") else None,
                }
            )
        for kind in ("", ", boldest word"):
            faster = report.ratio(seconds[f"Hugging Face{kind}"], seconds[f"ours{kind}"])
            ratios[f"{n_texts}{kind}"] = faster
        middle, low, high = ratios[str(n_texts)]
        target = f" (target {TARGETS[n_texts]:g})" if n_texts in TARGETS else ""
        notes.append(
            f"Batch {n_texts}: {middle:.1f} times Hugging Face{target}, half of the rounds between "
            f"{low:.1f} and {high:.1f}; always the likeliest word: "
            f"{ratios[f'{n_texts}, boldest word'][0]:.1f} times. "
            f"Limit {limit:,.0f} words a core-second: multiplying takes "
            f"{1e6 * multiplying / N_WORDS:.0f} µs a step, reading {1e6 * reading / N_WORDS:.0f}."
        )
    notes.append(
        "What remains: at batch 1 a step is some sixty calls of NumPy and PyTorch of one to four "
        "microseconds each, while the arithmetic would be done in a fraction of that; only one "
        "compiled call a step would save more. At batch 64 about half is arithmetic, and attention "
        "is one small product for every text and head."
    )
    title = f"Answering: {N_WORDS} words a text, one core, cached"
    report.publish("decode_speed", title, rows, notes, parsed.out, times_faster=ratios)


if __name__ == "__main__":
    main()
