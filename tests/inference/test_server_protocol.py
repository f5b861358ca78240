"""`grooves serve` speaks the OpenAI protocol: with the real client and with plain HTTP.

Several tests are bugs that well-known servers had.
"""

import asyncio
import json
import math

import openai
import pytest
from running_server import serving

from grooves.inference.readers import next_logits
from grooves.language.stories import Stories, to_text, to_words
from grooves.training.lineage import base

MODEL = "base"
START = "Once upon a time"
CHAT = [{"role": "user", "content": START}]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One server for all tests of this file."""
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(running):
    """It; after every test nothing may be left in it."""
    yield running
    running.nothing_left()


@pytest.fixture
def client(server):
    """The real client of the protocol."""
    with server.openai() as client:
        yield client


def events(server, path="/v1/completions", **body):
    """The data of every event of a stream, as text."""
    with server.http.stream("POST", path, json=body | {"stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = list(response.iter_lines())
    assert all(line == "" or line.startswith("data: ") for line in lines)
    return [line.removeprefix("data: ") for line in lines if line]


def chunks(server, path="/v1/completions", **body):
    """The objects of a stream, which ends with [DONE]."""
    *objects, done = events(server, path, **body)
    assert done == "[DONE]"
    return [json.loads(text) for text in objects]


# ---- the real client -----------------------------------------------------------------------------


def test_the_real_client_lists_the_model(client):
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-4', only 'base'"):
        client.models.retrieve("gpt-4")


def test_the_real_client_gets_a_whole_story(client):
    answer = client.completions.create(model=MODEL, prompt=START, seed=1, temperature=0)
    (choice,) = answer.choices
    assert answer.object == "text_completion" and answer.model == MODEL
    assert choice.index == 0 and choice.finish_reason == "stop" and choice.logprobs is None
    assert Stories().parse(START + choice.text).ok
    assert answer.usage.prompt_tokens == 4
    assert answer.usage.completion_tokens == len(to_words(choice.text))
    assert answer.usage.total_tokens == 4 + answer.usage.completion_tokens


def test_the_real_client_chats(client):
    messages = [{"role": "system", "content": "Once upon"}, {"role": "user", "content": "a time"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, temperature=0)
    plain = client.completions.create(model=MODEL, prompt=START, temperature=0)
    (choice,) = answer.choices
    assert answer.object == "chat.completion" and choice.message.role == "assistant"
    assert choice.message.content == plain.choices[0].text.lstrip()
    assert choice.finish_reason == "stop" and answer.usage == plain.usage


def test_the_real_client_streams_both_ways(client):
    settings = dict(model=MODEL, temperature=0, stream=True)
    text = "".join(c.choices[0].text for c in client.completions.create(prompt=START, **settings))
    said = [c.choices[0].delta for c in client.chat.completions.create(messages=CHAT, **settings)]
    assert Stories().parse(START + text).ok
    assert "".join(delta.content or "" for delta in said) == text.lstrip()
    assert [delta.role for delta in said] == ["assistant"] + [None] * (len(said) - 1)


def test_the_asynchronous_client_streams_several_at_once(server):
    async def tell(client, seed):
        stream = await client.completions.create(
            model=MODEL,
            prompt=START,
            seed=seed,
            stream=True,
            stream_options={"include_usage": True},
        )
        return [chunk async for chunk in stream]

    async def all_at_once():
        async with server.async_openai() as client:
            return await asyncio.gather(*(tell(client, seed) for seed in range(6)))

    answers = asyncio.run(all_at_once())
    assert len({chunk.id for chunks in answers for chunk in chunks}) == 6
    for seed, chunks in enumerate(answers):
        text = "".join(c.choices[0].text for c in chunks[:-1])
        alone = server.post(prompt=START, seed=seed).json()
        assert text == alone["choices"][0]["text"]
        assert chunks[-1].usage.model_dump(exclude_none=True) == alone["usage"]


# ---- streams: what other servers got wrong -------------------------------------------------------


@pytest.mark.parametrize("chat", [False, True])
def test_all_chunks_have_one_id_and_the_right_object(server, chat):
    path = "/v1/chat/completions" if chat else "/v1/completions"
    prompt = {"messages": CHAT} if chat else {"prompt": START}
    found = chunks(server, path, **prompt, n=2, seed=1)
    heads = {(c["id"], c["object"], c["created"], c["model"]) for c in found}
    assert len(heads) == 1
    ((name, kind, _, model),) = heads
    assert kind == ("chat.completion.chunk" if chat else "text_completion") and model == MODEL
    assert name.startswith("chatcmpl-" if chat else "cmpl-")
    other = chunks(server, path, **prompt, max_tokens=1)
    assert other[0]["id"] != name


@pytest.mark.parametrize("limit, reason", [(5, "length"), (None, "stop")])
def test_the_finish_reason_is_null_until_the_end_and_never_empty(server, limit, reason):
    for path, prompt in (
        ("completions", {"prompt": START}),
        ("chat/completions", {"messages": CHAT}),
    ):
        found = chunks(server, f"/v1/{path}", **prompt, seed=2, max_tokens=limit)
        reasons = [c["choices"][0]["finish_reason"] for c in found]
        assert reasons == [None] * (len(found) - 1) + [reason]


def test_the_first_chat_chunk_says_who_speaks_and_is_no_token(server):
    found = chunks(
        server,
        "/v1/chat/completions",
        messages=CHAT,
        max_tokens=3,
        stream_options={"include_usage": True},
    )
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    spoken = [c["choices"][0]["delta"] for c in found[1:-1]]
    assert all(delta.keys() == {"content"} and delta["content"] for delta in spoken[:3])
    assert spoken[3:] == [{}] and found[-1]["usage"]["completion_tokens"] == 3


def test_usage_comes_once_after_all_choices_and_only_if_asked_for(server):
    body = dict(prompt=[START, "There once was"], n=2, max_tokens=6, seed=5)
    plain = chunks(server, **body)
    assert all("usage" not in chunk and chunk["choices"] for chunk in plain)
    *before, last = chunks(server, **body, stream_options={"include_usage": True})
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in before)
    n_events = sum(bool(chunk["choices"][0]["text"]) for chunk in before)
    assert last["choices"] == [] and n_events == 24
    assert last["usage"] == {"prompt_tokens": 7, "completion_tokens": 24, "total_tokens": 31}


def test_stream_and_whole_answer_say_the_same(server):
    body = dict(prompt=START, seed=8, n=3, stop=["."], logprobs=2)
    whole = server.post(**body).json()
    found = chunks(server, **body)
    for choice in whole["choices"]:
        own = [c["choices"][0] for c in found if c["choices"][0]["index"] == choice["index"]]
        assert "".join(c["text"] for c in own) == choice["text"]
        assert own[-1]["finish_reason"] == choice["finish_reason"]
        for field in ("tokens", "token_logprobs", "text_offset"):
            joined = [x for c in own if c["logprobs"] for x in c["logprobs"][field]]
            assert joined == pytest.approx(choice["logprobs"][field])


# ---- what can be asked for -----------------------------------------------------------------------


def test_choices_are_different_and_carry_their_index(server):
    answer = server.post(prompt=[START, "There once was"], n=3, seed=4).json()
    assert [choice["index"] for choice in answer["choices"]] == list(range(6))
    texts = [choice["text"] for choice in answer["choices"]]
    assert len(set(texts)) == 6
    assert answer == server.post(prompt=[START, "There once was"], n=3, seed=4).json() | {
        "id": answer["id"], "created": answer["created"],
    }  # fmt: skip
    assert server.post(prompt=START, seed=5).json()["choices"][0]["text"] != texts[0]


def test_stop_strings_end_an_answer_and_are_not_sent(server):
    free = server.post(prompt=START, seed=3).json()["choices"][0]["text"]
    sentence = free[: free.index(".")]
    inside = sentence[5:9]  # begins and ends within words
    for stop, text in (
        (".", sentence),
        (["!", "."], sentence),
        ([inside], free[: free.index(inside)]),
    ):
        choice = server.post(prompt=START, seed=3, stop=stop).json()["choices"][0]
        assert (choice["text"], choice["finish_reason"]) == (text, "stop")
        streamed = chunks(server, prompt=START, seed=3, stop=stop)
        assert "".join(c["choices"][0]["text"] for c in streamed) == text
    choice = server.post(prompt=START, seed=3, stop="never said").json()["choices"][0]
    assert choice["text"] == free
    server.nothing_left()  # the worker was told to stop


def test_usage_counts_words_without_the_end_mark(server):
    for limit, reason in ((7, "length"), (None, "stop")):
        answer = server.post(prompt="There once was", seed=6, max_tokens=limit).json()
        words = to_words("There once was" + answer["choices"][0]["text"])[3:]
        assert answer["choices"][0]["finish_reason"] == reason
        assert answer["usage"]["completion_tokens"] == len(words) == (limit or len(words))
        assert answer["usage"]["prompt_tokens"] == 3


def test_log_probabilities_are_the_models_own_in_both_forms(server):
    settings = dict(seed=9, temperature=0.5, max_tokens=6)
    plain = server.post(prompt=START, logprobs=3, **settings).json()["choices"][0]
    body = dict(messages=CHAT, logprobs=True, top_logprobs=3, **settings)
    chat = server.post("/v1/chat/completions", **body).json()["choices"][0]
    language = Stories()
    words = to_words(START + plain["text"])
    tokens = [language.index[word] for word in words]
    table = next_logits(base().cpu(), [tokens])[0].double().log_softmax(-1)
    exact = [float(table[4 + i, token]) for i, token in enumerate(tokens[4:])]
    logprobs = plain["logprobs"]
    assert logprobs["token_logprobs"] == pytest.approx(exact, abs=1e-4)
    assert "".join(logprobs["tokens"]) == plain["text"] and len(logprobs["tokens"]) == 6
    for token, start in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
        assert plain["text"][start:].startswith(token)
    best = [sorted(row.tolist())[:-4:-1] for row in table[4:10]]
    assert [list(top.values()) for top in logprobs["top_logprobs"]] == [
        pytest.approx(b, abs=1e-4) for b in best
    ]
    entries = chat["logprobs"]["content"]
    assert [e["logprob"] for e in entries] == pytest.approx(exact, abs=1e-4)
    assert bytes(b for e in entries for b in e["bytes"]).decode() == chat["message"]["content"]
    assert all(
        len(e["top_logprobs"]) == 3 and e["token"].encode() == bytes(e["bytes"]) for e in entries
    )


def test_temperature_and_top_p_reach_the_sampler(server):
    greedy = [
        server.post(prompt=START, temperature=0, seed=s).json()["choices"][0]["text"]
        for s in (1, 2)
    ]
    cold = server.post(prompt=START, temperature=1e-320, seed=3).json()["choices"][0]["text"]
    narrow = server.post(prompt=START, top_p=1e-9, seed=3).json()["choices"][0]["text"]
    assert greedy[0] == greedy[1] == narrow == cold
    usual, hot = (
        server.post(prompt=START, n=8, temperature=t, seed=3, logprobs=0).json() for t in (1, 2)
    )

    def mean(answer):
        values = [p for c in answer["choices"] for p in c["logprobs"]["token_logprobs"]]
        return math.fsum(values) / len(values)

    assert mean(hot) < mean(usual) - 1


def test_without_a_seed_every_answer_differs(server):
    texts = {server.post(prompt=START).json()["choices"][0]["text"] for _ in range(3)}
    assert len(texts) == 3


def test_answers_go_on_where_the_prompt_ends(server):
    for prompt in ("", "Once", "Once upon a time ", 'Mia was a small owl. "'):
        text = server.post(prompt=prompt, temperature=0).json()["choices"][0]["text"]
        words = to_words(prompt + text)
        assert to_text(words) == (prompt + text).strip()


def test_metrics_count_requests_and_tokens(server):
    names = [f'grooves_{name}' for name in (
        'requests_total{status="200"}', 'requests_total{status="400"}',
        'tokens_total{kind="prompt"}', 'tokens_total{kind="completion"}',
        "first_token_seconds_count", "answer_seconds_count",
    )]  # fmt: skip
    before = [server.metric(name) for name in names]
    server.post(prompt=START, max_tokens=5)
    chunks(server, prompt=START, max_tokens=7)
    server.post(prompt=START, max_tokens=0)
    after = [server.metric(name) for name in names]
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 1, 8, 12, 2, 2]


def test_what_does_not_exist_is_said_in_the_protocols_format(server, client):
    with pytest.raises(
        openai.NotFoundError, match="model is \"gpt-4\", but this server has 'base'"
    ):
        client.completions.create(model="gpt-4", prompt=START)
    for method, path, status in (("GET", "/v1/embeddings", 404), ("GET", "/v1/completions", 405)):
        response = server.http.request(method, path)
        assert response.status_code == status and path in response.json()["error"]["message"]
    response = server.post("/v1/feedback", prompt="", text=START, thumb=1)
    assert response.status_code == 404 and "--feedback FILE" in response.json()["error"]["message"]
