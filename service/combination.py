"""A weighted sum of several losses in one call: a sum of values, and of gradients scaled by the weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service import response
from service.errors import Failure, failure
from service.losses import NonFinite, compute
from service.names import find
from service.request import bind

NAME = "combination"
EXAMPLE: dict[str, list[dict[str, Any]]] = {
    "terms": [
        {"name": "class", "loss": "cross_entropy", "weight": 1.0, "inputs": {"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 2]}},
        {"name": "box", "loss": "smooth_l1", "weight": 2.0, "inputs": {"predictions": [0.5, 0.2], "labels": [1.0, 0.0]}},
    ]
}


class TermRequest(BaseModel):
    """One term: a loss, its weight in the sum, and the body that the loss takes by itself."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field("", max_length=200, description="what the answer calls the term. Default the loss's name.")
    loss: str = Field(description="name of the loss", max_length=200)
    weight: float = Field(1.0, description="factor of the term's value. Default 1.")
    inputs: dict[str, Any] = Field(description="exactly the body of POST /loss/{loss}")


class CombinationRequest(BaseModel):
    """A weighted sum of losses."""

    model_config = ConfigDict(extra="forbid", strict=True)
    terms: Annotated[list[TermRequest], BeforeValidator(lambda value: value.tolist() if isinstance(value, np.ndarray) else value)] = Field(
        min_length=1, description="the terms of the sum"
    )


def combine(fields: dict[str, Any], max_terms: int, max_pairs: float = math.inf) -> dict[str, Any]:
    """The answer's fields. An error names the term."""
    if isinstance(fields.get("terms"), list) and len(fields["terms"]) > max_terms:
        raise Failure("invalid-request", f"/terms: has {len(fields['terms'])} terms; at most {max_terms} are allowed", [("/terms", "too many")])
    request = CombinationRequest.model_validate(fields)
    terms = [_term(term, ("terms", i), max_pairs // len(request.terms)) for i, term in enumerate(request.terms)]
    value = sum(term["weight"] * term["value"] for term in terms)
    if not np.isfinite(value):
        raise NonFinite("value")
    return {"loss": NAME, "value": value, "terms": terms}


def _term(term: TermRequest, place: tuple[str | int, ...], max_pairs: float) -> dict[str, Any]:
    try:
        call = bind(find(term.loss), term.inputs, max_pairs)
        if call.controls.reduction == "none":
            raise Failure("invalid-request", f'/{place[0]}/{place[1]}/inputs/reduction: a term needs a value; "none" has none')
        controls = replace(call.controls, outputs=(*call.controls.outputs, "value"))  # the sum needs it
        answer = compute(call.loss, call.tensors, call.options, controls, scale=term.weight)
    except Exception as exc:
        inside = (*place, "loss") if isinstance(exc, Failure) and exc.kind == "unknown-loss" else (*place, "inputs")
        placed = failure(exc, inside)
        if placed is None:
            raise
        raise placed from exc
    found = response.fields(answer)
    return {"name": term.name or found["loss"], "loss": found.pop("loss"), "weight": term.weight, **found}
