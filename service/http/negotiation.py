"""Negotiation of encodings: media types, content codings, and the timings of one exchange."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from service.codec import CODECS, JSON, Codec, inference_codec
from service.codec.compression import CODINGS, PACKINGS
from service.codec.inference import HEADER
from service.errors import Failure, is_inference

QUALITY = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


@dataclass(slots=True)
class Exchange:
    """Encodings of one request and its response, and the work on them.

    packed: the response's coding once it has one. head: the length of the head of a binary inference response. decode, queue, compute, encode: seconds of these phases. elements: those of the request's tensors.
    """

    codec: Codec
    accept: Codec
    coding: str | None
    accept_coding: bytes
    packed: str | None = None
    head: int = 0
    decode: float = 0.0
    queue: float = 0.0
    compute: float = 0.0
    encode: float = 0.0
    elements: int = 0

    def headers(self) -> list[tuple[bytes, bytes]]:
        phases = (self.decode * 1e3, self.queue * 1e3, self.compute * 1e3, self.encode * 1e3)
        timing = (b"server-timing", b"decode;dur=%.3f, queue;dur=%.3f, compute;dur=%.3f, encode;dur=%.3f" % phases)
        told = [timing, (HEADER, str(self.head).encode())] if self.head else [timing]
        return [*told, (b"content-encoding", self.packed.encode()), (b"vary", b"accept-encoding")] if self.packed else told


def negotiate(headers: Mapping[bytes, bytes], path: str) -> Exchange:
    """The encodings of the request and, by Accept, of the response; the request's by default, and always that of an inference request."""
    get = headers.get
    if path[:3] == "/v2" and is_inference(path):
        *_, coding = encodings(JSON.media_type.encode(), get(b"content-encoding", b""), b"")
        codec = inference_codec(get(HEADER))
        return Exchange(codec, codec, coding, get(b"accept-encoding", b"").replace(b"zstd", b""))  # aiohttp offers it where tritonclient fails
    codec, accept, coding = encodings(get(b"content-type", b""), get(b"content-encoding", b""), get(b"accept", b""))
    return Exchange(codec, accept, coding, get(b"accept-encoding", b""))


@lru_cache(maxsize=64)  # headers may be long
def encodings(content_type: bytes, content_encoding: bytes, accepted: bytes) -> tuple[Codec, Codec, str | None]:
    """Return the encodings of the request and of the response, and the request's content coding; 415 for unsupported ones."""
    given = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    if given not in CODECS:
        raise Failure("unsupported-media-type", f"Content-Type: not supported; expected {' or '.join(CODECS)}, got {given[:100]!r}")
    coding = content_encoding.strip().lower().decode("latin-1")
    if coding not in ("", "identity", *CODINGS):
        told = ", ".join(CODINGS)
        raise Failure(
            "unsupported-media-type",
            f"Content-Encoding: not supported; expected {told} or none, got {coding[:100]!r}",
            headers={"Accept-Encoding": told},
        )
    return CODECS[given], CODECS[_preferred(accepted, given)], coding if coding in CODINGS else None


def _preferred(accepted: bytes, given: str) -> str:
    """Return the media type with the highest q-value in Accept; the request's own among equals, or if no supported one is accepted (RFC 9110, 12.4.1)."""
    weights = qualities(accepted)
    found = {media_type: weights.get(media_type, weights.get("application/*", weights.get("*/*", 0.0))) for media_type in CODECS}
    return max(CODECS, key=lambda media_type: (found[media_type], media_type == given))


def qualities(accepted: bytes) -> dict[str, float]:
    """The q-values of a header such as Accept, by lower-case name; 1 where there is none that can be read."""
    found = {}
    for item in accepted.decode("latin-1").lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights = [match[1] for parameter in parameters if (match := QUALITY.fullmatch(parameter))]
        if name:
            found[name] = float(weights[0]) if weights else 1.0
    return found


@lru_cache(maxsize=64)
def packing(accepted: bytes) -> str | None:
    """The coding with the highest q-value in Accept-Encoding, the better one among equals; None where none is accepted or identity is preferred."""
    weights = qualities(accepted)
    found = {coding: weights.get(coding, weights.get("*", 0.0)) for coding in PACKINGS}
    best = max(PACKINGS, key=lambda coding: found[coding])
    return best if found[best] > 0 and found[best] >= weights.get("identity", 0.0) else None
