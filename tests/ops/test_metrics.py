"""What Prometheus reads is what callers did, however many workers answered them."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import running

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
        seen = [samples(url) for _ in range(6)]
    key = ("loss_requests_total", (("encoding", "json"), ("loss", "mean_squared_error"), ("status", "200")))
    assert [one[key] for one in seen] == [20] * 6, "a synonym counts as its loss, and each worker tells of both"
    for phase in ("decode", "queue", "compute", "encode"):
        assert seen[0][("loss_phase_seconds_count", (("phase", phase),))] == 20
    assert seen[0][("loss_queue_length", ())] == 0


def test_a_refusal_counts_by_its_kind(server: str) -> None:
    kind = ("loss_rejections_total", (("kind", "invalid-tensor"),))
    before = samples(server).get(kind, 0)
    httpx.post(f"{server}/loss/huber", json={"predictions": [1.0], "labels": [1.0, 2.0]})
    assert samples(server)[kind] == before + 1


@pytest.mark.parametrize("name", ["made_up_by_a_caller", "huber%0a", "x" * 300])
def test_callers_make_no_labels(server: str, name: str) -> None:
    httpx.post(f"{server}/loss/{name}", json=GOOD)
    text = httpx.get(f"{server}/metrics").text
    assert name not in text
    assert 'loss="unknown"' in text


def test_sizes_and_durations_fall_into_buckets(server: str) -> None:
    httpx.post(f"{server}/loss/huber", json=GOOD)
    seen = samples(server)
    for name, labels in [("loss_request_bytes", ()), ("loss_response_bytes", ()), ("loss_phase_seconds", (("phase", "compute"),))]:
        assert seen[(f"{name}_bucket", (("le", "+Inf"), *labels))] == seen[(f"{name}_count", labels)] > 0
