"""One line for each request, in JSON where no terminal is attached; what a caller sent is not in it."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.telemetry.logs import Json, Words
from tests.conftest import running


def lines(service: running, count: int) -> list[dict[str, Any]]:
    """The log's first lines, once there are so many."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = os.pread(service.log.fileno(), 1 << 20, 0).decode().splitlines()
        if len(found) >= count:
            return [json.loads(line) for line in found]
        time.sleep(0.02)
    raise AssertionError(f"{found} are fewer than {count} lines")


def access(service: running, count: int) -> list[dict[str, Any]]:
    """The lines of the first requests that are no probe of readiness."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = [line for line in lines(service, 1) if line["logger"] == "service.access" and line["path"] != "/health/ready"]
        if len(found) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{found} are fewer than {count} lines")


def test_each_request_has_its_line() -> None:
    service = running(LOSS_SERVICE_TOKENS="ada:secret-word,other")
    with service as url:
        body, token = b'{"predictions": [1234.5], "labels": [0]}', {"authorization": "Bearer secret-word"}
        answer = httpx.post(f"{url}/loss/mse", content=body, headers={"x-request-id": "mine", "content-type": "application/json", **token})
        rejected = httpx.post(f"{url}/loss/huber", json={"predictions": [9876.5]}, headers=token)
        card = httpx.get(f"{url}/loss/huber?x=1", headers=token)
        nothing = httpx.get(f"{url}/no%0Asuch", headers={"authorization": "Bearer other"})
        httpx.get(f"{url}/info")
        with socket.create_connection((httpx.URL(url).host, httpx.URL(url).port or 0)) as raw:
            raw.sendall(b"nonsense\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 400")
        good, bad, read, missing, stranger, noise = access(service, 6)
        text = os.pread(service.log.fileno(), 1 << 20, 0).decode()
    assert answer.headers["x-request-id"] == good["request_id"] == "mine"
    assert (good["loss"], good["status"], good["received"], good["sent"]) == ("mean_squared_error", 200, len(body), len(answer.content))
    assert (good["method"], good["path"], good["caller"], good["encoding"]) == ("POST", "/loss/mse", "ada", "json")
    phases = [good[name] for name in ("decode_ms", "queue_ms", "compute_ms", "encode_ms")]
    assert 0 < sum(phases) <= good["total_ms"]
    assert (bad["loss"], bad["status"], bad["problem"], bad["request_id"]) == ("huber", 422, "invalid-request", rejected.headers["x-request-id"])
    assert (read["method"], read["path"], read["status"], read["sent"]) == ("GET", "/loss/huber", 200, len(card.content))
    assert (missing["path"], missing["status"], missing["problem"], missing["sent"]) == ("/no%0Asuch", 404, "not-found", len(nothing.content))
    assert "caller" not in missing
    assert (stranger["path"], stranger["status"], stranger["problem"]) == ("/info", 401, "unauthorized")
    assert (noise["status"], noise["problem"]) == (400, "malformed-request")
    for secret in ("1234.5", "9876.5", "secret-word", "other"):
        assert secret not in text, secret


def test_a_client_that_disconnects_is_not_logged_as_answered() -> None:
    service = running()
    with service as url:
        with socket.create_connection((httpx.URL(url).host, httpx.URL(url).port or 0)) as raw:
            raw.sendall(b"POST /loss/mse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        (gone,) = access(service, 1)
        assert (gone["status"], gone["disconnected"], gone["path"]) == (0, True, "/loss/mse")


def test_the_life_of_a_service_is_in_the_log() -> None:
    service = running(LOSS_SERVICE_ACCESS_LOG="false", LOSS_SERVICE_MAX_RANK="5", LOSS_SERVICE_TOKENS="secret-word")
    with service as url:
        httpx.get(f"{url}/loss")
        (started,) = lines(service, 1)
        assert (started["message"], started["address"]) == ("started", url)
        assert started["version"]
        assert started["pid"] == service.process.pid
        assert started["settings"] == {"grace_seconds": 0, "access_log": False, "max_rank": 5}
        service.process.terminate()
        assert [line["message"] for line in lines(service, 3)] == ["started", "draining", "stopped"], "lines of requests are left out"


def _many(port: int, count: int) -> None:
    """Requests on one connection, without waiting for each response."""
    with socket.create_connection(("127.0.0.1", port), 30) as raw:
        sending = threading.Thread(target=raw.sendall, args=(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * count,))
        sending.start()
        answered, last = 0, b""
        while answered < count:
            data = raw.recv(1 << 16)
            assert data
            answered += (last + data).count(b'{"status":"live"}') - last.count(b'{"status":"live"}')
            last = data[-16:]
        sending.join()


def test_a_log_that_nobody_reads_hinders_nothing() -> None:
    """A pipe holds 64 KiB: some 200 lines."""
    reading, writing = os.pipe()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "LOSS_SERVICE_GRACE_SECONDS": "0"}
    process = subprocess.Popen([sys.executable, "-m", "service"], env=environment, stdout=subprocess.DEVNULL, stderr=writing)
    os.close(writing)
    transport = httpx.HTTPTransport(retries=100)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, transport=transport) as client:
        while process.poll() is None:
            try:
                client.get("/health/ready").raise_for_status()
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        _many(port, 25_000)
        dropped = re.search(r"^loss_dropped_log_lines_total (\S+)", client.get("/metrics").text, re.MULTILINE)
    assert dropped
    assert float(dropped[1]) > 0
    process.terminate()
    assert process.wait(10) == 0
    os.close(reading)


def test_uvicorn_and_what_else_speaks_write_the_same_lines() -> None:
    code = (
        "import logging; from service.telemetry import logs; logs.configure(True)\n"
        "for name in ('uvicorn.error', 'fastapi', 'opentelemetry.sdk', 'service'): logging.getLogger(name).error('broken')"
    )
    ended = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, timeout=60)
    written = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [(line["level"], line["logger"], line["message"]) for line in written] == [
        ("error", name, "broken") for name in ("uvicorn.error", "fastapi", "opentelemetry.sdk", "service")
    ]


def test_a_person_reads_words() -> None:
    code = "from service.telemetry import logs; from service.telemetry.requests import Request; logs.configure(True); logs.requests([Request('mine', 'POST', '/loss/huber', loss='huber', status=200, received=10, sent=20, seconds=(0.0015, 0.0, 0.0, 0.0), begun=1.0, ended=2.0)], 0)"
    master, slave = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=slave, timeout=60, check=True)
    os.close(slave)
    shown = os.read(master, 1 << 16).decode()
    os.close(master)
    assert re.match(
        r"\d\d:\d\d:\d\d INFO    request request_id=mine method=POST path=/loss/huber loss=huber status=200 received=10 sent=20 total_ms=1000.0 decode_ms=1.5 ",
        shown,
    )


def test_a_full_disk_rejects_no_request() -> None:
    code = "from service.telemetry import logs; from service.telemetry.requests import Request; logs.configure(True); logs.requests([Request('mine', 'POST', '/loss/huber', status=200)], 0)"
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([sys.executable, "-c", code], stderr=full, timeout=60).returncode == 0


def record(error: bool = False) -> logging.LogRecord:
    try:
        raise ValueError("cause")
    except ValueError as exc:
        info = (ValueError, exc, exc.__traceback__)
    return logging.LogRecord("service", logging.INFO, "x.py", 1, "line one\nline %s", ("two",), info if error else None)


@pytest.mark.parametrize("error", [False, True])
def test_json_is_one_line_even_with_a_traceback(error: bool) -> None:
    line = Json().format(record(error))
    assert "\n" not in line
    document = json.loads(line)
    assert document["message"] == "line one\nline two"
    assert datetime.fromisoformat(document["time"]).timestamp() == pytest.approx(time.time(), abs=60)
    assert ("ValueError: cause" in document.get("exception", "")) == error


def test_words_for_a_terminal() -> None:
    assert Words().format(record()).endswith("INFO    line one\nline two")
    assert "ValueError: cause" in Words().format(record(error=True))
