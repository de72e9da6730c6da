"""POST /check/{name}, POST /identify and the output numerics, from the outside: a real server on a real socket."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy

from service.api import catalogue
from service.losses import LOSSES
from tests.conftest import running

X, T = [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], [0, 2]
SAFETENSORS = "application/vnd.safetensors"


def post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def gradient(client: httpx.Client, **options: Any) -> list[list[float]]:
    return post(client, "/loss/cross_entropy", predictions=X, labels=T, **options)["gradients"]["predictions"]


def packed(values: Any, dtype: str) -> dict[str, Any]:
    array = np.asarray(values, dtype)
    return {"shape": list(array.shape), "dtype": dtype, "base64": base64.b64encode(array.tobytes()).decode()}


def test_a_claim_is_checked_with_its_first_and_worst_elements(client: httpx.Client) -> None:
    claimed = gradient(client)
    claimed[1][0] *= 1.5
    response = post(client, "/check/cross_entropy", request={"predictions": X, "labels": T}, claimed={"gradients": {"predictions": claimed}})
    output = response["outputs"]["gradients.predictions"]
    assert (response["loss"], response["agrees"], output["disagreeing"], output["of"]) == ("cross_entropy", False, 1, 6)
    assert output["first"] == output["worst"] == {"at": [1, 0], "claimed": claimed[1][0], "expected": claimed[1][0] / 1.5}
    assert output["worst_relative_error"] == pytest.approx(0.5)


def test_a_smoothing_left_on_is_named(client: httpx.Client) -> None:
    smoothed = gradient(client, label_smoothing=0.1)
    response = post(client, "/check/ce", request={"predictions": X, "labels": T}, claimed={"gradients": {"predictions": smoothed}})
    assert response["would_agree_with"][0]["change"] == {"label_smoothing": 0.1}
    assert response["search"]["tried"] > 1


def test_every_encoding_gives_the_same_report(client: httpx.Client) -> None:
    smoothed = gradient(client, label_smoothing=0.1)
    nested = {"request": {"predictions": X, "labels": T}, "claimed": {"value": 0.7, "gradients": {"predictions": smoothed}}}
    flat = {"shape": [2, 3], "data": np.ravel(smoothed).tolist()}
    based = {
        "request": {"predictions": packed(X, "float64"), "labels": packed(T, "int64")},
        "claimed": {"value": packed(0.7, "float64"), "gradients": {"predictions": packed(smoothed, "float64")}},
    }
    reports = [
        post(client, "/check/ce", **body) for body in (nested, based, nested | {"claimed": {"value": 0.7, "gradients": {"predictions": flat}}})
    ]
    tensors = {
        "request.predictions": np.array(X),
        "request.labels": np.array(T),
        "claimed.value": np.array(0.7),
        "claimed.gradients.predictions": np.array(smoothed),
    }
    binary = {"content-type": SAFETENSORS, "accept": "application/json"}
    reports.append(client.post("/check/ce", content=safetensors.numpy.save(tensors), headers=binary).json())
    compressed = {"content-type": "application/json", "content-encoding": "gzip"}
    reports.append(client.post("/check/ce", content=gzip.compress(json.dumps(nested).encode()), headers=compressed).json())
    assert all(report == reports[0] for report in reports)


def test_a_binary_report_holds_tensors_and_strings(client: httpx.Client) -> None:
    tensors = {"request.predictions": np.array(X, np.float32), "request.labels": np.array(T), "claimed.per_sample": np.ones(2, np.float32)}
    content = safetensors.numpy.save(tensors, {"request": json.dumps({"tolerance": 1e-3, "request": {"label_smoothing": 0.1}})})
    response = client.post("/check/ce", content=content, headers={"content-type": SAFETENSORS})
    report = safetensors.numpy.load(response.content)
    assert response.headers["content-type"] == SAFETENSORS
    assert report["outputs.per_sample.worst.at"].shape == (1,)
    assert [report[key].item() for key in ("agrees", "outputs.per_sample.of", "tolerance")] == [False, 2, 1e-3]


def test_float32_claims_are_held_to_float32(client: httpx.Client) -> None:
    right = np.array(gradient(client), np.float32)
    for claimed, agrees in ((packed(right, "float32"), True), (right.tolist(), False)):
        response = post(client, "/check/ce", request={"predictions": X, "labels": T}, claimed={"gradients": {"predictions": claimed}})
        assert response["agrees"] is agrees, response


def test_identify_names_the_loss(client: httpx.Client) -> None:
    value = post(client, "/loss/smooth_l1", predictions=[0.5, 0.2, 3.3], labels=[1.0, 0.0, 0.0], reduction="sum")["value"]
    response = post(client, "/identify", request={"predictions": [0.5, 0.2, 3.3], "labels": [1.0, 0.0, 0.0]}, claimed={"value": value})
    assert {"smooth_l1", "huber"} <= {found["loss"] for found in response["found"] if found["reduction"] == "sum" and found["factor"] == 1}


@pytest.mark.parametrize("name", sorted(LOSSES)[::9])
def test_the_example_of_a_card_agrees(client: httpx.Client, name: str) -> None:
    example = catalogue.cards()[name]["example"]
    claimed = {key: example["response"][key] for key in ("value", "per_sample", "gradients") if key in example["response"]}
    assert post(client, f"/check/{name}", request=example["request"], claimed=claimed)["agrees"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"request": {"predictions": X, "labels": [0, 7]}, "claimed": {"value": 2}}, "/request/labels/1"),
        ({"request": {"predictions": X, "labels": T, "betta": 1}, "claimed": {"value": 2}}, "/request/betta"),
        ({"request": {"predictions": X, "labels": T}, "claimed": {}}, "/claimed"),
        ({"request": {"predictions": X, "labels": T}, "claimed": {"value": "2"}}, "/claimed/value"),
        ({"request": {"predictions": X, "labels": T}, "claimed": {"value": True}}, "/claimed/value"),
        ({"request": {"predictions": X, "labels": T}, "claimed": {"loss": 2}}, "/claimed/loss"),
        ({"request": {"predictions": X, "labels": T}, "claimed": {"gradients": {"labels": T}}}, "/claimed/gradients/labels"),
        ({"request": {"predictions": X, "labels": T, "reduction": "none"}, "claimed": {"value": 2}}, "/claimed/value"),
        ({"request": {"predictions": X, "labels": T}, "claimed": {"per_sample": packed([1, np.nan], "float64")}}, "/claimed/per_sample/1"),
        ({"request": {"predictions": X, "labels": T}, "claimed": {"value": 2}, "tolerance": -1}, "/tolerance"),
        ({"request": {"predictions": X, "labels": T, "sample_weight": [1]}, "claimed": {"value": 2}}, "/request/sample_weight"),
    ],
)
def test_a_bad_check_is_rejected_with_its_place(client: httpx.Client, body: dict[str, Any], pointer: str) -> None:
    response = client.post("/check/cross_entropy", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer


def test_unknown_names_and_methods(client: httpx.Client) -> None:
    assert client.post("/check/cros_entropy", json={}).json()["did_you_mean"][0] == "cross_entropy"
    for path in ("/check/ce", "/identify"):
        response = client.get(path)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_identify_takes_tensors_only(client: httpx.Client) -> None:
    response = client.post("/identify", json={"request": {"predictions": X, "labels": T, "label_smoothing": 0.1}, "claimed": {"value": 1}})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/request/label_smoothing")


def test_a_search_is_never_done_on_the_event_loop(client: httpx.Client) -> None:
    """Server-Timing tells the time in the queue, which only a body in the pool has."""
    request = {"predictions": X, "labels": T}
    for path, body in (("/check/ce", {"request": request, "claimed": {"value": 1}}), ("/identify", {"request": request, "claimed": {"value": 1}})):
        assert "queue;dur=0.000" not in client.post(path, json=body).headers["server-timing"]
    assert "queue;dur=0.000" in client.post("/loss/ce", json=request).headers["server-timing"]


def test_searches_are_admitted_as_large_bodies_are() -> None:
    """With one thread and no queue, a second search beside a first is rejected at once, and small requests are still answered."""
    rng = np.random.default_rng(0)
    body = {"request": {"predictions": rng.random((40, 8)).tolist(), "labels": rng.random((40, 8)).tolist()}, "claimed": {"value": 1.234}}
    statuses: list[int] = []
    with running(LOSS_SERVICE_COMPUTE_THREADS="1", LOSS_SERVICE_MAX_QUEUE="0", LOSS_SERVICE_SEARCH_SECONDS="5") as address:
        searches = [
            threading.Thread(target=lambda: statuses.append(httpx.post(f"{address}/identify", json=body, timeout=60).status_code)) for _ in range(4)
        ]
        for search in searches:
            search.start()
        assert httpx.post(f"{address}/loss/ce", json={"predictions": X, "labels": T}, timeout=60).status_code == 200
        for search in searches:
            search.join()
    assert set(statuses) == {200, 429}


def test_numerics_come_with_a_loss_and_with_a_term(client: httpx.Client) -> None:
    response = post(client, "/loss/ce", predictions=X, labels=T, outputs=["value", "numerics"])
    assert response["numerics"]["condition"] > 0
    assert set(response["numerics"]["stored_as"]) == {"float32", "float16", "bfloat16"}
    inputs = {"predictions": X, "labels": T, "outputs": ["numerics"]}
    combined = post(client, "/loss/combination", terms=[{"loss": "cross_entropy", "inputs": inputs}])
    assert combined["terms"][0]["numerics"] == response["numerics"]


def test_a_combination_is_checked_by_its_terms(client: httpx.Client) -> None:
    response = client.post("/check/combination", json={"request": {"terms": []}, "claimed": {"value": 1}})
    assert response.status_code == 404
    assert "POST /check/{loss}" in response.json()["detail"]
