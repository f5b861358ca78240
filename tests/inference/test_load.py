"""The load generator: when it sends, what it counts, what it reports, and what it refuses."""

import argparse
import asyncio
import json
import os
import signal
import socket
from itertools import count
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from load_server import DONE, chunk, listening, simulate, usage, words

from grooves.cli import main
from grooves.inference import load, server
from grooves.inference.latency import Goal
from grooves.inference.load import closed_loop, open_loop, plan_requests, server_url
from grooves.inference.load_client import Client, Outcome, PlannedRequest
from grooves.inference.load_report import Report


def run(loop, answer, plan, **changes):
    """The outcomes of a run in simulated time. answer(i): awaited, the response to request i."""

    async def go():
        numbers = count()

        async def respond(request):
            return await answer(next(numbers))

        async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
            return await loop(Client(http, "http://here/v1", "base"), plan, **changes)

    return simulate(go())


def every(seconds, n):
    """n requests at equal distances."""
    return [PlannedRequest(i * seconds, "One day", 4) for i in range(n)]


def stalling(stall_at, stall_s, service_s=0.1):
    """A server that handles one request after another and stands still once."""
    busy = asyncio.Lock()

    async def answer(i):
        async with busy:
            await asyncio.sleep(stall_s if i == stall_at else service_s)
            return words(1)

    return answer


def test_an_open_loop_shows_the_queue_that_a_closed_loop_hides():
    plan = every(0.2, 200)
    opened = run(open_loop, stalling(50, 10.0), plan)
    closed = run(closed_loop, stalling(50, 10.0), plan, users=1)
    late = {}
    for name, found in (("open", opened), ("closed", closed)):
        assert all(o.ok for o in found.outcomes) and len(found.outcomes) == 200
        late[name] = [o.timing.end_to_end_s for o in found.outcomes]
    assert sum(t > 1 for t in late["closed"]) == 1
    # 10 s pass in the stall, and 0.1 s are gained per request after it: by hand, 10 - 0.1 k
    expected = [max(0.1, 10 - 0.1 * k) for k in range(150)]
    assert late["open"][50:] == pytest.approx(expected, abs=1e-6)
    assert [o.late_s for o in opened.outcomes] == pytest.approx([0] * 200, abs=1e-9)


def test_a_generator_that_sends_late_says_so_and_counts_it():
    async def answer(i):
        if i == 20:
            asyncio.get_running_loop().now += 3.0  # the whole program stands still
        await asyncio.sleep(0.05)
        return words(1)

    outcomes = run(open_loop, answer, every(0.1, 200)).outcomes
    assert max(o.late_s for o in outcomes) == pytest.approx(2.9)
    assert outcomes[21].timing.end_to_end_s == pytest.approx(2.95)
    report = Report.of(outcomes, rate=10.0)
    assert report.generator_was_late and "The generator itself sent late" in str(report)
    assert report.late_s[50] < 1e-6 and report.late_s[99] > 2.5
    punctual = Report.of(run(open_loop, stalling(-1, 0, 0.05), every(0.1, 200)).outcomes)
    assert not punctual.generator_was_late and "late" not in str(punctual)


def test_words_that_came_in_one_piece_are_said_to_be():
    for gap_s, said in ((0.0, True), (0.01, False)):

        async def answer(i, gap_s=gap_s):
            return words(4, first_s=0.1, gap_s=gap_s)

        outcomes = run(open_loop, answer, every(0.1, 120)).outcomes
        assert ("several at a time" in str(Report.of(outcomes, rate=10.0))) is said


