"""Overlap of predicted and true masks.

Masks are (n, c, ...); overlaps are summed over each sample's positions, class by class, and averaged over the classes. With `batch`
they are summed over the whole batch, which is then one sample. The kernels take 1 - overlap as a ratio of sums of non-negative
numbers, so that a nearly perfect mask keeps its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np

from service.losses.binary import binary_cross_entropy_with_logits, sigmoid_focal
from service.losses.classification import cross_entropy, softmax_focal
from service.losses.core import BinaryLogits, Bound, ClassWeight, Evaluation, Logits, NonNegative, Positive, Pullback, loss
from service.losses.errors import InvalidTensor
from service.losses.numerics import LN2, Softmax, per_sample_size, sigmoid, spread, times
from service.losses.tensors import UNIT, Array, Domain, Tensor

Masks = Annotated[
    Array,
    Tensor(
        "n c ...", narrowed=(("activation", "none", UNIT),), gradient="default", description="predicted masks; `activation` makes them probabilities"
    ),
]
MaskLabels = Annotated[
    Array,
    Tensor("n c ...", domain=UNIT, gradient="on request", description="true masks (n, c, ...) in [0, 1], or the index of the true class (n, ...)"),
    Tensor("n ...", kind="integer", below="c"),
]
FixedMaskLabels = Annotated[
    Array,
    Tensor("n c ...", domain=UNIT, description="true masks (n, c, ...) in [0, 1], or the index of the true class (n, ...)"),
    Tensor("n ...", kind="integer", below="c"),
]
TrueClasses = Annotated[Array, Tensor("n ...", kind="integer", below="c", besides="ignore_index", description="index of the true class")]
ZeroOrOne = Annotated[Array, Tensor("n ...", kind="integer", domain=Domain(values=(0, 1)), description="true mask, 0 or 1")]

Activation = Literal["none", "sigmoid", "softmax"]

CANCELS = Bound(2e-14, 1e-12, "smoothing more above than below makes a difference of the numerator; gradients are differences of slopes")
ALIKE = Bound(2e-14, 1.0, "a gradient through the softmax is a difference of the classes' slopes, which cancel where classes are alike to rounding")

LEAST_SIZE = 1e-100  # of a true mask that weighs by the inverse of its size

EXAMPLE = {"predictions": [[[0.9, 0.2, 0.1], [0.1, 0.8, 0.9]]], "labels": [[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]]}
EXAMPLE_LOGITS = {"predictions": [[[2.0, -1.0, -2.0], [-2.0, 1.0, 2.0]]], "labels": [[0, 1, 1]]}


# ------------------------------------------------------------------ kernels


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
        """Where all positions have the same value."""
        same: Array = values.max(axis=self.axes) == values.min(axis=self.axes)
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


def ratio(numerator: Array, denominator: Array) -> Array:
    """Numerator / denominator with 0 / 0 = 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=(numerator != 0) | (denominator != 0))


