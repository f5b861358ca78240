"""`grooves train`: train the course's model on Stories, with one process or with many.

Key idea: the command does not say how many processes there are. Whatever starts it does, so the
same words run on a laptop, on a host with eight GPUs, and on a cluster. Chapter 13.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from grooves import cache_dir
from grooves.language.corpora import StoryData
from grooves.language.stories import Stories
from grooves.models.transformer import Config, Transformer, count_parameters
from grooves.training.checkpoint import save_model
from grooves.training.distributed import loop
from grooves.training.distributed.ranks import Ranks, joined
from grooves.training.loop import Divergence

WAYS_TO_START = """\
ways to start it:
  one process:        grooves train --steps 600
  several processes   torchrun --standalone --nproc-per-node 2 -m grooves train --steps 600
  on this host:       (one per GPU, or on CPUs as many as you have cores)
  several hosts:      on each of them, with the address of the first in place of HOST:
                      torchrun --nnodes 2 --nproc-per-node 8 --max-restarts 3 --rdzv-backend c10d \\
                        --rdzv-endpoint HOST:29400 --rdzv-id any-name -m grooves train --steps 600
  Slurm:              sbatch cluster/train.sbatch --steps 600
  Kubernetes:         kubectl apply -f cluster/pytorchjob.yaml

With several hosts, torchrun finds out which of them is HOST by comparing names. Where HOST is an
address that the first host does not call itself by, every host waits for another to begin, and
after a minute all give up. Then add --rdzv-conf is_host=1 on the first and --rdzv-conf is_host=0 on
the others, and --local-addr with each one's own address. cluster/README.md says more.

