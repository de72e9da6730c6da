"""One-stage detectors: RetinaNet, SSD, FCOS, and losses of dense heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification.binary import binary_cross_entropy_with_logits, sigmoid_focal
from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import UNIT, BinaryLogits, Bound, Domain, Logits, NonNegative, Probability, TensorSpec
from service.losses.detection._box_pairs import Pair
from service.losses.detection._shared import giou_slopes, giou_values
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, log1pexp_small, per_sample_size, sigmoid, softplus, times
from service.losses.registry import loss
from service.losses.regression.pointwise import mean_absolute_error, smooth_l1
from service.losses.work import Work

AnchorLogits = Annotated[Array, TensorSpec("n a k", gradient="default", description="raw scores of each anchor, one for each class")]
AnchorBoxes = Annotated[Array, TensorSpec("n a 4", gradient="default", description="predicted box deltas of each anchor")]
AnchorBoxTargets = Annotated[Array, TensorSpec("n a 4", gradient="on request", description="target box deltas; used for anchors with an object")]
AnchorClasses = Annotated[
    Array, TensorSpec("n a", kind="integer", domain=Domain(low=-2), description="class of each anchor, -1 for background, -2 to ignore")
]
AnchorClassesFromZero = Annotated[Array, TensorSpec("n a", kind="integer", below="k", description="class of each anchor, 0 for background")]
Quality = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="quality to predict, such as the IoU of the box; 0 for a negative")]
Heat = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="true heatmap; 1 at peaks")]
Place = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0), description="position among the bins, from 0 to their number minus 1")]
DELTAS = [[[0.1, 0.2, -0.1, 0.0], [0.0, 0.0, 0.0, 0.0], [0.3, 0.1, 0.2, 0.4]]]
TARGETS = [[[0.0, 0.3, -0.1, 0.2], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]


def rows(array: Array) -> Array:
    """Reshape (n, a, ...) to (n * a, ...), with every anchor a sample."""
    return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])


def of_images(numerators: Array, images: int) -> Array:
    """Sum the anchors' numerators over each image."""
    return numerators.reshape(images, -1).sum(axis=1) if images else np.zeros(0)


def to_anchors(term: Evaluation, wrt: str, weight: Array, shape: tuple[int, ...]) -> Pullback:
    """Return the gradient of the images' sums of weighted anchors, in the input's shape."""

    def pullback(cotangent: Array) -> Array:
        return term.gradients[wrt](np.repeat(cotangent, shape[1]) * weight).reshape(shape)

    return pullback


@loss(
    example={"class_logits": [[[2.0, -1.0], [-3.0, -2.0], [0.1, 0.2]]], "box_deltas": DELTAS, "labels": [[0, -1, -2]], "box_targets": TARGETS},
    work=Work(memory="64 n a k"),
)
def retinanet(
    class_logits: AnchorLogits,
    box_deltas: AnchorBoxes,
    labels: AnchorClasses,
    box_targets: AnchorBoxTargets,
    *,
    alpha: Annotated[float, annotated_types.Ge(-1), annotated_types.Le(1)] = 0.25,
    gamma: NonNegative = 2.0,
    box_loss: Literal["l1", "smooth_l1"] = "l1",
    beta: NonNegative = 0.1,
    box_weight: NonNegative = 1.0,
) -> Evaluation:
    r"""RetinaNet loss: focal loss of all anchors and classes plus the box loss of foreground anchors, divided by their number per image.

    As in torchvision, each image is divided by its own number of foreground anchors (at least 1), then averaged over images. detectron2 uses
    a running mean of that number over iterations: use `reduction` sum with a factor.

    Use: One-stage object detection (RetinaNet), classes and boxes together.
    Formula: L_i = \frac{1}{\max(1, N_i)} \left( \sum_{a: y_a \ge -1} \sum_k \mathrm{focal}(x_{ak}, [y_a = k]) + \lambda \sum_{a: y_a \ge 0} \mathrm{box}(d_a, d_a^*) \right)
    alpha: weight of positives in the focal loss; negatives have 1 - alpha. A negative alpha disables the weighting.
    gamma: focusing exponent.
    box_loss: l1 (torchvision) or smooth_l1 (detectron2).
    beta: beta of smooth_l1.
    box_weight: lambda, weight of the box loss.
    Divisor: the number of images
    Synonyms: RetinaNet, RetinaNetHead, retinanet_loss
    Reference: Lin et al., Focal Loss for Dense Object Detection, 2017, arXiv:1708.02002, section 4
    """
    images, _, classes = class_logits.shape
    wrong = (labels >= classes).nonzero()
    if wrong[0].size:
        index = tuple(int(axis[0]) for axis in wrong)
        raise InvalidTensor("labels", f"is {labels[index]}; class indices lie in [0, {classes}), or are -1 or -2", index)
    true = rows(labels)
    focal = sigmoid_focal.function(rows(class_logits), (true[:, None] == np.arange(classes)).astype(class_logits.dtype), gamma=gamma, alpha=alpha)
    distance = smooth_l1.function if box_loss == "smooth_l1" else mean_absolute_error.function
    box = distance(rows(box_deltas), rows(box_targets), **({"beta": beta} if box_loss == "smooth_l1" else {}))
    share = np.repeat(1.0 / np.maximum((labels >= 0).sum(axis=1), 1), labels.shape[1])
    counts, there = (true >= -1) * share, (true >= 0) * share
    parts = {"class": of_images(focal.numerator * counts, images), "box": of_images(box.numerator * there, images)}
    return Evaluation(
        parts["class"] + box_weight * parts["box"],
        np.ones(images),
        {
            "class_logits": to_anchors(focal, "predictions", counts, class_logits.shape),
            "box_deltas": to_anchors(box, "predictions", there * box_weight, box_deltas.shape),
            "box_targets": to_anchors(box, "labels", there * box_weight, box_targets.shape),
        },
        parts=parts,
    )