def over(numerator: Array, denominator: Array) -> Array:
    """Numerator / denominator, and 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator != 0)


def tversky_score(counts: Counts, alpha: float, beta: float, smooth_nr: float, smooth_dr: float) -> Scored:
    """1 - (TP + nr) / (TP + alpha FP + beta FN + dr), as (alpha FP + beta FN + dr - nr) / denominator."""
    tp = counts.tp
    missed = alpha * counts.fp + beta * counts.fn
    whole = tp + missed + smooth_dr
    good, bad = ratio(tp + smooth_nr, whole), ratio(missed + (smooth_dr - smooth_nr), whole)

    # d (bad / whole) = (d missed * good - d tp * bad) / whole: dp adds t to tp, alpha (1 - t) - beta t to missed
    def by_prediction(c: Array) -> Array:
        unit = over(c, whole)
        return counts.by_prediction(-(beta * good + bad) * unit, alpha * good * unit)

    def by_label(c: Array) -> Array:
        unit = over(c, whole)
        return counts.by_label(-(alpha * good + bad) * unit, beta * good * unit)

    return Scored(bad, by_prediction, by_label)


def squared_score(counts: Counts, smooth_nr: float, smooth_dr: float) -> Scored:
    """1 - (2 sum p t + nr) / (sum p^2 + sum t^2 + dr), as (sum (p - t)^2 + dr - nr) / denominator."""
    p, t = counts.p, counts.t
    difference = p * (1.0 - t) - counts.q * t
    whole = counts.total(p * p) + counts.total(t * t) + smooth_dr
    good = ratio(2.0 * counts.tp + smooth_nr, whole)
    bad = ratio(counts.total(difference * difference) + (smooth_dr - smooth_nr), whole)

    def slope(c: Array, sign: float, other: Array) -> Array:
        unit = 2.0 * over(c, whole)
        return sign * counts.spread(good * unit) * difference - counts.spread(bad * unit) * other

    return Scored(bad, lambda c: slope(c, 1.0, t), lambda c: slope(c, -1.0, p))


def through(scored: Scored, values: Array, rate: Array) -> Scored:
    """A function of the scores: its values and its derivative."""
    return Scored(values, lambda c: scored.by_prediction(c * rate), lambda c: scored.by_label(c * rate))


# ------------------------------------------------------------------ losses


@loss(example=EXAMPLE, merges=False, bound=CANCELS)
def dice(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    squared_pred: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Evaluation:
    r"""One minus twice the intersection over the sum of both masks, for each class.

    MONAI's names and defaults. The other libraries are: keras smooth_nr 0, smooth_dr 1e-7 and batch; optax smooth_nr = smooth_dr = 2
    (its smooth of 1 counts twice); segmentation_models_pytorch 0 and 0 with batch, but it leaves out classes that no mask has.
    0 / 0, which is no mask of either side without smoothing, is the loss 0. Without `batch`, answers over shards of a batch merge.

    Formula: \ell_c = 1 - \frac{2 \sum p t + s_{nr}}{\sum p + \sum t + s_{dr}}
    activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.
    smooth_nr: added to the numerator.
    smooth_dr: added to the denominator.
    squared_pred: the denominator sums the squares of p and t (V-Net).
    include_background: whether class 0 counts; it always does when it is the only one.
    batch: sum over the whole batch instead of each sample.
    Divisor: samples (1 with batch) times the classes that count, whatever their weights (MONAI's rule)
    Synonyms: DiceLoss, dice_loss, soft_dice, binary_dice_loss, BinaryDice
    Reference: Milletari, Navab and Ahmadi, V-Net, 2016, arXiv:1606.04797, section 3
    """

    def score(counts: Counts) -> Scored:
        if squared_pred:
            return squared_score(counts, smooth_nr, smooth_dr)
        return tversky_score(counts, 0.5, 0.5, smooth_nr / 2, smooth_dr / 2)

    return overlap(predictions, labels, score, activation, batch, weight, include_background)


@loss(example=EXAMPLE, merges=False, bound=CANCELS)
def jaccard(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
    batch: bool = False,
) -> Evaluation:
    r"""One minus the intersection over the union of both masks, for each class: soft IoU.

    tversky with alpha = beta = 1. MONAI's DiceLoss(jaccard=True) has twice the intersection over twice the union, so half its smoothing;
    segmentation_models_pytorch has smooth 0 and batch, and another intersection for labels between 0 and 1. 0 / 0 is the loss 0.

    Formula: \ell_c = 1 - \frac{\sum p t + s_{nr}}{\sum p + \sum t - \sum p t + s_{dr}}
    activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.
    smooth_nr: added to the numerator.
    smooth_dr: added to the denominator.
    include_background: whether class 0 counts; it always does when it is the only one.
    batch: sum over the whole batch instead of each sample.
    Divisor: samples (1 with batch) times the classes that count, whatever their weights
    Synonyms: JaccardLoss, jaccard_loss, soft_iou, soft_jaccard
    Reference: Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation, 2016
    """

    def score(counts: Counts) -> Scored:
        return tversky_score(counts, 1.0, 1.0, smooth_nr, smooth_dr)

    return overlap(predictions, labels, score, activation, batch, weight, include_background)


@loss(example=EXAMPLE | {"alpha": 0.3, "beta": 0.7}, merges=False, bound=CANCELS)
def tversky(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    alpha: NonNegative = 0.5,
    beta: NonNegative = 0.5,
    activation: Activation = "none",
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
    batch: bool = False,
) -> Evaluation:
    r"""Dice with a weight of its own for false positives and for false negatives.

    alpha weighs false positives and beta false negatives, as everywhere but in keras, whose alpha weighs false negatives.
    0 / 0 is the loss 0.

    Formula: \ell_c = 1 - \frac{TP + s_{nr}}{TP + \alpha FP + \beta FN + s_{dr}}, \quad TP = \sum p t, \; FP = \sum p (1 - t), \; FN = \sum (1 - p) t
    alpha: weight of false positives.
    beta: weight of false negatives.
    activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.
    smooth_nr: added to the numerator.
    smooth_dr: added to the denominator.
    include_background: whether class 0 counts; it always does when it is the only one.
    batch: sum over the whole batch instead of each sample.
    Divisor: samples (1 with batch) times the classes that count, whatever their weights
    Synonyms: TverskyLoss, tversky_loss
    Reference: Salehi, Erdogmus and Gholipour, Tversky loss function for image segmentation, 2017, arXiv:1706.05721, equation 3
    """

    def score(counts: Counts) -> Scored:
        return tversky_score(counts, alpha, beta, smooth_nr, smooth_dr)

    return overlap(predictions, labels, score, activation, batch, weight, include_background)


@loss(example=EXAMPLE, merges=False, bound=CANCELS)
def focal_tversky(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    alpha: NonNegative = 0.3,
    beta: NonNegative = 0.7,
    gamma: Positive = 4.0 / 3.0,
    exponent: Literal["inverse", "gamma"] = "inverse",
    activation: Activation = "none",
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
    batch: bool = False,
) -> Evaluation:
    r"""The Tversky loss raised to a power, class by class, so that small or hard regions weigh more.

    The paper's alpha is our beta. segmentation_models_pytorch has the exponent gamma, on the mean over the classes; MONAI's exponent
    1 - gamma is `exponent` gamma with gamma replaced by it, and it leaves the background without the power. The gradient at loss 0 is 0.
    A negative Tversky loss, which smooth_nr > smooth_dr makes possible, counts as 0.

    Formula: \ell_c = (1 - TI_c)^{1 / \gamma}, \quad 1 - TI_c \text{ as in tversky}
    alpha: weight of false positives.
    beta: weight of false negatives.
    gamma: focusing parameter.
    exponent: inverse is 1 / gamma (the paper), gamma is gamma itself.
    activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.
    smooth_nr: added to the numerator.
    smooth_dr: added to the denominator.
    include_background: whether class 0 counts; it always does when it is the only one.
    batch: sum over the whole batch instead of each sample.
    Divisor: samples (1 with batch) times the classes that count, whatever their weights
    Synonyms: FocalTverskyLoss, focal_tversky_loss, AsymmetricFocalTverskyLoss
    Reference: Abraham and Khan, A Novel Focal Tversky Loss Function with Improved Attention U-Net, 2018, arXiv:1810.07842, equation 4
    """
    power = gamma if exponent == "gamma" else 1.0 / gamma

    def score(counts: Counts) -> Scored:
        plain = tversky_score(counts, alpha, beta, smooth_nr, smooth_dr)
        base = np.maximum(plain.values, 0.0)
        rate = np.power(base, power - 1.0, out=np.zeros_like(base), where=base > 0)
        return through(plain, base**power, power * rate)

    return overlap(predictions, labels, score, activation, batch, weight, include_background)


@loss(example=EXAMPLE, merges=False, bound=CANCELS)
def log_cosh_dice(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
    batch: bool = False,
) -> Evaluation:
    r"""The logarithm of the hyperbolic cosine of the Dice loss of each class.

    Formula: \ell_c = \log \cosh(\mathrm{dice}_c)
    activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.
    smooth_nr: added to the numerator of dice.
    smooth_dr: added to the denominator of dice.
    include_background: whether class 0 counts; it always does when it is the only one.
    batch: sum over the whole batch instead of each sample.
    Divisor: samples (1 with batch) times the classes that count, whatever their weights
    Synonyms: LogCoshDiceLoss, log_cosh_dice_loss
    Reference: Jadon, A survey of loss functions for semantic segmentation, 2020, arXiv:2006.14822, section 3.11
    """

    def score(counts: Counts) -> Scored:
        plain = tversky_score(counts, 0.5, 0.5, smooth_nr / 2, smooth_dr / 2)
        size = np.abs(plain.values)
        large = size + np.log1p(np.exp(-2.0 * size)) - LN2
        return through(plain, np.where(size > 1, large, 0.5 * np.log1p(np.square(np.sinh(np.minimum(size, 1.0))))), np.tanh(plain.values))

    return overlap(predictions, labels, score, activation, batch, weight, include_background)


@loss(example=EXAMPLE, merges=False, bound=CANCELS)
def generalized_dice(
    predictions: Masks,
    labels: FixedMaskLabels,
    *,
    activation: Activation = "none",
    convention: Literal["monai", "optax"] = "monai",
    weighting: Literal["square", "simple", "uniform"] = "square",
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
) -> Evaluation:
    r"""Dice over all classes, each weighed by the inverse of its true size.

    Two losses have this name. monai (and the paper): one ratio of weighted sums for each sample; a class that a sample does not have
    weighs as much as its heaviest. optax: the weighted mean of the classes' Dice losses, with weights 1 / (T^2 + 1e-7) from the whole
    batch, scaled to the mean 1; its smooth of 1 is smooth_nr = smooth_dr = 2. The weights are constants: labels have no gradient.
    With soft labels a class's true size is 0 or at least 1e-100.

    Formula: \ell = 1 - \frac{2 \sum_c w_c \sum p t + s_{nr}}{\sum_c w_c (\sum p + \sum t) + s_{dr}}, \quad w_c = 1 / (\sum t)^2
    activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.
    convention: monai is one ratio, optax a mean of ratios.
    weighting: a class's weight: square is 1 / size^2, simple 1 / size, uniform 1; optax's is always square.
    smooth_nr: added to the numerator.
    smooth_dr: added to the denominator.
    include_background: whether class 0 counts; it always does when it is the only one.
    Divisor: the number of samples; with optax times the classes that count
    Synonyms: GeneralizedDiceLoss, generalized_dice_loss, GDL, multiclass_generalized_dice_loss
    Reference: Sudre et al., Generalised Dice overlap as a deep learning loss function for highly unbalanced segmentations, 2017, arXiv:1707.03237, section 2.1
    """
    if convention == "optax":
        size = masks(labels, predictions).sum(axis=(0, *range(2, predictions.ndim)), dtype=np.float64)
        inverse = 1.0 / (size * size + 1e-7)

        def dice_score(counts: Counts) -> Scored:
            return tversky_score(counts, 0.5, 0.5, smooth_nr / 2, smooth_dr / 2)

        weights = len(size) * inverse / inverse.sum()
        result = overlap(predictions, labels, dice_score, activation, False, weights, include_background)
        return replace(result, gradients={"predictions": result.gradients["predictions"]})
    power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
    return _one_ratio(predictions, labels, activation, power, smooth_nr, smooth_dr, include_background)


def _one_ratio(
    predictions: Array, labels: Array, activation: Activation, power: int, smooth_nr: float, smooth_dr: float, include_background: bool
) -> Evaluation:
    """Sums over the classes weighed by 1 / size^power."""
    made = activated(predictions, activation)
    counts = counted(made, labels, False)
    used, _ = class_weights(predictions.shape[1], None, include_background)
    weights = inverse_sizes(counts.total(counts.t), used, power)
    twice, missed = 2.0 * (weights * counts.tp).sum(axis=1), (weights * (counts.fp + counts.fn)).sum(axis=1)
    whole = twice + missed + smooth_dr
    good, bad = ratio(twice + smooth_nr, whole), ratio(missed + (smooth_dr - smooth_nr), whole)

    def pullback(c: Array) -> Array:
        each = over(c, whole)[:, None] * weights
        return made.back(counts.by_prediction(-(1.0 + bad)[:, None] * each, good[:, None] * each))

    return Evaluation(bad, np.ones(len(bad)), {"predictions": pullback}, lambda: bad)


def inverse_sizes(size: Array, used: Array, power: int) -> Array:
    """1 / size^power of each class (rows, classes); a class that is not there weighs as much as the heaviest of its row."""
    small = (size > 0) & (size < LEAST_SIZE) & (power > 0)
    if small.any():
        row, column = (int(axis[0]) for axis in small.nonzero())
        raise InvalidTensor(
            "labels", f"has the size {size[row, column].item()!r}; the size of a true mask is 0 or at least {LEAST_SIZE}", (row, column)
        )
    if power == 0:
        return np.broadcast_to(used, size.shape)
    there = (size > 0) & (used > 0)
    inverse = np.where(there, np.where(there, size, 1.0) ** -float(power), 0.0)
    return used * np.where(there, inverse, inverse.max(axis=1, keepdims=True, initial=0.0))


@loss(example=EXAMPLE_LOGITS, bound=ALIKE)
def dice_ce(
    predictions: Logits,
    labels: MaskLabels,
    *,
    activation: Literal["softmax", "sigmoid"] = "softmax",
    lambda_dice: NonNegative = 1.0,
    lambda_ce: NonNegative = 1.0,
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
) -> Evaluation:
    r"""The sum of dice and cross entropy, each sample's mean of both.

    Formula: \ell = \lambda_1 \, \overline{\mathrm{dice}}_c + \lambda_2 \, \overline{\mathrm{CE}}
    predictions: raw scores, one for each class.
    activation: softmax with cross_entropy, or sigmoid with binary_cross_entropy_with_logits.
    lambda_dice: weight of the part `dice`.
    lambda_ce: weight of the part `ce`.
    smooth_nr: added to the numerator of dice.
    smooth_dr: added to the denominator of dice.
    include_background: whether class 0 counts in dice; in the cross entropy it always does.
    Divisor: the number of samples; dice is a mean over classes, cross entropy one over positions (and classes, with sigmoid)
    Synonyms: DiceCELoss, dice_cross_entropy, combo
    Reference: Taghanaki et al., Combo Loss, 2018, arXiv:1805.02798; Isensee et al., nnU-Net, 2018, arXiv:1809.10486, section 2.3
    """
    region = _dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background)
    if activation == "softmax":
        entropy = cross_entropy.function(predictions, labels)
    else:
        entropy = _with_labels_of(binary_cross_entropy_with_logits.function(predictions, masks(labels, predictions)), labels, predictions)
    return summed({"dice": (lambda_dice, region), "ce": (lambda_ce, _mean_of_positions(entropy, predictions, activation))})


def _dice(predictions: Array, labels: Array, activation: Activation, smooth_nr: float, smooth_dr: float, background: bool) -> Evaluation:
    return dice.function(predictions, labels, activation=activation, smooth_nr=smooth_nr, smooth_dr=smooth_dr, include_background=background)


def _with_labels_of(term: Evaluation, labels: Array, like: Array) -> Evaluation:
    """Without the gradient of labels that are class indices."""
    if labels.ndim == like.ndim:
        return term
    return replace(term, gradients={"predictions": term.gradients["predictions"]})


def _mean_of_positions(term: Evaluation, like: Array, activation: Activation) -> Evaluation:
    """The term with each sample's own number of elements for its divisor."""
    size = per_sample_size(like) / (like.shape[1] if activation == "softmax" else 1)
    return replace(term, weight=size)


def summed(terms: dict[str, tuple[float, Evaluation]]) -> Evaluation:
    """The sum of the terms' means, sample by sample; each input's gradient is the sum of those of the terms that have it."""
    means = {name: term.numerator / term.weight for name, (_, term) in terms.items()}
    scales = [(factor, term) for factor, term in terms.values()]

    def pulled(wrt: str) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            return np.sum([term.gradients[wrt](cotangent * factor / term.weight) for factor, term in scales], axis=0)

        return pullback

    total = sum((factor * means[name] for name, (factor, _) in terms.items()), np.zeros(1))
    shared = set.intersection(*(set(term.gradients) for _, term in scales))
    return Evaluation(total, np.ones(len(total)), {wrt: pulled(wrt) for wrt in sorted(shared)}, parts=means)


@loss(example=EXAMPLE_LOGITS, bound=ALIKE)
def dice_focal(
    predictions: Logits,
    labels: MaskLabels,
    *,
    activation: Literal["softmax", "sigmoid"] = "sigmoid",
    gamma: NonNegative = 2.0,
    lambda_dice: NonNegative = 1.0,
    lambda_focal: NonNegative = 1.0,
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
) -> Evaluation:
    r"""The sum of dice and the focal loss, each sample's mean of both.

    Formula: \ell = \lambda_1 \, \overline{\mathrm{dice}}_c + \lambda_2 \, \overline{\mathrm{focal}}_\gamma
    predictions: raw scores, one for each class.
    activation: sigmoid with sigmoid_focal (alpha off), or softmax with softmax_focal, which takes class indices as labels and is a mean over positions where MONAI's is one over positions and classes.
    gamma: focusing exponent.
    lambda_dice: weight of the part `dice`.
    lambda_focal: weight of the part `focal`.
    smooth_nr: added to the numerator of dice.
    smooth_dr: added to the denominator of dice.
    include_background: whether class 0 counts in dice; in the focal loss it always does.
    Divisor: the number of samples; dice is a mean over classes, the focal loss one over positions (and classes, with sigmoid)
    Synonyms: DiceFocalLoss, dice_focal_loss
    Reference: Zhu et al., AnatomyNet, 2018, arXiv:1808.05238, section 2.4; MONAI DiceFocalLoss
    """
    region = _dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background)
    if activation == "sigmoid":
        focal = sigmoid_focal.function(predictions, masks(labels, predictions), gamma=gamma, alpha=-1.0)
        focal = _with_labels_of(focal, labels, predictions)
    elif labels.ndim == predictions.ndim:
        raise InvalidTensor("labels", f"has shape {labels.shape}; with activation softmax it is class indices, (n, ...)")
    else:
        focal = softmax_focal.function(predictions, labels, gamma=gamma)
    return summed({"dice": (lambda_dice, region), "focal": (lambda_focal, _mean_of_positions(focal, predictions, activation))})


