"""One client of the load generator: sends a request, reads the stream, notes when each token came.

Key idea: a stream of events comes in pieces that the network cuts anywhere, in the middle of a line
or of a character. So bytes are collected until a line is complete, and the time of a token is that
of the piece with which its event was complete. A chunk counts as a token only if it holds text: the
first one of a chat holds the role, and the last one the reason why the text ended.
Chapter 09. Sources: HTML standard, section 9.2.6 (how to interpret an event stream);
platform.openai.com/docs/api-reference (streaming events).
"""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, field

import httpx

from grooves.inference.latency import Timing


@dataclass(frozen=True)
class PlannedRequest:
    """What will be asked, and when: due_s is in seconds from the beginning of the run."""

    due_s: float
    prompt: str
    max_tokens: int
    seed: int = 0


@dataclass
class Outcome:
    """What became of a request. It exists from the moment of sending, so none is ever lost.

    Times are in seconds from the beginning of the run. sent_s: when it was really sent.
    token_times_s: one for each chunk with text. n_usage: the server's own count, if it sent one.
    error: why there is no whole answer, in a few words; None for a whole one.
    """

    request: PlannedRequest
    sent_s: float
    token_times_s: list[float] = field(default_factory=list)
    end_s: float | None = None
    n_usage: int | None = None
    finish_reason: str | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the answer is whole."""
        return self.error is None and self.end_s is not None

    @property
    def late_s(self) -> float:
        """How much later than planned the generator sent the request."""
        return self.sent_s - self.request.due_s

    @property
    def timing(self) -> Timing | None:
        """Its times from the *planned* arrival on; None if no token came."""
        if not self.token_times_s:
            return None
        return Timing(self.request.due_s, tuple(self.token_times_s))

    @property
    def in_one_piece(self) -> bool:
        """Whether the text came all at once, so that its tokens have no times of their own."""
        return len(self.token_times_s) == 1

    @property
    def n_tokens(self) -> int:
        """Tokens of the answer: the server's count, or the chunks with text."""
        return len(self.token_times_s) if self.n_usage is None else self.n_usage


class EventReader:
    """Server-sent events from pieces of bytes that are cut anywhere."""

    def __init__(self):
        self.rest, self.data = b"", []

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of every event that this piece completes.

        Lines end in LF, CR or CR LF. A CR at the end of a piece may be half of a CR LF, so it is
        kept. Comments and fields other than `data` are skipped.
        """
        lines = (self.rest + piece).splitlines(keepends=True)
        self.rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        events = []
        for line in lines:
            line = line.rstrip(b"\r\n")
            if line.startswith(b"data:"):
                self.data.append(line[5:].removeprefix(b" "))
            elif not line and self.data:  # an empty line ends an event
                events.append(b"\n".join(self.data))
                self.data = []
        return events


class Connections(httpx.AsyncBaseTransport):
    """A connection for each request in flight, used again afterwards.

    httpx's own pool looks at all connections for every pair of idle ones, so that a thousand
    requests in flight would measure the pool. A limit on them would be a queue in front of the
    server, whose waiting time nobody would see.
    """

    def __init__(self):
        self.free: list[httpx.AsyncHTTPTransport] = []
        self.certificates = ssl.create_default_context()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over a free connection, or a new one."""
        if not self.free:
            self.free.append(httpx.AsyncHTTPTransport(verify=self.certificates))
        connection = self.free.pop()
        response = await connection.handle_async_request(request)
        response.stream = _Body(response.stream, lambda: self.free.append(connection))
        return response

    async def aclose(self) -> None:
        """Close the free connections; those in flight were closed with their requests."""
        for connection in self.free:
            await connection.aclose()


class _Body(httpx.AsyncByteStream):
    """A response's body that tells when it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, closed):
        self.stream, self.closed = stream, closed

    async def __aiter__(self):
        async for piece in self.stream:
            yield piece

    async def aclose(self) -> None:
        await self.stream.aclose()
        self.closed()


class Client:
    """Asks one server. chat: by /chat/completions. stream: token by token, or the whole answer.

    timeout_s: after which a request is given up, from its planned arrival on.
    """

    def __init__(self, http, url: str, model: str, chat=False, stream=True, timeout_s=60.0):
        self.http, self.model, self.chat, self.stream = http, model, chat, stream
        self.url = f"{url}/{'chat/' if chat else ''}completions"
        self.timeout_s = timeout_s

    def body(self, request: PlannedRequest) -> dict:
        """The request in the OpenAI protocol."""
        asked = {"prompt": request.prompt}
        if self.chat:
            asked = {"messages": [{"role": "user", "content": request.prompt}]}
        body = {"model": self.model, **asked, "max_tokens": request.max_tokens}
        body |= {"temperature": 1.0, "seed": request.seed, "stream": self.stream}
        return body | ({"stream_options": {"include_usage": True}} if self.stream else {})

    async def ask(self, outcome: Outcome, begin_s: float) -> None:
        """Send a request and fill in its outcome. begin_s: of the run, on the loop's clock.

        Raises: nothing but a cancellation, which is noted first.
        """
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(begin_s + outcome.request.due_s + self.timeout_s):
                body = self.body(outcome.request)
                async with self.http.stream("POST", self.url, json=body) as response:
                    if response.status_code != 200:
                        await response.aread()
                        outcome.error = refusal(response)
                    elif self.stream:
                        await self._read_stream(response, outcome, clock, begin_s)
                    else:
                        self._take(json.loads(await response.aread()), outcome, clock() - begin_s)
        except (TimeoutError, httpx.TimeoutException):
            outcome.error = "timed out"
        except httpx.ConnectError:
            outcome.error = "could not connect"
        except (httpx.TransportError, OSError):
            outcome.error = "disconnected"
        except (ValueError, AttributeError, KeyError, TypeError, IndexError):
            outcome.error = "answer not in the protocol's format"
        except asyncio.CancelledError:
            outcome.error = "interrupted"
            raise
        finally:
            outcome.end_s = clock() - begin_s

    async def _read_stream(self, response, outcome: Outcome, clock, begin_s: float) -> None:
        reader, done = EventReader(), False
        if "event-stream" not in response.headers.get("content-type", ""):
            outcome.error = "answered without a stream of events"
            return
        async for piece in response.aiter_bytes():
            now_s = clock() - begin_s  # before parsing, which takes time too
            for data in reader.feed(piece):
                if data == b"[DONE]":
                    done = True
                else:
                    self._take(json.loads(data.decode()), outcome, now_s)
        if not done and outcome.error is None:
            outcome.error = "stream ended without [DONE]"

    def _take(self, message: dict, outcome: Outcome, now_s: float) -> None:
        """One event of a stream, or a whole answer."""
        if error := message.get("error"):
            outcome.error = f"error in the answer: {error.get('message', error)}"
            return
        if message.get("usage"):
            outcome.n_usage = message["usage"]["completion_tokens"]
        for choice in message["choices"]:
            said = choice.get("delta") or choice.get("message") or {}
            if said.get("content") or choice.get("text"):
                outcome.token_times_s.append(now_s)
            outcome.finish_reason = choice.get("finish_reason") or outcome.finish_reason


def refusal(response: httpx.Response) -> str:
    """Status and message of a refusal, in a few words."""
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = response.reason_phrase or "no reason given"
    return f"{response.status_code}: {message}"
