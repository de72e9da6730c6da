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

from service.losses.declaration import INCLUDED, UNIT, Bound, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, without_void
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
        "n c ...",
        domain=UNIT,
        besides="ignore_index",
        gradient="on request",
        description="true masks (n, c, ...) in [0, 1], or the index of the true class (n, ...)",
    ),
    TensorSpec("n ...", kind="integer", below="c", besides="ignore_index"),
]
RegionMask = Annotated[
    Array,
    TensorSpec(
        "n ...", kind="integer", domain=INCLUDED, description="1 for the positions, or the elements (n, c, ...), to include, 0 for the others"
    ),
    TensorSpec("n c ...", kind="integer", domain=INCLUDED),
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
Absent = Annotated[
    Literal["as_is", "zero", "leave_out"],
    annotated_types.doc(
        "classes that the labels do not have, within the sample (or the batch): as_is counts them as any other class (MONAI, keras), "
        "zero gives them the loss 0 (segmentation_models_pytorch), leave_out excludes them from the mean."
    ),
]
Intersection = Annotated[
    Literal["product", "minimum"],
    annotated_types.doc(
        "intersection of soft masks: product sums p t; minimum sums min(p, t), which is largest where p = t for any t in [0, 1] "
        "(MONAI's soft_label, segmentation_models_pytorch). Both are equal for labels of 0 and 1."
    ),
]
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
    """Sums over positions of true and false positives and negatives, (rows, classes); a row is a sample, or the batch.

    kept: 1 for the elements to include, 0 where p, q and t are 0 too; None for all. minimum: of p and t is the intersection, instead of p t.
    """

    p: Array
    q: Array
    t: Array
    axes: tuple[int, ...]
    kept: Array | None = None
    minimum: bool = False

    def total(self, values: Array) -> Array:
        """The float64 sum over positions."""
        return values.sum(axis=self.axes, dtype=np.float64).reshape(-1, self.p.shape[1])

    def constant(self, values: Array) -> Array:
        """Return the value that all positions share, as in an empty batch."""
        where = True if self.kept is None else self.kept != 0
        top = values.max(axis=self.axes, initial=-np.inf, where=where)
        same: Array = top <= values.min(axis=self.axes, initial=np.inf, where=where)
        return same.reshape(-1, self.p.shape[1])

    @property
    def u(self) -> Array:
        """Return 1 - t."""
        return (1.0 if self.kept is None else self.kept) - self.t

    @property
    def difference(self) -> Array:
        """Return p - t."""
        return self.p * self.u - self.q * self.t

    @property
    def tp(self) -> Array:
        """Sum of p t."""
        return self.total(np.minimum(self.p, self.t) if self.minimum else self.p * self.t)

    @property
    def fp(self) -> Array:
        """Sum of p (1 - t)."""
        return self.total(np.maximum(self.difference, 0.0) if self.minimum else self.p * self.u)

    @property
    def fn(self) -> Array:
        """Sum of (1 - p) t."""
        return self.total(np.maximum(-self.difference, 0.0) if self.minimum else self.q * self.t)

    @property
    def tn(self) -> Array:
        """Sum of (1 - p) (1 - t)."""
        return self.total(self.q * self.u)

    def spread(self, rows: Array) -> Array:
        """Broadcast (rows, classes) against the masks, in their type."""
        return rows.astype(self.p.dtype).reshape(rows.shape + (1,) * (self.p.ndim - 2))

    def by_prediction(self, at_one: Array, at_zero: Array) -> Array:
        """Return a slope on p that is `at_one` where t = 1 and `at_zero` where t = 0, and linear in between, or by which of p and t is larger."""
        one, zero = self._larger(self.t, -self.difference) if self.minimum else (self.t, self.u)
        return self.spread(at_one) * one + self.spread(at_zero) * zero

    def by_label(self, at_one: Array, at_zero: Array) -> Array:
        """Return a slope on t that is `at_one` where p = 1 and `at_zero` where p = 0, and linear in between, or by which of p and t is larger."""
        one, zero = self._larger(self.p, self.difference) if self.minimum else (self.p, self.q)
        return self.spread(at_one) * one + self.spread(at_zero) * zero

    @staticmethod
    def _larger(value: Array, difference: Array) -> tuple[Array, Array]:
        """Return 1 where the difference is positive, and 1 where it is negative; the slopes of the product where p = t."""
        one = np.where(difference == 0, value, difference > 0).astype(value.dtype, copy=False)
        return one, 1.0 - one


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


def counted(values: list[Array], kept: Array | None, batch: bool, intersection: Intersection = "product") -> Counts:
    """Return the counts of masks p, 1 - p and t, for each sample or for the batch."""
    axes = tuple(range(2, values[0].ndim))
    here = None if kept is None else kept.astype(values[0].dtype)
    p, q, t = values if here is None else [x * here for x in values]
    return Counts(p, q, t, (0, *axes) if batch else axes, here, intersection == "minimum")


@dataclass(frozen=True)
class Included:
    """Parts of masks that have a loss: the elements by mask and label, and the classes by those of the labels."""

    mask: Array | None = None
    ignore_index: int = -100
    absent: Absent = "as_is"

    def shares(self, counts: Counts, used: Array, shape: tuple[int, ...]) -> tuple[Array, Array | float]:
        """Return each class's share of the divisor, of the shape (rows, classes), and a factor of its loss, given the classes in use."""
        shares = np.broadcast_to(used, shape)
        if counts.kept is not None:
            shares = shares * (counts.total(counts.kept) > 0)
        if self.absent == "as_is":
            return shares, 1.0
        there = counts.total(counts.t) > 0
        return (shares, there) if self.absent == "zero" else (shares * there, 1.0)


def overlap(
    predictions: Array,
    labels: Array,
    score: Callable[[Counts], Scored],
    activation: Activation,
    batch: bool,
    weight: Array | None = None,
    include_background: bool = True,
    classes_are: ClassesAre = "apart",
    intersection: Intersection = "product",
    included: Included = Included(),
) -> Evaluation:
    """Build the Evaluation from a score of each class."""
    made = activated(predictions, activation)
    labels, kept = without_void(predictions, labels, included.ignore_index, included.mask)
    values = [made.p, made.q, masks(labels, made.p)]
    weights, _ = class_weights(predictions.shape[1], weight, include_background)
    used, _ = class_weights(predictions.shape[1], None, include_background)
    if classes_are == "together":
        if weight is not None:
            raise InvalidTensor("weight", "not allowed with classes_are together; expected no weights, got some")
        foreground = used.astype(bool).reshape(1, -1, *(1,) * (predictions.ndim - 2))
        kept = np.broadcast_to(foreground if kept is None else kept & foreground, predictions.shape)
        row = len(predictions), 1, math.prod(predictions.shape[1:])
        values, kept = [x.reshape(row) for x in values], kept.reshape(row)
        weights = used = np.ones(1)
    counts = counted(values, kept, batch, intersection)
    scored = score(counts)
    shares, factor = included.shares(counts, used, scored.values.shape)
    rates = weights * factor * (shares > 0)
    losses = times(rates, scored.values)

    def pulled(slope: Pullback) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            out = slope(spread(cotangent, losses) * rates)
            return (out if counts.kept is None else out * counts.kept).reshape(predictions.shape)

        return pullback

    by_prediction = pulled(scored.by_prediction)
    gradients: dict[str, Pullback] = {"predictions": lambda c: made.back(by_prediction(c))}
    if labels.ndim == predictions.ndim:
        gradients["labels"] = pulled(scored.by_label)
    return Evaluation(losses.sum(axis=1), shares.sum(axis=1), gradients, lambda: losses, shares=shares)


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
    difference = counts.difference
    whole = counts.total(p * p) + counts.total(t * t) + smooth_dr
    good = divide_or_infinity(2.0 * counts.total(p * t) + smooth_nr, whole)
    bad = divide_or_infinity(counts.total(difference * difference) + (smooth_dr - smooth_nr), whole)

    def slope(c: Array, sign: float, other: Array) -> Array:
        unit = 2.0 * divide_or_zero(c, whole)
        return sign * counts.spread(good * unit) * difference - counts.spread(bad * unit) * other

    return Scored(bad, lambda c: slope(c, 1.0, t), lambda c: slope(c, -1.0, p))


def through(scored: Scored, values: Array, rate: Array) -> Scored:
    """Apply a function to the scores, given its values and its derivative."""
    return Scored(values, lambda c: scored.by_prediction(c * rate), lambda c: scored.by_label(c * rate))
