"""Large arrays are read and written in pieces; what the pieces are must not be seen in what is read, written or rejected."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest

from service.codec import JSON, BodyError, Buffer, Caps, chunks, tensors
from service.codec import json as json_codec
from service.codec.fields import DTYPES, Array, Form

CAPS = Caps(elements=10**7, rank=4, depth=32)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every array of more than a few characters is large."""
    monkeypatch.setattr(chunks, "PIECE", 12)
    monkeypatch.setattr(chunks, "NUMBERS", 3)
    monkeypatch.setattr(json_codec, "NUMBERS", 3)


def outcome(body: bytes, decode: Any = json_codec.decode) -> Any:
    """Return the decoded fields in a form to compare; None for a rejected body."""
    try:
        decoded = decode(body, CAPS)
    except BodyError:
        return None
    return plain(decoded.fields), decoded.form


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("shape", [(400_000,), (1000, 200), (1, 300_000), (300_000, 1), (40, 50, 60), (3, 1, 5, 9000)])
@pytest.mark.parametrize("form", ["nested", "flat"])
def test_large_arrays_survive_the_round_trip(shape: tuple[int, ...], form: Any) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    body = b"".join(JSON.encode({"x": array, "gradients": {"y": array}, "loss": "z"}, form))
    assert len(chunks.cut(body).texts) == 2
    read = json_codec.decode(body, CAPS)
    assert read.form == form
    assert read.fields["x"].shape == shape
    assert read.fields["x"].tobytes() == read.fields["gradients"]["y"].tobytes() == array.tobytes()


@pytest.mark.parametrize("after", ["", ', "x": 1', ', "x": "y"', ', "x": [1]'])
def test_large_arrays_in_objects_in_lists_are_read(after: str) -> None:
    numbers = np.random.default_rng(0).normal(size=100_000)
    text = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    body = f'{{"terms": [{{"inputs": {{"x": {text}}}}}, {{"inputs": {{"x": {text}}}}}]{after}}}'.encode()
    assert len(body) > json_codec.EXACT_BYTES
    assert len(chunks.cut(body).texts) == 2
    for term in json_codec.decode(body, CAPS).fields["terms"]:
        assert term["inputs"]["x"].tobytes() == numbers.tobytes()


def lengths(text: chunks.Text) -> Iterator[int]:
    for piece in text.pieces():
        yield from lengths(piece) if isinstance(piece, chunks.Text) else [len(piece)]


@pytest.mark.parametrize("indent", [None, 0, 1, 8])
@pytest.mark.parametrize("shape", [(1000, 200), (1, 1000, 200), (200_000,), (1, 200_000), (2, 1, 100_000), (3, 3, 200, 120), (1, 1, 1, 200_000)])
def test_no_piece_is_long(shape: tuple[int, ...], indent: int | None) -> None:
    """The interpreter's lock can change hands between pieces only, whatever the shape, and however the text is laid out."""
    array = np.random.default_rng(0).normal(size=shape)
    body = json.dumps({"x": array.tolist()}, indent=indent).encode()
    (text,) = chunks.cut(body).texts.values()
    assert isinstance(text, chunks.Text)
    found = list(lengths(text))
    assert len(found) > 25
    assert max(found) <= 2 * chunks.PIECE + 2
    assert np.mean(found) > 0.5 * chunks.PIECE
    assert json_codec.decode(body, CAPS).fields["x"].tobytes() == array.tobytes()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_spaces_longer_than_a_piece_do_not_end_the_cutting(rank: int) -> None:
    rng, spaces = random.Random(rank), b" " * (2 * chunks.PIECE + 5)
    array = np.arange(120_000.0).reshape(4, *(10,) * (rank - 2), -1) if rank > 1 else np.arange(120_000.0)
    text = json.dumps(array.tolist()).encode()
    for _ in range(20):
        marks = [match.start() for match in re.finditer(rb"[\[\],]", text)]
        places = sorted({marks[0] + 1, marks[-1], *(rng.choice(marks) + rng.randrange(2) for _ in range(5))}, reverse=True)
        spaced = text
        for place in places:
            spaced = spaced[:place] + spaces + spaced[place:]
        body = b'{"x": ' + spaced + b"}"
        (found,) = chunks.cut(body).texts.values()
        assert isinstance(found, chunks.Text)
        assert max(lengths(found)) < 5 * chunks.PIECE
        assert json_codec.decode(body, CAPS).fields["x"].tobytes() == array.tobytes()


