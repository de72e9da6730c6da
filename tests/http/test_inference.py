"""The Open Inference Protocol by bare HTTP: heads, bytes, metadata and errors. tests/inference has its clients."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.api.inference import INFER
from service.codec import Caps, inference
from service.codec.fields import DTYPES, Malformed, TooMany, Unfit
from service.http.body import _lead
from service.losses import LOSSES
from tests.conftest import running
from tests.edge.wire import Wire, post, serving, wait_until

CAPS = Caps(10**6, 8, 32)
LENGTH = "inference-header-content-length"
HUBER = {"predictions": np.array([0.5, 2.0, -3.0]), "labels": np.zeros(3)}


def body(tensors: dict[str, Any], binary: bool = True, **more: Any) -> tuple[bytes, dict[str, str]]:
    """A request and its header."""
    inputs: list[dict[str, Any]] = []
    for name, array in tensors.items():
        content = {"parameters": {"binary_data_size": array.nbytes}} if binary else {"data": array.ravel().tolist()}
        inputs.append({"name": name, "shape": list(array.shape), "datatype": inference.NAMES[array.dtype], **content})
    head = json.dumps({"inputs": inputs, **more}).encode()
    return head + b"".join(array.tobytes() for array in tensors.values()) * binary, {LENGTH: str(len(head))} if binary else {}


def infer(client: httpx.Client, name: str, tensors: dict[str, Any], binary: bool = True, headers: Any = (), **more: Any) -> httpx.Response:
    content, own = body(tensors, binary, **more)
    return client.post(f"/v2/models/{name}/infer", content=content, headers={**own, **dict(headers)})


def arrays(response: httpx.Response) -> dict[str, Any]:
    """The outputs of a response by name."""
    assert response.status_code == 200, response.text
    size = int(response.headers.get(LENGTH, len(response.content)))
    head, data, found = json.loads(response.content[:size]), response.content[size:], {}
    assert response.headers["content-type"] == ("application/octet-stream" if LENGTH in response.headers else "application/json")
    for output in head["outputs"]:
        dtype = inference.DATATYPES[output["datatype"]]
        if "data" in output:
            found[output["name"]] = np.array(output["data"], dtype).reshape(output["shape"])
            continue
        length = output["parameters"]["binary_data_size"]
        found[output["name"]] = np.frombuffer(data[:length], dtype).reshape(output["shape"])
        data = data[length:]
    assert not data
    return found


def named(*names: str, **parameters: bool) -> list[dict[str, Any]]:
    return [{"name": name, "parameters": parameters} for name in names]


# ------------------------------------------------------------------ tensors


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("path", ["huber", "HuberLoss", "torch.nn.HuberLoss", "huber/versions/1"])
def test_a_model_is_a_loss_by_any_of_its_names(client: httpx.Client, path: str, binary: bool) -> None:
    response = infer(client, path, HUBER, binary, parameters={"delta": 1.5}, id="an id")
    found = arrays(response)
    assert response.json() | {"outputs": []} == {
        "model_name": "huber",
        "model_version": "1",
        "id": "an id",
        "parameters": {"reduction": "mean"},
        "outputs": [],
    }
    assert found["value"].tolist() == [1.7916666666666667]
    assert found["per_sample"].tolist() == [0.125, 1.875, 3.375]
    assert list(found) == ["value", "normalizer", "per_sample", "gradients.predictions"]
    assert response.headers["server-timing"].startswith("decode;dur=")


def test_bytes_follow_in_the_order_of_outputs_with_json_between(client: httpx.Client) -> None:
    outputs = [*named("gradients.labels", binary_data=True), *named("value"), *named("per_sample", binary_data=True)]
    found = arrays(infer(client, "huber", HUBER, outputs=outputs))
    assert list(found) == ["gradients.labels", "value", "per_sample"]
    assert found["gradients.labels"].tolist() == [-0.5 / 3, -1 / 3, 1 / 3]
    assert found["per_sample"].tolist() == [0.125, 1.5, 2.5]


@pytest.mark.parametrize("default", [True, False])
def test_binary_data_output_holds_where_an_output_says_nothing_else(client: httpx.Client, default: bool) -> None:
    outputs = [{"name": "value"}, *named("per_sample", binary_data=not default)]
    head = infer(client, "huber", HUBER, outputs=outputs, parameters={"binary_data_output": default})
    size = int(head.headers[LENGTH])
    told = {output["name"]: "data" in output for output in json.loads(head.content[:size])["outputs"]}
    assert told == {"value": not default, "per_sample": default}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_a_gradient_has_the_type_of_its_input_in_binary_and_in_json(client: httpx.Client, dtype: str) -> None:
    tensors = {"predictions": HUBER["predictions"].astype(DTYPES[dtype]), "labels": np.zeros(3, np.int32)}
    binary = arrays(infer(client, "huber", tensors, parameters={"binary_data_output": True}))
    as_json = arrays(infer(client, "huber", tensors))
    assert binary["gradients.predictions"].dtype == DTYPES[dtype]
    for name, array in binary.items():
        assert array.tobytes() == as_json[name].tobytes(), name


def test_numbers_of_json_are_computed_in_their_datatype(client: httpx.Client) -> None:
    for dtype in (np.float32, np.float16):
        tensors = {"predictions": np.array([0.1, 0.7], dtype), "labels": np.zeros(2, dtype)}
        listed, binary = (arrays(infer(client, "huber", tensors, binary)) for binary in (False, True))
        assert {name: array.tobytes() for name, array in listed.items()} == {name: array.tobytes() for name, array in binary.items()}
        assert listed["gradients.predictions"].dtype == dtype


def test_many_booleans_as_json(client: httpx.Client) -> None:
    labels = np.arange(5000) % 3 == 0
    tensors = {"predictions": np.linspace(-3, 3, 5000), "labels": labels}
    found = arrays(infer(client, "binary_cross_entropy_with_logits", tensors, binary=False))
    expected = arrays(infer(client, "binary_cross_entropy_with_logits", {**tensors, "labels": labels.astype(float)}))
    assert found["value"] == expected["value"]


def test_nested_data_and_null_members_are_read(client: httpx.Client) -> None:
    inputs = [{"name": name, "shape": [2, 1], "datatype": "FP64", "data": [[1.0], [2.0]], "parameters": None} for name in ("predictions", "labels")]
    document = {"id": None, "inputs": inputs, "outputs": None, "parameters": None, "model_name": "huber"}
    assert arrays(client.post("/v2/models/huber/infer", json=document))["value"] == 0


@pytest.mark.parametrize("coding", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_the_length_of_the_head_is_that_before_compression(client: httpx.Client, coding: Any) -> None:
    tensors = {"predictions": np.zeros((1000, 200)), "labels": np.ones((1000, 200))}
    content, headers = body(tensors, parameters={"binary_data_output": True})
    headers |= {"content-encoding": "gzip" if coding is gzip.compress else "deflate", "accept-encoding": "zstd, gzip, br"}
    response = client.post("/v2/models/huber/infer", content=coding(content), headers=headers)
    assert response.headers["content-encoding"] == "gzip", "tritonclient does not read zstd, which aiohttp accepts for it"
    assert arrays(response)["value"] == 0.5


def test_combined_controls_are_tensors_and_parameters(client: httpx.Client) -> None:
    cotangent = {**HUBER, "cotangent": np.array([10.0, -1.0, 0.0])}
    found = arrays(infer(client, "huber", cotangent, parameters={"reduction": "none"}))
    assert list(found) == ["per_sample", "gradients.predictions"]
    assert found["gradients.predictions"].tolist() == [5.0, -1.0, 0.0]
    weighted = arrays(infer(client, "huber", {**HUBER, "sample_weight": np.array([1.0, 0.0, 1.0])}))
    assert weighted["normalizer"] == 2


def test_outputs_of_every_call_are_named_like_others(client: httpx.Client) -> None:
    assert list(arrays(infer(client, "huber", HUBER, outputs=named("normalizer")))) == ["normalizer"]
    with_parts = [name for name in LOSSES if any(item["name"].startswith("parts.") for item in client.get(f"/v2/models/{name}").json()["outputs"])]
    card = client.get(f"/loss/{with_parts[0]}").json()["example"]["request"]
    tensors = {name: np.reshape(field["data"], field["shape"]) for name, field in card.items() if isinstance(field, dict)}
    rest = {name: field for name, field in card.items() if not isinstance(field, dict)}
    part = next(item["name"] for item in client.get(f"/v2/models/{with_parts[0]}").json()["outputs"] if item["name"].startswith("parts."))
    assert list(arrays(infer(client, with_parts[0], tensors, parameters=rest, outputs=named(part)))) == [part]


@pytest.mark.parametrize("length", range(8))
def test_tensors_are_views_of_the_body_where_the_reader_of_bodies_puts_it(length: int) -> None:
    content, headers = body({"predictions": np.arange(4.0)}, id="x" * length)
    lead = _lead(headers[LENGTH].encode())
    buffer = np.empty(len(content) + lead, np.uint8)
    buffer[lead:] = np.frombuffer(content, np.uint8)
    found = inference.decode(buffer.data[lead:], CAPS, headers[LENGTH].encode()).fields["predictions"]
    assert np.shares_memory(found, buffer)
    assert found.flags.aligned
    assert found.tolist() == [0, 1, 2, 3]


# ------------------------------------------------------------------ metadata and health


def test_health_metadata_and_index(client: httpx.Client) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json()["name"] == "loss-service"
    index = client.post("/v2/repository/index").json()
    assert [model["name"] for model in index] == list(LOSSES)
    assert {model["state"] for model in index} == {"READY"}
    for version in ("", "/versions/1"):
        assert client.get(f"/v2/models/mse{version}/ready").json() == {"name": "mean_squared_error", "ready": True}
        assert client.get(f"/v2/models/mse{version}").json()["versions"] == ["1"]
        config = client.get(f"/v2/models/huber{version}/config").json()
        assert config["parameters"]["delta"] == {"string_value": "1.0"}
        assert client.get(config["parameters"]["card"]["string_value"]).json()["name"] == "huber"
        assert {item["name"]: item["optional"] for item in config["input"]} == {
            "predictions": False, "labels": False, "weight": True, "sample_weight": True, "cotangent": True,
        }  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_metadata_names_what_a_call_takes_and_returns(client: httpx.Client, name: str) -> None:
    metadata, card = client.get(f"/v2/models/{name}").json(), client.get(f"/loss/{name}").json()
    assert [item["name"] for item in metadata["inputs"]] == [*(item["name"] for item in card["inputs"]), "sample_weight", "cotangent"]
    request = card["example"]["request"]
    tensors = {key: np.reshape(np.array(field["data"], float), field["shape"]) for key, field in request.items() if isinstance(field, dict)}
    rest = {key: field for key, field in request.items() if not isinstance(field, dict)}
    told = [item["name"] for item in metadata["outputs"]]
    assert set(arrays(infer(client, name, tensors, parameters=rest))) <= set(told)
    certain = [output for output in told if not output.startswith(("gradients.", "hessian_diagonal."))]
    assert list(arrays(infer(client, name, tensors, parameters=rest, outputs=named(*certain)))) == certain


def test_no_option_has_a_name_that_the_protocol_reserves() -> None:
    for loss in LOSSES.values():
        assert inference.RESERVED.isdisjoint({item.name for item in loss.inputs} | {option.name for option in loss.options})


def test_reserved_parameters_pass(client: httpx.Client) -> None:
    reserved = {"sequence_id": 7, "sequence_start": True, "priority": 1, "timeout": 10, "headers": {}, "content_type": "np", "triton_x": None}
    assert arrays(infer(client, "huber", HUBER, parameters=reserved))


def test_readiness_ends_with_draining_and_liveness_does_not() -> None:
    with serving(grace_seconds=5) as started, Wire(started) as one, Wire(started) as other, Wire(started) as third:
        for wire in (one, other, third):
            assert wire.ask(b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
        started.life.draining = True
        answer = one.ask(b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (answer.status, json.loads(answer.body)["error"]) == (503, "the service is stopping")
        assert other.ask(b"GET /v2/models/huber/ready HTTP/1.1\r\nHost: x\r\n\r\n").status == 503
        assert third.ask(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n").status == 200


def test_health_needs_no_token_and_the_rest_does() -> None:
    with running(LOSS_SERVICE_TOKENS="secret") as url, httpx.Client(base_url=url) as client:
        assert client.get("/v2/health/live").status_code == client.get("/v2/health/ready").status_code == 200
        for response in (client.get("/v2"), client.get("/v2/models/huber"), client.post("/v2/repository/index"), infer(client, "huber", HUBER)):
            assert response.status_code == 401
            assert "Bearer" in response.json()["error"]
        assert arrays(infer(client, "huber", HUBER, headers={"authorization": "Bearer secret"}))


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/", 404),
        ("GET", "/v2/models/nothing", 404),
        ("GET", "/v2/models/huber/versions/2", 404),
        ("GET", "/v2/models/huber/stats", 404),
        ("GET", "/v2/models/stats", 404),
        ("GET", "/v2/models/combination", 404),
        ("GET", "/v2/models/weighted_sum/ready", 404),
        ("POST", "/v2/models/nothing/infer", 404),
        ("POST", "/v2/models/combination/infer", 404),
        ("POST", "/v2/models/huber/versions/2/infer", 404),
        ("GET", "/v2/models/huber/infer", 405),
        ("PUT", "/v2/health/live", 405),
        ("POST", "/v2/models/huber/infer", 400),
    ],
)
def test_every_error_is_json_with_error_beside_the_members_of_a_problem(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    problem = response.json()
    assert problem["error"] == problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["status"] == status


def test_other_paths_keep_their_problem_documents(client: httpx.Client) -> None:
    for path in ("/v2x", "/nothing/v2", "/v1"):
        response = client.get(path)
        assert response.headers["content-type"] == "application/problem+json"
        assert "error" not in response.json()


def test_a_problem_has_the_detail_and_place_of_the_same_fault_in_a_loss(client: httpx.Client) -> None:
    cases: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("cross_entropy", {"predictions": np.zeros((2, 3)), "labels": np.array([0.0, 3.0])}, {}),
        ("huber", {"predictions": np.zeros(2)}, {}),
        ("huber", {"predictions": np.zeros(2), "labels": np.zeros(3)}, {}),
        ("huber", HUBER, {"delta": -1}),
        ("huber", HUBER, {"alpha": 1}),
        ("huber", HUBER, {"reduction": "average"}),
        ("mean_squared_error", {"predictions": np.array([1e300]), "labels": np.array([-1e300])}, {}),
        ("smoth_l1", HUBER, {}),
    ]
    for name, tensors, options in cases:
        response = infer(client, name, tensors, parameters=options)
        expected = client.post(f"/loss/{name}", json={**{key: array.tolist() for key, array in tensors.items()}, **options})
        assert response.status_code == expected.status_code
        found = response.json()
        assert found.pop("error") == found["detail"]
        assert found | {"request_id": ""} == expected.json() | {"request_id": ""}


ONE: dict[str, Any] = {"name": "predictions", "shape": [2], "datatype": "FP64", "data": [1, 2]}
REJECTED: list[tuple[dict[str, Any], str]] = [
    ({"inputs": 1}, "/inputs"),
    ({"inputs": [1]}, "/inputs"),
    ({"inputs": [], "input": []}, "/input"),
    ({"inputs": [{**ONE, "name": 1}]}, "/inputs/0/name"),
    ({"inputs": [{**ONE, "datatype": "BYTES"}]}, "/inputs/0/datatype"),
    ({"inputs": [{**ONE, "shape": [-1]}]}, "/inputs/0/shape"),
    ({"inputs": [{**ONE, "shape": [1.5]}]}, "/inputs/0/shape"),
    ({"inputs": [{**ONE, "shape": [[2]]}]}, "/inputs/0/shape"),
    ({"inputs": [{**ONE, "shape": {"shape": [1], "dtype": "float64", "base64": "AAAAAAAA8H8="}}]}, "/inputs/0/shape"),
    ({"inputs": [{**ONE, "shape": None}]}, "/inputs/0/shape"),
    ({"inputs": [{**ONE, "shape": [3]}]}, "/inputs/0/data"),
    ({"inputs": [{**ONE, "data": [[1], [2]]}]}, "/inputs/0/data"),
    ({"inputs": [{**ONE, "data": "x"}]}, "/inputs/0/data"),
    ({"inputs": [{**ONE, "data": [True, False]}]}, "/inputs/0/data"),
    ({"inputs": [{**ONE, "data": ["1", "2"]}]}, "/inputs/0/data"),
    ({"inputs": [{**ONE, "data": None}]}, "/inputs/0"),
    ({"inputs": [{**ONE, "parameters": {"binary_data_size": 16}}]}, "/inputs/0"),
    ({"inputs": [{**ONE, "datatype": "BF16"}]}, "/inputs/0/data"),
    ({"inputs": [{**ONE, "datatype": "INT8", "data": [1, 200]}]}, "/inputs/0/data/1"),
    ({"inputs": [{**ONE, "datatype": "UINT8", "data": [-1, 2]}]}, "/inputs/0/data/0"),
    ({"inputs": [{**ONE, "datatype": "INT64", "data": [1, 0.5]}]}, "/inputs/0/data/1"),
    ({"inputs": [{**ONE, "datatype": "FP16", "data": [1, 70000]}]}, "/inputs/0/data/1"),
    ({"inputs": [{**ONE, "datatype": "FP32", "data": [1e300, 1]}]}, "/inputs/0/data/0"),
    ({"inputs": [{**ONE, "datatype": "BOOL", "data": [1, 2]}]}, "/inputs/0/data/1"),
    ({"inputs": [ONE, ONE]}, "/inputs/1/name"),
    ({"inputs": [ONE], "parameters": {"predictions": 1}}, "/inputs/0/name"),
    ({"inputs": [ONE], "parameters": {"outputs": "value"}}, "/parameters/outputs"),
    ({"inputs": [ONE], "parameters": {"sample_weight": [1, 2]}}, "/parameters/sample_weight"),
    ({"inputs": [ONE], "parameters": {"binary_data_output": 1}}, "/parameters"),
    ({"inputs": [ONE], "parameters": []}, "/parameters"),
    ({"inputs": [ONE], "id": 1}, "/id"),
    ({"inputs": [ONE], "id": "x" * 1001}, "/id"),
    ({"inputs": [ONE], "outputs": [{"name": "value"}, {"name": "value"}]}, "/outputs/1/name"),
    ({"inputs": [ONE], "outputs": [{"name": "gradients"}]}, "/outputs/0/name"),
    ({"inputs": [ONE], "outputs": [{"name": "value", "parameters": {"classification": 3}}]}, "/outputs/0/parameters"),
    ({"inputs": [ONE], "outputs": [{"name": "value", "parameters": {"shared_memory_region": "x"}}]}, "/outputs/0/parameters"),
    ({"inputs": [{**ONE, "parameters": {"shared_memory_region": "x"}, "data": None}]}, "/inputs/0"),
]


@pytest.mark.parametrize(("head", "place"), REJECTED)
def test_what_is_no_request_is_rejected_with_its_place(client: httpx.Client, head: dict[str, Any], place: str) -> None:
    response = client.post("/v2/models/squared_hinge/infer", json=head)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"].startswith(place)


@pytest.mark.parametrize("output", ["x", "gradients.x", "parts.x", "state.x", "value.x", "hessian_diagonal.weight", ""])
def test_an_output_that_a_request_does_not_have_is_rejected(client: httpx.Client, output: str) -> None:
    response = infer(client, "huber", HUBER, outputs=named(output))
    assert response.status_code == 422
    assert "expected" in response.json()["error"]


@pytest.mark.parametrize(
    ("length", "extra", "status"),
    [("x", b"", 400), ("-1", b"", 400), ("9" * 30, b"", 400), ("{more}", b"", 400), ("0", b"", 400), ("{size}", b"x", 400), ("{less}", b"", 400)],
)
def test_the_bytes_are_exactly_those_announced(client: httpx.Client, length: str, extra: bytes, status: int) -> None:
    content, headers = body(HUBER)
    size = int(headers[LENGTH])
    told = length.format(size=size, less=size - 1, more=len(content) + 1)
    response = client.post("/v2/models/huber/infer", content=content + extra, headers={LENGTH: told})
    assert response.status_code == status
    assert response.json()["error"]


@pytest.mark.parametrize("size", [0, 8, 23, 25, -24, 2**60, 24.0, "24", True])
def test_a_wrong_binary_data_size_is_rejected(client: httpx.Client, size: Any) -> None:
    content, headers = body(HUBER)
    head = json.loads(content[: int(headers[LENGTH])])
    head["inputs"][0]["parameters"]["binary_data_size"] = size
    text = json.dumps(head).encode()
    response = client.post("/v2/models/huber/infer", content=text + bytes(48), headers={LENGTH: str(len(text))})
    assert response.status_code in (400, 422)


def test_caps_hold_before_anything_is_made() -> None:
    for shape, kind in (([2**40, 2**40], TooMany), ([1] * 9, Unfit)):
        head = json.dumps({"inputs": [{"name": "x", "shape": shape, "datatype": "FP64", "parameters": {"binary_data_size": 8}}]}).encode()
        with pytest.raises(kind):
            inference.decode(head + bytes(8), CAPS, str(len(head)).encode())
    with pytest.raises(Malformed):
        inference.decode(b'{"inputs": [' + b"[" * 100 + b"]" * 100 + b"]}", CAPS)


def test_a_boolean_is_0_or_1() -> None:
    head = json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "BOOL", "parameters": {"binary_data_size": 1}}]}).encode()
    with pytest.raises(Unfit, match="booleans"):
        inference.decode(head + b"\2", CAPS, str(len(head)).encode())


# ------------------------------------------------------------------ the same as POST /loss/{name}


def test_limits_early_rejections_and_counts_are_those_of_losses() -> None:
    content, headers = body({"predictions": np.zeros(2000), "labels": np.zeros(2000)})
    lines = f"{LENGTH}: {headers[LENGTH]}\r\n"
    path = "/v2/models/huber/infer"
    with serving(inline_bytes=1000, max_body_bytes=40_000, max_response_bytes=20_000, max_queue=0, compute_threads=1) as started:
        with Wire(started) as wire:
            assert wire.ask(post(content, path, "application/octet-stream", lines)).status == 413, "too large a response"
            few, own = body({"predictions": np.zeros(200), "labels": np.zeros(200)})
            assert wire.ask(post(few, path, "application/octet-stream", f"{LENGTH}: {own[LENGTH]}\r\n")).status == 200
            started.pool.jobs += 1  # as if its one thread were taken
            rejected = wire.ask(post(few, path, "application/octet-stream", f"{LENGTH}: {own[LENGTH]}\r\n"))
            assert (rejected.status, rejected.headers["retry-after"]) == (429, "1")
            assert json.loads(rejected.body)["error"] == json.loads(rejected.body)["detail"]
            started.pool.jobs -= 1
            assert wire.ask(post(b"x" * 40_001, path)).status == 413
        told = httpx.get(f"{started.url}/metrics").text
        for status in (200, 413, 429):
            assert f'loss_requests_total{{encoding="inference",loss="huber",status="{status}"}}' in told
    wait_until(lambda: started.pool.bytes == 0)


def test_a_path_of_an_inference_request_is_one_or_none() -> None:
    assert INFER.fullmatch("/v2/models/huber/infer")
    for path in ("/v2/models//infer", "/v2/models/a/b/infer", "/v2/models/a/versions//infer", "/v2/models/huber/infer/"):
        assert not INFER.fullmatch(path)


def test_the_document_leaves_the_protocol_to_its_own(client: httpx.Client) -> None:
    assert not [path for path in client.get("/openapi.json").json()["paths"] if path.startswith("/v2")]


def test_the_call_of_the_page_is_answered_as_it_says(server: str) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "inference.md").read_text()
    ((command, answer),) = re.findall(r"```sh\n(curl .*?)```\n\n```json\n(.*?)```", page, re.DOTALL)
    done = subprocess.run(["sh", "-c", command.replace("http://127.0.0.1:8000", server)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads(answer)