A run that was stopped or killed goes on from its last checkpoint when the same command is given
again; with torchrun --max-restarts 3 this happens by itself. On several hosts the folder of
checkpoints must be one that all of them share.
"""
WAYS_TO_DIVIDE = {
    "naive": "all-reduce each gradient, tensor by tensor",
    "flat": "all-reduce all gradients in one buffer",
    "buckets": "all-reduce buckets while the backward pass goes on",
    "ddp": "the same by PyTorch's DistributedDataParallel",
    "zero1": "ZeRO 1: optimizer state sharded",
    "zero2": "ZeRO 2: gradients sharded too",
    "zero3": "ZeRO 3: weights sharded too",
    "fsdp": "the same by PyTorch's FSDP2",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `grooves train`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "--way is one of\n"
        + "".join(f"  {name:8} {what}\n" for name, what in WAYS_TO_DIVIDE.items())
        + f"\n{WAYS_TO_START}"
    )
    number = dict(type=int, metavar="N")
    parser.add_argument("--steps", default=600, help="in all (default: 600)", **number)
    parser.add_argument(
        "--stories", default=6, help="per step, divided between processes (default: 6)", **number
    )
    parser.add_argument("--seed", default=0, help="of the weights and the stories", **number)
    parser.add_argument(
        "--way", default="ddp", metavar="WAY", help="how processes share the work (default: ddp)"
    )
    parser.add_argument(
        "--optimizer",
        metavar="NAME",
        help="muon or adamw (default: muon, or adamw where the way cuts matrices into pieces)",
    )
    parser.add_argument(
        "--checkpoints",
        type=Path,
        metavar="FOLDER",
        help="where they and the model are written (default: train in the course's cache folder)",
    )
    parser.add_argument(
        "--every", default=100, help="steps between checkpoints (default: 100)", **number
    )
    parser.add_argument(
        "--micro-batches",
        default=1,
        help="with one process: parts of a batch, one after the other (default: 1)",
        **number,
    )
    parser.add_argument("--width", default=64, help="channels of the model (default: 64)", **number)
    parser.add_argument("--layers", default=2, help="its blocks (default: 2)", **number)
    parser.add_argument(
        "--corpus", default=20_000, help="stories to learn from (default: 20000)", **number
    )
    parser.add_argument(
        "--json", action="store_true", help="print a JSON object per step, for programs"
    )


def main(args: argparse.Namespace) -> int:
    """Train, from the last checkpoint if there is one. Raises: ValueError with one sentence."""
    try:
        check(args)
        return start(args)
    except Divergence as error:
        raise ValueError(str(error)) from None
    except ValueError:
        if os.environ.get("RANK", "0") != "0":
            time.sleep(10)  # rank 0 prints the sentence for all, and torchrun ends this process
        raise


def start(args: argparse.Namespace) -> int:
    """Join the other processes and train."""
    with joined() as ranks:
        if args.stories < ranks.n * args.micro_batches:
            raise ValueError(
                f"--stories {args.stories} cannot be divided between "
                f"{ranks.n * args.micro_batches}: give at least one story to each"
            )
        if ranks.n > 1 and args.micro_batches > 1:
            raise ValueError(
                f"--micro-batches {args.micro_batches} is for one process, and there are "
                f"{ranks.n}: leave it out"
            )
        train(args, ranks)
    return 0


def check(args: argparse.Namespace) -> None:
    """Raises: ValueError for an argument that cannot be used, and sets those that were left out."""
    for name in ("steps", "stories", "every", "micro_batches", "width", "layers", "corpus"):
        if (value := getattr(args, name)) < 1:
            raise ValueError(f"--{name.replace('_', '-')} {value} must be at least 1")
    if args.seed < 0:
        raise ValueError(f"--seed {args.seed} must be at least 0")
    if args.way not in loop.NAMES:
        raise ValueError(f"--way {args.way} is not one of {', '.join(loop.NAMES)}")
    kinds = loop.way_named(args.way).optimizers
    args.optimizer = args.optimizer or kinds[0]
    if args.optimizer not in kinds:
        raise ValueError(
            f"--optimizer {args.optimizer} does not go with --way {args.way}: choose "
            f"{' or '.join(kinds)}"
        )
    if args.corpus < args.stories:
        raise ValueError(f"--corpus {args.corpus} holds less than one batch of {args.stories}")
    args.checkpoints = args.checkpoints or cache_dir() / "train"
    if args.checkpoints.exists() and not args.checkpoints.is_dir():
        raise ValueError(f"--checkpoints {args.checkpoints} is a file: name a folder")


def train(args: argparse.Namespace, ranks: Ranks) -> None:
    """The run itself, on every rank; rank 0 prints."""
    language = Stories()
    sizes = dict(n_embd=args.width, n_layer=args.layers, mlp_from=min(1, args.layers - 1))
    config = Config(len(language.vocabulary), **sizes)
    model = Transformer(config, args.seed).to(ranks.place)
    n_weights = count_parameters(model)
    data = StoryData(language, args.corpus, args.stories, args.seed + 1)
    way, optimizers = loop.build(args.way, model, ranks, args.optimizer)
    names = ("steps", "stories", "seed", "optimizer", "corpus", "width", "layers")
    settings = {name: getattr(args, name) for name in names}
    path = args.checkpoints / "training.safetensors"
    if ranks.is_first:
        print(
            f"{n_weights:,} weights, {ranks.n} process{'es' * (ranks.n > 1)} on "
            f"{ranks.place.type}, way {args.way}, checkpoints in {args.checkpoints}",
            flush=True,
        )
    started, taken = time.perf_counter(), 0
    restart = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0))

    def on_step(done: int, losses: list[float]) -> None:
        nonlocal taken
        taken += 1
        if args.json:
            who = {"rank": ranks.rank, "pid": os.getpid(), "restart": restart}
            sys.stdout.write(json.dumps({"step": done} | who) + "\n")
            sys.stdout.flush()
        elif ranks.is_first and (done % args.every == 0 or done == args.steps):
            recent = losses[-20:]
            print(f"step {done}: {sum(recent) / len(recent):.3f} nats per word", flush=True)

    losses = loop.train(
        way, optimizers, data, args.steps, path, args.every, settings, on_step, args.micro_batches
    )
    weights = way.gather({name: w.detach() for name, w in way.trained.named_parameters()})
    if ranks.is_first:
        whole = Transformer(config)
        whole.load_state_dict(weights, strict=False)
        to = args.checkpoints / "model.safetensors"
        save_model(whole, to, settings)
        what = f"{taken} steps in {time.perf_counter() - started:.0f} s" if taken else "before"
        print(f"Trained to step {len(losses)} ({what}): {to}")
