"""A model at work for many requests: each with its own sampler settings and random numbers.

Key idea: one forward pass serves all texts, and only the draw differs between them. So a step reads
the tokens of all texts at once, and then draws for each group of texts with equal settings. The
random numbers of a text depend on its seed alone and not on who else is served, so an answer can be
repeated, and continued by another worker where the first one was lost.
Chapter 09. Source: Yu et al. 2022 (Orca), OSDI 22, section 3.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from grooves.inference.feedback_file import weights_hash
from grooves.inference.paged_decoder import PagedDecoder
from grooves.inference.sampling import Sampler, draw_each
from grooves.inference.scheduler import Request, Scheduler
from grooves.inference.worker import Info, Job, State
from grooves.language.stories import vocabulary
from grooves.training.checkpoint import CheckpointError, load_model
from grooves.training.lineage import BASE_STEPS, weights_path

BLOCK = 16  # tokens per block of the KV cache
TOKEN_BUDGET = 256  # tokens per step at most: long prompts are read in chunks


class Engine:
    """One model with its paged cache, its scheduler, and the jobs that it has to do.

    Raises: ValueError where the file holds no usable model of the course's vocabulary.
    """

    def __init__(self, path: str | None, max_running: int):
        path = Path(path or weights_path(BASE_STEPS))
        torch.set_num_threads(1)  # the other cores are for HTTP and for the clients
        try:
            model = load_model(path).eval()
        except CheckpointError as error:
            without = "no usable config" in str(error)  # such as a checkpoint of `train`
            remedy = "; save_model(model, path) writes what the server reads" if without else ""
            raise ValueError(f"{error}{remedy}") from None
        config = model.config
        if config.vocabulary_size != len(vocabulary()):
            raise ValueError(
                f"{path} has a vocabulary of {config.vocabulary_size} tokens, and *Stories* has "
                f"{len(vocabulary())} words: the server needs a model that was trained on them"
            )
        if not all(weight.isfinite().all() for weight in model.parameters()):
            raise ValueError(f"{path} holds weights that are not finite: train it again")
        self.info = Info(str(path), path.stem, weights_hash(model), config.context)
        n_blocks = 2 * max_running * -(-config.context // BLOCK)  # half of them for shared prompts
        self.cache = PagedDecoder(model, n_blocks, BLOCK)
        budget = max(TOKEN_BUDGET, max_running)
        self.scheduler = Scheduler(self.cache.tables, max_running, budget)
        self.jobs: dict[int, Job] = {}
        self.generators: dict[int, Random] = {}

    def add(self, job: Job) -> None:
        """Put a job into the queue. Raises: ValueError where it does not fit into the context."""
        if len(job.prompt) + job.max_new - 1 > self.info.context:
            raise ValueError(
                f"the model was replaced by one that reads {self.info.context} tokens, too few "
                "for this request: send it again"
            )
        request = Request(job.name, 0.0, job.prompt, job.max_new, list(job.written))
        self.scheduler.add(request)
        self.jobs[job.name], self.generators[job.name] = job, Random(job.seed)
        for _ in job.written:
            self.generators[job.name].random()  # one number per word: go on where it stopped

    def cancel(self, name: int) -> None:
        """Forget a job, if it is here. Never within a step."""
        self.scheduler.cancel(name)
        self._forget(name)

    def _forget(self, name: int) -> None:
        self.jobs.pop(name, None)
        self.generators.pop(name, None)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to compute."""
        return not self.scheduler.n_in_system

    def step(self) -> tuple[list[int], list[int], dict]:
        """One forward pass: who wrote a word, which one, and the log-probabilities asked for."""
        step = self.scheduler.plan()
        logits = self.cache.next_logits(step.new, step.drawing).cpu()  # (n, V)
        drawn, chances = self._draw(step.drawing, logits)
        for request in self.scheduler.record(step, drawn, 0.0):
            self._forget(request.name)
        return list(drawn), list(drawn.values()), chances

    def _draw(self, names: list[int], logits: Tensor) -> tuple[dict[int, int], dict[int, tuple]]:
        """One word for each text, all those with equal settings in one go."""
        groups = defaultdict(list)
        for row, name in enumerate(names):
            job = self.jobs[name]
            groups[job.temperature, job.top_p].append(row)
        drawn, chances = {}, {}
        for settings, rows in groups.items():
            group = [names[row] for row in rows]
            table = logits if len(rows) == len(names) else logits[rows]  # (n, V)
            words = draw_each(sampler(*settings), table, [self.generators[n] for n in group])
            drawn |= zip(group, words, strict=True)
            for name, word, row in zip(group, words, rows, strict=True):
                if (n_top := self.jobs[name].n_top) is not None:
                    chances[name] = _chances(logits[row].double(), word, n_top)
        return drawn, chances

    @property
    def state(self) -> State:
        """How full it is."""
        pool = self.scheduler.tables.pool
        counts = len(self.scheduler.running), len(self.scheduler.waiting)
        return State(self.info.weights, *counts, pool.n_used, pool.n_blocks)


@lru_cache(maxsize=64)
def sampler(temperature: float, top_p: float) -> Sampler:
    """The sampler with these settings."""
    return Sampler(temperature=temperature, top_p=top_p)


def _chances(logits: Tensor, word: int, n_top: int) -> tuple[float, list[tuple[int, float]]]:
    """The model's own log-probability of a word, and of the likeliest ones: logits (V,)."""
    log_p = logits.log_softmax(-1)
    best = log_p.topk(n_top)
    top = list(zip(best.indices.tolist(), best.values.tolist(), strict=True))
    return float(log_p[word]), top
