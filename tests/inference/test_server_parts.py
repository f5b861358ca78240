"""The parts of `grooves serve` alone: spelling, stop strings, engine, messages, supervisor."""

import asyncio
import json
import random
import signal
import socket

import pytest
import uvicorn

from grooves.inference import worker as worker_module
from grooves.inference.answers import Answer, Spelling, StopFilter
from grooves.inference.engine import Engine
from grooves.inference.metrics import Metrics
from grooves.inference.protocol import encode, read_request
from grooves.inference.server import QuietServer, listen
from grooves.inference.supervisor import MOST_RESTARTS, Supervisor
from grooves.inference.worker import Channel, Job, Worker
from grooves.language.stories import Stories, to_text, vocabulary
from grooves.language.tokenizers import WordTokenizer

CONTEXT = 192
TOKENIZER = WordTokenizer(vocabulary())
SPELLING = Spelling(vocabulary())


def answer(chat=False, **body):
    """The answer to a request, before its first token."""
    body = (
        {"messages": [{"role": "user", "content": "Once"}]} | body
        if chat
        else {"prompt": ""} | body
    )
    return Answer(read_request(body, chat, TOKENIZER, CONTEXT, "base"), SPELLING, "base")


def job(name, prompt="Once upon", written=(), max_new=CONTEXT, seed="1 0", **settings):
    """A text to be written."""
    tokens = [0, *TOKENIZER.encode(prompt)]
    settings = {"temperature": 1.0, "top_p": 1.0, "n_top": None} | settings
    return Job(
        name, tokens, list(written), min(max_new, CONTEXT + 1 - len(tokens)), seed=seed, **settings
    )


def finished(engine):
    """All that the engine writes until it has nothing to do: tokens by name."""
    found = {}
    while not engine.idle:
        names, tokens, _ = engine.step()
        for name, token in zip(names, tokens, strict=True):
            found.setdefault(name, []).append(token)
    engine.cache.tables.check()
    assert engine.state.blocks_used == 0
    return found


@pytest.fixture(scope="module")
def engine():
    """The base model at work, six texts at once."""
    return Engine(None, 6)


# ---- text ----------------------------------------------------------------------------------------


