"""POST /loss/{name}: the pipeline from bytes to bytes, and the ASGI application around it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from service.api import response
from service.api.operations import Operation, operation_at, serves
from service.codec import JSON, Buffer, Caps, Codec
from service.codec.compression import pack, unpack
from service.errors import Failure
from service.http.admission import Pool, Share, overloaded
from service.http.auth import Bearers
from service.http.body import announced, read_body
from service.http.negotiation import Exchange, Timing, negotiate, packing
from service.http.responses import VIEWS, Receive, Scope, Send, reply
from service.settings import Settings
from service.telemetry import requests
from service.telemetry.requests import Request

UNKNOWN = "unknown"  # the label of a name that is no operation: callers must not make labels of metrics


def answer(operation: Operation, body: Buffer, codec: Codec, accept: Codec, settings: Settings, timing: Timing) -> list[Buffer]:
    """THE pipeline: decode, bind, compute, reduce, encode."""
    start = time.perf_counter()
    decoded = codec.decode(body, Caps(settings.max_elements, settings.max_rank, settings.max_depth))
    decode_end, timing.elements = time.perf_counter(), decoded.elements
    fields = operation.answer(decoded.fields, settings)
    compute_end = time.perf_counter()
    encoded = accept.encode(fields if accept is JSON else response.tensors(fields), decoded.form)
    timing.decode, timing.compute, timing.encode = decode_end - start, compute_end - decode_end, time.perf_counter() - compute_end
    return encoded


def exchange(operation: Operation, body: Buffer, how: Exchange, settings: Settings, submitted: float = 0.0) -> list[Buffer]:
    """The pipeline between content codings."""
    if submitted:
        how.timing.queue = time.perf_counter() - submitted
    if how.coding:
        body = unpack(how.coding, body, settings.max_decompressed_bytes)
    encoded = answer(operation, body, how.codec, how.accept, settings, how.timing)
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
        request = requests.of(scope)
        share, how, operation = Share(self.pool), None, None
        body: Buffer = b""
        try:
            operation = operation_at(scope["path"])
            headers = dict(scope["headers"])
            how, inline = negotiate(headers), self._inline(operation)
            body = await read_body(headers, receive, share, inline, viewed=how.codec.viewed or how.coding is not None)
            if len(body) <= inline and not how.coding:
                encoded = exchange(operation, body, how, self.settings)
            else:
                encoded = await self.pool.run(share, receive, exchange, operation, body, how, self.settings, time.perf_counter())
        finally:
            share.release()
            request.loss, request.encoding = operation.name if operation else UNKNOWN, how.codec.name if how else ""
            request.received = len(body)
        request.elements, request.seconds = how.timing.elements, how.timing.seconds()
        await reply(send, 200, encoded, how.accept.media_type, how.headers(), views=VIEWS in scope.get("extensions", ()))

    def refusal(self, path: str, headers: Mapping[bytes, bytes], request: Request) -> Failure | None:
        """The refusal of a large body by its headers alone, for a server whose pool is full; None for what __call__ has to answer."""
        try:
            request.caller = self.bearers.check(path, headers.items())
            operation, codec = operation_at(path), negotiate(headers).codec
        except Failure:
            return None
        if not self._inline(operation) < announced(headers) <= self.settings.max_body_bytes:
            return None
        request.loss, request.encoding = operation.name, codec.name
        return overloaded()

    def _inline(self, operation: Operation) -> int:
        """The largest body that is computed on the event loop."""
        if operation.search:
            return -1
        return self.settings.inline_bytes // 16 if operation.heavy else self.settings.inline_bytes


def asks_for_loss(method: str, path: str) -> bool:
    """Whether a request is a LossEndpoint's to answer."""
    return method == "POST" and serves(path)
