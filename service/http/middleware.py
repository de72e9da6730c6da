"""The outermost middleware: request ids, authentication, and a problem document for every failure."""

from __future__ import annotations

import logging
from typing import Any

from service.errors import Failure
from service.http.auth import Bearers, page_headers
from service.http.endpoint import LossEndpoint, asks_for_loss
from service.http.responses import INTERNAL, Message, Receive, Scope, Send, reply_failure, request_id_of
from service.telemetry import traces

log = logging.getLogger("service")


class Guard:
    """Gives each request an id (the caller's X-Request-ID or a new one) that its answer carries, and lets no stranger in and no exception out.

    POST /loss/{name} goes straight to the losses: the router and its stack would cost a small request a fifth of its time.
    """

    def __init__(self, app: Any, bearers: Bearers, losses: LossEndpoint) -> None:
        self.app, self.bearers, self.losses = app, bearers, losses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                ours = [(b"x-request-id", request_id.encode()), *traces.headers(scope)]
                message["headers"] = [*message["headers"], *ours, *page_headers(message["headers"])]
            await send(message)

        try:
            self.bearers.check(scope["path"], scope["headers"])
            await (self.losses if asks_for_loss(scope["method"], scope["path"]) else self.app)(scope, receive, marked)
        except Failure as problem:
            await reply_failure(marked, problem, request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            if started:
                raise
            await reply_failure(marked, INTERNAL, request_id)
