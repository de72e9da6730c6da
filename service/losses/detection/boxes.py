"""Losses of predicted boxes against true boxes (x1, y1, x2, y2), row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Bound, Positive, TensorSpec
from service.losses.detection._box_pairs import Axis, Pair, Shape
from service.losses.detection._shared import giou_slopes, giou_values
from service.losses.evaluation import Evaluation, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero
from service.losses.registry import loss

Boxes = Annotated[Array, TensorSpec("n 4", boxes=True, gradient="default", description="predicted boxes as x1, y1, x2, y2")]
BoxLabels = Annotated[
    Array, TensorSpec("n 4", boxes=True, gradient="on request", description="true boxes as x1, y1, x2, y2, one for each prediction")
]
FixedBoxLabels = Annotated[Array, TensorSpec("n 4", boxes=True, description="true boxes as x1, y1, x2, y2, one for each prediction")]
EXAMPLE = {"predictions": [[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], "labels": [[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 1.0]]}


# ------------------------------------------------------------------ kernels


def rows(values: Array, pair: Pair, slopes: Callable[[Pair], Array]) -> Evaluation:
    """Build the Evaluation from one number for each pair of boxes; `slopes` are by the first box of a pair."""
    return elementwise(
        values,
        {"predictions": lambda c: c[:, None] * slopes(pair), "labels": lambda c: c[:, None] * slopes(pair.swapped())},
    )


def iou_slopes(pair: Pair) -> Array:
    """Return d (1 - IoU) / d boxes."""
    return -pair.slopes(pair.d_iou)


def diou_slopes(pair: Pair) -> Array:
    """Return d diou / d boxes."""
    return pair.center_slopes() - pair.slopes(pair.d_iou)


def negative_log(pair: Pair) -> Array:
    """Return -log IoU; infinite for disjoint boxes."""
    far = np.log(pair.union) - pair.x.log_shared - pair.y.log_shared
    near = -np.log1p(-np.minimum(pair.one_minus_iou, 0.5))
    return np.where(pair.one_minus_iou < 0.5, near, np.where(pair.meets, far, np.inf)).astype(far.dtype, copy=False)


# ------------------------------------------------------------------ losses


@loss(example=EXAMPLE)
@in_float64
def iou(predictions: Boxes, labels: BoxLabels, *, form: Literal["linear", "log", "square"] = "linear") -> Evaluation:
    r"""IoU loss: one minus the intersection over union, or its negative logarithm. Disjoint boxes have no gradient.

    The logarithm is infinite (an error) for disjoint boxes, where mmdet uses the logarithm of 1e-6.

    Use: Bounding box regression in object detection, where boxes overlap.
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
@in_float64
def giou(predictions: Boxes, labels: BoxLabels) -> Evaluation:
    r"""Generalized IoU loss: 1 - IoU plus the fraction of the enclosing box that neither box covers, so that disjoint boxes have a gradient.

    Use: Bounding box regression in object detection, also where boxes do not overlap.
    Search: bounding_box_regression
    Formula: \ell = 1 - \mathrm{IoU} + \frac{C - U}{C}
    Divisor: the number of boxes
    Synonyms: generalized_box_iou_loss, GIoULoss, giou_loss, BoxGIoULoss
    Equivalents: torchvision.ops.generalized_box_iou_loss, monai.losses.BoxGIoULoss
    Reference: Rezatofighi et al., Generalized Intersection over Union, 2019, arXiv:1902.09630, algorithm 2
    """
    pair = Pair.of(predictions, labels)
    return rows(giou_values(pair), pair, giou_slopes)


@loss(example=EXAMPLE)
@in_float64
def diou(predictions: Boxes, labels: BoxLabels) -> Evaluation:
    r"""Distance IoU loss: 1 - IoU plus the squared distance of the centers over the squared diagonal of the enclosing box.

    Use: Bounding box regression in object detection, with fast convergence of the centers.
    Formula: \ell = 1 - \mathrm{IoU} + \frac{\rho^2}{c^2}
    Divisor: the number of boxes
    Synonyms: distance_box_iou_loss, DIoULoss, diou_loss
    Equivalents: torchvision.ops.distance_box_iou_loss
    Reference: Zheng et al., Distance-IoU Loss, 2019, arXiv:1911.08287, equation 7
    """
    pair = Pair.of(predictions, labels)
    return rows(pair.one_minus_iou + pair.center, pair, diou_slopes)