@loss(
    example={"class_logits": [[[0.5, 1.0], [2.0, -1.0], [0.1, 0.2]]], "box_deltas": DELTAS, "labels": [[1, 0, 0]], "box_targets": TARGETS},
)
def ssd_multibox(
    class_logits: AnchorLogits,
    box_deltas: AnchorBoxes,
    labels: AnchorClassesFromZero,
    box_targets: AnchorBoxTargets,
    *,
    neg_to_pos_ratio: NonNegative = 3.0,
    beta: NonNegative = 1.0,
    box_weight: NonNegative = 1.0,
) -> Evaluation:
    r"""SSD MultiBox loss: cross entropy of foreground anchors and of the hardest negatives, plus smooth L1 of the foreground boxes.

    In each image, the negatives with the largest cross entropy are used, neg_to_pos_ratio for each anchor with an object; of equal ones the
    first. The selection is constant in the gradient. torchvision adds positives a second time if an image has fewer negatives than that.
    With logits (2, 0.5), (0.1, 0.2), (1, -1) and labels 1, 1, 0 its classification term is 2.409274, this one 1.236369.

    Use: One-stage object detection (SSD), classes and boxes together.
    Formula: L = \frac{1}{N} \sum_{a \in P \cup H} \mathrm{CE}(x_a, y_a) + \frac{\lambda}{N} \sum_{a \in P} \mathrm{smooth\_l1}(d_a - d_a^*), \quad N = |P|
    neg_to_pos_ratio: number of negatives used for each positive.
    beta: beta of smooth_l1.
    box_weight: lambda, weight of the box loss.
    Divisor: the number of anchors with an object in the batch; without any the value is 0
    Synonyms: SSD, MultiBoxLoss, multibox_loss
    Reference: Liu et al., SSD: Single Shot MultiBox Detector, 2015, arXiv:1512.02325, equation 1
    """
    images, anchors, _ = class_logits.shape
    entropy = cross_entropy.function(rows(class_logits), rows(labels))
    box = smooth_l1.function(rows(box_deltas), rows(box_targets), beta=beta)
    positive = labels > 0
    hardness = np.where(positive, -np.inf, entropy.numerator.reshape(images, anchors))
    rank = np.argsort(np.argsort(-hardness, axis=1, kind="stable"), axis=1, kind="stable")
    objects = positive.sum(axis=1)
    counts = (positive | (rank < neg_to_pos_ratio * objects[:, None]) & ~positive).ravel().astype(np.float64)
    there = positive.ravel().astype(np.float64)
    parts = {"class": of_images(entropy.numerator * counts, images), "box": of_images(box.numerator * there, images)}
    return Evaluation(
        parts["class"] + box_weight * parts["box"],
        objects.astype(np.float64),
        {
            "class_logits": to_anchors(entropy, "predictions", counts, class_logits.shape),
            "box_deltas": to_anchors(box, "predictions", there * box_weight, box_deltas.shape),
            "box_targets": to_anchors(box, "labels", there * box_weight, box_targets.shape),
        },
        parts=parts,
    )


# ------------------------------------------------------------------ qualities, distributions, heatmaps


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


Distances = Annotated[
    Array,
    TensorSpec(
        "n a 4", domain=Domain(low=0), gradient="default", description="predicted distances from each location to left, top, right and bottom"
    ),
]
DistanceTargets = Annotated[
    Array,
    TensorSpec("n a 4", domain=Domain(low=0), description="true distances to left, top, right and bottom; used for locations with an object"),
]
Centerness = Annotated[Array, TensorSpec("n a", gradient="default", description="raw scores of the centerness of each location in its object")]
BinaryTargets = Annotated[
    Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 where the class is present, else 0")
]
Counts = Annotated[Array, TensorSpec("b", domain=Domain(low=0), description="running mean of each bin's count; zeros at first")]
Bins = Annotated[int, annotated_types.Ge(1), annotated_types.Le(1000)]
MINUTE = Bound(1e-14, 1e-13, "a box whose side is less than 1e-300 of the true one's counts as empty in the gradient", "tensor")
AWAY = np.array([-1.0, -1.0, 1.0, 1.0])  # from distances to x1, y1, x2, y2 around the location


