"""From an Evaluation to a Result: the only module that handles reductions, sample weights and cotangents.

With numerator u[i], weight w[i] and sample weights s[i] (1 by default):

    reduction   per_sample   value                 normalizer     cotangent of the pullback
    mean        u / w        sum(s u) / sum(s w)   sum(s w)       s / normalizer
    sum         u            sum(s u)              1              s
    batchmean   u / w        sum(s u) / n          n              s / n
    none        u / k        -                     -              cotangent / k

k[i] is the number of elements of a sample that are not ignored; without class or element weights it is w. u / w is 0 where w is 0,
and value and gradients are 0 if the normalizer is 0. A loss with a mean over samples (CTC) uses u / w in place of u and 1 in place of w
for `mean`. Sample weights of the shape of the elements multiply the terms of u and w. A cotangent of that shape replaces cotangent / k.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.losses.checking import check, require
from service.losses.declaration import REALS, Domain, Reduction
from service.losses.errors import InvalidOption, InvalidTensor, NonFinite
from service.losses.evaluation import Evaluation, Placed, Pullback, placed
from service.losses.numerics import Array
from service.losses.numerics.elementary import EQUAL, divide_or_zero, per_sample_sum, surely_finite
from service.losses.registry import Loss

Output = Literal["value", "per_sample", "gradients", "per_element", "hessian_diagonal"]
DEFAULT_OUTPUTS: tuple[Output, ...] = ("value", "per_sample", "gradients")
WEIGHTS = Domain(low=0)
QUIET = Context()  # where NumPy does not warn: infinities are detected in the results, where the samples are known
QUIET.run(np.seterr, all="ignore")  # once: np.errstate makes an object and runs three functions, a microsecond of each call
NAMED_SAMPLES = 10  # number of non-finite samples that an error names


@dataclass(frozen=True)
class Controls:
    """Controls of a request, the same for all losses."""

    reduction: Reduction = "mean"
    sample_weight: Array | None = None
    cotangent: Array | None = None
    outputs: tuple[Output, ...] = DEFAULT_OUTPUTS
    wrt: tuple[str, ...] | None = None


@dataclass
class Result:
    """Result of a call; outputs not requested are None or empty."""

    loss: str
    reduction: str
    value: float | None = None
    normalizer: float | None = None
    per_sample: NDArray[np.float64] | None = None
    gradients: dict[str, Array] | None = None
    per_element: Array | None = None
    hessian_diagonal: dict[str, Array] | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)


def compute(loss: Loss, tensors: Mapping[str, Array], options: Mapping[str, Any], controls: Controls = Controls(), scale: float = 1.0) -> Result:
    """Check, evaluate and reduce one call. `scale` multiplies the gradients (the weight of a term in a combination)."""
    return QUIET.copy().run(_compute, loss, tensors, {**loss.defaults, **options}, controls, scale)


def _compute(loss: Loss, tensors: Mapping[str, Array], options: Mapping[str, Any], controls: Controls, scale: float) -> Result:
    evaluation = loss.function(**check(loss.inputs, tensors, options), **options)
    return reduce(loss, evaluation, controls, tensors, scale)


def reduce(loss: Loss, evaluation: Evaluation, controls: Controls, tensors: Mapping[str, Array], scale: float = 1.0) -> Result:
    """Build the result of one call; gradients have the type of their inputs in `tensors`."""
    if controls.reduction not in loss.reductions:
        raise InvalidOption("reduction", f"not available for {loss.name}; expected one of {', '.join(loss.reductions)}, got {controls.reduction}")
    weights = None if controls.sample_weight is None else _control("sample_weight", controls.sample_weight, loss, evaluation, WEIGHTS)
    cotangent = None if controls.cotangent is None else _cotangent(controls.cotangent, controls, loss, evaluation)
    result = Result(loss.name, controls.reduction, state=evaluation.state)
    total = float(np.add.reduce(evaluation.numerator))
    returned = "per_sample" in controls.outputs
    if returned or not isfinite(total):  # a non-finite sample may not show in the value
        per_sample = _per_sample(evaluation, controls.reduction, isfinite(total))
        result.per_sample = per_sample if returned else None
    if "per_element" in controls.outputs:
        result.per_element = _elements(loss, evaluation)
    if controls.reduction != "none":
        if weights is not None and weights.ndim > 1:
            evaluation, weights = evaluation.element_weighted(weights), None
            total = float(np.add.reduce(evaluation.numerator))
        _reduced(result, evaluation, controls, weights, total)
    if "gradients" in controls.outputs:
        upstream = _upstream(evaluation, controls.reduction, weights, cotangent, result.normalizer, scale)
        result.gradients = _pull_back(evaluation.gradients, "gradients", loss.predicted, controls.wrt, upstream, tensors)
    if "hessian_diagonal" in controls.outputs:
        if not loss.hessian_diagonal:
            raise InvalidOption("outputs", f"not available; {loss.name} has no hessian_diagonal")
        upstream = _upstream(evaluation, controls.reduction, weights, cotangent, result.normalizer, scale)
        result.hessian_diagonal = _pull_back(evaluation.hessian_diagonal, "hessian_diagonal", loss.predicted, controls.wrt, upstream, tensors)
    return result


def _per_sample(evaluation: Evaluation, reduction: Reduction, finite: bool) -> Array:
    """Return each sample's loss, all of them finite. finite: the numerators are known to be."""
    divisor = _unit(evaluation) if reduction == "none" else evaluation.weight
    found: Array = evaluation.numerator if reduction == "sum" else evaluation.numerator / divisor
    sure = finite and (reduction == "sum" or (divisor.strides == EQUAL and divisor.size and divisor.item(0) >= 1.0))
    if sure or surely_finite(found):
        return found
    found = found if reduction == "sum" else _means(evaluation, divisor, found)
    if not surely_finite(found):
        _finite("per_sample", found)
    return found


