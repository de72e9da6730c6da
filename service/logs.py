"""One line for each request, to stderr: JSON for machines, words where a person watches. Never a tensor, never a body."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import orjson

access = logging.getLogger("service.access")


class Json(logging.Formatter):
    """A record as one JSON object; what `extra` gave under `fields` becomes members."""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(document, default=str).decode()


class Words(logging.Formatter):
    """The same for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        rest = " ".join(f"{key}={value}" for key, value in fields.items())
        line = f"{time.strftime('%H:%M:%S')} {record.levelname:<7} {record.getMessage()} {rest}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(requests: bool) -> None:
    """Send this service's lines and uvicorn's to stderr in one format; `requests` switches the line of each request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Words() if sys.stderr.isatty() else Json())
    for name in ("service", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING if name == "uvicorn" else logging.INFO)
    access.setLevel(logging.INFO if requests else logging.WARNING)


def request(request_id: str, loss: str, status: int, received: int, sent: int, phases: dict[str, float] | None = None) -> None:
    """One request is over."""
    if access.isEnabledFor(logging.INFO):
        timing = {f"{phase}_ms": round(seconds * 1e3, 3) for phase, seconds in (phases or {}).items()}
        fields = {"request_id": request_id, "loss": loss, "status": status, "received": received, "sent": sent, **timing}
        access.info("request", extra={"fields": fields})
