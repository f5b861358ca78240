"""What `grooves serve` survives: bad requests, crowds, lost clients and workers, new weights.

A worker that is suspended stands still in the middle of an answer for as long as a test needs, so
nothing here depends on how fast the machine is.
"""

import json
import random
import shutil
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from running_server import PATIENCE_S, post_raw, serving

from grooves.cli import main
from grooves.inference.engine import weights_hash
from grooves.inference.supervisor import POLL_S
from grooves.models.transformer import Config, Transformer
from grooves.training.checkpoint import load_model, save_model
from grooves.training.lineage import BASE_STEPS, SHORT_STEPS, weights_path

START = "Once upon a time"
PATHS = ("/v1/completions", "/v1/chat/completions")
RUNNING, QUEUE = 16, 32  # the defaults


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One server for most tests of this file, with a model that may be replaced."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(weights_path(BASE_STEPS), folder / "own.safetensors")
    arguments = "--model", folder / "own.safetensors", "--feedback", folder / "thumbs.jsonl"
    with serving(folder, *arguments) as server:
        server.folder, server.file = folder, folder / "own.safetensors"
        yield server


@pytest.fixture
def server(running):
    """It; after every test it works, and nothing may be left in it."""
    yield running
    running.nothing_left()
    assert running.post(prompt=START, max_tokens=2).status_code == 200
    assert "Traceback" not in running.said()


class Stream:
    """A stream that is read as far as a test wants."""

    def __init__(self, response):
        self.response, self.lines = response, response.iter_lines()
        self.first = next(self.lines)

    def rest(self):
        """The first and all other events: objects, and the last line."""
        texts = [line.removeprefix("data: ") for line in (self.first, *self.lines) if line]
        return [json.loads(text) for text in texts[:-1]], texts[-1]


@contextmanager
def standing_still(server, **body):
    """A `Stream` in the middle of which the worker stands still, at the end of which it goes on."""
    worker, body = server.worker(), {"prompt": START, "stream": True, "n": 4} | body
    with ExitStack() as stack:
        stack.callback(resume, worker)
        for _ in range(50):  # a slow client may come too late
            response = stack.enter_context(server.http.stream("POST", PATHS[0], json=body))
            stream = Stream(response)
            worker.suspend()
            if all(server.health()["texts"] == body["n"] for _ in range(2)):  # none has ended
                break
            worker.resume()
            stream.rest()
        else:
            pytest.fail("all streams ended before the worker could be suspended")
        yield stream, worker


def resume(process):
    """Let a process go on, if there is one."""
    if process.is_running():
        process.resume()


def texts(objects):
    """The text of each choice of a stream, by index."""
    found = {}
    for choice in (choice for chunk in objects for choice in chunk["choices"]):
        found[choice["index"]] = found.get(choice["index"], "") + choice["text"]
    return found


def told(server, **body):
    """The texts of a whole answer, by index."""
    answer = server.post(prompt=START, **body).json()
    return {choice["index"]: choice["text"] for choice in answer["choices"]}


# ---- bad requests --------------------------------------------------------------------------------


