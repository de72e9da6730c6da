"""Each sentence of the pages on logs and metrics, beside the assertion that holds it against a running service."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import __version__
from tests.conftest import running
from tests.edge.wire import wait_until
from tests.ops.test_metrics import samples

ROOT = Path(__file__).parents[2]
PAGES = {name: ROOT / name for name in ("README.md", "SECURITY.md", "deploy/README.md", "docs/guarantees.md", "docs/settings.md")}
WORDS = re.compile(r"`/metrics`|\blogs?\b|\blogged\b|\bgauge\b|\bstderr\b|\bA line\b|\blines too\b|each number")
ELSEWHERE = {
    "With the extra `otel`": "tests/ops/test_traces.py",
    "the concern is with responses that are passed on, logged or cached elsewhere": "no statement on this service",
}
GOOD = {"predictions": [1234.5, 2.0], "labels": [0.0, 0.0]}
ADA, EVE = {"authorization": "Bearer secret-word"}, {"authorization": "Bearer guess"}
STATEMENTS: list[tuple[str, str]] = []


def says(page: str, sentence: str) -> Callable[[Any], Any]:
    """Note that a test holds this sentence of a page."""
    STATEMENTS.append((page, sentence))
    return lambda test: test


def sentences(page: str) -> list[str]:
    text = re.sub(r"```.*?```", "", PAGES[page].read_text(), flags=re.DOTALL)
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=- |\|)", text)]
    return [sentence for part in paragraphs for sentence in re.split(r"(?<=[.])\s+(?=[A-Z`*])", part)]


def test_every_sentence_on_logs_and_metrics_is_held_here() -> None:
    for page, sentence in STATEMENTS:
        assert any(sentence in found for found in sentences(page)), (page, sentence)
    held = [sentence for _, sentence in STATEMENTS] + list(ELSEWHERE)
    open_ = [(page, found) for page in PAGES for found in sentences(page) if WORDS.search(found) and not any(part in found for part in held)]
    assert open_ == []


# ------------------------------------------------------------------ what a service has told


class Observed:
    """A service that has served some requests, its log as text and as lines, and its metrics."""

    def __init__(self, service: running, url: str) -> None:
        self.url, self.service = url, service
        self.good = httpx.post(f"{url}/loss/mse", json=GOOD, headers={"x-request-id": "mine", **ADA})
        self.bad = httpx.post(f"{url}/loss/huber", json={"predictions": [9876.5]}, headers=ADA)
        self.card = httpx.get(f"{url}/loss/huber", headers=ADA)
        self.missing = httpx.get(f"{url}/nowhere", headers=ADA)
        self.stranger = httpx.post(f"{url}/loss/mse", json=GOOD, headers=EVE)
        with connected(url) as raw:
            raw.sendall(b"nonsense\r\n\r\n")
            self.noise = raw.recv(1000)
        wait_until(lambda: len(access(service)) >= 6, 10)
        self.lines = access(service)
        self.text = written(service)
        self.metrics = httpx.get(f"{url}/metrics", headers=ADA).text

    def line(self, status: int) -> dict[str, Any]:
        return next(line for line in self.lines if line["status"] == status)


def written(service: running) -> str:
    return os.pread(service.log.fileno(), 1 << 22, 0).decode()


def logged(service: running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(service).splitlines()]


def access(service: running) -> list[dict[str, Any]]:
    """The lines of requests, those of conftest's probes left out."""
    return [line for line in logged(service) if line["logger"] == "service.access" and line["path"] not in ("/health/ready", "/metrics")]


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    with socket.create_connection((httpx.URL(url).host, httpx.URL(url).port or 0), 20) as raw:
        yield raw


def head(length: int) -> bytes:
    return f"POST /loss/mse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.fixture(scope="module")
def observed() -> Iterator[Observed]:
    service = running(LOSS_SERVICE_TOKENS="ada:secret-word", LOSS_SERVICE_MAX_RANK="5")
    with service as url:
        yield Observed(service, url)


# ------------------------------------------------------------------ logs


