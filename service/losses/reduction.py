"""From an Evaluation to an Answer: the only module that handles reductions, sample weights and cotangents.

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

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.losses.checking import check, require
from service.losses.declaration import REALS, Domain, Reduction
from service.losses.errors import InvalidOption, InvalidTensor, NonFinite
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, per_sample_sum
from service.losses.registry import Loss

Output = Literal["value", "per_sample", "gradients", "per_element", "hessian_diagonal"]
DEFAULT_OUTPUTS: tuple[Output, ...] = ("value", "per_sample", "gradients")
WEIGHTS = Domain(low=0)
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
class Answer:
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


def compute(loss: Loss, tensors: Mapping[str, Array], options: Mapping[str, Any], controls: Controls = Controls(), scale: float = 1.0) -> Answer:
    """Check, evaluate and reduce one call. `scale` multiplies the gradients (the weight of a term in a combination)."""
    chosen = {option.name: options.get(option.name, option.default) for option in loss.options}
    with np.errstate(all="ignore"):  # infinities are detected in the results, where the samples are known
        evaluation = loss.function(**check(loss.inputs, tensors, chosen), **chosen)
        return reduce(loss, evaluation, controls, tensors, scale)


def reduce(loss: Loss, evaluation: Evaluation, controls: Controls, tensors: Mapping[str, Array], scale: float = 1.0) -> Answer:
    """Build the result of one call; gradients have the type of their inputs in `tensors`."""
    if controls.reduction not in loss.reductions:
        raise InvalidOption("reduction", f"not available for {loss.name}; expected one of {', '.join(loss.reductions)}, got {controls.reduction}")
    weights = _control("sample_weight", controls.sample_weight, loss, evaluation, WEIGHTS)
    cotangent = _cotangent(controls, loss, evaluation)
    answer = Answer(loss.name, controls.reduction, state=evaluation.state)
    _per_sample(answer, evaluation, controls)
    if "per_element" in controls.outputs:
        answer.per_element = _elements(loss, evaluation)
    if controls.reduction != "none":
        if weights is not None and weights.ndim > 1:
            evaluation, weights = evaluation.element_weighted(weights), None
        _reduced(answer, evaluation, controls, weights)
    for output, pullbacks in (("gradients", evaluation.gradients), ("hessian_diagonal", evaluation.hessian_diagonal)):
        if output in controls.outputs:
            upstream = _upstream(evaluation, controls.reduction, weights, cotangent, answer.normalizer, scale)
            setattr(answer, output, _pull_back(loss, pullbacks, output, controls.wrt, upstream, tensors))
    return answer


def _per_sample(answer: Answer, evaluation: Evaluation, controls: Controls) -> None:
    """Return each sample's loss if requested; also checked where a non-finite sample would not show in the value."""
    asked = "per_sample" in controls.outputs
    if asked or not isfinite(np.add.reduce(evaluation.numerator)):
        per_sample = evaluation.numerator if controls.reduction == "sum" else _means(evaluation, _unit(evaluation, controls.reduction))
        _finite("per_sample", per_sample)
        answer.per_sample = per_sample if asked else None


def _reduced(answer: Answer, evaluation: Evaluation, controls: Controls, weights: Array | None) -> None:
    divisor = answer.normalizer = normalizer(evaluation, controls.reduction, weights)
    if not isfinite(divisor):
        raise NonFinite("normalizer")
    if "value" in controls.outputs:
        answer.value = _value(evaluation, evaluation.numerator, controls.reduction, weights, divisor)
        parts = {name: per_sample_sum(part) for name, part in evaluation.parts.items()}
        answer.parts = {name: _value(evaluation, part, controls.reduction, weights, divisor) for name, part in parts.items()}


def normalizer(evaluation: Evaluation, reduction: Reduction, weights: Array | None) -> float:
    """Return the divisor of the value."""
    if reduction == "sum":
        return 1.0
    if reduction == "batchmean":
        return float(evaluation.numerator.size)
    if evaluation.mean_of == "samples":
        return float(evaluation.numerator.size if weights is None else np.add.reduce(weights))
    return float(np.add.reduce(_weighed(weights, evaluation.weight)))


def _weighed(weights: Array | None, terms: Array) -> Array:
    return terms if weights is None else weights * terms


