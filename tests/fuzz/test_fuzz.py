"""The short form of `make fuzz`, its findings of the past, and the proof that it finds what is there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from service.codec import JSON as JSON_CODEC
from service.codec import Caps, Decoded
from tests.edge.wire import Serving, serving
from tests.fuzz.__main__ import FOUND, hunt
from tests.fuzz.inputs import Input
from tests.fuzz.oracle import Session

CASES = sorted(FOUND.glob("*.json"))


@pytest.fixture(scope="module")
def running():
    with serving() as started:
        yield started


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_was_found_stays_mended(running: Serving, path) -> None:
    entry = json.loads(path.read_text())
    session = Session(running, random.Random(0))
    for _ in range(3):
        body, after = (bytes.fromhex(entry.get(key, "")) for key in ("body", "after"))
        session.check(Input(entry["name"], entry["content_type"], body, entry.get("head", ""), entry.get("way", "alone"), after))
    session.close()


def test_nothing_is_found_in_a_short_hunt() -> None:
    tried, accepted, findings = hunt(4, random.Random(20261124), save=False)
    assert not findings, findings[0]
    assert tried > 50
    assert 0 < accepted < tried


@pytest.mark.parametrize("pattern", [b"null", b"e+308"])
def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch, pattern: bytes) -> None:
    honest: Callable[[bytes, Caps], Decoded] = JSON_CODEC.decode

    def faulty(body: bytes, caps: Caps) -> Decoded:
        if pattern in body:
            raise ZeroDivisionError
        return honest(body, caps)

    object.__setattr__(JSON_CODEC, "decode", faulty)
    try:
        findings = []
        for seed in range(20):
            findings = hunt(1, random.Random(seed), save=False)[2]
            if findings:
                break
    finally:
        object.__setattr__(JSON_CODEC, "decode", honest)
    assert findings
    assert pattern in findings[0].given.body
