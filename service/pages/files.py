"""Files that a browser keeps: made once, compressed, with a tag, under a strict content security policy."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from functools import cached_property

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
# Everything comes from the service itself. Swagger UI sets styles from script, and its icons are data: URLs.
HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class File:
    """Bytes that are made once, and are sent compressed to clients that accept it."""

    def __init__(self, make: Callable[[], bytes], media_type: str, headers: dict[str, str] | None = None) -> None:
        self.make, self.media_type, self.headers = make, media_type, HEADERS | (headers or {})

    @cached_property
    def content(self) -> tuple[bytes, bytes, str]:
        """Plain, compressed, and a tag that changes when they do."""
        plain = self.make()
        return plain, gzip.compress(plain, 6, mtime=0), f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'

    async def respond(self, request: Request) -> Response:
        plain, compressed, tag = await run_in_threadpool(lambda: self.content)
        headers = {**self.headers, "etag": tag, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(compressed, media_type=self.media_type, headers=headers | {"content-encoding": "gzip"})
        return Response(plain, media_type=self.media_type, headers=headers)