def test_nothing_is_lost_whatever_the_server_does():
    async def answer(i):
        await asyncio.sleep(0.01)
        if i % 10 == 3:
            return httpx.Response(429, json={"error": {"message": "the queue is full"}})
        if i % 10 == 7:
            raise httpx.ReadError("gone")
        return words(4, first_s=0.1, gap_s=0.3 if i % 2 else 0.05)

    seen = []
    outcomes = run(open_loop, answer, every(0.05, 200), progress=seen.append).outcomes
    assert sorted(map(id, seen)) == sorted(map(id, outcomes)) and len(seen) == 200
    report = Report.of(outcomes, goal=Goal(0.2, 0.1), rate=20.0)
    assert (report.n_requests, report.n_answers) == (200, 160)
    assert report.errors == {"429: the queue is full": 20, "disconnected": 20}
    assert report.goodput_per_s == pytest.approx(100 / report.duration_s)  # those with short gaps
    assert report.throughput_per_s == pytest.approx(160 / report.duration_s)
    assert report.tokens_per_s == pytest.approx(640 / report.duration_s)
    assert report.latencies["first token"] == pytest.approx(dict.fromkeys((50, 95, 99), 0.11))
    assert report.latencies["between tokens"] == pytest.approx({50: 0.05, 95: 0.3, 99: 0.3})
    text = str(report)
    assert "20 without an answer: 429: the queue is full" in text
    assert "Latencies are those of whole answers only" in text and "Too few" not in text


def finished(n, n_tokens=2, n_usage=2):
    """n whole answers, one per second."""
    return [
        Outcome(PlannedRequest(i, "", 9), i, [i + 0.5] * n_tokens, i + 0.5, n_usage)
        for i in range(n)
    ]


def test_percentiles_that_few_answers_cannot_have_are_left_out():
    for n, known in ((19, [50]), (20, [50, 95]), (99, [50, 95]), (100, [50, 95, 99])):
        report = Report.of(finished(n))
        assert list(report.latencies["end to end"]) == known
        assert ("Too few answers" in str(report)) == (n < 100)
    assert "p99 (from 100 on)" in str(Report.of(finished(99)))
    none = Report.of([Outcome(PlannedRequest(0, "", 9), 0, end_s=1.0, error="timed out")])
    assert none.latencies == {} and "1 without an answer: timed out" in str(none)


def test_chunks_are_checked_with_the_usage_that_the_server_sends():
    assert Report.of(finished(100)).miscounted == 0
    merged = Report.of([*finished(100), *finished(3, n_tokens=2, n_usage=5)])
    assert merged.miscounted == 3 and "In 3 answers the chunks with text are not" in str(merged)
    assert merged.tokens_per_s == pytest.approx(215 / merged.duration_s)
    whole = Report.of(finished(100, n_tokens=1, n_usage=7))
    assert whole.miscounted == 0 and list(whole.latencies) == ["end to end"]
    empty = Report.of([*finished(99), *finished(1, n_tokens=0, n_usage=0)])
    assert (empty.n_answers, empty.n_empty) == (100, 1) and "1 answers had no text" in str(empty)


def test_an_interrupted_run_reports_what_was_finished():
    async def answer(i):
        await asyncio.sleep(100.0 if i == 4 else 0.5)
        return words(1)

    for loop, changes in ((open_loop, {}), (closed_loop, {"users": 2})):

        async def stopped(client, plan, loop=loop, changes=changes):
            task = asyncio.ensure_future(loop(client, plan, **changes))
            asyncio.get_running_loop().call_later(9.9, task.cancel)
            return await task

        found = run(stopped, answer, every(1.0, 60))
        report = Report.of(found.outcomes, found.unsent)
        assert report.errors["interrupted"] >= 1 and report.interrupted
        assert report.n_answers + report.errors["interrupted"] + report.unsent == 60
        assert 8 <= report.n_answers < 30 and "Interrupted" in str(report)


def test_arrivals_are_poisson_and_another_seed_brings_other_prompts():
    plan = plan_requests(20.0, 3000, seed=1, max_tokens=[4, 40])
    gaps = np.diff([0.0, *(r.due_s for r in plan)])
    assert gaps.mean() == pytest.approx(1 / 20, rel=0.07)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.1)
    assert {r.max_tokens for r in plan} == {4, 40} and all(r.prompt for r in plan)
    assert plan == plan_requests(20.0, 3000, seed=1, max_tokens=[4, 40])
    long = [{r.prompt for r in plan_requests(1.0, 300, s) if len(r.prompt) > 40} for s in (1, 2)]
    assert len(long[0]) > 100 and len(long[0] & long[1]) < 0.1 * len(long[0])
    with pytest.raises(ValueError, match=r"max_tokens=\(4, 0\) must be positive"):
        plan_requests(1.0, 1, 0, [4, 0])


