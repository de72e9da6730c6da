from __future__ import annotations

import httpx

from client.stubs import STUB, stub


def test_the_stub_is_that_of_the_cards(server: str) -> None:
    cards = httpx.get(f"{server}/loss", timeout=60).json()
    assert STUB.read_text() == stub(cards), "the cards changed: run make stubs"
