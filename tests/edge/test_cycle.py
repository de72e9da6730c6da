"""The protocol's own writing of responses: one write for a small one, and no head or body that would break the connection's framing."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from service.server.cycle import Cycle


def cycle(method: str = "POST", keep_alive: bool = True) -> tuple[Cycle, list[bytes]]:
    """Return a cycle, and the list of what it writes."""
    written: list[bytes] = []
    transport: Any = SimpleNamespace(write=written.append, close=lambda: written.append(b"closed"), is_closing=lambda: False)
    log, flow, scope = logging.getLogger("x"), SimpleNamespace(write_paused=False, read_paused=False), {"method": method}
    given: dict[str, Any] = {"scope": scope, "transport": transport, "flow": flow, "logger": log, "access_logger": log, "access_log": False}
    given |= {"default_headers": [(b"date", b"now")], "message_event": asyncio.Event(), "expect_100_continue": False}
    return Cycle(**given, keep_alive=keep_alive, on_response=lambda: None), written


def send(made: Cycle, body: bytes, *headers: tuple[bytes, bytes], more: bool = False) -> None:
    async def both() -> None:
        await made.send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await made.send({"type": "http.response.body", "body": body, "more_body": more})

    asyncio.run(both())


def test_a_small_response_is_one_write() -> None:
    made, written = cycle()
    send(made, b"abc", (b"content-length", b"3"))
    assert written == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 3\r\n\r\nabc"]


def test_a_last_response_says_so_and_closes() -> None:
    made, written = cycle("HEAD", keep_alive=False)
    send(made, b"", (b"content-length", b"3"))
    assert written == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 3\r\nconnection: close\r\n\r\n", b"closed"]


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: x=1", b"a\nb", b"a\rb", b"a\x00b", b"a\x7fb"])
def test_a_control_character_in_a_header_is_not_written(value: bytes) -> None:
    made, written = cycle()
    with pytest.raises(RuntimeError, match="control character"):
        send(made, b"abc", (b"content-length", b"3"), (b"x-request-id", value))
    assert written == []


@pytest.mark.parametrize(("body", "more"), [(b"ab", False), (b"abcd", False), (b"abcd", True)])
def test_a_body_of_another_length_is_not_written(body: bytes, more: bool) -> None:
    made, written = cycle()
    with pytest.raises(RuntimeError, match="Content-Length"):
        send(made, body, (b"content-length", b"3"), more=more)
    assert written == []
