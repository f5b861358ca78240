"""For the tests of the load generator: simulated time, and a small fake server.

Key idea: with a loop whose clock jumps to the next event, a server's delays are exact and cost no
time, so that latencies can be compared with what they must be.
"""

import asyncio
import contextlib
import json
import threading

import httpx


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop that does not wait: its clock jumps to when something happens next."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        select = self._selector.select

        def jump(timeout):
            if events := select(0):
                return events
            assert timeout is not None, "everything waits, and nothing will ever happen"
            self.now += timeout
            return []

        self._selector.select = jump

    def time(self):
        return self.now


def simulate(coroutine):
    """The result of a coroutine in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(coroutine)


def event(content):
    """One event as bytes; content is turned into JSON unless it is bytes."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return b"data: " + data + b"\n\n"


def chunk(text, reason=None):
    """A chunk of a streamed completion."""
    return event({"choices": [{"index": 0, "text": text, "finish_reason": reason}]})


def usage(n):
    """The chunk that closes a stream with usage."""
    return event({"choices": [], "usage": {"completion_tokens": n}})


DONE = event(b"[DONE]")


class Pieces(httpx.AsyncByteStream):
    """A body: bytes to send, seconds to wait, or an exception to raise, one after another."""

    def __init__(self, parts):
        self.parts = parts

    async def __aiter__(self):
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
            elif isinstance(part, Exception):
                raise part
            else:
                await asyncio.sleep(part)


def streamed(*parts):
    """A response that streams these parts."""
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Pieces(parts))


def words(n, first_s=0.0, gap_s=0.0):
    """A response of n tokens, the first after first_s, each other one gap_s later."""
    parts = [first_s]
    for i in range(n):
        parts += [gap_s if i else 0.0, chunk(f" word{i}")]
    return streamed(*parts, chunk("", "length"), usage(n), DONE)


@contextlib.contextmanager
def listening(answer):
    """A real server on this machine, in a thread; yields its address.

    answer(path): the bytes that it sends for a request, pieces of a response with its head.
    """
    loop, opened, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    port = []

    async def serve_one(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # the client has left
            return writer.close()
        for line in head.lower().splitlines():
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.split(b":")[1]))
        for piece in answer(head.split()[1].decode()):
            if isinstance(piece, bytes):
                writer.write(piece)
                await writer.drain()
            else:
                await asyncio.sleep(piece)
        return writer.close()

    async def serve():
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        opened.set()
        async with server:
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    opened.wait()
    try:
        yield f"127.0.0.1:{port[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
