"""Building blocks of mask losses: activations, counts of positions, and overlap scores.

Masks are (n, c, ...); overlaps are summed over each sample's positions, class by class, and averaged over the classes. With `batch`
they are summed over the whole batch, which is then one sample. The kernels compute 1 - overlap as a ratio of sums of non-negative
numbers, so that the loss of a nearly perfect mask is accurate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import UNIT, Bound, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_infinity, divide_or_zero, sigmoid, spread, times
from service.losses.numerics.softmax import Softmax

Masks = Annotated[
    Array,
    TensorSpec(
        "n c ...",
        narrowed=(("activation", "none", UNIT),),
        gradient="default",
        description="predicted masks, probabilities or (with `activation`) logits",
    ),
]
MaskLabels = Annotated[
    Array,
    TensorSpec(
        "n c ...", domain=UNIT, gradient="on request", description="true masks (n, c, ...) in [0, 1], or the index of the true class (n, ...)"
    ),
    TensorSpec("n ...", kind="integer", below="c"),
]
Activation = Annotated[
    Literal["none", "sigmoid", "softmax"],
    annotated_types.doc("none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits."),
]
IncludeBackground = Annotated[bool, annotated_types.doc("include class 0; a single class is always included.")]
WholeBatch = Annotated[bool, annotated_types.doc("sum over the whole batch instead of over each sample.")]
SmoothNumerator = Annotated[float, annotated_types.Ge(0), annotated_types.doc("added to the numerator.")]
SmoothDenominator = Annotated[float, annotated_types.Ge(0), annotated_types.doc("added to the denominator.")]
ClassesAre = Literal["apart", "together"]
CANCELS = Bound(2e-14, 1e-12, "with smooth_nr > smooth_dr the numerator is a difference; gradients are differences of slopes")
ALIKE = Bound(2e-14, 1e-12, "gradients are differences of slopes, which cancel where scores, rounded at 1, are nearly equal", "one")
EXAMPLE = {"predictions": [[[0.9, 0.2, 0.1], [0.1, 0.8, 0.9]]], "labels": [[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]]}
EXAMPLE_LOGITS = {"predictions": [[[2.0, -1.0, -2.0], [-2.0, 1.0, 2.0]]], "labels": [[0, 1, 1]]}


@dataclass(frozen=True)
class Probabilities:
    """Probabilities after an activation: p, 1 - p to full accuracy, and the pullback of a gradient on p."""

    p: Array
    q: Array
    back: Callable[[Array], Array]


def activated(predictions: Array, activation: Activation) -> Probabilities:
    """Return the probabilities of the masks."""
    if activation == "none":
        return Probabilities(predictions, 1.0 - predictions, lambda slope: slope)
    if activation == "sigmoid":
        p, q = sigmoid(predictions), sigmoid(-predictions)
        return Probabilities(p, q, lambda slope: slope * (p * q))
    softmax = Softmax(predictions)
    p = softmax.probabilities()
    return Probabilities(p, softmax.complements, lambda slope: through_softmax(softmax, p, slope))


def through_softmax(softmax: Softmax, p: Array, slope: Array) -> Array:
    """Pull a gradient on p back to the logits: p_k sum_j p_j (slope_k - slope_j), relative to the most probable class so that 1 - p is accurate."""
    above = slope - np.take_along_axis(slope, softmax.top, 1)
    return p * (above - (p * above).sum(axis=1, keepdims=True))


def masks(labels: Array, like: Array) -> Array:
    """Return labels as masks; class indices become one-hot."""
    if labels.ndim == like.ndim:
        return labels
    out = np.zeros_like(like)
    np.put_along_axis(out, labels[:, None], 1.0, 1)
    return out


@dataclass(frozen=True)
class Counts:
    """Sums over positions of true and false positives and negatives, (rows, classes); a row is a sample, or the batch."""

    p: Array
    q: Array
    t: Array
    axes: tuple[int, ...]

    def total(self, values: Array) -> Array:
        """The float64 sum over positions."""
        return values.sum(axis=self.axes, dtype=np.float64).reshape(-1, self.p.shape[1])

    def constant(self, values: Array) -> Array:
        """Return the value that all positions share, as in an empty batch."""
        same: Array = values.max(axis=self.axes, initial=-np.inf) <= values.min(axis=self.axes, initial=np.inf)
        return same.reshape(-1, self.p.shape[1])

    @property
    def tp(self) -> Array:
        """Sum of p t."""
        return self.total(self.p * self.t)

    @property
    def fp(self) -> Array:
        """Sum of p (1 - t)."""
        return self.total(self.p * (1.0 - self.t))

    @property
    def fn(self) -> Array:
        """Sum of (1 - p) t."""
        return self.total(self.q * self.t)

    @property
    def tn(self) -> Array:
        """Sum of (1 - p) (1 - t)."""
        return self.total(self.q * (1.0 - self.t))

    def spread(self, rows: Array) -> Array:
        """Broadcast (rows, classes) against the masks, in their type."""
        return rows.astype(self.p.dtype).reshape(rows.shape + (1,) * (self.p.ndim - 2))

    def by_prediction(self, at_one: Array, at_zero: Array) -> Array:
        """Return a slope on p that is `at_one` where t = 1 and `at_zero` where t = 0, and linear in between."""
        return self.spread(at_one) * self.t + self.spread(at_zero) * (1.0 - self.t)

    def by_label(self, at_one: Array, at_zero: Array) -> Array:
        """Return a slope on t that is `at_one` where p = 1 and `at_zero` where p = 0, and linear in between."""
        return self.spread(at_one) * self.p + self.spread(at_zero) * self.q


@dataclass(frozen=True)
class Scored:
    """Loss of each row and class, with its slopes on p and t as functions of a cotangent (rows, classes)."""

    values: Array
    by_prediction: Pullback
    by_label: Pullback


def class_weights(classes: int, weight: Array | None, include_background: bool) -> tuple[Array, float]:
    """Return the weight of each class and the number of classes included."""
    weights = np.ones(classes) if weight is None else weight.astype(np.float64)
    if include_background or classes == 1:
        return weights, float(classes)
    return np.concatenate([[0.0], weights[1:]]), classes - 1.0


def counted(made: Probabilities, labels: Array, batch: bool) -> Counts:
    """Return the counts of masks, for each sample or for the batch."""
    axes = tuple(range(2, made.p.ndim))
    return Counts(made.p, made.q, masks(labels, made.p), (0, *axes) if batch else axes)


def overlap(
    predictions: Array,
    labels: Array,
    score: Callable[[Counts], Scored],
    activation: Activation,
    batch: bool,
    weight: Array | None = None,
    include_background: bool = True,
    classes_are: ClassesAre = "apart",
) -> Evaluation:
    """Build the Evaluation from a score of each class."""
    made = activated(predictions, activation)
    if classes_are == "together":
        return _overlap_of_all(predictions, labels, made, score, batch, weight, include_background)
    scored = score(counted(made, labels, batch))
    weights, classes = class_weights(predictions.shape[1], weight, include_background)
    values = times(weights, scored.values)

    def rows(cotangent: Array) -> Array:
        return spread(cotangent, values) * weights

    gradients: dict[str, Pullback] = {"predictions": lambda c: made.back(scored.by_prediction(rows(c)))}
    if labels.ndim == predictions.ndim:
        gradients["labels"] = lambda c: scored.by_label(rows(c))
    used, _ = class_weights(predictions.shape[1], None, include_background)
    return Evaluation(values.sum(axis=1), np.full(len(values), classes), gradients, lambda: values, shares=np.broadcast_to(used, values.shape))


def _overlap_of_all(
    predictions: Array,
    labels: Array,
    made: Probabilities,
    score: Callable[[Counts], Scored],
    batch: bool,
    weight: Array | None,
    include_background: bool,
) -> Evaluation:
    """The same of one mask that all classes make together."""
    if weight is not None:
        raise InvalidTensor("weight", "not allowed with classes_are together; expected no weights, got some")
    n, classes = predictions.shape[:2]
    kept = np.ones((1, classes) + (1,) * (predictions.ndim - 2), predictions.dtype)
    kept[:, : 0 if include_background or classes == 1 else 1] = 0.0
    size = math.prod(predictions.shape[1:])
    p, q, t = ((values * kept).reshape(n, 1, size) for values in (made.p, made.q, masks(labels, made.p)))
    scored = score(Counts(p, q, t, (0, 2) if batch else (2,)))

    def back(slope: Array) -> Array:
        return slope.reshape(predictions.shape) * kept

    gradients: dict[str, Pullback] = {"predictions": lambda c: made.back(back(scored.by_prediction(spread(c, scored.values))))}
    if labels.ndim == predictions.ndim:
        gradients["labels"] = lambda c: back(scored.by_label(spread(c, scored.values)))
    return Evaluation(scored.values.sum(axis=1), np.ones(len(scored.values)), gradients, lambda: scored.values)


def tversky_score(counts: Counts, alpha: float, beta: float, smooth_nr: float, smooth_dr: float) -> Scored:
    """1 - (TP + nr) / (TP + alpha FP + beta FN + dr), as (alpha FP + beta FN + dr - nr) / denominator."""
    tp = counts.tp
    missed = alpha * counts.fp + beta * counts.fn
    whole = tp + missed + smooth_dr
    good, bad = divide_or_infinity(tp + smooth_nr, whole), divide_or_infinity(missed + (smooth_dr - smooth_nr), whole)

    # d (bad / whole) = (d missed * good - d tp * bad) / whole: dp adds t to tp, alpha (1 - t) - beta t to missed
    def by_prediction(c: Array) -> Array:
        unit = divide_or_zero(c, whole)
        return counts.by_prediction(-(beta * good + bad) * unit, alpha * good * unit)

    def by_label(c: Array) -> Array:
        unit = divide_or_zero(c, whole)
        return counts.by_label(-(alpha * good + bad) * unit, beta * good * unit)

    return Scored(bad, by_prediction, by_label)


def squared_score(counts: Counts, smooth_nr: float, smooth_dr: float) -> Scored:
    """1 - (2 sum p t + nr) / (sum p^2 + sum t^2 + dr), as (sum (p - t)^2 + dr - nr) / denominator."""
    p, t = counts.p, counts.t
    difference = p * (1.0 - t) - counts.q * t
    whole = counts.total(p * p) + counts.total(t * t) + smooth_dr
    good = divide_or_infinity(2.0 * counts.tp + smooth_nr, whole)
    bad = divide_or_infinity(counts.total(difference * difference) + (smooth_dr - smooth_nr), whole)

    def slope(c: Array, sign: float, other: Array) -> Array:
        unit = 2.0 * divide_or_zero(c, whole)
        return sign * counts.spread(good * unit) * difference - counts.spread(bad * unit) * other

    return Scored(bad, lambda c: slope(c, 1.0, t), lambda c: slope(c, -1.0, p))


def through(scored: Scored, values: Array, rate: Array) -> Scored:
    """Apply a function to the scores, given its values and its derivative."""
    return Scored(values, lambda c: scored.by_prediction(c * rate), lambda c: scored.by_label(c * rate))
