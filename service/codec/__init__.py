"""Media type -> (decode, encode). An encoding is a pair of pure functions between bytes and fields; it does not depend on losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service.codec import json, safetensors
from service.codec.fields import BodyError, Buffer, Caps, Decoded, Form, Malformed, TooMany, Unfit

__all__ = ["CODECS", "JSON", "SAFETENSORS", "BodyError", "Buffer", "Caps", "Codec", "Decoded", "Form", "Malformed", "TooMany", "Unfit"]


@dataclass(frozen=True)
class Codec:
    """One encoding of requests and answers; an encoded answer is parts to be sent one after the other.

    viewed: decode takes any buffer, of which the tensors are views.
    """

    name: str
    media_type: str
    decode: Callable[[Any, Caps], Decoded]
    encode: Callable[[dict[str, Any], Form], list[Buffer]]
    viewed: bool = False


JSON = Codec("json", "application/json", json.decode, json.encode)
SAFETENSORS = Codec("safetensors", "application/vnd.safetensors", safetensors.decode, lambda answer, form: safetensors.encode(answer), True)
CODECS = {codec.media_type: codec for codec in (JSON, SAFETENSORS)}
