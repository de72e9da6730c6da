"""One line for each request, to stderr: JSON for machines, words where a person watches. Never a tensor, never a body.

The lines of requests do not go through `logging`, which takes longer over a line than a small loss takes; all others do.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from service.telemetry.metrics import PHASES

PHASE_MEMBERS = tuple(f"{phase}_ms" for phase in PHASES)
OTHERS = ("uvicorn", "fastapi", "opentelemetry")  # what we run on speaks in the same format, of what is worth a warning

_write: Callable[[dict[str, Any]], None] | None = None  # takes the line of a request


class Json(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        document = _document(record.created, record.levelname.lower(), record.name, record.getMessage())
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(document).decode()


class Words(logging.Formatter):
    """The same for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{time.strftime('%H:%M:%S')} {record.levelname:<7} {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _document(when: float, level: str, logger: str, message: str) -> dict[str, Any]:
    second = int(when)
    return {"time": f"{_second(second)}.{int((when - second) * 1000):03d}Z", "level": level, "logger": logger, "message": message}


_last_second = (0, "")


def _second(when: int) -> str:
    """The second in ISO 8601; the last one is kept."""
    global _last_second
    if _last_second[0] != when:
        _last_second = (when, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)))
    return _last_second[1]


def configure(requests: bool) -> None:
    """Send this service's lines and those of what it runs on to stderr in one format; `requests` switches the line of each request."""
    global _write
    watched = sys.stderr.isatty()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Words() if watched else Json())
    for name in ("service", *OTHERS):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING if name in OTHERS else logging.INFO)
    _write = None if not requests else _write_words if watched else _write_json


def _write_json(fields: dict[str, Any]) -> None:
    document = _document(time.time(), "info", "service.access", "request")
    document.update(fields)
    with suppress(OSError):  # a full disk refuses no request
        os.write(sys.stderr.fileno(), orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))  # whole, also where workers share a pipe


def _write_words(fields: dict[str, Any]) -> None:
    words = " ".join(f"{name}={value}" for name, value in fields.items())
    with suppress(OSError):
        print(f"{time.strftime('%H:%M:%S')} INFO    {words}", file=sys.stderr, flush=True)


def request(request_id: str, loss: str, status: int, received: int, sent: int, seconds: tuple[float, ...] = ()) -> None:
    """One request is over; `seconds` are those of its phases."""
    if _write is None:
        return
    fields = {"request_id": request_id, "loss": loss, "status": status, "received": received, "sent": sent}
    for member, duration in zip(PHASE_MEMBERS, seconds, strict=False):
        fields[member] = int(duration * 1e6 + 0.5) / 1e3  # round() takes several times as long
    _write(fields)
