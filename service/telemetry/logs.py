"""Log lines on stderr: JSON for machines, words where a person watches. Never a tensor, never a body, never a token.

A thread writes them, so that a full pipe, a slow disk or a stopped terminal delays no request. Lines beyond a bound are dropped and counted.
"""

from __future__ import annotations

import logging
import os
import queue
import select
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from service.telemetry import metrics

if TYPE_CHECKING:
    from service.telemetry.requests import Request

TIMES = ("total_ms", *(f"{phase}_ms" for phase in metrics.PHASES))
OTHERS = ("uvicorn", "fastapi", "opentelemetry")  # libraries write in the same format, from warnings on
MOST_WAITING = 4 * 1024 * 1024  # bytes of lines that wait for the reader of stderr
GATHER_SECONDS = 0.05  # between two writings: a thread that wakes for each line costs a small request 10 %
FLUSH_SECONDS = 1.0  # at most, for the last lines of a process
LONGEST_PATH = 200
STDERR = 2

_line: Callable[[str, str, dict[str, Any], float], bytes]
_requests: Writer | None = None
_events: Writer | None = None
_last_second = (0, "")  # and its text
_sources: list[Callable[[], None]] = []  # put the lines of requests that are over and not yet logged

log = logging.getLogger("service")


class Json(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        exception = {"exception": self.formatException(record.exc_info)} if record.exc_info else {}
        return _json(record.name, record.getMessage(), exception, record.created, record.levelname.lower())[:-1].decode()


class Words(logging.Formatter):
    """The same for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{time.strftime('%H:%M:%S')} {record.levelname:<7} {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _json(logger: str, message: str, fields: dict[str, Any], when: float, level: str = "info") -> bytes:
    global _last_second
    if _last_second[0] != (second := int(when)):
        _last_second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
    stamp = f"{_last_second[1]}.{int((when - second) * 1000):03d}Z"
    return orjson.dumps({"time": stamp, "level": level, "logger": logger, "message": message, **fields}, option=orjson.OPT_APPEND_NEWLINE)


def _words(logger: str, message: str, fields: dict[str, Any], when: float) -> bytes:
    words = " ".join(f"{name}={value}" for name, value in fields.items())
    return f"{time.strftime('%H:%M:%S', time.localtime(when))} INFO    {message} {words}\n".encode("utf-8", "replace")


class Writer(logging.Handler):
    """Writes lines to a file descriptor from a thread of its own, at once or, where other processes share it, in chunks."""

    def __init__(self, descriptor: int, shared: bool = False) -> None:
        super().__init__()
        self.descriptor, self.shared = descriptor, shared
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.put_bytes = self.written_bytes = 0  # each is changed by one side; a race between two threads that log loses some bytes of the count
        self.dropped = self.reported = 0
        self.thread = threading.Thread(target=self._run, name="log", daemon=True)
        self.thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        self.put(self.format(record).encode("utf-8", "replace") + b"\n")

    def put(self, *lines: bytes) -> None:
        """Hand lines to the thread, or drop them."""
        for line in lines:
            if self.put_bytes - self.written_bytes > MOST_WAITING:
                self.dropped += 1
                metrics.dropped_lines.inc()
            else:
                self.put_bytes += len(line)
                self.lines.put(line)

    def wake(self) -> None:
        """Have the thread look for lines in its source."""
        self.lines.put(b"")

    def flush(self) -> None:
        """Wait for the lines to be written, but not long."""
        _gather()
        end = time.monotonic() + FLUSH_SECONDS
        while self.put_bytes > self.written_bytes and time.monotonic() < end:
            time.sleep(GATHER_SECONDS / 4)

    def _run(self) -> None:
        while True:
            lines = [self.lines.get()]
            _gather()
            with suppress(queue.Empty):
                while True:
                    lines.append(self.lines.get_nowait())
            for chunk in _chunks(lines) if self.shared else [b"".join(lines)]:  # each write waits for the interpreter's lock
                self._write(chunk)
            self.written_bytes += sum(map(len, lines))
            if dropped := self.dropped - self.reported:
                self.reported += dropped
                log.warning("%d log lines were dropped: stderr was not read or could not be written", dropped)
            time.sleep(GATHER_SECONDS)

    def _write(self, chunk: bytes) -> None:
        try:
            while chunk:
                chunk = chunk[os.write(self.descriptor, chunk) :]
        except OSError:  # a full disk, or a pipe without reader
            metrics.dropped_lines.inc(chunk.count(b"\n"))


def _chunks(lines: list[bytes]) -> Iterator[bytes]:
    """Join lines up to the size that a pipe writes atomically, also if several workers share it."""
    start = size = 0
    for index, line in enumerate(lines):
        if size and size + len(line) > select.PIPE_BUF:
            yield b"".join(lines[start:index])
            start, size = index, 0
        size += len(line)
    yield b"".join(lines[start:])


def configure(requests: bool = True, shared: bool = False) -> None:
    """Send this service's lines and those of its libraries to stderr in one format.

    requests: each request has its line. shared: other processes write to the same stderr.
    """
    global _line, _requests, _events
    watched = sys.stderr.isatty()
    writer = Writer(STDERR, shared)
    writer.setFormatter(Words() if watched else Json())
    for name in ("service", *OTHERS):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [writer], False
        logger.setLevel(logging.WARNING if name in OTHERS else logging.INFO)
    _line, _events, _requests = _words if watched else _json, writer, writer if requests else None


def source(put_lines: Callable[[], None]) -> Callable[[], None]:
    """Register the function that puts the lines of requests: it runs in the writer's thread before it writes, and before the line of an event."""
    _sources.append(put_lines)
    return put_lines


def _gather() -> None:
    for put_lines in _sources:
        put_lines()


def wake() -> bool:
    """Have the source's lines written soon. Returns False where no thread writes."""
    if _events is None:
        return False
    _events.wake()
    return True


def requests(over: Iterable[Request], clock: float) -> None:
    """Put the lines of requests that are over; `clock` is the time where theirs is 0. They do not pass through `logging`: 2 % of a small request."""
    if _requests is None:
        return
    lines = []
    for request in over:
        fields: dict[str, Any] = {"request_id": request.request_id, "method": request.method, "path": request.path[:LONGEST_PATH]}
        if request.loss:
            fields["loss"] = request.loss
        if request.encoding:
            fields["encoding"] = request.encoding
        if request.caller:
            fields["caller"] = request.caller
        fields["status"], fields["received"], fields["sent"] = request.status, request.received, request.sent
        for name, seconds in zip(TIMES, (request.ended - request.begun, *request.seconds), strict=False):
            fields[name] = int(seconds * 1e6 + 0.5) / 1e3  # round() takes several times as long
        if request.problem:
            fields["problem"] = request.problem
        if request.disconnected:
            fields["disconnected"] = True
        if request.trace_id:
            fields["trace_id"] = request.trace_id
        lines.append(_line("service.access", "request", fields, clock + request.ended))
    _requests.put(*lines)


def event(name: str, **fields: Any) -> None:
    """Write the line of a step in the life of the process: started, draining, stopped."""
    if _events is not None:
        _gather()
        _events.put(_line("service.lifecycle", name, fields, time.time()))
