"""Checks a claimed result against a loss, and identifies the loss that a result is of."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from service.api.estimate import bounded, estimate
from service.api.hints import Claim, Hint, Search, Variant, coarsest, forms, relative_errors
from service.api.request import Call, Tensor, bind, validated
from service.errors import Failure, failure, pointer
from service.losses import LOSSES, Controls, Evaluation, InvalidOption, Loss, LossError
from service.losses.checking import require
from service.losses.declaration import REALS
from service.losses.numerics import Array
from service.settings import Settings

FEW = 3  # claimed numbers: so few can be met by accident, so that the search holds them to more digits
ABSENT: Any = None


def _number(value: Any) -> Any:
    """A number as the tensor of rank 0 that other encodings write."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return np.asarray(value, np.float64)
    raise PydanticCustomError("float_type", "expected a number")


Number = Annotated[Tensor, BeforeValidator(_number), WithJsonSchema({"type": "number", "format": "double"})]


class Claimed(BaseModel):
    """Results to check, by the names that they have in the response of the loss."""

    model_config = ConfigDict(extra="forbid", strict=True)
    value: Annotated[Number, Field(description="the reduced loss")] = ABSENT
    normalizer: Annotated[Number, Field(description="divisor of the sum of losses")] = ABSENT
    per_sample: Annotated[Tensor, Field(description="(n,): the loss of each sample")] = ABSENT
    gradients: dict[str, Tensor] = Field({}, description="d value / d input, by input")
    per_element: Annotated[Tensor, Field(description="the loss of each element")] = ABSENT
    hessian_diagonal: dict[str, Tensor] = Field({}, description="diagonal of the second derivative of value, by input")


class ClaimRequest(BaseModel):
    """Results to compare, and how closely."""

    model_config = ConfigDict(extra="forbid", strict=True)
    claimed: Claimed
    tolerance: float = Field(ABSENT, ge=0, le=1, description="largest relative error that agrees. Default half of the digits of the coarsest dtype.")


class IdentifyRequest(ClaimRequest):
    """The tensors of a request, and what an unknown loss made of them."""

    request: dict[str, Tensor] = Field(min_length=1, max_length=64, description="tensors by the names that losses give them")


class CheckRequest(ClaimRequest):
    """A request of a loss, and what somebody else's implementation made of it."""

    request: dict[str, Any] = Field(description="the body of POST /loss/{name}; its outputs and wrt are ignored")


class Element(BaseModel):
    """One element of an output, claimed and expected."""

    at: list[int] = Field(description="its indices")
    claimed: float
    expected: float


class Comparison(BaseModel):
    """Difference of a claimed output from the loss's own."""

    agrees: bool
    disagreeing: int = Field(0, description="elements whose error is above the tolerance")
    of: int = Field(0, description="elements")
    worst_relative_error: float = Field(0.0, description="|claimed - expected| / max(|expected|, largest |expected| / 1000)")
    first: Element = Field(ABSENT, description="the first element that disagrees")
    worst: Element = Field(ABSENT, description="the element with the largest error")
    claimed_shape: list[int] = Field([], description="where it is not the expected one")
    expected_shape: list[int] = []


class Suggestion(BaseModel):
    """A change of the request under which the claim would agree; simplest first."""

    change: dict[str, Any] = Field(
        description="an option or `reduction`: its value; `factor`: claimed / expected; `divisor`; an input: the change applied to it"
    )
    residual: float = Field(description="the largest relative error that is left")
    outputs: list[str] = Field([], description="the outputs that a factor or divisor applies to, where not to all")


class Extent(BaseModel):
    """The extent of a search."""

    tried: int = Field(description="calls compared with the claim")
    cut: bool = Field(description="true where the search ended at the limit of its work or time")


class CheckResponse(BaseModel):
    """A claim compared with the loss."""

    loss: str
    agrees: bool
    tolerance: float = Field(description="the largest relative error that agreed")
    outputs: dict[str, Comparison] = Field(description="by output: `value`, `gradients.predictions`, ...")
    would_agree_with: list[Suggestion] = []
    search: Extent