@loss(example=EXAMPLE, conventions=("gradients",))
@in_float64
def ciou(
    predictions: Boxes,
    labels: BoxLabels,
    *,
    alpha: Literal["constant", "differentiated"] = "constant",
    convention: Literal["torchvision", "mmdetection"] = "torchvision",
) -> Evaluation:
    r"""Complete IoU loss: diou plus a penalty on different aspect ratios, weighted by the overlap.

    The angle of a box without height is a right angle, and that of a point is 0. torchvision's gradient is NaN in these cases.
    For the boxes (0, 0, 2, 1) and (1, 0, 2, 2) mmdetection gives 0.729167, torchvision 0.762918.

    Use: Bounding box regression in object detection, the usual choice of the YOLO detectors.
    Formula: \ell = \mathrm{diou} + \alpha v, \quad v = \frac{4}{\pi^2} \left( \arctan \frac{w^*}{h^*} - \arctan \frac{w}{h} \right)^2, \quad \alpha = \frac{v}{1 - \mathrm{IoU} + v}
    alpha: constant holds the weight alpha constant in the gradient (the paper, torchvision, detectron2); differentiated includes its derivative.
    convention: torchvision (also detectron2 and ultralytics) takes alpha as it is; mmdetection (and the authors' code) sets it to 0 for an IoU up to 0.5, which leaves diou.
    Divisor: the number of boxes
    Synonyms: complete_box_iou_loss, CIoULoss, ciou_loss
    Equivalents: torchvision.ops.complete_box_iou_loss
    Reference: Zheng et al., Distance-IoU Loss, 2019, arXiv:1911.08287, equations 8 to 11
    """
    pair = Pair.of(predictions, labels)
    shapes = Shape.of(predictions), Shape.of(labels)
    angle = shapes[0].angle_to(shapes[1])
    v = (4.0 / np.pi**2) * angle * angle
    trade = divide_or_zero(v, pair.one_minus_iou + v)
    if convention == "mmdetection":
        trade *= pair.one_minus_iou < 0.5
    rate = trade if alpha == "constant" else trade * (2.0 - trade)

    def slopes(of: Pair, shape: Shape, angle: Array) -> Array:
        result = diou_slopes(of) + shape.angle_slopes(rate * (8.0 / np.pi**2) * angle)
        return result if alpha == "constant" else result + of.slopes(of.d_iou, trade * trade)

    gradients = {
        "predictions": lambda c: c[:, None] * slopes(pair, shapes[0], angle),
        "labels": lambda c: c[:, None] * slopes(pair.swapped(), shapes[1], -angle),
    }
    return elementwise(pair.one_minus_iou + pair.center + trade * v, gradients)


@loss(example=EXAMPLE)
@in_float64
def eiou(predictions: Boxes, labels: BoxLabels) -> Evaluation:
    r"""Efficient IoU loss: diou plus the squared differences of width and height over those of the enclosing box.

    mmdetection's EIoULoss is another loss, the smooth Extended IoU of Peng and Yu. For the boxes (0, 0, 2, 1) and (1, 0, 2, 2) it gives 0.616667, this one 1.229167.

    Use: Bounding box regression in object detection, with separate terms of width and height.
    Formula: \ell = \mathrm{diou} + \frac{(w - w^*)^2}{c_w^2} + \frac{(h - h^*)^2}{c_h^2}
    Divisor: the number of boxes
    Synonyms: efficient_iou
    Ambiguous: EIoULoss the efficient IoU (mmdetection's class of this name is the extended IoU of Peng and Yu, which is not here)
    Reference: Zhang et al., Focal and Efficient IOU Loss, 2021, arXiv:2101.08158, equation 6
    """
    pair = Pair.of(predictions, labels)
    sides = np.square(pair.x.excess) + np.square(pair.y.excess)
    return rows(pair.one_minus_iou + pair.center + sides, pair, lambda pair: diou_slopes(pair) + pair.slopes(pair.d_excess))


