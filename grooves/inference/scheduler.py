"""Static and continuous batching: which texts compute which tokens in the next step.

Key idea: a server runs one forward pass after another, and between two of them it can change the
batch. Continuous batching admits a waiting request as soon as another one has finished; static
batching waits until the whole batch has. With a token budget per step, long prompts are read in
chunks beside the words of others (chunked prefill), so that nobody waits for a long prompt.
Chapter 09. Sources: Yu et al. 2022 (Orca), OSDI 22 (continuous batching, "iteration-level
scheduling"); Agrawal et al. 2024 (Sarathi-Serve), arXiv:2403.02310 (chunked prefill); Kwon et al.
2023 (vLLM), arXiv:2309.06180, section 4.5 (preemption by recomputation).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from grooves.inference.paging import BlockTables

END = 0  # token of the end mark


@dataclass(eq=False)
class Request:
    """A prompt to be continued, and what has become of it.

    arrival_s: when it arrives, in seconds. prompt: its tokens, at least one. max_new: tokens to be
    written at most. written: the tokens so far. token_times_s: when each was written.
    n_preempted: how often it lost its blocks.
    """

    name: object
    arrival_s: float
    prompt: list[int]
    max_new: int
    written: list[int] = field(default_factory=list)
    token_times_s: list[float] = field(default_factory=list)
    n_preempted: int = 0

    @property
    def tokens(self) -> list[int]:
        """The prompt and what was written."""
        return self.prompt + self.written

    @property
    def finished(self) -> bool:
        """Whether it has ended, by the end mark or by its length."""
        return len(self.written) >= self.max_new or self.written[-1:] == [END]


@dataclass(frozen=True)
class Step:
    """One forward pass.

    new: the tokens that each text reads, by the request's name. drawing: the names of those for
    which the next token is drawn after it; the others have more of their prompt to read.
    n_padding: slots of a static batch whose text has ended and which are computed all the same.
    """

    new: dict[object, list[int]]
    drawing: list
    n_padding: int = 0

    @property
    def n_tokens(self) -> int:
        """Tokens that the forward pass computes, padding included."""
        return sum(map(len, self.new.values())) + self.n_padding


class Scheduler:
    """Decides for every step who takes part, given slots, a token budget and blocks.

    tables: the block tables in which the texts are kept. max_running: texts in a batch at most.
    token_budget: tokens per step at most, which divides long prompts into chunks; None reads whole
    prompts at once. static: admit a new batch only after the whole batch has finished.
    Raises: ValueError where the token budget could not serve max_running texts.
    """

    def __init__(
        self,
        tables: BlockTables,
        max_running: int = 16,
        token_budget: int | None = None,
        static: bool = False,
    ):
        if max_running < 1 or (token_budget is not None and token_budget < max_running):
            raise ValueError(f"{max_running=} must be at least 1 and at most {token_budget=}")
        self.tables, self.max_running, self.static = tables, max_running, static
        self.token_budget = token_budget
        self.waiting: deque[Request] = deque()
        self.running: list[Request] = []  # in the order of admission
        self.width = 0  # texts with which the static batch began

    def add(self, request: Request) -> None:
        """Put a request at the end of the queue.

        Raises: ValueError where it could not be served even alone: it would wait for ever.
        """
        pool, longest = self.tables.pool, len(request.prompt) + request.max_new
        if not request.prompt or request.max_new < 1:
            raise ValueError(f"request {request.name!r} needs a prompt and max_new of at least 1")
        if longest > pool.n_blocks * pool.block_size:
            raise ValueError(
                f"request {request.name!r} may grow to {longest} tokens, but all blocks "
                f"together hold {pool.n_blocks * pool.block_size}"
            )
        self.waiting.append(request)

    def cancel(self, name) -> bool:
        """Forget a request and free its blocks; whether it was still here.

        Not between `plan` and `record`: the step would compute a text that is gone.
        """
        for queue in (self.waiting, self.running):
            for request in queue:
                if request.name == name:
                    queue.remove(request)
                    if queue is self.running:
                        self.tables.close(name)
                    return True
        return False

    @property
    def n_in_system(self) -> int:
        """Requests that wait or run."""
        return len(self.waiting) + len(self.running)

    def plan(self) -> Step:
        """The next step; its `new` is empty where nothing waits.

        Texts that write a word each come first, then prompts that have been begun, then new ones.
        """
        draft = _Draft(self.token_budget or math.inf, len(self.tables.pool.free))
        n_running = len(self.running)
        for request in sorted(self.running, key=lambda r: self._n_unread(r) > 1):
            if request.name in self.tables.blocks:  # else preempted for one before it
                self._give(request, draft)
        if len(self.running) == n_running:  # who had to be preempted must not be followed by others
            self._admit(draft)
        padding = self.width - len(self.running) if self.static and self.running else 0
        return Step(draft.new, list(draft.drawing), padding)

    def record(self, step: Step, drawn: dict[object, int], now_s: float) -> list[Request]:
        """Append the drawn tokens, one for each name in `step.drawing`; returns who has finished.

        now_s: when the step ended. Blocks of finished texts are free from now on.
        """
        finished = []
        for request in self.running:
            if (word := drawn.get(request.name)) is not None:
                request.written.append(word)
                request.token_times_s.append(now_s)
                if request.finished:
                    self.tables.close(request.name)
                    finished.append(request)
        if finished:
            self.running = [request for request in self.running if request not in finished]
        return finished

    def _n_unread(self, request: Request) -> int:
        """How many tokens are not in memory yet; 1 for a text that writes a word per step."""
        total = len(request.prompt) + len(request.written)
        return total - len(self.tables.tokens[request.name])

    def _give(self, request: Request, draft: _Draft) -> None:
        """Let a running text read what the budget allows; the youngest texts make room for it."""
        unread = self._n_unread(request)
        if (n := min(unread, draft.budget)) == 0:
            return
        needed = self.tables.n_needed(request.name, n)
        while needed > draft.free:
            youngest = self.running[-1]
            self._preempt(youngest, draft)
            if youngest is request:
                return
        if request.written and unread == 1:
            tokens = request.written[-1:]  # the usual case, without joining prompt and words
        else:
            start = len(self.tables.tokens[request.name])
            tokens = request.tokens[start : start + n]
        draft.add(request.name, tokens, needed, drawing=n == unread)

    def _preempt(self, request: Request, draft: _Draft) -> None:
        """Take a text's blocks; it goes to the front of the queue and is computed anew later."""
        self.running.remove(request)
        self.waiting.appendleft(request)
        self.tables.close(request.name)
        draft.remove(request.name)
        draft.free = len(self.tables.pool.free) - sum(draft.needs.values())
        request.n_preempted += 1

    def _admit(self, draft: _Draft) -> None:
        """Admit waiting requests, first come first served, while slots, budget and blocks last."""
        if self.static and self.running:
            return
        while self.waiting and len(self.running) < self.max_running and draft.budget > 0:
            request = self.waiting[0]
            free = len(self.tables.pool.free)
            self.tables.open(request.name, request.tokens)
            reused = free - len(self.tables.pool.free)
            if self.tables.n_needed(request.name, self._n_unread(request)) > draft.free - reused:
                self.tables.close(request.name)
                break
            draft.free -= reused  # shared blocks that nobody used were free
            self.running.append(self.waiting.popleft())
            self._give(request, draft)
        self.width = len(self.running)


@dataclass
class _Draft:
    """A step that is being planned: tokens and free blocks that are left, and who gets what.

    needs: blocks that each text will take. drawing: names, in the order of `new`.
    """

    budget: float
    free: int
    new: dict[object, list[int]] = field(default_factory=dict)
    needs: dict[object, int] = field(default_factory=dict)
    drawing: dict[object, None] = field(default_factory=dict)

    def add(self, name, tokens: list[int], needed: int, drawing: bool) -> None:
        """Let a text read tokens for which it needs so many blocks."""
        self.new[name], self.needs[name] = tokens, needed
        self.budget -= len(tokens)
        self.free -= needed
        if drawing:
            self.drawing[name] = None

    def remove(self, name) -> None:
        """Let a text read nothing, which may have been added before."""
        self.budget += len(self.new.pop(name, ()))
        self.needs.pop(name, None)
        self.drawing.pop(name, None)
