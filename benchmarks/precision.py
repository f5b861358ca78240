"""The same training in 32 and in 16 bits, and what each model loses in fewer bits: several seeds.

Notebook 12 trains once in each way, for a short time; the differences are then smaller than what
another seed changes. Here each way trains from the same seeds on the same stories, so that they
can be compared run by run. Each of the models of 32 bits is also quantized: to integers, to block
formats (with every matrix in few bits, and with the embedding in 8, as large models have it), with
calibration and its controls, and with activations in 8 bits. Time is that of one core; fp16 is left
out, because a processor without arithmetic for it takes a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Callable

import report
import torch

from grooves.language.stories import Stories
from grooves.models.transformer import Transformer, count_parameters
from grooves.precision import activations, blocks, calibrated
from grooves.precision.quantize import Scheme, dequantize, quantize, quantized, stored_bytes
from grooves.training import lineage
from grooves.training.loop import train
from grooves.training.mixed_precision import MixedTransformer

WAYS = ("fp32", "bf16 products", "all bf16")
SCHEMES = [Scheme("bf16"), Scheme("fp8 e4m3"), Scheme("int8"), Scheme("int8", "tensor")]
SCHEMES += [Scheme("int4", group) for group in ("tensor", "row", 64, 32, 16)] + [Scheme("int3", 32)]
BESIDE = [Scheme("int4", group) for group in (64, 32, 16)]  # of the block formats
CALIBRATED = [(4, None), (3, None), (3, 32), (2, 16)]  # bits, and weights per scale; None: a row


def model_for(way: str, seed: int) -> Transformer:
    """An untrained model; the same weights for each way, but for their rounding."""
    config = lineage.new_model().config
    if way == "bf16 products":
        return MixedTransformer(config, seed)
    model = Transformer(config, seed)
    return model.to(torch.bfloat16) if way == "all bf16" else model


def roundings() -> dict[str, Callable]:
    """Block formats, and integers of as many bits, by name: each takes a matrix to a matrix."""

    def of_scheme(scheme: Scheme) -> Callable:
        return lambda w: dequantize(*quantize(w, scheme), w.shape)

    def of_format(form: blocks.BlockFormat) -> Callable:
        return lambda w: blocks.rounded(w, form)

    found = {str(scheme): of_scheme(scheme) for scheme in BESIDE}
    return found | {name: of_format(form) for name, form in blocks.BLOCK_FORMATS.items()}


def calibrations(language: Stories) -> dict[str, torch.Tensor]:
    """Texts for calibration and two controls: the same words shuffled, and random words."""
    generator = torch.Generator().manual_seed(0)
    texts = calibrated.texts(language)
    order = torch.randperm(texts.numel(), generator=generator)
    random = torch.randint(0, len(language.vocabulary), texts.shape, generator=generator)
    return {"stories": texts, "shuffled": texts.flatten()[order].view_as(texts), "random": random}


def quantized_gaps(model: Transformer, language: Stories) -> dict[str, dict[str, float]]:
    """Gaps of one trained model, stored in every way: kind -> name -> nats."""
    gap = lambda other: lineage.gap(other, language)[0]  # noqa: E731
    texts = calibrations(language)
    found: dict[str, dict[str, float]] = {
        "shrunk": {str(scheme): gap(quantized(model, scheme)) for scheme in SCHEMES},
        "blocks": {n: gap(blocks.with_rounded(model, f)) for n, f in roundings().items()},
    }
    apart = calibrated.with_embedding_in_8_bits(model)
    skip = ("embedding",)
    found["blocks_8_bit_embedding"] = {
        name: gap(blocks.with_rounded(apart, f, skip)) for name, f in roundings().items()
    }
    found["calibrated"] = {}
    for bits, group in CALIBRATED:
        name = f"int{bits} " + (f"groups of {group}" if group else "per row")
        found["calibrated"][f"{name}, nearest"] = gap(calibrated.nearest(model, bits, group))
        for kind, ids in texts.items():
            small = calibrated.calibrated(model, ids, bits, group)
            found["calibrated"][f"{name}, GPTQ on {kind}"] = gap(small)
    w8a8 = lambda **how: gap(activations.w8a8(model, texts["stories"], **how))  # noqa: E731
    found["activations"] = {
        "weights and activations, per token": w8a8(),
        "weights and activations, static": w8a8(per_token=False),
        "activations only, per token": w8a8(activations_only=True),
    }
    return found


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="runs of each way")
    parser.add_argument("--steps", type=int, default=600, help="steps of each run")
    parsed = parser.parse_args()
    report.one_thread()
    seeds = range(1 if parsed.quick else parsed.seeds)
    steps = 40 if parsed.quick else parsed.steps
    language = Stories()
    gaps: dict[str, list] = {way: [] for way in WAYS}
    seconds: dict[str, list] = {way: [] for way in WAYS}
    stored: dict[str, dict[str, list]] = {}
    for seed in seeds:  # every way once before any has its next turn
        data = lineage.new_data(language, n_stories=6 * steps, seed=seed + 1)
        for way in WAYS:
            model = model_for(way, seed)
            started = report.core_seconds()
            train(model, data, steps=steps, progress=False)
            seconds[way].append((report.core_seconds() - started) / steps)
            gaps[way].append(lineage.gap(model, language)[0])
            if way == "fp32":
                for kind, nats in quantized_gaps(model, language).items():
                    for name, value in nats.items():
                        stored.setdefault(kind, {}).setdefault(name, []).append(value)
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
        {"what": f"{kind}: {name}", "nats above": mean(values), "ms a step": None}
        for kind, found in stored.items()
        for name, values in found.items()
    ]
    notes = [f"Mean over {len(seeds)} seeds of {steps} steps each. Time: of one core."]
    more = {"steps": steps, "seeds": len(seeds), "gaps": gaps, "seconds_a_step": seconds}
    more |= stored | {"bytes_a_weight": {str(s): b / n for s, b in small.items()}}
    report.publish(
        "precision", "Training and storing in fewer bits", rows, notes, parsed.out, **more
    )


if __name__ == "__main__":
    main()
