"""Answers of the OpenAI protocol: from tokens to text, whole or in chunks.

Key idea: thousands of events per second differ in one word, so everything else in them is
serialised once, when an answer begins: a chunk is a prefix, the word as JSON, and a suffix. How a
word is written depends on whether a space precedes it and on whether a quotation is open, which are
four states, so the spelling of every word in every state is a table.
Chapter 09. Source: platform.openai.com/docs/api-reference (streaming events).

An answer's tokens are counted without the end mark, so there are as many as the text has words.
"""

from __future__ import annotations

import json
import time
from asyncio import Future, get_running_loop
from uuid import uuid4

from grooves.inference.protocol import Ask
from grooves.language.grammar import END as END_MARK

END = 0  # its token
PLACE = "\0"  # where the text stands in a chunk that is used as a pattern


class Spelling:
    """How each word is written: `pieces[state][token]`, and the state after it.

    A state is 2 * (a quotation is open) + (no space comes before the next word). Pieces put
    together give what `grooves.language.stories.to_text` gives.
    """

    def __init__(self, vocabulary):
        self.pieces, self.after, self.as_json = [], [], []
        for state in range(4):
            quoted, glued = divmod(state, 2)
            spelled = [self._spell(word, quoted, glued) for word in vocabulary]
            self.pieces.append([piece for piece, _ in spelled])
            self.after.append([after for _, after in spelled])
            self.as_json.append([json.dumps(piece).encode() for piece, _ in spelled])

    @staticmethod
    def _spell(word: str, quoted: int, glued: int) -> tuple[str, int]:
        if word == END_MARK:
            return "", 2 * quoted + glued
        if word == '"':
            return (word if quoted or glued else f" {word}"), (0 if quoted else 3)
        return (word if glued or word in ".,!?" else f" {word}"), 2 * quoted

    def state_after(self, tokens: list[int]) -> int:
        """The state in which a text that begins with `tokens` goes on."""
        state = 1
        for token in tokens:
            state = self.after[state][token]
        return state


class StopFilter:
    """Finds stop strings in a text that grows, and holds back what may be the beginning of one."""

    def __init__(self, strings: tuple[str, ...]):
        self.strings, self.held = strings, []

    def push(self, piece: str, entry: object) -> tuple[list[tuple[str, object]], bool]:
        """One more token's piece: the pieces that may be sent now, and whether a stop was found.

        entry: anything that belongs to the token. Only whole pieces are sent, until the end.
        """
        self.held.append((piece, entry))
        text = "".join(piece for piece, _ in self.held)
        if found := [at for s in self.strings if (at := text.find(s)) >= 0]:
            return self._cut(min(found)), True
        most = min(len(text), max(map(len, self.strings)) - 1)
        open_from = len(text)
        for n in range(most, 0, -1):
            if any(s.startswith(text[-n:]) for s in self.strings):
                open_from = len(text) - n
                break
        ready, at = [], 0
        while self.held and at + len(self.held[0][0]) <= open_from:
            at += len(self.held[0][0])
            ready.append(self.held.pop(0))
        return ready, False

    def flush(self) -> list[tuple[str, object]]:
        """What was held back, where the text ended by itself."""
        ready, self.held = self.held, []
        return ready

    def _cut(self, end: int) -> list[tuple[str, object]]:
        """The held pieces before character `end`, the last one perhaps shortened."""
        kept = []
        for piece, entry in self.flush():
            if end <= 0:
                break
            kept.append((piece[:end], entry))
            end -= len(piece)
        return kept


class Text:
    """One of an answer's texts: its tokens, what was written of it, and why it ended."""

    def __init__(self, answer: Answer, index: int, prompt: list[int], glued: bool):
        self.answer, self.index, self.prompt = answer, index, prompt
        self.name: int | None = None  # under which the worker knows it
        self.n_restarts = 0
        self.tokens: list[int] = []
        self.written: list[tuple[str, object]] = []  # pieces and their log-probabilities
        self.finish_reason: str | None = None
        self.state = answer.spelling.state_after(prompt) | glued
        self.filter = StopFilter(answer.ask.stop) if answer.ask.stop else None
        self.before = self.behind = b""  # of a chunk
        self.plain = self.filter is None and answer.ask.n_top is None

    def take(self, token: int, chances: tuple | None = None) -> None:
        """One more token. chances: its log-probability and [(token, log-probability), ...]."""
        spelling, state = self.answer.spelling, self.state
        self.tokens.append(token)
        if token == END:
            return self._finish("stop")
        piece, self.state = spelling.pieces[state][token], spelling.after[state][token]
        if self.plain:
            self.written.append((piece, None))
            if self.answer.ask.stream:
                self.answer.out.append(self.before + spelling.as_json[state][token] + self.behind)
        else:
            self._take_slowly(piece, chances, state)
        if self.finish_reason is None and len(self.tokens) >= self.answer.ask.max_tokens:
            self._finish("length")
        return None

    def _take_slowly(self, piece: str, chances: tuple | None, state: int) -> None:
        """The same with stop strings or log-probabilities."""
        entry = None
        if self.answer.ask.n_top is not None:
            log_p, likeliest = chances
            spelled = self.answer.spelling.pieces[state]
            entry = log_p, [(spelled[t] or END_MARK, p) for t, p in likeliest]
        if self.filter is None:
            return self._write([(piece, entry)])
        ready, stopped = self.filter.push(piece, entry)
        self._write(ready)
        if stopped:
            self._finish("stop")
        return None

    def _write(self, pieces: list[tuple[str, object]]) -> None:
        """Pieces that may be sent."""
        start = sum(len(piece) for piece, _ in self.written)
        self.written += pieces
        if pieces and self.answer.ask.stream:
            text = "".join(piece for piece, _ in pieces)
            logprobs = self.answer.logprobs(pieces, start)
            self.answer.out.append(self.answer.chunk(self.index, text, logprobs=logprobs))

    def _finish(self, reason: str) -> None:
        if self.filter is not None:
            self._write(self.filter.flush())
        self.finish_reason = reason
        if self.answer.ask.stream:
            self.answer.out.append(self.answer.chunk(self.index, None, reason))

    @property
    def n_written(self) -> int:
        """Tokens of the answer, without the end mark."""
        return len(self.tokens) - (self.tokens[-1:] == [END])