@loss(example=EXAMPLE, merges=False, bound=CANCELS)
def mcc(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    include_background: bool = True,
    batch: bool = False,
) -> Evaluation:
    r"""One minus the Matthews correlation of predicted and true masks, for each class.

    The correlation of a mask that is everywhere or nowhere is 0 / 0, which is 0, as in scikit-learn, and its gradient is 0. Libraries add
    1e-5 to the four counts (segmentation_models_pytorch, over the whole batch) or to the denominator (MONAI) instead.

    Formula: \ell_c = 1 - \frac{TP \cdot TN - FP \cdot FN}{\sqrt{(TP + FP)(TP + FN)(TN + FP)(TN + FN)}}
    activation: none takes predictions as probabilities, sigmoid and softmax (over the class axis) as logits.
    include_background: whether class 0 counts; it always does when it is the only one.
    batch: sum over the whole batch instead of each sample.
    Divisor: samples (1 with batch) times the classes that count, whatever their weights
    Synonyms: MCCLoss, mcc_loss, matthews, matthews_correlation
    Reference: Abhishek and Hamarneh, Matthews Correlation Coefficient Loss for Deep Convolutional Networks, 2020, arXiv:2010.13454, equation 3
    """
    return overlap(predictions, labels, _mcc_score, activation, batch, weight, include_background)


