"""Streams of server-sent events, in chunks of all sizes, and a reader that can err (lab 9).

Key idea: each stream shows one thing that a reader can get wrong, and each is cut into chunks of
several sizes. The reader is the right one, with a place for each mistake. Chapter 9.
"""

from __future__ import annotations

PLAIN = 'data: {"text": "Once"}\n\ndata: {"text": " upon"}\n\ndata: [DONE]\n\n'
STREAMS = {
    "plain": PLAIN,
    "no end": "data: one\n\ndata: two\n\n",
    "no space": "data:one\n\ndata: two\n\ndata:[DONE]\n\n",
    "spaces": "data:  two spaces \n\ndata: a: b, data: c\n\ndata: [DONE]\n\n",
    "letters": "data: data at a date\n\ndata: at\n\ndata:at\n\n",
    "comments": ": ping\n\ndata: one\n\n: data: no\n:\ndata: two\n\ndata: [DONE]\n\n",
    "fields": "event: word\nid: 7\ndata: one\nretry: 100\n\nid: 8\n\ndatabase: x\ndata: two\n\n",
    "CRLF": "data: one\r\n\r\n: ping\r\n\r\ndata: two\r\n\r\ndata: [DONE]\r\n\r\n",
    "characters": "data: Grüße, 你好 🙂\n\ndata: zwölf\n\ndata: [DONE]\n\n",
    "separators": "data: one\u2028two\x0bthree\x85four\n\ndata: five\x0c\n\n",
    "several": "data: one\ndata: two\n\ndata: three\n\ndata: [DONE]\n\n",
    "cut off": "data: one\n\ndata: two\n",
    "behind the end": "data: one\n\ndata: [DONE]\n\ndata: two\n\n: x\n\n",
    "mentions": "data: say [DONE]\n\ndata: two\n\ndata: [DONE]\n\n",
    "more lines": "\n\n\ndata: one\n\n\ndata: two\n\n\n",
}


def cut(said: str, *sizes: int) -> list[bytes]:
    """The bytes of a text in chunks of these sizes, which are repeated."""
    sent, chunks, place = said.encode(), [], 0
    while place < len(sent):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(sent[place : place + size])
        place += size
    return chunks


def cases() -> list[list[bytes]]:
    """The streams: an event at a time, whole, byte by byte and in chunks of other sizes."""
    made = [[f"data: {word}\n\n".encode() for word in ("Once", "upon", "a", "[DONE]")]]
    made.append([f"data: {word}\n\n".encode() for word in ("Once", "upon")])
    made.append([part.encode() for part in ("data: On", "ce\n", "\ndata: upon\n\n")])
    for said in STREAMS.values():
        made += [cut(said, 10_000), cut(said, 7), cut(said, 1), cut(said, 11, 2, 5)]
    made.append([b"data: one\n\n", b"", b"data: two\n\n"])
    made.append([])
    return made


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
