"""Every cap of the settings, each with its status."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from service.settings import Settings
from tests.edge.wire import GOOD, Serving, Wire, large, planted, post, serving, wait_until, zstd


@pytest.fixture(scope="module")
def tight() -> Iterator[Serving]:
    with serving(
        max_body_bytes=100_000, max_decompressed_bytes=50_000, max_header_bytes=2_000, max_elements=1_000, max_rank=3, max_depth=5, max_terms=2,
        max_work=400_000, max_work_bytes=1_000_000, max_response_bytes=60_000, inline_bytes=1_000, compress_bytes=2_000, idle_seconds=0.5,
    ) as running:  # fmt: skip
        yield running


def numbers(count: int) -> bytes:
    return json.dumps({"predictions": [1] * count, "labels": [0] * count}).encode()


def test_body_bytes_announced(tight: Serving) -> None:
    with Wire(tight) as wire:
        assert wire.ask(post(b" " * 100_000)).status == 400
        assert wire.ask(post(b" " * 100_001)).status == 413
        assert wire.ask(post()).status == 200  # the rejected body has been read past


def test_body_bytes_as_received(tight: Serving) -> None:
    chunks = b"ffff\r\n" + b" " * 0xFFFF + b"\r\n"
    head = post().partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n"
    with Wire(tight) as wire:
        assert wire.ask(head + chunks + b"0\r\n\r\n").status == 400
        assert wire.ask(head + chunks * 2 + b"0\r\n\r\n").status == 413
        assert wire.ask(post()).status == 200


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_decompressed_bytes(tight: Serving, coding: str) -> None:
    pack = gzip.compress if coding == "gzip" else zstd.compress
    headers = f"Content-Encoding: {coding}\r\n"
    bomb = pack(b"\0" * 50_000_000)
    with Wire(tight) as wire:
        assert wire.ask(post(pack(GOOD + b" " * (50_000 - len(GOOD))), headers=headers)).status == 200
        assert wire.ask(post(pack(GOOD + b" " * (50_001 - len(GOOD))), headers=headers)).status == 413
        assert wire.ask(post(bomb, headers=headers)).status == 413


def test_header_bytes(tight: Serving) -> None:
    with Wire(tight) as wire:
        assert wire.ask(post(headers=f"A: {'b' * 1_000}\r\n")).status == 200
        assert wire.ask(post(headers=f"A: {'b' * 2_000}\r\n")).status == 431


def test_elements(tight: Serving) -> None:
    with Wire(tight) as wire:
        assert wire.ask(post(numbers(1_000))).status == 200
        assert wire.ask(post(numbers(1_001))).status == 413


def test_rank(tight: Serving) -> None:
    with Wire(tight) as wire:
        assert wire.ask(post(b'{"predictions": [[[1]]], "labels": [[[1]]]}')).status == 200
        assert wire.ask(post(b'{"predictions": [[[[1]]]], "labels": [[[[1]]]]}')).status == 422


def test_depth(tight: Serving) -> None:
    with Wire(tight) as wire:
        assert wire.ask(post(b'{"a": {"a": {"a": {"a": 1}}}}')).status == 422
        assert wire.ask(post(b'{"a": {"a": {"a": {"a": {"a": 1}}}}}')).status == 400


def test_terms(tight: Serving) -> None:
    def terms(count: int) -> bytes:
        return json.dumps({"terms": [{"loss": "mse", "inputs": {"predictions": [1], "labels": [0]}}] * count}).encode()

    with Wire(tight) as wire:
        assert wire.ask(post(terms(2), "/loss/combination")).status == 200
        assert wire.ask(post(terms(3), "/loss/combination")).status == 422


def batch(n: int) -> dict[str, object]:
    return {"embeddings": [[float(i), 1.0] for i in range(n)], "labels": [i % 2 for i in range(n)]}


def test_work(tight: Serving) -> None:
    with Wire(tight) as wire:
        assert wire.ask(post(json.dumps(batch(20)).encode(), "/loss/supcon")).status == 200
        assert "operations" in wire.ask(post(json.dumps(batch(80)).encode(), "/loss/supcon")).problem["detail"]
        terms = [{"loss": "supcon", "inputs": batch(45)}] * 2  # each is within the limit, together they are not
        assert wire.ask(post(json.dumps({"terms": terms[:1]}).encode(), "/loss/combination")).status == 200
        assert wire.ask(post(json.dumps({"terms": terms}).encode(), "/loss/combination")).status == 413


def test_work_bytes() -> None:
    with serving(max_work_bytes=100_000) as running, Wire(running) as wire:
        assert wire.ask(post(json.dumps(batch(20)).encode(), "/loss/supcon")).status == 200
        assert "memory" in wire.ask(post(json.dumps(batch(80)).encode(), "/loss/supcon")).problem["detail"]


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_response_bytes(tight: Serving, coding: str | None) -> None:
    """A response is rejected by its size before it is computed, however small its request is."""
    with Wire(tight) as wire:
        for count, status in ((500, 200), (900, 413)):
            body = json.dumps({"predictions": [1] * count, "labels": [0] * count, "outputs": ["per_sample", "per_element", "gradients"]}).encode()
            sent = gzip.compress(body) if coding else body
            assert wire.ask(post(sent, headers="Content-Encoding: gzip\r\n" if coding else "")).status == status
        value = {"predictions": [1] * 900, "labels": [0] * 900, "outputs": ["value"]}
        assert wire.ask(post(json.dumps(value).encode())).status == 200, "what is not returned has no size"


def test_a_response_that_nobody_reads_is_in_the_account() -> None:
    body = json.dumps({"predictions": [0.1] * 500_000, "labels": [0.3] * 500_000}).encode()
    with serving(max_queue_bytes=12_000_000, max_body_bytes=12_000_000) as running, Wire(running, 60) as silent, Wire(running, 60) as other:
        silent.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        silent.send(post(body))
        wait_until(lambda: running.pool.jobs == 0 and running.pool.bytes > 12_000_000)
        assert other.ask(post(body)).status == 429
        assert other.ask(post()).status == 200, "small ones cost nothing that is counted"
        assert silent.reply().status == 200
        wait_until(lambda: running.pool.bytes == 0)
        with Wire(running, 60) as later:
            assert later.ask(post(body)).status == 200


def test_a_zstd_window_beyond_what_http_asks_for_is_rejected(tight: Serving) -> None:
    level: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=level)
    body = packer.compress(GOOD) + packer.flush()
    with Wire(tight) as wire:
        assert wire.ask(post(body, headers="Content-Encoding: zstd\r\n")).status == 400
        assert wire.ask(post()).status == 200


def test_inline_bytes() -> None:
    where: list[str] = []
    with planted(lambda _: where.append(threading.current_thread().name)), serving(inline_bytes=100) as running, Wire(running) as wire:
        small = b'{"predictions": [1.0]}'
        assert wire.ask(post(small + b" " * (100 - len(small)), "/loss/planted")).status == 200
        assert wire.ask(post(small + b" " * (101 - len(small)), "/loss/planted")).status == 200
    assert [name.startswith("compute") for name in where] == [False, True]


def test_idle_connections_are_closed(tight: Serving) -> None:
    with Wire(tight) as wire:
        assert wire.ask(post()).status == 200
        assert wire.closed()


def test_large_answers_are_packed_as_asked(tight: Serving) -> None:
    plain = httpx.post(f"{tight.url}/loss/mse", content=numbers(500), headers={"content-type": "application/json", "accept-encoding": "identity"})
    for accepted, coding in {"gzip": "gzip", "zstd, gzip": "zstd", "gzip;q=0, zstd;q=0": None, "br": None, "zstd;q=0.0,GZIP;q=0.1": "gzip"}.items():
        with Wire(tight) as wire:
            answer = wire.ask(post(numbers(500), headers=f"Accept-Encoding: {accepted}\r\n"))
        assert answer.headers.get("content-encoding") == coding
        unpacked = gzip.decompress(answer.body) if coding == "gzip" else zstd.decompress(answer.body) if coding else answer.body
        assert unpacked == plain.content
    with Wire(tight) as wire:
        assert "content-encoding" not in wire.ask(post(headers="Accept-Encoding: gzip\r\n")).headers


def test_compute_deadline() -> None:
    held = threading.Event()
    with planted(lambda _: held.wait(20)), serving(compute_seconds=0.3, compute_threads=1) as running, Wire(running) as wire:
        assert wire.ask(post(large(), "/loss/planted")).status == 504
        assert running.pool.jobs == 1, "the computation has its place until it is over"
        assert wire.ask(post()).status == 200
        held.set()
        wait_until(lambda: running.pool.jobs == 0 and running.pool.bytes == 0)
        assert wire.ask(post(large(), "/loss/planted")).status == 200


def test_no_more_computations_at_a_time_than_threads() -> None:
    counted, most, lock = [0], [0], threading.Lock()

    def watch(_: object) -> None:
        with lock:
            counted[0] += 1
            most[0] = max(most[0], counted[0])
        time.sleep(0.05)
        with lock:
            counted[0] -= 1

    with planted(watch), serving(compute_threads=2) as running:
        wires = [Wire(running).send(post(large(), "/loss/planted")) for _ in range(8)]
        assert [wire.reply().status for wire in wires] == [200] * 8
        for wire in wires:
            wire.socket.close()
    assert most == [2]


def test_every_limit_has_a_test() -> None:
    told = "".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert [name for name in Settings.model_fields if f"{name}=" not in told and f"LOSS_SERVICE_{name.upper()}=" not in told] == []


def test_every_limit_is_described_and_shown(tight: Serving) -> None:
    shown = httpx.get(f"{tight.url}/info").json()["limits"]
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert (name in shown) == (name not in ("tokens", "tokens_file")), name
    assert shown["max_work"] == 400_000


def test_a_limit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSS_SERVICE_MAX_RANK", "5")
    assert Settings().max_rank == 5


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"body_seconds": float("inf")}, "body_seconds"),
        ({"grace_seconds": float("inf")}, "grace_seconds"),
        ({"idle_seconds": float("nan")}, "idle_seconds"),
        ({"max_queue_bytes": 1_000}, "max_queue_bytes"),
        ({"max_body_bytes": 10**9}, "max_queue_bytes"),
    ],
)
def test_a_limit_that_cannot_hold_stops_the_start(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**given)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_the_deepest_setting_is_a_rejection_and_no_fault() -> None:
    with serving(max_depth=128) as running, Wire(running) as wire:
        for depth in (100, 125, 126, 127, 128, 129, 600):
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
                answer = wire.ask(post(b'{"predictions": ' + opening * depth + b"1" + closing * depth + b', "labels": [0]}'))
                assert answer.status in (400, 422), (depth, answer)