def malformed(rng):
    """One malformed body for a random path, and what the answer has to name."""
    path = rng.choice(PATHS)
    chat = path == PATHS[1]
    good = {"messages": [{"role": "user", "content": START}]} if chat else {"prompt": START}
    prompt = next(iter(good))
    text = lambda words: good | {prompt: [{"role": "user", "content": words}] if chat else words}  # noqa: E731
    wrong = {
        "n": [0, -1, 17, 1.5, "2", True, [1]],
        "max_tokens": [0, -3, "9", 2.5, False, {}],
        "temperature": [-0.1, 2.01, "hot", True, [], 1e999, float("nan")],
        "top_p": [0, -1, 1.01, "0.9", False],
        "seed": ["x", 1.5, 2**70, True],
        "stop": ["", [""], 5, ["a"] * 5, [1], {}],
        "stream": ["yes", 1, 0, []],
        "stream_options": [{"include_usage": 1}, {"other": 1}, True, {"include_usage": True}],
        "logprobs": ["all", 1.5] + ([3] if chat else [6, True]),
        "model": [7, ["own"], {}],
        "presence_penalty": [0.5],
        "logit_bias": [{"5": 100}],
        "tools": [[{"type": "function"}]],
        prompt: [7, {}, [], [7], [[1, 2]], True],
    }
    if chat:
        wrong["top_logprobs"] = [3, 21, "2"]
        wrong["messages[0].role"] = [[{"role": "king", "content": START}], [{"content": START}]]
        wrong["messages[0].content"] = [
            [{"role": "user"}], [{"role": "user", "content": [{"type": "image_url"}]}],
        ]  # fmt: skip
        wrong["max_completion_tokens"] = [0, "9"]
    kind = rng.choice(["value", "value", "value", "missing", "field", "word", "json", "long"])
    if kind == "value":
        name = rng.choice(list(wrong))
        value = rng.choice(wrong[name])
        return path, json.dumps(good | {name.partition("[")[0]: value}).encode(), name
    if kind == "missing":
        return path, rng.choice([b"{}", b'{"n": 1}', b'{"%s": null}' % prompt.encode()]), prompt
    letters = "".join(rng.choices("bcdfghjklmnpqrstvwxz", k=rng.randint(5, 30)))
    if kind == "field" and rng.random() < 0.1:  # half of a pair, which UTF-8 cannot hold
        return path, json.dumps(good | {"\ud83d": 1}).encode(), repr("\ud83d")
    if kind == "field":
        return (
            path,
            json.dumps(good | {letters: rng.choice([1, "a", [], 0.5])}).encode(),
            letters,
        )
    if kind == "word":
        return path, json.dumps(text(f"{START} {letters} lived")).encode(), letters
    if kind == "long":
        return path, json.dumps(text("the " * rng.randint(192, 900))).encode(), prompt
    whole = json.dumps(good).encode()
    broken = [
        whole[: rng.randrange(len(whole))], b"\xff" + whole, b"[1]", b"7", b'"text"', b"null",
        b"[" * 50_000, whole + b"}",
        b'{"n": ' + b"9" * 5000 + b"}",
    ]  # fmt: skip
    return path, rng.choice(broken), "the body is"


def test_a_thousand_malformed_requests_get_a_sentence_that_names_what_is_wrong(server):
    rng = random.Random(9)
    with server.connection() as connection:
        for number in range(1000):
            path, raw, named = malformed(rng)
            status, _, text = post_raw(connection, path, raw)
            assert status == 400, (number, raw[:200], text)
            error = json.loads(text)["error"]
            assert error.keys() == {"message", "type", "param", "code"}
            assert error["type"] == "invalid_request_error"
            assert named in error["message"], (number, raw[:200], error)
            assert len(error["message"]) < 300
        status, _, _ = post_raw(connection, PATHS[0], b'{"prompt": "%s"}' % (b"x" * 300_000))
        assert status == 413


def test_a_prompt_may_fill_the_context_and_no_more(server):
    context = Config(vocabulary_size=1).context
    for n_words, n_new in ((context - 1, 1), (context - 5, 5)):
        answer = server.post(prompt="the " * n_words, seed=1, max_tokens=1000).json()
        assert answer["usage"] == {
            "prompt_tokens": n_words, "completion_tokens": n_new, "total_tokens": n_words + n_new,
        }  # fmt: skip
        assert answer["choices"][0]["finish_reason"] == "length"
    response = server.post(prompt="the " * context)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert f"prompt has {context} words, and the model reads at most {context - 1}" in response.text


# ---- crowds and clients that leave ---------------------------------------------------------------


def test_two_hundred_clients_all_get_an_answer_or_a_refusal(server):
    refused, worker = threading.Semaphore(0), server.worker()

    def one(seed):
        body = {"prompt": START, "seed": seed, "max_tokens": 20}
        with server.connection() as connection:
            answer = post_raw(connection, PATHS[0], json.dumps(body).encode())
        if answer[0] == 429:
            refused.release()
        return answer

    with ThreadPoolExecutor(200) as pool:
        worker.suspend()  # so that all 200 are there at once
        try:
            futures = [pool.submit(one, seed) for seed in range(200)]
            for _ in range(200 - RUNNING - QUEUE):
                assert refused.acquire(timeout=PATIENCE_S)
            assert server.health()["texts"] == RUNNING + QUEUE
        finally:
            worker.resume()
        answers = [future.result() for future in futures]
    served = [json.loads(text) for status, _, text in answers if status == 200]
    turned_away = [(headers, text) for status, headers, text in answers if status == 429]
    assert (len(served), len(turned_away)) == (RUNNING + QUEUE, 200 - RUNNING - QUEUE)
    assert all(answer["choices"][0]["finish_reason"] == "length" for answer in served)
    assert all(int(headers["retry-after"]) >= 1 for headers, _ in turned_away)
    assert {json.loads(text)["error"]["code"] for _, text in turned_away} == {"queue_full"}


