"""Who may ask, and what a browser may do with a page of ours."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256

from service.errors import Failure
from service.settings import Settings

EXEMPT = ("/health/live", "/health/ready", "/", "/docs")  # probes and pages have no secrets to keep and none to show
EXEMPT_BELOW = ("/docs/", "/losses/", "/explorer/")  # the pages of losses, and the files of pages; what the pages call needs a token

Headers = Iterable[tuple[bytes, bytes]]

PAGE_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
        b" base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]


def tokens(settings: Settings) -> list[str]:
    """All bearer tokens. A file that holds none is a mistake that would open the service, so it is an error."""
    found = settings.tokens.get_secret_value().split(",")
    if settings.tokens_file is not None:
        lines = settings.tokens_file.read_text().splitlines()
        if not any(line.strip() for line in lines):
            raise ValueError("LOSS_SERVICE_TOKENS_FILE names a file without a token")
        found += lines
    return [token.strip() for token in found if token.strip()]


class Bearers:
    """Those who may ask. Digests are compared, each of them, so that time tells neither a length nor a prefix."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.digests = [sha256(token.encode()).digest() for token in allowed]

    def check(self, path: str, headers: Headers) -> None:
        """401 for whoever has none of the tokens."""
        if not self.digests or path in EXEMPT or path.startswith(EXEMPT_BELOW):
            return
        given = next((value for key, value in headers if key == b"authorization"), b"")
        scheme, _, token = given.partition(b" ")
        digest = sha256(token.strip()).digest()
        known = sum(hmac.compare_digest(digest, allowed) for allowed in self.digests)
        if scheme.lower() != b"bearer" or not known:
            raise Failure("unauthorized", "send Authorization: Bearer <token>", headers={"WWW-Authenticate": 'Bearer realm="loss service"'})


def page_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """What an answer lacks that a browser shows as a page; nothing with others."""
    if not any(value.startswith(b"text/html") for name, value in headers if name == b"content-type"):
        return []
    given = dict(headers)
    return [(name, value) for name, value in PAGE_HEADERS if name not in given]
