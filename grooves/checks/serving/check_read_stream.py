"""Check of lab 9: reading a stream of server-sent events (chapter 9).

Key idea: one stream is cut into chunks at every possible place, and each event must come as soon as
the blank line after it has arrived. The chunks are counted as they are read, so that an answer that
waits for the end, or reads on behind [DONE], is recognised.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator

from grooves.checks import CheckFailed, check, describe
from grooves.checks.compare import Mistake, written_by_hand
from grooves.checks.serving.rules import LAB, SHOULD, in_forms
from grooves.checks.serving.streams import cases
from grooves.checks.survey import Finding
from grooves.checks.verdict import note


def handed_out(chunks: list[bytes], count: list[int]) -> Iterator[bytes]:
    """The chunks one by one; count[0] becomes how many were asked for."""
    for chunk in chunks:
        count[0] += 1
        yield chunk
    count[0] += 1  # the answer has asked for more than there is


def events(call, chunks: list[bytes]) -> tuple[list[tuple[int, object]], int]:
    """What an answer yields, each with the number of chunks read by then; and chunks read in all.

    Raises: CheckFailed with the hint "not_texts" where an event is no text.
    """
    count, found = [0], []
    for data in call(handed_out(chunks, count)):
        if not isinstance(data, str):
            raise CheckFailed(
                f"expected texts, the data of each event; your function gave {describe(data)}. "
                "Bytes become text with `decode`.",
                hint="not_texts",
            )
        found.append((count[0], data))
    return found, count[0]


def lines_of(chunks, ends=(b"\n",), encoding="utf-8", errors="strict", each=False, decode=True):
    """Lines, each as soon as its end has arrived; with a place for mistakes of the splitting."""
    buffer = b""
    for chunk in chunks:
        if each:
            yield from chunk.decode(errors="ignore").split("\n")[:-1]
            continue
        if errors != "strict":
            chunk = chunk.decode(encoding, errors).encode()
        elif encoding != "utf-8":
            chunk = chunk.decode(encoding).encode()
        buffer += chunk
        while True:
            places = [(buffer.find(end), end) for end in ends if end in buffer]
            if not places:
                break
            place, end = min(places)
            yield buffer[:place].decode() if decode else buffer[:place]
            buffer = buffer[place + len(end) :]


SEPARATORS = tuple(s.encode() for s in ("\n", "\u2028", "\x0b", "\x0c", "\x85", "\u2029", "\x1c"))


def parsed(
    chunks, value=None, field="data", done="stop", joined="\n", at_line=False, cr=True,
    comments=False, last=False, others=False, done_in=False, **splitting,
):  # fmt: skip
    """The right events, with a place for each mistake."""
    value = value or (lambda line: line[5:].removeprefix(" "))
    gathered: list[str] = []
    for line in lines_of(chunks, **splitting):
        line = line.removesuffix("\r") if cr else line
        if line.startswith(":") and comments:
            gathered.append(line[1:].removeprefix(" "))
        elif others and ":" in line and not line.startswith(":"):
            gathered.append(line.partition(":")[2].removeprefix(" "))
        elif line.startswith(field + ":") or (field.endswith(" ") and line.startswith(field)):
            gathered.append(value(line))
        if gathered and (line == "" or at_line):
            data = joined.join(gathered) if joined is not None else gathered[-1]
            gathered = []
            ends = "[DONE]" in data if done_in else data == "[DONE]"
            if ends and done in ("stop", "kept"):
                if done == "kept":
                    yield data
                return
            if not (ends and done == "skip"):
                yield data
    if last and gathered:
        yield joined.join(gathered)


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
        "done_kept",
        "[DONE] is no event: it marks the end. Leave it out, and stop reading.",
        _with(done="kept"),
        _with(done="all"),
    ),
    *in_forms(
        "done_in_text",
        "[DONE] ends the stream only if it is the whole data of an event. A text may contain it.",
        _with(done_in=True),
    ),
    *in_forms(
        "space_needed",
        "a line `data:one` without a space is overlooked, or loses a character. The space after "
        "the colon is optional.",
        _with(field="data: "),
        _with(value=lambda line: line[6:]),
    ),
    *in_forms(
        "stripped",
        "spaces of the data are lost. Remove one space after the colon, and no other: words of a "
        "text often begin with one.",
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
        "carriage_return",
        "lines may end with \\r\\n. Remove the \\r, so that an empty line is recognised.",
        _with(cr=False),
        _blocks(b"\n\n"),
    ),
    *in_forms(
        "splitlines",
        "`splitlines` on text also splits at characters such as U+2028, which may stand in the "
        "data. Split at \\n.",
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


@check(lab=LAB, exercise="read_stream", returns=(Iterator, list, tuple), repeatable=False)
def read_stream(answer):
    """read_stream(chunks): an iterator of bytes -> yields the data of each event, as text."""

    def consumed():
        return list(answer(iter([b"data: one\n\n", b"data: [DONE]\n\n"])))

    written_by_hand(operator.call, consumed)
    for chunks in cases():
        _note(events(answer, chunks), chunks)


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
