"""What makes the difference in fine-tuning: controls for each mechanism that chapter 6 names.

- embeddings: LoRA or full changes of the matrices, with embeddings trained or frozen
- replay: old stories in each batch, and as a control more stories of the dialect in each batch
- frontier: what is learned and what is forgotten at each learning rate
- context: stories of the dialect in the prompt of the base model, which learns nothing
- dialogue: the loss on the answers only, and on every word
- qlora: LoRA beside matrices of 4 bits, and the gap before the first step with 4 and 2 bits

In `embeddings` and `dialogue`, each condition has its learning rate from the same grid, chosen on a
draw of its own by the loss on other stories; five seeds follow. `replay` and `qlora` take the
recipes that the sweep chose without them. Each part can be run alone, and takes from one to five
minutes of a core.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import report
import torch
from fine_tuning import FIRST_SEED, RATES, SWEEP_SEED, other_loss

from grooves.fine_tuning import dialogue, lora, recipes
from grooves.language.corpora import HeldOut
from grooves.language.stories import Stories
from grooves.models.transformer import Transformer
from grooves.precision import qlora
from grooves.precision.quantize import Scheme
from grooves.training import lineage
from grooves.training.loop import Divergence, train

WORDS_RATES = (*RATES[1:], 0.1, 0.3)
WORDS = ("frozen", "embeddings")
BATCHES = {"5 new": (5, 0), "10 new": (10, 0), "5 new, 5 old": (5, 5)}


def rounded(**found) -> dict:
    """A row with its numbers to four digits after the point."""
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}


def learned(make, data, lr: float, steps: int):
    """A model after AdamW; None where it diverged."""
    model = make()
    try:
        train(model, data, steps=steps, lr=lr, optimizer="adamw", progress=False)
    except Divergence:
        return None
    return model


def tuned_rate(make, data_of, steps: int, loss_of, rates) -> tuple[float, dict[float, float]]:
    """The best rate on the draw of the sweep, and the loss at each. data_of: seed -> data."""
    losses = {}
    for lr in rates:
        model = learned(lambda: make(SWEEP_SEED), data_of(SWEEP_SEED), lr, steps)
        loss = math.inf if model is None else loss_of(model)
        losses[lr] = loss if math.isfinite(loss) else math.inf
    return min(losses, key=losses.get), losses


def adapted(change: str, words: str, seed: int):
    """The base model with LoRA or trainable matrices, and its embeddings trainable or frozen."""
    model = lineage.base()
    if change == "LoRA":
        model = lora.add_lora(model, recipes.RANK, seed=seed)
    model.embedding.weight.requires_grad_(words == "embeddings")
    return model


def embeddings(seeds, n: int = 500, steps: int = 100) -> list[dict]:
    """2 x 2: LoRA or full changes of the matrices, with embeddings trained or frozen."""
    runs = []
    for dialect in ("narrator", "names"):
        language = Stories(dialect)
        for change in ("LoRA", "full"):
            for words in WORDS:

                def make(seed, change=change, words=words):
                    return adapted(change, words, seed)

                def data_of(seed, language=language):
                    return recipes.Examples(language, n, seed)

                lr, tried = tuned_rate(
                    make, data_of, steps, lambda m, s=language: other_loss(m, s), WORDS_RATES
                )
                for seed in seeds:
                    model = learned(lambda seed=seed, f=make: f(seed), data_of(seed), lr, steps)
                    new, old = recipes.evaluate_both(model, language)
                    run = {"dialect": dialect, "change": change, "words": words, "n": n, "lr": lr}
                    run["tried"] = {
                        str(rate): round(loss, 4) if math.isfinite(loss) else None
                        for rate, loss in tried.items()
                    }
                    runs.append(run | rounded(seed=seed, steps=steps, new=new, old=old))
                print(f"  {runs[-1]}", flush=True)
    return runs


def replay(seeds, n: int = 50) -> list[dict]:
    """Old stories in the batch, against twice as many new ones; with the loss on what was seen."""
    language, runs, usual = Stories("narrator"), [], recipes.recipe("full", n)
    for name, (size, old) in BATCHES.items():
        for seed in seeds:
            data = recipes.Examples(language, n, seed, old, size)
            model = learned(lineage.base, data, usual.lr, usual.steps)
            new, kept = recipes.evaluate_both(model, language)
            seen = recipes.Examples(language, n, seed)
            with torch.no_grad():
                on_seen = [model.loss(*seen.batch(step)).item() for step in range(n // 5)]
            run = {"batch": name, "n": n, "lr": usual.lr, "steps": usual.steps, "seed": seed}
            runs.append(run | rounded(new=new, old=kept, seen=sum(on_seen) / len(on_seen)))
        print(f"  {runs[-1]}", flush=True)
    return runs


def frontier(seeds, n: int = 50, steps: int = 60) -> list[dict]:
    """What is learned and what is forgotten, by way and rate."""
    language, runs = Stories("narrator"), []
    for method in recipes.METHODS[1:]:
        for lr in RATES:
            for seed in seeds:
                data = recipes.Examples(language, n, seed)
                model = learned(lambda s=seed, m=method: recipes.prepare(m, s), data, lr, steps)
                if model is None:
                    continue
                new, old = recipes.evaluate_both(model, language)
                row = {"method": method, "lr": lr, "n": n, "steps": steps, "seed": seed}
                runs.append(row | rounded(new=new, old=old))
        print(f"  {runs[-1]}", flush=True)
    return runs


def longer(model: Transformer, context: int) -> Transformer:
    """The same weights, with rotations for more positions."""
    long = Transformer(replace(model.config, context=context)).eval()
    long.load_state_dict(model.state_dict())
    return long


@torch.no_grad()
def context(seeds) -> list[dict]:
    """The base model's gap on a story of the dialect, behind other stories in its context.

    told: who tells the stories before it. within: the words of the judged story that lie in the
    192 positions on which the model was trained; all words otherwise.
    """
    base, runs = lineage.base().cpu(), []
    limit = base.config.context
    for told in ("narrator", None):
        for k in (0, 1, 2, 5):
            model = longer(base, 1_024)
            for seed in seeds:
                held_out = HeldOut(Stories("narrator"), 40, seed=55_000 + seed)
                before = [0]
                for story in Stories(told).corpus(k, seed):
                    before += [Stories().index[word] for word in story] + [0]
                before = torch.tensor(before[:-1], dtype=torch.long)
                prompt = before.expand(len(held_out.inputs), -1)
                log_q = model(torch.cat((prompt, held_out.inputs), 1)).log_softmax(-1)
                log_q = log_q[:, len(before) :]
                p = held_out.truth
                nats = (torch.special.xlogy(p, p) - p * log_q).sum(-1)
                real = held_out.targets >= 0
                fits = real & (torch.arange(real.size(1)) < limit - len(before))
                first = real & (torch.arange(real.size(1)) < 40)
                row = {"told": told or "first language", "k": k, "seed": seed}
                row |= {"first_40": (nats * first).sum().item() / first.sum().item()}
                row |= {"all": (nats * real).sum().item() / real.sum().item()}
                row["within"] = (nats * fits).sum().item() / max(1, fits.sum().item())
                runs.append(rounded(**row, prompt=len(before), fitting=int(fits.any(0).sum())))
            print(f"  {runs[-1]}", flush=True)
    return runs


def chats(seeds, steps: int = 100) -> list[dict]:
    """Dialogues, with the loss on the answers or on all words."""
    unseen, runs = dialogue.dialogues(200, 91_000), []
    other = dialogue.dialogues(100, 92_000)
    language = Stories()
    for n in (20, 200):
        for loss_on in dialogue.LOSS_ON:

            def data_of(seed, n=n, loss_on=loss_on):
                some = dialogue.dialogues(n, 93_000 + seed)
                return dialogue.DialogueData(some, loss_on, seed=seed)

            def make(_):
                return dialogue.add_tokens(lineage.base())

            lr, _ = tuned_rate(
                make, data_of, steps, lambda m: dialogue.evaluate(m, other)["answer"], RATES
            )
            for seed in seeds:
                model = learned(lambda: make(0), data_of(seed), lr, steps)
                found = dialogue.evaluate(model, unseen)
                found["old"] = lineage.gap(Narrow(model), language)[0]
                row = {"loss_on": loss_on, "n": n, "lr": lr, "steps": steps, "seed": seed}
                runs.append(row | rounded(**found))
            print(f"  {runs[-1]}", flush=True)
    return runs


class Narrow(torch.nn.Module):
    """A model with tokens more, judged on the first language: the new ones are left out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        """Logits of the old tokens, (B, T, V)."""
        return self.model(ids)[..., : len(Stories().vocabulary)]


