"""Negotiation of encodings: media types, content codings, and the timing of one exchange."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from service.codec import CODECS, JSON, Codec, inference_codec
from service.codec.compression import CODINGS, PACKINGS
from service.codec.inference import BINARY, HEADER
from service.errors import Failure, is_inference

QUALITY = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


@dataclass(slots=True)
class Timing:
    """Seconds by phase, for Server-Timing, and the elements that were worked on in them."""

    decode: float = 0.0
    queue: float = 0.0
    compute: float = 0.0
    encode: float = 0.0
    elements: int = 0

    def header(self) -> bytes:
        decode, queue, compute, encode = (seconds * 1e3 for seconds in self.seconds())
        return f"decode;dur={decode:.3f}, queue;dur={queue:.3f}, compute;dur={compute:.3f}, encode;dur={encode:.3f}".encode()

    def seconds(self) -> tuple[float, ...]:
        return (self.decode, self.queue, self.compute, self.encode)


@dataclass
class Exchange:
    """Encodings of one request and its response; `packed` is the response's coding once it has one, `head` the length of the head of a binary one."""

    codec: Codec
    accept: Codec
    coding: str | None
    accept_coding: bytes
    timing: Timing = field(default_factory=Timing)
    packed: str | None = None
    head: int = 0

    @property
    def media_type(self) -> str:
        """The media type of the response."""
        return BINARY if self.head else self.accept.media_type

    def headers(self) -> list[tuple[bytes, bytes]]:
        timing = [(b"server-timing", self.timing.header())]
        if self.head:
            timing.append((HEADER, str(self.head).encode()))
        return [*timing, (b"content-encoding", self.packed.encode()), (b"vary", b"accept-encoding")] if self.packed else timing


def negotiate(headers: Mapping[bytes, bytes], path: str) -> Exchange:
    """The encodings of the request and, by Accept, of the answer; the request's by default, and always that of an inference request."""
    if is_inference(path):
        *_, coding = encodings(JSON.media_type.encode(), headers.get(b"content-encoding", b""), b"")
        codec = inference_codec(headers.get(HEADER))
        return Exchange(
            codec, codec, coding, headers.get(b"accept-encoding", b"").replace(b"zstd", b"")
        )  # aiohttp offers it where tritonclient fails
    codec, accept, coding = encodings(*(headers.get(name, b"") for name in (b"content-type", b"content-encoding", b"accept")))
    return Exchange(codec, accept, coding, headers.get(b"accept-encoding", b""))


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