def _mcc_score(counts: Counts) -> Scored:
    tp, tn, fp, fn = counts.tp, counts.tn, counts.fp, counts.fn
    said, true = (np.sqrt(tp + fp), np.sqrt(tn + fn)), (np.sqrt(tp + fn), np.sqrt(tn + fp))
    good = ratio(tp, said[0] * true[0]) * ratio(tn, said[1] * true[1])
    correlation = good - ratio(fp, said[0] * true[1]) * ratio(fn, said[1] * true[0])
    flat = counts.constant(counts.p), counts.constant(counts.t)
    correlation = np.where(flat[0] | flat[1], 0.0, correlation)

    def by(of: tuple[Array, Array], other: tuple[Array, Array], none: Array, c: Array) -> tuple[Array, Array]:
        """The slope where the other side is 1 and where it is 0: d r / d (one more positive of `of`)."""
        c = np.where((of[0] > 0) & (of[1] > 0) & (other[0] > 0) & (other[1] > 0) & ~none, c, 0.0)
        half = np.broadcast_to(0.5 * correlation, c.shape)
        middle = over(half, of[0] * of[0]) - over(half, of[1] * of[1])
        at_one = middle - over(over(other[1], other[0]), of[0] * of[1])
        at_zero = middle + over(over(other[0], other[1]), of[0] * of[1])
        return times(c, at_one), times(c, at_zero)

    return Scored(
        np.where(correlation < 0.5, 1.0 - correlation, _nearly_correlated(tp, tn, fp, fn)),
        lambda c: counts.by_prediction(*by(said, true, flat[1], c)),
        lambda c: counts.by_label(*by(true, said, flat[0], c)),
    )


