"""Fine-tuning with small steps, with weights in 32 bits and in bf16: where sums of steps fail.

The base model learns the dialect *narrator* with AdamW at a rate 200 times lower than that
of its pre-training. What differs is how the weights are kept after each step: in 32 bits, rounded
to the nearest bf16, or rounded stochastically. Two of the ways round the weights and nothing else,
so that what they show is due to the sum of the steps; two more use bf16 as is usual.
"""

from __future__ import annotations

import report
import torch

from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer
from grooves.training import lineage
from grooves.training.loop import train
from grooves.training.mixed_precision import MixedTransformer, round_weights

WAYS = (
    "32 bits",
    "bf16 products, 32-bit weights",
    "weights rounded to nearest",
    "weights rounded stochastically",
    "all bf16",
)
DIALECT, RATE, EVERY = "narrator", 1e-4, 50


def model_for(way: str) -> Transformer:
    """The base model, arranged for one way."""
    base = lineage.base().cpu()
    if way == "all bf16":
        return base.to(torch.bfloat16)
    if way == "bf16 products, 32-bit weights":
        mixed = MixedTransformer(base.config)
        mixed.load_state_dict(base.state_dict())
        return mixed
    return base


def run(way: str, seed: int, steps: int) -> tuple[list[float], float]:
    """One run: gaps on the dialect every `EVERY` steps, and the share of weights that moved."""
    language, model = Stories(DIALECT), model_for(way)
    before = torch.cat([p.detach().float().flatten() for p in model.parameters()])
    rounds = "rounded" in way
    generator = torch.Generator().manual_seed(seed)
    if rounds:
        round_weights(model)
        before = before.bfloat16().float()
    gaps = [lineage.gap(model, language, 50)[0]]

    def after_step(history, _) -> None:
        if rounds:
            round_weights(model, "stochastically" in way, generator)
        if history.steps % EVERY == 0:
            gaps.append(lineage.gap(model, language, 50)[0])

    data = StoryData(language, 2_000, lineage.BATCH, seed + 3)
    rate = {"optimizer": "adamw", "lr": RATE}
    train(model, data, steps=steps, progress=False, on_step=after_step, **rate)
    after = torch.cat([p.detach().float().flatten() for p in model.parameters()])
    return gaps, float((after != before).float().mean())


def main() -> None:
    """Measure and publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="runs of each way")
    parser.add_argument("--steps", type=int, default=400, help="steps of each run")
    parsed = parser.parse_args()
    report.one_thread()
    seeds = range(1 if parsed.quick else parsed.seeds)
    steps = EVERY if parsed.quick else parsed.steps
    gaps: dict[str, list] = {way: [] for way in WAYS}
    moved: dict[str, list] = {way: [] for way in WAYS}
    for seed in seeds:
        for way in WAYS:
            found, share = run(way, seed, steps)
            gaps[way].append(found)
            moved[way].append(share)
            print(f"  seed {seed}, {way}: {found[-1]:.4f}, {share:.1%} moved", flush=True)
    rows = [
        {
            "weights": way,
            "nats above": sum(one[-1] for one in runs) / len(runs),
            "weights that moved": sum(moved[way]) / len(runs),
        }
        for way, runs in gaps.items()
    ]
    notes = [f"Mean over {len(seeds)} seeds of {steps} steps, AdamW at a peak rate of {RATE:g}."]
    more = {"steps": steps, "seeds": len(seeds), "rate": RATE, "every": EVERY, "dialect": DIALECT}
    report.publish(
        "bf16_sums",
        "Sums of small steps in bf16",
        rows,
        notes,
        parsed.out,
        gaps=gaps,
        moved=moved,
        **more,
    )


if __name__ == "__main__":
    main()