@says("deploy/README.md", "Each request has one line on stderr, also a request with 401 or 404, a GET, and one that is no valid HTTP.")
def test_each_request_has_one_line(observed: Observed) -> None:
    assert [line["status"] for line in observed.lines] == [200, 422, 200, 404, 401, 400]
    assert observed.noise.startswith(b"HTTP/1.1 400")


@says(
    "deploy/README.md",
    "It has the method, path, status, loss, encoding, caller, bytes received and sent, the duration in all and by phase, the kind of problem, "
    "and the ids of the request and the trace.",
)
def test_a_line_describes_the_request(observed: Observed) -> None:
    line, rejected = observed.line(200), observed.line(422)
    expected = {"method": "POST", "path": "/loss/mse", "status": 200, "loss": "mean_squared_error", "encoding": "json", "caller": "ada"}
    assert line.items() >= expected.items()
    assert (line["received"], line["sent"]) == (len(observed.good.request.content), len(observed.good.content))
    assert 0 < sum(line[f"{phase}_ms"] for phase in ("decode", "queue", "compute", "encode")) <= line["total_ms"]
    assert (rejected["problem"], line["request_id"]) == ("invalid-request", "mine")


@says("SECURITY.md", "A line in the log has method, path, sizes, times and ids.")
def test_a_line_has_nothing_else(observed: Observed) -> None:
    described = {"time", "level", "logger", "message", "request_id", "method", "path", "status", "received", "sent", "total_ms"}
    of_losses = {"loss", "encoding", "caller", "problem", "decode_ms", "queue_ms", "compute_ms", "encode_ms"}
    for line in observed.lines:
        assert described <= line.keys() <= described | of_losses


def test_a_line_has_the_trace_of_its_caller() -> None:
    """The exporter's address has no listener; the trace is the caller's all the same."""
    service, trace = running(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"), "0af7651916cd43dd8448eb211c80319c"
    with service as url:
        httpx.post(f"{url}/loss/mse", json=GOOD, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}).raise_for_status()
        wait_until(lambda: [line.get("trace_id") for line in access(service)] == [trace], 10)


@says("SECURITY.md", "**Nothing of a body is kept, logged or traced**")
@says("docs/guarantees.md", "bodies are never logged")
def test_nothing_of_a_body_is_logged(observed: Observed) -> None:
    assert observed.bad.status_code == 422
    assert not re.search(r"1234\.5|9876\.5", observed.text + observed.metrics)


@says("SECURITY.md", "`name:token` puts the name into the log, never the token.")
def test_a_name_is_logged_and_no_token(observed: Observed) -> None:
    assert {line.get("caller") for line in observed.lines if line["status"] in (200, 404, 422)} == {"ada"}
    assert "secret-word" not in observed.text
    assert "guess" not in observed.text


@says("deploy/README.md", "A Secret's keys are the names of the callers, which the log has, and its values are their tokens.")
def test_a_directory_names_the_callers(tmp_path: Path) -> None:
    (tmp_path / "trainer").write_text("secret-word\n")
    service = running(LOSS_SERVICE_TOKENS_FILE=str(tmp_path))
    with service as url:
        assert [httpx.get(f"{url}/info", headers=headers).status_code for headers in (ADA, EVE)] == [200, 401]
        wait_until(lambda: [line.get("caller") for line in access(service)] == ["trainer", None], 10)


@says(
    "deploy/README.md", "`started` (version, address, settings that differ from their defaults), `draining`, `reloaded` and `stopped` are lines too."
)
@says("deploy/README.md", "`LOSS_SERVICE_ACCESS_LOG=false` omits the lines of requests.")
@says("docs/settings.md", "whether each request has its line in the log")
@says("docs/settings.md", "GET /info` shows the values in force")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_lines_of_the_life_of_a_service(workers: str, tmp_path: Path) -> None:
    names = tmp_path / "tokens"
    names.write_text("secret-word\n")
    service = running(LOSS_SERVICE_ACCESS_LOG="false", LOSS_SERVICE_TOKENS_FILE=str(names), WORKERS=workers)
    with service as url:
        assert httpx.get(f"{url}/info", headers=ADA).json()["limits"]["access_log"] is False
        both = int(workers) + (workers == "2")  # a supervisor has lines of its own
        wait_until(lambda: sum(line["message"] == "started" for line in logged(service)) == both, 60)
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: sum(line["message"] == "reloaded" for line in logged(service)) == int(workers), 60)
        service.process.terminate()
        wait_until(lambda: sum(line["message"] == "stopped" for line in logged(service)) == both, 60)
        found = logged(service)
    assert {line["message"] for line in found} == {"started", "reloaded", "draining", "stopped"}, "no line of a request"
    assert found[0].items() >= {"version": __version__, "address": url, "settings": {"grace_seconds": 0, "access_log": False}}.items()
    assert found[-1]["message"] == "stopped"


