"""Triton's client, unmodified, against a service of its own: `make inference`. Skipped where it is not installed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.inference.calls import CLASSES, LOGITS, REJECTED, TOKEN, cards, examples, expected, parameters, problem, program, serving, tensors

triton = pytest.importorskip("tritonclient.http")
from tritonclient.http import aio  # noqa: E402
from tritonclient.utils import InferenceServerException, np_to_triton_dtype  # noqa: E402

KINDS = ("sync", "async", "aio")
Job = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def client(host: str) -> Iterator[Any]:
    with triton.InferenceServerClient(host, network_timeout=600) as opened:
        yield opened


def job(name: str, request: dict[str, Any], binary: bool = True, outputs: Any = None, **more: Any) -> Job:
    """The arguments of `infer` for a request of ours."""
    inputs = []
    for key, value in tensors(request).items():
        inputs.append(triton.InferInput(key, list(value.shape), np_to_triton_dtype(value.dtype)))
        inputs[-1].set_data_from_numpy(value, binary_data=binary)
    named = None if outputs is None else [triton.InferRequestedOutput(output, binary_data=binary) for output in outputs]
    return name, {"inputs": inputs, "outputs": named, "parameters": parameters(request), **more}


def infer(host: str, kind: str, jobs: list[Job]) -> list[Any]:
    """The results of jobs by one of the three ways of the client."""
    if kind == "aio":
        return asyncio.run(_infer(host, jobs))
    with triton.InferenceServerClient(host, network_timeout=600) as client:
        if kind == "sync":
            return [client.infer(name, **given) for name, given in jobs]
        return [pending.get_result() for pending in [client.async_infer(name, **given) for name, given in jobs]]


async def _infer(host: str, jobs: list[Job]) -> list[Any]:
    async with aio.InferenceServerClient(host) as client:
        return [await client.infer(name, **given) for name, given in jobs]


def outputs_of(result: Any) -> dict[str, Any]:
    return {output["name"]: result.as_numpy(output["name"]) for output in result.get_response()["outputs"]}


def check_equal(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype), name
        assert found[name].tobytes() == array.tobytes(), name


def test_health_metadata_and_index(client: Any, host: str) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata()["name"] == "loss-service"
    models = client.get_model_repository_index()
    assert {model["name"] for model in models} == cards(host).keys()
    for model in models:
        name = model["name"]
        assert client.is_model_ready(name)
        assert client.is_model_ready(name, "1")
        metadata, config = client.get_model_metadata(name, "1"), client.get_model_config(name)
        assert metadata["versions"] == ["1"]
        assert [item["name"] for item in metadata["inputs"]] == [item["name"] for item in config["input"]]
        required = {item["name"] for item in config["input"] if not item["optional"]}
        assert required <= cards(host)[name].keys() if name == "huber" else required
    assert not client.is_model_ready("nothing")
    assert not client.is_model_ready("huber", "2")


def test_health_metadata_and_index_by_aio(host: str) -> None:
    async def ask() -> None:
        async with aio.InferenceServerClient(host) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("huber")
            assert (await client.get_model_metadata("mse"))["name"] == "mean_squared_error"
            assert (await client.get_model_config("huber"))["parameters"]["delta"] == {"string_value": "1.0"}
            assert len(await client.get_model_repository_index()) == len(cards(host))

    asyncio.run(ask())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_every_card_has_the_bits_of_its_loss(host: str, kind: str, binary: bool) -> None:
    requests, wanted = cards(host), examples(host)
    jobs = [job(name, request, binary, wanted[name]) for name, request in requests.items()]
    for name, result in zip(requests, infer(host, kind, jobs), strict=True):
        assert result.get_response()["model_name"] == name
        check_equal(outputs_of(result), wanted[name])


def test_without_names_all_outputs_come_in_binary(host: str) -> None:
    requests = cards(host)
    results = infer(host, "sync", [job(name, request) for name, request in requests.items()])
    for name, result in zip(requests, results, strict=True):
        assert all("binary_data_size" in output["parameters"] for output in result.get_response()["outputs"])
        check_equal(outputs_of(result), examples(host)[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", ["INT64", "INT32", "INT8", "UINT8"])
@pytest.mark.parametrize("real", ["FP64", "FP32", "FP16", "BF16"])
def test_element_types(host: str, kind: str, real: str, labels: str) -> None:
    import ml_dtypes

    types = {"FP64": np.float64, "FP32": np.float32, "FP16": np.float16, "BF16": ml_dtypes.bfloat16}
    request = {"predictions": LOGITS.astype(types[real]), "labels": CLASSES.astype(labels.lower()), "label_smoothing": 0.1}
    result = infer(host, kind, [job("cross_entropy", request)])[0]
    assert result.get_output("gradients.predictions")["datatype"] == real
    check_equal(outputs_of(result), expected(host, "cross_entropy", request))


@pytest.mark.parametrize("binary", [True, False])
def test_booleans(host: str, binary: bool) -> None:
    request = {"predictions": LOGITS, "labels": LOGITS > 0.3}
    result = infer(host, "sync", [job("binary_cross_entropy_with_logits", request, binary, ["value", "gradients.predictions"])])[0]
    wanted = expected(host, "binary_cross_entropy_with_logits", {**request, "outputs": ["value", "gradients"]})
    check_equal(outputs_of(result), {name: wanted[name] for name in ("value", "gradients.predictions")})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_compression(host: str, kind: str, coding: str, binary: bool) -> None:
    request = {"predictions": np.arange(200_000.0).reshape(1000, 200) % 7, "labels": np.zeros((1000, 200))}
    more: dict[str, Any] = {"request_compression_algorithm": coding, "response_compression_algorithm": coding}
    wanted = expected(host, "huber", request)
    result = infer(host, kind, [job("huber", request, binary, list(wanted), **more)])[0]
    check_equal(outputs_of(result), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_labels_by_name(host: str, kind: str) -> None:
    request = {"predictions": LOGITS, "labels": np.flip(LOGITS)}
    names = ["gradients.labels", "hessian_diagonal.predictions", "per_element", "normalizer"]
    result = infer(host, kind, [job("huber", request, outputs=names)])[0]
    asked = {"outputs": ["gradients", "hessian_diagonal", "per_element"], "wrt": ["labels", "predictions"]}
    wanted = expected(host, "huber", {**request, **asked})
    assert [output["name"] for output in result.get_response()["outputs"]] == names
    check_equal(outputs_of(result), {name: wanted[name] for name in names})


def test_what_the_protocol_reserves_passes(host: str) -> None:
    request = {"predictions": LOGITS, "labels": LOGITS}
    more: dict[str, Any] = {"sequence_id": 7, "sequence_start": True, "priority": 1, "timeout": 1000, "request_id": "an id", "model_version": "1"}
    result = infer(host, "sync", [job("huber", request, **more)])[0]
    assert result.get_response()["id"] == "an id"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", REJECTED)
def test_a_message_is_our_detail(host: str, kind: str, case: str) -> None:
    name, request = REJECTED[case]
    wanted = problem(host, name, request)
    with pytest.raises(InferenceServerException) as caught:
        infer(host, kind, [job(name, request)])
    assert caught.value.message() == wanted["detail"]
    assert caught.value.status() == str(wanted["status"])


def test_administration_of_triton_is_rejected_in_words(client: Any) -> None:
    for ask in (
        lambda: client.load_model("huber"),
        lambda: client.get_inference_statistics("huber"),
        client.get_trace_settings,
        client.get_system_shared_memory_status,
    ):
        with pytest.raises(InferenceServerException) as caught:
            ask()
        assert caught.value.status() == "404"
        assert "/v2/" in caught.value.message()


def test_tokens() -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with serving(LOSS_SERVICE_TOKENS=TOKEN) as host, triton.InferenceServerClient(host) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert not client.is_model_ready("huber")
        name, given = job("huber", {"predictions": LOGITS, "labels": LOGITS})
        with pytest.raises(InferenceServerException, match="Bearer"):
            client.infer(name, **given)
        assert client.is_model_ready("huber", headers=bearer)
        assert client.infer(name, **given, headers=dict(bearer)).as_numpy("value") == 0


def test_the_program_of_the_page(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program("tritonclient").replace("127.0.0.1:8000", host), "inference.md", "exec"), {})
    request = {"predictions": np.array([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], np.float32), "labels": np.array([0, 2]), "label_smoothing": 0.1}
    assert capsys.readouterr().out.startswith(f"{expected(host, 'cross_entropy', request)['value']} ")
