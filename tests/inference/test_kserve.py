"""KServe's client, unmodified, against a service of its own. Skipped where it is not installed: with what it depends on it has 460 MB.

python -m venv .venv-kserve && .venv-kserve/bin/pip install kserve==0.21.0 pytest
.venv-kserve/bin/python -m pytest --noconftest tests/inference/test_kserve.py
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.inference.calls import CLASSES, LOGITS, REJECTED, ROOT, TOKEN, cards, examples, expected, parameters, problem, program, serving, tensors

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("kserve")
    import kserve
    import kubernetes
    import yaml
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
    from kserve.protocol.infer_type import RequestedOutput
    from kserve.utils.numpy_codec import from_np_dtype


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with serving() as address:
        yield address


def infer(host: str, name: str, request: dict[str, Any], binary: bool, outputs: tuple[str, ...] = (), **more: Any) -> Any:
    """The response of one call; with names of outputs, these in binary if the inputs are."""
    inputs = []
    for key, value in tensors(request).items():
        inputs.append(InferInput(key, list(value.shape), from_np_dtype(value.dtype)))
        inputs[-1].set_data_from_numpy(value, binary_data=binary)
    named = [RequestedOutput(output, {"binary_data": binary}) for output in outputs]
    asked = InferRequest(name, inputs, "an id", parameters=parameters(request), request_outputs=named)
    return ask(host, lambda client, url: client.infer(url, asked, model_name=name, **more))


def ask(host: str, call: Any) -> Any:
    async def asked() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            return await call(client, f"http://{host}")

    return asyncio.run(asked())


def check_equal(response: Any, wanted: dict[str, Any]) -> None:
    assert {output.name for output in response.outputs} == wanted.keys()
    for output in response.outputs:
        np.testing.assert_array_equal(output.as_numpy(), wanted[output.name])
        assert output.as_numpy().shape == wanted[output.name].shape


def test_live_ready_and_model_ready(host: str) -> None:
    assert ask(host, lambda client, url: client.is_server_live(url)) is True
    assert ask(host, lambda client, url: client.is_server_ready(url)) is True
    assert ask(host, lambda client, url: client.is_model_ready(url, "huber")) is True
    assert ask(host, lambda client, url: client.is_model_ready(url, "nothing")) is False


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_every_card_has_the_numbers_of_its_loss(host: str, binary: bool) -> None:
    for name, request in cards(host).items():
        response = infer(host, name, request, binary)
        assert (response.model_name, response.id) == (name, "an id")
        check_equal(response, examples(host)[name])


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_options_and_named_outputs(host: str, binary: bool) -> None:
    request = {"predictions": LOGITS, "labels": CLASSES, "label_smoothing": 0.1, "reduction": "sum"}
    names = ("gradients.predictions", "value")
    wanted = expected(host, "cross_entropy", request)
    check_equal(infer(host, "cross_entropy", request, binary, names), {name: wanted[name] for name in names})


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_types_in_binary(host: str, dtype: Any) -> None:
    request = {"predictions": LOGITS.astype(dtype), "labels": CLASSES.astype(np.int32)}
    names = ("gradients.predictions", "value", "per_sample")
    wanted = expected(host, "cross_entropy", request)
    response = infer(host, "cross_entropy", request, True, names)
    check_equal(response, {name: wanted[name] for name in names})
    assert response.outputs[0].as_numpy().dtype == dtype


@pytest.mark.parametrize("case", REJECTED)
def test_an_error_has_our_detail(host: str, case: str) -> None:
    name, request = REJECTED[case]
    wanted = problem(host, name, request)
    with pytest.raises(httpx.HTTPStatusError) as caught:
        infer(host, name, request, True)
    assert str(caught.value).startswith(f"{wanted['detail']}, '{wanted['status']} ")


def test_tokens() -> None:
    request = {"predictions": LOGITS, "labels": LOGITS}
    with serving(LOSS_SERVICE_TOKENS=TOKEN) as host:
        assert ask(host, lambda client, url: client.is_server_ready(url)) is True
        with pytest.raises(httpx.HTTPStatusError, match="Bearer"):
            infer(host, "huber", request, True)
        assert infer(host, "huber", request, True, headers={"Authorization": f"Bearer {TOKEN}"}).outputs


def test_the_program_of_the_page(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program("kserve").replace("127.0.0.1:8000", host), "inference.md", "exec"), {})
    assert capsys.readouterr().out == "[1.79166667]\n"


def check_fields(value: Any, kind: str) -> int:
    """Check that every member of a manifest is one of KServe's or Kubernetes's own class; returns how many were."""
    if kind.startswith(("list[", "dict(")):
        inner = kind[5:-1] if kind[0] == "l" else kind.partition(", ")[2][:-1]
        return sum(check_fields(item, inner) for item in (value if kind[0] == "l" else value.values()))
    known = getattr(kserve, kind, None) or getattr(kubernetes.client, kind, None)
    if known is None:
        return 1
    members = {name: known.openapi_types[own] for own, name in known.attribute_map.items()}
    assert value.keys() <= members.keys(), f"{kind} has no {value.keys() - members.keys()}"
    return sum(check_fields(item, members[name]) for name, item in value.items())


def test_the_manifest_is_an_inference_service() -> None:
    manifest = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "kserve" / "inferenceservice.yaml").read_text())
    assert check_fields(manifest, "V1beta1InferenceService") > 30
    manifest["spec"]["predictor"]["minReplica"] = 2
    with pytest.raises(AssertionError, match="minReplica"):
        check_fields(manifest, "V1beta1InferenceService")
