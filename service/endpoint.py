"""POST /loss/{name}: the pipeline from bytes to bytes, and the ASGI application around it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from service import combination, response
from service.codec import CODECS, JSON, Caps, Codec
from service.errors import MEDIA_TYPE, Failure, failure
from service.limits import Pool, read_body
from service.losses import compute
from service.names import find
from service.request import bind
from service.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

INTERNAL = Failure("internal", "the service failed; its log has this request's id")

log = logging.getLogger("service")


@dataclass
class Timing:
    """Seconds by phase, for Server-Timing."""

    decode: float = 0.0
    queue: float = 0.0
    compute: float = 0.0
    encode: float = 0.0

    def header(self) -> bytes:
        return ", ".join(f"{phase};dur={seconds * 1e3:.3f}" for phase, seconds in vars(self).items()).encode()


def answer(name: str, body: bytes, codec: Codec, accept: Codec, settings: Settings, timing: Timing) -> bytes:
    """THE pipeline: decode, bind, compute, reduce, encode."""
    start = time.perf_counter()
    decoded = codec.decode(body, Caps(settings.max_elements, settings.max_rank, settings.max_depth))
    decode_end = time.perf_counter()
    if name == combination.NAME:
        fields = combination.combine(decoded.fields, settings.max_terms)
    else:
        call = bind(find(name), decoded.fields)
        fields = response.fields(compute(call.loss, call.tensors, call.options, call.controls))
    compute_end = time.perf_counter()
    encoded = accept.encode(fields if accept is JSON else response.tensors(fields), decoded.form)
    timing.decode, timing.compute, timing.encode = decode_end - start, compute_end - decode_end, time.perf_counter() - compute_end
    return encoded


class LossEndpoint:
    """The ASGI application of all losses. Small bodies are answered on the event loop, large ones in the pool."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self.settings, self.pool = settings, pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        request_id = scope["state"]["request_id"]
        timing = Timing()
        try:
            name = scope["path"].rpartition("/")[2]
            codec, accept = negotiate(headers)
            find_or_combination(name)
            body = await read_body(headers, receive, self.settings)
            if len(body) <= self.settings.inline_bytes:
                encoded = answer(name, body, codec, accept, self.settings, timing)
            else:
                encoded = await self.pool.run(answer, name, body, codec, accept, self.settings, timing)
        except Exception as exc:
            problem = failure(exc)
            if problem is None:
                log.exception("request %s failed", request_id)
                problem = INTERNAL
            await reply_failure(send, problem, request_id)
            return
        await reply(send, 200, encoded, accept.media_type, [(b"server-timing", timing.header())])


def find_or_combination(name: str) -> None:
    """Refuse an unknown name before its body is read."""
    if name != combination.NAME:
        find(name)


async def reply(send: Send, status: int, body: bytes, media_type: str, headers: list[tuple[bytes, bytes]]) -> None:
    """One answer in two ASGI messages."""
    base = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": base + headers})
    await send({"type": "http.response.body", "body": body})


async def reply_failure(send: Send, problem: Failure, request_id: str) -> None:
    """An answer that is a problem document."""
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await reply(send, problem.status, problem.body(request_id), MEDIA_TYPE, headers)


def negotiate(headers: dict[bytes, bytes]) -> tuple[Codec, Codec]:
    """The encodings of the request and, by Accept, of the answer; the request's by default."""
    given = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if given not in CODECS:
        raise Failure("unsupported-media-type", f"content-type should be {' or '.join(CODECS)}; got {given[:100]!r}")
    accepted = headers.get(b"accept", b"").decode("latin-1").lower()
    asked = [codec for media_type, codec in CODECS.items() if media_type in accepted]
    return CODECS[given], asked[0] if len(asked) == 1 else CODECS[given]
