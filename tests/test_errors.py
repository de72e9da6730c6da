"""All messages have one grammar, `<field>: <problem>; expected <X>, got <Y>`, whoever found the error."""

from __future__ import annotations

import re
from typing import Any, get_args

import httpx
import pytest
from pydantic_core.core_schema import ErrorType

from service.errors import KNOWN

PYDANTIC = re.compile("Input should be|Extra inputs|Field required|List should have|String should have|Unable to")
GOOD: dict[str, Any] = {"predictions": [[1.0, 2.0]], "labels": [0]}
REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"labels": [0]}, "/predictions: missing; expected a value"),
    "unknown": (GOOD | {"lables": [0]}, "/lables: unknown field; did you mean labels?"),
    "unlike any": (GOOD | {"temperature": 1}, "/temperature: unknown field"),
    "misspelled": ({"predictionz": [[1.0, 2.0]], "labels": [0]}, "/predictionz: unknown field; did you mean predictions?"),
    "option": (GOOD | {"label_smothing": 0.1}, "/label_smothing: unknown field; did you mean label_smoothing?"),
    "field": (GOOD | {"reducton": "sum"}, "/reducton: unknown field; did you mean reduction?"),
    "choice": (GOOD | {"reduction": "max"}, "/reduction: not a choice; expected 'mean', 'sum', 'none' or 'batchmean', got 'max'"),
    "above": (GOOD | {"label_smoothing": 2}, "/label_smoothing: out of range; expected at most 1, got 2"),
    "below": (GOOD | {"label_smoothing": -0.5}, "/label_smoothing: out of range; expected at least 0, got -0.5"),
    "type": (GOOD | {"label_smoothing": "much"}, "/label_smoothing: wrong type; expected a number, got a string"),
    "integer": (GOOD | {"ignore_index": 1.5}, "/ignore_index: wrong type; expected an integer, got 1.5"),
    "tensor": (GOOD | {"predictions": "x"}, "/predictions: not a tensor; expected {shape, data}, a nested array of numbers, or "),
    "empty": (GOOD | {"outputs": []}, "/outputs: too short; expected at least 1, got 0"),
    "element": (GOOD | {"labels": [5]}, "labels[0]: out of range; expected a class index in [0, 2) or ignore_index (-100), got 5"),
    "rank": (GOOD | {"predictions": [1.0]}, "predictions: wrong rank; expected (n, c, ...), got shape (1,)"),
    "axis": (GOOD | {"labels": [0, 1]}, "labels: wrong shape (n, ...); expected n = 1, got shape (2,)"),
    "control": (GOOD | {"cotangent": [1.0]}, 'cotangent: not allowed; expected reduction "none", got mean'),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_message_names_field_problem_expected_and_got(name: str, client: httpx.Client) -> None:
    body, expected = REQUESTS[name]
    response = client.post("/loss/cross_entropy", json=body)
    assert response.status_code == 422
    assert response.json()["detail"].startswith(expected)
    assert not PYDANTIC.search(response.text)


def test_every_message_is_about_an_error_that_pydantic_has() -> None:
    assert set(get_args(ErrorType)) | {"tensor", "misspelled"} >= KNOWN.keys()