def test_addresses_of_other_machines_are_refused_unless_allowed():
    assert server_url("127.0.0.1:80") == "http://127.0.0.1:80/v1"
    assert server_url("http://localhost:9/") == "http://localhost:9/v1"
    assert server_url("http://[::1]:9/api/") == "http://[::1]:9/api"
    assert server_url("http://192.0.2.7:9", elsewhere=True) == "http://192.0.2.7:9/v1"
    with pytest.raises(ValueError, match=r"192.0.2.7 is not this machine.*--elsewhere"):
        server_url("192.0.2.7:9")
    for wrong in ("", "ftp://127.0.0.1", "http://:80", "127.0.0.1:port"):
        with pytest.raises(ValueError, match="is no address: give one such as"):
            server_url(wrong)


def test_without_an_address_the_load_is_sent_to_where_a_server_listens_by_default():
    parsers = {module: argparse.ArgumentParser() for module in (server, load)}
    for module, parser in parsers.items():
        module.add_arguments(parser)
    serve, sent = (parser.parse_args([]) for parser in parsers.values())
    assert server_url(sent.address) == server_url(f"{serve.host}:{serve.port}")
    assert urlsplit(sent.address).port != 8000  # there `make serve` shows the book


HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: "
MODELS = [HEAD + b'application/json\r\n\r\n{"data": [{"id": "base"}]}']
STREAM = HEAD + b"text/event-stream\r\n\r\n" + chunk(" a")


def works(path):
    """A server whose second token comes 20 ms after the first, in pieces."""
    if path.endswith("/models"):
        return MODELS
    rest = chunk(" b")
    return [STREAM, 0.02, rest[:9], 0.001, rest[9:], chunk("", "length"), usage(2), DONE]


def test_the_command_measures_a_real_server(tmp_path, capsys):
    picture, written = tmp_path / "new" / "load.png", tmp_path / "load.json"
    options = ["--rate", "400", "--requests", "120", "--picture", str(picture)]
    with listening(works) as address:
        assert main(["load", address, *options, "--json", str(written), "--seed", "3"]) == 0
    told = capsys.readouterr().out
    assert "120 requests" in told and "120 whole answers" in told and "seed 3" in told
    found = json.loads(written.read_text())
    assert found["report"]["n_answers"] == 120 and len(found["requests"]) == 120
    assert all(len(request["token_times_s"]) == 2 for request in found["requests"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_ctrl_c_reports_what_was_finished(capsys):
    numbers = count()

    def until_the_tenth(path):
        if next(numbers) == 13:
            os.kill(os.getpid(), signal.SIGINT)
        return works(path)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        with listening(until_the_tenth) as address:
            assert main(["load", address, "--rate", "100", "--requests", "5000"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    told = capsys.readouterr().out
    assert "Interrupted: 49" in told and "whole answers" in told


def test_a_server_that_is_missing_or_another_gets_a_clear_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    wrong = {
        f"127.0.0.1:{port}": "nothing answers at http://127.0.0.1",
        "192.0.2.7": "192.0.2.7 is not this machine",
    }
    for address, sentence in wrong.items():
        assert main(["load", address]) == 1
        assert sentence in capsys.readouterr().err
    for answer, sentence in (
        ([b"HTTP/1.1 404 Not Found\r\n\r\n"], "models answered 404: Not Found; the address of"),
        ([b"HTTP/1.1 200 OK\r\n\r\n{}"], "does not list any model: name one with --model"),
        ([b"hello"], "nothing answers at"),
    ):
        with listening(lambda path, answer=answer: answer) as address:
            assert main(["load", address]) == 1
        assert sentence in capsys.readouterr().err
    assert main(["load", "--closed", "0"]) == 1
    assert "--closed is 0: it must be at least 1 user" in capsys.readouterr().err
