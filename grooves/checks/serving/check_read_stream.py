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
from grooves.checks.serving.rules import LAB, SHOULD, in_forms
from grooves.checks.serving.streams import SEPARATORS, cases, lines_of, parsed
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


def _with(**changes):
    return lambda chunks: parsed(chunks, **changes)


def _all_at_once(chunks):
    return list(parsed(chunks))


def _joined_first(chunks):
    return list(parsed([b"".join(chunks)]))


def _one_late(chunks):
    """An event comes only when the next one has begun."""
    waiting = None
    for data in parsed(chunks):
        if waiting is not None:
            yield waiting
        waiting = data
    if waiting is not None:
        yield waiting


def _event_per_chunk(chunks):
    for chunk in chunks:
        said = chunk.decode(errors="ignore").strip()
        if said == "data: [DONE]":
            return
        if said.startswith("data:"):
            yield said[5:].removeprefix(" ")


def _blocks(end: bytes):
    """The buffer is cut at blank lines of one kind."""

    def read(chunks):
        for block in lines_of(chunks, ends=(end,)):
            yield from parsed([block.encode() + b"\n\n"], done="all")

    return lambda chunks: _until_done(read(chunks))


def _until_done(found):
    for data in found:
        if data == "[DONE]":
            return
        yield data


MISTAKES = (
    *in_forms(
        "chunk_alone",
        "each chunk is read by itself, so a line that is split between two chunks is lost. Keep "
        "what follows the last line end in a buffer, and append the next chunk to it.",
        _event_per_chunk,
        _with(each=True),
        lambda chunks: (data for chunk in chunks for data in parsed([chunk])),
        lambda chunks: _until_done(
            data for chunk in chunks for data in parsed([chunk], done="all", each=True)
        ),
    ),
    *in_forms(
        "characters_split",
        "characters of several bytes are damaged where a chunk ends inside one. Collect bytes, and "
        "decode whole lines.",
        _with(errors="ignore"),
        _with(errors="replace"),
        _with(encoding="latin-1"),
    ),
    *in_forms(
        "too_late",
        "the events come too late, such as after the whole stream. Yield each one as soon as the "
        "blank line after it has arrived.",
        _one_late,
        _all_at_once,
        _joined_first,
        lambda chunks: list(_until_done(parsed(chunks, done="all"))),
    ),
    *in_forms(
        "reads_on",
        "you go on reading behind [DONE]. The server may keep the connection open, and the next "
        "chunk then never comes: return at once.",
        _with(done="skip"),
        lambda chunks: (data for data in parsed(chunks, done="all") if data != "[DONE]"),
    ),
    *in_forms(
        "done_misread",
        "[DONE] ends the stream if it is the whole data of an event, and is not yielded. A text "
        "may contain it.",
        _with(done="kept"),
        _with(done="all"),
        _with(done_in=True),
    ),
    *in_forms(
        "wrong_spaces",
        "one space after the colon, if there is one, does not belong to the data; a line "
        "`data:one` counts too. All other spaces do: words of a text often begin with one.",
        _with(field="data: "),
        _with(value=lambda line: line[6:]),
        _with(value=lambda line: line[5:].strip()),
        _with(value=lambda line: line[5:].lstrip()),
        _with(value=lambda line: line[5:].lstrip(" ")),
        _with(value=lambda line: line[5:].strip(" ")),
        _with(value=lambda line: line[5:].removeprefix(" ").rstrip()),
        _with(value=lambda line: line.strip()[5:].removeprefix(" ")),
    ),
    *in_forms(
        "strip_letters",
        "`strip` and `lstrip` remove any of the letters that they are given, and so the beginning "
        "of a word such as `at`. Use `removeprefix`, or a slice.",
        _with(value=lambda line: line.lstrip("data: ")),  # noqa: B005
        _with(value=lambda line: line.lstrip("data:").removeprefix(" ")),  # noqa: B005
        _with(value=lambda line: line.strip("data: ")),  # noqa: B005
    ),
    *in_forms(
        "split_at_colons",
        "data that contains a colon, or `data:`, is cut. Only the first colon of a line ends the "
        "name of the field.",
        _with(value=lambda line: line.split(":")[1].removeprefix(" ")),
        _with(value=lambda line: line.split(": ")[1] if ": " in line else line.split(":")[1]),
        _with(value=lambda line: line.rpartition(":")[2].removeprefix(" ")),
        _with(value=lambda line: line.replace("data:", "").removeprefix(" ")),
        _with(value=lambda line: line.split("data:")[1].removeprefix(" ")),
        _with(value=lambda line: line.replace("data: ", "").replace("data:", "")),
    ),
    *in_forms(
        "other_fields",
        "comments and other fields, such as `id:` and `event:`, are taken for data. Only lines "
        "that begin with `data:` count.",
        _with(others=True),
        _with(comments=True),
        _with(others=True, comments=True),
    ),
    *in_forms(
        "line_ends",
        "lines end with \\n or \\r\\n, and with nothing else. Remove the \\r, so that an empty "
        "line is recognised; `splitlines` on text also splits at characters such as U+2028.",
        _with(cr=False),
        _blocks(b"\n\n"),
        _with(ends=SEPARATORS),
    ),
    *in_forms(
        "event_per_line",
        "an event ends with a blank line, and not with its first line. Lines of data before it "
        "belong together, with \\n between them.",
        _with(at_line=True),
        _with(joined=""),
        _with(joined=" "),
        _with(joined=None),
    ),
    Mistake(
        "unfinished_kept",
        _with(last=True),
        "an event without a blank line after it was cut off by the end of the stream. Drop it.",
    ),
)


MOST_ASKED = 1000  # chunks after the last one
RAISED = (
    (
        "UnicodeDecodeError",
        "A chunk can end inside a character of several bytes. Collect bytes, and decode whole "
        "lines.",
    ),
    (
        r"(?:TypeError|AttributeError): (?:a bytes-like object is required|can't concat|"
        r"startswith first arg|.*must be str, not bytes|.*\(not \"bytes\"\) to str)",
        'Chunks are bytes: compare them with bytes such as b"data:", or decode whole lines.',
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

    for chunks in cases():
        _note(events(answer, chunks), chunks)
    written_by_hand(operator.call, consumed)


def _note(got: tuple, chunks: list[bytes]) -> None:
    """Note how the events, and the times at which they came, differ from the right ones."""
    expected = events(parsed, chunks)
    wrong, told = got != expected, ""
    if wrong:
        mine, right = ([data for _, data in found] for found, _ in (got, expected))
        given = f"for {len(chunks)} chunks, {_shown(chunks)}"
        told = f"{given}, your result is {mine}; {SHOULD} {right}."
        if mine == right:
            told = (
                f"{given}, your result is right, but your function had read "
                f"{[n for n, _ in got[0]]} chunks when the events came, and {got[1]} at the end; "
                f"{SHOULD} {[n for n, _ in expected[0]]} and {expected[1]}. (Asking for one more "
                "chunk than there are, as a loop does, counts too.)"
            )
    note(
        Finding(wrong, told, MISTAKES, lambda m: events(m.compute, chunks) == got, inputs=(chunks,))
    )


def _shown(chunks: list[bytes]) -> str:
    shown = repr(chunks)
    return shown if len(shown) <= 300 else f"{shown[:299]}…"
