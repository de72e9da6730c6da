"""A weighted sum of several losses in one call: a sum of values, and of gradients scaled by the weights.

With `uncertainty` the factor of a term is weight * e^-s, s being the logarithm of the term's variance.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.api import response
from service.api.conditioning import numerics
from service.api.names import find
from service.api.request import Tensor, bind
from service.errors import Failure, failure
from service.losses import InvalidOption, InvalidTensor, NonFinite, compute
from service.losses.checking import require
from service.losses.declaration import REALS
from service.losses.numerics import Array

NAME = "combination"
SYNONYMS = ("weighted_sum", "multi_task", "uncertainty_weighted")
ABSENT: Any = None
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
    weighting: Literal["fixed", "uncertainty"] = Field(
        "fixed",
        description="fixed: sum of weight * value. uncertainty: sum of weight * e^-s * value + s / 2, s being the log_variances. Default fixed.",
    )
    log_variances: Tensor = Field(ABSENT, description="(terms,): s = log sigma^2 of each term, with uncertainty only")


def combine(fields: dict[str, Any], max_terms: int, max_pairs: float = math.inf) -> dict[str, Any]:
    """The answer's fields. An error names the term."""
    if isinstance(fields.get("terms"), list) and len(fields["terms"]) > max_terms:
        raise Failure("invalid-request", f"/terms: too many; expected at most {max_terms}, got {len(fields['terms'])}", [("/terms", "too many")])
    request = CombinationRequest.model_validate(fields)
    s = _log_variances(request)
    with np.errstate(over="ignore", invalid="ignore"):
        factors = np.array([term.weight for term in request.terms]) * np.exp(-s)
    if not np.isfinite(factors).all():
        i = int(np.flatnonzero(~np.isfinite(factors))[0])
        raise InvalidOption("log_variances", f"put the factor weight * e^-s of term {i} out of range; expected a finite factor")
    terms = [
        _term(term, float(factor), ("terms", i), max_pairs // len(s)) for i, (term, factor) in enumerate(zip(request.terms, factors, strict=True))
    ]
    with np.errstate(over="ignore", invalid="ignore"):
        losses = np.array([term["value"] for term in terms]) * factors
        value = float((losses + s / 2).sum())
    if not np.isfinite(value):
        raise NonFinite("value")
    gradients = {} if request.log_variances is None else {"gradients": {"log_variances": _typed(0.5 - losses, request.log_variances)}}
    return {"loss": NAME, "value": value, **gradients, "terms": terms}


def _log_variances(request: CombinationRequest) -> Array:
    """One log variance for each term; 0 leaves a weight as it is."""
    given: Any = request.log_variances
    if (given is not None) != (request.weighting == "uncertainty"):
        raise InvalidOption("log_variances", 'missing or not allowed; expected with weighting "uncertainty" only')
    if given is None:
        return np.zeros(len(request.terms))
    if given.shape != (len(request.terms),):
        raise InvalidTensor("log_variances", f"wrong shape; expected ({len(request.terms)},), one number for each term, got shape {given.shape}")
    s: Array = given.astype(np.float64)
    require("log_variances", s, REALS)
    return s


def _typed(gradient: Array, like: Any) -> Array:
    """A gradient in the type of its input, if that is a float and has the range."""
    with np.errstate(over="ignore"):
        typed = gradient if like.dtype.kind in "iub" else gradient.astype(like.dtype)
    if not np.isfinite(typed).all():
        raise NonFinite("gradients.log_variances")
    return typed


def _term(term: TermRequest, factor: float, place: tuple[str | int, ...], max_pairs: float) -> dict[str, Any]:
    try:
        call = bind(find(term.loss), term.inputs, max_pairs)
        if call.controls.reduction == "none":
            raise Failure("invalid-request", f"/{place[0]}/{place[1]}/inputs/reduction: no value; expected mean, sum or batchmean, got none")
        controls = replace(call.controls, outputs=(*call.controls.outputs, "value"))  # the sum needs it
        answer = compute(call.loss, call.tensors, call.options, controls, scale=factor)
    except Exception as exc:
        inside = (*place, "loss") if isinstance(exc, Failure) and exc.kind == "unknown-loss" else (*place, "inputs")
        placed = failure(exc, inside)
        if placed is None:
            raise
        raise placed from exc
    found = response.fields(answer)
    if "numerics" in call.controls.outputs:
        found["numerics"] = numerics(call)
    return {"name": term.name or found["loss"], "loss": found.pop("loss"), "weight": term.weight, **found}