class Answer:
    """Everything that one request gets back, and where its handler waits for it.

    model, weights: their names in the answer. `out` holds the events of a stream that are ready.
    """

    def __init__(self, ask: Ask, spelling: Spelling, model: str):
        self.ask, self.spelling, self.model = ask, spelling, model
        self.id = f"{'chatcmpl' if ask.chat else 'cmpl'}-{uuid4().hex}"
        self.created, self.start_s = int(time.time()), time.perf_counter()
        self.weights: str | None = None  # known from the first token on
        self.out: list[bytes] = []
        self.error: str | None = None
        self.gone = False  # the client has left
        self.waiter: Future | None = None
        self.texts = [
            Text(self, p * ask.n + i, prompt, glued)
            for p, (prompt, glued) in enumerate(zip(ask.prompts, ask.glued, strict=True))
            for i in range(ask.n)
        ]

    # ---- waiting and waking ----------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.gone or bool(self.error) or all(t.finish_reason for t in self.texts)

    async def changed(self) -> None:
        """Wait until `wake` is called."""
        self.waiter = get_running_loop().create_future()
        await self.waiter

    def wake(self) -> None:
        """Let the handler look again."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    # ---- what is sent ----------------------------------------------------------------------------

    def begin(self, weights: str) -> None:
        """The first token is there, from these weights: prepare the chunks."""
        self.weights = weights
        for text in self.texts:
            pattern = self.chunk(text.index, PLACE)
            text.before, text.behind = pattern.split(json.dumps(PLACE).encode())
            if self.ask.chat and self.ask.stream:  # no token: it only says who speaks
                self.out.append(self.chunk(text.index, "", role="assistant"))

    def head(self, kind: str) -> dict:
        """The fields with which every object begins."""
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return head | {"system_fingerprint": f"fp_{self.weights}"}

    def chunk(self, index: int, text: str | None, reason=None, logprobs=None, role=None) -> bytes:
        """One event of a stream. text: None for the last one of a choice."""
        if self.ask.chat:
            delta = {"role": role} if role else {}
            said = {"delta": delta | ({} if text is None else {"content": text})}
        else:
            said = {"text": text or ""}
        choice = {"index": index, **said, "logprobs": logprobs, "finish_reason": reason}
        return self._event([choice], None)

    def closing(self) -> list[bytes]:
        """The events after the last choice has ended."""
        usage = [self._event([], self.usage())] if self.ask.include_usage else []
        return [*usage, b"data: [DONE]\n\n"]

    def _event(self, choices: list[dict], usage: dict | None) -> bytes:
        body = self.head("chat.completion.chunk" if self.ask.chat else "text_completion")
        body["choices"] = choices
        if self.ask.include_usage:  # null in all chunks but the last
            body["usage"] = usage
        return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"

    def whole(self) -> dict:
        """The answer to a request without streaming."""
        body = self.head("chat.completion" if self.ask.chat else "text_completion")
        return body | {"choices": [self._choice(t) for t in self.texts], "usage": self.usage()}

    def _choice(self, text: Text) -> dict:
        said = "".join(piece for piece, _ in text.written)
        message = {"role": "assistant", "content": said, "refusal": None}
        choice = {
            "index": text.index,
            **({"message": message} if self.ask.chat else {"text": said}),
        }
        logprobs = self.logprobs(text.written, 0)
        return choice | {"logprobs": logprobs, "finish_reason": text.finish_reason}

    def usage(self) -> dict:
        """Tokens of the prompts, each once, and of all texts."""
        prompt = sum(map(len, self.ask.prompts))
        new = sum(text.n_written for text in self.texts)
        return {"prompt_tokens": prompt, "completion_tokens": new, "total_tokens": prompt + new}

    def logprobs(self, pieces: list[tuple[str, tuple]], start: int) -> dict | None:
        """Log-probabilities of pieces in the protocol's two forms. start: characters before."""
        if self.ask.n_top is None:
            return None
        if self.ask.chat:
            return {"content": [self._entry(*piece) for piece in pieces], "refusal": None}
        offsets = [start + sum(len(p) for p, _ in pieces[:i]) for i in range(len(pieces))]
        return {
            "tokens": [piece for piece, _ in pieces],
            "token_logprobs": [log_p for _, (log_p, _) in pieces],
            "top_logprobs": [dict(top) for _, (_, top) in pieces] if self.ask.n_top else None,
            "text_offset": offsets,
        }

    @staticmethod
    def _entry(piece: str, chances: tuple) -> dict:
        """One token with its log-probability and the likeliest ones, as chat has them."""

        def one(token: str, log_p: float) -> dict:
            return {"token": token, "logprob": log_p, "bytes": list(token.encode())}

        log_p, top = chances
        return one(piece, log_p) | {"top_logprobs": [one(*likely) for likely in top]}
