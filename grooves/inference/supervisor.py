"""The server's side of the worker: who is served, and what happens when the worker or model goes.

Key idea: the server keeps everything that is needed to go on (prompt, words so far, seed), and the
worker only what can be computed anew. So a worker that is lost costs its clients a delay: another
one reads prompt and words, and goes on. New weights are loaded beside the old ones, which finish
the texts that they have begun. A queue that is full refuses at once, because a client that is told
so can decide what to do, and one that waits for ever cannot.
Chapter 09.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import struct
import time
from itertools import count
from random import SystemRandom

from grooves.inference import worker
from grooves.inference.answers import Answer, Text
from grooves.inference.metrics import Metrics
from grooves.inference.worker import Channel, Info, Job, State

MOST_RESTARTS = 2  # of the worker within one text; then the text itself may be the cause
POLL_S = 0.25  # how often the model's file is looked at
RETRY_S = 1.0  # until the next try where a worker could not start


class Busy(RuntimeError):
    """The queue is full."""


class Supervisor:
    """Starts the worker, gives it texts, and hands its words to the answers.

    path: of the model's file; None for the base model. queue: texts that may wait at most beside
    the `max_running` that are written. tell: prints a sentence for the person who runs the server.
    step_s: as in `Worker`.
    """

    def __init__(
        self, path: str | None, max_running: int, queue: int, metrics: Metrics, tell, step_s=0.0
    ):
        self.path, self.max_running, self.queue = path, max_running, queue
        self.metrics, self.tell, self.step_s = metrics, tell, step_s
        self.info: Info | None = None  # of the newest weights
        self.live: dict[int, Text] = {}
        self.names = count()
        self.process = self.writer = None
        self.ready, self.trouble = False, "it stopped before it was ready"
        self.state: State | None = None
        self.tasks: list[asyncio.Task] = []
        self.random = SystemRandom()

    # ---- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the first worker. Raises: ValueError where the model cannot be loaded."""
        reader = await self._open()
        try:
            kind, content = await self._receive(reader)
        except EOFError:
            kind, content = "broken", "the worker's process could not be started: see above"
        if kind == "broken":
            raise ValueError(content)
        self._take_ready(content)
        self.tasks = [asyncio.create_task(self._keep(reader)), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        """End the worker, whatever it does."""
        for task in self.tasks:
            task.cancel()
        if self.writer is not None:
            self._close()

    async def _open(self) -> asyncio.StreamReader:
        """Start a process that is connected with this one."""
        ours, theirs = socket.socketpair()
        context = multiprocessing.get_context("spawn")  # a clean process, without our threads
        arguments = theirs, self.path, self.max_running, self.step_s
        self.process = context.Process(target=worker.run, args=arguments, daemon=True)
        self.process.start()
        theirs.close()
        reader, self.writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        return reader

    def _close(self) -> None:
        """End a worker that may have ended already; its blocks are gone with it."""
        self.ready = False
        if self.state is not None:
            self._show(State(self.state.weights, 0, len(self.live), 0, self.state.blocks_total))
        self.writer.close()
        self.process.kill()
        self.process.join()

    @staticmethod
    async def _receive(reader: asyncio.StreamReader) -> tuple:
        """The next message. Raises: EOFError where the worker is gone."""
        try:
            (size,) = struct.unpack("!I", await reader.readexactly(4))
            return Channel.unpack(await reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EOFError("the worker is gone") from error

    async def _keep(self, reader: asyncio.StreamReader) -> None:
        """Read what workers send, and start another one whenever one is lost."""
        while True:
            try:
                while True:
                    kind, *content = await self._receive(reader)
                    getattr(self, f"_take_{kind}")(*content)
            except Exception as error:  # nothing may end this loop
                self.tell(f"the worker was lost ({error or type(error).__name__})")
            was_ready = self.ready
            self._close()
            self.metrics.restarts.inc()
            if was_ready:
                self._count_restart()
            else:
                self._give_up()
                await asyncio.sleep(RETRY_S)
            while True:
                try:
                    reader = await self._open()
                    break
                except OSError as error:
                    self.trouble = str(error)
                    self._give_up()
                    await asyncio.sleep(RETRY_S)

    def _give_up(self) -> None:
        """Tell all clients that no worker can be started."""
        for text in list(self.live.values()):
            self.fail(text.answer, f"no worker can be started: {self.trouble}")

    def _count_restart(self) -> None:
        """Give up texts that have been there too often when a worker was lost."""
        for text in list(self.live.values()):
            text.n_restarts += 1
            if text.n_restarts > MOST_RESTARTS:
                self.fail(text.answer, "the worker stopped again and again during this request")

    async def _watch(self) -> None:
        """Load the model's file whenever it was replaced, once it does not change any more."""
        loaded = before = self._signature()
        while True:
            await asyncio.sleep(POLL_S)
            now = self._signature()
            if now == before and now not in (loaded, None) and self.ready:
                loaded = now
                self._send(("load", self.info.path))
            before = now

    def _signature(self) -> tuple | None:
        """What changes if the file does; None where there is none."""
        try:
            found = os.stat(self.info.path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    # ---- messages to the worker ----------------------------------------------------------------

    def _send(self, message: tuple) -> None:
        if self.writer is not None and not self.writer.is_closing():
            self.writer.write(Channel.pack(message))

    def submit(self, answer: Answer) -> None:
        """Put an answer's texts into the queue. Raises: Busy where it is full."""
        if len(self.live) >= self.max_running + self.queue:
            raise Busy(f"{self.queue} requests are waiting already: try again in a second")
        ask = answer.ask
        seed = ask.seed if ask.seed is not None else self.random.getrandbits(64)
        for text in answer.texts:
            text.name, text.seed = next(self.names), f"{seed} {text.index}"
            self.live[text.name] = text
        if self.ready:
            self._send(("add", [self._job(text) for text in answer.texts]))

    def _job(self, text: Text) -> Job:
        ask = text.answer.ask
        settings = ask.max_tokens, ask.temperature, ask.top_p, text.seed, ask.n_top
        return Job(text.name, [0, *text.prompt], list(text.tokens), *settings)

    def forget(self, answer: Answer) -> None:
        """Take an answer's texts from the worker, if any of them still runs."""
        names = [text.name for text in answer.texts if self.live.pop(text.name, None)]
        if names and self.ready:
            self._send(("cancel", names))

    def fail(self, answer: Answer, sentence: str) -> None:
        """Tell a client that its answer cannot be finished."""
        answer.error = sentence
        self.forget(answer)
        answer.wake()

    # ---- messages from the worker ----------------------------------------------------------------

    def _take_ready(self, info: Info) -> None:
        """A worker has started, or has loaded new weights."""
        if self.ready:
            self.metrics.loads.labels("taken").inc()
            self.tell(f"{info.path} was replaced: new requests get its weights, {info.weights}")
            self.info = info
            return
        self.info, self.ready = info, True
        for text in list(self.live.values()):
            if text.answer.weights not in (None, info.weights):
                self.fail(text.answer, "the model was replaced and the worker lost: send it again")
        if self.live:
            self._send(("add", [self._job(text) for text in self.live.values()]))

    def _take_broken(self, sentence: str) -> None:
        """A file could not be loaded."""
        self.metrics.loads.labels("refused").inc()
        if self.ready:
            self.tell(f"{sentence}. The server keeps the weights that it has")
            return
        self.trouble = sentence
        self.tell(f"{sentence}. Trying again every {RETRY_S:g} s")

    def _take_refused(self, name: int, sentence: str) -> None:
        """A text does not fit the weights that were loaded meanwhile."""
        if name in self.live:
            self.fail(self.live[name].answer, sentence)

    def _take_words(self, names: list, tokens: list, chances: dict, state: State) -> None:
        """The words of one step, for all texts that wrote one."""
        touched = {}
        self.metrics.steps.inc(bool(names))
        for name, token in zip(names, tokens, strict=True):
            if (text := self.live.get(name)) is None:
                continue  # cancelled, but the step was on its way
            answer = text.answer
            if answer.weights is None:
                answer.begin(state.weights)
                self.metrics.first_token.observe(time.perf_counter() - answer.start_s)
            text.take(token, chances.get(name))
            touched[id(answer)] = answer
            if text.finish_reason is not None:
                del self.live[name]
                if token and len(text.tokens) < answer.ask.max_tokens:  # by a stop string
                    self._send(("cancel", [name]))
        for answer in touched.values():
            if answer.ask.stream or answer.finished:
                answer.wake()
        self._show(state)

    def _show(self, state: State) -> None:
        """Let /health and /metrics show how full the worker is."""
        self.state, metrics = state, self.metrics
        metrics.running.set(state.running)
        metrics.waiting.set(state.waiting)
        metrics.blocks_used.set(state.blocks_used)
        metrics.blocks.set(state.blocks_total)
