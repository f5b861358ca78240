"""Requests of the OpenAI protocol: what a client may ask for, and what is wrong with it.

Key idea: whatever comes over a network is checked once, at the boundary. `read_request` turns a
body into an `Ask` whose fields are all valid, or raises one sentence that names the field, its
value and the remedy; nothing behind it has to check again. Fields that would change the answer and
are not implemented here are refused, because ignoring them would be a silent error.
Chapter 09. Source: platform.openai.com/docs/api-reference (completions, chat).

Three things are decided here that the protocol leaves open. An answer has room until the context is
full: this is the limit without `max_tokens`, and a larger `max_tokens` is cut to it. Prompts are
words of *Stories*, because the model reads nothing else. The base model was never trained on
dialogues, so the contents of chat messages, joined by spaces, are the beginning of a story, which
the answer continues; roles are checked and otherwise ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from grooves.inference.request_fields import (
    CHAT,
    COMPLETION,
    IGNORED,
    MOST_ANSWERS,
    NEUTRAL,
    REQUIRED,
    BadRequest,
    shown,
)
from grooves.language.stories import to_words
from grooves.language.tokenizers import WordTokenizer

COLDEST = 1e-6  # below this temperature is greedy decoding; logits must not overflow
LONGEST_WORD = 40  # characters of an unknown word that a message repeats


@dataclass(frozen=True)
class Ask:
    """A valid request.

    prompts: the tokens of each prompt, without the mark at the beginning. glued: whether a prompt
    ends with a space, so that the answer needs none. n_top: likeliest tokens reported beside each
    token's log-probability; None reports none of both.
    """

    chat: bool
    prompts: list[list[int]]
    glued: list[bool]
    n: int
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool
    n_top: int | None


def parse_json(raw: bytes) -> dict:
    """The object in a request's body. Raises: BadRequest where it holds none."""
    try:
        body = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not valid JSON ({error}): send one JSON object") from None
    if not isinstance(body, dict):
        raise BadRequest(f"the body is {shown(body)}: it must be a JSON object, {{...}}")
    return body


def read_request(body: dict, chat: bool, tokenizer: WordTokenizer, context: int, model: str) -> Ask:
    """Check a request, field by field.

    context: the most tokens that the model reads, with the mark at the beginning. model: its name.
    Raises: BadRequest that names the first field which is wrong.
    """
    fields = {name: value for name, value in body.items() if value is not None}  # null: not given
    if (name := fields.get("model", model)) != model:
        raise BadRequest(
            f"model is {shown(name)}, but this server has {model!r} only: leave it out",
            "model",
            status=404 if isinstance(name, str) else 400,
            code="model_not_found",
        )
    known = CHAT if chat else COMPLETION
    for name, value in fields.items():
        _refuse_unknown(name, value, known)
    found = {name: _field(name, check, default, fields) for name, (check, default) in known.items()}
    if "stream_options" in fields and not found["stream"]:
        raise BadRequest(
            "stream_options are for streams: add stream, or leave them out", "stream_options"
        )
    n_top = found["logprobs"]
    if chat:
        n_top = (found["top_logprobs"] or 0) if found["logprobs"] else None
        if found["top_logprobs"] is not None and n_top is None:
            raise BadRequest("top_logprobs needs logprobs, which is not true here", "top_logprobs")
    field = "messages" if chat else "prompt"
    texts = found[field]
    if found["n"] * len(texts) > MOST_ANSWERS:
        raise BadRequest(
            f"n is {found['n']} for {len(texts)} prompts: at most {MOST_ANSWERS} answers at a time",
            "n",
        )
    tokens = [encode(field, text, tokenizer, context) for text in texts]
    room = context - max(map(len, tokens))  # the last token of an answer is never read
    return Ask(
        chat=chat,
        prompts=tokens,
        glued=[chat or text[-1:].isspace() for text in texts],
        max_tokens=min(found.get("max_completion_tokens") or found["max_tokens"] or room, room),
        include_usage=found["stream_options"],
        n_top=n_top,
        temperature=found["temperature"] if found["temperature"] >= COLDEST else 0.0,
        **{name: found[name] for name in ("n", "top_p", "seed", "stop", "stream")},
    )


def _refuse_unknown(name: str, value: object, known: dict) -> None:
    """Raises: BadRequest for a field that does not exist, or is not implemented."""
    if name in NEUTRAL and not any(value == neutral for neutral in NEUTRAL[name]):
        raise BadRequest(f"{name} is not implemented by this server: leave it out", name)
    if name not in known and name not in IGNORED and name not in NEUTRAL:
        near = get_close_matches(name[:LONGEST_WORD], known, n=1)
        remedy = f"did you mean {near[0]}?" if near else "leave it out"
        raise BadRequest(
            f"{name[:LONGEST_WORD]!r} is no field of this request: {remedy}", name[:LONGEST_WORD]
        )


def _field(name: str, check: Callable, default: object, fields: dict) -> object:
    if name in fields:
        return check(name, fields[name])
    if default is REQUIRED:
        raise BadRequest(f"{name} is missing: every request needs it", name)
    return default


def encode(field: str, text: str, tokenizer: WordTokenizer, context: int) -> list[int]:
    """The tokens of a prompt.

    Raises: BadRequest that names the unknown word, or says how much too long the prompt is.
    """
    words = to_words(text)
    if len(words) >= context:
        raise BadRequest(
            f"{field} has {len(words)} words, and the model reads at most {context - 1} of them "
            "if it is to write one: shorten it",
            field,
            code="context_length_exceeded",
        )
    for word in words:
        if len(word) > LONGEST_WORD:  # far from any word of the language
            raise BadRequest(
                f"{field} holds {word[:LONGEST_WORD]!r}..., which is no word of the language", field
            )
    try:
        return tokenizer.encode(words)
    except ValueError as error:
        more = "" if "; try" in str(error) else "; write with the words of the course's stories"
        raise BadRequest(f"{field}: {error}{more}", field, code="unknown_word") from None