@loss(example=EXAMPLE, bound=Bound(1e-14, 1e-13, "a side 1e300 times shorter than the other one has few digits", "tensor"))
@in_float64
def alpha_iou(predictions: Boxes, labels: BoxLabels, *, alpha: Positive = 3.0) -> Evaluation:
    r"""Alpha-IoU loss: one minus a power of the intersection over union. Disjoint boxes have no gradient.

    Use: Bounding box regression in object detection at high overlaps, or with noisy boxes.
    Formula: \ell = 1 - \mathrm{IoU}^\alpha
    alpha: exponent; values above 1 increase the weight of boxes with high overlap.
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


@loss(example=EXAMPLE)
@in_float64
def siou(
    predictions: Boxes,
    labels: BoxLabels,
    *,
    theta: Annotated[float, annotated_types.Ge(1)] = 4.0,
    convention: Literal["paper", "mmdetection"] = "paper",
) -> Evaluation:
    r"""SCYLLA-IoU loss: 1 - IoU plus half the sum of an angle-aware distance of the centers and a difference in shape.

    Lambda is the sine of twice the angle of the line between the centers. At centers with equal x or y the loss has a kink; the gradient is the mean of both sides.
    mmdetection's SIoULoss with neg_gamma=True is the paper's, bounded by 2. For the boxes (0, 0, 2, 1) and (1, 0, 2, 2) its default gives 0.626141, the paper 0.751222.

    Use: Bounding box regression in object detection, with the angle between the centers.
    Formula: \ell = 1 - \mathrm{IoU} + \frac{\Delta + \Omega}{2}, \quad \Delta = \sum_{t = x, y} 1 - e^{-(2 - \Lambda) \rho_t}, \quad \Omega = \sum_{t = w, h} (1 - e^{-\omega_t})^\theta, \quad \Lambda = \frac{2 |c_x| |c_y|}{c_x^2 + c_y^2}, \quad \rho_t = \frac{c_t^2}{C_t^2}, \quad \omega_t = \frac{|t - t^*|}{\max(t, t^*)}
    theta: exponent of the shape term; larger values reduce the influence of small differences. The paper searches 2 to 6 and uses 4.
    convention: mmdetection reverses the sign of the exponents of Delta, as its default does, which rewards distant centers, and replaces a negative loss by 0.
    Divisor: the number of boxes
    Synonyms: SIoULoss, siou_loss, scylla_iou
    Reference: Gevorgyan, SIoU Loss: More Powerful Learning for Bounding Box Regression, 2022, arXiv:2205.12740, equations 1 to 9
    """
    pair = Pair.of(predictions, labels)
    gamma = 2.0 - _sine_of_twice(pair)[0]
    sign = -1.0 if convention == "paper" else 1.0
    distance = sum(-np.expm1(sign * gamma * axis.center * axis.center) for axis in (pair.x, pair.y))
    shape = sum((-np.expm1(-_unlike(axis)[0])) ** theta for axis in (pair.x, pair.y))
    values = pair.one_minus_iou + 0.5 * (distance + shape)
    positive = (values >= 0.0)[:, None]
    return rows(np.maximum(values, 0.0), pair, lambda pair: positive * _siou_slopes(pair, theta, sign))


def _sine_of_twice(pair: Pair) -> tuple[Array, Array]:
    """Return the angle term of the line between the centers, and its derivatives (..., 4) by the first box, times the longer distance of the centers."""
    a, b, longer = pair.diagonal
    x, y = pair.x.center * a, pair.y.center * b
    farther = np.maximum(np.abs(x), np.abs(y))
    u, v = divide_or_zero(x, farther), divide_or_zero(y, farther)
    square = u * u + v * v
    swing = divide_or_zero(divide_or_zero((np.abs(v) - np.abs(u)) * (np.abs(u) + np.abs(v)), square), square)
    by_x, by_y = (divide_or_zero(part, longer) for part in (swing * np.sign(u) * np.abs(v), -swing * np.sign(v) * np.abs(u)))
    return divide_or_zero(2.0 * np.abs(u * v), square), np.stack([by_x, by_y, by_x, by_y], axis=-1)


def _unlike(axis: Axis) -> tuple[Array, Array]:
    """Return the difference of the lengths over the longer one, and its derivative by the first length, in units of the enclosing interval."""
    larger = np.maximum(axis.length, axis.other)
    excess = np.where(axis.meets, axis.excess, axis.length - axis.other)  # for distant intervals, differences of their ends lose short lengths
    rate = np.where(excess > 0, divide_or_zero(axis.other, larger), -np.sign(-excess))
    return divide_or_zero(np.abs(excess), larger), divide_or_zero(rate, larger)


def _siou_slopes(pair: Pair, theta: float, sign: float) -> Array:
    sine, swing = _sine_of_twice(pair)
    gamma = 2.0 - sine

    def distance(axis: Axis, across: Axis) -> tuple[Array, Array]:
        rate = -sign * gamma * axis.center * np.exp(sign * gamma * axis.center * axis.center)
        low, high = (0.5 * (inner + (1.0 - inner) * axis.rest(side)) for inner, side in zip(axis.inner, (-1.0, 1.0), strict=True))
        return -rate * low, rate * high

    def shape(axis: Axis, across: Axis) -> tuple[Array, Array]:
        unlike, rate = _unlike(axis)
        slope = 0.5 * theta * (-np.expm1(-unlike)) ** (theta - 1.0) * np.exp(-unlike) * rate
        return slope, slope

    a, b, _ = pair.diagonal
    farther = np.maximum(np.abs(pair.x.center * a), np.abs(pair.y.center * b))
    weight = sum(divide_or_zero(axis.center, farther) * axis.center * np.exp(sign * gamma * axis.center * axis.center) for axis in (pair.x, pair.y))
    return iou_slopes(pair) + pair.slopes(distance) + pair.slopes(shape) + 0.5 * sign * np.asarray(weight)[..., None] * swing


@loss(example=EXAMPLE, conventions=("gradients",))
@in_float64
def wiou(predictions: Boxes, labels: BoxLabels) -> Evaluation:
    r"""Wise-IoU loss, version 1: 1 - IoU multiplied by a factor that grows with the distance of the centers.

    The enclosing box is constant in the gradient, as in the paper; otherwise the loss could be reduced by enlarging it.

    Use: Bounding box regression in object detection with boxes of mixed quality.
    Formula: \ell = (1 - \mathrm{IoU}) \, e^{\rho^2 / \mathrm{sg}(c^2)}
    Divisor: the number of boxes
    Synonyms: WIoULoss, wise_iou, wiou_v1
    Reference: Tong et al., Wise-IoU: Bounding Box Regression Loss with Dynamic Focusing Mechanism, 2023, arXiv:2301.10051, equations 5 and 6
    """
    pair = Pair.of(predictions, labels)
    growth = np.exp(pair.center)

    def slopes(of: Pair) -> Array:
        a, b, longer = of.diagonal
        x, y = (divide_or_zero(divide_or_zero(axis.center * side, a * a + b * b), longer) for axis, side in ((of.x, a), (of.y, b)))
        apart = np.stack([x, y, x, y], axis=-1)
        return growth[:, None] * (of.one_minus_iou[:, None] * apart - of.slopes(of.d_iou))

    return rows(pair.one_minus_iou * growth, pair, slopes)


@loss(example=EXAMPLE)
@in_float64
def bounded_iou(predictions: Boxes, labels: FixedBoxLabels, *, beta: Positive = 0.2) -> Evaluation:
    r"""Bounded IoU loss: smooth L1 of one minus the best IoU possible given the center's x, its y, the width or the height.

    Each box has four elements, as in mmdetection, which adds 1e-3 to the denominators; here they are exact, with 0 / 0 = 0. Where centers are so far
    apart that the bound is 1, the gradient is 0.

    Use: Bounding box regression in two-stage object detection.
    Formula: \ell = \mathrm{smooth\_l1}_\beta(b), \quad b_x = \min\left(1, \frac{4 |\Delta x|}{w^* + 2 |\Delta x|}\right), \quad b_w = 1 - \min\left(\frac{w}{w^*}, \frac{w^*}{w}\right)
    beta: value at which the loss changes from quadratic to linear.
    Divisor: the number of elements, four for each box
    Synonyms: BoundedIoULoss, bounded_iou_loss, BIoULoss
    Reference: Tychsen-Smith and Petersson, Improving Object Localization with Fitness NMS and Bounded IoU Loss, 2018, arXiv:1711.00164, equations 10 to 14
    """
    bounds, by_low, by_high = (np.stack(x, axis=-1) for x in zip(*(side for k in (0, 1) for side in _bounded(predictions, labels, k)), strict=True))
    near = bounds < beta
    values = np.where(near, 0.5 * bounds * (bounds / beta), bounds - 0.5 * beta)
    rate = np.where(near, bounds / beta, 1.0).astype(bounds.dtype)

    def pullback(c: Array) -> Array:
        low, high = c * rate * by_low, c * rate * by_high
        return np.stack([low[:, 0] + low[:, 1], low[:, 2] + low[:, 3], high[:, 0] + high[:, 1], high[:, 2] + high[:, 3]], axis=-1)

    return elementwise(values, {"predictions": pullback})


def _bounded(boxes: Array, labels: Array, k: int) -> list[tuple[Array, Array, Array]]:
    """Return, for one axis, the bounds of the center and of the length, and their slopes by the low and the high side."""
    axis = Axis(boxes[:, k], boxes[:, k + 2], labels[:, k], labels[:, k + 2])
    half, unit = np.abs(axis.center), axis.unit
    whole = axis.other + 2.0 * half
    low, high, start, end = axis.low, axis.high, axis.other_low, axis.other_high
    within = ((low - start) + (high - start) > 0) & ((end - low) + (end - high) > 0)  # the center lies in the true interval
    center = np.where(within, divide_or_zero(4.0 * half, whole), half > 0).astype(half.dtype)
    steep = np.where(within, divide_or_zero(divide_or_zero(divide_or_zero(2.0 * axis.other * np.sign(axis.center), whole), whole), unit), 0.0).astype(
        half.dtype
    )
    larger = np.maximum(axis.length, axis.other)
    length = divide_or_zero(np.abs(axis.excess), larger)
    wider = divide_or_zero(np.where(axis.excess > 0, divide_or_zero(axis.other, larger), -np.sign(-axis.excess)).astype(half.dtype), larger)
    wider = divide_or_zero(wider, unit)
    return [(center, steep, steep), (length, -wider, wider)]
