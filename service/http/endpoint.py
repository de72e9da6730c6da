"""POST /loss/{name} and its like: the pipeline from bytes to bytes, and the ASGI application around it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from service.api.estimate import Prepared
from service.api.operations import OF_PATHS, Operation, is_operation, operation_at
from service.codec import JSON, Buffer, Caps
from service.codec.compression import pack, unpack
from service.codec.fields import Form, Selection
from service.codec.inference import BINARY
from service.codec.turns import TURNS
from service.errors import Failure
from service.http.admission import Pool, Share, overloaded
from service.http.auth import Bearers
from service.http.body import INTO, Body, joined, read_body
from service.http.negotiation import Exchange, negotiate, packing
from service.http.responses import VIEWS, Receive, Scope, Send, reply
from service.settings import Settings
from service.telemetry.requests import Request

INLINE_OPERATIONS = 3e6  # 3 ms, where handing over to a thread and back takes half of one
BYTE_OPERATIONS = 50.0  # of a body that is not decoded yet: a number takes two bytes at least
TEXT_OPERATIONS = 2.0  # of each byte by which the text of a number is longer than its float64: 30 ns a number of a list, 1 of base64
CODED_OPERATIONS = 10 * BYTE_OPERATIONS  # of a compressed one
UNKNOWN = "unknown"  # the label of a name that is no operation: callers must not make labels of metrics
MOST_NUMBER_BYTES = 25.0  # of a response in any encoding: a float64 and its comma in a list

TURN_OPERATIONS = 5e6  # a computation longer than 5 ms gives up the turn of a thread that reads and writes text

Ready = tuple[Prepared, Form | Selection]  # a request that is ready to be computed, and the form that the tensors of its response take


def prepare(operation: Operation, body: Buffer, how: Exchange, settings: Settings) -> Ready:
    """The first half of the pipeline: decode, bind, estimate, and reject requests that are too large before they are computed."""
    start = time.perf_counter()
    decoded = how.codec.decode(body, Caps(settings.max_elements, settings.max_rank, settings.max_depth))
    how.elements = decoded.elements
    prepared = operation.prepare(decoded.fields, settings)
    numbers, most = prepared.estimate.numbers, settings.max_response_bytes
    if numbers * MOST_NUMBER_BYTES > most and (size := numbers * how.accept.number_bytes(decoded.form)) > most:
        raise Failure("too-large", f"outputs: too large a response; expected at most {most} bytes, got an estimate of {size:.0f}")
    how.decode = time.perf_counter() - start
    return prepared, decoded.form


def complete(ready: Ready, how: Exchange, settings: Settings) -> list[Buffer]:
    """The second half of the pipeline: compute, reduce, encode, compress."""
    start = time.perf_counter()
    prepared, form = ready
    with TURNS.left() if prepared.estimate.operations > TURN_OPERATIONS else nullcontext():
        fields = prepared.compute()
    compute_end = time.perf_counter()
    encoded = how.accept.encode(fields, form)
    how.head = how.accept.head_size(encoded, form) if how.accept.head_size else 0
    how.compute, how.encode = compute_end - start, time.perf_counter() - compute_end
    if how.accept_coding and sum(map(len, encoded)) >= settings.compress_bytes:
        coding = packing(how.accept_coding)
        with TURNS.left():
            packed = pack(coding, encoded) if coding else None
        if packed:
            how.packed, encoded = coding, packed
    return encoded


def exchange(operation: Operation, body: Body, how: Exchange, settings: Settings, submitted: float) -> list[Buffer]:
    """The whole pipeline, for a thread of the pool."""
    how.queue = time.perf_counter() - submitted
    whole = joined(body)
    if isinstance(body, list):
        body.clear()  # the caller's reference would keep the parts in memory
    if how.coding:
        whole = unpack(how.coding, whole, settings.max_decompressed_bytes)
    with TURNS if JSON in (how.codec, how.accept) else nullcontext():
        return complete(prepare(operation, whole, how, settings), how, settings)


def second_half(ready: Ready, how: Exchange, settings: Settings, submitted: float) -> list[Buffer]:
    """`complete` for a thread of the pool."""
    how.queue = time.perf_counter() - submitted
    with TURNS if how.accept is JSON else nullcontext():
        return complete(ready, how, settings)


class _Step:
    """The end of a step: requests that are ready at one time take each of their steps together (service/server/rounds.py)."""

    __await__ = staticmethod(partial(iter, (None,)))  # one None, on which an event loop goes on after what else is ready; without a frame


STEP: Any = _Step()


class LossEndpoint:
    """The ASGI application of all losses.

    Small bodies are decoded on the event loop, and computed there where the estimate of their work is a few milliseconds.
    All other work is done in the pool.
    """

    def __init__(self, settings: Settings, pool: Pool, bearers: Bearers) -> None:
        self.settings, self.pool, self.bearers = settings, pool, bearers
        self.running = TURNS.event_loop  # to be held by a server while it runs small requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = scope["state"]["request"]
        request.loss, share = UNKNOWN, Share(self.pool)
        try:
            operation = OF_PATHS.get(scope["path"]) or operation_at(scope["path"])
            request.loss = operation.name
            how = negotiate(request.headers, scope["path"])
            request.encoding = how.codec.name
            extensions = scope.get("extensions", {})
            viewed, into = how.codec.viewed or how.coding is not None, extensions.get(INTO, {}).get("receive")
            body, size = await read_body(request.headers, receive, share, viewed, into)
            request.received = size
            parts = await self._respond(operation, body, size, how, share, receive)
            del body  # it has left the pool's account, and a client may take its response slowly
            request.elements, request.seconds = how.elements, (how.decode, how.queue, how.compute, how.encode)
            if (size := sum(map(len, parts))) > self.settings.inline_bytes:
                share.add(size)
            await reply(send, 200, parts, BINARY if how.head else how.accept.media_type, how.headers(), views=VIEWS in extensions)
        finally:
            if share.held:
                share.release()

    async def _respond(self, operation: Operation, body: Body, size: int, how: Exchange, share: Share, receive: Receive) -> list[Buffer]:
        """Compute on the event loop or in the pool."""
        settings = self.settings
        if size > settings.inline_bytes or how.coding:
            share.operations = size * (CODED_OPERATIONS if how.coding else BYTE_OPERATIONS)
            return await self.pool.run(share, receive, exchange, operation, body, how, settings, time.perf_counter())
        ready = prepare(operation, body if isinstance(body, bytes) else joined(body), how, settings)
        operations, numbers = ready[0].estimate.operations, ready[0].estimate.numbers * TEXT_OPERATIONS
        if operations + numbers * MOST_NUMBER_BYTES > INLINE_OPERATIONS:  # unless in fewer bytes
            operations += numbers * (how.accept.number_bytes(ready[1]) - 8.0)
        if operations <= INLINE_OPERATIONS and settings.inline_bytes:
            await STEP
            parts = complete(ready, how, settings)
            await STEP
            return parts
        share.operations = operations
        return await self.pool.run(share, receive, second_half, ready, how, settings, time.perf_counter())

    def rejection(self, path: str, headers: Mapping[bytes, bytes], length: int, request: Request) -> Failure | None:
        """Return the rejection of a large body by its headers alone, for a server whose pool is full; None for what __call__ handles."""
        try:
            request.caller = self.bearers.check(path, headers)
            operation, codec = operation_at(path), negotiate(headers, path).codec
        except Failure:
            return None
        if not self.settings.inline_bytes < length <= self.settings.max_body_bytes:
            return None
        request.loss, request.encoding = operation.name, codec.name
        return overloaded()


def is_for_losses(method: str, path: str) -> bool:
    """Return True if a LossEndpoint handles the request."""
    return method == "POST" and (path in OF_PATHS or is_operation(path))