def _reduced(result: Result, evaluation: Evaluation, controls: Controls, weights: Array | None, total: float) -> None:
    """Set the normalizer, the value and its parts. total: the sum of the numerators, which is finite only if all are."""
    if controls.reduction == "sum":
        divisor = 1.0
    elif controls.reduction == "batchmean" or (evaluation.mean_of == "samples" and weights is None):
        divisor = float(evaluation.numerator.size)
    elif weights is None:
        weight = evaluation.weight
        divisor = weight.item(0) * weight.size if weight.strides == EQUAL and weight.size else float(np.add.reduce(weight))
    else:
        divisor = float(np.add.reduce(weights if evaluation.mean_of == "samples" else weights * evaluation.weight))
    result.normalizer = divisor
    if not isfinite(divisor):
        raise NonFinite("normalizer")
    if "value" in controls.outputs:
        result.value = _value(evaluation, evaluation.numerator, total, controls.reduction, weights, divisor)
        if evaluation.parts:
            parts = {name: per_sample_sum(part) for name, part in evaluation.parts.items()}
            sums = {name: float(np.add.reduce(part)) for name, part in parts.items()}
            result.parts = {name: _value(evaluation, part, sums[name], controls.reduction, weights, divisor) for name, part in parts.items()}


def _value(evaluation: Evaluation, terms: Array, total: float, reduction: Reduction, weights: Array | None, divisor: float) -> float:
    """Reduce the terms, whose sum is `total`."""
    if reduction == "mean" and evaluation.mean_of == "samples":
        terms = divide_or_zero(terms, evaluation.weight)
        total = float(np.add.reduce(terms))
    if not divisor:
        return 0.0
    value = (total if weights is None else float(np.add.reduce(weights * terms))) / divisor
    if isfinite(value):
        return value
    weights = np.ones(len(terms)) if weights is None else weights
    value = float((weights / divisor * terms).sum())  # the sum may overflow although the mean does not
    if not isfinite(value) and reduction == "mean" and terms is evaluation.numerator:
        value = float((weights * evaluation.weight / divisor * _means(evaluation, evaluation.weight, evaluation.numerator / evaluation.weight)).sum())
    if not isfinite(value):
        raise NonFinite("value")
    return value


def _unit(evaluation: Evaluation) -> Array:
    """Return the divisor of each sample's loss with `none`: the number of its elements."""
    return evaluation.weight if evaluation.count is None else evaluation.count


