"""Set prediction: each true object is matched to a prediction at the least total cost. The matching is constant in the gradient."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import UNIT, Bound, Domain, NonNegative, TensorSpec
from service.losses.detection._box_pairs import Pair
from service.losses.detection._shared import giou_slopes, giou_values
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK
from service.losses.registry import loss
from service.losses.regression.pointwise import mean_absolute_error
from service.losses.work import Work

QueryLogits = Annotated[Array, TensorSpec("n q k", gradient="default", description="raw scores of each query, the last class for no object")]
QueryBoxes = Annotated[
    Array,
    TensorSpec("n q 4", domain=UNIT, gradient="default", description="predicted boxes as center x, center y, width, height, in units of the image"),
]
ObjectClasses = Annotated[Array, TensorSpec("n m", kind="integer", domain=Domain(low=-1), description="class of each true object, -1 for padding")]
ObjectBoxes = Annotated[Array, TensorSpec("n m 4", domain=UNIT, gradient="on request", description="true boxes as center x, center y, width, height")]
MATCHED = Bound(1e-14, 1e-12, "where two matchings cost the same to rounding, the rounding chooses between them", "one")


def corners(boxes: Array) -> Array:
    """Convert center x, center y, width, height to x1, y1, x2, y2."""
    half = 0.5 * boxes[..., 2:]
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def from_corners(slopes: Array) -> Array:
    """Convert a gradient by corners to one by center and size."""
    low, high = slopes[..., :2], slopes[..., 2:]
    return np.concatenate([low + high, 0.5 * (high - low)], axis=-1)


def matching_costs(probabilities: Array, boxes: Array, classes: Array, targets: Array, costs: tuple[float, float, float]) -> Array:
    """Return the cost of matching each query (image, query) with each object (image, object); the cost of padding is meaningless."""
    of_class, of_box, of_giou = costs
    total = np.empty((*boxes.shape[:2], targets.shape[1]), boxes.dtype)
    step, some = max(1, BLOCK // max(1, total[:1].size)), max(1, BLOCK // max(1, targets.shape[1]))
    for images in (slice(start, start + step) for start in range(0, len(total), step)):
        for queries in (slice(start, start + some) for start in range(0, total.shape[1], some)):
            query, true = boxes[images, queries, None], targets[images, None]
            likely = np.take_along_axis(probabilities[images, queries], np.maximum(classes[images, None], 0), 2)
            overlap = 1.0 - giou_values(Pair.of(corners(query), corners(true)))
            total[images, queries] = of_box * np.abs(query - true).sum(axis=3) - of_class * likely - of_giou * overlap
    return total


def matched(total: Array) -> tuple[Array, Array]:
    """Match queries and objects of one image at the least total cost."""
    from scipy.optimize import linear_sum_assignment

    if not np.isfinite(total).all():
        raise InvalidOption("box_cost", "too large; expected costs with a finite sum for some matching")
    pairs: tuple[Array, Array] = linear_sum_assignment(total)
    return pairs


@loss(
    example={
        "class_logits": [[[2.0, -1.0, 0.0], [0.0, 0.5, 1.5]]],
        "boxes": [[[0.5, 0.5, 0.4, 0.4], [0.2, 0.2, 0.1, 0.1]]],
        "labels": [[0]],
        "box_targets": [[[0.5, 0.4, 0.4, 0.5]]],
    },
    merges=False,
    bound=MATCHED,
    work=Work("100000 n + 500 n q m + 2 n q m m", "20 n q m"),
)
def detr_set(
    class_logits: QueryLogits,
    boxes: QueryBoxes,
    labels: ObjectClasses,
    box_targets: ObjectBoxes,
    *,
    no_object_weight: NonNegative = 0.1,
    class_weight: NonNegative = 1.0,
    box_weight: NonNegative = 5.0,
    giou_weight: NonNegative = 2.0,
    class_cost: NonNegative = 1.0,
    box_cost: NonNegative = 5.0,
    giou_cost: NonNegative = 2.0,
) -> Evaluation:
    r"""DETR's Hungarian loss: each true object is matched to one query, and the target of all other queries is "no object".

    Conventions are those of DETR and Hugging Face transformers. The matching minimizes the costs and is constant in the gradient. The cross entropy
    is a weighted mean over all queries, the box terms are sums over the number of objects (at least 1). The batch is one sample;
    `parts` returns the unweighted terms. Auxiliary outputs of other layers need separate requests.

    Use: Object detection by transformers (DETR), with a set of predictions.
    Formula: L = \lambda_c \overline{\mathrm{CE}}_w + \frac{1}{N} \sum_{\text{matched}} \left( \lambda_b \lVert b - b^* \rVert_1 + \lambda_g \, \mathrm{giou}(b, b^*) \right)
    no_object_weight: weight of the last class, no object, in the cross entropy.
    class_weight: weight of the part `class`.
    box_weight: weight of the part `box`.
    giou_weight: weight of the part `giou`.
    class_cost: weight of minus the probability of the object's class in the matching.
    box_cost: weight of the absolute differences of the boxes in the matching.
    giou_cost: weight of minus the generalized IoU in the matching.
    Divisor: 1; the cross entropy is divided by the sum of its weights, the box terms by the number of objects
    Synonyms: DETR, DetrLoss, SetCriterion, HungarianMatcher, hungarian
    Reference: Carion et al., End-to-End Object Detection with Transformers, 2020, arXiv:2005.12872, equation 2
    """
    images, queries, classes = class_logits.shape
    wrong = (labels >= classes - 1).nonzero()
    if wrong[0].size:
        index = tuple(int(axis[0]) for axis in wrong)
        raise InvalidTensor("labels", f"is {labels[index]}; class indices lie in [0, {classes - 1}), or are -1", index)
    shifted = np.exp(class_logits - class_logits.max(axis=2, keepdims=True))
    probabilities = shifted / shifted.sum(axis=2, keepdims=True)
    wanted = np.full((images, queries), classes - 1)
    pairs = []
    costs = matching_costs(probabilities, boxes, labels, box_targets, (class_cost, box_cost, giou_cost))
    for i in range(images):
        objects = np.flatnonzero(labels[i] >= 0)
        query, at = matched(costs[i][:, objects])
        wanted[i, query] = labels[i, objects[at]]
        pairs.append(np.stack([np.full(len(query), i), query, objects[at]]))
    image, query, at = np.concatenate([np.zeros((3, 0), np.int64), *pairs], axis=1)
    weight = np.ones(classes, class_logits.dtype)
    weight[-1] = no_object_weight
    entropy = cross_entropy.function(class_logits.reshape(-1, classes), wanted.reshape(-1), weight=weight)
    found, true = boxes[image, query], box_targets[image, at]
    distance = mean_absolute_error.function(found, true)
    pair = Pair.of(corners(found), corners(true))
    total, number = entropy.weight.sum(), max(int((labels >= 0).sum()), 1)
    parts = {
        "class": np.array([entropy.numerator.sum() / total if total else 0.0]),
        "box": np.array([distance.numerator.sum() / number]),
        "giou": np.array([giou_values(pair).sum(dtype=np.float64) / number]),
    }

    def of_logits(c: Array) -> Array:
        each = np.full(len(entropy.numerator), c[0] * class_weight / total if total else 0.0)
        return entropy.gradients["predictions"](each).reshape(class_logits.shape)

    def of_boxes(c: Array, wrt: str, side: Pair, like: Array, place: Array) -> Array:
        out = np.zeros_like(like)
        straight = distance.gradients[wrt](np.full(len(found), c[0] * box_weight / number))
        out[image, place] = straight + (c[0] * giou_weight / number) * from_corners(giou_slopes(side))
        return out

    return Evaluation(
        class_weight * parts["class"] + box_weight * parts["box"] + giou_weight * parts["giou"],
        np.ones(1),
        {
            "class_logits": of_logits,
            "boxes": lambda c: of_boxes(c, "predictions", pair, boxes, query),
            "box_targets": lambda c: of_boxes(c, "labels", pair.swapped(), box_targets, at),
        },
        parts=parts,
    )