def _nearly_correlated(tp: Array, tn: Array, fp: Array, fn: Array) -> Array:
    """1 - r as (d^2 - cov^2) / (d (d + cov)), where d^2 - cov^2 is a sum of products of counts; for r well above 0."""
    a, b, c, e = ratio(fp, tp), ratio(fn, tp), ratio(fp, tn), ratio(fn, tn)
    d = np.sqrt((1.0 + a) * (1.0 + b) * (1.0 + c) * (1.0 + e))
    difference = 4.0 * a * e + (1.0 + a * e) * (a + b + c + e) + (a + e) * (b + c)
    return difference / (d * (d + (1.0 - a * e)))


@loss(example={"predictions": [[2.0, -1.0, 0.5, -0.3]], "labels": [[1, 0, 0, 1]]}, merges=False)
def lovasz_hinge(predictions: BinaryLogits, labels: ZeroOrOne, *, batch: bool = False) -> Evaluation:
    r"""The convex extension of the Jaccard loss to hinge errors of a binary mask.

    All positions of a sample (or of the batch) are sorted by their error; equal errors keep their order, which decides the gradient among
    them. The gradient where an error is exactly 0 is 0. Without `batch` answers over shards merge.

    Formula: \ell = \sum_i \max(0, e_{(i)}) \, \Delta J_i, \quad e_i = 1 - (2 t_i - 1) x_i \text{ in descending order}
    batch: sort over the whole batch instead of each sample (segmentation_models_pytorch's per_image=False).
    Divisor: the number of samples, or 1 with batch
    Synonyms: lovasz_hinge_loss, LovaszHingeLoss, binary_lovasz
    Reference: Berman, Rannen Triki and Blaschko, The Lovász-Softmax loss, 2018, arXiv:1705.08790, equation 9
    """
    rows = (1, -1) if batch else (len(predictions), int(np.prod(predictions.shape[1:])))
    x, y = predictions.reshape(rows), labels.reshape(rows)
    sign = (2 * y - 1).astype(x.dtype)
    margin = sign * x
    order = np.argsort(margin, axis=1, kind="stable")
    weights = np.empty_like(x)
    np.put_along_axis(weights, order, jaccard_steps(np.take_along_axis(y, order, 1)).astype(x.dtype), 1)
    errors = np.maximum(1.0 - margin, 0.0)
    slope = -sign * weights * (margin < 1.0)
    values = (errors * weights).sum(axis=1, dtype=np.float64)
    gradients = {"predictions": lambda c: (spread(c, x) * slope).reshape(predictions.shape)}
    return Evaluation(values, np.ones(len(values)), gradients)


