"""POST /loss/{name}: the pipeline from bytes to bytes, and the ASGI application around it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from service import combination, logs, metrics, response, traces
from service.codec import CODECS, JSON, Buffer, Caps, Codec
from service.codec.coding import CODINGS, pack, unpack
from service.errors import MEDIA_TYPE, Failure, failure
from service.limits import Gone, Pool, Share, announced, overloaded, read_body
from service.losses import compute
from service.names import find
from service.request import bind
from service.security import Bearers
from service.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JOINED_BYTES = 64 * 1024  # below, a copy costs less than another write to the socket

INTERNAL = Failure("internal", "the service failed; its log has this request's id")

log = logging.getLogger("service")


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


def answer(name: str, body: Buffer, codec: Codec, accept: Codec, settings: Settings, timing: Timing) -> list[Buffer]:
    """THE pipeline: decode, bind, compute, reduce, encode."""
    start = time.perf_counter()
    decoded = codec.decode(body, Caps(settings.max_elements, settings.max_rank, settings.max_depth))
    decode_end, timing.elements = time.perf_counter(), decoded.elements
    if name == combination.NAME:
        fields = combination.combine(decoded.fields, settings.max_terms, settings.max_pairs)
    else:
        call = bind(find(name), decoded.fields, settings.max_pairs)
        fields = response.fields(compute(call.loss, call.tensors, call.options, call.controls))
    compute_end = time.perf_counter()
    encoded = accept.encode(fields if accept is JSON else response.tensors(fields), decoded.form)
    timing.decode, timing.compute, timing.encode = decode_end - start, compute_end - decode_end, time.perf_counter() - compute_end
    return encoded


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


def exchange(name: str, body: Buffer, how: Exchange, settings: Settings, submitted: float = 0.0) -> list[Buffer]:
    """The pipeline between content codings."""
    if submitted:
        how.timing.queue = time.perf_counter() - submitted
    if how.coding:
        body = unpack(how.coding, body, settings.max_decompressed_bytes)
    encoded = answer(name, body, how.codec, how.accept, settings, how.timing)
    if how.accept_coding and sum(map(len, encoded)) >= settings.compress_bytes:
        coding = packing(how.accept_coding)
        packed = pack(coding, encoded) if coding else None
        if packed:
            how.packed, encoded = coding, packed
    return encoded


class LossEndpoint:
    """The ASGI application of all losses. Small bodies are answered on the event loop, large ones in the pool."""

    def __init__(self, settings: Settings, pool: Pool, bearers: Bearers) -> None:
        self.settings, self.pool, self.bearers = settings, pool, bearers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope["state"]["request_id"]
        share, how = Share(self.pool), None
        body: Buffer = b""
        try:
            name = scope["path"].rpartition("/")[2]
            headers = dict(scope["headers"])
            how, inline = negotiate(headers), self._inline(name)
            body = await read_body(headers, receive, share, inline, viewed=how.codec.viewed or how.coding is not None)
            if len(body) <= inline and not how.coding:
                encoded = exchange(name, body, how, self.settings)
            else:
                encoded = await self.pool.run(share, receive, exchange, name, body, how, self.settings, time.perf_counter())
        except Gone:
            return
        except Exception as exc:
            problem = failure(exc)
            if problem is None:
                log.exception("request %s failed", request_id)
                problem = INTERNAL
            loss, encoding = label(scope["path"]), how.codec.name if how else "none"
            _count_refusal(loss, encoding, problem, request_id, len(body))
            traces.describe(scope, request_id, loss, encoding, len(body), problem=problem.kind)
            await reply_failure(send, problem, request_id)
            return
        finally:
            share.release()
        loss, seconds, sent = label(scope["path"]), how.timing.seconds(), sum(map(len, encoded))
        metrics.answered(loss, how.codec.name, len(body), sent, how.timing.elements, seconds)
        logs.request(request_id, loss, 200, len(body), sent, seconds)
        traces.describe(scope, request_id, loss, how.codec.name, len(body), sent, how.timing.elements, seconds)
        await reply(send, 200, encoded, how.accept.media_type, how.headers())
        if sent > self.settings.inline_bytes:
            self.pool.trim_later()

    def refusal(self, path: str, headers: Mapping[bytes, bytes], request_id: str) -> Failure | None:
        """The refusal of a large body by its headers alone, for a server whose pool is full; None for what __call__ has to answer."""
        try:
            self.bearers.check(path, headers.items())
            codec, inline = negotiate(headers).codec, self._inline(path.rpartition("/")[2])
        except Failure:
            return None
        if not inline < announced(headers) <= self.settings.max_body_bytes:
            return None
        problem = overloaded()
        _count_refusal(label(path), codec.name, problem, request_id, 0)
        return problem

    def _inline(self, name: str) -> int:
        """The largest body that is answered on the event loop; an unknown name is refused before its body is read."""
        small = name == combination.NAME or find(name).pairs
        return self.settings.inline_bytes // 16 if small else self.settings.inline_bytes


def asks_for_loss(method: str, path: str) -> bool:
    """Whether a request is a LossEndpoint's to answer."""
    return method == "POST" and path.startswith("/loss/") and path.count("/") == 2


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's X-Request-ID where it is a plain one, or a new one."""
    given = next((value for key, value in headers if key == b"x-request-id"), b"")
    return given.decode() if 0 < len(given) <= 100 and given.isascii() and given.decode().isprintable() else os.urandom(16).hex()


def _count_refusal(loss: str, encoding: str, problem: Failure, request_id: str, received: int) -> None:
    metrics.refused(loss, encoding, problem.status, problem.kind)
    logs.request(request_id, loss, problem.status, received, 0)


@lru_cache(maxsize=512)  # paths may be long
def label(path: str) -> str:
    """The canonical name of the loss at a path, or `unknown`: callers must not be able to make names for metrics."""
    name = path.rpartition("/")[2]
    try:
        return name if name == combination.NAME else find(name).name
    except Failure:
        return "unknown"


async def reply(send: Send, status: int, parts: list[Buffer], media_type: str, headers: list[tuple[bytes, bytes]]) -> None:
    """One answer. Small parts are joined, large ones sent as they are."""
    size = sum(map(len, parts))
    if size <= JOINED_BYTES:
        parts = [b"".join(parts)]
    base = [(b"content-type", media_type.encode()), (b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": status, "headers": base + headers})
    for part in parts[:-1]:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": parts[-1]})


async def reply_failure(send: Send, problem: Failure, request_id: str) -> None:
    """An answer that is a problem document."""
    metrics.rejected(problem.kind)
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await reply(send, problem.status, [problem.body(request_id)], MEDIA_TYPE, headers)


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
