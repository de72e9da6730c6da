"""Losses of predicted boxes against true ones (x1, y1, x2, y2), row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np

from service.losses.boxpairs import Pair, Shape, over
from service.losses.core import Evaluation, Positive, loss
from service.losses.numerics import elementwise
from service.losses.tensors import Array, Tensor

Boxes = Annotated[Array, Tensor("n 4", boxes=True, gradient="default", description="predicted boxes as x1, y1, x2, y2")]
BoxLabels = Annotated[Array, Tensor("n 4", boxes=True, gradient="on request", description="true boxes as x1, y1, x2, y2, one for each prediction")]

EXAMPLE = {"predictions": [[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], "labels": [[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 1.0]]}
# ------------------------------------------------------------------ kernels


def rows(values: Array, pair: Pair, slopes: Callable[[Pair], Array]) -> Evaluation:
    """The Evaluation of one number for each pair of boxes; `slopes` are by the first box of a pair."""
    return elementwise(
        values,
        {"predictions": lambda c: c[:, None] * slopes(pair), "labels": lambda c: c[:, None] * slopes(pair.swapped())},
    )


def iou_slopes(pair: Pair) -> Array:
    """D (1 - IoU) / d boxes."""
    return -pair.slopes(pair.d_iou)


def giou_values(pair: Pair) -> Array:
    """The loss giou."""
    return pair.one_minus_iou + pair.empty


def giou_slopes(pair: Pair) -> Array:
    """D giou / d boxes."""
    return -pair.slopes(pair.d_iou) - pair.slopes(pair.d_covered)


def diou_slopes(pair: Pair) -> Array:
    """D diou / d boxes."""
    return pair.center_slopes() - pair.slopes(pair.d_iou)


def negative_log(pair: Pair) -> Array:
    """-log IoU; infinite for boxes that do not meet."""
    far = np.log(pair.union) - np.log(pair.x.shared) - np.log(pair.y.shared)
    near = -np.log1p(-np.minimum(pair.one_minus_iou, 0.5))
    return np.where(pair.one_minus_iou < 0.5, near, np.where(pair.meets, far, np.inf)).astype(far.dtype, copy=False)


# ------------------------------------------------------------------ losses


@loss(example=EXAMPLE)
def iou(predictions: Boxes, labels: BoxLabels, *, form: Literal["linear", "log", "square"] = "linear") -> Evaluation:
    r"""One minus the intersection over union, or minus its logarithm; there is no gradient to boxes that do not meet.

    The logarithm is infinite (an error) for boxes that do not meet, where mmdet takes the logarithm of 1e-6.

    Formula: \ell = 1 - \mathrm{IoU}, \quad -\log \mathrm{IoU}, \quad 1 - \mathrm{IoU}^2
    form: linear, log (UnitBox) or square.
    Divisor: the number of boxes
    Synonyms: IoULoss, iou_loss
    Reference: Yu et al., UnitBox, 2016, arXiv:1608.01471, equation 1
    """
    pair = Pair.of(predictions, labels)
    if form == "log":
        return rows(negative_log(pair), pair, lambda pair: -pair.slopes(pair.log_iou))
    if form == "linear":
        return rows(pair.one_minus_iou, pair, iou_slopes)
    return rows(pair.one_minus_iou * (1.0 + pair.iou), pair, lambda pair: pair.slopes(pair.d_iou, -2.0 * pair.iou))


@loss(example=EXAMPLE)
def giou(predictions: Boxes, labels: BoxLabels) -> Evaluation:
    r"""1 - IoU plus the part of the enclosing box that neither box covers; boxes apart are drawn together.

    Formula: \ell = 1 - \mathrm{IoU} + \frac{C - U}{C}
    Divisor: the number of boxes
    Synonyms: generalized_box_iou_loss, GIoULoss, giou_loss, BoxGIoULoss
    Reference: Rezatofighi et al., Generalized Intersection over Union, 2019, arXiv:1902.09630, algorithm 2
    """
    pair = Pair.of(predictions, labels)
    return rows(giou_values(pair), pair, giou_slopes)


@loss(example=EXAMPLE)
def diou(predictions: Boxes, labels: BoxLabels) -> Evaluation:
    r"""1 - IoU plus the squared distance of the centers over the squared diagonal of the enclosing box.

    Formula: \ell = 1 - \mathrm{IoU} + \frac{\rho^2}{c^2}
    Divisor: the number of boxes
    Synonyms: distance_box_iou_loss, DIoULoss, diou_loss
    Reference: Zheng et al., Distance-IoU Loss, 2019, arXiv:1911.08287, equation 7
    """
    pair = Pair.of(predictions, labels)
    return rows(pair.one_minus_iou + pair.center, pair, diou_slopes)


@loss(example=EXAMPLE, conventions=("gradients",))
def ciou(predictions: Boxes, labels: BoxLabels, *, alpha: Literal["constant", "differentiated"] = "constant") -> Evaluation:
    r"""The loss diou plus a penalty on different aspect ratios, weighed by how well the boxes overlap.

    The angle of a box without height is a right angle, and that of a point 0: torchvision's gradient is NaN there.

    Formula: \ell = \mathrm{diou} + \alpha v, \quad v = \frac{4}{\pi^2} \left( \arctan \frac{w^*}{h^*} - \arctan \frac{w}{h} \right)^2, \quad \alpha = \frac{v}{1 - \mathrm{IoU} + v}
    alpha: constant takes the weight alpha as constant in the gradient (the paper, torchvision, detectron2), differentiated does not (older mmdet).
    Divisor: the number of boxes
    Synonyms: complete_box_iou_loss, CIoULoss, ciou_loss
    Reference: Zheng et al., Distance-IoU Loss, 2019, arXiv:1911.08287, equations 8 to 11
    """
    pair = Pair.of(predictions, labels)
    shapes = Shape.of(predictions), Shape.of(labels)
    angle = shapes[0].angle_to(shapes[1])
    v = (4.0 / np.pi**2) * angle * angle
    trade = over(v, pair.one_minus_iou + v)
    rate = trade if alpha == "constant" else trade * (2.0 - trade)

    def slopes(of: Pair, shape: Shape, angle: Array) -> Array:
        result = diou_slopes(of) + shape.angle_slopes(rate * (8.0 / np.pi**2) * angle)
        return result if alpha == "constant" else result + of.slopes(of.d_iou, trade * trade)

    return elementwise(
        pair.one_minus_iou + pair.center + trade * v,
        {
            "predictions": lambda c: c[:, None] * slopes(pair, shapes[0], angle),
            "labels": lambda c: c[:, None] * slopes(pair.swapped(), shapes[1], -angle),
        },
    )


@loss(example=EXAMPLE)
def eiou(predictions: Boxes, labels: BoxLabels) -> Evaluation:
    r"""The loss diou plus the squared differences of width and height over those of the enclosing box.

    Formula: \ell = \mathrm{diou} + \frac{(w - w^*)^2}{c_w^2} + \frac{(h - h^*)^2}{c_h^2}
    Divisor: the number of boxes
    Synonyms: EIoULoss, eiou_loss, efficient_iou
    Reference: Zhang et al., Focal and Efficient IOU Loss, 2021, arXiv:2101.08158, equation 6
    """
    pair = Pair.of(predictions, labels)
    sides = np.square(pair.x.excess) + np.square(pair.y.excess)
    return rows(pair.one_minus_iou + pair.center + sides, pair, lambda pair: diou_slopes(pair) + pair.slopes(pair.d_excess))


@loss(example=EXAMPLE)
def alpha_iou(predictions: Boxes, labels: BoxLabels, *, alpha: Positive = 3.0) -> Evaluation:
    r"""One minus a power of the intersection over union; there is no gradient to boxes that do not meet.

    Formula: \ell = 1 - \mathrm{IoU}^\alpha
    alpha: the power; above 1 it weighs boxes that are right already more.
    Divisor: the number of boxes
    Synonyms: AlphaIoULoss, power_iou
    Reference: He et al., Alpha-IoU, 2021, arXiv:2110.13675, equation 3
    """
    pair = Pair.of(predictions, labels)
    surprise = alpha * negative_log(pair)
    power = np.exp(-surprise)

    def slopes(of: Pair) -> Array:
        return -of.slopes(lambda axis, across: of.log_iou(axis, across, alpha * power))

    return rows(-np.expm1(-surprise), pair, slopes)