def _value(evaluation: Evaluation, terms: Array, reduction: Reduction, weights: Array | None, divisor: float) -> float:
    if reduction == "mean" and evaluation.mean_of == "samples":
        terms = divide_or_zero(terms, evaluation.weight)
    if not divisor:
        return 0.0
    value = float(np.add.reduce(_weighed(weights, terms))) / divisor
    if isfinite(value):
        return value
    weights = np.ones(len(terms)) if weights is None else weights
    value = float((weights / divisor * terms).sum())  # the sum may overflow although the mean does not
    if not isfinite(value) and reduction == "mean" and terms is evaluation.numerator:
        value = float((weights * evaluation.weight / divisor * _means(evaluation, evaluation.weight)).sum())
    if not isfinite(value):
        raise NonFinite("value")
    return value


def _unit(evaluation: Evaluation, reduction: Reduction) -> Array:
    """Return the divisor of each sample's loss: its weight, or with `none` the number of its elements."""
    return evaluation.count if reduction == "none" and evaluation.count is not None else evaluation.weight


def _means(evaluation: Evaluation, divisor: Array) -> Array:
    """Return numerator / divisor of each sample, 0 where the divisor is 0; if the sum of its elements overflows, the sum of their shares."""
    means: Array = evaluation.numerator / divisor
    if isfinite(np.add.reduce(means)):
        return means
    means = divide_or_zero(evaluation.numerator, divisor)
    if np.isfinite(means).all() or evaluation.elements is None:
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
        return divide_or_zero(np.ones(n) if cotangent is None else cotangent, _unit(evaluation, reduction)) * scale
    if not divisor:
        return np.zeros(n)
    upstream = np.full(n, 1.0 / divisor) if weights is None else weights / divisor
    if reduction == "mean" and evaluation.mean_of == "samples":
        upstream = divide_or_zero(upstream, evaluation.weight)
    return upstream if scale == 1.0 else upstream * scale


def _pull_back(
    loss: Loss, pullbacks: Mapping[str, Any], output: str, wrt: tuple[str, ...] | None, upstream: Array, tensors: Mapping[str, Array]
) -> dict[str, Array]:
    if output == "hessian_diagonal" and not loss.hessian_diagonal:
        raise InvalidOption("outputs", f"not available; {loss.name} has no hessian_diagonal")
    names = tuple(name for name in loss.predicted if name in pullbacks) if wrt is None else wrt
    results = {}
    for name in names:
        if name not in pullbacks:
            raise InvalidOption("wrt", f"not differentiable here; expected {output} of {', '.join(pullbacks) or 'no input'}, got {name}")
        result = pullbacks[name](upstream)
        results[name] = result.astype(tensors[name].dtype, copy=False) if tensors[name].dtype.kind not in "iub" else result
        _finite(f"{output}.{name}", results[name])  # after the cast: the input's type may be too narrow for it
    return results


def _elements(loss: Loss, evaluation: Evaluation) -> Array:
    if evaluation.elements is None:
        raise InvalidOption("outputs", f"not available; {loss.name} has no per_element")
    elements = evaluation.elements()
    _finite("per_element", elements)
    return elements


def _cotangent(controls: Controls, loss: Loss, evaluation: Evaluation) -> Array | None:
    """Return the upstream gradient of per_sample or per_element, which only `none` has."""
    if controls.cotangent is not None and controls.reduction != "none":
        raise InvalidOption("cotangent", f'not allowed; expected reduction "none", got {controls.reduction}')
    return _control("cotangent", controls.cotangent, loss, evaluation, REALS)


def _control(name: str, array: Array | None, loss: Loss, evaluation: Evaluation, domain: Domain) -> Array | None:
    """Return a control with one number per sample or per element, if given."""
    if array is None:
        return None
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
    """Raise NonFinite with the samples' indices. One pass without a temporary if all are finite."""
    if isfinite(np.add.reduce(result, axis=None)):
        return
    bad = ~np.isfinite(result)
    if bad.any():
        samples = np.unique(np.nonzero(bad)[0])[:NAMED_SAMPLES] if bad.ndim else np.array([], int)
        raise NonFinite(what, [int(i) for i in samples])
