"""The outermost middleware: the record of each request, CORS, authentication, and a problem document for every failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from service.api.operations import OF_PATHS
from service.errors import Failure, failure
from service.http.admission import Gone, Life
from service.http.auth import Bearers
from service.http.endpoint import LossEndpoint, is_for_losses
from service.http.responses import INTERNAL, Message, Receive, Scope, Send, reply_failure, request_id_of
from service.telemetry import requests, traces
from service.telemetry.requests import Request

STOPPING = Failure(
    "unavailable", "the service is stopping; send the request to another instance", headers={"Connection": "close", "Retry-After": "1"}
)

log = logging.getLogger("service")


class Guard:
    """Gives each request an id (the client's X-Request-ID or a new one) and its record, checks its token, and lets no exception out.

    POST /loss/{name} goes straight to the losses: the router and its stack would cost a small request a fifth of its time.
    """

    def __init__(self, app: Any, bearers: Bearers, losses: LossEndpoint, life: Life, origins: Sequence[str] = ()) -> None:
        self.app, self.bearers, self.losses, self.life = app, bearers, losses, life
        self.checked: Any = Cors(self._check, origins) if origins else self._check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, headers, traced = scope["method"], dict(scope["headers"]), scope.get(traces.SCOPE_KEY) is not None
        request = Request(request_id_of(headers), method, scope.get("raw_path", b"").decode("latin-1"), headers)
        scope.setdefault("state", {})["request"] = request

        def recorded(message: Message) -> Awaitable[None]:  # no coroutine of its own
            if message["type"] == "http.response.start":
                request.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request.request_id.encode()), *(traces.headers() if traced else ())]
            else:
                if method == "HEAD":
                    message["body"] = b""
                request.sent += len(message.get("body", b""))
                if traced and not message.get("more_body"):
                    request.trace_id = traces.describe(request)  # the span ends with the response
            return send(message)

        try:
            await self.checked(scope, receive, recorded)
        except (Gone, OSError):  # where ASGI 2.4 is spoken, sending to a client that has gone raises OSError
            request.disconnected = True
        finally:
            request.finish()

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = scope["state"]["request"]
        try:
            if self.life.stopped:
                raise STOPPING
            if self.bearers.digests:
                request.caller = self.bearers.check(scope["path"], request.headers)
            if (scope["method"] == "POST" and scope["path"] in OF_PATHS) or is_for_losses(scope["method"], scope["path"]):
                await self.losses(scope, receive, send)
            else:
                await self.app({**scope, "method": "GET"} if scope["method"] == "HEAD" else scope, receive, send)
        except (Gone, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as exc:  # also SystemExit, or a panic of an extension module
            problem = failure(exc) if isinstance(exc, Exception) else None
            if problem is None:
                if request.status:
                    raise
                log.error("request %s failed", request.request_id, exc_info=exc)
                problem = INTERNAL
            await reply_failure(send, problem, request)


class Cors(CORSMiddleware):
    """Starlette's, with a problem document in place of its plain text."""

    def __init__(self, app: Any, origins: Sequence[str]) -> None:
        super().__init__(app, allow_origins=origins, allow_methods=["GET", "HEAD", "POST"], allow_headers=["*"], expose_headers=["*"])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers and "origin" in headers:
            response = self.preflight_response(headers)
            if response.status_code != 200:
                response = self._rejected(requests.of(scope), response)
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _rejected(self, request: Request, response: Response) -> Response:
        problem = Failure("invalid-request", f"preflight: {bytes(response.body).decode()}")
        request.problem = problem.kind
        headers = {name: value for name, value in response.headers.items() if name not in ("content-type", "content-length")}
        body, media_type = problem.document(request.request_id, request.path)
        return Response(body, problem.status, headers, media_type)
