"""One-stage detectors: RetinaNet, SSD and FCOS."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification.binary import binary_cross_entropy_with_logits, sigmoid_focal
from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import Bound, Domain, NonNegative, TensorSpec, Work
from service.losses.detection._box_pairs import Pair
from service.losses.detection._shared import giou_slopes, giou_values
from service.losses.detection.boxes import ciou, diou, giou, iou
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero
from service.losses.registry import loss
from service.losses.regression.pointwise import mean_absolute_error, smooth_l1

AnchorLogits = Annotated[Array, TensorSpec("n a k", gradient="default", description="raw scores of each anchor, one for each class")]
AnchorBoxes = Annotated[Array, TensorSpec("n a 4", gradient="default", description="predicted box deltas of each anchor")]
AnchorBoxTargets = Annotated[Array, TensorSpec("n a 4", gradient="on request", description="target box deltas; used for anchors with an object")]
AnchorClasses = Annotated[
    Array, TensorSpec("n a", kind="integer", domain=Domain(low=-2), description="class of each anchor, -1 for background, -2 to ignore")
]
AnchorClassesFromZero = Annotated[Array, TensorSpec("n a", kind="integer", below="k", description="class of each anchor, 0 for background")]
Anchors = Annotated[
    Array,
    TensorSpec(
        "n a 4",
        boxes=True,
        description="anchors as x1, y1, x2, y2; required by box_loss diou and ciou, which depend on their shapes, and unused by others",
    ),
]
OVERLAPS = {"iou": iou, "giou": giou, "diou": diou, "ciou": ciou}
LARGEST_DELTA = math.log(1000.0 / 16.0)  # of a width or height, in torchvision and detectron2
DECODED = Bound(1e-14, 1e-12, "boxes far from their anchor, or of very unequal sizes, have few digits", "vector")
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


@dataclass(frozen=True)
class DecodedBoxes:
    """Boxes of deltas (r, 4), x1, y1, x2, y2 about the center of the anchor, whose width and height are given up to a common factor."""

    deltas: Array
    sides: Array

    @cached_property
    def half(self) -> Array:
        """Half the width and height."""
        return 0.5 * np.exp(np.minimum(self.deltas[:, 2:], LARGEST_DELTA)) * self.sides

    @property
    def boxes(self) -> Array:
        """The boxes."""
        center = self.deltas[:, :2] * self.sides
        return np.concatenate([center - self.half, center + self.half], axis=1)

    def back(self, slopes: Array) -> Array:
        """Convert a gradient by boxes to one by deltas."""
        low, high = slopes[:, :2], slopes[:, 2:]
        return np.concatenate([(low + high) * self.sides, (high - low) * self.half * (self.deltas[:, 2:] <= LARGEST_DELTA)], axis=1)


def overlap_of_deltas(box_loss: str, deltas: Array, targets: Array, anchors: Array | None) -> Evaluation:
    """Evaluate an IoU loss of the boxes that deltas and their targets encode."""
    if anchors is None:
        if box_loss in ("diou", "ciou"):
            raise InvalidTensor("anchors", f"missing; expected the anchors for box_loss {box_loss}")
        sides = np.ones_like(deltas[:, 2:])
    else:
        lengths = rows(anchors)[:, 2:] - rows(anchors)[:, :2]
        sides = divide_or_zero(lengths, lengths.max(axis=1, keepdims=True))
    found, true = DecodedBoxes(deltas, sides), DecodedBoxes(targets, sides)
    overlap = OVERLAPS[box_loss].function(found.boxes, true.boxes)
    by_found, by_true = overlap.gradients["predictions"], overlap.gradients["labels"]
    return replace(overlap, gradients={"predictions": lambda c: found.back(by_found(c)), "labels": lambda c: true.back(by_true(c))})


@loss(
    example={"class_logits": [[[2.0, -1.0], [-3.0, -2.0], [0.1, 0.2]]], "box_deltas": DELTAS, "labels": [[0, -1, -2]], "box_targets": TARGETS},
    bound=DECODED,
    conventions=("gradients",),
    work=Work("3000 n a", memory="64 n a k + 1500 n a"),
)
def retinanet(
    class_logits: AnchorLogits,
    box_deltas: AnchorBoxes,
    labels: AnchorClasses,
    box_targets: AnchorBoxTargets,
    *,
    anchors: Anchors | None = None,
    alpha: Annotated[float, annotated_types.Ge(-1), annotated_types.Le(1)] = 0.25,
    gamma: NonNegative = 2.0,
    box_loss: Literal["l1", "smooth_l1", "iou", "giou", "diou", "ciou"] = "l1",
    beta: NonNegative = 0.1,
    box_weight: NonNegative = 1.0,
) -> Evaluation:
    r"""RetinaNet loss: focal loss of all anchors and classes plus the box loss of foreground anchors, divided by their number per image.

    As in torchvision, each image is divided by its own number of foreground anchors (at least 1), then averaged over images. detectron2 uses
    a running mean of that number over iterations: use `reduction` sum with a factor.
    The IoU losses decode predictions and targets alike, (dx, dy, log w, log h) relative to the anchor, with logarithms bounded by log(1000 / 16).
    The weight alpha of the CIoU is constant in the gradient.

    Use: One-stage object detection (RetinaNet), classes and boxes together.
    Formula: L_i = \frac{1}{\max(1, N_i)} \left( \sum_{a: y_a \ge -1} \sum_k \mathrm{focal}(x_{ak}, [y_a = k]) + \lambda \sum_{a: y_a \ge 0} \mathrm{box}(d_a, d_a^*) \right)
    alpha: weight of positives in the focal loss; negatives have 1 - alpha. A negative alpha disables the weighting.
    gamma: focusing exponent.
    box_loss: l1 (torchvision's default) or smooth_l1 (detectron2's) of the deltas; or iou, giou, diou or ciou of the boxes, as both libraries have them.
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
    if box_loss in OVERLAPS:
        box = overlap_of_deltas(box_loss, rows(box_deltas), rows(box_targets), anchors)
    else:
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