def quantized_bases(seeds, n: int = 50) -> list[dict]:
    """LoRA beside a base in 4 bits, by the recipe of LoRA; `start`: before the first step."""
    language, runs, usual = Stories("narrator"), [], recipes.recipe("LoRA", n)

    def make(seed, bits):
        return qlora.quantize_base(recipes.prepare("LoRA", seed), Scheme(f"int{bits}", 64))

    for bits in (4, 2):
        runs.append(rounded(bits=bits, start=lineage.gap(make(0, bits))[0]))
    for seed in seeds:
        data = recipes.Examples(language, n, seed)
        model = learned(lambda seed=seed: make(seed, 4), data, usual.lr, usual.steps)
        new, old = recipes.evaluate_both(model, language)
        row = {"bits": 4, "n": n, "lr": usual.lr, "steps": usual.steps, "seed": seed}
        runs.append(row | rounded(new=new, old=old))
        print(f"  {runs[-1]}", flush=True)
    return runs


PARTS = {
    "context": context,
    "embeddings": embeddings,
    "replay": replay,
    "frontier": frontier,
    "dialogue": chats,
    "qlora": quantized_bases,
}


def main() -> None:
    """Measure the parts that are asked for, keep the others, publish."""
    parser = report.arguments(__doc__)
    parser.add_argument("--parts", nargs="+", default=tuple(PARTS), help="what to measure")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each")
    parsed = parser.parse_args()
    report.one_thread()
    path = parsed.out / "fine_tuning_controls.json"
    found = json.loads(path.read_text())["found"] if path.exists() else {}
    seeds = range(FIRST_SEED, FIRST_SEED + (1 if parsed.quick else parsed.seeds))
    for name in parsed.parts:
        found[name] = PARTS[name](seeds)
        rows = [{"part": part, "runs": len(runs)} for part, runs in found.items()]
        notes = ["Gaps in nats per word above the exact entropy; losses in nats per word."]
        report.publish(
            "fine_tuning_controls", "Controls of fine-tuning", rows, notes, parsed.out, found=found
        )


if __name__ == "__main__":
    main()