def _means(evaluation: Evaluation, divisor: Array, quotients: Array) -> Array:
    """Return the quotients numerator / divisor, 0 where the divisor is 0; if the sum of a sample's elements overflows, the sum of their shares."""
    means = np.where(divisor == 0, 0.0, quotients)  # a third of the time of divide_or_zero for 16384 samples
    if evaluation.elements is None or surely_finite(means) or np.isfinite(means).all():
        return means
    shares = evaluation.elements().reshape(len(means), -1) / np.where(divisor == 0, 1.0, divisor)[:, None]
    return np.where(divisor == 0, 0.0, shares.sum(axis=1))


def _upstream(
    evaluation: Evaluation, reduction: Reduction, weights: Array | None, cotangent: Array | None, divisor: float | None, scale: float
) -> Array:
    """Return the cotangent of the numerators, which is all that a gradient depends on in a reduction."""
    n = evaluation.numerator.size
    if divisor is None:
        if cotangent is not None and cotangent.ndim > 1:
            return cotangent * scale
        return divide_or_zero(np.ones(n) if cotangent is None else cotangent, _unit(evaluation)) * scale
    if not divisor:
        return np.zeros(n)
    if weights is None:
        upstream = np.empty(n)
        upstream.fill(scale / divisor)
    else:
        upstream = weights / divisor if scale == 1.0 else weights / divisor * scale
    if reduction == "mean" and evaluation.mean_of == "samples":
        upstream = divide_or_zero(upstream, evaluation.weight)
    return upstream


def _pull_back(
    pullbacks: Mapping[str, Pullback],
    output: str,
    predicted: Iterable[str],
    wrt: tuple[str, ...] | None,
    upstream: Array,
    tensors: Mapping[str, Array],
) -> dict[str, Array]:
    results = {}
    for name in predicted if wrt is None else wrt:
        if name in pullbacks:
            pullback, dtype = pullbacks[name], tensors[name].dtype
            result = pullback.values(upstream) if isinstance(pullback, Placed) else pullback(upstream)
            if result.dtype is not dtype and dtype.kind not in "iub":
                result = result.astype(dtype, copy=False)
            if not isfinite(np.vdot(result, result)):  # as in surely_finite; after the cast: the input's type may be too narrow for the derivative
                _finite(f"{output}.{name}", result)
            results[name] = placed(tensors[name].shape, pullback.where, result) if isinstance(pullback, Placed) else result
        elif wrt is not None:
            raise InvalidOption("wrt", f"not differentiable here; expected {output} of {', '.join(pullbacks) or 'no input'}, got {name}")
    return results


def _elements(loss: Loss, evaluation: Evaluation) -> Array:
    if evaluation.elements is None:
        raise InvalidOption("outputs", f"not available; {loss.name} has no per_element")
    elements = evaluation.elements()
    if not surely_finite(elements):
        _finite("per_element", elements)
    return elements


def _cotangent(array: Array, controls: Controls, loss: Loss, evaluation: Evaluation) -> Array:
    """Return the upstream gradient of per_sample or per_element, which only `none` has."""
    if controls.reduction != "none":
        raise InvalidOption("cotangent", f'not allowed; expected reduction "none", got {controls.reduction}')
    return _control("cotangent", array, loss, evaluation, REALS)


def _control(name: str, array: Array, loss: Loss, evaluation: Evaluation, domain: Domain) -> Array:
    """Return a control with one number per sample or per element."""
    n = evaluation.numerator.size
    elements = (n,) if array.ndim < 2 or evaluation.elements is None else evaluation.elements().shape
    if array.shape not in ((n,), elements):
        whole = f", or {elements}, one for each element" if len(elements) > 1 else ""
        lacking = f" ({loss.name} has no per_element)" if evaluation.elements is None else ""
        raise InvalidTensor(name, f"wrong shape; expected ({n},), one number for each sample{whole}{lacking}, got shape {array.shape}")
    found = array.astype(np.float64, copy=False)
    require(name, found, domain)
    return found


def _finite(what: str, result: Array) -> None:
    """Raise NonFinite with the samples' indices, if there are any: the sum of finite numbers may overflow."""
    bad = ~np.isfinite(result)
    if bad.any():
        samples = np.unique(np.nonzero(bad)[0])[:NAMED_SAMPLES] if bad.ndim else np.array([], int)
        raise NonFinite(what, [int(i) for i in samples])
