"""A weighted sum of several losses in one call: a sum of values, and of gradients scaled by the weights.

With `uncertainty` the factor of a term is weight * e^-s, s being the logarithm of the term's variance. The value of a term with the
reduction none is the sum of its losses times its cotangent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.api import response
from service.api.conditioning import numerics
from service.api.estimate import Prepared, estimate, sequence
from service.api.names import find
from service.api.request import Call, Tensor, bind, validated
from service.errors import Failure, failure
from service.losses import InvalidOption, InvalidTensor, NonFinite, compute
from service.losses.checking import require
from service.losses.declaration import REALS
from service.losses.numerics import Array
from service.losses.reduction import DEFAULT_OUTPUTS

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
    name: str = Field("", max_length=200, description="name of the term in the response. Default the loss's name.")
    loss: str = Field(description="name of the loss", max_length=200)
    weight: float = Field(1.0, description="factor of the term's value. Default 1.")
    inputs: dict[str, Any] = Field(
        description="exactly the body of POST /loss/{loss}; with reduction none, the value is the sum of the losses times the cotangent (1 by default)"
    )


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


def prepare(fields: dict[str, Any], max_terms: int) -> Prepared:
    """Check the terms and estimate their work together. An error names the term."""
    if isinstance(fields.get("terms"), list) and len(fields["terms"]) > max_terms:
        raise Failure("invalid-request", f"/terms: too many; expected at most {max_terms}, got {len(fields['terms'])}", [("/terms", "too many")])
    request = validated(CombinationRequest, fields)
    s, calls, estimates = _log_variances(request), [], []
    for i, term in enumerate(request.terms):
        with _placed(i):
            calls.append(_call(term))
            estimates.append(estimate(calls[-1]))
    return Prepared(sequence(estimates), lambda: _combine(request, calls, s))


def _combine(request: CombinationRequest, calls: list[Call], s: Array) -> dict[str, Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        factors = np.array([term.weight for term in request.terms]) * np.exp(-s)
    if not np.isfinite(factors).all():
        i = int(np.flatnonzero(~np.isfinite(factors))[0])
        raise InvalidOption("log_variances", f"put the factor weight * e^-s of term {i} out of range; expected a finite factor")
    terms = []
    for i, (term, call) in enumerate(zip(request.terms, calls, strict=True)):
        with _placed(i):
            terms.append(_term(term, call, float(factors[i])))
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


@contextmanager
def _placed(i: int) -> Iterator[None]:
    """Name the term in whatever problem arises in the block."""
    try:
        yield
    except Exception as exc:
        name = "loss" if isinstance(exc, Failure) and exc.kind == "unknown-loss" else "inputs"
        placed = failure(exc, ("terms", i, name))
        if placed is None:
            raise
        raise placed from exc


def _call(term: TermRequest) -> Call:
    call = bind(find(term.loss), term.inputs)
    needed = _weighted(call) if call.controls.reduction == "none" else "value"
    return replace(call, controls=replace(call.controls, outputs=(*call.controls.outputs, needed)))  # for the sum


def _weighted(call: Call) -> Literal["per_sample", "per_element"]:
    """Return the losses that a term without a reduction multiplies by its cotangent."""
    cotangent = call.controls.cotangent
    return "per_sample" if cotangent is None or cotangent.ndim == 1 else "per_element"


def _contribution(call: Call, losses: Array) -> float:
    """Return the value of a term without a reduction: the sum of the cotangent, 1 by default, times the losses."""
    value = float((losses if call.controls.cotangent is None else call.controls.cotangent * losses).sum(dtype=np.float64))
    if not np.isfinite(value):
        raise NonFinite("value")
    return value


def _term(term: TermRequest, call: Call, factor: float) -> dict[str, Any]:
    found = response.fields(compute(call.loss, call.tensors, call.options, call.controls, scale=factor))
    if call.controls.reduction == "none":
        losses = _weighted(call)
        found["value"] = _contribution(call, found[losses])
        if losses not in term.inputs.get("outputs", DEFAULT_OUTPUTS):
            del found[losses]
    if "numerics" in call.controls.outputs:
        found["numerics"] = numerics(call)
    return {"name": term.name or found["loss"], "loss": found.pop("loss"), "weight": term.weight, **found}