def test_clients_that_vanish_leave_nothing_behind(server):
    before = server.metric("grooves_abandoned_total")
    with standing_still(server, n=16) as (stream, worker):
        used, steps = server.health()["blocks_used"], server.metric("grooves_steps_total")
        address = server.url.removeprefix("http://").split(":")
        waiting = [socket.create_connection(address) for _ in range(3)]
        for number, connection in enumerate(waiting):
            raw = json.dumps({"prompt": START, "n": 2, "stream": number == 0}).encode()
            head = f"POST {PATHS[0]} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(raw)}\r\n\r\n"
            connection.sendall(head.encode() + raw)
        server.wait_until(lambda: server.health()["texts"] == 16 + 6)
        assert used >= 16
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
        waiting.append(socket.create_connection(address))
        waiting[-1].sendall(head)  # it leaves before its request is complete
        for connection in waiting:
            connection.close()
        server.wait_until(lambda: server.health()["texts"] == 16)
        stream.response.close()
        server.wait_until(lambda: server.health()["texts"] == 0)
        worker.resume()
        server.nothing_left()
        assert (
            server.metric("grooves_steps_total") <= steps + 3
        )  # it stopped before the stories' end
    assert server.metric("grooves_abandoned_total") == before + 4


# ---- the worker and the model's file -------------------------------------------------------------


def test_a_lost_worker_is_replaced_and_its_answers_go_on(server):
    expected = told(server, n=4, seed=11)
    before = server.metric("grooves_worker_restarts_total")
    with standing_still(server, seed=11) as (stream, worker), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.post, prompt=START, seed=12)
        server.wait_until(lambda: server.health()["texts"] == 5)
        worker.kill()
        objects, last = stream.rest()
        assert last == "[DONE]" and texts(objects) == expected
        assert waiting.result().json()["choices"][0]["text"] == told(server, seed=12)[0]
    assert server.metric("grooves_worker_restarts_total") == before + 1
    assert "the worker was lost" in server.said()


def test_a_replaced_model_file_is_served_once_the_running_answers_are_finished(server):
    old, new = weights_path(BASE_STEPS), weights_path(SHORT_STEPS[-1])
    replace(server, old)
    server.wait_until(lambda: server.health()["weights"] == fingerprint(old))
    expected = told(server, n=4, seed=13)
    with standing_still(server, seed=13) as (stream, worker):
        replace(server, new)
        time.sleep(6 * POLL_S)  # the server has noticed, or will soon: both must work
        worker.resume()
        objects, last = stream.rest()
    assert last == "[DONE]" and texts(objects) == expected
    assert {chunk["system_fingerprint"] for chunk in objects} == {f"fp_{fingerprint(old)}"}
    server.wait_until(lambda: server.health()["weights"] == fingerprint(new))
    answer = server.post(prompt=START, n=4, seed=13).json()
    assert answer["system_fingerprint"] == f"fp_{fingerprint(new)}"
    assert {c["index"]: c["text"] for c in answer["choices"]} != expected
    replace(server, old)
    server.wait_until(lambda: server.health()["weights"] == fingerprint(old))
    assert told(server, n=4, seed=13) == expected


def test_a_broken_model_file_leaves_the_old_weights(server):
    before, expected = server.health()["weights"], told(server, seed=14)
    other = server.folder / "other.safetensors"
    save_model(Transformer(Config(vocabulary_size=23)), other)
    for content, complaint in (
        (server.file.read_bytes()[:5000], "is damaged or not a safetensors file"),
        (other.read_bytes(), "has a vocabulary of 23 tokens"),
    ):
        n_refused = server.metric('grooves_model_loads_total{outcome="refused"}')
        server.file.with_suffix(".part").write_bytes(content)
        server.file.with_suffix(".part").replace(server.file)
        server.wait_until(
            lambda n=n_refused: server.metric('grooves_model_loads_total{outcome="refused"}') > n
        )
        assert complaint in server.said() and "keeps the weights that it has" in server.said()
        assert server.health()["weights"] == before and told(server, seed=14) == expected
    replace(server, weights_path(BASE_STEPS))


