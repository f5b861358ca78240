"""The same training in 32 and in 16 bits, and what each model loses in fewer bits: several seeds.

Notebook 12 trains once in each way, for a short time; the differences are then smaller than what
another seed changes. Here each way trains from the same seeds on the same stories, so that they
can be compared run by run. Each of the models of 32 bits is also quantised. Time is that of one
core; fp16 is left out, because a processor without arithmetic for it takes a hundred times as long.
"""

from __future__ import annotations

import report
import torch

from grooves.language.stories import Stories
from grooves.models.transformer import Transformer, count_parameters
from grooves.precision.quantize import Scheme, quantized, stored_bytes
from grooves.training import lineage
from grooves.training.loop import train
from grooves.training.mixed_precision import MixedTransformer

WAYS = ("fp32", "bf16 products", "all bf16")
SCHEMES = [Scheme("bf16"), Scheme("fp8 e4m3"), Scheme("int8"), Scheme("int8", "tensor")]
SCHEMES += [Scheme("int4", group) for group in ("tensor", "row", 32)] + [Scheme("int3", 32)]


def model_for(way: str, seed: int) -> Transformer:
    """An untrained model; the same weights for each way, but for their rounding."""
    config = lineage.new_model().config
    if way == "bf16 products":
        return MixedTransformer(config, seed)
    model = Transformer(config, seed)
    return model.to(torch.bfloat16) if way == "all bf16" else model


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each way")
    parser.add_argument("--steps", type=int, default=600, help="steps of each training")
    parsed = parser.parse_args()
    report.one_thread()
    seeds = range(1 if parsed.quick else parsed.seeds)
    steps = 40 if parsed.quick else parsed.steps
    language = Stories()
    gaps: dict[str, list] = {way: [] for way in WAYS}
    seconds: dict[str, list] = {way: [] for way in WAYS}
    shrunk: dict[str, list] = {str(scheme): [] for scheme in SCHEMES}
    for seed in seeds:  # every way once before any has its next turn
        data = lineage.new_data(language, n_stories=6 * steps, seed=seed + 1)
        for way in WAYS:
            model = model_for(way, seed)
            started = report.core_seconds()
            train(model, data, steps=steps, progress=False)
            seconds[way].append((report.core_seconds() - started) / steps)
            gaps[way].append(lineage.gap(model, language)[0])
            if way == "fp32":
                for scheme in SCHEMES:
                    shrunk[str(scheme)].append(lineage.gap(quantized(model, scheme), language)[0])
        print(
            f"  seed {seed}: {', '.join(f'{w} {g[-1]:.4f}' for w, g in gaps.items())}", flush=True
        )
    small = {s: stored_bytes(quantized(model_for("fp32", 0), s)) for s in SCHEMES}
    n = count_parameters(model_for("fp32", 0))
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    rows = [
        {"what": f"trained: {way}", "nats above": mean(gaps[way]), "ms a step": 1e3 * mean(s)}
        for way, s in seconds.items()
    ]
    rows += [
        {"what": f"stored: {scheme}", "nats above": mean(shrunk[str(scheme)]), "ms a step": None}
        for scheme in SCHEMES
    ]
    notes = [f"Mean over {len(seeds)} seeds of {steps} steps each. Time: of one core."]
    more = {"steps": steps, "seeds": len(seeds), "gaps": gaps, "seconds_a_step": seconds}
    more |= {"shrunk": shrunk, "bytes_a_weight": {str(s): b / n for s, b in small.items()}}
    report.publish(
        "precision", "Training and storing in fewer bits", rows, notes, parsed.out, **more
    )


if __name__ == "__main__":
    main()
