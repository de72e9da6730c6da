"""One line for each request, in JSON where no terminal is attached; what a caller sent is not in it."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
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


def test_each_request_has_its_line() -> None:
    service = running()
    with service as url:
        body = b'{"predictions": [1234.5], "labels": [0]}'
        answer = httpx.post(f"{url}/loss/mse", content=body, headers={"x-request-id": "mine", "content-type": "application/json"})
        refused = httpx.post(f"{url}/loss/huber", json={"predictions": [9876.5]})
        good, bad = [line for line in lines(service, 2) if line["logger"] == "service.access"]
        text = os.pread(service.log.fileno(), 1 << 20, 0).decode()
    assert answer.headers["x-request-id"] == good["request_id"] == "mine"
    assert (good["loss"], good["status"], good["received"], good["sent"]) == ("mean_squared_error", 200, len(body), len(answer.content))
    assert {"decode_ms", "queue_ms", "compute_ms", "encode_ms"} <= good.keys()
    assert (bad["loss"], bad["status"], bad["request_id"]) == ("huber", 422, refused.headers["x-request-id"])
    assert "1234.5" not in text, "numbers of a body are in the log"
    assert "9876.5" not in text, "numbers of a body are in the log"


def test_lines_of_requests_can_be_left_out() -> None:
    service = running(LOSS_SERVICE_ACCESS_LOG="false")
    with service as url:
        httpx.post(f"{url}/loss/mse", json={"predictions": [1.0], "labels": [0.0]}).raise_for_status()
        assert os.pread(service.log.fileno(), 1 << 20, 0) == b""


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
    code = "from service.telemetry import logs; logs.configure(True); logs.request('mine', 'huber', 200, 10, 20, (0.0015, 0.0, 0.0, 0.0))"
    master, slave = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=slave, timeout=60, check=True)
    os.close(slave)
    shown = os.read(master, 1 << 16).decode()
    os.close(master)
    assert re.match(r"\d\d:\d\d:\d\d INFO    request_id=mine loss=huber status=200 received=10 sent=20 decode_ms=1.5 ", shown)


def test_a_full_disk_refuses_no_request() -> None:
    code = "from service.telemetry import logs; logs.configure(True); logs.request('mine', 'huber', 200, 10, 20)"
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
