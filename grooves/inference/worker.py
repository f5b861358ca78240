"""The worker: the process that has the model and computes one step after another.

Key idea: HTTP and the model run in processes of their own, because two threads of one Python
process would take turns (the GIL). They exchange messages over a socket. The worker reads what has
come, plans a step, computes it and sends the words of all texts as one message, because a message
costs the same for one word as for sixteen.
Chapter 09. Source: vLLM's separation of API server and engine core, blog.vllm.ai, 2025-01-27.

Messages to the worker: ("add", [Job, ...]), ("cancel", [name, ...]), ("load", path). From it:
("ready", Info), ("broken", sentence), ("refused", name, sentence) and
("words", names, tokens, chances, State). A closed socket ends the worker.
"""

from __future__ import annotations

import json
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from select import select
from time import perf_counter, sleep
from typing import NamedTuple


class Job(NamedTuple):
    """One text to be written.

    prompt: its tokens, with the mark at the beginning. written: tokens that another worker wrote
    before it was lost. seed: of this text's own generator. n_top: as in `protocol.Ask`.
    """

    name: int
    prompt: list[int]
    written: list[int]
    max_new: int
    temperature: float
    top_p: float
    seed: str
    n_top: int | None


class Info(NamedTuple):
    """What the server tells about a model. weights: their `feedback_file.weights_hash`."""

    path: str
    name: str
    weights: str
    context: int


class State(NamedTuple):
    """How full the worker is. weights: those that computed this step; blocks count KV memory."""

    weights: str
    running: int
    waiting: int
    blocks_used: int
    blocks_total: int


class Channel:
    """Messages over a socket: four bytes of length, then JSON, which can hold nothing but data."""

    def __init__(self, connection: socket.socket):
        self.connection, self.buffer = connection, bytearray()

    @staticmethod
    def pack(message: tuple) -> bytes:
        """A message as bytes."""
        data = json.dumps(message, separators=(",", ":")).encode()
        return struct.pack("!I", len(data)) + data

    @staticmethod
    def unpack(data: bytes) -> tuple:
        """The message in these bytes, without its length, as it was before `pack`."""
        kind, *content = json.loads(data)
        if kind == "add":
            content = [[Job(*job) for job in content[0]]]
        elif kind == "ready":
            content = [Info(*content[0])]
        elif kind == "words":
            names, tokens, chances, state = content
            content = names, tokens, {int(name): c for name, c in chances.items()}, State(*state)
        return kind, *content

    def send(self, message: tuple) -> None:
        """Send a message, and wait while the other side does not read."""
        self.connection.sendall(self.pack(message))

    def receive(self, wait: bool) -> list:
        """The messages that have come; waits for the first one only where `wait`.

        Raises: EOFError where the other side is gone.
        """
        while wait or select([self.connection], [], [], 0)[0]:
            data = self.connection.recv(1 << 16)
            if not data:
                raise EOFError("the server has ended")
            self.buffer += data
            if messages := list(self._whole()):
                return messages
        return []

    def _whole(self) -> Iterator:
        """The complete messages in the buffer, one after the other."""
        while len(self.buffer) >= 4:
            end = 4 + struct.unpack_from("!I", self.buffer)[0]
            if len(self.buffer) < end:
                return
            yield self.unpack(self.buffer[4:end])
            del self.buffer[:end]


class Worker:
    """Reads messages and computes steps. Of two engines the older one finishes what it has.

    open_engine: makes a `grooves.inference.engine.Engine` of the file at a path. step_s: seconds
    that a step takes at least, as those of a larger model would.
    """

    def __init__(
        self, channel: Channel, path: str | None, open_engine: Callable, step_s: float = 0.0
    ):
        self.channel, self.open_engine, self.engines = channel, open_engine, deque()
        self.step_s = step_s
        self.load(path)

    def load(self, path: str | None) -> None:
        """Take the weights of a file for all jobs from now on; where it is broken, keep the old."""
        try:
            self.engines.append(self.open_engine(path))
            self.channel.send(("ready", self.engines[-1].info))
        except (OSError, ValueError) as error:
            self.channel.send(("broken", str(error)))

    def turn(self) -> None:
        """Read what has come, then compute one step. Raises: EOFError where the server is gone."""
        idle = not self.engines or self.engines[0].idle
        changed = False
        for kind, content in self.channel.receive(wait=idle):
            changed |= kind == "cancel"
            getattr(self, kind)(content)
        while len(self.engines) > 1 and self.engines[0].idle:
            self.engines.popleft()
        if not self.engines:
            return
        words = [], [], {}
        if not self.engines[0].idle:
            end_s = perf_counter() + self.step_s
            words = self.engines[0].step()
            sleep(max(0.0, end_s - perf_counter()))
        if words[0] or changed:
            self.channel.send(("words", *words, self.engines[0].state))

    def add(self, jobs: list[Job]) -> None:
        """Put jobs into the queue of the newest weights."""
        for job in jobs:
            try:
                self.engines[-1].add(job)
            except ValueError as error:
                self.channel.send(("refused", job.name, str(error)))

    def cancel(self, names: list[int]) -> None:
        """Forget jobs whose client has left, or that a stop string ended."""
        for engine in self.engines:
            for name in names:
                engine.cancel(name)


def run(connection: socket.socket, path: str | None, max_running: int, step_s: float) -> None:
    """The worker's process, until the server closes the connection."""
    for number in (signal.SIGINT, signal.SIGTERM):  # of a terminal or service, for all processes
        signal.signal(number, signal.SIG_IGN)  # the server finishes its answers, then ends this one
    from grooves.inference.engine import Engine  # PyTorch, which the server does without

    try:
        channel = Channel(connection)
        worker = Worker(channel, path, lambda path: Engine(path, max_running), step_s)
        while worker.engines:
            worker.turn()
    except (EOFError, ConnectionError):
        return
