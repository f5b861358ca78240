"""The server's endpoints: HTTP on one side, answers that grow word by word on the other.

Key idea: one handler per request waits for words and sends whatever is there. So a client that
reads slowly gets several events at once and delays nobody, and one that leaves is noticed at once,
which frees its place in the batch. A server-sent event is a line "data: ..." and an empty line.
Chapter 09. Sources: platform.openai.com/docs/api-reference; the HTML standard, section 9.2
(server-sent events); RFC 6585, section 4 (429 Too Many Requests).
"""

from __future__ import annotations

import asyncio
import json
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from grooves.inference.answers import Answer, Spelling
from grooves.inference.metrics import TYPE, Metrics
from grooves.inference.protocol import LONGEST_WORD, parse_json, read_request
from grooves.inference.request_fields import BadRequest, error_body
from grooves.inference.supervisor import Busy, Supervisor

MOST_BYTES = 256 * 1024  # of a request's body
POSTED = "/v1/completions", "/v1/chat/completions", "/v1/feedback"
GOTTEN = "/v1/models", "/health", "/metrics"
RETRY_AFTER_S = 1  # a story of the base model takes less


class Reply:
    """An answer as an ASGI response: whole, or as a stream of events."""

    def __init__(self, answer: Answer, app: App):
        self.answer, self.app = answer, app

    async def __call__(self, scope, receive, send) -> None:
        """Wait for words and send them, until the answer has ended or the client is gone."""
        departure = asyncio.create_task(self._notice_departure(receive))
        answer = self.answer
        try:
            while not answer.finished and not answer.out:
                await answer.changed()
            if answer.gone:
                self.app.metrics.abandoned.inc()
            elif answer.error and not answer.out:
                body = error_body(answer.error, "server_error")
                await self.app.json(body, 503)(scope, receive, send)
            elif answer.ask.stream:
                await self._stream(send)
            else:
                await self.app.json(answer.whole(), 200)(scope, receive, send)
        finally:
            departure.cancel()
            self.app.supervisor.forget(answer)
            self.app.count(answer)

    async def _notice_departure(self, receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.answer.gone = True
        self.answer.wake()

    async def _stream(self, send) -> None:
        """Send the events that are ready, all of them at once, whenever there are any."""
        answer = self.answer
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        headers.append((b"cache-control", b"no-cache"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while True:
            ended = answer.finished
            if ended and answer.error:
                error = json.dumps(error_body(answer.error, "server_error"))
                answer.out.append(f"data: {error}\n\n".encode())
            elif ended:
                answer.out += answer.closing()
            body = b"".join(answer.out)
            answer.out.clear()
            await send({"type": "http.response.body", "body": body, "more_body": not ended})
            if ended:
                break
            if not answer.out and not answer.finished:
                await answer.changed()
        if answer.gone:
            self.app.metrics.abandoned.inc()


class App:
    """The endpoints."""

    def __init__(self, supervisor: Supervisor, metrics: Metrics, tokenizer, feedback=None):
        self.supervisor, self.metrics, self.feedback = supervisor, metrics, feedback
        self.tokenizer, self.spelling = tokenizer, Spelling(tokenizer.vocabulary)
        self.created = int(time.time())

    def starlette(self) -> Starlette:
        """The application that uvicorn runs."""
        routes = [
            Route("/v1/models", self.models),
            Route("/v1/models/{name}", self.model),
            Route("/v1/completions", self.completions, methods=["POST"]),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/feedback", self.take_feedback, methods=["POST"]),
            Route("/health", self.health),
            Route("/metrics", self.show_metrics),
        ]
        handlers = {BadRequest: self.refuse, HTTPException: self.no_such, Busy: self.busy}
        handlers[ClientDisconnect] = self.left
        return Starlette(routes=routes, exception_handlers=handlers)

    # ---- endpoints -------------------------------------------------------------------------------

    async def completions(self, request: Request) -> Reply:
        """POST /v1/completions: continue a text."""
        return await self._answer(request, chat=False)

    async def chat(self, request: Request) -> Reply:
        """POST /v1/chat/completions: the messages are the beginning of a story."""
        return await self._answer(request, chat=True)

    async def _answer(self, request: Request, chat: bool) -> Reply:
        body = parse_json(await self._body(request))
        info = self.supervisor.info
        answer = Answer(
            read_request(body, chat, self.tokenizer, info.context, info.name),
            self.spelling,
            info.name,
        )
        self.supervisor.submit(answer)
        return Reply(answer, self)

    async def models(self, request: Request) -> Response:
        """GET /v1/models: the one model."""
        return self.json({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        """GET /v1/models/NAME."""
        name = request.path_params["name"]
        if name != self.supervisor.info.name:
            served = self.supervisor.info.name
            raise BadRequest(
                f"there is no model {name[:LONGEST_WORD]!r}, only {served!r}",
                "model",
                404,
                "model_not_found",
            )
        return self.json(self._model())

    def _model(self) -> dict:
        info = self.supervisor.info
        card = {"id": info.name, "object": "model", "created": self.created, "owned_by": "grooves"}
        return card | {"context": info.context, "weights": info.weights}

    async def take_feedback(self, request: Request) -> Response:
        """POST /v1/feedback: append a person's opinion to the file of `--feedback`."""
        body = parse_json(await self._body(request))
        if self.feedback is None:
            raise BadRequest(
                "this server keeps no feedback: start it with --feedback FILE", None, 404
            )
        info = self.supervisor.info
        record = self.feedback.append(body, f"{info.name}@{info.weights}")
        return self.json({"object": "feedback", **record}, 201)

    async def health(self, request: Request) -> Response:
        """GET /health: 200 where the worker is ready, else 503."""
        supervisor, ready = self.supervisor, self.supervisor.ready
        used = supervisor.state.blocks_used if supervisor.state else 0
        report = {"status": "ok" if ready else "starting", "texts": len(supervisor.live)}
        report |= {"blocks_used": used, "weights": supervisor.info.weights}
        report["worker_pid"] = supervisor.process.pid
        return self.json(report, 200 if ready else 503)

    async def show_metrics(self, request: Request) -> Response:
        """GET /metrics: for Prometheus."""
        return Response(self.metrics.text(), headers={"content-type": TYPE})

    # ---- what all of them need -------------------------------------------------------------------

    async def _body(self, request: Request) -> bytes:
        """The request's body. Raises: BadRequest where it is too large."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise BadRequest(
                    f"the body has more than {MOST_BYTES:,} bytes: send less", None, 413
                )
        return bytes(body)

    def json(self, content: dict, status: int = 200, headers: dict | None = None) -> Response:
        """A response, which is counted."""
        self.metrics.requests.labels(str(status)).inc()
        body = json.dumps(content, separators=(",", ":"))  # ASCII: UTF-8 cannot hold all strings
        return Response(body, status, headers, media_type="application/json")

    def count(self, answer: Answer) -> None:
        """Count the tokens of an answer that has ended."""
        usage = answer.usage()
        for kind in ("prompt", "completion"):
            self.metrics.tokens.labels(kind).inc(usage[f"{kind}_tokens"])
        if answer.weights:
            self.metrics.answer.observe(time.perf_counter() - answer.start_s)
        if answer.ask.stream:
            self.metrics.requests.labels("200").inc()

    async def refuse(self, request: Request, error: BadRequest) -> Response:
        """What is wrong with a request, in the protocol's format."""
        return self.json(error.body(), error.status)

    async def no_such(self, request: Request, error: HTTPException) -> Response:
        """A path or method that does not exist."""
        what = f"{request.method} {request.url.path} does not exist here; what does: "
        what += f"POST {', '.join(POSTED)}; GET {', '.join(GOTTEN)}"
        return self.json(
            error_body(what, "invalid_request_error"), error.status_code, error.headers
        )

    async def left(self, request: Request, error: ClientDisconnect) -> Response:
        """A client that left before its request was complete: nobody reads this."""
        return self.json(error_body("the body is not complete", "invalid_request_error"), 400)

    async def busy(self, request: Request, error: Busy) -> Response:
        """The queue is full."""
        body = error_body(str(error), "server_busy", code="queue_full")
        return self.json(body, 429, {"retry-after": str(RETRY_AFTER_S)})