def replace(server, source):
    """Put another file in the place of the model's, in one step."""
    part = server.file.with_suffix(".part")
    shutil.copy(source, part)
    part.replace(server.file)


def fingerprint(path):
    """The name that the server gives to weights."""
    return weights_hash(load_model(path))


# ---- the beginning and the end -------------------------------------------------------------------


def test_sigterm_ends_the_server_after_its_answers(tmp_path):
    with serving(tmp_path, "--max-running", 4) as server:
        with standing_still(server, seed=15) as (stream, worker), ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(server.post, prompt=START, seed=16)
            server.wait_until(lambda: server.health()["texts"] == 5)
            server.process.send_signal(signal.SIGTERM)
            server.wait_until(lambda: refuses(server))
            worker.resume()
            objects, last = stream.rest()
            assert last == "[DONE]"
            reasons = [c["finish_reason"] for chunk in objects for c in chunk["choices"]]
            assert len([reason for reason in reasons if reason]) == 4
            assert waiting.result().json()["choices"][0]["finish_reason"]
        assert server.process.wait(PATIENCE_S) == 0
        assert not worker.is_running() and server.said() == ""


def refuses(server):
    """Whether new clients are turned away."""
    try:
        with server.connection() as connection:
            connection.request("GET", "/health")
            return connection.getresponse().status == 503
    except OSError:
        return True


def test_what_keeps_the_server_from_starting_is_said_in_one_sentence(tmp_path, capsys):
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, sentence in (
            (("--port", port), f"cannot serve at 127.0.0.1:{port} (Address already in use)"),
            (("--port", 99_999), "--port is 99999: it must be from 0"),
            (("--port", 0, "--queue", 0), "--queue is 0: it must be at least 1"),
            (("--port", 0, "--model", tmp_path / "broken.safetensors"), "is damaged"),
            (("--port", 0, "--feedback", tmp_path / "no" / "file"), "No such file"),
        ):
            assert main(["serve", *map(str, arguments)]) == 1
            printed = capsys.readouterr()
            assert printed.out == "" and printed.err.count("\n") == 1 and sentence in printed.err


# ---- feedback ------------------------------------------------------------------------------------


def test_feedback_becomes_one_valid_line_each(server):
    file = server.folder / "thumbs.jsonl"
    file.write_text('{"written": "by hand"}')  # without a line break
    good = [
        {"prompt": START, "text": " there was an owl .", "thumb": -1},
        {"prompt": START, "chosen": "there was an owl .", "rejected": "there was"},
    ]
    bad = [
        ({"text": START}, "text was sent"),
        ({"thumb": 1, "chosen": START}, "chosen, thumb was sent"),
        ({"text": START, "thumb": 2}, "thumb is 2"),
        ({"text": START, "thumb": True}, "thumb is true"),
        ({"text": 7, "thumb": 1}, "text is 7"),
        ({"text": "A dragon", "thumb": 1}, "'dragon' is not one of"),
        ({"chosen": START, "rejected": START}, "the same text"),
        ({"text": START, "thumb": 1, "stars": 5}, "'stars' is no field"),
        ({}, "none of them was sent"),
    ]
    with ThreadPoolExecutor(8) as pool:
        posted = list(pool.map(lambda body: server.post("/v1/feedback", **body), good * 20))
    assert {r.status_code for r in posted} == {201}
    for body, sentence in bad:
        response = server.post("/v1/feedback", **body)
        assert response.status_code == 400 and sentence in response.json()["error"]["message"]
    _, *lines = [json.loads(line) for line in file.read_text().splitlines()]
    fields = {"time", "model", "prompt", "chosen", "rejected", "text", "thumb", "source"}
    assert len(lines) == 40 and all(line.keys() == fields for line in lines)
    assert {line["model"] for line in lines} == {f"own@{server.health()['weights']}"}
    sent = [{k: line[k] for k in fields & (good[0] | good[1]).keys() if line[k]} for line in lines]
    assert (
        sum(body == good[0] | {"text": "there was an owl ."} for body in sent)
        == sum(body == good[1] for body in sent)
        == 20
    )
    assert all(line["source"] == "server" and line["time"].endswith("+00:00") for line in lines)
