"""Building blocks of classification losses: class weights, label smoothing, margins and functions of the true class's probability."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from service.losses.declaration import UNIT, Domain, TensorSpec
from service.losses.errors import InvalidOption
from service.losses.evaluation import Evaluation, at_places, elementwise, positions_of
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_size, per_sample_sum, spread, times
from service.losses.numerics.softmax import Softmax, places, softmax_pull

LogitsOrProbabilities = Annotated[
    Array,
    TensorSpec(
        "n c ...",
        narrowed=(("predictions_are", "probabilities", UNIT),),
        gradient="default",
        description="raw scores or probabilities, one for each class",
    ),
]
ClassLabels = Annotated[
    Array,
    TensorSpec(
        "n ...",
        kind="integer",
        below="c",
        besides="ignore_index",
        description="index of the true class (n, ...), or the probability of each class (n, c, ...)",
    ),
    TensorSpec("n c ...", domain=UNIT, gradient="on request"),
]
ClassOrDistribution = Annotated[
    Array,
    TensorSpec("n ...", kind="integer", below="c", description="index of the true class (n, ...), or the probability of each class (n, c, ...)"),
    TensorSpec("n c ...", domain=UNIT, gradient="on request"),
]
IGNORED = -100  # torch's default, which has no effect on probabilities as labels
EXAMPLE_LOGITS = [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]]


def kept_weights(labels: Array, weight: Array | None, ignore_index: int, dtype: np.dtype[np.floating]) -> tuple[Array, Array]:
    """Return labels that are valid indices, and each position's class weight, 0 where the label is ignored."""
    kept = labels != ignore_index
    safe = labels if not kept.size or kept.item(kept.argmin()) else np.where(kept, labels, 0)
    return safe, kept.astype(dtype) if weight is None else weight[safe] * kept


def uneven_weights(labels: Array, weight: Array | None, ignore_index: int, dtype: np.dtype[np.floating]) -> tuple[Array, Array | None]:
    """Return the same, with None for weights that are all 1: in most calls the label to ignore is negative, and no label is."""
    if weight is None and ignore_index < 0 and (not labels.size or labels.item(labels.argmin()) >= 0):
        return labels, None
    return kept_weights(labels, weight, ignore_index, dtype)


def unignored(labels: Array, weight: Array | None, ignore_index: int) -> Array | None:
    """Mark the positions that are not ignored; None without class weights, where the weights are 0 or 1 themselves."""
    return None if weight is None else labels != ignore_index


def require_nothing_ignored(ignore_index: int) -> None:
    """Reject an index to ignore beside labels that are probabilities."""
    if ignore_index != IGNORED:
        raise InvalidOption("ignore_index", f"not allowed with labels that are probabilities; expected {IGNORED}, the default, got {ignore_index}")


def per_class(weight: Array | None, like: Array) -> Array:
    """Return the class weights, or ones, aligned with the class axis of `like` (n, c, ...)."""
    weights = np.ones(like.shape[1], like.dtype) if weight is None else weight
    return weights.reshape((1, -1) + (1,) * (like.ndim - 2))


def at_class(like: Array, labels: Array, values: Array) -> Array:
    """Return zeros like `like` (n, c, ...) with `values` (n, ...) in the channel of the labels."""
    return at_places(like, places(like, labels[:, None]), values)


def smoothed_targets(labels: Array, classes: int, weight: Array | None, smoothing: float, kept: Array, like: Array) -> Array:
    """Return the weighted target of each class for index labels: (1 - smoothing) on the label plus smoothing / classes everywhere."""
    targets = np.full(like.shape, smoothing / classes, dtype=like.dtype)
    np.put_along_axis(targets, labels[:, None], 1.0 - smoothing + smoothing / classes, 1)
    if weight is not None:
        targets *= weight.reshape((1, -1) + (1,) * (like.ndim - 2))
    targets *= (kept != 0)[:, None]
    return targets


CALL = {"predictions": EXAMPLE_LOGITS, "labels": [0, 2]}

# ------------------------------------------------------------------ functions of the true class's probability

OfLabel = Callable[[Array, Array, Array], Array]


def of_surprise(
    predictions: Array, labels: Array, weight: Array | None, ignore_index: int, value: OfLabel, slope: OfLabel, curvature: OfLabel
) -> Evaluation:
    """Evaluate a function of s = -log p of the true class, or its mean over the classes with probabilities as labels.

    value and its derivatives by s receive s, p and 1 - p, each accurate by itself. The slope is not negative.
    """
    if labels.ndim == predictions.ndim:
        require_nothing_ignored(ignore_index)
        return _of_surprises(predictions, labels, per_class(weight, predictions), value, slope, curvature)
    softmax = Softmax(predictions)
    safe, kept = kept_weights(labels, weight, ignore_index, predictions.dtype)
    surprise, complement = softmax.negative_log_at(safe), softmax.complement_at(safe)
    p = (np.take_along_axis(softmax.exponentials, safe[:, None], 1) / (1.0 + softmax.rest))[:, 0]
    values = times(kept, value(surprise, p, complement))

    def from_label() -> Array:
        """Return ds / dx: p, and p - 1 at the label."""
        out = softmax.probabilities()
        np.put_along_axis(out, safe[:, None], -complement[:, None], 1)
        return out

    def pullback(cotangent: Array) -> Array:
        out = from_label()
        out *= (times(kept, slope(surprise, p, complement)) * spread(cotangent, kept))[:, None]
        return out

    def second(cotangent: Array) -> Array:
        first = slope(surprise, p, complement)[:, None] * (softmax.probabilities() * softmax.complements)
        return (kept * spread(cotangent, kept))[:, None] * (first + curvature(surprise, p, complement)[:, None] * from_label() ** 2)

    return positions_of(values, kept, unignored(labels, weight, ignore_index), {"predictions": pullback}, {"predictions": second})


def _of_surprises(predictions: Array, q: Array, weight: Array, value: OfLabel, slope: OfLabel, curvature: OfLabel) -> Evaluation:
    """Evaluate the sum over the classes of weight, label and a function of s."""
    softmax, targets = Softmax(predictions), weight * q
    s, p, r = softmax.negative_log(), softmax.probabilities(), softmax.complements
    costs = value(s, p, r)
    values = times(targets, costs).sum(axis=1)

    def second(cotangent: Array) -> Array:
        first, bend = times(targets, slope(s, p, r)), times(targets, curvature(s, p, r))
        out = p * r * first.sum(axis=1, keepdims=True) + p * p * (bend.sum(axis=1, keepdims=True) - bend) + r * r * bend
        return out * spread(cotangent, out)

    gradients = {
        "predictions": lambda c: softmax_pull(softmax, times(targets, slope(s, p, r)), c),
        "labels": lambda c: times(weight, costs) * spread(c, costs),
    }
    return Evaluation(per_sample_sum(values), per_sample_size(values), gradients, lambda: values, {"predictions": second})


Margins = Annotated[Array, TensorSpec("n ...", gradient="default", description="raw scores; their sign is the predicted class")]
ZeroOrOne = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="true classes, 0 or 1")]
SCORES = {"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 1]}


def of_margin(scores: Array, signs: Array, values: Array, slope: Callable[[], Array], curvature: Callable[[], Array]) -> Evaluation:
    """Build the Evaluation of a function of m = sign * score from its values and derivatives by m."""
    return elementwise(values, {"predictions": lambda c: (c * signs) * slope()}, {"predictions": lambda c: c * curvature()})


def signed(predictions: Array, labels: Array) -> tuple[Array, Array]:
    signs = labels.astype(predictions.dtype)
    return signs, signs * predictions
