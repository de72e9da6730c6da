"""Bearer tokens: the callers that may send requests."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from service.errors import Failure
from service.settings import Settings

EXEMPT = ("/health/live", "/health/ready", "/", "/docs")  # probes and pages have no secrets to keep and none to show
EXEMPT_BELOW = ("/docs/", "/losses/", "/explorer/", "/v2/health/")  # pages, their files and probes; the operations that pages call need a token


def tokens(settings: Settings) -> list[str]:
    """All bearer tokens, each alone or as name:token. ValueError if a source has none: a mistake would disable authentication."""
    listed = settings.tokens.get_secret_value()
    found = _stripped(listed.split(","))
    if listed and not found:
        raise ValueError("LOSS_SERVICE_TOKENS: no token in it; expected tokens separated by commas, or the variable unset")
    if settings.tokens_file is not None:
        lines = [line for file, caller in _files(settings.tokens_file) for line in _lines(file, caller)]
        if not lines:
            raise ValueError("LOSS_SERVICE_TOKENS_FILE names a file without a token")
        found += lines
    return found


def _files(path: Path) -> list[tuple[Path, str]]:
    """The file; of a directory the files by the names of their callers. A mounted Secret of Kubernetes has its own data under names with a dot."""
    if not path.is_dir():
        return [(path, "")]
    return [(file, f"{file.name}:") for file in sorted(path.iterdir()) if not file.name.startswith(".")]


def _lines(file: Path, caller: str) -> list[str]:
    return [caller + line for line in _stripped(file.read_text("utf-8-sig").splitlines())]  # editors on Windows write a byte order mark


def _stripped(items: Iterable[str]) -> list[str]:
    return [stripped for item in items if (stripped := item.strip())]


class Bearers:
    """The callers that may send requests. All digests are compared, so that time tells neither a length nor a prefix."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.replace(allowed)

    def replace(self, allowed: Iterable[str]) -> None:
        """Take these tokens from now on, each alone or as name:token."""
        named = [token.rpartition(":") for token in allowed]
        self.digests = [(sha256(token.encode()).digest(), name) for name, _, token in named]

    def check(self, path: str, headers: Mapping[bytes, bytes]) -> str:
        """Return the caller's name, "" for a token without one; a 401 Failure for a caller with none of the tokens."""
        if not self.digests or path in EXEMPT or path.startswith(EXEMPT_BELOW):
            return ""
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        digest = sha256(token.strip()).digest()
        names = [name for allowed, name in self.digests if hmac.compare_digest(digest, allowed)]
        if scheme.lower() != b"bearer" or not names:
            raise Failure("unauthorized", "send Authorization: Bearer <token>", headers={"WWW-Authenticate": 'Bearer realm="loss service"'})
        return names[0]
