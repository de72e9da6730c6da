"""Errors, retries and deadlines: against scripted responses, against a real server that is full, and one that is killed and restarted."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import loss_client
import numpy as np
import pytest
from loss_client import Client

from tests.conftest import running

X, Y = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 4
CALLS = int(os.environ.get("ROLLOUT_CALLS", "2000"))


def scripted(*replies: Any, **options: Any) -> tuple[Client, list[httpx.Request]]:
    """A client of a service that sends these replies to searches, one after the other, and the requests that it got."""
    left, requests = list(replies), list[httpx.Request]()

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return Client("http://service", transport=httpx.MockTransport(handle), **options), requests


def problem(status: int, kind: str = "x", headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    document = {"type": f"/problems/{kind}", "status": status, "detail": "it failed", "request_id": "r1", **members}
    return httpx.Response(status, json=document, headers=headers)


def full(after: str = "0") -> httpx.Response:
    return problem(429, "overloaded", {"Retry-After": after})


GOOD = httpx.Response(200, json=[])


@pytest.mark.parametrize(
    "transient",
    [full(), problem(503, "unavailable"), httpx.Response(502, html="<h1>Bad gateway"), httpx.ConnectError("refused"), httpx.ReadError("reset")],
)
def test_what_passes_is_sent_again(transient: Any, caplog: pytest.LogCaptureFixture) -> None:
    client, requests = scripted(transient, transient, GOOD)
    assert client.search("x") == []
    assert [request.url.path for request in requests] == ["/loss"] * 3
    assert [record.getMessage().rpartition(";")[2][:15] for record in caplog.records if record.name == "loss_client"] == [" sent again in "] * 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (problem(422, "invalid-request"), loss_client.InvalidRequest),
        (problem(422, "invalid-tensor"), loss_client.InvalidTensor),
        (problem(422, "non-finite"), loss_client.NonFinite),
        (problem(400, "malformed-body"), loss_client.InvalidRequest),
        (problem(401, "unauthorized"), loss_client.Unauthorized),
        (problem(404, "unknown-loss"), loss_client.UnknownLoss),
        (problem(413, "too-large"), loss_client.TooLarge),
        (problem(500, "internal"), loss_client.ServiceError),
        (problem(504, "deadline"), loss_client.ServiceError),
        (httpx.Response(404, html="<h1>Not found"), loss_client.ServiceError),
        (httpx.Response(307, headers={"location": "/"}), loss_client.ServiceError),
        (httpx.Response(200, html="<h1>Log in"), loss_client.ServiceError),
        (httpx.Response(418, json=[1]), loss_client.ServiceError),
    ],
)
def test_what_would_fail_alike_is_an_error_at_once(reply: httpx.Response, error: type[loss_client.LossServiceError]) -> None:
    client, requests = scripted(reply)
    with pytest.raises(error) as caught:
        client.search("x")
    assert type(caught.value) is error
    assert (caught.value.status, len(requests)) == (reply.status_code, 1)


def test_retries_end() -> None:
    client, requests = scripted(*[full()] * 3, retries=2)
    with pytest.raises(loss_client.Overloaded, match="it failed"):
        client.search("x")
    client, _ = scripted(httpx.ConnectError("refused"), retries=0)
    with pytest.raises(loss_client.ConnectionLost, match="no response from http://service, attempt 1 of 1: ConnectError refused") as caught:
        client.search("x")
    assert (caught.value.status, caught.value.problem, len(requests)) == (None, {}, 3)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_a_wait_beyond_the_timeout_is_not_begun() -> None:
    client, requests = scripted(full("3600"))
    start = time.monotonic()
    with pytest.raises(loss_client.Overloaded):
        client.search("x")
    assert time.monotonic() - start < 5
    assert len(requests) == 1


def test_retry_after_is_waited_for() -> None:
    client, _ = scripted(full("1"), GOOD)
    start = time.monotonic()
    client.search("x")
    assert 1 <= time.monotonic() - start < 5


def test_one_deadline_for_all_attempts() -> None:
    """A service that accepts and never replies."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.5)
        start = time.monotonic()
        with pytest.raises(loss_client.ConnectionLost, match="ReadTimeout"):
            client("mse", X, X)
        assert time.monotonic() - start < 5
        client.close()


