"""Cross entropy with one true class, or a distribution over classes, per position. The class axis is axis 1, as in torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.checking import require
from service.losses.classification._shared import (
    EXAMPLE_LOGITS,
    IGNORED,
    ClassLabels,
    LogitsOrProbabilities,
    kept_weights,
    per_class,
    require_nothing_ignored,
    smoothed_targets,
    uneven_weights,
    unignored,
)
from service.losses.declaration import (
    INCLUDED,
    UNIT,
    ClassIndexOrIgnored,
    ClassWeight,
    Domain,
    IgnoreIndex,
    LabelSmoothing,
    NonNegative,
    TensorSpec,
    Work,
)
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, Placed, Pullback, at_places, hardest, positions_of
from service.losses.numerics import Array
from service.losses.numerics.elementary import LN2, divide_or_zero, per_sample_size, per_sample_sum, spread, times
from service.losses.numerics.softmax import Softmax, places, softmax_pull
from service.losses.registry import loss

ClassMask = Annotated[
    Array,
    TensorSpec("n c ...", kind="integer", domain=INCLUDED, description="1 for the classes that are possible, 0 for those left out of the softmax"),
]
Scores = Annotated[Array, TensorSpec("n c ...", unless="class_mask", gradient="default")]
LogProbabilities = Annotated[Array, TensorSpec("n c ...", gradient="default", description="log-probabilities of the classes")]


@loss(example={"predictions": [[0.5, 0.2, 0.3]], "labels": [0], "predictions_are": "probabilities"}, hessian_diagonal=True, merges={"top_k": 1.0})
def cross_entropy(
    predictions: Scores,
    labels: ClassLabels,
    *,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = IGNORED,
    label_smoothing: LabelSmoothing = 0.0,
    predictions_are: Literal["logits", "probabilities", "log_probabilities"] = "logits",
    log_base: Literal["e", "2"] = "e",
    top_k: Annotated[float, annotated_types.Gt(0), annotated_types.Le(1)] = 1.0,
    class_mask: ClassMask | None = None,
) -> Evaluation:
    r"""Cross entropy: the negative log-probability of the true class, averaged over the classes if labels are probabilities.

    0 log 0 is 0. Probabilities are not renormalized. With top_k below 1, results over shards do not merge.

    Use: Multiclass classification, the usual first choice: images, text, or each pixel in semantic segmentation.
    Search: softmax, label_smoothing, classification, multiclass_classification, image_classification, text_classification
    Formula: \ell = -\sum_k w_k q_k \log p_k, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; q `labels` as probabilities; w `weight`
    predictions: scores of the classes, in the form given by `predictions_are`.
    ignore_index: class index to ignore; not allowed with probabilities as labels.
    predictions_are: logits (a softmax is taken), probabilities, or their natural logarithms.
    log_base: e gives nats, 2 gives bits.
    top_k: share of the positions to keep, those with the largest losses (weights included) in the whole batch: hard example mining, the top-k loss of nnU-Net (0.1) and detectron2 (top_k_percent_pixels). The number is rounded down, but at least 1. Here ignored positions are no candidates; there they are, with the loss 0.
    class_mask: classes that are possible, as optax's where and the action masks of reinforcement learning have them; with logits and without label_smoothing. The scores of the others have no effect, and may be minus infinity; a true class among them has an infinite loss, an error.
    Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number of positions, regardless of the weights (torch's rule); with top_k below 1 the number of positions kept
    Synonyms: CrossEntropyLoss, CE, softmax_cross_entropy, softmax_cross_entropy_with_integer_labels, multinomial_logistic
    Equivalents: torch.nn.CrossEntropyLoss, torch.nn.functional.cross_entropy,
        keras.losses.SparseCategoricalCrossentropy(predictions_are="probabilities"),
        keras.losses.sparse_categorical_crossentropy(predictions_are="probabilities"),
        keras.losses.CategoricalCrossentropy(predictions_are="probabilities"),
        keras.losses.categorical_crossentropy(predictions_are="probabilities"), optax.losses.softmax_cross_entropy,
        optax.losses.softmax_cross_entropy_with_integer_labels, optax.losses.safe_softmax_cross_entropy
    Reference: Good, Rational Decisions, 1952; Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs, 1990
    """
    if predictions_are == "probabilities":
        require("predictions", predictions, UNIT)
    elif predictions_are == "log_probabilities":
        require("predictions", predictions, Domain(high=0))
    if class_mask is not None:
        predictions = _possible(predictions, class_mask, predictions_are, label_smoothing)
    unit = 1.0 / LN2 if log_base == "2" else 1.0
    if labels.ndim == predictions.ndim:
        require_nothing_ignored(ignore_index)
        found = _of_distribution(predictions, predictions_are, labels, weight, label_smoothing, unit, labels)
        return found if top_k == 1 else hardest(found, top_k)
    counted = None if weight is None else unignored(labels, weight, ignore_index)
    if label_smoothing:
        safe, kept = kept_weights(labels, weight, ignore_index, predictions.dtype)
        targets = smoothed_targets(safe, predictions.shape[1], weight, label_smoothing, labels != ignore_index, predictions)
        smoothed = _of_distribution(predictions, predictions_are, targets, None, 0.0, unit, None)
        count = None if counted is None else per_sample_sum(counted)
        found = replace(smoothed, weight=per_sample_sum(kept), shares=kept, count=count)
    else:
        found = _of_index(predictions, predictions_are, *uneven_weights(labels, weight, ignore_index, predictions.dtype), counted, unit)
    return found if top_k == 1 else hardest(found, top_k)


def _possible(predictions: Array, class_mask: Array, form: str, smoothing: float) -> Array:
    """Return the scores with minus infinity for the classes left out."""
    if form != "logits":
        raise InvalidTensor("class_mask", f"not allowed with {form}; expected predictions that are logits")
    if smoothing:
        raise InvalidOption("label_smoothing", f"not allowed with class_mask; expected 0, got {smoothing:g}")
    if (empty := np.argwhere(class_mask.max(axis=1, initial=0) == 0)).size:
        at = tuple(int(i) for i in empty[0])
        raise InvalidTensor("class_mask", "no class is possible; expected at least one 1", (at[0], 0, *at[1:]))
    return np.where(class_mask == 1, predictions, -np.inf).astype(predictions.dtype, copy=False)


def _of_index(predictions: Array, form: str, labels: Array, kept: Array | None, counted: Array | None, unit: float = 1.0) -> Evaluation:
    """Evaluate class indices, with one logarithm per position. kept: the weights of the positions, None if all are 1."""
    if form == "logits":
        softmax = Softmax(predictions)
        values = softmax.negative_log_at(labels)
    else:
        at = places(predictions, labels[:, None])
        picked = predictions.take(at)[:, 0]
        values = -np.log(picked) if form == "probabilities" else -picked
    weights = kept if unit == 1.0 else predictions.dtype.type(unit) * (1.0 if kept is None else kept)

    def slope(cotangent: Array) -> Array:
        upstream = spread(cotangent, values)
        upstream = upstream if weights is None else upstream * weights
        if form == "logits":
            return softmax.pull(labels, upstream)
        return times(upstream, -1.0 / picked) if form == "probabilities" else -upstream

    def curvature(cotangent: Array) -> Array:
        upstream = spread(cotangent, values)
        upstream = upstream if weights is None else upstream * weights
        if form == "logits":
            return softmax.probabilities() * softmax.complements * upstream[:, None]
        return at_places(predictions, at, times(upstream, 1.0 / (picked * picked)) if form == "probabilities" else np.zeros_like(picked))

    pullback: Pullback = slope if form == "logits" else Placed(predictions, at, slope)
    weighted = values if weights is None else times(weights, values)
    return positions_of(weighted, kept, counted, {"predictions": pullback}, {"predictions": curvature})


def _of_distribution(
    predictions: Array, form: str, q: Array, weight: Array | None, smoothing: float, unit: float, labels: Array | None
) -> Evaluation:
    """Evaluate probabilities as labels, a target for every class."""
    class_weight = predictions.dtype.type(unit) * per_class(weight, predictions)
    targets = class_weight * (q if not smoothing else q * (1.0 - smoothing) + smoothing / predictions.shape[1])
    if form == "logits":
        softmax = Softmax(predictions)
        surprise = softmax.negative_log()
    else:
        surprise = -np.log(predictions) if form == "probabilities" else -predictions
    values = times(targets, surprise).sum(axis=1)

    def pullback(cotangent: Array) -> Array:
        if form == "logits":
            return softmax_pull(softmax, targets, cotangent)
        slope = -times(targets, 1.0 / predictions) if form == "probabilities" else -targets
        return slope * spread(cotangent, slope)

    def curvature(cotangent: Array) -> Array:
        if form == "logits":
            second = softmax.probabilities() * softmax.complements * targets.sum(axis=1, keepdims=True)
        else:
            second = times(targets, 1.0 / (predictions * predictions)) if form == "probabilities" else np.zeros_like(predictions)
        return second * spread(cotangent, second)

    gradients: dict[str, Pullback] = {"predictions": pullback}
    if labels is not None:
        cost = np.where(np.isneginf(predictions), 0.0, surprise).astype(surprise.dtype, copy=False)  # 0 for classes left out
        gradients["labels"] = lambda cotangent: (1.0 - smoothing) * times(class_weight, cost) * spread(cotangent, surprise)
    return Evaluation(per_sample_sum(values), per_sample_size(values), gradients, lambda: values, {"predictions": curvature})


@loss(example={"predictions": [[-0.5, -1.5, -1.8], [-1.2, -0.9, -1.2]], "labels": [0, 2]}, hessian_diagonal=True)
def nll(
    predictions: LogProbabilities, labels: ClassIndexOrIgnored, *, weight: ClassWeight | None = None, ignore_index: IgnoreIndex = -100
) -> Evaluation:
    r"""Negative log-likelihood: minus the given log-probability of the true class.

    Use: Multiclass classification by a model that ends in a log-softmax.
    Formula: \ell = -w_y \, x_y
    Where: x `predictions`, raw scores; y the true class; w `weight`
    Divisor: the sum of the true classes' weights over positions that are not ignored
    Synonyms: NLLLoss, nll_loss, negative_log_likelihood
    Equivalents: torch.nn.NLLLoss, torch.nn.functional.nll_loss
    Reference: Fisher, On an Absolute Criterion for Fitting Frequency Curves, 1912
    """
    safe, kept = uneven_weights(labels, weight, ignore_index, predictions.dtype)
    return _of_index(predictions, "log_probabilities", safe, kept, unignored(labels, weight, ignore_index))


@loss(example={"predictions": EXAMPLE_LOGITS, "labels": [0, 2]}, hessian_diagonal=True, work=Work(memory="96 n c ..."))
def softmax_focal(
    predictions: LogitsOrProbabilities,
    labels: ClassLabels,
    *,
    gamma: NonNegative = 2.0,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = -100,
    label_smoothing: LabelSmoothing = 0.0,
    alpha: NonNegative = 1.0,
    predictions_are: Literal["logits", "probabilities"] = "logits",
) -> Evaluation:
    r"""Softmax focal loss: cross entropy with a lower weight for well-classified samples.

    The per-class alpha of other libraries is `weight`. keras's scalar alpha (0.25 for every class) is a constant factor, `alpha`, which is no part of the divisor.
    kornia and MONAI (use_softmax) divide the mean by positions times classes, regardless of the weights: for three classes without weights it is a third of
    this mean. Their scalar alpha weights class 0 by 1 - alpha and the other classes by alpha. kornia's divisor includes ignored positions.

    Use: Multiclass classification with imbalanced classes, or with many easy samples.
    Formula: \ell = -\alpha \sum_k w_k q_k (1 - p_k)^\gamma \log p_k, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; q `labels` as probabilities; w `weight`
    gamma: focusing exponent; 0 is plain cross entropy.
    ignore_index: class index to ignore; not allowed with probabilities as labels.
    alpha: factor on every class, which is no part of the divisor.
    predictions_are: logits (a softmax is taken), or probabilities, which are taken as they are.
    Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number of positions, as for cross_entropy
    Synonyms: multiclass_focal, softmax_focal_loss
    Ambiguous: focal_loss of one logit for each class
    Equivalents: keras.losses.CategoricalFocalCrossentropy(alpha=0.25, predictions_are="probabilities"),
        keras.losses.categorical_focal_crossentropy(alpha=0.25, predictions_are="probabilities")
    Reference: Lin et al., Focal Loss for Dense Object Detection, 2017, arXiv:1708.02002, equation 5
    """
    if labels.ndim == predictions.ndim:
        return _focal_of_distribution(predictions, labels, weight, ignore_index, label_smoothing, alpha, gamma, predictions_are)
    safe, kept = kept_weights(labels, weight, ignore_index, predictions.dtype)
    targets = smoothed_targets(safe, predictions.shape[1], weight, label_smoothing, labels != ignore_index, predictions)
    targets = targets if alpha == 1.0 else targets * predictions.dtype.type(alpha)
    of = _focal_of_probabilities if predictions_are == "probabilities" else _focal_of_logits
    return of(predictions, targets, kept, unignored(labels, weight, ignore_index), gamma)


def _focal_of_distribution(
    predictions: Array, q: Array, weight: Array | None, ignore_index: int, smoothing: float, alpha: float, gamma: float, form: str
) -> Evaluation:
    """Evaluate probabilities as labels, with their gradient: the loss is linear in them."""
    require_nothing_ignored(ignore_index)
    factor = np.broadcast_to(predictions.dtype.type(alpha) * per_class(weight, predictions), predictions.shape)
    targets = factor * (q * (1.0 - smoothing) + smoothing / predictions.shape[1])
    kept = np.ones(q[:, 0].shape, predictions.dtype)
    of = _focal_of_probabilities if form == "probabilities" else _focal_of_logits
    result = of(predictions, targets, kept, None, gamma)

    def by_label(cotangent: Array) -> Array:
        if form == "probabilities":
            cost = -times((1.0 - predictions) ** gamma, np.log(predictions))
        else:
            softmax = Softmax(predictions)
            cost = softmax.complements**gamma * softmax.negative_log()
        return spread(cotangent, q) * times((1.0 - smoothing) * factor, cost)

    return replace(result, gradients={**result.gradients, "labels": by_label})


def _focal_of_logits(predictions: Array, targets: Array, kept: Array, counted: Array | None, gamma: float) -> Evaluation:
    softmax = Softmax(predictions)
    surprise = softmax.negative_log()
    focus = softmax.complements**gamma
    values = times(targets * focus, surprise).sum(axis=1)

    def bounded() -> Array:
        """Return p (-log p) / (1 - p), which tends to 1 as p tends to 1."""
        normal = softmax.complements > np.finfo(surprise.dtype).tiny
        return softmax.probabilities() * np.divide(surprise, softmax.complements, out=np.ones_like(surprise), where=normal)

    def pullback(cotangent: Array) -> Array:
        # p d/dp of (1-p)^g (-log p) is -((1-p)^g + g p (1-p)^(g-1) (-log p))
        return softmax_pull(softmax, targets * focus * (1.0 + gamma * bounded()), cotangent)

    def curvature(cotangent: Array) -> Array:
        # the gradient is p sum(h) - h with h = targets focus (1 + g b); `steep` is p (1 - p) dh/dp, finite as p tends to 1
        p, q, b = softmax.probabilities(), softmax.complements, bounded()
        h = targets * focus * (1.0 + gamma * b)
        steep = gamma * targets * focus * (q * b - p * (2.0 + (gamma - 1.0) * b))
        rates = divide_or_zero(steep, q)
        second = p * q * h.sum(axis=1, keepdims=True) - q * steep - times(p * p, rates.sum(axis=1, keepdims=True) - rates)
        return second * spread(cotangent, second)

    return positions_of(values, kept, counted, {"predictions": pullback}, {"predictions": curvature})


def _focal_of_probabilities(p: Array, targets: Array, kept: Array, counted: Array | None, gamma: float) -> Evaluation:
    other, log_p = 1.0 - p, np.log(p)
    values = -times(targets, times(other**gamma, log_p)).sum(axis=1)

    def slope() -> Array:
        return times(gamma * log_p, other ** (gamma - 1.0)) - times(other**gamma, 1.0 / p)

    def second() -> Array:
        of_log = times(gamma * (1.0 - gamma) * log_p, other ** (gamma - 2.0))
        return of_log + times(2.0 * gamma / p, other ** (gamma - 1.0)) + times(other**gamma, 1.0 / (p * p))

    def derivative(factor: Callable[[], Array]) -> Pullback:
        return lambda cotangent: times(targets * spread(cotangent, targets), factor())

    gradients = {"predictions": derivative(slope)}
    return positions_of(values, kept, counted, gradients, {"predictions": derivative(second)})