def test_pieces_put_together_are_the_text_of_the_story():
    for words in Stories().corpus(40, seed=1):
        tokens = TOKENIZER.encode(words)
        for place in (0, len(words) // 2, words.index(".") + 1):
            state, text = SPELLING.state_after(tokens[:place]), to_text(words[:place])
            for token in tokens[place:]:
                piece = SPELLING.pieces[state][token]
                assert json.loads(SPELLING.as_json[state][token]) == piece
                text, state = text + piece, SPELLING.after[state][token]
            assert text == to_text(words)


def test_stop_strings_are_found_wherever_they_begin_and_nothing_is_held_back_longer():
    rng = random.Random(1)
    for _ in range(2000):
        pieces = ["".join(rng.choices("ab ", k=rng.randint(1, 3))) for _ in range(12)]
        stops = ["".join(rng.choices("ab ", k=rng.randint(1, 5))) for _ in range(rng.randint(1, 3))]
        filter_, sent = StopFilter(tuple(stops)), ""
        for number, piece in enumerate(pieces, 1):
            text = "".join(pieces[:number])
            found = [at for s in stops if (at := text.find(s)) >= 0]
            ready, stopped = filter_.push(piece, None)
            sent += "".join(piece for piece, _ in ready)
            assert stopped == bool(found)
            if stopped:
                assert sent == text[: min(found)] and filter_.flush() == []
                break
            held = text.removeprefix(sent)
            starts = range(len(filter_.held[0][0])) if held else []  # in the first piece
            assert not held or any(s.startswith(held[i:]) for i in starts for s in stops)
        else:
            assert sent + "".join(piece for piece, _ in filter_.flush()) == "".join(pieces)


def test_prebuilt_chunks_equal_those_that_are_built_anew():
    for chat in (False, True):
        for usage in ({}, {"stream_options": {"include_usage": True}}):
            told = answer(chat, stream=True, n=2, **usage)
            told.begin("weights")
            told.out.clear()
            quoted = TOKENIZER.encode(["said", '"', "Tom"])
            for token in quoted:
                told.texts[1].take(token)
            assert told.out == [told.chunk(1, text) for text in ("said", ' "', "Tom")]


def test_an_unknown_word_is_named_with_a_remedy_and_a_huge_one_is_shortened():
    for text, sentences in (
        ("Once wagn", ["'wagn'", "try 'wagon'"]),
        ("Once qqqqq", ["'qqqqq'", "write with the words of the course's stories"]),
        ("x" * 100_000, ["x" * 40, "which is no word of the language"]),
    ):
        with pytest.raises(ValueError) as error:
            encode("prompt", text, TOKENIZER, CONTEXT)
        assert all(s in str(error.value) for s in sentences) and len(str(error.value)) < 200


# ---- the engine ----------------------------------------------------------------------------------


def test_words_depend_on_the_seed_and_not_on_who_else_is_served(engine):
    settings = [
        {"seed": f"7 {i}", "temperature": 0.5 + i % 3 / 4, "top_p": 1 - i % 2 / 5} for i in range(9)
    ]
    for name, setting in enumerate(settings):
        engine.add(job(name, **setting))
    together = finished(engine)
    for name, setting in enumerate(settings):
        engine.add(job(name, **setting))
        assert finished(engine) == {name: together[name]}
    assert len({tuple(tokens) for tokens in together.values()}) == 9


def test_a_text_goes_on_where_another_engine_stopped(engine):
    engine.add(job("whole", seed="3 0"))
    whole = finished(engine)["whole"]
    for n in (1, 16, len(whole) - 1):
        engine.add(job("rest", written=whole[:n], seed="3 0"))
        assert finished(engine)["rest"] == whole[n:]


def test_ended_and_cancelled_texts_leave_nothing_in_the_engine(engine):
    for name in range(20):
        engine.add(job(name, max_new=3 + name, seed=str(name)))
    for _ in range(4):
        engine.step()
    for name in (5, 19, 77):  # one that runs, one that waits, one that does not exist
        engine.cancel(name)
    found = finished(engine)
    assert not {5, 19} & found.keys() and len(found) >= 10
    assert engine.jobs == engine.generators == {}


def test_a_text_that_does_not_fit_into_new_weights_is_refused(engine):
    too_long = job("long")._replace(max_new=CONTEXT)
    with pytest.raises(ValueError, match="reads 192 tokens, too few for this request"):
        engine.add(too_long)
    assert engine.idle and engine.jobs == {}


# ---- messages ------------------------------------------------------------------------------------


@pytest.fixture
def channels():
    """Both ends of a channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), Channel(theirs)


def test_messages_arrive_whole_however_they_are_split(channels):
    ours, theirs = channels
    sent = [("add", [job(i)]) for i in range(3)] + [("cancel", list(range(30_000)))]
    stream = b"".join(map(Channel.pack, sent))
    received = []
    for start in range(0, len(stream), 1021):
        ours.connection.sendall(stream[start : start + 1021])
        received += theirs.receive(wait=False)
    assert received == sent and theirs.receive(wait=False) == []
    ours.connection.close()
    with pytest.raises(EOFError):
        theirs.receive(wait=True)


def test_old_weights_finish_what_they_have_and_new_ones_do_the_rest(channels):
    ours, theirs = channels
    worker = Worker(theirs, "old", lambda path: Engine(None, 2) if path else None)
    old = worker.engines[0]
    ours.send(("add", [job(i, max_new=5) for i in range(4)]))
    worker.turn()
    ours.send(("load", "new"))
    ours.send(("add", [job(9, max_new=5)]))
    worker.turn()
    new = worker.engines[-1]
    assert new is not old and set(old.jobs) == {0, 1, 2, 3} and set(new.jobs) == {9}
    ours.send(("cancel", [9, 3]))
    while not old.idle:
        assert worker.engines[0] is old
        worker.turn()
    ours.send(("add", [job(10, max_new=5)]))
    worker.turn()
    assert list(worker.engines) == [new] and set(new.jobs) == {10}


def test_a_step_takes_at_least_as_long_as_asked_for(channels, monkeypatch):
    ours, theirs = channels
    clock, waited = iter([10.0, 10.02, 20.0, 20.5]), []
    monkeypatch.setattr(worker_module, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(worker_module, "sleep", waited.append)
    worker = Worker(theirs, None, lambda path: Engine(None, 2), step_s=0.1)
    ours.send(("add", [job(0, max_new=5)]))
    worker.turn()
    worker.turn()
    assert waited == pytest.approx([0.08, 0.0])


# ---- the supervisor ------------------------------------------------------------------------------


def test_an_answer_that_loses_every_worker_gets_an_error():
    supervisor = Supervisor(None, 4, 4, Metrics(), print)
    lucky, unlucky = answer(), answer()
    supervisor.submit(unlucky)
    for n in range(MOST_RESTARTS):
        supervisor._count_restart()
        assert unlucky.error is None, n
    supervisor.submit(lucky)
    supervisor._count_restart()
    assert "stopped again and again" in unlucky.error and lucky.error is None
    assert list(supervisor.live.values()) == lucky.texts


# ---- the socket ----------------------------------------------------------------------------------


def test_small_packets_are_sent_at_once():
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        asyncio.run(open_transport(accepted))
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def open_transport(accepted):
    """Let asyncio take over a socket, as it does for uvicorn."""
    await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, accepted)


def test_the_address_is_printed_once_a_signal_ends_the_server_in_order(monkeypatch):
    heeded = {}
    monkeypatch.setattr(signal, "signal", heeded.__setitem__)
    server = QuietServer(uvicorn.Config("none"), ready=lambda: order.append(dict(heeded)))
    order = []
    with server.capture_signals():
        assert set(order[0]) == {signal.SIGINT, signal.SIGTERM}
