"""Negotiation of encodings: media types, content codings, and the timing of one exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from service.codec import CODECS, Codec
from service.codec.compression import CODINGS
from service.errors import Failure


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
    """How one request and its answer are written; `packed` is the answer's coding once it has one."""

    codec: Codec
    accept: Codec
    coding: str | None
    accept_coding: bytes
    timing: Timing = field(default_factory=Timing)
    packed: str | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        timing = [(b"server-timing", self.timing.header())]
        return [*timing, (b"content-encoding", self.packed.encode()), (b"vary", b"accept-encoding")] if self.packed else timing


def negotiate(headers: Mapping[bytes, bytes]) -> Exchange:
    """The encodings of the request and, by Accept, of the answer; the request's by default."""
    codec, accept, coding = encodings(*(headers.get(name, b"") for name in (b"content-type", b"content-encoding", b"accept")))
    return Exchange(codec, accept, coding, headers.get(b"accept-encoding", b""))


@lru_cache(maxsize=64)  # headers may be long
def encodings(content_type: bytes, content_encoding: bytes, accepted: bytes) -> tuple[Codec, Codec, str | None]:
    """The request's encoding, the answer's, and the request's content coding; 415 for what is none of ours."""
    given = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    if given not in CODECS:
        raise Failure("unsupported-media-type", f"content-type should be {' or '.join(CODECS)}; got {given[:100]!r}")
    coding = content_encoding.strip().lower().decode("latin-1")
    if coding not in ("", "identity", *CODINGS):
        told = ", ".join(CODINGS)
        raise Failure("unsupported-media-type", f"content-encoding should be {told} or none; got {coding[:100]!r}", headers={"Accept-Encoding": told})
    asked = [codec for media_type, codec in CODECS.items() if media_type in accepted.decode("latin-1").lower()]
    return CODECS[given], asked[0] if len(asked) == 1 else CODECS[given], coding if coding in CODINGS else None


def packing(accepted: bytes) -> str | None:
    """The best of our codings that Accept-Encoding names and does not weigh with 0."""
    offers = [offer.partition(";") for offer in accepted.decode("latin-1").lower().replace(" ", "").split(",")]
    wanted = {name for name, _, weight in offers if weight.strip("0.") != "q="}
    return next((coding for coding in CODINGS if coding in wanted), None)
