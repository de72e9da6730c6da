"""Overlap of predicted and true masks, class by class: Dice and related losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import UNIT, Bound, ClassWeight, IgnoreIndex, NonNegative, Positive, TensorSpec
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, in_float64, without_void
from service.losses.numerics import Array
from service.losses.numerics.elementary import LN2, divide_or_infinity, divide_or_zero, times
from service.losses.registry import loss
from service.losses.segmentation._shared import (
    CANCELS,
    EXAMPLE,
    Absent,
    Activation,
    ClassesAre,
    Counts,
    IncludeBackground,
    Included,
    Intersection,
    MaskLabels,
    Masks,
    RegionMask,
    Scored,
    SmoothDenominator,
    SmoothNumerator,
    WholeBatch,
    activated,
    class_weights,
    counted,
    masks,
    overlap,
    squared_score,
    through,
    tversky_score,
)

FixedMaskLabels = Annotated[
    Array,
    TensorSpec(
        "n c ...", domain=UNIT, besides="ignore_index", description="true masks (n, c, ...) in [0, 1], or the index of the true class (n, ...)"
    ),
    TensorSpec("n ...", kind="integer", below="c", besides="ignore_index"),
]
LEAST_SIZE = 1e-100  # of a true mask weighted by the inverse of its size


@loss(example=EXAMPLE, merges=False)
def dice(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    smooth_nr: SmoothNumerator = 1e-5,
    smooth_dr: SmoothDenominator = 1e-5,
    squared_pred: bool = False,
    include_background: IncludeBackground = True,
    batch: WholeBatch = False,
    classes_are: ClassesAre = "apart",
    intersection: Intersection = "product",
    absent: Absent = "as_is",
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Dice loss: one minus twice the intersection over the sum of both masks, for each class.

    Names and defaults are MONAI's. Other libraries: keras smooth_nr 0, smooth_dr 1e-7, batch and classes_are together; optax smooth_nr = smooth_dr = 2
    (its smooth of 1 counts twice); segmentation_models_pytorch 0 and 0 with batch, but there a class absent from all labels has the loss 0,
    included in the mean over classes. Here its loss is 1 if any prediction for it is above 0.
    If both masks are empty and there is no smoothing (0 / 0), the loss is 0. Without `batch`, results over shards of a batch merge.

    Use: Semantic segmentation where the foreground has few pixels or voxels; the usual choice for medical images.
    Search: pixel_segmentation, semantic_segmentation, medical_segmentation
    Formula: \ell_c = 1 - \frac{2 \sum p t + s_{nr}}{\sum p + \sum t + s_{dr}}
    Where: p the predicted probability of a position; t `labels`; s_{nr} `smooth_nr`; s_{dr} `smooth_dr`; c a class
    squared_pred: the denominator sums the squares of p and t (V-Net).
    classes_are: apart gives each class a score of its own; together sums over all classes for one score, as keras does, and takes no weight.
    Divisor: samples (1 with batch) times the classes included, regardless of their weights (MONAI's rule)
    Synonyms: DiceLoss, soft_dice, BinaryDice
    Equivalents: monai.losses.DiceLoss, monai.losses.Dice, optax.losses.dice_loss(activation="softmax", smooth_nr=2.0, smooth_dr=2.0),
        optax.losses.binary_dice_loss(activation="sigmoid", smooth_nr=2.0, smooth_dr=2.0),
        keras.losses.Dice(smooth_nr=0.0, smooth_dr=1e-7, batch=True, classes_are="together"),
        keras.losses.dice(smooth_nr=0.0, smooth_dr=1e-7, batch=True, classes_are="together", reduction="mean")
    Reference: Milletari, Navab and Ahmadi, V-Net, 2016, arXiv:1606.04797, section 3
    """

    def score(counts: Counts) -> Scored:
        if squared_pred:
            return squared_score(counts, smooth_nr, smooth_dr)
        return tversky_score(counts, 0.5, 0.5, smooth_nr / 2, smooth_dr / 2)

    included = Included(mask, ignore_index, absent)
    return overlap(predictions, labels, score, activation, batch, weight, include_background, classes_are, intersection, included)