def jaccard_steps(positive: Array, counted: Array | None = None) -> Array:
    """By how much the Jaccard loss grows with each error, given 0/1 masks (..., m) in the order of descending error.

    A miss grows it by 1 / union, a false alarm by intersection / (union (union - 1)): no difference is taken.
    """
    there = positive.sum(axis=-1, keepdims=True)
    negative = (1 - positive) if counted is None else (1 - positive) * counted
    false = np.cumsum(negative, axis=-1)
    union = (there + false).astype(np.float64)
    left = there - np.cumsum(positive, axis=-1)
    alarm = np.where(union > 1, left / (union * np.maximum(union - 1, 1)), 1.0 * (there == 0))
    return np.where(positive == 1, 1.0 / np.maximum(union, 1.0), alarm * negative)


@loss(example=EXAMPLE_LOGITS, merges=False)
def lovasz_softmax(
    predictions: Masks,
    labels: TrueClasses,
    *,
    activation: Literal["softmax", "none"] = "softmax",
    classes: Literal["present", "all"] = "present",
    ignore_index: int = -100,
    batch: bool = False,
) -> Evaluation:
    r"""The convex extension of the Jaccard loss to the errors of class probabilities, averaged over classes.

    Equal errors keep their order, which decides the gradient among them. Without `batch` answers over shards merge.

    Formula: \ell = \frac{1}{|C|} \sum_{c \in C} \sum_i e^c_{(i)} \, \Delta J^c_i, \quad e^c_i = |[y_i = c] - p_{ic}| \text{ in descending order}
    activation: softmax takes predictions as logits, none as probabilities.
    classes: which classes the mean is over: those that the labels have (Berman, segmentation_models_pytorch), or all (kornia).
    ignore_index: class index that does not count.
    batch: sort over the whole batch instead of each sample (per_image=False of Berman's code).
    Divisor: the number of samples, or 1 with batch
    Synonyms: lovasz_softmax_loss, LovaszSoftmaxLoss, LovaszLoss
    Reference: Berman, Rannen Triki and Blaschko, The Lovász-Softmax loss, 2018, arXiv:1705.08790, equations 11 and 12
    """
    made = activated(predictions, activation)
    count = predictions.shape[1]

    def by_class(values: Array) -> Array:
        """(n, c, ...) as (rows, c, positions)."""
        flat = values.reshape(len(values), count, int(np.prod(values.shape[2:])))
        return flat.transpose(1, 0, 2).reshape(1, count, -1) if batch else flat

    kept = np.broadcast_to((labels != ignore_index)[:, None], predictions.shape)
    true = by_class(((np.arange(count).reshape(1, -1, *(1,) * (labels.ndim - 1)) == labels[:, None]) & kept).astype(np.int64))
    kept = by_class(kept)
    errors = np.where(true == 1, by_class(made.q), by_class(made.p)) * kept
    order = np.argsort(np.where(kept, -errors, 1.0), axis=2, kind="stable")
    steps = jaccard_steps(np.take_along_axis(true, order, 2), np.take_along_axis(kept, order, 2))
    weights = np.empty_like(errors)
    np.put_along_axis(weights, order, steps.astype(errors.dtype), 2)
    present = (true.sum(axis=2) > 0) if classes == "present" else np.ones(true.shape[:2], bool)
    share = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
    values = ((errors * weights).sum(axis=2, dtype=np.float64) * share).sum(axis=1)

    def pullback(cotangent: Array) -> Array:
        slope = np.where(true == 1, -weights, weights) * (cotangent[:, None] * share).astype(errors.dtype)[:, :, None]
        if batch:
            slope = slope.reshape(count, len(predictions), -1).transpose(1, 0, 2)
        return made.back(slope.reshape(predictions.shape))

    return Evaluation(values, np.ones(len(values)), {"predictions": pullback})