class Found(BaseModel):
    """A loss that gives the claimed numbers."""

    loss: str
    options: dict[str, Any] = Field(description="those that are not the default")
    reduction: str
    factor: float = Field(description="claimed / the loss's own, where that is a known constant or arrays confirm it")
    divisor: float = Field(0.0, description="a size of the tensors by which the sum is divided, where it is not the loss's own divisor")
    inputs: dict[str, Any] = Field(description="changes applied to the inputs before")
    residual: float = Field(description="the largest relative error that is left")


class IdentifyResponse(Extent):
    """The losses that give the claimed numbers, simplest first."""

    found: list[Found]


MODELS = (CheckRequest, CheckResponse, IdentifyRequest, IdentifyResponse)


@contextmanager
def _placed(*steps: str) -> Iterator[None]:
    """Put the place of an error below `steps`."""
    try:
        yield
    except Exception as exc:
        problem = failure(exc, steps)
        if problem is None:
            raise
        raise problem from exc


def check(loss: Loss, fields: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Compare a claimed result with the loss's own, and find explanations of a difference.

    Each claimed output: how many elements disagree, the first and the worst with both numbers. `would_agree_with` names another
    reduction, another value of one or two options, a constant factor or divisor, or a change applied to an input: labels one off (`+1`, `-1`),
    `inverted`, `one_hot`, two inputs `swapped`, an optional one `left_out`; predictions under `softmax`, `sigmoid`, `log`, `exp` or `logit`
    before. An element's error is relative to the larger of its size and a thousandth of its tensor's largest element.
    """
    body = validated(CheckRequest, fields)
    claimed = _claim(body.claimed)
    with _placed("request"):
        bound = bind(loss, body.request)
        bounded(loss.name, estimate(bound), settings)
        call = Variant(loss, bound.tensors, bound.options, bound.controls)
        evaluation = loss(**bound.tensors, **bound.options)
    eps = coarsest([*bound.tensors.values(), *claimed.values()])
    tolerance = max(loss.bound.value, loss.bound.gradient, math.sqrt(eps) if body.tolerance is None else body.tolerance)
    with _placed("request"):
        outputs = compare(call, evaluation, claimed, tolerance)
    search = _search(body, claimed, eps, settings)
    agrees = all(output["agrees"] for output in outputs.values())
    alike = not any("claimed_shape" in output for output in outputs.values())
    hints = search.run([call]) if alike and not agrees else []
    return {
        "loss": loss.name,
        "agrees": agrees,
        "tolerance": tolerance,
        "outputs": outputs,
        "would_agree_with": [_change(hint) for hint in hints],
        "search": {"tried": search.tried, "cut": search.cut},
    }


def _change(hint: Hint) -> dict[str, Any]:
    return {"change": dict(hint.change), "residual": hint.residual, **({"outputs": list(hint.only)} if hint.only else {})}


def identify(fields: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Name the losses that give the claimed numbers.

    Tries every loss that takes the given tensors, with its default options, then another value of one option or one input changed as in
    /check, then of two options; every reduction, and constant factors. Simplest first.
    """
    body = validated(IdentifyRequest, fields)
    claimed, tensors = _claim(body.claimed), dict[str, Any](body.request)
    controls = Controls(sample_weight=tensors.pop("sample_weight", None))
    search = _search(body, claimed, coarsest([*tensors.values(), *claimed.values()]), settings)
    starts = []
    for loss in LOSSES.values():
        if {item.name for item in loss.inputs if item.required} <= tensors.keys() <= {item.name for item in loss.inputs}:
            call = Call(loss, tensors, {option.name: option.default for option in loss.options}, controls)
            try:
                bounded(loss.name, estimate(call), settings)
                forms(loss, tensors)
                starts.append(Variant(loss, tensors, call.options, controls))
            except LossError:
                continue  # shapes that do not fit
            except Failure:
                search.cut = True
    hints = search.run(starts)
    return {"found": [_found(hint) for hint in hints], "tried": search.tried, "cut": search.cut}


def _search(body: ClaimRequest, claimed: Claim, eps: float, settings: Settings) -> Search:
    """Return a search that begins now. Few numbers are met by accident, and so held to three quarters of the digits of their type."""
    few = sum(array.size for array in claimed.values()) <= FEW
    tolerance = body.tolerance if body.tolerance is not None else eps**0.75 if few else math.sqrt(eps)
    return Search(claimed, tolerance, settings.search_elements, time.perf_counter() + settings.search_seconds)


def _found(hint: Hint) -> dict[str, Any]:
    names = {option.name for option in hint.loss.options}
    options = {name: value for name, value in hint.change.items() if name in names}
    inputs = {name: value for name, value in hint.change.items() if name not in names.union(("reduction", "factor", "divisor"))}
    scale = {"factor": 1.0, **{name: hint.change[name] for name in ("factor", "divisor") if name in hint.change}}
    return {
        "loss": hint.loss.name,
        "options": options,
        "reduction": hint.reduction,
        **scale,
        "inputs": inputs,
        "residual": hint.residual,
    }


def _claim(claimed: Claimed) -> dict[str, Array]:
    """Return the claimed arrays by output, small ones first. Raises for none at all, and for NaN and infinity."""
    found: dict[str, Any] = {}
    for output, claim in claimed:
        found |= {f"{output}.{name}": array for name, array in claim.items()} if isinstance(claim, dict) else {} if claim is None else {output: claim}
    if not found:
        problem = "no output; expected value, per_sample, gradients, ..."
        raise Failure("invalid-request", f"/claimed: {problem}", [("/claimed", problem)])
    for key, claim in found.items():
        output, _, name = key.partition(".")
        with _placed("claimed", *([output] if name else [])):
            require(name or output, array := np.asarray(claim), REALS)
        found[key] = array
    return found


def report(claimed: Array, expected: Array, tolerance: float, scale: float) -> dict[str, Any]:
    """Describe how a claimed output differs: how many elements, and the first and the worst with both numbers."""
    count, first, worst, largest, start = 0, -1, -1, -1.0, 0
    for error in relative_errors(claimed, expected, scale):
        wrong = error > tolerance
        if block := int(np.count_nonzero(wrong)):
            first = start + int(wrong.argmax()) if count == 0 else first
            count += block
        if (top := float(error.max())) > largest:
            worst, largest = start + int(error.argmax()), top
        start += error.size

    def element(flat: int) -> dict[str, Any]:
        at = [int(index) for index in np.unravel_index(flat, expected.shape)]
        return {"at": at, "claimed": float(claimed.flat[flat]), "expected": float(expected.flat[flat])}

    found: dict[str, Any] = {"agrees": not count, "disagreeing": count, "of": expected.size}
    if worst >= 0:
        found |= {"worst_relative_error": largest, "worst": element(worst)}
    return {**found, "first": element(first)} if count else found


def compare(call: Variant, evaluation: Evaluation, claimed: Claim, tolerance: float) -> dict[str, dict[str, Any]]:
    """Report on each claimed output. Raises a Failure for one that the request does not have."""
    found = {}
    reduction = call.controls.reduction
    for key, claim in claimed.items():
        try:
            expected, _ = call.outputs(key, evaluation, reduction)
        except InvalidOption as exc:
            if exc.pointer not in (("outputs",), ("wrt",)):
                raise
            place, problem = pointer(("claimed", *key.split(".", 1))), f"not an output of this request; {exc}"
            raise Failure("invalid-request", f"{place}: {problem}", [(place, problem)]) from exc
        if claim.shape != expected.shape:
            found[key] = {"agrees": False, "claimed_shape": list(claim.shape), "expected_shape": list(expected.shape)}
        else:
            found[key] = report(claim, expected, tolerance, call.scale(key, evaluation, reduction))
    return found
