"""Set prediction: each true object is matched to a prediction at the least total cost. The matching is constant in the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification.binary import binary_cross_entropy_with_logits, sigmoid_focal
from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import UNIT, Bound, Domain, NonNegative, TensorSpec, Work
from service.losses.detection._box_pairs import Pair
from service.losses.detection._shared import giou_slopes, giou_values
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, log1pexp_small, sigmoid
from service.losses.registry import loss
from service.losses.regression.pointwise import mean_absolute_error
from service.losses.segmentation.overlap import dice

QueryLogits = Annotated[
    Array, TensorSpec("n q k", gradient="default", description="raw scores of each query; with classification softmax, the last class is no object")
]
QueryBoxes = Annotated[
    Array,
    TensorSpec("n q 4", domain=UNIT, gradient="default", description="predicted boxes as center x, center y, width, height, in units of the image"),
]
ObjectClasses = Annotated[Array, TensorSpec("n m", kind="integer", domain=Domain(low=-1), description="class of each true object, -1 for padding")]
ObjectBoxes = Annotated[Array, TensorSpec("n m 4", domain=UNIT, gradient="on request", description="true boxes as center x, center y, width, height")]
Classification = Annotated[
    Literal["softmax", "focal", "varifocal"],
    annotated_types.doc(
        "softmax is a cross entropy with a last class for no object (DETR, MaskFormer); focal (Deformable DETR, DINO, Mask DINO) and varifocal (RT-DETR) "
        "are losses of independent scores without that class."
    ),
]
Alpha = Annotated[
    float,
    annotated_types.Ge(-1),
    annotated_types.Le(1),
    annotated_types.doc("weight of positives in the focal loss, of negatives in the varifocal loss (0.75 in RT-DETR); unused by softmax."),
]
Gamma = Annotated[float, annotated_types.Ge(0), annotated_types.doc("focusing exponent of the focal and varifocal losses; unused by softmax.")]
CostAlpha = Annotated[
    float, annotated_types.Ge(0), annotated_types.Le(1), annotated_types.doc("weight of positives in the focal cost of a class in the matching.")
]
CostGamma = Annotated[float, annotated_types.Ge(0), annotated_types.doc("focusing exponent of the focal cost of a class in the matching.")]
SMALLEST = 1e-8  # added to a probability in the focal cost, as in Deformable DETR
MATCHED = Bound(1e-14, 1e-12, "where two matchings cost the same to rounding, the rounding chooses between them", "one")


def corners(boxes: Array) -> Array:
    """Convert center x, center y, width, height to x1, y1, x2, y2."""
    half = 0.5 * boxes[..., 2:]
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def from_corners(slopes: Array) -> Array:
    """Convert a gradient by corners to one by center and size."""
    low, high = slopes[..., :2], slopes[..., 2:]
    return np.concatenate([low + high, 0.5 * (high - low)], axis=-1)


def class_costs(logits: Array, classification: str, alpha: float, gamma: float) -> Array:
    """Return the cost of each class for each query: minus its probability, or the focal loss of the positive less that of the negative."""
    if classification == "softmax":
        shifted = np.exp(logits - logits.max(axis=2, keepdims=True))
        return -shifted / shifted.sum(axis=2, keepdims=True)
    right, wrong = sigmoid(logits), sigmoid(-logits)
    positive = alpha * wrong**gamma * -np.log(right + SMALLEST)
    return positive + (1.0 - alpha) * right**gamma * np.log(wrong + SMALLEST)


def matching_costs(of_classes: Array, boxes: Array, classes: Array, targets: Array, costs: tuple[float, float, float]) -> Array:
    """Return the cost of matching each query (image, query) with each object (image, object); the cost of padding is meaningless."""
    of_class, of_box, of_giou = costs
    total = np.empty((*boxes.shape[:2], targets.shape[1]), boxes.dtype)
    step, some = max(1, BLOCK // max(1, total[:1].size)), max(1, BLOCK // max(1, targets.shape[1]))
    for images in (slice(start, start + step) for start in range(0, len(total), step)):
        for queries in (slice(start, start + some) for start in range(0, total.shape[1], some)):
            query, true = boxes[images, queries, None], targets[images, None]
            each = np.take_along_axis(of_classes[images, queries], np.maximum(classes[images, None], 0), 2)
            overlap = 1.0 - giou_values(Pair.of(corners(query), corners(true)))
            total[images, queries] = of_box * np.abs(query - true).sum(axis=3) + of_class * each - of_giou * overlap
    return total


def matched(costs: Array, labels: Array, option: str) -> tuple[Array, Array, Array]:
    """Match queries and objects of each image at the least total cost; return images, queries and objects."""
    from scipy.optimize import linear_sum_assignment

    pairs = [np.zeros((3, 0), np.int64)]
    for i, row in enumerate(labels):
        objects = np.flatnonzero(row >= 0)
        total = costs[i][:, objects]
        if not np.isfinite(total).all():
            raise InvalidOption(option, "too large; expected costs with a finite sum for some matching")
        query, at = linear_sum_assignment(total)
        pairs.append(np.stack([np.full(len(query), i), query, objects[at]]))
    image, query, at = np.concatenate(pairs, axis=1)
    return image, query, at


def check_classes(logits: Array, labels: Array, classification: str) -> None:
    """Reject classes that the logits do not have."""
    limit = logits.shape[2] - (classification == "softmax")
    wrong = (labels >= limit).nonzero()
    if wrong[0].size:
        index = tuple(int(axis[0]) for axis in wrong)
        raise InvalidTensor("labels", f"is {labels[index]}; class indices lie in [0, {limit}), or are -1", index)


Scored = tuple[float, Callable[[float], Array]]  # a term, and its gradient by the logits as a function of a factor


def softmax_classes(logits: Array, wanted: Array, no_object_weight: float) -> Scored:
    """Return the weighted mean of the cross entropies over all queries. wanted: the class of each query, -1 for no object."""
    classes = logits.shape[2]
    weight = np.ones(classes, logits.dtype)
    weight[-1] = no_object_weight
    entropy = cross_entropy.function(logits.reshape(-1, classes), np.where(wanted < 0, classes - 1, wanted).ravel(), weight=weight)
    total = entropy.weight.sum()

    def pullback(c: float) -> Array:
        each = np.full(len(entropy.numerator), c / total if total else 0.0)
        return entropy.gradients["predictions"](each).reshape(logits.shape)

    return entropy.numerator.sum() / total if total else 0.0, pullback


def score_classes(logits: Array, wanted: Array, quality: Array | None, alpha: float, gamma: float, number: int) -> Scored:
    """Return the focal loss of all scores over the number of objects; with a quality of each query, the varifocal loss, whose weights are constant."""
    positive = (wanted[..., None] == np.arange(logits.shape[2])).astype(logits.dtype)
    if quality is None:
        term = sigmoid_focal.function(logits, positive, alpha=alpha, gamma=gamma)
    else:
        target = positive * quality[..., None]
        weight = alpha * sigmoid(logits) ** gamma * (1.0 - positive) + target
        term = binary_cross_entropy_with_logits.function(logits, target, weight=weight.astype(logits.dtype))
    return term.numerator.sum() / number, lambda c: term.gradients["predictions"](np.full(len(logits), c / number))


@loss(
    example={
        "class_logits": [[[2.0, -1.0, 0.0], [0.0, 0.5, 1.5]]],
        "boxes": [[[0.5, 0.5, 0.4, 0.4], [0.2, 0.2, 0.1, 0.1]]],
        "labels": [[0]],
        "box_targets": [[[0.5, 0.4, 0.4, 0.5]]],
    },
    merges=False,
    bound=MATCHED,
    conventions=("gradients",),
    work=Work("100000 n + 500 n q m + 2 n q m m", "20 n q m + 64 n q k"),
)
def detr_set(
    class_logits: QueryLogits,
    boxes: QueryBoxes,
    labels: ObjectClasses,
    box_targets: ObjectBoxes,
    *,
    classification: Classification = "softmax",
    no_object_weight: NonNegative = 0.1,
    alpha: Alpha = 0.25,
    gamma: Gamma = 2.0,
    class_weight: NonNegative = 1.0,
    box_weight: NonNegative = 5.0,
    giou_weight: NonNegative = 2.0,
    class_cost: NonNegative = 1.0,
    box_cost: NonNegative = 5.0,
    giou_cost: NonNegative = 2.0,
    cost_alpha: CostAlpha = 0.25,
    cost_gamma: CostGamma = 2.0,
) -> Evaluation:
    r"""DETR's Hungarian loss: each true object is matched to one query, and the target of all other queries is "no object".

    Conventions are those of DETR and Hugging Face transformers. The matching minimizes the costs and is constant in the gradient. The cross entropy
    is a weighted mean over all queries; the focal and varifocal losses and the box terms are sums over the number of objects (at least 1). The target of the
    varifocal loss is the IoU of the matched boxes, which is constant in the gradient, as are its weights. The batch is one sample;
    `parts` returns the unweighted terms. Auxiliary outputs of other layers need separate requests.
    Deformable DETR and RT-DETR have class_cost 2; Deformable DETR has class_weight 2 too.

    Use: Object detection by transformers (DETR, Deformable DETR, DINO, RT-DETR), with a set of predictions.
    Formula: L = \lambda_c \overline{\mathrm{CE}}_w + \frac{1}{N} \sum_{\text{matched}} \left( \lambda_b \lVert b - b^* \rVert_1 + \lambda_g \, \mathrm{giou}(b, b^*) \right)
    no_object_weight: weight of the last class, no object, in the cross entropy.
    class_weight: weight of the part `class`.
    box_weight: weight of the part `box`.
    giou_weight: weight of the part `giou`.
    class_cost: weight of the cost of the object's class in the matching: minus its probability, or its focal cost.
    box_cost: weight of the absolute differences of the boxes in the matching.
    giou_cost: weight of minus the generalized IoU in the matching.
    Divisor: 1; the cross entropy is divided by the sum of its weights, other terms by the number of objects
    Synonyms: DETR, DetrLoss, SetCriterion, HungarianMatcher, hungarian
    Reference: Carion et al., End-to-End Object Detection with Transformers, 2020, arXiv:2005.12872, equation 2; Zhu et al., Deformable DETR, 2021, arXiv:2010.04159; Zhao et al., RT-DETR, 2023, arXiv:2304.08069
    """
    check_classes(class_logits, labels, classification)
    of_classes = class_costs(class_logits, classification, cost_alpha, cost_gamma)
    costs = matching_costs(of_classes, boxes, labels, box_targets, (class_cost, box_cost, giou_cost))
    image, query, at = matched(costs, labels, "box_cost")
    number = max(int((labels >= 0).sum()), 1)
    found, true = boxes[image, query], box_targets[image, at]
    distance = mean_absolute_error.function(found, true)
    pair = Pair.of(corners(found), corners(true))
    wanted = np.full(class_logits.shape[:2], -1)
    wanted[image, query] = labels[image, at]
    if classification == "softmax":
        of_class, by_logits = softmax_classes(class_logits, wanted, no_object_weight)
    else:
        quality = np.zeros(wanted.shape, class_logits.dtype)
        quality[image, query] = pair.iou
        of_class, by_logits = score_classes(class_logits, wanted, quality if classification == "varifocal" else None, alpha, gamma, number)
    parts = {
        "class": np.array([of_class]),
        "box": np.array([distance.numerator.sum() / number]),
        "giou": np.array([giou_values(pair).sum(dtype=np.float64) / number]),
    }

    def of_boxes(c: Array, wrt: str, side: Pair, like: Array, place: Array) -> Array:
        out = np.zeros_like(like)
        straight = distance.gradients[wrt](np.full(len(found), c[0] * box_weight / number))
        out[image, place] = straight + (c[0] * giou_weight / number) * from_corners(giou_slopes(side))
        return out

    return Evaluation(
        class_weight * parts["class"] + box_weight * parts["box"] + giou_weight * parts["giou"],
        np.ones(1),
        {
            "class_logits": lambda c: by_logits(c[0] * class_weight),
            "boxes": lambda c: of_boxes(c, "predictions", pair, boxes, query),
            "box_targets": lambda c: of_boxes(c, "labels", pair.swapped(), box_targets, at),
        },
        parts=parts,
    )


# ------------------------------------------------------------------ masks

MaskQueries = Annotated[
    Array, TensorSpec("n q ...", gradient="default", description="mask logits of each query, at all pixels or at points that the client sampled")
]
ObjectMasks = Annotated[Array, TensorSpec("n m ...", domain=UNIT, description="true masks in [0, 1], at the same places")]
Matches = Annotated[
    Array,
    TensorSpec("n m", kind="integer", domain=Domain(low=-1), description="query of each object, from the state of a previous request, -1 for none"),
]


def mask_costs(logits: Array, masks: Array, mask_loss: str, of_mask: float, of_dice: float) -> Array:
    """Return the cost of matching the masks of queries (n, q, p) with those of objects (n, m, p)."""
    small, points = log1pexp_small(logits), logits.shape[2]
    positive, negative = np.maximum(-logits, 0.0) + small, np.maximum(logits, 0.0) + small
    right, wrong = sigmoid(logits), sigmoid(-logits)
    if mask_loss == "focal":
        positive, negative = 0.25 * wrong * wrong * positive, 0.75 * right * right * negative
    truth = masks.transpose(0, 2, 1)
    apart = (positive @ truth + negative @ (1.0 - truth)) / points
    both = 2.0 * (right @ truth) + 1.0
    whole = right.sum(axis=2)[:, :, None] + masks.sum(axis=2)[:, None] + 1.0
    return of_mask * apart + of_dice * (1.0 - both / whole)


def given_matches(matches: Array, labels: Array, queries: int) -> tuple[Array, Array, Array]:
    """Return the images, queries and objects of matches that the client sent; reject queries out of range or of two objects."""
    image, at = ((matches >= 0) & (labels >= 0)).nonzero()
    query = matches[image, at]
    twice = np.ones(len(query), bool)
    twice[np.unique(image * queries + query, return_index=True)[1]] = False
    wrong = np.flatnonzero((query >= queries) | twice)
    if wrong.size:
        index = int(image[wrong[0]]), int(at[wrong[0]])
        raise InvalidTensor("matches", f"is {matches[index]}; expected a query in [0, {queries}) for one object of the image, or -1", index)
    return image, query, at


@loss(
    example={
        "class_logits": [[[2.0, -1.0, 0.0], [0.0, 0.5, 1.5]]],
        "mask_logits": [[[2.0, 1.0, -1.0, -2.0], [0.0, -1.0, 0.5, 1.0]]],
        "labels": [[0]],
        "masks": [[[1.0, 1.0, 0.0, 0.0]]],
    },
    merges=False,
    bound=MATCHED,
    work=Work("100000 n + 20 n q m + 2 n q m ... + 2 n q m m + 200 n m ...", "64 n q m + 64 n q ... + 100 n m ... + 64 n q k"),
)
def mask_set(
    class_logits: QueryLogits,
    mask_logits: MaskQueries,
    labels: ObjectClasses,
    masks: ObjectMasks,
    *,
    matches: Matches | None = None,
    classification: Literal["softmax", "focal"] = "softmax",
    mask_loss: Literal["bce", "focal"] = "bce",
    no_object_weight: NonNegative = 0.1,
    alpha: Alpha = 0.25,
    gamma: Gamma = 2.0,
    class_weight: NonNegative = 2.0,
    mask_weight: NonNegative = 5.0,
    dice_weight: NonNegative = 5.0,
    class_cost: NonNegative = 2.0,
    mask_cost: NonNegative = 5.0,
    dice_cost: NonNegative = 5.0,
    cost_alpha: CostAlpha = 0.25,
    cost_gamma: CostGamma = 2.0,
) -> Evaluation:
    r"""Mask2Former's Hungarian loss: each true mask is matched to one query, whose mask has a cross entropy and a Dice loss.

    Conventions and defaults are those of Mask2Former and Hugging Face transformers. MaskFormer has mask_loss focal, weights and costs 1 (class), 20 (mask) and 1
    (dice), and all pixels in place of points. The mask losses of a pair are means over its points, summed and divided by the number of objects
    (at least 1); the cross entropy of classes is a weighted mean over all queries. The focal mask loss has alpha 0.25 and gamma 2.
    The Dice loss has 1 added to both sides of the quotient. The matching minimizes the costs and is constant in the gradient.

    `state` returns `matches`. A client that samples points of each matched mask sends them in a second request with `matches`: the row of a
    query and the row of its object then have points of their own, and nothing is matched again. The batch is one sample; `parts` returns the unweighted terms.

    Use: Instance, panoptic and semantic segmentation by transformers (MaskFormer, Mask2Former, Mask DINO, OneFormer), with a set of masks.
    Search: mask2former, maskformer, panoptic_segmentation, instance_segmentation
    Formula: L = \lambda_c \overline{\mathrm{CE}}_w + \frac{1}{N} \sum_{\text{matched}} \left( \lambda_m \overline{\mathrm{BCE}}(x, t) + \lambda_d \left( 1 - \frac{2 \sum p t + 1}{\sum p + \sum t + 1} \right) \right), \quad p = \sigma(x)
    Where: x the mask logits of a query; t the mask of its object; N the number of objects
    classification: softmax is a cross entropy with a last class for no object; focal (Mask DINO) is a loss of independent scores without that class.
    mask_loss: bce (Mask2Former) or focal (MaskFormer), in the matching too.
    no_object_weight: weight of the last class, no object, in the cross entropy.
    class_weight: weight of the part `class`.
    mask_weight: weight of the part `mask`.
    dice_weight: weight of the part `dice`.
    class_cost: weight of the cost of the object's class in the matching: minus its probability, or its focal cost.
    mask_cost: weight of the mask loss in the matching.
    dice_cost: weight of the Dice loss in the matching.
    Divisor: 1; the cross entropy of classes is divided by the sum of its weights, other terms by the number of objects
    Synonyms: Mask2FormerLoss, MaskFormerLoss, MaskFormerHungarianMatcher, mask2former_loss, maskformer_loss
    Reference: Cheng et al., Masked-attention Mask Transformer for Universal Image Segmentation, 2022, arXiv:2112.01527, section 3.3; Cheng, Schwing and Kirillov, MaskFormer, 2021, arXiv:2107.06278, section 3.3
    """
    check_classes(class_logits, labels, classification)
    points = math.prod(mask_logits.shape[2:])
    rows, truth = mask_logits.reshape(*mask_logits.shape[:2], points), masks.reshape(*masks.shape[:2], points)
    if matches is None:
        of_classes = class_costs(class_logits, classification, cost_alpha, cost_gamma)
        costs = mask_costs(rows, truth, mask_loss, mask_cost, dice_cost)
        costs += class_cost * np.take_along_axis(of_classes, np.maximum(labels[:, None], 0), 2)
        image, query, at = matched(costs, labels, "mask_cost")
    else:
        image, query, at = given_matches(matches, labels, rows.shape[1])
    number = max(int((labels >= 0).sum()), 1)
    wanted, partner = np.full(class_logits.shape[:2], -1), np.full(labels.shape, -1)
    wanted[image, query], partner[image, at] = labels[image, at], query
    if classification == "softmax":
        of_class, by_logits = softmax_classes(class_logits, wanted, no_object_weight)
    else:
        of_class, by_logits = score_classes(class_logits, wanted, None, alpha, gamma, number)
    found, true = rows[image, query], truth[image, at]
    each = sigmoid_focal.function(found, true) if mask_loss == "focal" else binary_cross_entropy_with_logits.function(found, true)
    region = dice.function(found[:, None], true[:, None], activation="sigmoid", smooth_nr=1.0, smooth_dr=1.0)
    share = 1.0 / (number * points)
    parts = {
        "class": np.array([of_class]),
        "mask": np.array([each.numerator.sum() * share]),
        "dice": np.array([region.numerator.sum() / number]),
    }

    def by_mask(c: Array) -> Array:
        out = np.zeros_like(rows)
        slopes = each.gradients["predictions"](np.full(len(found), c[0] * mask_weight * share))
        out[image, query] = slopes + region.gradients["predictions"](np.full(len(found), c[0] * dice_weight / number))[:, 0]
        return out.reshape(mask_logits.shape)

    return Evaluation(
        class_weight * parts["class"] + mask_weight * parts["mask"] + dice_weight * parts["dice"],
        np.ones(1),
        {"class_logits": lambda c: by_logits(c[0] * class_weight), "mask_logits": by_mask},
        parts=parts,
        state={"matches": partner},
    )
