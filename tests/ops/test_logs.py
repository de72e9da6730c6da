"""One line for each request, in JSON where no terminal is attached; what a caller sent is not in it."""

from __future__ import annotations

import json
import logging
import os
import time
from typing import Any

import httpx
import pytest

from service.logs import Json, Words
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


def record(error: bool = False) -> logging.LogRecord:
    try:
        raise ValueError("cause")
    except ValueError as exc:
        info = (ValueError, exc, exc.__traceback__)
    made = logging.LogRecord("service", logging.INFO, "x.py", 1, "line one\nline %s", ("two",), info if error else None)
    made.fields = {"loss": "huber", "status": 200}
    return made


@pytest.mark.parametrize("error", [False, True])
def test_json_is_one_line_even_with_a_traceback(error: bool) -> None:
    line = Json().format(record(error))
    assert "\n" not in line
    document = json.loads(line)
    assert (document["message"], document["loss"], document["status"]) == ("line one\nline two", "huber", 200)
    assert ("ValueError: cause" in document.get("exception", "")) == error


def test_words_for_a_terminal() -> None:
    assert Words().format(record()).endswith("INFO    line one\nline two loss=huber status=200")
    assert "ValueError: cause" in Words().format(record(error=True))
