"""One client of the load generator: what it reads out of a stream, and what can go wrong."""

import asyncio
import json
import random

import httpx
import pytest
from load_server import DONE, Pieces, chunk, event, simulate, streamed, usage

from grooves.inference.load_client import Client, EventReader, Outcome, PlannedRequest

STREAM = (
    b": a comment\r\n\r\ndata: one\r\n\r\nevent: x\ndata:two\ndata: more\nid: 7\n\n"
    b"data: \xc3\xa4\xe2\x82\xac \xf0\x9f\x90\xb1\n\n\n\ndata:  spaced\r\n\r\ndata: unfinished\n"
)
EVENTS = [b"one", b"two\nmore", "ä€ 🐱".encode(), b" spaced"]


def asked(answer, due_s=0.0, **changes):
    """What became of one request, in simulated time. answer: makes the response."""

    async def ask():
        async def respond(request):
            bodies.append(json.loads(request.content))
            return await answer() if asyncio.iscoroutinefunction(answer) else answer()

        async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
            client = Client(http, "http://here/v1", "base", **changes)
            outcome = Outcome(PlannedRequest(due_s, "One day", 9, seed=5), due_s)
            await client.ask(outcome, begin_s=0.0)
            return outcome

    bodies = []
    outcome = simulate(ask())
    return outcome, bodies[0]


def test_events_are_the_same_however_the_stream_is_cut():
    for cut in range(len(STREAM) + 1):
        reader = EventReader()
        assert [*reader.feed(STREAM[:cut]), *reader.feed(STREAM[cut:])] == EVENTS
    rng = random.Random(3)
    for _ in range(200):
        reader, events, at = EventReader(), [], 0
        while at < len(STREAM):
            size = rng.randint(1, 7)
            events += reader.feed(STREAM[at : at + size])
            at += size
        assert events == EVENTS
    reader = EventReader()
    assert reader.feed(STREAM.replace(b"\r\n", b"\n").replace(b"\n", b"\r") + b"\n") == EVENTS


def test_a_token_is_a_chunk_with_text_at_the_time_of_its_last_byte():
    role = event({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
    said = [event({"choices": [{"delta": {"content": text}}]}) for text in (" a", " b", " c")]
    last = event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    parts = [0.5, role, 1.0, said[0], 0.25, said[1][:30], 0.125, said[1][30:] + said[2], last]
    outcome, body = asked(lambda: streamed(*parts, usage(3), 1.0, DONE), due_s=-2.0, chat=True)
    assert outcome.ok and outcome.token_times_s == [1.5, 1.875, 1.875]
    assert (outcome.n_usage, outcome.finish_reason, outcome.end_s) == (3, "stop", 2.875)
    assert outcome.timing.first_token_s == 3.5 and outcome.timing.between_tokens_s == [0.375, 0]
    assert body == {
        "model": "base",
        "messages": [{"role": "user", "content": "One day"}],
        "max_tokens": 9,
        "temperature": 1.0,
        "seed": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_whole_answer_is_one_piece_with_the_tokens_of_its_usage():
    answer = {"choices": [{"text": " a b c", "finish_reason": "length"}]}
    answer["usage"] = {"completion_tokens": 3}

    async def late():
        await asyncio.sleep(2.0)
        return httpx.Response(200, json=answer)

    outcome, body = asked(late, stream=False)
    assert outcome.ok and outcome.token_times_s == [2.0] and outcome.n_tokens == 3
    assert body["prompt"] == "One day" and body["stream"] is False and "stream_options" not in body


def refused(status, **more):
    return lambda: httpx.Response(status, **more)


def raising(error):
    async def fail():
        raise error

    return fail


FULL = {"error": {"message": "the queue is full", "type": "server_busy"}}
FAILURES = {
    "429: the queue is full": refused(429, json=FULL),
    "500: Internal Server Error": refused(500, content=b"<html>"),
    "could not connect": raising(httpx.ConnectError("refused")),
    "disconnected": lambda: streamed(chunk(" a"), httpx.ReadError("")),
    "stream ended without [DONE]": lambda: streamed(chunk(" a"), chunk("", "stop")),
    "error in the answer: the worker": lambda: streamed(
        chunk(" a"), event({"error": {"message": "the worker"}}), DONE
    ),
    "answer not in the protocol's format": lambda: streamed(chunk(" a"), event(b"{half"), DONE),
    "answered without a stream of events": lambda: httpx.Response(200, json={}),
    "timed out": lambda: httpx.Response(
        200, headers={"content-type": "text/event-stream"}, stream=Pieces([chunk(" a"), 100.0])
    ),
}


@pytest.mark.parametrize("error", FAILURES)
def test_each_failure_has_its_reason_and_an_end(error):
    outcome, _ = asked(FAILURES[error], due_s=1.0, timeout_s=30.0)
    assert not outcome.ok and outcome.error == error
    assert outcome.end_s == (31.0 if error == "timed out" else 0.0)
