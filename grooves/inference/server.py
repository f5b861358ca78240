"""`grooves serve`: an HTTP server that speaks the OpenAI protocol, for one story model.

    grooves serve                                       # the base model, at 127.0.0.1:8001
    grooves serve --model mine.safetensors --port 8002  # weights that `save_model` wrote
    grooves serve --step-ms 150                         # slow enough to see the words arrive

Key idea: a server is a few small things behind each other, each of which can be read alone.
`protocol` refuses what is wrong with a request. `answers` writes what the client gets. `supervisor`
decides who is served and starts the `worker`, a process of its own in which `engine` computes one
step after another. `endpoints` connects all of it with HTTP. This module is the command.
Chapter 09. Source: platform.openai.com/docs/api-reference.

GET /v1/models, POST /v1/completions, POST /v1/chat/completions, POST /v1/feedback, GET /health,
GET /metrics. There is no authentication: anyone who can reach the address can use the model.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys

import uvicorn

from grooves.inference.endpoints import App
from grooves.inference.feedback_log import FeedbackLog
from grooves.inference.metrics import Metrics
from grooves.inference.supervisor import Supervisor
from grooves.inference.worker import Info
from grooves.language.stories import vocabulary
from grooves.language.tokenizers import WordTokenizer

GRACE_S = 30  # for answers in flight when the server is stopped


class QuietServer(uvicorn.Server):
    """uvicorn, except that a signal ends it with exit status 0, once the answers are finished.

    ready: called when a signal would be heeded; the address may be printed from then on.
    """

    def __init__(self, config: uvicorn.Config, ready):
        super().__init__(config)
        self.ready = ready

    @contextlib.contextmanager
    def capture_signals(self):
        """Let both signals stop the server in order; a second Ctrl-C stops it at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        self.ready()
        yield


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `grooves serve`."""
    parser.add_argument(
        "--model", metavar="FILE", help="weights of save_model (default: base model)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: this machine only)")
    parser.add_argument(
        "--port", type=int, default=8001, help="port (default: 8001; 0: any free one)"
    )
    parser.add_argument("--queue", type=int, default=32, help="texts that may wait (default: 32)")
    parser.add_argument(
        "--max-running", type=int, default=16, help="texts in a batch (default: 16)"
    )
    parser.add_argument(
        "--step-ms",
        type=float,
        default=0.0,
        metavar="MS",
        help="let a step take at least so long, as with a larger model (default: 0)",
    )
    parser.add_argument("--feedback", metavar="FILE", help="append POST /v1/feedback to this file")


def main(args: argparse.Namespace) -> int:
    """Serve until a signal comes.

    Raises: ValueError where an argument is wrong, OSError where the port is taken.
    """
    for name in ("queue", "max_running"):
        if (value := getattr(args, name)) < 1:
            raise ValueError(f"--{name.replace('_', '-')} is {value}: it must be at least 1")
    if not 0 <= args.step_ms <= 10_000:
        raise ValueError(f"--step-ms is {args.step_ms:g}: it must be from 0 to 10000")
    if not 0 <= args.port < 65_536:
        raise ValueError(f"--port is {args.port}: it must be from 0 (any free one) to 65535")
    return asyncio.run(serve(args))


async def serve(args: argparse.Namespace) -> int:
    """Start worker and server, say so, and stay until both have ended."""
    listener = listen(args.host, args.port)
    tokenizer = WordTokenizer(vocabulary())
    feedback = FeedbackLog(args.feedback, tokenizer) if args.feedback else None
    metrics = Metrics()
    step_s = args.step_ms / 1000
    supervisor = Supervisor(args.model, args.max_running, args.queue, metrics, tell, step_s)
    try:
        await supervisor.start()
        app = App(supervisor, metrics, tokenizer, feedback).starlette()
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        text = greeting(listener, supervisor.info)
        server = QuietServer(config, ready=lambda: print(text, flush=True))
        await server.serve(sockets=[listener])
    finally:
        listener.close()
        await supervisor.stop()
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises: OSError with one sentence where that is not possible."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as stack:
            # asyncio sends small packets at once (TCP_NODELAY) only where the protocol is named;
            # otherwise a client's delayed acknowledgement holds back each answer for 40 ms.
            listener = stack.enter_context(socket.socket(family, kind, socket.IPPROTO_TCP))
            if os.name == "posix":  # elsewhere this would allow two servers at one port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
            stack.pop_all()  # nothing went wrong: it stays open
        return listener
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number and number > 0 else error  # below 0: no such host
        raise OSError(
            f"cannot serve at {host}:{port} ({why}): stop what uses it, or add --port 8002"
        ) from None


def greeting(listener: socket.socket, info: Info) -> str:
    """Where the server is, what it serves, how to try it, and how to stop it."""
    host, port = listener.getsockname()[:2]
    url = f"http://{host}:{port}/v1"
    body = json.dumps({"prompt": "Once upon a time", "stream": True})
    return (
        f"Serving the model {info.name!r} at {url} (stop with Ctrl-C). Try:\n"
        f"  curl -N {url}/completions -d '{body}'"
    )


def tell(sentence: str) -> None:
    """A message for the person who runs the server."""
    print(f"grooves serve: {sentence}.", file=sys.stderr, flush=True)