@says("deploy/README.md", "A line is a JSON object, or words where stderr is a terminal.")
def test_json_for_machines_and_words_for_people(observed: Observed) -> None:
    assert all(isinstance(json.loads(line), dict) for line in observed.text.splitlines())
    master, slave = pty.openpty()
    with subprocess.Popen(served(), stdout=subprocess.DEVNULL, stderr=slave) as process:
        shown = os.read(master, 1 << 16).decode()
        process.terminate()
    os.close(slave)
    os.close(master)
    assert re.match(rf"\d\d:\d\d:\d\d INFO    started version={re.escape(__version__)} ", shown)


def served() -> list[str]:
    return [sys.executable, "-m", "service", "serve", "--port", "0"]


@says("docs/guarantees.md", "A failure of the service is a 500 problem with a request id, logged once with its stack.")
def test_a_failure_is_logged_once_with_its_stack() -> None:
    program = (
        "import sys\nfrom service.api import operations\nfrom service.cli import main\n"
        "def fail(*_):\n    raise RuntimeError('broken')\noperations.bind = fail\nsys.exit(main(['serve', '--port', '0']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        answer = httpx.post(f"{url}/loss/mse", json=GOOD, headers={"x-request-id": "mine"}, timeout=20)
        process.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in process.communicate(timeout=20)[1].splitlines()]
    assert (answer.status_code, answer.json()["type"], answer.json()["request_id"]) == (500, "/problems/internal", "mine")
    (failure,) = [line for line in lines if "exception" in line]
    assert "mine" in failure["message"]
    assert "RuntimeError: broken" in failure["exception"]


@says("SECURITY.md", "A response that could not be written is logged as `disconnected`, never as a success.")
@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_response_that_nobody_takes_is_no_success(connection: str) -> None:
    service = running()
    body = json.dumps({"predictions": [1 / 3] * 1_000_000, "labels": [0.25] * 1_000_000}).encode()  # a response of 40 MB
    with service as url:
        with connected(url) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else the kernel may take the whole response
            raw.sendall(head(len(body)).replace(b"Host", f"Connection: {connection}\r\nHost".encode()) + body)
            raw.recv(1000)  # the response has begun
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets the connection
        wait_until(lambda: bool(access(service)), 20)
        (line,) = access(service)
        assert line.get("disconnected") is True
        seen = samples(url)
    assert seen[("loss_disconnects_total", ())] == 1
    assert not [key for key in seen if key[0] == "loss_requests_total"]