def test_errors_have_the_members_of_the_problem(client: Client) -> None:
    with pytest.raises(loss_client.InvalidTensor, match=r"^labels\[2\]") as caught:
        client.cross_entropy(X, [0, 1, 9, 0, 0, 0])
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.status, error.pointer, error.problem["type"]) == (422, "/labels/2", "/problems/invalid-tensor")
    assert len(error.request_id) == 32
    assert str(error) == error.detail
    with pytest.raises(loss_client.UnknownLoss) as unknown:
        client("cross_entrop", X, Y)
    assert "cross_entropy" in unknown.value.did_you_mean
    with pytest.raises(loss_client.InvalidRequest) as option:
        client.cross_entropy(X, Y, label_smoothing=2.0)
    assert option.value.pointer == "/label_smoothing"
    with pytest.raises(loss_client.NonFinite):
        client("mse", [1e200], [-1e200])
    with pytest.raises(loss_client.InvalidRequest, match="unknown field") as term:
        client.combination([{"loss": "mse", "inputs": {"predictions": X, "labels": X, "delta": 1.0}}])
    assert term.value.pointer == "/terms/0/inputs/delta"


def test_a_service_with_tokens_and_limits() -> None:
    with running(LOSS_SERVICE_TOKENS="secret", LOSS_SERVICE_MAX_ELEMENTS="20") as address:
        with Client(address, token="secret") as client:
            assert client("mse", X[0], X[0]).value == 0
            with pytest.raises(loss_client.TooLarge, match="at most 20"):
                client("mse", X, X)
        with Client(address, headers={"Authorization": "Bearer secret"}) as client:
            assert client("mse", X[0], X[0]).value == 0
        with Client(address, token="other") as client, pytest.raises(loss_client.Unauthorized):
            client("mse", X[0], X[0])


def test_a_full_queue_is_waited_out() -> None:
    large = np.zeros((1000, 200))
    with running(LOSS_SERVICE_MAX_QUEUE="0", LOSS_SERVICE_COMPUTE_THREADS="1") as address, Client(address) as client:
        with ThreadPoolExecutor(4) as pool:
            values = list(pool.map(lambda k: client("mse", large, large + k).value, range(16)))
        assert values == [float(k * k) for k in range(16)]
        metrics = httpx.get(f"{address}/metrics").text
    rejected = [line for line in metrics.splitlines() if line.startswith("loss_requests_total") and 'status="429"' in line]
    assert sum(float(line.split()[-1]) for line in rejected) > 0, "the queue was never full"


class Workers:
    """The service with two workers, on a port of its own, to be killed and started again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self) -> None:
        environment = {**os.environ, "PORT": str(self.port), "WORKERS": "2", "LOSS_SERVICE_GRACE_SECONDS": "0", "LOSS_SERVICE_ACCESS_LOG": "false"}
        command = [sys.executable, "-m", "service"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.ready)

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def workers() -> Iterator[Workers]:
    started = Workers()
    try:
        started.start()
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_killed_worker_and_a_restart_lose_no_call() -> None:
    values = list[float]()
    with workers() as service, Client(f"http://127.0.0.1:{service.port}") as client:

        def call() -> None:
            for _ in range(CALLS // 4):
                values.append(client("mse", X, X + 2).value)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(values) > CALLS // 4)
        os.kill(service.children()[0], signal.SIGKILL)
        wait_until(lambda: len(values) > CALLS // 2)
        service.stop()
        assert len(values) < CALLS
        service.start()
        for thread in threads:
            thread.join(120)
    assert values == [pytest.approx(4)] * (CALLS // 4 * 4)
