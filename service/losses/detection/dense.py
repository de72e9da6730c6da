"""Losses of dense heads: qualities, distributions over bins, heatmaps, and classes of harmonized gradients."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import UNIT, BinaryLogits, Domain, Logits, NonNegative, Probability, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, log1pexp_small, per_sample_size, sigmoid, softplus, times
from service.losses.registry import loss

Quality = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="quality to predict, such as the IoU of the box; 0 for a negative")]
Heat = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="true heatmap; 1 at peaks")]
Place = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0), description="position among the bins, from 0 to their number minus 1")]
BinaryTargets = Annotated[
    Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 where the class is present, else 0")
]
Counts = Annotated[Array, TensorSpec("b", domain=Domain(low=0), description="running mean of each bin's count; zeros at first")]
Bins = Annotated[int, annotated_types.Ge(1), annotated_types.Le(1000)]


@loss(example={"predictions": [2.0, -1.0, 0.5], "labels": [0.8, 0.0, 0.3]}, hessian_diagonal=True)
def quality_focal(predictions: BinaryLogits, labels: Quality, *, beta: NonNegative = 2.0) -> Evaluation:
    r"""Quality focal loss: binary cross entropy against a quality in [0, 1], with a lower weight for scores close to it.

    mmdet takes the class and its quality; here the quality is 0 in all other classes. The gradient is 0 where the score equals the quality.

    Use: One-stage object detection whose scores also say how well a box fits.
    Formula: \ell = |z - \sigma(x)|^\beta \, \mathrm{BCE}(x, z)
    beta: focusing exponent; 0 gives cross entropy.
    Synonyms: QualityFocalLoss, quality_focal_loss, QFL
    Reference: Li et al., Generalized Focal Loss, 2020, arXiv:2006.04388, equation 4
    """
    x, z = predictions, labels
    right, wrong = sigmoid(x), sigmoid(-x)
    small = log1pexp_small(x)
    entropy = z * (np.maximum(-x, 0.0) + small) + (1.0 - z) * (np.maximum(x, 0.0) + small)
    error = right * (1.0 - z) - wrong * z
    focus = np.abs(error) ** beta

    def slope() -> Array:
        # d|e|^b = b |e|^(b-1) sign(e) p q, and the cross entropy's slope is e
        steep = divide_or_zero(focus, error)
        return focus * error + times(beta * (right * wrong), steep) * entropy

    def curvature() -> Array:
        # at e = 0 all that is left of |e|^(b - 2) is its value 1 at b = 2
        bend = np.divide(focus, error * error, out=np.full_like(focus, float(beta == 2)), where=error != 0)
        steep = divide_or_zero(focus, error)
        of_entropy = (beta - 1.0) * times(right * wrong, bend) + (wrong - right) * steep
        return right * wrong * ((2.0 * beta + 1.0) * focus + beta * of_entropy * entropy)

    return elementwise(focus * entropy, {"predictions": lambda c: c * slope()}, {"predictions": lambda c: c * curvature()})


@loss(example={"predictions": [2.0, -1.0, 0.5], "labels": [0.8, 0.0, 0.3]}, hessian_diagonal=True)
def varifocal(
    predictions: BinaryLogits, labels: Quality, *, alpha: NonNegative = 0.75, gamma: NonNegative = 2.0, iou_weighted: bool = True
) -> Evaluation:
    r"""Varifocal loss: binary cross entropy against a quality, with positives weighted by it and negatives (quality 0) by a focal factor.

    The weights are part of the gradient, as in mmdet.

    Use: One-stage object detection whose scores rank boxes by their quality.
    Formula: \ell = q \, \mathrm{BCE}(x, q) \text{ for } q > 0, \quad \alpha \, \sigma(x)^\gamma \, \mathrm{softplus}(x) \text{ for } q = 0
    alpha: weight of negatives.
    gamma: focusing exponent of negatives.
    iou_weighted: weight positives by their quality instead of by 1.
    Synonyms: VarifocalLoss, varifocal_loss, VFL
    Reference: Zhang et al., VarifocalNet, 2020, arXiv:2008.13367, equation 2
    """
    x, z = predictions, labels
    right, wrong = sigmoid(x), sigmoid(-x)
    small = log1pexp_small(x)
    softplus_neg, softplus_pos = np.maximum(-x, 0.0) + small, np.maximum(x, 0.0) + small
    weight = np.where(z > 0, z if iou_weighted else 1.0, alpha * right**gamma).astype(x.dtype, copy=False)

    def slope() -> Array:
        positive = right * (1.0 - z) - wrong * z
        return weight * np.where(z > 0, positive, right + gamma * wrong * softplus_pos)

    def curvature() -> Array:
        negative = right * wrong * (1.0 + 2.0 * gamma - gamma * softplus_pos) + np.square(gamma * wrong) * softplus_pos
        return weight * np.where(z > 0, right * wrong, negative)

    values = weight * (z * softplus_neg + (1.0 - z) * softplus_pos)
    return elementwise(values, {"predictions": lambda c: c * slope()}, {"predictions": lambda c: c * curvature()})


@loss(example={"predictions": [[0.5, 1.0, 0.2, -0.3], [0.0, 0.0, 1.0, 2.0]], "labels": [1.3, 3.0]}, hessian_diagonal=True)
def distribution_focal(predictions: Logits, labels: Place) -> Evaluation:
    r"""Distribution focal loss: cross entropy of a distribution over bins against the two bins next to the true position, interpolated linearly.

    The last bin is a valid position (mmdet fails on it).

    Use: Bounding box regression in object detection by distributions over bins, as in YOLOv8.
    Formula: \ell = -(\lfloor t \rfloor + 1 - t) \log p_{\lfloor t \rfloor} - (t - \lfloor t \rfloor) \log p_{\lfloor t \rfloor + 1}
    predictions: raw scores, one for each bin.
    Divisor: the number of positions
    Synonyms: DistributionFocalLoss, distribution_focal_loss, DFL
    Reference: Li et al., Generalized Focal Loss, 2020, arXiv:2006.04388, equation 6
    """
    bins = predictions.shape[1]
    wrong = (labels > bins - 1).nonzero()
    if wrong[0].size:
        index = tuple(int(axis[0]) for axis in wrong)
        raise InvalidTensor("labels", f"out of range; expected a place in [0, {bins - 1}], got {labels[index].item()!r}", index)
    left = np.minimum(np.floor(labels), max(bins - 2, 0)).astype(np.int64)
    share = labels - left
    targets = np.zeros_like(predictions)
    np.put_along_axis(targets, left[:, None], (1.0 - share)[:, None], 1)
    if bins > 1:
        np.put_along_axis(targets, left[:, None] + 1, share[:, None], 1)
    entropy = cross_entropy.function(predictions, targets)
    return replace(entropy, gradients={"predictions": entropy.gradients["predictions"]})


@loss(example={"predictions": [[0.9, 0.4, 0.1]], "labels": [[1.0, 0.6, 0.0]]}, hessian_diagonal=True)
def gaussian_focal(predictions: Probability, labels: Heat, *, alpha: NonNegative = 2.0, gamma: NonNegative = 4.0) -> Evaluation:
    r"""Gaussian focal loss of a heatmap whose peaks are 1; negatives near a peak have a lower weight.

    Detection heads divide the sum by the number of peaks: use `reduction` sum. A probability of 0 at a peak, or of 1 elsewhere, is infinite (an
    error), where mmdet adds 1e-12 inside the logarithms.

    Use: Object detection and pose estimation by heatmaps of points, as in CenterNet.
    Formula: \ell = -(1 - p)^\alpha \log p \text{ where } t = 1, \quad -(1 - t)^\gamma p^\alpha \log(1 - p) \text{ elsewhere}
    alpha: focusing exponent.
    gamma: exponent of the weight of positions near peaks.
    Synonyms: GaussianFocalLoss, gaussian_focal_loss, CornerNet, CenterNet, heatmap_focal
    Reference: Law and Deng, CornerNet, 2018, arXiv:1808.01244, equation 1; Zhou et al., Objects as Points, 2019, arXiv:1904.07850, equation 1
    """
    p, t = predictions, labels
    peak = t == 1
    true, other = np.where(peak, p, 1.0 - p), np.where(peak, 1.0 - p, p)  # probability of the right and of the wrong class
    surprise = -np.where(peak, np.log(p), np.log1p(-p))
    weight = np.where(peak, 1.0, (1.0 - t) ** gamma).astype(p.dtype, copy=False)
    focus = other**alpha

    def slope() -> Array:
        # by `other`: focus / true + alpha other^(alpha - 1) surprise
        steep = divide_or_zero(focus, other)
        right = np.divide(focus, true, out=np.full_like(focus, np.inf), where=true != 0)
        return np.where(peak, -weight, weight) * (right + alpha * steep * surprise)

    def curvature() -> Array:
        steep = divide_or_zero(focus, other)
        bend = divide_or_zero(steep, other)
        of_surprise = alpha * (alpha - 1.0) * bend * surprise + 2.0 * alpha * steep / true
        return weight * (of_surprise + focus / true / true)

    return elementwise(times(weight, focus * surprise), {"predictions": lambda c: c * slope()}, {"predictions": lambda c: c * curvature()})


@loss(
    example={"predictions": [[2.0, -1.0, 0.5], [-3.0, 0.1, -0.2]], "labels": [[1, 0, 0], [0, 1, 0]], "bins": 4},
    merges=False,
    conventions=("gradients",),
    hessian_diagonal=True,
    work=Work("1500 n ...", "350 n ..."),
)
@in_float64
def ghm_c(
    predictions: BinaryLogits,
    labels: BinaryTargets,
    counts: Counts | None = None,
    *,
    bins: Bins = 10,
    momentum: Annotated[float, annotated_types.Ge(0), annotated_types.Lt(1)] = 0.0,
) -> Evaluation:
    r"""Gradient harmonized loss for classification: binary cross entropy divided by the number of elements with a gradient of similar size.

    The weights reduce the influence of easy elements and outliers, and are constant in the gradient. Empty bins keep their running mean. `state` returns the counts for
    the next request. Results over shards of a batch do not merge.

    Use: Object detection with imbalanced classes and noisy outliers.
    Formula: \ell = w_b \, \mathrm{BCE}(\sigma(x), t), \quad w_b = \frac{N}{M S_b}, \quad S_b \leftarrow \mu S_b + (1 - \mu) R_b \text{ where } R_b = |\{|\sigma(x) - t| \in b\}| > 0, \quad M = |\{b: R_b > 0\}|
    counts: S_b from the previous request, one for each bin.
    bins: number of equal bins of the gradient's size |sigmoid(x) - t|.
    momentum: mu, momentum of the counts; 0 uses the counts of the call (mmdetection's default).
    Synonyms: GHMC, ghm_classification, gradient_harmonizing_mechanism
    Reference: Li, Liu and Wang, Gradient Harmonized Single-stage Detector, 2019, arXiv:1811.05181, equations 5 to 9 and 11
    """
    if counts is not None and len(counts) != bins:
        raise InvalidTensor("counts", f"wrong shape; expected one for each of the {bins} bins, got {len(counts)}")
    wrong = np.where(labels == 1, -predictions, predictions)  # the size of the gradient is its sigmoid
    edges = np.arange(1, bins)
    place = np.searchsorted(np.log(edges / (bins - edges)), wrong, side="right")
    found = np.bincount(place.ravel(), minlength=bins).astype(np.float64)
    before = np.zeros(bins) if counts is None else counts
    moved = np.where(found > 0, momentum * before + (1.0 - momentum) * found, before)
    weight = predictions.size / (moved[place] * np.count_nonzero(found))
    sign = 1.0 - 2.0 * labels
    evaluation = elementwise(
        softplus(wrong),
        {"predictions": lambda c: c * (sign * sigmoid(wrong))},
        {"predictions": lambda c: c * (sigmoid(wrong) * sigmoid(-wrong))},
        weight=weight,
        divisor=per_sample_size(predictions),
    )
    return replace(evaluation, state={"counts": moved})
