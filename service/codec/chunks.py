"""Large arrays and base64 texts in JSON, cut out of the document before it is parsed.

Parsers and writers of JSON hold the interpreter's lock from the first byte to the last: 20 MB take 50 ms, in which no other request
is served. So a large array's text is cut between two of its elements, where the lock can change hands. If the text between the cuts, put
into brackets, is an array each time, then the whole is one, and each part cut out is replaced by a name in the document. A large
base64 text is cut out whole and decoded from the body: a Python string of it would cost ten times the decoding.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import orjson

from service.codec.fields import DTYPES, Array, Buffer
from service.codec.turns import TURNS

PIECE = 128 * 1024  # bytes: a third of a millisecond of parsing, and small enough for the processor's caches
DEEPEST = 64  # more brackets than a tensor may have
SPACES = b" \t\n\r"
BETWEEN = b"]" + SPACES  # what may stand between the last number of an element and its comma
TAIL = 64  # bytes that are looked at before a whole piece, of which slice and rstrip are two copies
OPENING = re.compile(rb"[ \t\n\r]*((?:\[[ \t\n\r]*){1,%d})" % DEEPEST)
NUMBERS = PIECE // 20  # a number takes about 20 bytes in a response
BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
NAME = re.compile(rb'"[ \t\n\r]*:')  # the end of a member's name


@dataclass(frozen=True)
class _Slice:
    """Part of a body, body[first:last]."""

    body: bytes | bytearray
    first: int
    last: int

    def view(self) -> memoryview:
        """Return the text without a copy."""
        return memoryview(self.body)[self.first : self.last]


class LongString(_Slice):
    """Text of a long string, without its quotation marks, with its escapes."""

    def quoted(self) -> bytes:
        """Return the text as a JSON document."""
        return b"".join((b'"', self.view(), b'"'))


class Text(_Slice):
    """The text of an array, brackets included."""

    @cached_property
    def rank(self) -> int:
        """The number of its axes, by the brackets with which it begins; no more than DEEPEST are counted."""
        found = OPENING.match(self.body, self.first, self.last)
        return found[1].count(b"[") if found else 0

    def pieces(self) -> Iterator[bytes | Text]:
        """Yield arrays of its elements in their order; an element that is much longer than a piece is a text of its own."""
        at, end = self.first + 1, self.last - 1
        while end - at > PIECE:
            cut, after = self._cut(at, end)
            yield self._element(at, cut) or self._array(at, cut)
            TURNS.offer()
            at = after
        if at <= end:
            yield self._array(at, end)

    def _cut(self, at: int, end: int) -> tuple[int, int]:
        """Return where a piece ends, and where the next one begins."""
        near = _before_brackets(self.body, at, at + PIECE)
        cut = _next(self.rank, self.body, near, end)
        if cut[0] - at > 2 * PIECE:
            for short in _ends_of_elements(self.rank).finditer(self.body, at, near):
                cut = short.start(1), short.end()  # before a long element
        return cut

    def _element(self, at: int, end: int) -> Text | None:
        """Return the text of one long element. Raises ValueError where it should be an array and is not, so that no broken text is parsed at length."""
        if end - at <= 2 * PIECE or self.rank < 2:
            return None
        found, last = OPENING.match(self.body, at, end), self.body.rfind(b"]", at, end) + 1
        if found is None or self.body[last:end].strip(SPACES):
            raise ValueError("TAPE_ERROR")
        return Text(self.body, found.start(1), last)

    def _array(self, at: int, end: int) -> bytes:
        return b"".join((b"[", memoryview(self.body)[at:end], b"]"))


@cache
def _ends_of_elements(rank: int) -> re.Pattern[bytes]:
    """A pattern of the brackets and the comma that follow an element's last number; its group begins after the element."""
    space = rb"[ \t\n\r]*"
    return re.compile((space.join([rb"\]"] * (rank - 1)) + rb"()" + space if rank > 1 else rb"()") + rb",")


