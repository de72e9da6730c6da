"""A server in a thread of this process, on a real socket, and the bytes that a caller would put on it."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from service.http.admission import Life, Pool
from service.losses import LOSSES, Evaluation, loss
from service.losses.declaration import Real
from service.server.lifecycle import Server, configured
from service.settings import Settings

__all__ = ["GOOD", "Reply", "Serving", "Wire", "large", "planted", "post", "serving", "wait_until", "zstd"]

GOOD = b'{"predictions": [1, 2], "labels": [0, 0]}'


@dataclass
class Serving:
    """A running server."""

    server: Server
    port: int
    life: Life

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pool(self) -> Pool:
        found: Pool = self.server.config.app.state.losses.pool  # type: ignore[union-attr]
        return found

    def connect(self, timeout: float = 30) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)


@contextmanager
def serving(**settings: Any) -> Iterator[Serving]:
    """A server with these settings, until the block ends."""
    chosen, life = Settings(**{"grace_seconds": 0, **settings}), Life()
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    server = Server(configured(chosen, life), chosen, life)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield Serving(server, listener.getsockname()[1], life)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server did not end"


@contextmanager
def planted(function: Any, name: str = "planted") -> Iterator[None]:
    """A loss of the test's own: `function` is called with the predictions, for whatever it does besides."""

    def evaluate(predictions: Real) -> Evaluation:
        """A loss for a test.

        Use: A test.
        Formula: 0
        Reference: none
        """
        function(predictions)
        return Evaluation(np.zeros(len(predictions)), np.ones(len(predictions)), {"predictions": lambda c: np.zeros_like(predictions)})

    evaluate.__name__ = name
    loss(example={"predictions": [0.0]})(evaluate)
    try:
        yield
    finally:
        del LOSSES[name]


def wait_until(condition: Any, seconds: float = 20) -> None:
    """Wait for what will be so; fail where it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.005)


def post(
    body: bytes = GOOD, path: str = "/loss/mean_squared_error", content_type: str = "application/json", headers: str = "", length: str = ""
) -> bytes:
    """A POST as bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {length or len(body)}\r\n{headers}\r\n".encode() + body
    )


def large(numbers: int = 60_000) -> bytes:
    """A body that is computed in the pool."""
    return json.dumps({"predictions": [0.5] * numbers}).encode()


@dataclass
class Reply:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json", self
        assert len(self.body) < 16 * 1024
        document: dict[str, Any] = json.loads(self.body)
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["x-request-id"]
        return document


class Wire:
    """One connection."""

    def __init__(self, serving: Serving, timeout: float = 30) -> None:
        self.socket = serving.connect(timeout)
        self.buffer = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Wire:
        self.socket.sendall(data)
        return self

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {self.buffer[:200]!r}")
        self.buffer += data

    def reply(self) -> Reply:
        """The next answer; EOFError where the connection ends before it."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Reply(int(status.split()[1]), headers, body)

    def ask(self, data: bytes) -> Reply:
        return self.send(data).reply()

    def closed(self) -> bool:
        """Wait, and return true if the server ends the connection."""
        try:
            return self.socket.recv(65536) == b""
        except ConnectionError:
            return True