@loss(
    example={
        "class_logits": [[[2.0, -1.0], [-3.0, -2.0], [0.1, 0.2]]],
        "distances": [[[2.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 1.0, 2.0]]],
        "centerness": [[0.5, -1.0, 0.0]],
        "labels": [[0, -1, -2]],
        "distance_targets": [[[1.0, 1.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]],
    },
    merges=False,
    bound=MINUTE,
    work=Work(memory="64 n a k"),
)
def fcos(
    class_logits: AnchorLogits,
    distances: Distances,
    centerness: Centerness,
    labels: AnchorClasses,
    distance_targets: DistanceTargets,
    *,
    alpha: Annotated[float, annotated_types.Ge(-1), annotated_types.Le(1)] = 0.25,
    gamma: NonNegative = 2.0,
    box_weight: NonNegative = 1.0,
    centerness_weight: NonNegative = 1.0,
) -> Evaluation:
    r"""FCOS loss: focal loss of all locations and classes, plus GIoU of the boxes and cross entropy of the centerness for foreground locations.

    As in torchvision, all terms are divided by the number of locations with an object in the batch (at least 1), so that results over shards do not
    merge. The true centerness is constant, and 0 for a location on a corner of its box. `parts` returns the unweighted terms.

    Use: One-stage object detection without anchors (FCOS), classes, boxes and centerness together.
    Formula: L = \frac{1}{\max(1, N)} \sum_a \left( \sum_k \mathrm{focal}(x_{ak}, [y_a = k]) + [y_a \ge 0] \left( \lambda_b \, \mathrm{giou}(d_a, d_a^*) + \lambda_c \, \mathrm{BCE}(c_a, c_a^*) \right) \right), \quad c^* = \sqrt{\frac{\min(l^*, r^*)}{\max(l^*, r^*)} \frac{\min(t^*, b^*)}{\max(t^*, b^*)}}
    alpha: weight of positives in the focal loss; negatives have 1 - alpha. A negative alpha disables the weighting.
    gamma: focusing exponent.
    box_weight: lambda_b, weight of the box loss.
    centerness_weight: lambda_c, weight of the centerness loss.
    Divisor: the number of locations with an object in the batch, at least 1, shared evenly by the images
    Synonyms: FCOS, FCOSHead, fcos_loss
    Reference: Tian et al., FCOS: Fully Convolutional One-Stage Object Detection, 2019, arXiv:1904.01355, equations 2 and 3; torchvision FCOSHead
    """
    images, _, classes = class_logits.shape
    wrong = (labels >= classes).nonzero()
    if wrong[0].size:
        index = tuple(int(axis[0]) for axis in wrong)
        raise InvalidTensor("labels", f"is {labels[index]}; class indices lie in [0, {classes}), or are -1 or -2", index)
    true, aims = rows(labels), rows(distance_targets)
    counts, there = (true >= -1).astype(np.float64), (true >= 0).astype(np.float64)
    focal = sigmoid_focal.function(rows(class_logits), (true[:, None] == np.arange(classes)).astype(class_logits.dtype), gamma=gamma, alpha=alpha)
    away = AWAY.astype(distances.dtype)
    pair = Pair.of(rows(distances) * AWAY, aims * AWAY)
    central = _centerness(aims)
    entropy = binary_cross_entropy_with_logits.function(rows(centerness), central)
    parts = {
        "class": of_images(focal.numerator * counts, images),
        "box": of_images(giou_values(pair) * there, images),
        "centerness": of_images(entropy.numerator * there, images),
    }

    def by_distance(c: Array) -> Array:
        upstream = np.repeat(c, labels.shape[1]) * (there * box_weight)
        slopes = giou_slopes(pair) * away * upstream[:, None]
        return np.where(there[:, None] > 0, slopes, 0.0).astype(away.dtype).reshape(distances.shape)

    return Evaluation(
        parts["class"] + box_weight * parts["box"] + centerness_weight * parts["centerness"],
        np.full(images, max(there.sum(), 1.0) / max(images, 1)),
        {
            "class_logits": to_anchors(focal, "predictions", counts, class_logits.shape),
            "distances": by_distance,
            "centerness": to_anchors(entropy, "predictions", there * centerness_weight, centerness.shape),
        },
        parts=parts,
    )


def _centerness(distances: Array) -> Array:
    """Centerness of the location, from 0 to 1."""
    across, down = distances[:, 0::2], distances[:, 1::2]
    return np.sqrt(divide_or_zero(across.min(axis=1), across.max(axis=1))) * np.sqrt(divide_or_zero(down.min(axis=1), down.max(axis=1)))


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
