"""Heads of two-stage object detectors: regions, box deltas and masks. Names and conventions are those of torchvision and detectron2."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification.binary import binary_cross_entropy_with_logits
from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import UNIT, Domain, NonNegative, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.registry import loss
from service.losses.regression.pointwise import smooth_l1

MaskLogits = Annotated[Array, TensorSpec("n c h w", gradient="default", description="mask logits, a channel for each class")]
Masks = Annotated[Array, TensorSpec("n h w", domain=UNIT, gradient="on request", description="true masks, in [0, 1]")]
Classes = Annotated[Array, TensorSpec("n", kind="integer", below="c", description="class of each region, which selects the channel")]
Objectness = Annotated[Array, TensorSpec("a", gradient="default", description="objectness logit of each anchor")]
AnchorDeltas = Annotated[Array, TensorSpec("a 4", gradient="default", description="predicted box deltas of each anchor")]
AnchorLabels = Annotated[
    Array, TensorSpec("a", kind="integer", domain=Domain(values=(-1, 0, 1)), description="1 object, 0 background, -1 not sampled")
]
AnchorTargets = Annotated[Array, TensorSpec("a 4", gradient="on request", description="target box deltas; used where the label is 1")]
ClassLogits = Annotated[Array, TensorSpec("r k", gradient="default", description="class logits of each region, background included")]
RegionDeltas = Annotated[
    Array,
    TensorSpec(
        "r b 4", gradient="default", description="predicted box deltas: a row for each class, with or without one for background, or one for all"
    ),
]
RegionLabels = Annotated[Array, TensorSpec("r", kind="integer", below="k", description="class of each region")]
RegionTargets = Annotated[Array, TensorSpec("r 4", gradient="on request", description="target box deltas; used for foreground regions")]
Count = Annotated[int, annotated_types.Ge(1)]
Background = Annotated[Literal["first", "last"], annotated_types.doc("position of the background class; first in torchvision, last in detectron2.")]
Normalization = Literal["torchvision", "paper", "detectron2"]
NINTH = 1.0 / 9.0  # sigma = 3 of the Faster R-CNN code: beta = 1 / sigma^2


@loss(example={"predictions": [[[[2.0, -1.0], [0.5, 0.0]], [[1.0, 1.0], [-2.0, 3.0]]]], "labels": [[[1, 0], [1, 0]]], "classes": [0]})
def mask_rcnn_mask(predictions: MaskLogits, labels: Masks, classes: Classes) -> Evaluation:
    r"""Mean binary cross entropy of the mask of each region's true class; all other channels are ignored.

    Use: Instance segmentation: the masks of Mask R-CNN.
    Formula: \ell_i = \frac{1}{hw} \sum_{uv} \mathrm{BCE}(x_{i k_i u v}, t_{i u v})
    Divisor: the number of pixels of all regions; without regions the value is 0
    Synonyms: maskrcnn_loss, mask_rcnn_loss, mask_cross_entropy
    Reference: He et al., Mask R-CNN, 2017, arXiv:1703.06870, section 3
    """
    channel = classes[:, None, None, None]
    entropy = binary_cross_entropy_with_logits.function(np.take_along_axis(predictions, channel, 1)[:, 0], labels)

    def pullback(cotangent: Array) -> Array:
        out = np.zeros_like(predictions)
        np.put_along_axis(out, channel, entropy.gradients["predictions"](cotangent)[:, None], 1)
        return out

    return replace(entropy, gradients={**entropy.gradients, "predictions": pullback}, hessian_diagonal={})


@loss(
    example={
        "objectness": [1.5, -0.5, 0.2],
        "box_deltas": [[0.1, 0.2, -0.1, 0.0], [0.0, 0.0, 0.0, 0.0], [0.3, 0.1, 0.2, 0.4]],
        "labels": [1, 0, -1],
        "box_targets": [[0.0, 0.3, -0.1, 0.2], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
    }
)
def rpn(
    objectness: Objectness,
    box_deltas: AnchorDeltas,
    labels: AnchorLabels,
    box_targets: AnchorTargets,
    *,
    box_weight: NonNegative = 1.0,
    beta: NonNegative = NINTH,
    normalization: Normalization = "torchvision",
    batch_size_per_image: Count = 256,
    images: Count = 1,
    locations: Count = 2400,
) -> Evaluation:
    r"""Loss of a region proposal network: binary cross entropy of the objectness and smooth L1 of the box deltas.

    With the divisors of paper and detectron2, which the options set for a whole request, results over shards merge only if each shard has its own.

    Use: The region proposals of two-stage object detection.
    Formula: L = \frac{1}{N_{cls}} \sum_i \mathrm{BCE}(o_i, l_i) + \frac{\lambda}{N_{reg}} \sum_{l_i = 1} \mathrm{smooth\_l1}(d_i - d_i^*)
    box_weight: lambda, weight of the box loss; 1 in torchvision and detectron2, 10 in the paper.
    beta: beta of smooth_l1; 1/9 in torchvision, 0 in detectron2.
    normalization: torchvision divides both terms by the number of sampled anchors; paper divides by batch_size_per_image and locations; detectron2 divides both by batch_size_per_image times images.
    batch_size_per_image: anchors sampled per image; unused by torchvision's normalization.
    images: number of images in the batch; used by detectron2's normalization only.
    locations: number of anchor locations; used by the paper's normalization only.
    Divisor: given by normalization, shared evenly by the anchors with label 0 or 1
    Synonyms: region_proposal, rpn_loss, RPNHead
    Reference: Ren et al., Faster R-CNN, 2015, arXiv:1506.01497, equation 1
    """
    return _rpn(objectness, box_deltas, labels, box_targets, 1.0, box_weight, beta, normalization, batch_size_per_image, images, locations)


def _rpn(
    objectness: Array,
    deltas: Array,
    labels: Array,
    targets: Array,
    class_weight: float,
    box_weight: float,
    beta: float,
    normalization: Normalization,
    batch_size: int,
    images: int,
    locations: int,
) -> Evaluation:
    sampled = (labels >= 0).astype(np.float64)
    entropy = binary_cross_entropy_with_logits.function(objectness, (labels == 1).astype(objectness.dtype))
    box = smooth_l1.function(deltas, targets, beta=beta)
    divisor = {"torchvision": sampled.sum(), "paper": batch_size, "detectron2": batch_size * images}[normalization]
    share = sampled * (divisor / max(sampled.sum(), 1.0))
    rate = (labels == 1) * (divisor / locations if normalization == "paper" else 1.0)
    gradients = {"objectness": lambda c: entropy.gradients["predictions"](c * sampled * class_weight)}
    gradients |= _of_box(box, rate * box_weight)
    parts = {"objectness": entropy.numerator * sampled, "rpn_box_reg": box.numerator * rate}
    return Evaluation(class_weight * parts["objectness"] + box_weight * parts["rpn_box_reg"], share, gradients, parts=parts)


def _of_box(box: Evaluation, weight: Array) -> dict[str, Pullback]:
    return {
        "box_deltas": lambda c: box.gradients["predictions"](c * weight),
        "box_targets": lambda c: box.gradients["labels"](c * weight),
    }


@loss(
    example={
        "class_logits": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]],
        "box_deltas": [[[0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]], [[0.5, -0.2, 0.1, 0.0], [0.2, 0.2, 0.2, 0.2]]],
        "labels": [0, 1],
        "box_targets": [[0.0, 0.0, 0.0, 0.0], [0.4, -0.1, 0.0, 0.1]],
    }
)
def fast_rcnn(
    class_logits: ClassLogits,
    box_deltas: RegionDeltas,
    labels: RegionLabels,
    box_targets: RegionTargets,
    *,
    background: Background = "first",
    beta: NonNegative = NINTH,
    box_weight: NonNegative = 1.0,
) -> Evaluation:
    r"""Fast R-CNN loss: cross entropy of the class of each region, plus smooth L1 of the boxes of foreground regions.

    The box term uses the row of the true class, or the only row (class-agnostic boxes, detectron2's CLS_AGNOSTIC_BBOX_REG), summed over its four numbers. Both terms are divided by the number of all regions.

    Use: The second stage of two-stage object detection.
    Formula: L = \frac{1}{R} \sum_i \left( \mathrm{CE}(x_i, u_i) + \lambda [u_i \text{ is foreground}] \, \mathrm{smooth\_l1}(d_i^{u_i} - v_i) \right)
    beta: beta of smooth_l1; 1/9 in torchvision, 0 in detectron2, 1 in the paper.
    box_weight: lambda, weight of the box loss.
    Divisor: the number of regions
    Synonyms: fastrcnn_loss, FastRCNNOutputLayers
    Reference: Girshick, Fast R-CNN, 2015, arXiv:1504.08083, equation 1
    """
    return _fast_rcnn(class_logits, box_deltas, labels, box_targets, background, beta, 1.0, box_weight)


def _fast_rcnn(
    logits: Array, deltas: Array, labels: Array, targets: Array, background: str, beta: float, class_weight: float, box_weight: float
) -> Evaluation:
    classes, rows = logits.shape[1], deltas.shape[1]
    if rows not in (classes, classes - 1, 1):
        expected = f"{classes} rows for each region, {classes - 1} without background, or 1 for all classes"
        raise InvalidTensor("box_deltas", f"wrong shape; expected {expected}, got {rows}")
    foreground = labels != (0 if background == "first" else classes - 1)
    row = labels - (1 if background == "first" and rows == classes - 1 else 0)
    at = np.where(foreground & (rows > 1), row, 0)[:, None, None]
    entropy = cross_entropy.function(logits, labels)
    box = smooth_l1.function(np.take_along_axis(deltas, at, 1)[:, 0], targets, beta=beta)

    def to_rows(cotangent: Array) -> Array:
        out = np.zeros_like(deltas)
        np.put_along_axis(out, at, pulled["box_deltas"](cotangent)[:, None], 1)
        return out

    pulled = _of_box(box, box_weight * foreground)
    gradients = {"class_logits": lambda c: entropy.gradients["predictions"](c * class_weight), **pulled, "box_deltas": to_rows}
    parts = {"classifier": entropy.numerator, "box_reg": box.numerator * foreground}
    return Evaluation(class_weight * parts["classifier"] + box_weight * parts["box_reg"], np.ones(len(labels)), gradients, parts=parts)


RPN_EXAMPLE = {
    "objectness": [1.5, -0.5],
    "rpn_box_deltas": [[0.1, 0.2, -0.1, 0.0], [0.0, 0.0, 0.0, 0.0]],
    "rpn_labels": [1, 0],
    "rpn_box_targets": [[0.0, 0.3, -0.1, 0.2], [0.0, 0.0, 0.0, 0.0]],
    "class_logits": [[2.0, 0.5], [0.1, 0.2]],
    "box_deltas": [[[0.0, 0.0, 0.0, 0.0]], [[0.5, -0.2, 0.1, 0.0]]],
    "labels": [0, 1],
    "box_targets": [[0.0, 0.0, 0.0, 0.0], [0.4, -0.1, 0.0, 0.1]],
}


@loss(example=RPN_EXAMPLE, merges=False)
def faster_rcnn(
    objectness: Objectness,
    rpn_box_deltas: AnchorDeltas,
    rpn_labels: AnchorLabels,
    rpn_box_targets: AnchorTargets,
    class_logits: ClassLogits,
    box_deltas: RegionDeltas,
    labels: RegionLabels,
    box_targets: RegionTargets,
    *,
    objectness_weight: NonNegative = 1.0,
    rpn_box_weight: NonNegative = 1.0,
    classifier_weight: NonNegative = 1.0,
    box_weight: NonNegative = 1.0,
    beta: NonNegative = NINTH,
    background: Background = "first",
) -> Evaluation:
    r"""Faster R-CNN loss: the four terms that torchvision sums, those of rpn and of fast_rcnn, each with its own mean.

    The whole batch is one sample, so per_sample has one number. `parts` returns the unweighted terms.

    Use: Two-stage object detection (Faster R-CNN), all terms together.
    Formula: L = w_1 L_{objectness} + w_2 L_{rpn\_box} + w_3 L_{classifier} + w_4 L_{box}
    objectness_weight: weight of the part `objectness`.
    rpn_box_weight: weight of the part `rpn_box_reg`.
    classifier_weight: weight of the part `classifier`.
    box_weight: weight of the part `box_reg`.
    beta: beta of both smooth_l1 terms.
    Divisor: 1; each term has the divisor of rpn (torchvision's) or fast_rcnn
    Synonyms: FasterRCNN
    Reference: Ren et al., Faster R-CNN, 2015, arXiv:1506.01497
    """
    return _total(
        _faster_rcnn_terms(
            (objectness, rpn_box_deltas, rpn_labels, rpn_box_targets),
            (class_logits, box_deltas, labels, box_targets),
            (objectness_weight, rpn_box_weight, classifier_weight, box_weight),
            beta,
            background,
        )
    )


def _faster_rcnn_terms(
    anchors: tuple[Array, Array, Array, Array],
    regions: tuple[Array, Array, Array, Array],
    weights: tuple[float, float, float, float],
    beta: float,
    background: str,
) -> list[Evaluation]:
    objectness, rpn_box, classifier, box = weights
    proposals = _rpn(*anchors, objectness, rpn_box, beta, "torchvision", 1, 1, 1)
    prefixed = {name if name == "objectness" else f"rpn_{name}": pullback for name, pullback in proposals.gradients.items()}
    return [replace(proposals, gradients=prefixed), _fast_rcnn(*regions, background, beta, classifier, box)]


def _total(terms: list[Evaluation]) -> Evaluation:
    """Sum the terms' means as the loss of one sample, the batch."""

    def scaled(term: Evaluation, pullback: Pullback) -> Pullback:
        divisor = term.weight.sum()
        return lambda c: pullback(np.full(term.numerator.size, c[0] / divisor if divisor else 0.0))

    def mean(term: Evaluation, numerator: Array) -> Array:
        return np.array([numerator.sum() / max(term.weight.sum(), 1e-300)])

    return Evaluation(
        sum((mean(term, term.numerator) for term in terms), np.zeros(1)),
        np.ones(1),
        {name: scaled(term, pullback) for term in terms for name, pullback in term.gradients.items()},
        parts={name: mean(term, part) for term in terms for name, part in term.parts.items()},
    )


@loss(
    example=RPN_EXAMPLE | {"mask_logits": [[[[2.0, -1.0], [0.5, 0.0]], [[1.0, 1.0], [-2.0, 3.0]]]], "masks": [[[1, 0], [1, 0]]], "mask_classes": [1]},
    merges=False,
)
def mask_rcnn(
    objectness: Objectness,
    rpn_box_deltas: AnchorDeltas,
    rpn_labels: AnchorLabels,
    rpn_box_targets: AnchorTargets,
    class_logits: ClassLogits,
    box_deltas: RegionDeltas,
    labels: RegionLabels,
    box_targets: RegionTargets,
    mask_logits: MaskLogits,
    masks: Masks,
    mask_classes: Classes,
    *,
    objectness_weight: NonNegative = 1.0,
    rpn_box_weight: NonNegative = 1.0,
    classifier_weight: NonNegative = 1.0,
    box_weight: NonNegative = 1.0,
    mask_weight: NonNegative = 1.0,
    beta: NonNegative = NINTH,
    background: Background = "first",
) -> Evaluation:
    r"""Mask R-CNN loss: the four terms of faster_rcnn plus mask_rcnn_mask of the foreground regions.

    The whole batch is one sample, so per_sample has one number. `parts` returns the unweighted terms.

    Use: Instance segmentation (Mask R-CNN), all terms together.
    Formula: L = L_{Faster R-CNN} + w_5 L_{mask}
    objectness_weight: weight of the part `objectness`.
    rpn_box_weight: weight of the part `rpn_box_reg`.
    classifier_weight: weight of the part `classifier`.
    box_weight: weight of the part `box_reg`.
    mask_weight: weight of the part `mask`.
    beta: beta of both smooth_l1 terms.
    Divisor: 1; each term has the divisor of rpn (torchvision's), fast_rcnn or mask_rcnn_mask
    Synonyms: MaskRCNN
    Reference: He et al., Mask R-CNN, 2017, arXiv:1703.06870, section 3
    """
    mask = mask_rcnn_mask.function(mask_logits, masks, mask_classes)
    term = Evaluation(
        mask_weight * mask.numerator,
        mask.weight,
        {
            "mask_logits": lambda c: mask.gradients["predictions"](c * mask_weight),
            "masks": lambda c: mask.gradients["labels"](c * mask_weight),
        },
        parts={"mask": mask.numerator},
    )
    terms = _faster_rcnn_terms(
        (objectness, rpn_box_deltas, rpn_labels, rpn_box_targets),
        (class_logits, box_deltas, labels, box_targets),
        (objectness_weight, rpn_box_weight, classifier_weight, box_weight),
        beta,
        background,
    )
    return _total([*terms, term])
