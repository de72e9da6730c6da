"""Metrics count what clients did, with any number of workers."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import orjson
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from service import __version__
from service.losses import LOSSES
from service.server import supervisor
from service.telemetry.fleet import Fleet, exposition
from tests.conftest import running
from tests.edge.test_rollout import process
from tests.edge.wire import wait_until

GOOD = {"predictions": [1.0, 2.0], "labels": [0.0, 0.0]}


def samples(url: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").raise_for_status().text)
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples}


def requests(url: str, **labels: str) -> float:
    return samples(url).get(("loss_requests_total", tuple(sorted(labels.items()))), 0)


def test_two_workers_count_as_one() -> None:
    with running(WORKERS="2") as url:
        for _ in range(20):  # a connection each, so that both workers get some
            assert httpx.post(f"{url}/loss/mse_loss", json=GOOD).status_code == 200
        time.sleep(3)  # each worker publishes its metrics every second
        seen = [samples(url) for _ in range(6)]
    key = ("loss_requests_total", (("encoding", "json"), ("loss", "mean_squared_error"), ("status", "200")))
    assert [one[key] for one in seen] == [20] * 6, "a synonym counts as its loss, and each worker tells of both"
    for phase in ("decode", "compute", "encode"):
        assert seen[0][("loss_phase_seconds_count", (("phase", phase),))] == 20
    assert seen[0][("loss_elements_total", (("loss", "mean_squared_error"),))] == 20 * 4
    assert seen[0][("loss_queue_length", ())] == 0
    assert seen[0][("process_resident_memory_bytes", ())] > 0
    assert seen[0][("loss_worker_restarts_total", ())] == 0


def test_build_information_names_what_numbers_depend_on() -> None:
    for workers in ("1", "2"):
        with running(WORKERS=workers) as url:
            labels = (("numpy", np.__version__), ("python", platform.python_version()), ("version", __version__))
            assert samples(url)[("loss_build_info", labels)] == 1


def test_a_duration_lasts_from_the_headers_to_the_end_of_the_response(server: str) -> None:
    """The body comes in two parts, half a second apart, which no phase has but the whole duration."""

    def slowly() -> Iterator[bytes]:
        text = json.dumps(GOOD).encode()
        yield text[:10]
        time.sleep(0.5)
        yield text[10:]

    before = samples(server)
    httpx.post(f"{server}/loss/huber", content=slowly(), headers={"content-type": "application/json"}).raise_for_status()
    assert httpx.post(f"{server}/loss/huber", json={}).status_code == 422
    after = samples(server)
    for status, count in (("2xx", 1), ("4xx", 1), ("5xx", 0)):
        key = ("loss_request_seconds_count", (("status", status),))
        assert after[key] - before[key] == count
    total = ("loss_request_seconds_sum", (("status", "2xx"),))
    assert 0.4 < after[total] - before[total] < 5


@pytest.mark.parametrize("workers", ["1", "2"])
def test_requests_in_flight_are_those_without_a_full_response(workers: str) -> None:
    with running(WORKERS=workers) as url, socket.create_connection((httpx.URL(url).host, httpx.URL(url).port or 0)) as raw:
        raw.sendall(b"POST /loss/mse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{")
        time.sleep(2.5)  # each worker publishes its metrics every second
        assert samples(url)[("loss_requests_in_flight", ())] == 2, "this one, and the one to /metrics"
        raw.sendall(b'"predictions": [1.0], "labels": [0.0]}  ')
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        time.sleep(2.5)
        assert samples(url)[("loss_requests_in_flight", ())] == 1


def test_a_worker_that_is_replaced_is_counted() -> None:
    with process(grace=0, workers=2) as fleet:
        url = f"http://127.0.0.1:{fleet.port}"
        wait_until(lambda: ("loss_worker_restarts_total", ()) in samples(url), 20)
        started = samples(url)
        os.kill(fleet.children()[0], signal.SIGKILL)
        wait_until(lambda: samples(url)[("loss_worker_restarts_total", ())] == started[("loss_worker_restarts_total", ())] + 1, 30)
        wait_until(lambda: len(fleet.children()) == 2, 30)
        assert samples(url)[("process_cpu_seconds_total", ())] >= started[("process_cpu_seconds_total", ())], "the dead worker's time still counts"


def test_a_rejection_counts_by_its_kind(server: str) -> None:
    kind = ("loss_rejections_total", (("kind", "invalid-tensor"),))
    before = samples(server).get(kind, 0)
    httpx.post(f"{server}/loss/huber", json={"predictions": [1.0], "labels": [1.0, 2.0]})
    assert samples(server)[kind] == before + 1


def test_a_rejection_before_any_loss_counts_too(server: str) -> None:
    for kind, ask in [
        ("not-found", lambda: httpx.get(f"{server}/nowhere")),
        ("method-not-allowed", lambda: httpx.put(f"{server}/loss/huber")),
        ("large-headers", lambda: httpx.get(f"{server}/info", headers={"x-long": "x" * 100_000})),
    ]:
        before = samples(server).get(("loss_rejections_total", (("kind", kind),)), 0)
        assert ask().is_client_error
        assert samples(server)[("loss_rejections_total", (("kind", kind),))] == before + 1


def test_results_that_are_not_finite_count_by_loss(server: str) -> None:
    key = ("loss_non_finite_total", (("loss", "mean_squared_error"),))
    before = samples(server).get(key, 0)
    assert httpx.post(f"{server}/loss/mse", json={"predictions": [1e300], "labels": [-1e300]}).status_code == 422
    assert samples(server)[key] == before + 1


def test_elements_are_those_of_all_tensors(server: str) -> None:
    key = ("loss_elements_total", (("loss", "combination"),))
    before = samples(server).get(key, 0)
    terms = [{"loss": "mse", "inputs": GOOD}, {"loss": "huber", "inputs": {**GOOD, "sample_weight": [1.0, 1.0]}}]
    httpx.post(f"{server}/loss/combination", json={"terms": terms}).raise_for_status()
    assert samples(server)[key] == before + 4 + 6


def test_only_what_waited_has_a_time_in_the_queue() -> None:
    with running(LOSS_SERVICE_INLINE_BYTES="100") as url:
        for size in (1, 1000):
            httpx.post(f"{url}/loss/mse", json={"predictions": [1.0] * size, "labels": [0.0] * size}).raise_for_status()
        seen = samples(url)
    assert seen[("loss_phase_seconds_count", (("phase", "queue"),))] == 1
    assert seen[("loss_phase_seconds_count", (("phase", "compute"),))] == 2


def test_what_an_ended_worker_counted_still_counts_and_its_file_is_removed(tmp_path: Path) -> None:
    families = [["a", "", "counter", [["a_total", {}, 5.0]]], ["g", "", "gauge", [["g", {}, 7.0]]]]
    one, other = Fleet(tmp_path, "one.json"), Fleet(tmp_path, "supervisor.json")
    for name in ("gone.json", "later.json"):
        (tmp_path / name).write_bytes(orjson.dumps({"families": families}))
    seen = {metric.name: sum(sample.value for sample in metric.samples) for metric in one.collect() if metric.name in ("a", "g")}
    assert seen == {"a": 10, "g": 14}
    for name in ("gone.json", "later.json"):
        other.bury(name)
        seen = {metric.name: sum(sample.value for sample in metric.samples) for metric in one.collect() if metric.name in ("a", "g")}
        assert seen["a"] == 10, "a counter never falls: Prometheus would take it for a restart"
    assert "g" not in seen, "a gauge of the dead is nothing"
    assert {path.name for path in tmp_path.iterdir()} == {"dead.json"}


def test_times_constants_and_sums_of_several_processes(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, "one.json")
    fleet.publish()
    (tmp_path / "one.json").rename(tmp_path / "two.json")
    once, twice = (
        {sample.name: sample.value for metric in source.collect() for sample in metric.samples if not sample.labels} for source in (REGISTRY, fleet)
    )
    assert twice["process_start_time_seconds"] == once["process_start_time_seconds"]
    assert twice["process_open_fds"] >= 2 * once["process_open_fds"] - 4
    assert [sample.value for metric in fleet.collect() for sample in metric.samples if sample.name == "python_info"] == [1]


def test_without_room_for_metrics_the_service_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet(tmp_path / "none", "one.json")
    for _ in range(3):
        fleet.publish()
    fleet.bury("one.json")
    assert len(caplog.records) == 1
    assert exposition(fleet)[0] == exposition(None)[0] or b"loss_requests" in exposition(fleet)[0]


def test_metrics_of_a_service_that_was_killed_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MEMORY", tmp_path)
    dead, young = tmp_path / f"{supervisor.PREFIX}dead", tmp_path / f"{supervisor.PREFIX}young"
    for directory in (dead, young):
        directory.mkdir()
    os.utime(dead, (0, 0))
    with supervisor.shared_metrics() as alive:
        assert alive
        os.utime(alive, (0, 0))
        assert (dead.exists(), young.exists(), alive.parent) == (False, True, tmp_path)
        with supervisor.shared_metrics():
            assert alive.exists(), "its service holds it"
    assert not alive.exists()


@pytest.mark.parametrize("name", ["made_up_by_a_caller", "huber%0a", "x" * 300])
def test_callers_make_no_labels(server: str, name: str) -> None:
    httpx.post(f"{server}/loss/{name}", json=GOOD)
    text = httpx.get(f"{server}/metrics").text
    assert name not in text
    labels = set(re.findall('loss="([^"]*)"', text))
    assert labels & {"huber", "unknown"}
    assert labels <= {*LOSSES, "combination", "check", "identify", "unknown"}


def test_sizes_and_durations_fall_into_buckets(server: str) -> None:
    httpx.post(f"{server}/loss/huber", json=GOOD)
    seen = samples(server)
    for name, labels in [("loss_request_bytes", ()), ("loss_response_bytes", ()), ("loss_phase_seconds", (("phase", "compute"),))]:
        assert seen[(f"{name}_bucket", (("le", "+Inf"), *labels))] == seen[(f"{name}_count", labels)] > 0
