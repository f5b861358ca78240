"""Streams of server-sent events, in chunks of all sizes, for lab 9 (chapter 9).

Key idea: each stream shows one thing that a reader can get wrong, and each is cut into chunks at
every possible place.
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
