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
    """One encoding of requests and responses; an encoded response is parts to be sent one after the other.

    viewed: decode takes any buffer, of which the tensors are views. number_bytes: the most bytes that a number of a response takes.
    head_size: the length of the JSON head of an encoded response that binary tensors follow, which a header has to tell; None where none do.
    """

    name: str
    media_type: str
    decode: Callable[[Any, Caps], Decoded]
    encode: Callable[[dict[str, Any], Any], list[Buffer]]
    viewed: bool = False
    number_bytes: Callable[[Any], float] = lambda form: 8.0
    head_size: Callable[[list[Buffer], Any], int] | None = None


JSON = Codec("json", "application/json", json.decode, json.encode, number_bytes=json.number_bytes)
SAFETENSORS = Codec("safetensors", "application/vnd.safetensors", safetensors.decode, safetensors.encode, True)
CODECS = {codec.media_type: codec for codec in (JSON, SAFETENSORS)}


def inference_codec(announced: bytes | None) -> Codec:
    """The codec of an inference request, by the length of its head as its header tells it; without one the body is all JSON."""
    decode, viewed = partial(inference.decode, announced=announced), announced is not None
    return Codec("inference", "application/json", decode, inference.encode, viewed, inference.number_bytes, inference.head_size)
