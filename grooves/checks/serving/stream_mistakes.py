"""Mistakes in reading a stream of server-sent events, as code and in words (lab 9, chapter 9)."""

from __future__ import annotations

import operator

from grooves.checks.mistakes import Mistake, in_forms
from grooves.checks.serving.streams import SEPARATORS, lines_of, parsed

CHUNK_ALONE = (
    "each chunk is read by itself, so a line that is split between two chunks is lost. Keep what "
    "follows the last line end in a buffer, and append the next chunk to it."
)
CHARACTERS_SPLIT = (
    "characters of several bytes are damaged where a chunk ends inside one. Collect bytes, and "
    "decode whole lines."
)
TOO_LATE = (
    "the events come too late, such as after the whole stream. Yield each one as soon as the blank "
    "line after it has arrived."
)
READS_ON = (
    "you go on reading behind [DONE]. The server may keep the connection open, and the next chunk "
    "then never comes: return at once. (`break` leaves only the innermost loop.)"
)
DONE_MISREAD = (
    "[DONE] ends the stream if it is the whole data of an event, and is not yielded. A text may "
    "contain it."
)
EMPTY_EVENTS = (
    "you yield events without data. A blank line that no line of data precedes, such as one after "
    "a comment, ends nothing."
)


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


def _break_inside(kept: bool):
    """`break` at [DONE] leaves only the loop over the lines of one chunk."""

    def read(chunks):
        buffer, gathered = b"", []
        for chunk in chunks:
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                line = line.removesuffix(b"\r").decode()
                if line.startswith("data:"):
                    gathered.append(line[5:].removeprefix(" "))
                elif line == "" and gathered:
                    data, gathered = "\n".join(gathered), []
                    if data == "[DONE]":
                        gathered = [data] * kept
                        break
                    yield data

    return read


MISTAKES = (
    *in_forms(
        "chunk_alone",
        CHUNK_ALONE,
        _event_per_chunk,
        _with(each=True),
        lambda chunks: (data for chunk in chunks for data in parsed([chunk])),
        lambda chunks: _until_done(
            data for chunk in chunks for data in parsed([chunk], done="all", each=True)
        ),
    ),
    *in_forms(
        "characters_split",
        CHARACTERS_SPLIT,
        _with(errors="ignore"),
        _with(errors="replace"),
        _with(encoding="latin-1"),
    ),
    *in_forms(
        "too_late",
        TOO_LATE,
        _one_late,
        _all_at_once,
        _joined_first,
        lambda chunks: list(_until_done(parsed(chunks, done="all"))),
    ),
    *in_forms(
        "reads_on",
        READS_ON,
        _break_inside(kept=False),
        _break_inside(kept=True),
        _with(done="skip"),
        lambda chunks: (data for data in parsed(chunks, done="all") if data != "[DONE]"),
    ),
    *in_forms(
        "done_misread",
        DONE_MISREAD,
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
        _with(joined=operator.itemgetter(0)),
        _with(joined=operator.itemgetter(-1)),
    ),
    Mistake(
        "no_event",
        _with(last=True),
        "an event without a blank line after it was cut off by the end of the stream. Drop it.",
    ),
    Mistake("no_event", _with(empty=True), EMPTY_EVENTS),
)
