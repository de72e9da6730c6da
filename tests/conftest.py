"""A real server on a real socket, for the tests that stand where a caller stands."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import httpx
import pytest

import service.losses  # noqa: F401 - a slip in a loss ends pytest here with one message, not with one for every test module


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the service as `python -m service` starts it, on a free port."""
    with running() as address:
        yield address


@pytest.fixture(scope="session")
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=30) as opened:
        yield opened


class running:
    """`with running(SETTING="value") as address`: a service of its own, stopped at the end."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment

    def __enter__(self) -> str:
        import socket

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.log = tempfile.TemporaryFile()  # a pipe that nobody reads would fill up with the access log and hold the service
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service"],
            env={**os.environ, "PORT": str(port), "LOSS_SERVICE_GRACE_SECONDS": "0", **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=self.log,
        )
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.get(f"{address}/health/ready", timeout=1).raise_for_status()
                return address
            except httpx.HTTPError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        self.log.seek(0)
        raise RuntimeError(f"the service did not start: {self.log.read().decode()[-2000:]}")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        self.log.close()