def _next(rank: int, body: bytes | bytearray, at: int, end: int) -> tuple[int, int]:
    """Return where the next element ends, and where the one after it begins.

    A search keeps the interpreter's lock, so a piece is searched at a time; brackets and spaces that go on after it are looked at by themselves.
    """
    ends = _ends_of_elements(rank)
    while at + PIECE < end:
        if found := ends.search(body, at, at + PIECE):
            return found.start(1), found.end()
        first = _before_brackets(body, at, at + PIECE)
        at = _after_brackets(body, at + PIECE, end)
        if body[at : at + 1] == b"," and at < end and body.count(b"]", first, at) >= rank - 1:
            return (body.rfind(b"]", first, at) + 1 if rank > 1 else first), at + 1
        TURNS.offer()
    found = ends.search(body, at, end)
    return (found.start(1), found.end()) if found else (end, end + 1)


def _before_brackets(body: bytes | bytearray, at: int, end: int) -> int:
    """Return the start of the brackets and spaces with which a part of a text ends."""
    last = max(at, end - TAIL)
    if rest := body[last:end].rstrip(BETWEEN):
        return last + len(rest)
    return at + len(body[at:last].rstrip(BETWEEN))


def _after_brackets(body: bytes | bytearray, at: int, end: int) -> int:
    """Return the end of the brackets and spaces with which the rest of a text begins."""
    while at < end:
        block = body[at : min(at + PIECE, end)]
        if rest := block.lstrip(BETWEEN):
            return at + len(block) - len(rest)
        at += len(block)
    return end


class Cut(NamedTuple):
    """Document without its large arrays and long strings: their texts by the strings that replace them."""

    document: bytes
    texts: dict[str, Text | LongString]


def cut(body: bytes | bytearray) -> Cut:
    """Cut the large arrays and base64 out of a body. The names in their places cannot be guessed, so that no caller can write one."""
    name, last = secrets.token_hex(16), 0
    texts: dict[str, Text | LongString] = {}
    parts: list[Buffer] = []
    for text in _texts(body):
        key = f"{name}{len(texts)}"
        texts[key] = text
        parts += [memoryview(body)[last : text.first], key.encode() if isinstance(text, LongString) else f'"{key}"'.encode()]
        last = text.last
    return Cut(b"".join([*parts, memoryview(body)[last:]]), texts)


def _texts(body: bytes | bytearray) -> Iterator[Text | LongString]:
    """Yield candidates for large arrays and base64, found between two quotation marks that are far apart.

    After the end of a string JSON has one of `:,}]` or whitespace, so what begins with a letter of base64 is the inside of a string.
    """
    at = 0
    while len(body) - at > PIECE:
        quote = body.rfind(b'"', at, at + PIECE)
        if quote >= 0:
            at = quote + 1
            continue
        end = body.find(b'"', at + PIECE)
        end = len(body) if end < 0 else end
        if body[at] in BASE64:
            if _is_value(body, at, end):
                yield LongString(body, at, end)
        else:
            first = body.find(b"[", at, end)
            brace = body.find(b"}", first, end)  # the array ends before its object does, and the array of objects around it later
            last = body.rfind(b"]", at, end if brace < 0 else brace) + 1
            if 0 <= first < last - PIECE:
                yield Text(body, first, last)
        at = end + 1


def _is_value(body: bytes | bytearray, first: int, last: int) -> bool:
    """Return whether both quotation marks around body[first:last] are unescaped, and the string is no member's name."""
    return body[first - 2 : first - 1] != b"\\" and body[last - 1 : last] != b"\\" and not NAME.match(body, last)


def in_pieces(array: Array) -> list[Buffer]:
    """The array as JSON, nested, in pieces to be joined."""
    if array.size <= NUMBERS or array.ndim == 0:
        return [written(array)]
    array = taken(array)  # copied once: between the pieces each copy would keep other threads from the interpreter's lock, as in `brackets`
    rows = NUMBERS // array[0].size
    pieces: list[Buffer] = []
    for i in range(0, len(array), rows or 1):
        part = [memoryview(written(array[i : i + rows]))[1:-1]] if rows else in_pieces(array[i])
        pieces += [b",", *part]
        TURNS.offer()
    return [b"[", *pieces[1:], b"]"]


def written(value: Any) -> bytes:
    """Write a value as JSON, its arrays nested."""
    return orjson.dumps(value, taken, orjson.OPT_SERIALIZE_NUMPY)


def taken(array: Any) -> Array:
    """Return an array that orjson does not take as one that it takes: one with gaps, or of bfloat16."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"no JSON of {type(array).__name__}")
    return np.ascontiguousarray(array, np.float32 if array.dtype == DTYPES["bfloat16"] else None)
