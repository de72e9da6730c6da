"""Large arrays of numbers in JSON, read and written a piece at a time.

Parsers and writers of JSON hold the interpreter's lock from the first byte to the last: 20 MB are 50 ms in which no other request is
answered. So a large array's text is cut between two of its elements, where the lock can change hands. If the text between the cuts, put
into brackets, is an array each time, then the whole is one, and what was cut out leaves a document with a name in its place.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from service.codec.fields import Array, Buffer

PIECE = 128 * 1024  # bytes: a third of a millisecond of parsing, and small enough for the processor's caches
DEEPEST = 64  # more brackets than a tensor may have
NUMBERS = PIECE // 20  # a number takes about 20 bytes in an answer


@dataclass(frozen=True)
class Text:
    """The text of an array: body[first:last], brackets included."""

    body: bytes | bytearray
    first: int
    last: int

    def pieces(self) -> Iterator[bytes]:
        """Arrays of its elements in their order."""
        rank = self._rank()
        end_of_element = b"]" * (rank - 1) + b","
        start, end, view = self.first + 1, self.last - 1, memoryview(self.body)
        while end - start > PIECE:
            cut = self.body.find(end_of_element, start + PIECE, end)
            if cut < 0:
                break
            cut += rank - 1
            yield b"".join((b"[", view[start:cut], b"]"))
            start = cut + 1
        yield b"".join((b"[", view[start:end], b"]"))

    def _rank(self) -> int:
        rank = 1
        while rank < DEEPEST and self.body[self.first + rank : self.first + rank + 1] == b"[":
            rank += 1
        return rank


@dataclass(frozen=True)
class Cut:
    """A document without its large arrays: their texts by the strings that stand in their places."""

    document: bytes | bytearray
    texts: dict[str, Text] = field(default_factory=dict)


def cut(body: bytes | bytearray) -> Cut:
    """The body with its large arrays cut out. The names in their places cannot be guessed, so that no caller can write one."""
    if len(body) < PIECE:
        return Cut(body)
    name, last = secrets.token_hex(16), 0
    texts: dict[str, Text] = {}
    parts: list[Buffer] = []
    for text in _texts(body):
        key = f"{name}{len(texts)}"
        texts[key] = text
        parts += [memoryview(body)[last : text.first], f'"{key}"'.encode()]
        last = text.last
    return Cut(b"".join([*parts, memoryview(body)[last:]]), texts)


def _texts(body: bytes | bytearray) -> Iterator[Text]:
    """What may be large arrays: from the first bracket to the last between two quotation marks that are far apart."""
    at = 0
    while len(body) - at > PIECE:
        quote = body.rfind(b'"', at, at + PIECE)
        if quote >= 0:
            at = quote + 1
            continue
        end = body.find(b'"', at + PIECE)
        end = len(body) if end < 0 else end
        first, last = body.find(b"[", at, end), body.rfind(b"]", at, end) + 1
        if 0 <= first < last - PIECE:
            yield Text(body, first, last)
        at = end + 1


def written(array: Array) -> list[bytes]:
    """The array as JSON, nested, in pieces to be joined."""
    if array.size <= NUMBERS or array.ndim == 0:
        return [orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)]
    rows = NUMBERS // array[0].size
    if rows:
        parts = [[orjson.dumps(array[i : i + rows], option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]] for i in range(0, len(array), rows)]
    else:
        parts = [written(row) for row in array]
    return [b"[", *parts[0], *(piece for part in parts[1:] for piece in (b",", *part)), b"]"]
