"""JSON bodies. A tensor is a nested array of numbers, {"shape", "data"} or {"shape", "dtype", "base64"}, wherever one stands.

The fast path reads numbers straight into buffers with pysimdjson and gives up at the first problem; the
exact path then finds the problem, or, where pysimdjson has no wheel, does all the work through orjson. Both reject the same bodies, but
for integers past 64 bits: pysimdjson knows none, the exact path reads the nearest double. JavaScript and Go write 1e20 as such; among many
numbers they are given a fraction, .0.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
import threading
from itertools import chain
from typing import Any, ClassVar, NoReturn

import numpy as np
import orjson
import pybase64

from service.codec.chunks import NUMBERS, PIECE, cut, in_pieces, taken
from service.codec.fields import DTYPES, Array, Buffer, Caps, Decoded, Form, Malformed, Step, TooMany, Unfit
from service.codec.tensors import GiveUp, Walk, brackets

try:
    import simdjson
except ImportError:  # no wheel for this Python yet
    simdjson = None  # type: ignore[assignment, unused-ignore]

EXACT_BYTES = 1024 * 1024  # rejected bodies beyond this are not searched for the exact place: that would cost more than reading them
CONSTANT = re.compile(r"NaN|-?Infinity")
MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
KEY = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?')
LONG = re.compile(rb"(?<=[\[,:\s])(-?[0-9]{19,})(?=[\],}\s])")  # an integer that may be past 64 bits
ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u005[bB]")  # a [ in a string
OF_NUMBERS = ("BIGINT_ERROR", "NUMBER_ERROR")  # pysimdjson's errors
KINDS = {list: "a list", int: "a number", float: "a number", str: "a string", bool: "a boolean", type(None): "null", dict: "an object"}
PLAIN = {"per_sample"}  # a plain list; as base64 it has a name of its own, because generators have no type for either of two
LARGE = secrets.token_hex(16)  # stands where a large array is to come; no caller can know it
FLOAT64 = np.dtype(np.float64)
OF_DTYPES = {dtype.newbyteorder("="): (name, dtype) for name, dtype in DTYPES.items()}
_KEPT = threading.local()


def decode(body: bytes | bytearray, caps: Caps) -> Decoded:
    """The fields of a JSON object, its tensors as arrays of float64 (or of their dtype, from base64)."""
    if body.startswith(b"\xef\xbb\xbf"):  # pysimdjson reads over it
        raise Malformed("the body: byte order mark; expected plain UTF-8")
    if simdjson is not None:
        try:
            return _fast(body, caps)
        except (GiveUp, ValueError, TypeError, RuntimeError, UnicodeDecodeError) as exc:
            if isinstance(exc, (Malformed, Unfit, TooMany)):
                raise
            if len(body) > EXACT_BYTES:
                _reject_roughly(exc)
    return _exact(body, caps)


def encode(fields: dict[str, Any], form: Form) -> list[Buffer]:
    """Encode a response as JSON, its arrays in the given form, its numbers with the shortest digits that read back the same."""
    large: list[list[Buffer]] = []
    document = orjson.dumps(_formed(fields, form, large), taken, orjson.OPT_SERIALIZE_NUMPY)
    if not large:
        return [document]
    first, *rest = document.split(f'"{LARGE}"'.encode())
    return [first, *(part for parts, after in zip(large, rest, strict=True) for part in (*parts, after))]


def number_bytes(form: Form) -> float:
    """The most bytes that a response takes for a number of its tensors: a float64 and, in a list, its comma."""
    return 8.0 * 4.0 / 3.0 if form == "base64" else 25.0


def _formed(fields: dict[str, Any], form: Form, large: list[list[Buffer]]) -> dict[str, Any]:
    """Convert to what orjson takes: arrays in their form, and placeholders for large ones, which are written without it."""
    found: dict[str, Any] = {}
    for key, item in fields.items():
        if isinstance(item, np.ndarray):
            if form == "nested" or (form == "flat" and key in PLAIN):
                found[key] = item if item.size <= NUMBERS else _large(in_pieces(item), large)
            else:
                found[f"{key}_tensor" if key in PLAIN else key] = _tensor(item, form, large)
        elif isinstance(item, dict):
            found[key] = _formed(item, form, large)
        elif isinstance(item, list):
            found[key] = list(_formed(dict(enumerate(item)), form, large).values())  # type: ignore[arg-type]
        else:
            found[key] = item
    return found


def _tensor(value: Array, form: Form, large: list[list[Buffer]]) -> dict[str, Any]:
    if form == "flat":
        return {"shape": value.shape, **_formed({"data": value.reshape(-1)}, "nested", large)}
    name, little = OF_DTYPES[value.dtype]
    array: Any = value.astype(little, "C", copy=False)
    text = pybase64.b64encode(array.view(np.uint16) if name == "bfloat16" else array)  # the one type without a buffer
    return {"shape": value.shape, "dtype": name, "base64": _large([b'"', text, b'"'], large) if value.size > NUMBERS else text.decode()}


def _large(parts: list[Buffer], large: list[list[Buffer]]) -> str:
    large.append(parts)
    return LARGE


class _Fast(Walk):
    """Walk of a document of pysimdjson's."""

    an_array, an_object = (simdjson.Array, simdjson.Object) if simdjson else (list, dict)
    readers: ClassVar = {an_array: Walk.array, an_object: Walk.object, str: Walk.string}

    def parse(self, text: bytes) -> Any:
        return _parse("piece", text)

    def numbers(self, value: Any, pointer: tuple[Step, ...], shape: tuple[int, ...] = ()) -> Array:
        buffer = value.as_buffer(of_type="d")
        array: Array = np.ndarray(shape or buffer.size // 8, FLOAT64, buffer)  # TypeError for too few numbers
        if array.nbytes != buffer.size:
            raise GiveUp
        return array


def _fast(body: bytes | bytearray, caps: Caps) -> Decoded:
    document, texts = cut(body) if len(body) >= PIECE else (body, {})
    walk = _Fast(caps, texts)
    fields = walk.object(_parse("document", document), (), 1)
    if walk.cuts != len(texts):  # text cut out of a string is in no other place, and was not parsed
        raise ValueError("a bracket where none may stand")
    found = brackets(document) + (len(ESCAPED.findall(document)) if walk.quoted else 0)
    if found != walk.brackets + walk.quoted:  # as_buffer flattens its input, so that it would hide a surplus bracket
        raise GiveUp
    return Decoded(fields, walk.form or "nested")


def _parse(what: str, text: bytes | bytearray) -> Any:
    """A parser's buffers are kept for the thread's next text of this kind: fresh pages cost half of the parsing. A parser that something
    still refers to (the traceback of a rejected body) is left to it.
    """
    kept = getattr(_KEPT, what, None)
    if kept is None or sys.getrefcount(kept) > 3 or len(text) > EXACT_BYTES:
        kept = simdjson.Parser()
        if len(text) <= EXACT_BYTES:
            setattr(_KEPT, what, kept)
    try:
        return kept.parse(text)
    except (ValueError, RuntimeError) as exc:
        if not str(exc).startswith(OF_NUMBERS) or (fractions := LONG.sub(_fraction, text)) == text:
            raise
        return simdjson.Parser().parse(fractions)


def _fraction(found: re.Match[bytes]) -> bytes:
    """Return an integer past 64 bits as a float, and any other as it is: both parsers read those exactly."""
    digits = found[1]
    return digits if len(digits) <= 20 and -(2**63) <= int(digits) < 2**64 else digits + b".0"


def _reject_roughly(exc: Exception) -> NoReturn:
    if isinstance(exc, (GiveUp, TypeError)):
        raise Unfit("a tensor: ragged, or an element that is not a number; expected numbers in rows of one length") from None
    if str(exc).startswith(OF_NUMBERS):
        raise Malformed("a number: not JSON, or out of range; expected a finite double") from None
    if str(exc).startswith("TAPE_ERROR"):
        raise Malformed("the body: not JSON, or numbers beside rows; expected brackets that match and a comma between elements") from None
    raise Malformed(f"the body: not JSON; {str(exc).partition(':')[0].lower().replace('_', ' ')}") from None


# ------------------------------------------------------------------ the exact path


def _reject_constant(text: str, at: int) -> None:
    """Raise Malformed, with its place, if a NaN or an infinity stands where a parser has stopped.

    What precedes it, with its brackets closed, is JSON whose last element has that place.
    """
    found = CONSTANT.match(text, at - 1) or CONSTANT.match(text, at)
    if found is None:
        return
    closing: list[str] = []
    for mark in MARK.findall(text, 0, found.start()):
        if mark in ("[", "{"):
            closing.append("]" if mark == "[" else "}")
        elif mark in ("]", "}") and closing:
            closing.pop()
    try:
        value: Any = orjson.loads(f"{text[: found.start()]}null{''.join(reversed(closing))}")
    except orjson.JSONDecodeError:  # the constant is within a word, such as 1NaN
        return
    place: list[Step] = []
    while isinstance(value, (dict, list)) and value:
        step = next(reversed(value)) if isinstance(value, dict) else len(value) - 1
        value = value[step]
        place.append(step)
    raise Malformed(f"not a JSON number; expected a finite number, got {found[0]}; replace it, or leave its sample out", tuple(place))


class _Exact(Walk):
    """Walk of a document of orjson's."""

    an_array, an_object = list, dict
    readers: ClassVar = {list: Walk.array, dict: Walk.object, str: Walk.string}

    def parse(self, text: bytes) -> Any:
        return orjson.loads(text)

    def numbers(self, value: list[Any], pointer: tuple[Step, ...], shape: tuple[int, ...] = ()) -> Array:
        """Return the numbers of a nested list in one buffer; raise for the place of the first thing that is none, or is of another length.

        Level by level, so that a body of a million short rows is rejected as fast as it is read.
        """
        rows, sizes = [value], [len(value)]
        while True:
            items = list(chain.from_iterable(rows))
            if not items or not isinstance(items[0], list):
                _reject_unless(items, {int, float}, "a number", pointer, sizes)
                return np.array(items, np.float64).reshape(shape or -1)
            _reject_unless(items, {list}, "a list", pointer, sizes)
            size = len(items[0])
            if set(map(len, items)) != {size}:
                at = next(i for i, item in enumerate(items) if len(item) != size)
                raise Unfit(f"ragged; expected length {size} as in the rows before, got {len(items[at])}", (*pointer, *_steps(at, sizes)))
            rows = items
            sizes.append(size)


def _exact(body: bytes | bytearray, caps: Caps) -> Decoded:
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        _reject_constant(exc.doc, exc.pos)
        raise Malformed(f"the body: not JSON; {exc.msg}, line {exc.lineno}, column {exc.colno}") from None
    walk = _Exact(caps, {})
    decoded = Decoded(walk.object(root, (), 1), walk.form or "nested")
    if body.count(b":") != walk.names and sum(1 for match in KEY.finditer(body) if match[1]) != walk.names:  # orjson keeps the last of two names
        _reject_duplicates(body)
    return decoded


def _reject_duplicates(body: bytes | bytearray) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Unfit(f"{name[:60]!r}: duplicate key; expected each name once in an object")
            seen.add(name)
        return dict(pairs)

    json.loads(body, object_pairs_hook=unique)


def _reject_unless(items: list[Any], kinds: set[type], expected: str, pointer: tuple[Step, ...], sizes: list[int]) -> None:
    if wrong := set(map(type, items)) - kinds:
        at = next(i for i, item in enumerate(items) if type(item) in wrong)
        raise Unfit(f"wrong type; expected {expected}, got {KINDS[type(items[at])]}", (*pointer, *_steps(at, sizes)))


def _steps(at: int, sizes: list[int]) -> tuple[int, ...]:
    """Return the indices of the item at one place of the flat list."""
    return tuple(map(int, np.unravel_index(at, sizes)))
