"""What losses of masks are made of.

Masks are (n, c, ...); overlaps are summed over each sample's positions, class by class, and averaged over the classes. With `batch`
they are summed over the whole batch, which is then one sample. The kernels take 1 - overlap as a ratio of sums of non-negative
numbers, so that a nearly perfect mask keeps its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import UNIT, Bound, TensorSpec
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_infinity, divide_or_zero, sigmoid, times
from service.losses.numerics.softmax import Softmax

Masks = Annotated[
    Array,
    TensorSpec(
        "n c ...", narrowed=(("activation", "none", UNIT),), gradient="default", description="predicted masks; `activation` makes them probabilities"
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
CANCELS = Bound(2e-14, 1e-12, "smoothing more above than below makes a difference of the numerator; gradients are differences of slopes")
ALIKE = Bound(2e-14, 1e-12, "gradients are differences of slopes, which cancel where scores, rounded at 1, are alike", "one")
EXAMPLE = {"predictions": [[[0.9, 0.2, 0.1], [0.1, 0.8, 0.9]]], "labels": [[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]]}
EXAMPLE_LOGITS = {"predictions": [[[2.0, -1.0, -2.0], [-2.0, 1.0, 2.0]]], "labels": [[0, 1, 1]]}


@dataclass(frozen=True)
class Probabilities:
    """What an activation makes of predictions: p, 1 - p to full accuracy, and the way back of a gradient on p."""

    p: Array
    q: Array
    back: Callable[[Array], Array]


def activated(predictions: Array, activation: Activation) -> Probabilities:
    """The probabilities of the masks."""
    if activation == "none":
        return Probabilities(predictions, 1.0 - predictions, lambda slope: slope)
    if activation == "sigmoid":
        p, q = sigmoid(predictions), sigmoid(-predictions)
        return Probabilities(p, q, lambda slope: slope * (p * q))
    softmax = Softmax(predictions)
    p = softmax.probabilities()
    return Probabilities(p, softmax.complements, lambda slope: through_softmax(softmax, p, slope))


def through_softmax(softmax: Softmax, p: Array, slope: Array) -> Array:
    """A gradient on p as one on the logits: p_k sum_j p_j (slope_k - slope_j), counted from the likeliest class so that 1 - p keeps its digits."""
    above = slope - np.take_along_axis(slope, softmax.top, 1)
    return p * (above - (p * above).sum(axis=1, keepdims=True))


def masks(labels: Array, like: Array) -> Array:
    """Labels as masks: class indices one-hot."""
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
        """Where all positions have the same value, as those of an empty batch have."""
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
        """(rows, classes) against the masks, in their type."""
        return rows.astype(self.p.dtype).reshape(rows.shape + (1,) * (self.p.ndim - 2))

    def by_prediction(self, at_one: Array, at_zero: Array) -> Array:
        """A slope on p that is `at_one` where t = 1 and `at_zero` where t = 0, and linear between."""
        return self.spread(at_one) * self.t + self.spread(at_zero) * (1.0 - self.t)

    def by_label(self, at_one: Array, at_zero: Array) -> Array:
        """A slope on t that is `at_one` where p = 1 and `at_zero` where p = 0, and linear between."""
        return self.spread(at_one) * self.p + self.spread(at_zero) * self.q


@dataclass(frozen=True)
class Scored:
    """A loss for each row and class, and its slopes on p and t, functions of a cotangent (rows, classes)."""

    values: Array
    by_prediction: Pullback
    by_label: Pullback


def class_weights(classes: int, weight: Array | None, include_background: bool) -> tuple[Array, float]:
    """The weight of each class and how many count."""
    weights = np.ones(classes) if weight is None else weight.astype(np.float64)
    if include_background or classes == 1:
        return weights, float(classes)
    return np.concatenate([[0.0], weights[1:]]), classes - 1.0


def counted(made: Probabilities, labels: Array, batch: bool) -> Counts:
    """The counts of masks, for each sample or for the batch."""
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
) -> Evaluation:
    """The Evaluation of a score of each class."""
    made = activated(predictions, activation)
    scored = score(counted(made, labels, batch))
    weights, classes = class_weights(predictions.shape[1], weight, include_background)
    values = times(weights, scored.values)

    def rows(cotangent: Array) -> Array:
        return cotangent[:, None] * weights

    gradients: dict[str, Pullback] = {"predictions": lambda c: made.back(scored.by_prediction(rows(c)))}
    if labels.ndim == predictions.ndim:
        gradients["labels"] = lambda c: scored.by_label(rows(c))
    return Evaluation(values.sum(axis=1), np.full(len(values), classes), gradients, lambda: values)


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
    """A function of the scores: its values and its derivative."""
    return Scored(values, lambda c: scored.by_prediction(c * rate), lambda c: scored.by_label(c * rate))
