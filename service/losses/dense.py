"""Detectors that predict a box at every location of a feature map, without anchors."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.binary import binary_cross_entropy_with_logits, sigmoid_focal
from service.losses.boxes import giou_slopes, giou_values
from service.losses.boxpairs import Pair, over
from service.losses.core import BinaryLogits, Bound, Evaluation, NonNegative, loss
from service.losses.errors import InvalidTensor
from service.losses.heads import AnchorClasses, AnchorLogits, of_images, rows, to_anchors
from service.losses.numerics import elementwise, in_float64, per_sample_size, sigmoid, softplus
from service.losses.tensors import Array, Domain, Tensor

Distances = Annotated[
    Array,
    Tensor("n a 4", domain=Domain(low=0), gradient="default", description="predicted distances from each location to left, top, right and bottom"),
]
DistanceTargets = Annotated[
    Array, Tensor("n a 4", domain=Domain(low=0), description="true distances to left, top, right and bottom; they count for locations with an object")
]
Centerness = Annotated[Array, Tensor("n a", gradient="default", description="raw scores of how central each location is in its object")]
BinaryTargets = Annotated[Array, Tensor("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 where the class is present, else 0")]
Counts = Annotated[Array, Tensor("b", domain=Domain(low=0), description="the running mean of each bin's count; zeros at first")]
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
    r"""Focal loss of every location and class, and for those with an object the GIoU of the box and the cross entropy of the centerness.

    torchvision's convention: all over the number of locations with an object in the batch (at least 1), so that answers over shards do not
    merge. The true centerness is constant, and 0 for a location on a corner of its box. `parts` has the terms before their weights.

    Formula: L = \frac{1}{\max(1, N)} \sum_a \left( \sum_k \mathrm{focal}(x_{ak}, [y_a = k]) + [y_a \ge 0] \left( \lambda_b \, \mathrm{giou}(d_a, d_a^*) + \lambda_c \, \mathrm{BCE}(c_a, c_a^*) \right) \right), \quad c^* = \sqrt{\frac{\min(l^*, r^*)}{\max(l^*, r^*)} \frac{\min(t^*, b^*)}{\max(t^*, b^*)}}
    alpha: weight of positives in the focal loss, 1 - alpha that of negatives; a negative number turns the weighting off.
    gamma: focusing exponent.
    box_weight: lambda_b.
    centerness_weight: lambda_c.
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
    """How central the location is, 0 to 1."""
    across, down = distances[:, 0::2], distances[:, 1::2]
    return np.sqrt(over(across.min(axis=1), across.max(axis=1))) * np.sqrt(over(down.min(axis=1), down.max(axis=1)))


@loss(
    example={"predictions": [[2.0, -1.0, 0.5], [-3.0, 0.1, -0.2]], "labels": [[1, 0, 0], [0, 1, 0]], "bins": 4},
    merges=False,
    conventions=("gradients",),
    hessian_diagonal=True,
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
    r"""Binary cross entropy, each element divided by how many have about as large a gradient: neither the many easy ones nor the outliers rule.

    The weights are constants of the gradient. A bin's running mean moves only when it has elements; `state` has the counts to send with
    the next call. Answers over parts of a batch do not merge.

    Formula: \ell = w_b \, \mathrm{BCE}(\sigma(x), t), \quad w_b = \frac{N}{M S_b}, \quad S_b \leftarrow \mu S_b + (1 - \mu) R_b \text{ where } R_b = |\{|\sigma(x) - t| \in b\}| > 0, \quad M = |\{b: R_b > 0\}|
    counts: S_b from the call before, one for each bin.
    bins: into how many equal parts the length |sigmoid(x) - t| of the gradient is divided.
    momentum: mu, how much of a bin's count stays; at 0 the counts are those of the call (mmdetection's default).
    Synonyms: GHMC, ghm_classification, gradient_harmonizing_mechanism
    Reference: Li, Liu and Wang, Gradient Harmonized Single-stage Detector, 2019, arXiv:1811.05181, equations 5 to 9 and 11
    """
    if counts is not None and len(counts) != bins:
        raise InvalidTensor("counts", f"has {len(counts)} elements; expected one for each of the {bins} bins")
    wrong = np.where(labels == 1, -predictions, predictions)  # the length of the gradient is its sigmoid
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
