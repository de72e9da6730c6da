"""POST /loss/combination: a weighted sum with weights that are given, or learned as log variances."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy
from mpmath import mp

from service.codec import SAFETENSORS

ONE = {"predictions": [[0.5, 0.2, 0.3], [1.0, -2.0, 0.0]], "labels": [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]}
TERMS: list[dict[str, Any]] = [{"name": "a", "loss": "mse", "weight": 0.5, "inputs": ONE}, {"loss": "l1", "weight": 3.0, "inputs": ONE}]
S = [0.3, -1.25]


def combined(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/loss/combination", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def exponential(score: float, weight: float, log_variance: float) -> dict[str, Any]:
    """A call with one term, whose value is e^-score, and whose gradient is its negative."""
    term = {"loss": "exponential", "weight": weight, "inputs": {"predictions": [score], "labels": [1.0]}}
    return {"terms": [term], "weighting": "uncertainty", "log_variances": [log_variance]}


def test_a_combination_is_a_weighted_sum(client: httpx.Client) -> None:
    answer = combined(client, terms=TERMS)
    singles = [client.post(f"/loss/{term['loss']}", json=ONE).json() for term in TERMS]
    assert answer["value"] == pytest.approx(0.5 * singles[0]["value"] + 3 * singles[1]["value"], rel=1e-15)
    assert [term["name"] for term in answer["terms"]] == ["a", "mean_absolute_error"]
    assert "gradients" not in answer
    assert combined(client, terms=TERMS, weighting="fixed") == answer
    for term, single, weight in zip(answer["terms"], singles, (0.5, 3.0), strict=True):
        assert term["value"] == single["value"]
        np.testing.assert_allclose(term["gradients"]["predictions"], weight * np.array(single["gradients"]["predictions"]), rtol=1e-15)


def test_uncertainty_divides_by_variances_and_has_their_gradients(client: httpx.Client) -> None:
    fixed, answer = combined(client, terms=TERMS), combined(client, terms=TERMS, weighting="uncertainty", log_variances=S)
    values = [term["weight"] * term["value"] for term in fixed["terms"]]
    expected = [value * np.exp(-s) for value, s in zip(values, S, strict=True)]
    assert answer["value"] == pytest.approx(sum(expected) + sum(S) / 2, rel=1e-15)
    np.testing.assert_allclose(answer["gradients"]["log_variances"], 0.5 - np.array(expected), rtol=1e-15)
    for term, other, s in zip(answer["terms"], fixed["terms"], S, strict=True):
        assert term["value"] == other["value"], "a term's value is its own"
        np.testing.assert_allclose(term["gradients"]["predictions"], np.exp(-s) * np.array(other["gradients"]["predictions"]), rtol=1e-14)


def test_the_gradients_are_those_of_the_value(client: httpx.Client) -> None:
    def value(s: list[float], shift: float = 0.0) -> float:
        moved = ONE | {"predictions": [[row[0] + shift, *row[1:]] for row in ONE["predictions"]]}
        return combined(client, terms=[term | {"inputs": moved} for term in TERMS], weighting="uncertainty", log_variances=s)["value"]

    answer, step = combined(client, terms=TERMS, weighting="uncertainty", log_variances=S), 1e-5
    for i in range(2):
        ends = [value([s + sign * step * (i == j) for j, s in enumerate(S)]) for sign in (1, -1)]
        assert answer["gradients"]["log_variances"][i] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-8)
    ends = [value(S, sign * step) for sign in (1, -1)]
    slope = sum(np.array(term["gradients"]["predictions"])[:, 0].sum() for term in answer["terms"])
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-8)


@pytest.mark.parametrize(("score", "weight", "s"), [(0.0, 1.0, 1e5), (1.0, 0.5, 1e-17), (2.0, -1.0, 650.0), (3.0, 0.0, -1.0), (600.0, 1.0, -690.0)])
def test_a_term_counts_weight_times_e_to_the_minus_s(client: httpx.Client, score: float, weight: float, s: float) -> None:
    answer = combined(client, **exponential(score, weight, s))
    with mp.workdps(50):
        loss = weight * mp.exp(-mp.mpf(s)) * mp.exp(-mp.mpf(score))
        assert answer["value"] == pytest.approx(float(loss + mp.mpf(s) / 2), rel=1e-14, abs=1e-307)
        assert answer["gradients"]["log_variances"][0] == pytest.approx(float(0.5 - loss), rel=1e-14, abs=1e-307)
        assert answer["terms"][0]["gradients"]["predictions"][0] == pytest.approx(float(-loss), rel=1e-14, abs=1e-307)


@pytest.mark.parametrize(("weight", "s"), [(1.0, -1000.0), (0.0, -1e300), (1e300, -100.0)])
def test_a_factor_out_of_range_is_a_422_that_names_the_log_variances(client: httpx.Client, weight: float, s: float) -> None:
    response = client.post("/loss/combination", json=exponential(700.0, weight, s))
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/log_variances"


def test_what_is_out_of_range_is_named(client: httpx.Client) -> None:
    for body in (exponential(-700.0, 1.0, -100.0), exponential(-690.0, 1e300, 0.0)):
        problem = client.post("/loss/combination", json=body).json()
        assert problem["type"] == "/problems/non-finite"


def test_binary_answers_agree_bit_for_bit_and_have_the_types_of_the_inputs(client: httpx.Client) -> None:
    expected = combined(client, terms=TERMS, weighting="uncertainty", log_variances=S)
    for dtype in (np.float64, np.float32):
        tensors = {f"terms.{i}.inputs.{name}": np.array(array, dtype) for i in range(2) for name, array in ONE.items()} | {
            "log_variances": np.array(S, dtype)
        }
        rest = {"terms": [{**term, "inputs": {}} for term in TERMS], "weighting": "uncertainty"}
        body = safetensors.numpy.save(tensors, {"request": json.dumps(rest)})
        answer = client.post("/loss/combination", content=body, headers={"content-type": SAFETENSORS.media_type})
        assert answer.status_code == 200, answer.text
        found = safetensors.numpy.load(answer.content)
        assert found["gradients.log_variances"].dtype == dtype
        if dtype == np.float64:
            assert found["value"] == expected["value"]
            assert found["gradients.log_variances"].tolist() == expected["gradients"]["log_variances"]
            assert found["terms.1.gradients.predictions"].tolist() == expected["terms"][1]["gradients"]["predictions"]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"weighting": "uncertainty"}, "/log_variances"),
        ({"log_variances": [0.0, 0.0]}, "/log_variances"),
        ({"weighting": "uncertainty", "log_variances": [0.0]}, "/log_variances"),
        ({"weighting": "uncertainty", "log_variances": [[0.0, 0.0]]}, "/log_variances"),
        ({"weighting": "uncertainty", "log_variances": 0.0}, "/log_variances"),
        ({"weighting": "learned"}, "/weighting"),
        ({"terms": [TERMS[0], TERMS[1] | {"inputs": {"predictions": [1.0, 2.0], "labels": [1.0]}}]}, "/terms/1/inputs/labels"),
        ({"terms": [TERMS[0] | {"loss": "nothing"}]}, "/terms/0/loss"),
    ],
)
def test_rejections_name_the_place(client: httpx.Client, fields: dict[str, Any], place: str) -> None:
    answer = client.post("/loss/combination", json={"terms": TERMS} | fields)
    assert answer.status_code in (404, 422)
    problem = answer.json()
    assert [error["pointer"] for error in problem.get("errors", [])] in ([place], []), problem
    assert problem.get("errors") or place == "/terms/0/loss"


@pytest.mark.parametrize("cotangent", [None, [2.0, -1.0], [[1.0, 0.5, 0.0], [0.0, -2.0, 3.0]]])
def test_a_term_without_a_reduction_is_its_losses_times_its_cotangent(client: httpx.Client, cotangent: Any) -> None:
    inputs = (
        ONE | {"reduction": "none", "outputs": ["per_sample", "per_element", "gradients"]} | ({} if cotangent is None else {"cotangent": cotangent})
    )
    single = client.post("/loss/mse", json=inputs).json()
    losses = np.array(single["per_element"] if np.ndim(cotangent) == 2 else single["per_sample"])
    expected = float((losses if cotangent is None else losses * cotangent).sum())
    answer = combined(client, terms=[{"loss": "mse", "weight": 2.0, "inputs": inputs}, TERMS[1]])
    term = answer["terms"][0]
    assert term["value"] == pytest.approx(expected, rel=1e-14)
    assert answer["value"] == pytest.approx(2 * expected + 3 * answer["terms"][1]["value"], rel=1e-14)
    np.testing.assert_allclose(term["gradients"]["predictions"], 2 * np.array(single["gradients"]["predictions"]), rtol=1e-15)
    assert "normalizer" not in term
    bare = combined(client, terms=[{"loss": "mse", "inputs": inputs | {"outputs": ["gradients"]}}])["terms"][0]
    assert bare.keys() == {"name", "loss", "weight", "reduction", "value", "gradients"}
