"""The contract, from the outside: a real server on a real socket."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy

from service.losses import LOSSES

X, T = [[0.5, 0.2, 0.3], [1.0, -2.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def post(client: httpx.Client, name: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/loss/{name}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rejected(client: httpx.Client, name: str, status: int = 422, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/loss/{name}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    return answer.json()


@pytest.fixture(scope="module")
def cards(client: httpx.Client) -> list[dict[str, Any]]:
    return client.get("/loss").json()


def test_the_worked_examples(client: httpx.Client) -> None:
    given = {"labels": [1, 0, 0], "predictions": [0.5, 0.2, 0.3]}
    assert post(client, "mean_squared_error", **given)["value"] == pytest.approx(0.38 / 3, rel=1e-15)
    assert post(client, "mean_absolute_error", **given, reduction="sum")["value"] == 1.0
    answer = post(client, "cross_entropy", labels=[0], predictions=[[0.5, 0.2, 0.3]], predictions_are="probabilities")
    assert answer["value"] == pytest.approx(math.log(2), rel=1e-15)


def test_every_card_shows_what_the_service_answers(client: httpx.Client, cards: list[dict[str, Any]]) -> None:
    assert {card["name"] for card in cards} == {*LOSSES, "combination"}
    for card in cards:
        answer = client.post(f"/loss/{card['name']}", json=card["example"]["request"])
        assert answer.status_code == 200, answer.text
        assert answer.json() == card["example"]["response"], card["name"]
        assert client.get(f"/loss/{card['name']}").json() == card


def test_a_card_has_what_it_promises(cards: list[dict[str, Any]]) -> None:
    for card in cards:
        assert {"name", "family", "summary", "formula", "inputs", "options", "reductions", "divisor", "hessian_diagonal"} <= card.keys()
        assert {"synonyms", "reference", "example"} <= card.keys()
        for item in card["inputs"]:
            assert {"name", "axes", "kind", "description", "differentiable", "required"} <= item.keys()
        for option in card["options"]:
            assert {"name", "type", "default", "description"} <= option.keys()
            assert option["type"] != "string" or option["choices"]


def test_json_and_binary_answers_agree_bit_for_bit(client: httpx.Client, cards: list[dict[str, Any]]) -> None:
    for card in cards:
        if card["name"] not in LOSSES:
            continue
        request = card["example"]["request"]
        tensors = {k: np.array(v["data"], float).reshape(v["shape"]) for k, v in request.items() if isinstance(v, dict)}
        rest = json.dumps({k: v for k, v in request.items() if k not in tensors})
        body = safetensors.numpy.save(tensors, {"request": rest})
        answer = client.post(f"/loss/{card['name']}", content=body, headers={"content-type": "application/vnd.safetensors"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/vnd.safetensors"
        binary, expected = safetensors.numpy.load(answer.content), card["example"]["response"]
        assert binary["value"].tolist() == expected["value"]
        assert binary["per_sample"].tolist() == expected["per_sample"]
        for name, gradient in expected["gradients"].items():
            np.testing.assert_array_equal(binary[f"gradients.{name}"].ravel(), gradient["data"])
            assert list(binary[f"gradients.{name}"].shape) == gradient["shape"]


def test_accept_chooses_the_encoding_of_the_answer(client: httpx.Client) -> None:
    body = safetensors.numpy.save({"predictions": np.ones(2, np.float32), "labels": np.zeros(2, np.int64)})
    binary = {"content-type": "application/vnd.safetensors"}
    answer = client.post("/loss/huber", content=body, headers=binary | {"accept": "application/json"})
    assert answer.json()["value"] == 0.5
    own = client.post("/loss/huber", content=body, headers=binary)
    assert safetensors.numpy.load(own.content)["gradients.predictions"].dtype == np.float32


def test_tensors_are_answered_in_the_form_they_came_in(client: httpx.Client) -> None:
    nested = post(client, "mean_squared_error", predictions=X, labels=T)
    flat = post(client, "mean_squared_error", predictions={"shape": [2, 3], "data": sum(X, [])}, labels=T)
    assert flat["gradients"]["predictions"] == {"shape": [2, 3], "data": sum(nested["gradients"]["predictions"], [])}
    assert flat["per_sample"] == nested["per_sample"]


def test_the_reductions_and_their_normalizers(client: httpx.Client) -> None:
    squares = (np.array(X) - T) ** 2
    by = {r: post(client, "mean_squared_error", predictions=X, labels=T, reduction=r) for r in ("mean", "sum", "batchmean", "none")}
    assert by["mean"]["value"] == pytest.approx(squares.mean(), rel=1e-15)
    assert by["sum"]["value"] == pytest.approx(squares.sum(), rel=1e-15)
    assert by["batchmean"]["value"] == pytest.approx(squares.sum() / 2, rel=1e-15)
    assert [by[r].get("normalizer") for r in ("mean", "sum", "batchmean", "none")] == [6.0, 1.0, 2.0, None]
    assert "value" not in by["none"]
    np.testing.assert_allclose(by["mean"]["per_sample"], squares.mean(axis=1), rtol=1e-15)
    np.testing.assert_allclose(by["sum"]["per_sample"], squares.sum(axis=1), rtol=1e-15)


def test_sample_weights_weigh_value_divisor_and_gradient(client: httpx.Client) -> None:
    answer = post(client, "mean_squared_error", predictions=[1, 2], labels=[0, 0], sample_weight=[1, 3])
    assert answer["value"] == 13 / 4
    assert answer["normalizer"] == 4
    assert answer["gradients"]["predictions"] == [0.5, 3.0]


def test_a_cotangent_makes_the_call_a_vector_jacobian_product(client: httpx.Client) -> None:
    answer = post(client, "mean_squared_error", predictions=[1, 2], labels=[0, 0], reduction="none", cotangent=[10, -1])
    assert answer["gradients"]["predictions"] == [20.0, -4.0]
    problem = rejected(client, "mean_squared_error", predictions=[1, 2], labels=[0, 0], cotangent=[10, -1])
    assert problem["errors"][0]["pointer"] == "/cotangent"


def test_only_what_is_asked_for_is_answered(client: httpx.Client) -> None:
    answer = post(client, "mean_squared_error", predictions=X, labels=T, outputs=["value"])
    assert set(answer) == {"loss", "reduction", "value", "normalizer"}
    outputs = ["per_element", "hessian_diagonal", "gradients"]
    answer = post(client, "mean_squared_error", predictions=X, labels=T, outputs=outputs, wrt=["labels"])
    assert set(answer) == {"loss", "reduction", "normalizer", *outputs}
    assert set(answer["gradients"]) == {"labels"}
    assert np.shape(answer["per_element"]) == (2, 3)


def test_everything_ignored_is_zero(client: httpx.Client) -> None:
    answer = post(client, "cross_entropy", predictions=[[1.0, 2.0]], labels=[-100])
    assert (answer["value"], answer["normalizer"], answer["gradients"]["predictions"]) == (0.0, 0.0, [[0.0, 0.0]])


def test_shards_merge(client: httpx.Client) -> None:
    rng = np.random.default_rng(0)
    logits, labels, weight = rng.normal(size=(7, 3)), [0, 1, 2, -100, 1, 0, 2], [1.0, 2.0, 0.5]
    whole = post(client, "cross_entropy", predictions=logits.tolist(), labels=labels, weight=weight)
    parts = [post(client, "cross_entropy", predictions=logits[s].tolist(), labels=labels[s], weight=weight) for s in (slice(3), slice(3, 7))]
    total = sum(part["normalizer"] for part in parts)
    assert sum(part["value"] * part["normalizer"] for part in parts) / total == pytest.approx(whole["value"], rel=1e-14)
    merged = np.concatenate([np.array(part["gradients"]["predictions"]) * part["normalizer"] / total for part in parts])
    np.testing.assert_allclose(merged, whole["gradients"]["predictions"], rtol=1e-13)


def test_synonyms_answer_with_the_canonical_name(client: httpx.Client) -> None:
    for synonym in ("mse", "l2", "mae", "l1", "bce", "ce", "MSELoss", "HuberLoss", "smooth-l1"):
        card = client.get(f"/loss/{synonym}").json()
        answer = client.post(f"/loss/{synonym}", json=card["example"]["request"])
        assert answer.json()["loss"] == card["name"]


REJECTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("mean_squared_error", {"predictions": [1.0]}, "/labels"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0], "alpha": 1}, "/alpha"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0, 2.0]}, "/labels"),
    ("mean_squared_error", {"predictions": 1.0, "labels": [1.0]}, "/predictions"),
    ("mean_squared_error", {"predictions": ["1"], "labels": [1.0]}, "/predictions"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0], "reduction": "average"}, "/reduction"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0], "outputs": []}, "/outputs"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0], "wrt": ["nothing"]}, "/wrt/0"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0], "sample_weight": [1.0, 2.0]}, "/sample_weight"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0], "sample_weight": [-1.0]}, "/sample_weight/0"),
    ("mean_squared_error", {"predictions": [1.0], "labels": [1.0], "sample_weight": {"shape": [], "data": [1.0]}}, "/sample_weight"),
    ("cross_entropy", {"predictions": [[1.0, 2.0]], "labels": [2]}, "/labels/0"),
    ("cross_entropy", {"predictions": [[1.0, 2.0]], "labels": [0.5]}, "/labels/0"),
    ("cross_entropy", {"predictions": [[1.0, 2.0]], "labels": [0], "ignore_index": True}, "/ignore_index"),
    ("cross_entropy", {"predictions": [[1.0, 2.0]], "labels": [0], "label_smoothing": 1.5}, "/label_smoothing"),
    ("huber", {"predictions": [1.0], "labels": [1.0], "delta": 0}, "/delta"),
    ("huber", {"predictions": [1.0], "labels": [1.0], "delta": "1"}, "/delta"),
    ("binary_cross_entropy", {"predictions": [1.5], "labels": [1.0]}, "/predictions/0"),
]


@pytest.mark.parametrize(("name", "body", "place"), REJECTIONS)
def test_bad_input_is_rejected_with_its_place(client: httpx.Client, name: str, body: dict[str, Any], place: str) -> None:
    problem = rejected(client, name, **body)
    assert place in [error["pointer"] for error in problem["errors"]]


def test_an_infinite_result_is_a_problem_that_names_the_samples(client: httpx.Client) -> None:
    problem = rejected(client, "binary_cross_entropy", predictions=[0.5, 0.0], labels=[1.0, 1.0], clamp="off")
    assert problem["type"] == "/problems/non-finite"
    assert "samples 1:" in problem["detail"]


def test_every_error_is_a_problem(client: httpx.Client) -> None:
    asked = [
        (client.get("/loss/smoth_l1"), 404, "smooth_l1"),
        (client.post("/loss/smoth_l1", json={}), 404, "smooth_l1"),
        (client.post("/loss/ipo", json={}), 404, "dpo"),
        (client.get("/nothing"), 404, ""),
        (client.delete("/loss/huber"), 405, ""),
        (client.post("/loss/huber", content=b"{", headers={"content-type": "application/json"}), 400, ""),
        (client.post("/loss/huber", content=b"{}", headers={"content-type": "text/plain"}), 415, ""),
        (client.post("/loss/huber", content=b"x" * (64 * 2**20 + 1), headers={"content-type": "application/json"}), 413, ""),
    ]
    for answer, status, guess in asked:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert not guess or guess in answer.json()["did_you_mean"]


def test_a_callers_request_id_is_kept(client: httpx.Client) -> None:
    answer = client.get("/info", headers={"x-request-id": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"
    assert answer.json()["limits"]["max_body_bytes"] == 64 * 2**20
    assert answer.json()["losses"] == len(LOSSES) + 1


def test_numbers_survive(client: httpx.Client) -> None:
    """The gradient of the sum of absolute errors times a cotangent gives the cotangent back, bit for bit."""
    numbers = [5e-324, 1.7976931348623157e308, -0.0, 0.1, 1 / 3, -2.2250738585072014e-308]
    body = {"predictions": [1.0] * len(numbers), "labels": [0.0] * len(numbers), "reduction": "none", "cotangent": numbers}
    back = post(client, "mean_absolute_error", **body)["gradients"]["predictions"]
    assert np.array(back).tobytes() == np.array(numbers).tobytes()