def test_large_lists_of_booleans_are_read() -> None:
    """Inference requests have them; no other list may be long."""
    true = ", ".join(["true", "false"] * 100_000)
    decode = json_codec.decode
    assert decode(f'{{"x": [{true}]}}'.encode(), CAPS).fields["x"] == [True, False] * 100_000
    for text in (f"[[{true}]]", f"[[1, 2], [{true}]]", f"[1, {true}]", f"[{true}, 1]", f'{{"shape": [200000], "data": [{true}]}}'):
        with pytest.raises(BodyError):
            decode(f'{{"x": {text}}}'.encode(), CAPS)
    with pytest.raises(BodyError, match="too many elements"):
        decode(f'{{"x": [{true}]}}'.encode(), CAPS._replace(elements=150_000))


@pytest.mark.parametrize("form", ["nested", "flat"])
def test_no_part_of_a_response_is_long(form: Form) -> None:
    for shape in ((1000, 200), (1, 1000, 200)):
        array = np.random.default_rng(0).normal(size=shape)
        assert max(map(len, JSON.encode({"x": array}, form))) < 1.5 * chunks.PIECE


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("[", "", "not JSON"),
        ("", "]", "not JSON"),
        ("[" * 4, "]" * 4, "too many axes"),
        ("[" * 100, "]" * 100, "too deep"),
        ("[1, ", "]", "numbers beside rows"),
    ],
)
def test_broken_arrays_are_rejected_in_pieces(before: str, after: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search for integers past 64 bits kept the interpreter's lock for 230 ms in 20 MB with one bracket too many."""
    parsed: list[int] = []
    parse = json_codec._parse

    def noted(what: str, text: bytes) -> Any:
        parsed.append(len(text))
        return parse(what, text)

    monkeypatch.setattr(json_codec, "_parse", noted)
    text = json.dumps(np.random.default_rng(0).normal(size=(1000, 200)).tolist())
    with pytest.raises(BodyError, match=problem):
        json_codec.decode(f'{{"x": {before}{text}{after}}}'.encode(), CAPS)
    assert max(parsed, default=0) <= 2 * chunks.PIECE + 2


def test_brackets_are_not_counted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter's lock is released where they are counted. Between all pieces, that kept other threads from their turn for 24 ms."""
    counted: list[int] = []
    count = tensors.brackets

    def noted(text: Buffer) -> int:
        counted.append(len(text))
        return count(text)

    monkeypatch.setattr(tensors, "brackets", noted)
    monkeypatch.setattr(json_codec, "brackets", noted)
    body = b"".join(JSON.encode({"x": np.random.default_rng(0).normal(size=(1000, 200))}, "nested"))
    assert len(body) > 25 * chunks.PIECE
    json_codec.decode(body, CAPS)
    assert len(counted) == 2, "expected the array and the document"
    assert sum(counted) >= len(body)


@pytest.mark.parametrize("form", ["nested", "flat"])
@pytest.mark.parametrize("array", [np.ones((1000, 400))[:, ::2], np.ones((1000, 200), DTYPES["bfloat16"])], ids=["strided", "bfloat16"])
def test_arrays_that_need_a_copy_are_not_copied_piece_by_piece(array: Array, form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above: copies between the pieces kept other threads from their turn for 27 ms, and 600 for bfloat16."""
    copied: list[int] = []
    take = chunks.taken

    def noted(array: Any) -> Array:
        found = take(array)
        if found is not array:
            copied.append(found.size)
        return found

    monkeypatch.setattr(chunks, "taken", noted)
    assert orjson.loads(b"".join(JSON.encode({"x": array, "loss": 1}, form)))["loss"] == 1
    assert copied == [array.size]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool"])
@pytest.mark.usefixtures("small_pieces")
def test_pieces_are_written_as_the_whole_would_be(dtype: str) -> None:
    for shape in ((0,), (3,), (4,), (2, 3), (5, 2), (3, 9), (2, 3, 4), (7, 1, 1)):
        array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        written = orjson.loads(b"".join(JSON.encode({"a": [array], "b": 1, "c": {"d": array[::2], "e": array.T}}, "nested")))
        assert written == {"a": [array.tolist()], "b": 1, "c": {"d": array[::2].tolist(), "e": array.T.tolist()}}


@pytest.mark.parametrize("dtype", ["float64", "float32", "bool"])
def test_large_base64_never_becomes_a_string(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).normal(size=(1000, 200)).astype(dtype)
    body = b"".join(JSON.encode({"x": array, "gradients": {"y": array}, "loss": "z"}, "base64"))
    found = chunks.cut(body)
    assert {type(text) for text in found.texts.values()} == {chunks.LongString}
    assert len(found.document) < 500
    monkeypatch.setattr(chunks.LongString, "quoted", lambda text: pytest.fail("copied"))
    read = json_codec.decode(body, CAPS)
    assert read.form == "base64"
    assert read.fields["x"].dtype == array.dtype
    assert read.fields["x"].tobytes() == read.fields["gradients"]["y"].tobytes() == array.tobytes()


def test_base64_with_escaped_slashes_is_read() -> None:
    """PHP writes / as an escape."""
    array = np.full(50_000, -1e300)
    body = b"".join(JSON.encode({"x": array}, "base64"))
    escaped = body.replace(b"/", b"\\/")
    assert len(escaped) > len(body)
    assert json_codec.decode(escaped, CAPS).fields["x"].tobytes() == array.tobytes()


@pytest.mark.parametrize("text", ["A" * 200_000, "A" * 200_000 + '\\"', '\\"' + "A" * 200_000, "[" * 200_000, "A" * 200_000 + "\\\\"])
def test_long_strings_are_read_as_they_stand(text: str) -> None:
    body = b'{"x": [1, 2], "%b": 1, "o": "%b", "p": ["%b", "q"]}' % ((text.encode(),) * 3)
    whole = orjson.loads(body)
    read = json_codec.decode(body, CAPS).fields
    assert {key: value for key, value in read.items() if key != "x"} == {key: value for key, value in whole.items() if key != "x"}


SEEDS = [
    '{"x":{"shape":[4],"base64":"AAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/AAAAAAAA8D8="},"AAAAAAAAAAAAAAAAAAA":1,"o":"AAAAAAAAAAAAAAAA"}',
    '{"x":{"shape":[3],"dtype":"float32","base64":"AACAP1\\/\\/gD8AAIA\\/","data":[]},"s":["AAAAAAAAAAAAAAAA","BBBBBBBBBBBBBBB\\\\"],"y":[1]}',
    '{"x": [1.5, 2, 3, 4.25, -5e-3, 6, 7, 8, 9, 10], "labels": [[1, 2], [3, 4], [5, 6], [7, 8]], "o": "none"}',
    '{"x":[[[1,2],[3,4]],[[5,6],[7,8]],[[9,10],[11,12]]],"terms":[{"a":[1,2,3,4,5,6,7,8,9]},{"a":[[1],[2],[3],[4],[5]]}]}',
    '{"x":[[[[1,2],[3,4],[5,6]],[[7,8],[9,1],[2,3]]]],"y":[[[[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9]]]],"z":[[1,2,3,4,5,6,7,8,9,1,2,3,4]]}',
    '{"x": [ [\n[ 1, 2 ] ,[3, 4 ]\n], [[5, 6],\t[7, 8]], [ [ 9, 10 ], [11,\n12  ] ]\n\n ], "y": [\n[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]\n]}',
    '{"x":{"shape":[2,6],"data":[1,2,3,4,5,6,7,8,9,10,11,12]},"s":"[1,2,3,4,5,6,7,8,9]","t":"[[1,2],[3,4],[5","u":[]}',
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.usefixtures("small_pieces")
def test_what_is_cut_out_is_rejected_and_read_as_the_whole_would_be(seed: str) -> None:
    rng = random.Random(seed)
    assert chunks.cut(seed.encode()).texts
    accepted = 0
    for _ in range(3000):
        text = list(seed)
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            place = rng.randrange(len(text))
            text[place : place + rng.choice((0, 1, 1, 2))] = rng.choice(("", *'[],:{}" 1-.eA=\\', "],[", ",,", "[[", "]]", "\n", '\\"'))
        body = "".join(text).encode()
        whole = outcome(body, json_codec._exact)
        assert outcome(body) == whole, body
        accepted += whole is not None
    assert 50 < accepted < 2950