@loss(example=EXAMPLE, merges=False)
def jaccard(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    smooth_nr: SmoothNumerator = 1e-5,
    smooth_dr: SmoothDenominator = 1e-5,
    include_background: IncludeBackground = True,
    batch: WholeBatch = False,
    intersection: Intersection = "product",
    absent: Absent = "as_is",
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Jaccard (soft IoU) loss: one minus the intersection over the union of both masks, for each class.

    Equal to tversky with alpha = beta = 1. MONAI's DiceLoss(jaccard=True) uses twice the intersection over twice the union, thus half the smoothing;
    segmentation_models_pytorch has smooth 0 and batch, and another intersection for labels between 0 and 1. The loss of 0 / 0 is 0.

    Use: Semantic segmentation that is judged by intersection over union (IoU).
    Formula: \ell_c = 1 - \frac{\sum p t + s_{nr}}{\sum p + \sum t - \sum p t + s_{dr}}
    Where: p the predicted probability of a position; t `labels`; s_{nr} `smooth_nr`; s_{dr} `smooth_dr`; c a class
    Divisor: samples (1 with batch) times the classes included, regardless of their weights
    Synonyms: JaccardLoss, jaccard_loss, soft_iou, soft_jaccard
    Reference: Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation, 2016
    """

    def score(counts: Counts) -> Scored:
        return tversky_score(counts, 1.0, 1.0, smooth_nr, smooth_dr)

    included = Included(mask, ignore_index, absent)
    return overlap(predictions, labels, score, activation, batch, weight, include_background, "apart", intersection, included)


@loss(example=EXAMPLE | {"alpha": 0.3, "beta": 0.7}, merges=False, bound=CANCELS)
def tversky(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    alpha: NonNegative = 0.5,
    beta: NonNegative = 0.5,
    activation: Activation = "none",
    smooth_nr: SmoothNumerator = 1e-5,
    smooth_dr: SmoothDenominator = 1e-5,
    include_background: IncludeBackground = True,
    batch: WholeBatch = False,
    classes_are: ClassesAre = "apart",
    intersection: Intersection = "product",
    absent: Absent = "as_is",
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Tversky loss: Dice with separate weights of false positives and false negatives.

    alpha is the weight of false positives and beta of false negatives, except in keras, where alpha is that of false negatives.
    The loss of 0 / 0 is 0.

    Use: Segmentation of small objects, where missed pixels cost more than false ones, or the reverse.
    Formula: \ell_c = 1 - \frac{TP + s_{nr}}{TP + \alpha FP + \beta FN + s_{dr}}, \quad TP = \sum p t, \; FP = \sum p (1 - t), \; FN = \sum (1 - p) t
    Where: p the predicted probability of a position; t `labels`; s_{nr} `smooth_nr`; s_{dr} `smooth_dr`; c a class
    alpha: weight of false positives.
    beta: weight of false negatives.
    classes_are: apart gives each class a score of its own; together sums over all classes for one score, as keras does, and takes no weight.
    Divisor: samples (1 with batch) times the classes included, regardless of their weights
    Synonyms: TverskyLoss, tversky_loss
    Equivalents: monai.losses.TverskyLoss,
        keras.losses.Tversky(smooth_nr=0.0, smooth_dr=1e-7, batch=True, classes_are="together"),
        keras.losses.tversky(smooth_nr=0.0, smooth_dr=1e-7, batch=True, classes_are="together", reduction="mean")
    Reference: Salehi, Erdogmus and Gholipour, Tversky loss function for image segmentation, 2017, arXiv:1706.05721, equation 3
    """

    def score(counts: Counts) -> Scored:
        return tversky_score(counts, alpha, beta, smooth_nr, smooth_dr)

    included = Included(mask, ignore_index, absent)
    return overlap(predictions, labels, score, activation, batch, weight, include_background, classes_are, intersection, included)


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
    smooth_nr: SmoothNumerator = 1e-5,
    smooth_dr: SmoothDenominator = 1e-5,
    include_background: IncludeBackground = True,
    batch: WholeBatch = False,
    intersection: Intersection = "product",
    absent: Absent = "as_is",
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Focal Tversky loss: the Tversky loss of each class raised to a power, which emphasizes small or difficult regions.

    The paper's alpha is beta here. segmentation_models_pytorch applies the exponent gamma to the mean over the classes. MONAI's exponent
    1 - gamma corresponds to `exponent` gamma with that number, and MONAI does not apply it to the background. The gradient at loss 0 is 0.
    A negative Tversky loss (possible if smooth_nr > smooth_dr) is replaced by 0.

    Use: Segmentation of small lesions in medical images.
    Formula: \ell_c = (1 - TI_c)^{1 / \gamma}, \quad 1 - TI_c \text{ as in tversky}
    Where: c a class
    alpha: weight of false positives.
    beta: weight of false negatives.
    gamma: focusing parameter.
    exponent: exponent of the loss; inverse is 1 / gamma (the paper), gamma is gamma itself.
    Divisor: samples (1 with batch) times the classes included, regardless of their weights
    Synonyms: FocalTverskyLoss, focal_tversky_loss, AsymmetricFocalTverskyLoss
    Reference: Abraham and Khan, A Novel Focal Tversky Loss Function with Improved Attention U-Net, 2018, arXiv:1810.07842, equation 4
    """
    power = gamma if exponent == "gamma" else 1.0 / gamma

    def score(counts: Counts) -> Scored:
        plain = tversky_score(counts, alpha, beta, smooth_nr, smooth_dr)
        base = np.maximum(plain.values, 0.0)
        rate = np.power(base, power - 1.0, out=np.zeros_like(base), where=base > 0)
        return through(plain, base**power, power * rate)

    included = Included(mask, ignore_index, absent)
    return overlap(predictions, labels, score, activation, batch, weight, include_background, "apart", intersection, included)


@loss(example=EXAMPLE, merges=False)
def log_cosh_dice(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    smooth_nr: SmoothNumerator = 1e-5,
    smooth_dr: SmoothDenominator = 1e-5,
    include_background: IncludeBackground = True,
    batch: WholeBatch = False,
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Logarithm of the hyperbolic cosine of the Dice loss of each class.

    Use: Segmentation of medical images by a smoother Dice loss.
    Formula: \ell_c = \log \cosh(\mathrm{dice}_c)
    Where: c a class
    smooth_nr: added to the numerator of the Dice loss.
    smooth_dr: added to the denominator of the Dice loss.
    Divisor: samples (1 with batch) times the classes included, regardless of their weights
    Synonyms: LogCoshDiceLoss, log_cosh_dice_loss
    Reference: Jadon, A survey of loss functions for semantic segmentation, 2020, arXiv:2006.14822, section 3.11
    """

    def score(counts: Counts) -> Scored:
        plain = tversky_score(counts, 0.5, 0.5, smooth_nr / 2, smooth_dr / 2)
        size = np.abs(plain.values)
        large = size + np.log1p(np.exp(-2.0 * size)) - LN2
        return through(plain, np.where(size > 1, large, 0.5 * np.log1p(np.square(np.sinh(np.minimum(size, 1.0))))), np.tanh(plain.values))

    return overlap(predictions, labels, score, activation, batch, weight, include_background, included=Included(mask, ignore_index))


@loss(example=EXAMPLE, merges=False, bound=CANCELS)
@in_float64
def generalized_dice(
    predictions: Masks,
    labels: FixedMaskLabels,
    *,
    activation: Activation = "none",
    convention: Literal["monai", "optax"] = "monai",
    weighting: Literal["square", "simple", "uniform"] = "square",
    smooth_nr: SmoothNumerator = 1e-5,
    smooth_dr: SmoothDenominator = 1e-5,
    include_background: IncludeBackground = True,
    batch: WholeBatch = False,
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Generalized Dice loss: Dice over all classes, each weighted by the inverse of its true size.

    Two losses have this name. monai (and the paper): one ratio of weighted sums for each sample; a class absent from a sample
    has the sample's largest weight. optax: the weighted mean of the classes' Dice losses, with weights 1 / (T^2 + 1e-7) from the whole
    batch, scaled to the mean 1; its smooth of 1 is smooth_nr = smooth_dr = 2. The weights are constant, so labels have no gradient.
    With soft labels, the true size of a class must be 0 or at least 1e-100.

    Use: Segmentation with several imbalanced classes in medical images.
    Formula: \ell = 1 - \frac{2 \sum_c w_c \sum p t + s_{nr}}{\sum_c w_c (\sum p + \sum t) + s_{dr}}, \quad w_c = 1 / (\sum t)^2
    Where: p the predicted probability of a position; t `labels`; s_{nr} `smooth_nr`; s_{dr} `smooth_dr`; c a class
    convention: monai for one ratio, optax for a mean of ratios.
    weighting: weight of a class: square is 1 / size^2, simple 1 / size, uniform 1; optax always uses square.
    Divisor: the number of samples; with optax times the classes included
    Synonyms: GeneralizedDiceLoss, generalized_dice_loss, GDL
    Equivalents: monai.losses.GeneralizedDiceLoss,
        optax.losses.multiclass_generalized_dice_loss(convention="optax", activation="softmax", smooth_nr=2.0, smooth_dr=2.0,
        reduction="mean")
    Reference: Sudre et al., Generalised Dice overlap as a deep learning loss function for highly unbalanced segmentations, 2017, arXiv:1707.03237, section 2.1
    """
    if convention == "optax":
        if batch:
            raise InvalidOption("batch", "not available with convention optax; expected false, got true")
        there, kept = without_void(predictions, labels, ignore_index, mask)
        truth = masks(there, predictions)
        size = (truth if kept is None else truth * kept).sum(axis=(0, *range(2, predictions.ndim)), dtype=np.float64)
        inverse = 1.0 / (size * size + 1e-7)

        def dice_score(counts: Counts) -> Scored:
            return tversky_score(counts, 0.5, 0.5, smooth_nr / 2, smooth_dr / 2)

        weights = len(size) * inverse / inverse.sum()
        result = overlap(predictions, labels, dice_score, activation, False, weights, include_background, included=Included(mask, ignore_index))
        return replace(result, gradients={"predictions": result.gradients["predictions"]})
    power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
    used, _ = class_weights(predictions.shape[1], None, include_background)
    return _one_ratio(predictions, without_void(predictions, labels, ignore_index, mask), activation, power, smooth_nr, smooth_dr, used, batch)


def _one_ratio(
    predictions: Array,
    regions: tuple[Array, Array | None],
    activation: Activation,
    power: int,
    smooth_nr: float,
    smooth_dr: float,
    used: Array,
    batch: bool,
) -> Evaluation:
    """Sums over the classes, weighted by 1 / size^power."""
    made, (labels, kept) = activated(predictions, activation), regions
    counts = counted([made.p, made.q, masks(labels, made.p)], kept, batch)
    weights = inverse_sizes(counts.total(counts.t), used, power)
    twice, missed = 2.0 * (weights * counts.tp).sum(axis=1), (weights * (counts.fp + counts.fn)).sum(axis=1)
    whole = twice + missed + smooth_dr
    good, bad = divide_or_infinity(twice + smooth_nr, whole), divide_or_infinity(missed + (smooth_dr - smooth_nr), whole)

    def pullback(c: Array) -> Array:
        each = divide_or_zero(c, whole)[:, None] * weights
        return made.back(counts.by_prediction(-(1.0 + bad)[:, None] * each, good[:, None] * each))

    here = np.ones(len(bad))
    if counts.kept is not None:
        here[counts.total(counts.kept) @ used == 0] = 0.0
    losses: Array = bad * here
    return Evaluation(losses, here, {"predictions": pullback}, lambda: losses)


def inverse_sizes(size: Array, used: Array, power: int) -> Array:
    """Return 1 / size^power of each class (rows, classes); an absent class has the largest weight of its row."""
    small = (size > 0) & (size < LEAST_SIZE) & (power > 0)
    if small.any():
        row, column = (int(axis[0]) for axis in small.nonzero())
        raise InvalidTensor(
            "labels", f"mask too small; expected a size of 0 or at least {LEAST_SIZE}, got {size[row, column].item()!r}", (row, column)
        )
    if power == 0:
        return np.broadcast_to(used, size.shape)
    there = (size > 0) & (used > 0)
    inverse = np.where(there, np.where(there, size, 1.0) ** -float(power), 0.0)
    return used * np.where(there, inverse, inverse.max(axis=1, keepdims=True, initial=0.0))


@loss(
    example=EXAMPLE,
    merges=False,
    bound=Bound(2e-14, 1e-12, "masks of scores that differ by less than the sigmoid rounds away count as constant, with the gradient 0", "one"),
)
def mcc(
    predictions: Masks,
    labels: MaskLabels,
    *,
    weight: ClassWeight | None = None,
    activation: Activation = "none",
    include_background: IncludeBackground = True,
    batch: WholeBatch = False,
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""One minus the Matthews correlation coefficient of predicted and true masks, for each class.

    The correlation of a constant mask, 0 / 0, is defined as 0 with gradient 0, as in scikit-learn. Libraries instead add
    1e-5 to the four counts (segmentation_models_pytorch, over the whole batch) or to the denominator (MONAI).

    Use: Segmentation with imbalanced classes, where pixels of the background count too.
    Formula: \ell_c = 1 - \frac{TP \cdot TN - FP \cdot FN}{\sqrt{(TP + FP)(TP + FN)(TN + FP)(TN + FN)}}
    Where: TP true positives; TN true negatives; FP false positives; FN false negatives; c a class
    Divisor: samples (1 with batch) times the classes included, regardless of their weights
    Synonyms: MCCLoss, mcc_loss, matthews, matthews_correlation
    Equivalents: monai.losses.MCCLoss
    Reference: Abhishek and Hamarneh, Matthews Correlation Coefficient Loss for Deep Convolutional Networks, 2020, arXiv:2010.13454, equation 3
    """
    return overlap(predictions, labels, _mcc_score, activation, batch, weight, include_background, included=Included(mask, ignore_index))


def _mcc_score(counts: Counts) -> Scored:
    tp, tn, fp, fn = counts.tp, counts.tn, counts.fp, counts.fn
    said, true = (np.sqrt(tp + fp), np.sqrt(tn + fn)), (np.sqrt(tp + fn), np.sqrt(tn + fp))
    good = divide_or_infinity(tp, said[0] * true[0]) * divide_or_infinity(tn, said[1] * true[1])
    correlation = good - divide_or_infinity(fp, said[0] * true[1]) * divide_or_infinity(fn, said[1] * true[0])
    flat = counts.constant(counts.p), counts.constant(counts.t)
    correlation = np.where(flat[0] | flat[1], 0.0, correlation)

    def by(of: tuple[Array, Array], other: tuple[Array, Array], none: Array, c: Array) -> tuple[Array, Array]:
        """Return the slope where the other mask is 1 and where it is 0: d r / d (one more positive of `of`)."""
        c = np.where((of[0] > 0) & (of[1] > 0) & (other[0] > 0) & (other[1] > 0) & ~none, c, 0.0)
        half = np.broadcast_to(0.5 * correlation, c.shape)
        middle = divide_or_zero(half, of[0] * of[0]) - divide_or_zero(half, of[1] * of[1])
        at_one = middle - divide_or_zero(divide_or_zero(other[1], other[0]), of[0] * of[1])
        at_zero = middle + divide_or_zero(divide_or_zero(other[0], other[1]), of[0] * of[1])
        return times(c, at_one), times(c, at_zero)

    return Scored(
        np.where(correlation < 0.5, 1.0 - correlation, _nearly_correlated(tp, tn, fp, fn)),
        lambda c: counts.by_prediction(*by(said, true, flat[1], c)),
        lambda c: counts.by_label(*by(true, said, flat[0], c)),
    )


def _nearly_correlated(tp: Array, tn: Array, fp: Array, fn: Array) -> Array:
    """Return 1 - r as (d^2 - cov^2) / (d (d + cov)), where d^2 - cov^2 is a sum of products of counts; for r well above 0."""
    a, b, c, e = divide_or_infinity(fp, tp), divide_or_infinity(fn, tp), divide_or_infinity(fp, tn), divide_or_infinity(fn, tn)
    d = np.sqrt((1.0 + a) * (1.0 + b) * (1.0 + c) * (1.0 + e))
    difference = 4.0 * a * e + (1.0 + a * e) * (a + b + c + e) + (a + e) * (b + c)
    return difference / (d * (d + (1.0 - a * e)))
