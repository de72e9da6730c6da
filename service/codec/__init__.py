"""Media type -> (decode, encode). An encoding is a pair of pure functions between bytes and fields; it does not depend on losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from service.codec import inference, json, safetensors
from service.codec.fields import BodyError, Buffer, Caps, Decoded, Form, Malformed, TooMany, Unfit

__all__ = ["CODECS", "JSON", "SAFETENSORS", "BodyError", "Buffer", "Caps", "Codec", "Decoded", "Form", "Malformed", "TooMany", "Unfit"]


@dataclass(frozen=True)
class Codec:
    """One encoding of requests and answers; an encoded answer is parts to be sent one after the other.

    viewed: decode takes any buffer, of which the tensors are views. number_bytes: the most bytes that a number of a response takes.
    head_size: the length of the JSON head of an encoded response that binary tensors follow, which a header has to tell; 0 without.
    """

    name: str
    media_type: str
    decode: Callable[[Any, Caps], Decoded]
    encode: Callable[[dict[str, Any], Any], list[Buffer]]
    viewed: bool = False
    number_bytes: Callable[[Any], float] = lambda form: 8.0
    head_size: Callable[[list[Buffer], Any], int] = lambda parts, form: 0


LISTED = 25.0  # bytes of a float64 and its comma
JSON = Codec("json", "application/json", json.decode, json.encode, number_bytes=lambda form: 8.0 * 4.0 / 3.0 if form == "base64" else LISTED)
SAFETENSORS = Codec("safetensors", "application/vnd.safetensors", safetensors.decode, lambda answer, form: safetensors.encode(answer), True)
CODECS = {codec.media_type: codec for codec in (JSON, SAFETENSORS)}


def inference_codec(announced: bytes | None) -> Codec:
    """The codec of an inference request, by the length of its head as its header tells it; without one the body is all JSON."""
    return Codec(
        "inference",
        "application/json",
        partial(inference.decode, announced=announced),
        inference.encode,
        viewed=announced is not None,
        number_bytes=lambda selection: 8.0 if selection.all_binary else LISTED,
        head_size=lambda parts, selection: len(parts[0]) if selection.any_binary else 0,
    )
