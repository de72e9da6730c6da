"""A weighted sum of several losses in one call: a sum of values, and of gradients scaled by the weights.

With `uncertainty` the factor of a term is weight * e^-s, s being the logarithm of the term's variance. It is kept in parts, since it may
be out of range where its product with a value or a gradient is not.
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
from service.losses import Answer, InvalidOption, InvalidTensor, NonFinite, compute
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
    factors = [_factors(term.weight, log_variance) for term, log_variance in zip(request.terms, s, strict=True)]
    terms = [_term(term, factors[i], ("terms", i), max_pairs // len(factors)) for i, term in enumerate(request.terms)]
    with np.errstate(over="ignore"):
        losses = np.array([np.ldexp(*_product(term["value"], *factors[i])) for i, term in enumerate(terms)])
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


def _factors(weight: float, log_variance: float) -> tuple[float, ...]:
    """Numbers whose product is weight * e^-log_variance. Beyond e^2800 no float makes the product finite but 0."""
    return (weight, *[math.exp(max(-700.0, min(-log_variance / 4, 700.0)))] * 4)


def _product(*numbers: float) -> tuple[float, int]:
    """The product as a mantissa and an exponent of 2, whose range has no end."""
    mantissas, exponents = np.frexp(numbers)
    return float(mantissas.prod()), int(exponents.sum())


def _term(term: TermRequest, factors: tuple[float, ...], place: tuple[str | int, ...], max_pairs: float) -> dict[str, Any]:
    mantissa, exponent = _product(*factors)
    within = max(-1000, min(exponent, 1000))
    try:
        call = bind(find(term.loss), term.inputs, max_pairs)
        if call.controls.reduction == "none":
            raise Failure("invalid-request", f"/{place[0]}/{place[1]}/inputs/reduction: no value; expected mean, sum or batchmean, got none")
        controls = replace(call.controls, outputs=(*call.controls.outputs, "value"))  # the sum needs it
        answer = compute(call.loss, call.tensors, call.options, controls, scale=math.ldexp(mantissa, within))
        _shift(answer, exponent - within)
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


def _shift(answer: Answer, exponent: int) -> None:
    """Multiply the derivatives by 2^exponent, the part of a factor that no float holds."""
    for name in ("gradients", "hessian_diagonal"):
        for key, array in (getattr(answer, name) or {}).items() if exponent else ():
            with np.errstate(over="ignore"):
                shifted = np.ldexp(array.astype(np.float64), exponent).astype(array.dtype)
            if not np.isfinite(shifted).all():
                raise NonFinite(f"{name}.{key}")
            getattr(answer, name)[key] = shifted
