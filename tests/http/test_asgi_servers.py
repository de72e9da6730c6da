"""The application is ASGI: servers that are not ours get bytes, and send what ours sends.

Ray Serve 2.60 was tried by hand, in a network namespace with loopback only: the same bytes at 256 x 100 and 1024 x 1000 in safetensors.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest

from service.app import create_app
from service.codec import JSON, SAFETENSORS, Codec

COMMANDS = {
    "daphne": ["daphne", "-b", "127.0.0.1", "-p", "{port}", "tests.http.asgi_app:app"],
    "hypercorn": ["hypercorn", "-b", "127.0.0.1:{port}", "tests.http.asgi_app:app"],
}


@contextmanager
def serving(command: list[str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [part.format(port=port) for part in command]
    process = subprocess.Popen([sys.executable, "-m", *arguments], env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{address}/health/live", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, "the server did not start"
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module", params=COMMANDS)
def other(request: pytest.FixtureRequest) -> Iterator[str]:
    with serving(COMMANDS[request.param]) as address:
        yield address


def tensors(n: int, c: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"predictions": rng.normal(size=(n, c)), "labels": rng.integers(0, c, size=n)}


@pytest.mark.parametrize("shape", [(32, 10), (256, 100), (1024, 1000)])
@pytest.mark.parametrize(("codec", "form"), [(SAFETENSORS, "nested"), (JSON, "base64"), (JSON, "nested")], ids=["safetensors", "base64", "lists"])
def test_another_server_sends_the_same_bytes(other: str, server: str, shape: tuple[int, int], codec: Codec, form: Any) -> None:
    parts = SAFETENSORS.encode(tensors(*shape), "nested") if codec is SAFETENSORS else JSON.encode(tensors(*shape), form)
    found = [
        httpx.post(f"{address}/loss/cross_entropy", content=b"".join(parts), headers={"content-type": codec.media_type}, timeout=60)
        for address in (server, other)
    ]
    assert [response.status_code for response in found] == [200, 200]
    assert found[0].content == found[1].content


@pytest.mark.parametrize("coding", [b"", b"gzip"])
@pytest.mark.parametrize("codec", [JSON, SAFETENSORS], ids=lambda codec: codec.name)
def test_bodies_are_bytes(codec: Codec, coding: bytes) -> None:
    body = b"".join(codec.encode(tensors(256, 100), "base64"))
    messages: list[MutableMapping[str, Any]] = []

    bodies = [body]

    async def receive() -> dict[str, Any]:
        if not bodies:
            await asyncio.sleep(60)  # the client stays
        return {"type": "http.request", "body": bodies.pop()}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    headers = [(b"content-type", codec.media_type.encode()), (b"content-length", str(len(body)).encode()), (b"accept-encoding", coding)]
    scope = {"type": "http", "method": "POST", "path": "/loss/cross_entropy", "headers": headers, "query_string": b"", "http_version": "1.1"}
    asyncio.run(create_app()(scope, receive, send))
    start, *parts = messages
    assert start["status"] == 200, parts
    assert {type(part["body"]) for part in parts} == {bytes}
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert sum(len(part["body"]) for part in parts) == int(dict(start["headers"])[b"content-length"])
