"""The head of the YOLO detectors since version 8: classes without a background, and boxes as distributions of distances."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.classification.binary import binary_cross_entropy_with_logits
from service.losses.declaration import UNIT, Bound, Domain, NonNegative, TensorSpec, Work
from service.losses.detection.boxes import ciou
from service.losses.detection.dense import distribution_focal
from service.losses.detection.one_stage import AnchorLogits, of_images, rows, to_anchors
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.softmax import Softmax
from service.losses.registry import loss

DistanceLogits = Annotated[
    Array,
    TensorSpec(
        "n a 4 b",
        gradient="default",
        description="raw scores of the bins 0, 1, ... of the distances to left, top, right and bottom of each anchor point",
    ),
]
TargetScores = Annotated[
    Array, TensorSpec("n a k", domain=UNIT, description="assigned scores of each anchor, one for each class; all 0 for the background")
]
TargetBoxes = Annotated[
    Array, TensorSpec("n a 4", boxes=True, description="assigned boxes as x1, y1, x2, y2 minus the anchor point, in units of the stride")
]
ScoreWeight = Annotated[Array, TensorSpec("k", domain=Domain(low=0), description="weight of each class in the part `class`")]
FARTHEST = 1.01  # bins by which the largest distance of the distribution loss is less than their number
YOLO = Bound(1e-14, 1e-12, "a box whose side is far shorter than the true one's has few digits, and slopes of nearly equal boxes cancel", "one")


@loss(
    example={
        "class_logits": [[[2.0, -1.0], [-3.0, -2.0]]],
        "box_logits": [[[[0.0, 1.0, 0.5], [0.2, 1.0, 0.0], [0.0, 0.5, 1.0], [1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]] * 4]],
        "target_scores": [[[0.8, 0.0], [0.0, 0.0]]],
        "target_boxes": [[[-1.0, -0.5, 1.5, 0.5], [0.0, 0.0, 0.0, 0.0]]],
    },
    merges=False,
    conventions=("gradients",),
    bound=YOLO,
    work=Work("500 n a 4 b + 300 n a k + 3000 n a", "200 n a 4 b + 64 n a k + 1500 n a"),
)
def yolo_head(
    class_logits: AnchorLogits,
    box_logits: DistanceLogits,
    target_scores: TargetScores,
    target_boxes: TargetBoxes,
    *,
    weight: ScoreWeight | None = None,
    box_weight: NonNegative = 7.5,
    class_weight: NonNegative = 0.5,
    dfl_weight: NonNegative = 1.5,
) -> Evaluation:
    r"""YOLO head loss for given assignments: cross entropy of the scores, CIoU of the boxes and distribution focal loss of their distances.

    The assignment (TaskAlignedAssigner) is the client's: scores and boxes of each anchor. All terms are divided by the sum of the scores in the
    batch, at least 1, so that results over shards do not merge. The weight alpha of the CIoU is constant in the gradient. Box terms are weighted by the sum of an anchor's scores, which is 0 for
    the background. A predicted distance is the mean of its distribution over the bins. Distances of the distribution focal loss are bounded to
    0 and the number of bins minus 1.01. `parts` returns the unweighted terms. ultralytics multiplies the sum by the number of images before it
    differentiates, and adds 1e-7 to divisors of the IoU.

    Use: One-stage object detection with the YOLO detectors (YOLOv8, YOLO11), classes and boxes together.
    Search: yolo, yolov8, yolov9, yolov10, yolo11, ultralytics
    Formula: L = \frac{1}{\max(1, \sum s)} \sum_a \left( \lambda_c \sum_k \mathrm{BCE}(x_{ak}, s_{ak}) + \sum_k s_{ak} \left( \lambda_b \, \mathrm{ciou}(b_a, b_a^*) + \frac{\lambda_d}{4} \sum_{j=1}^4 \mathrm{DFL}(z_{aj}, d_{aj}^*) \right) \right)
    Where: s `target_scores`; x `class_logits`; z `box_logits`; b_a^* `target_boxes`; d_{aj}^* the distances of the true box from the anchor point
    box_weight: lambda_b, weight of the part `box`.
    class_weight: lambda_c, weight of the part `class`.
    dfl_weight: lambda_d, weight of the part `dfl`.
    Divisor: the sum of the target scores in the batch, at least 1, shared evenly by the images
    Synonyms: v8DetectionLoss, YOLOv8Loss, yolov8_loss, yolo_detection
    Reference: Li et al., Generalized Focal Loss, 2020, arXiv:2006.04388, equation 6; ultralytics v8DetectionLoss
    """
    images, _, _, bins = box_logits.shape
    if bins < 2:
        raise InvalidTensor("box_logits", f"wrong shape; expected at least 2 bins on the last axis, got {bins}")
    entropy = binary_cross_entropy_with_logits.function(rows(class_logits), rows(target_scores), weight=_of_classes(weight, class_logits))
    score = rows(target_scores).sum(axis=1, dtype=np.float64)
    softmax, true = Softmax(box_logits.reshape(-1, bins)), rows(target_boxes)
    distances = softmax.probabilities() @ np.arange(bins, dtype=box_logits.dtype)
    away = np.array([-1.0, -1.0, 1.0, 1.0], box_logits.dtype)
    overlap = ciou.function(distances.reshape(-1, 4) * away, true)
    places = np.clip(true * away, 0.0, bins - FARTHEST).astype(true.dtype)
    focal = distribution_focal.function(softmax.logits, places.ravel())
    parts = {
        "class": of_images(entropy.numerator, images),
        "box": of_images(overlap.numerator * score, images),
        "dfl": of_images(focal.numerator.reshape(-1, 4).mean(axis=1) * score, images),
    }

    def by_box_logits(c: Array) -> Array:
        each = np.repeat(c, box_logits.shape[1]) * score
        by_distance = overlap.gradients["predictions"](box_weight * each) * away
        slopes = _mean_slopes(softmax, bins) * by_distance.reshape(-1, 1)
        slopes += focal.gradients["predictions"](np.repeat(0.25 * dfl_weight * each, 4))
        return slopes.reshape(box_logits.shape)

    return Evaluation(
        class_weight * parts["class"] + box_weight * parts["box"] + dfl_weight * parts["dfl"],
        np.full(images, max(float(score.sum()), 1.0) / max(images, 1)),
        {"class_logits": to_anchors(entropy, "predictions", np.full(len(score), class_weight), class_logits.shape), "box_logits": by_box_logits},
        parts=parts,
    )


def _of_classes(weight: Array | None, logits: Array) -> Array | None:
    """Return class weights for every anchor."""
    return None if weight is None else np.broadcast_to(weight, rows(logits).shape)


def _mean_slopes(softmax: Softmax, bins: int) -> Array:
    """Return the derivatives of a distribution's mean by its logits, p (bin - mean), relative to the most probable bin so that they do not cancel."""
    beyond = np.arange(bins) - softmax.top
    p = softmax.probabilities()
    return p * (beyond - np.vecdot(p, beyond.astype(p.dtype))[:, None])
