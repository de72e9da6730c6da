"""From an Evaluation to an Answer: the only place that knows reductions, sample weights and cotangents.

With numerator u[i], weight w[i] and sample weights s[i] (1 by default):

    reduction   per_sample   value                 normalizer     cotangent that the pullback gets
    mean        u / w        sum(s u) / sum(s w)   sum(s w)       s / normalizer
    sum         u            sum(s u)              1              s
    batchmean   u / w        sum(s u) / n          n              s / n
    none        u / w        -                     -              cotangent / w

u / w is 0 where w is 0, and so are value and gradients where the normalizer is 0. A loss whose mean is one over samples (CTC)
takes u / w in place of u and 1 in place of w for `mean`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.losses.core import Evaluation, Loss
from service.losses.errors import InvalidOption, InvalidTensor, NonFinite
from service.losses.tensors import Array, Domain, check, require

Reduction = Literal["mean", "sum", "none", "batchmean"]
Output = Literal["value", "per_sample", "gradients", "per_element", "hessian_diagonal"]
DEFAULT_OUTPUTS: tuple[Output, ...] = ("value", "per_sample", "gradients")
NAMED_SAMPLES = 10  # how many non-finite samples an error names


@dataclass(frozen=True)
class Controls:
    """What a caller asks of any loss; the same fields for all."""

    reduction: Reduction = "mean"
    sample_weight: Array | None = None
    cotangent: Array | None = None
    outputs: tuple[Output, ...] = DEFAULT_OUTPUTS
    wrt: tuple[str, ...] | None = None


@dataclass
class Answer:
    """What a caller gets; what was not asked for is None or empty."""

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
    with np.errstate(all="ignore"):  # infinities are looked for in the results, where they can be named
        evaluation = loss.function(**check(loss.inputs, tensors, chosen), **chosen)
        return reduce(loss, evaluation, controls, tensors, scale)


def reduce(loss: Loss, evaluation: Evaluation, controls: Controls, tensors: Mapping[str, Array], scale: float = 1.0) -> Answer:
    """The answer to one call; gradients have the type of their inputs in `tensors`."""
    if controls.reduction not in loss.reductions:
        raise InvalidOption("reduction", f"is {controls.reduction}; {loss.name} has {', '.join(loss.reductions)}")
    weights = _sample_weight(controls, evaluation.numerator.size)
    cotangent = _cotangent(controls, evaluation.numerator.size)
    answer = Answer(loss.name, controls.reduction, state=evaluation.state)
    per_sample = evaluation.numerator if controls.reduction == "sum" else _means(evaluation)
    if "per_sample" in controls.outputs or not np.isfinite(evaluation.numerator).all():  # a ratio may be out of range where the mean is not
        _finite("per_sample", per_sample)
    if "per_sample" in controls.outputs:
        answer.per_sample = per_sample
    if cotangent is None:
        answer.normalizer = normalizer(evaluation, controls.reduction, weights)
        if not np.isfinite(answer.normalizer):
            raise NonFinite("normalizer")
        if "value" in controls.outputs:
            answer.value = _value(evaluation, evaluation.numerator, controls.reduction, weights, answer.normalizer)
            answer.parts = {
                name: _value(evaluation, numerator, controls.reduction, weights, answer.normalizer) for name, numerator in evaluation.parts.items()
            }
    if "per_element" in controls.outputs:
        answer.per_element = _elements(loss, evaluation)
    wanted = {"gradients": evaluation.gradients, "hessian_diagonal": evaluation.hessian_diagonal}
    for output in wanted.keys() & set(controls.outputs):
        upstream = _upstream(evaluation, controls.reduction, weights, cotangent, answer.normalizer) * scale
        setattr(answer, output, _pull_back(loss, wanted[output], output, controls.wrt, upstream, tensors))
    return answer


def normalizer(evaluation: Evaluation, reduction: Reduction, weights: Array) -> float:
    """The divisor of the value."""
    if reduction == "mean":
        return float(weights.sum() if evaluation.mean_of == "samples" else (weights * evaluation.weight).sum())
    return 1.0 if reduction == "sum" else float(evaluation.numerator.size)


def _value(evaluation: Evaluation, terms: Array, reduction: Reduction, weights: Array, divisor: float) -> float:
    if reduction == "mean" and evaluation.mean_of == "samples":
        terms = _ratio(terms, evaluation.weight)
    if not divisor:
        return 0.0
    value = float((weights * terms).sum()) / divisor
    if not np.isfinite(value):  # the sum may be out of range where the mean is not
        value = float((weights / divisor * terms).sum())
    if not np.isfinite(value) and reduction == "mean" and terms is evaluation.numerator:
        value = float((weights * evaluation.weight / divisor * _means(evaluation)).sum())
    if not np.isfinite(value):
        raise NonFinite("value")
    return value


def _means(evaluation: Evaluation) -> Array:
    """Numerator / weight of each sample; where the sum of its elements is out of range, the sum of their shares."""
    means = _ratio(evaluation.numerator, evaluation.weight)
    if np.isfinite(means.sum()) or evaluation.elements is None:
        return means
    shares = evaluation.elements().reshape(len(means), -1) / np.where(evaluation.weight == 0, 1.0, evaluation.weight)[:, None]
    return np.where(evaluation.weight == 0, 0.0, shares.sum(axis=1))


def _upstream(evaluation: Evaluation, reduction: Reduction, weights: Array, cotangent: Array | None, divisor: float | None) -> Array:
    """The cotangent of the numerators: the whole of what a reduction means to a gradient."""
    if cotangent is not None:
        return _ratio(cotangent, evaluation.weight)
    if not divisor:
        return np.zeros_like(evaluation.numerator)
    if reduction == "mean" and evaluation.mean_of == "samples":
        return _ratio(weights / divisor, evaluation.weight)
    return weights / divisor


def _pull_back(
    loss: Loss, pullbacks: Mapping[str, Any], output: str, wrt: tuple[str, ...] | None, upstream: Array, tensors: Mapping[str, Array]
) -> dict[str, Array]:
    if output == "hessian_diagonal" and not loss.hessian_diagonal:
        raise InvalidOption("outputs", f"names hessian_diagonal, which {loss.name} does not have")
    names = tuple(name for name in loss.predicted if name in pullbacks) if wrt is None else wrt
    results = {}
    for name in names:
        if name not in pullbacks:
            raise InvalidOption("wrt", f"names {name}; {loss.name} has no {output} of it here (it has: {', '.join(pullbacks)})")
        result = pullbacks[name](upstream)
        results[name] = result.astype(tensors[name].dtype, copy=False) if tensors[name].dtype.kind not in "iub" else result
        _finite(f"{output}.{name}", results[name])  # after the cast: the input's type may be too narrow for it
    return results


def _elements(loss: Loss, evaluation: Evaluation) -> Array:
    if evaluation.elements is None:
        raise InvalidOption("outputs", f"names per_element, which {loss.name} does not have")
    elements = evaluation.elements()
    _finite("per_element", elements)
    return elements


def _sample_weight(controls: Controls, n: int) -> Array:
    if controls.sample_weight is None:
        return np.ones(n)
    weights = _vector("sample_weight", controls.sample_weight, n)
    require("sample_weight", weights, Domain(low=0))
    return weights


def _cotangent(controls: Controls, n: int) -> Array | None:
    """None where there is a value; with `none` the upstream gradient on per_sample."""
    if controls.reduction != "none":
        if controls.cotangent is not None:
            raise InvalidOption("cotangent", 'goes with reduction "none" only')
        return None
    if controls.cotangent is None:
        return np.ones(n)
    cotangent = _vector("cotangent", controls.cotangent, n)
    require("cotangent", cotangent, Domain())
    return cotangent


def _vector(name: str, array: Array, n: int) -> Array:
    if array.shape != (n,):
        raise InvalidTensor(name, f"has shape {array.shape}; expected ({n},), one number for each sample")
    return array.astype(np.float64, copy=False)


def _ratio(numerator: Array, weight: Array) -> Array:
    """Numerator / weight, and 0 where the weight is 0."""
    return np.divide(numerator, weight, out=np.zeros_like(numerator), where=weight != 0)


def _finite(what: str, result: Array) -> None:
    """Raise NonFinite, naming the samples. One pass without a temporary where all is well."""
    if np.isfinite(result.sum()):
        return
    bad = ~np.isfinite(result)
    if bad.any():
        samples = np.unique(np.nonzero(bad)[0])[:NAMED_SAMPLES] if bad.ndim else np.array([], int)
        raise NonFinite(what, [int(i) for i in samples])
