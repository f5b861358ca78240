"""Check of lab 9: reading a stream of server-sent events (chapter 9).

Key idea: streams are cut into chunks of several sizes, and each event must come as soon as the
blank line after it has arrived. The chunks are counted as they are read, so that an answer that
waits for the end, or reads on behind [DONE], is recognised.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import Mistake, written_by_hand
from grooves.checks.serving.rules import LAB, SHOULD
from grooves.checks.serving.stream_mistakes import (
    CHARACTERS_SPLIT,
    CHUNK_ALONE,
    DONE_MISREAD,
    EMPTY_EVENTS,
    MISTAKES,
    READS_ON,
    TOO_LATE,
)
from grooves.checks.serving.streams import cases, parsed
from grooves.checks.survey import Finding
from grooves.checks.verdict import note


class Chunks:
    """An iterator over chunks that counts how many were asked for.

    Raises: CheckFailed with the hint "endless" for an answer that asks on and on.
    """

    def __init__(self, chunks: list[bytes]):
        self.chunks, self.asked = chunks, 0

    def __iter__(self):
        return self

    def __repr__(self):
        return f"iter({_shown(self.chunks)})"

    def __next__(self) -> bytes:
        self.asked += 1
        if self.asked > len(self.chunks) + MOST_ASKED:
            raise CheckFailed(
                "your function asks for chunks again and again after the last one. A loop "
                "`for chunk in chunks` ends by itself.",
                hint="endless",
            )
        if self.asked > len(self.chunks):
            raise StopIteration
        return self.chunks[self.asked - 1]


def events(call, chunks: list[bytes]) -> tuple[list[tuple[int, str]], int]:
    """What an answer yields, each with the number of chunks asked for by then; and that at the end.

    Raises: CheckFailed with the hint "not_texts" where an event is no text, or "stop_iteration".
    """
    stream, found = Chunks(chunks), []
    try:
        for data in call(stream):
            if not isinstance(data, str):
                raise CheckFailed(
                    f"expected texts, the data of each event; your function gave {describe(data)}. "
                    "Bytes become text with `decode`.",
                    hint="not_texts",
                )
            found.append((stream.asked, data))
    except RuntimeError as error:
        if "StopIteration" not in str(error):
            raise
        raise CheckFailed(
            "your function calls `next(chunks)` when there is no further chunk, which stops it "
            "with an error. A loop `for chunk in chunks` ends by itself.",
            hint="stop_iteration",
        ) from None
    return found, min(stream.asked, len(chunks) + 1)


MOST_ASKED = 1000  # chunks after the last one
RAISED = (
    (
        "UnicodeDecodeError",
        "a chunk can end inside a character of several bytes. Collect bytes, and decode whole "
        "lines.",
    ),
    (
        r"(?:TypeError|AttributeError): (?:a bytes-like object is required|can't concat|"
        r"startswith first arg|.*must be str, not bytes|.*\(not \"bytes\"\) to str)",
        'chunks are bytes: compare them with bytes such as b"data:", or decode whole lines.',
    ),
)


@check(
    lab=LAB,
    exercise="read_stream",
    returns=(Iterator, list, tuple),
    repeatable=False,
    raised=RAISED,
)
def read_stream(answer):
    """read_stream(chunks): an iterator of bytes -> yields the data of each event, as text."""

    def consumed():
        return list(answer(iter([b"data: one\n\n", b"data: [DONE]\n\n"])))

    tried: list[Tried] = []
    try:
        for chunks in cases():
            tried.append(Tried(chunks, events(answer, chunks)))
            _note(tried[-1])
    except CheckFailed:
        raise
    except Exception:
        _refuse_by_behaviour(tried)
        raise
    _refuse_by_behaviour(tried)
    written_by_hand(operator.call, consumed)


class Tried:
    """A stream, what the answer gave for it, and what is right: (events with times, chunks read).

    Coming sooner, or reading less, is no mistake where the events are right.
    """

    def __init__(self, chunks: list[bytes], got: tuple):
        self.chunks, self.right = chunks, events(parsed, chunks)
        self.got = self.no_sooner(got)
        self.words, self.right_words = ([w for _, w in g] for g, _ in (self.got, self.right))
        self.wrong = self.got != self.right

    def no_sooner(self, got: tuple) -> tuple:
        """The same, with numbers of chunks that are at least those of the right result."""
        (found, end), (expected, right_end) = got, self.right
        if [word for _, word in found] == [word for _, word in expected]:
            times = [max(n, right) for (n, _), (right, _) in zip(found, expected, strict=True)]
            found = [(n, word) for n, (_, word) in zip(times, expected, strict=True)]
        return found, max(end, right_end)

    @property
    def told(self) -> str:
        """How the events, and the times at which they came, differ from the right ones."""
        n = len(self.chunks)
        given = f"for {n} chunk{'s' * (n != 1)}, {_shown(self.chunks)}"
        if self.words != self.right_words:
            return f"{given}, your result is {self.words}; {SHOULD} {self.right_words}."
        mine, right = ([n for n, _ in found] for found, _ in (self.got, self.right))
        return (
            f"{given}, your result is right, but your function had read {mine} chunks when the "
            f"events came, and {self.got[1]} at the end; {right} and {self.right[1]} are enough. "
            "(Asking for one more chunk than there are, as a loop does, counts too.)"
        )


def _note(tried: Tried) -> None:
    def agrees(mistake: Mistake) -> bool:
        return tried.no_sooner(events(mistake.compute, tried.chunks)) == tried.got

    told = tried.told if tried.wrong else ""
    note(Finding(tried.wrong, told, MISTAKES, agrees, inputs=(tried.chunks,)))


def _refuse_by_behaviour(tried: list[Tried]) -> None:
    """Refuse an answer by what its first wrong result shows, however the answer is written.

    The message is seen where no mistake explains all results.
    Raises: CheckFailed with the name of a mistake as its hint.
    """
    first = next((each for each in tried if each.wrong), None)
    if first and (shown := _shown_mistake(first, tried)):
        name, says = shown
        raise CheckFailed(f"{first.told}\nLikely mistake: {says}", hint=name)


def _shown_mistake(first: Tried, tried: list[Tried]) -> tuple[str, str] | None:
    n, said = len(first.right_words), b"".join(first.chunks)
    if first.words == first.right_words:
        late = first.got[0] != first.right[0]
        return ("too_late", TOO_LATE) if late else ("reads_on", READS_ON)
    if [word for word in first.words if word] == first.right_words:
        return "no_event", EMPTY_EVENTS
    if b"[DONE]" in said and first.words[:n] == first.right_words:
        kept = first.words[n] == "[DONE]"
        return ("done_misread", DONE_MISREAD) if kept else ("reads_on", READS_ON)
    if any(b"".join(each.chunks) == said and not each.wrong for each in tried):
        return (
            ("chunk_alone", CHUNK_ALONE)
            if said.isascii()
            else ("characters_split", CHARACTERS_SPLIT)
        )
    return None


def _shown(chunks: list[bytes]) -> str:
    shown = repr(chunks)
    return shown if len(shown) <= 300 else f"{shown[:299]}…"