@says("SECURITY.md", "A full disk, a full `/dev/shm` or a log without reader costs metrics or log lines, which are counted, and no request.")
def test_lines_that_cannot_be_written_are_counted() -> None:
    """A full /dev/shm, and a pipe without reader: tests/edge/test_process.py and tests/ops/test_logs.py."""
    with Path("/dev/full").open("w") as full, subprocess.Popen(served(), stdout=subprocess.PIPE, stderr=full, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        assert [httpx.post(f"{url}/loss/mse", json=GOOD, timeout=20).status_code for _ in range(10)] == [200] * 10
        wait_until(lambda: samples(url)[("loss_dropped_log_lines_total", ())] >= 10, 10)
        process.terminate()


# ------------------------------------------------------------------ metrics

SERIES = {
    "requests by loss, encoding and status": r'loss_requests_total\{encoding="json",loss="mean_squared_error",status="200"\} 1\.0',
    "rejections by kind": r'loss_rejections_total\{kind="not-found"\} 1\.0',
    "durations from the headers to the end of the response": r'loss_request_seconds_count\{status="2xx"\} 1\.0',
    "and by phase": r'loss_phase_seconds_count\{phase="compute"\} 1\.0',
    "sizes": r"loss_(request|response)_bytes_count 1\.0",
    "requests in flight": r"loss_requests_in_flight 1\.0",
    "the queue": r"loss_queue_(length|bytes) 0\.0",
    "replaced workers": r"loss_worker_restarts_total 0\.0",
    "the build (versions of the service, Python and NumPy)": rf'loss_build_info\{{numpy="[\d.]+",python="3[\d.]+",version="{__version__}"\}} 1\.0',
    "and memory": r"process_resident_memory_bytes \d",
    "CPU time": r"process_cpu_seconds_total \d",
    "descriptors of the process": r"process_open_fds \d",
}


@says("deploy/README.md", "**Metrics.** `/metrics` has requests by loss, encoding and status")
@pytest.mark.parametrize("named", SERIES)
def test_metrics_have_what_the_page_names(named: str, observed: Observed) -> None:
    (sentence,) = [found for found in sentences("deploy/README.md") if found.startswith("**Metrics.**")]
    assert named in sentence
    assert re.search(rf"^{SERIES[named]}", observed.metrics, re.MULTILINE)


@says("deploy/README.md", "With several workers each number is that of all of them.")
def test_numbers_of_several_workers_are_of_all() -> None:
    with running(WORKERS="2") as url:
        for _ in range(10):  # a connection each
            httpx.post(f"{url}/loss/mse", json=GOOD).raise_for_status()
        key = ("loss_request_seconds_count", (("status", "2xx"),))
        wait_until(lambda: [samples(url)[key] for _ in range(6)] == [10] * 6, 10)


@says("SECURITY.md", "Bytes not yet taken are the gauge `loss_unsent_bytes`.")
def test_bytes_not_taken_are_a_gauge() -> None:
    body = json.dumps({"predictions": [0.1] * 1_000_000, "labels": [0.25] * 1_000_000}).encode()
    with running() as url, connected(url) as raw:
        assert samples(url)[("loss_unsent_bytes", ())] == 0
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(head(len(body)) + body)
        wait_until(lambda: samples(url)[("loss_unsent_bytes", ())] > 1_000_000, 20)


@says("docs/guarantees.md", "Probes, `/metrics` and small requests are still served.")
def test_probes_metrics_and_small_requests_are_served_under_overload() -> None:
    """A body of a MiB that lacks its last byte has taken all of the room."""
    mib = str(1 << 20)
    large = json.dumps({"predictions": [0.5] * 60_000, "labels": [0.5] * 60_000})
    with running(LOSS_SERVICE_MAX_BODY_BYTES=mib, LOSS_SERVICE_MAX_QUEUE_BYTES=mib) as url, connected(url) as raw:
        raw.sendall(head(1 << 20) + b" " * ((1 << 20) - 1))
        wait_until(lambda: httpx.post(f"{url}/loss/mse", content=large, headers={"content-type": "application/json"}).status_code == 429, 10)
        with closing(httpx.Client(base_url=url)) as client:
            assert [client.get(path).status_code for path in ("/health/live", "/health/ready", "/metrics")] == [200] * 3
            assert client.post("/loss/mse", json=GOOD).status_code == 200


@says("docs/settings.md", "read again on SIGHUP")
@says("SECURITY.md", "SIGHUP reads the tokens again.")
def test_a_new_token_of_a_directory_counts_after_sighup(tmp_path: Path) -> None:
    (tmp_path / "ada").write_text("first")
    service = running(LOSS_SERVICE_TOKENS_FILE=str(tmp_path))
    with service as url:
        assert httpx.get(f"{url}/info", headers=ADA).status_code == 401
        (tmp_path / "ada").write_text("secret-word")
        service.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while httpx.get(f"{url}/info", headers=ADA).status_code != 200 and time.monotonic() < end:
            time.sleep(0.05)
        assert httpx.get(f"{url}/info", headers=ADA).status_code == 200
