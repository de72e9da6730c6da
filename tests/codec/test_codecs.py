"""Bytes to tensors and back: what is read, what is rejected, and that both JSON parsers agree on either."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from service.codec import JSON, SAFETENSORS, BodyError, Caps, Decoded, Malformed, TooMany, Unfit
from service.codec import json as json_codec

CAPS = Caps(elements=100_000, rank=8, depth=32)
DECODERS = [pytest.param(json_codec.decode, id="pysimdjson"), pytest.param(json_codec._exact, id="orjson")]
decoders = pytest.mark.parametrize("decode", DECODERS)
finite = st.floats(allow_nan=False, allow_infinity=False)


def same(array: Any, expected: Any) -> None:
    assert np.asarray(array).shape == np.asarray(expected, float).shape
    np.testing.assert_array_equal(array, np.asarray(expected, float))


@decoders
@pytest.mark.parametrize("nested", [[1, 2.5], [[1, 2], [3, 4]], [[[1], [2]]], [], [[], []], [[0.1] * 3] * 4, [1e308, 5e-324, -0.0]])
def test_the_three_forms_read_alike(decode: Any, nested: Any) -> None:
    array = np.array(nested, float)
    forms = [b"".join(JSON.encode({"x": array}, form)) for form in ("nested", "flat", "base64")]
    for body, form in zip(forms, ("nested", "flat", "base64"), strict=True):
        decoded = decode(body, CAPS)
        same(decoded.fields["x"], array)
        assert decoded.form == form


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=4, max_side=4), elements=finite), st.sampled_from(["nested", "flat", "base64"]))
def test_every_double_survives_the_round_trip(array: Any, form: Any) -> None:
    for decode in (json_codec.decode, json_codec._exact):
        read = decode(b"".join(JSON.encode({"x": array}, form)), CAPS).fields["x"]
        assert read.tobytes() == array.tobytes()


REJECTED: list[tuple[bytes, type[BodyError], tuple[Any, ...] | None]] = [
    (b"", Malformed, None),
    (b"{", Malformed, None),
    (b"nonsense", Malformed, None),
    (b'{"x": [1, 2]} tail', Malformed, None),
    ('{"x": [1]}'.encode("utf-16"), Malformed, None),
    (b'\xef\xbb\xbf{"x": [1]}', Malformed, None),
    (b'{"x": "\xff"}', Malformed, None),
    (b'{"x": "\\ud800"}', Malformed, None),
    (b'{"x": [NaN]}', Malformed, ("x", 0)),
    (b'{"x": [1, Infinity], "y": [NaN]}', Malformed, ("x", 1)),
    (b'{"y": {"a": [1, [2, -Infinity]]}}', Malformed, ("y", "a", 1, 1)),
    (b'{"x": [NaN], tail}', Malformed, None),
    (b'{"x": [1e999]}', Malformed, None),
    (b'{"x": [' + b"9" * 5000 + b"]}", Malformed, None),
    (b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}", Malformed, None),
    (b"[" * 100_000, Malformed, None),
    (b'{"x":' * 100 + b"1" + b"}" * 100, Malformed, None),
    (b"[1, 2]", Unfit, ()),
    (b'"text"', Unfit, ()),
    (b'{"x": [1], "x": [2]}', Unfit, None),
    (b'{"y": {"a": 1, "a": 2}}', Unfit, None),
    (b'{"x": [[1, 2], [3]]}', Unfit, ("x", 1)),
    (b'{"x": [[1, 2], [3], [4, 5, 6]]}', Unfit, ("x", 1)),
    (b'{"x": [[1, 2], [3, [4]]], "s": "\\u005b"}', Unfit, ("x", 1, 1)),
    (b'{"x": [1, [2]], "\\u005B": 1}', Unfit, ("x", 1)),
    (b'{"x": [1, [2]], "s": "\\\\\\u005b"}', Unfit, ("x", 1)),
    (b'{"x": [1, [2], 3]}', Unfit, ("x", 1)),
    (b'{"x": [[1, [2]], [3, 4]]}', Unfit, ("x", 0, 1)),
    (b'{"x": [[[1, 2]], [[3], [4]]]}', Unfit, ("x", 1)),
    (b'{"x": [1, [], [2, 3]]}', Unfit, ("x", 1)),
    (b'{"x": [1, "2"]}', Unfit, ("x", 1)),
    (b'{"x": [1, true]}', Unfit, ("x", 1)),
    (b'{"x": [null]}', Unfit, ("x", 0)),
    (b'{"x": [1, {"a": 1}]}', Unfit, ("x", 1)),
    (b'{"x": [[[[[[[[[1]]]]]]]]]}', Unfit, ("x",)),
    (b'{"x": {"shape": [3], "data": [1, 2]}}', Unfit, ("x", "data")),
    (b'{"x": {"shape": [2], "data": [[1], [2]]}}', Unfit, None),
    (b'{"x": {"shape": [2], "data": "12"}}', Unfit, ("x", "data")),
    (b'{"x": {"shape": [-1], "data": [1]}}', Unfit, ("x", "shape")),
    (b'{"x": {"shape": [1.5], "data": [1]}}', Unfit, ("x", "shape")),
    (b'{"x": {"shape": ["1"], "data": [1]}}', Unfit, ("x", "shape")),
    (b'{"x": {"shape": 1, "data": [1]}}', Unfit, ("x", "shape")),
    (b'{"x": {"shape": [9999999999, 9999999999], "data": []}}', TooMany, ("x", "shape")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": "?"}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": "AAAA"}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "object", "base64": "AAAA"}}', Unfit, ("x", "dtype")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": 5}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": "AACAPw"}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": "AACAPw==="}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": "AACA_w=="}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": "AACA\\nPw=="}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": "AACAPw==AACAPw=="}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "dtype": "float32", "base64": ""}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "base64": "AACAPw=="}}', Unfit, ("x", "base64")),
    (b'{"x": {"shape": [1], "data": [1], "base64": "AAAAAAAA8D8="}}', Unfit, ("x",)),
    (b'{"x": {"shape": [1], "data": null, "base64": null}}', Unfit, ("x",)),
    (b'{"x": {"shape": [1], "data": null, "dtype": "float64"}}', Unfit, ("x",)),
    (b'{"x": {"shape": [1], "data": [1], "dtype": "float32"}}', Unfit, ("x", "dtype")),
    (b'{"x": {"shape": [1], "data": "", "base64": "AAAAAAAA8D8="}}', Unfit, ("x",)),
    (b'{"shape": [1], "data": [], "dtype": null, "base64": "AAAAAAAA8D8="}', Unfit, ()),
]
COMPACT = [
    ('{"shape": [1], "base64": "AAAAAAAA8D8="}', [1.0], "base64"),
    ('{"shape": [1], "base64": "AAAAAAAA8D8=", "data": []}', [1.0], "base64"),
    ('{"shape": [1.0], "base64": "AAAAAAAA8D8=", "data": null, "dtype": null}', [1.0], "base64"),
    ('{"shape": [1, 1], "dtype": "float32", "base64": "AACAPw==", "data": []}', [[1.0]], "base64"),
    ('{"shape": [2], "data": [1, 2], "dtype": null, "base64": null}', [1.0, 2.0], "flat"),
    ('{"shape": [2], "data": [1, 2], "dtype": "float64", "base64": ""}', [1.0, 2.0], "flat"),
    ('{"shape": [0], "base64": ""}', [], "base64"),
    ('{"shape": [0, 3], "data": [], "base64": ""}', np.zeros((0, 3)), "flat"),
]


@decoders
@pytest.mark.parametrize(("body", "kind", "pointer"), REJECTED, ids=[str(body[:50]) for body, _, _ in REJECTED])
def test_what_is_no_request_is_rejected_with_its_place(decode: Any, body: bytes, kind: type[BodyError], pointer: Any) -> None:
    with pytest.raises(kind) as caught:
        decode(body, CAPS)
    assert pointer is None or caught.value.pointer == pointer
    assert len(str(caught.value)) < 300


@decoders
@pytest.mark.parametrize(("tensor", "expected", "form"), COMPACT, ids=[tensor for tensor, _, _ in COMPACT])
def test_an_empty_or_null_member_beside_the_other_is_absent(decode: Any, tensor: str, expected: Any, form: str) -> None:
    """Generated clients write the members that a caller did not set in many ways."""
    decoded = decode(f'{{"x": {tensor}, "y": [[2]]}}'.encode(), CAPS)
    same(decoded.fields["x"], expected)
    assert decoded.form == form


def test_rejected_base64_is_told_by_its_fault() -> None:
    for text, said in (
        ("AAAAAAAA8D-=", "got another character at 10"),
        ("AAAAAAAA8D8", "got 11 with 0 of padding"),
        ("AAA=", "expected 8 bytes for shape [1] of float64, got 2"),
    ):
        with pytest.raises(Unfit, match=re.escape(said)):
            JSON.decode(f'{{"x": {{"shape": [1], "base64": "{text}"}}}}'.encode(), CAPS)


@pytest.mark.parametrize("size", [3, 20_000])
def test_per_sample_has_a_name_of_its_own_as_base64(size: int) -> None:
    """Generators have no type for a member that is either a list of numbers or a tensor."""
    array = np.arange(float(size))
    written = json.loads(
        b"".join(JSON.encode({"per_sample": array, "terms": [{"per_sample": array}], "outputs": {"per_sample": {"agrees": True}}}, "base64"))
    )
    assert written["per_sample_tensor"]["shape"] == [size]
    assert written["terms"][0]["per_sample_tensor"] == written["per_sample_tensor"]
    assert written["outputs"] == {"per_sample": {"agrees": True}}
    assert json.loads(b"".join(JSON.encode({"per_sample": array}, "flat"))) == {"per_sample": array.tolist()}


@decoders
def test_brackets_in_strings_are_no_arrays(decode: Any) -> None:
    for text in ("[[", "\\u005b", "\\\\u005b", "\\\\\\u005B[", '\\"[', "]"):
        decoded = decode(b'{"x": [[1, 2]], "s": "%s"}' % text.encode(), CAPS)
        assert decoded.fields["s"] == json.loads(f'"{text}"')


@decoders
def test_what_is_no_tensor_stays_what_it_is(decode: Any) -> None:
    decoded = decode(b'{"a": "mean", "b": true, "c": 2, "d": ["x", "y"], "e": [{"f": [1.5], "g": null}]}', CAPS)
    assert {key: decoded.fields[key] for key in "abcd"} == {"a": "mean", "b": True, "c": 2, "d": ["x", "y"]}
    same(decoded.fields["e"][0]["f"], [1.5])


@pytest.mark.parametrize("name", ["float64", "float32", "float16", "bfloat16", "int64", "int8", "uint16", "bool"])
def test_base64_and_safetensors_carry_every_type(name: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    for decoded in (
        JSON.decode(b"".join(JSON.encode({"x": array}, "base64")), CAPS),
        SAFETENSORS.decode(b"".join(SAFETENSORS.encode({"x": array}, "nested")), CAPS),
    ):
        assert decoded.fields["x"].dtype == array.dtype
        np.testing.assert_array_equal(decoded.fields["x"].astype(float), array.astype(float))


def test_safetensors_own_library_reads_and_writes_the_same() -> None:
    tensors = {"predictions": np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32), "labels": np.array([1, 0, 1])}
    decoded = SAFETENSORS.decode(safetensors.numpy.save(tensors, {"request": '{"reduction": "sum"}'}), CAPS)
    assert decoded.fields.pop("reduction") == "sum"
    for name, array in tensors.items():
        np.testing.assert_array_equal(decoded.fields[name], array)
    read = safetensors.numpy.load(b"".join(SAFETENSORS.encode({"loss": "x", **tensors}, "nested")))
    for name, array in tensors.items():
        np.testing.assert_array_equal(read[name], array)


def test_safetensors_names_lead_into_a_combination() -> None:
    request = {"terms": [{"loss": "huber", "inputs": {"delta": 2.0}}]}
    body = safetensors.numpy.save({"terms.0.inputs.predictions": np.ones(2), "terms.0.inputs.labels": np.zeros(2)}, {"request": json.dumps(request)})
    decoded = SAFETENSORS.decode(body, CAPS)
    same(decoded.fields["terms"][0]["inputs"]["predictions"], [1, 1])


def packed(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
ATTACKS: dict[str, bytes] = {
    "empty": b"",
    "short": b"\x01\x00",
    "header beyond the body": packed({}, size=1000),
    "huge header": packed({}, size=100_000_000),
    "not JSON": packed(b"{{"),
    "not an object": packed([1]),
    "NaN": packed(b'{"__metadata__": {"request": "{\\"a\\": NaN}"}}'),
    "name twice": packed(b'{"x": %s, "x": %s}' % ((json.dumps(ONE).encode(),) * 2), b"\0" * 4),
    "hole": packed({"x": ONE, "y": {**ONE, "data_offsets": [8, 12]}}, b"\0" * 12),
    "overlap": packed({"x": ONE, "y": ONE}, b"\0" * 4),
    "trailing bytes": packed({"x": ONE}, b"\0" * 5),
    "missing bytes": packed({"x": ONE}, b"\0" * 3),
    "negative offset": packed({"x": {**ONE, "data_offsets": [-4, 0]}}, b"\0" * 4),
    "offsets reversed": packed({"x": {**ONE, "data_offsets": [4, 0]}}, b"\0" * 4),
    "shape too large for its bytes": packed({"x": {**ONE, "shape": [2]}}, b"\0" * 4),
    "negative shape": packed({"x": {**ONE, "shape": [-1]}}, b"\0" * 4),
    "unknown dtype": packed({"x": {**ONE, "dtype": "F8"}}, b"\0" * 4),
    "dtype no string": packed({"x": {**ONE, "dtype": []}}, b"\0" * 4),
    "missing member": packed({"x": {"dtype": "F32", "shape": [1]}}, b"\0" * 4),
    "metadata no strings": packed({"__metadata__": {"request": {}}}),
    "request no object": packed({"__metadata__": {"request": "[]"}}),
    "path into nothing": packed({"terms.7.inputs.x": ONE}, b"\0" * 4) + b"",
    "deep": packed(b"[" * 100_000),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_safetensors_attacks_are_rejected(name: str) -> None:
    if name == "path into nothing":
        assert isinstance(SAFETENSORS.decode(ATTACKS[name], CAPS), Decoded)  # a request of no loss: the model rejects it
        return
    with pytest.raises(BodyError):
        SAFETENSORS.decode(ATTACKS[name], CAPS)


def test_a_rejected_body_never_costs_the_exact_path_when_it_is_large() -> None:
    body = b'{"x": [' + b"1," * 600_000 + b"true]}"
    with pytest.raises(BodyError, match="ragged, or an element"):
        json_codec.decode(body, Caps(elements=10**7, rank=8, depth=32))


def test_integers_past_64_bits_are_the_nearest_double() -> None:
    """JavaScript and Go write 1e20 as 100000000000000000000."""
    ties = [(2**53 + 1) * 2**power + step for power in (11, 40, 900) for step in (-1, 0, 1)]
    wanted = [10**20, -(10**20), 2**64, 2**64 - 1, -(2**63) - 1, 123456789012345680000, int(1.7976931348623157e308), *ties]
    for decode in (json_codec.decode, json_codec._exact):
        for body in (f'{{"x": {wanted}}}', f'{{"x": {{"shape": [{len(wanted)}], "data": {wanted}}}}}'):
            found = decode(body.encode(), CAPS).fields["x"]
            assert found.tolist() == [float(number) for number in wanted]


def test_integers_past_64_bits_in_a_large_body_too() -> None:
    caps = Caps(elements=10**7, rank=8, depth=32)
    many = b'{"x": [' + b"1.5," * 400_000 + b'%s], "y": 1}'
    for text in (b"100000000000000000000", b"-100000000000000000000", b"18446744073709551616", b"9" * 300):
        assert json_codec.decode(many % text, caps).fields["x"][-1] == float(text)
    for text in (b"9" * 400, b"1e10000000000000000000000", b"0100000000000000000000"):
        with pytest.raises(Malformed, match="not JSON, or out of range"):
            json_codec.decode(many % text, caps)


def test_good_bodies_take_the_fast_path() -> None:
    body = b'{"x": [[1, 2], [3, 4]], "y": {"shape": [2], "data": [1, 2]}, "s": "[[\\u005b\\\\u005b", "terms": [{"a": [1], "b": ["v"]}]}'
    assert json_codec._fast(body, CAPS).fields.keys() == {"x", "y", "s", "terms"}
