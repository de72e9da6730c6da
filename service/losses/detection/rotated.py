"""Losses of rotated boxes, which are compared as Gaussians of the same mean and covariance as the uniform distribution over the box.

Lengths are relative to a power of two near the longest one, and center differences to one of their own. Distances are hypotenuses and
never differences of squares, so that small ones keep their digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import Bound, NonNegative, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, times
from service.losses.registry import loss

RotatedBoxes = Annotated[
    Array, TensorSpec("n 5", gradient="default", description="predicted boxes as center x, center y, width, height and rotation in radians")
]
RotatedLabels = Annotated[
    Array,
    TensorSpec("n 5", gradient="on request", description="true boxes as center x, center y, width, height and rotation, one for each prediction"),
]
SHORTEST, LONGEST = 1e-30, 1e30  # lengths whose ratios to the fourth power are in range
FULL_TURN = 2.0 * np.pi
SMALL = 1e-8  # whose square is lost beside 1
ROTATED = Bound(1e-14, 1e-12, "gradients are differences of slopes, which cancel where boxes are nearly equal")


@dataclass(frozen=True)
class Rotated:
    """One box: its lengths relative to 2^unit, and the cosine and sine of its rotation."""

    width: Array
    height: Array
    cos: Array
    sin: Array

    @classmethod
    def of(cls, lengths: Array, angle: Array) -> Rotated:
        """Build from widths and heights (n, 2) and rotations (n,)."""
        return cls(lengths[:, 0], lengths[:, 1], np.cos(angle), np.sin(angle))

    def along(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return the components of vectors along the width and along the height."""
        return self.cos * x + self.sin * y, self.cos * y - self.sin * x


@dataclass(frozen=True)
class GaussianPair:
    """Pairs of rotated boxes. apart: differences of the centers over 2^exponent, which count relative to 2^unit."""

    box: Rotated
    other: Rotated
    apart: tuple[Array, Array]
    sin: Array
    cos: Array
    exponent: Array

    @cached_property
    def determinant(self) -> Array:
        """Return 144 times the determinant of the sum of both covariances, a sum of squares."""
        a, b = self.box, self.other
        turned = np.square(self.sin) * (np.square(a.width * b.width) + np.square(a.height * b.height))
        straight = np.square(self.cos) * (np.square(a.width * b.height) + np.square(a.height * b.width))
        return np.square(a.width * a.height) + np.square(b.width * b.height) + turned + straight

    @cached_property
    def areas(self) -> Array:
        """Return the product of all four lengths; the determinant is four times that for equal boxes."""
        return (self.box.width * self.box.height) * (self.other.width * self.other.height)

    @cached_property
    def differences(self) -> tuple[Array, Array, Array]:
        """Return the roots of the determinant's excess over that of equal boxes: of areas, of turned boxes and of shapes."""
        a, b = self.box, self.other
        return (
            a.width * a.height - b.width * b.height,
            a.width * b.width - a.height * b.height,
            a.width * b.height - b.width * a.height,
        )

    @cached_property
    def shift(self) -> Array:
        """Return the root of the distance that is due to the centers."""
        squares = np.zeros_like(self.sin)
        for each in (self.box, self.other):
            u, v = each.along(*self.apart)
            squares = np.hypot(squares, np.hypot(each.width * v, each.height * u))
        return np.ldexp(np.sqrt(3.0 / self.determinant) * squares, self.exponent)

    @cached_property
    def unlike(self) -> Array:
        """Return the root of the distance that is due to the shapes: half of log(determinant / (4 areas))."""
        area, turned, shape = self.differences
        excess = np.hypot(np.hypot(area, self.sin * turned), self.cos * shape) / (2.0 * np.sqrt(self.areas))
        return np.where(excess < SMALL, np.sqrt(0.5) * excess, np.sqrt(0.5 * np.log1p(np.square(excess))))

    @cached_property
    def coefficient(self) -> Array:
        """Return the Bhattacharyya coefficient, the overlap of both densities."""
        return np.exp(-np.square(self.shift)) * np.sqrt(4.0 * self.areas / self.determinant)

    @cached_property
    def hellinger(self) -> Array:
        """Return the Hellinger distance, the root of 1 - coefficient."""
        root = np.hypot(self.shift, self.unlike)
        distance = np.square(root)
        rate = np.sqrt(divide_or_zero(-np.expm1(-distance), distance))
        return np.where(root < SMALL, root, np.where(distance > 1.0, np.sqrt(-np.expm1(-distance)), root * rate))

    def steepest(self) -> tuple[Array, Array]:
        """Return the sum's inverse covariance times the difference of the centers, along the box, over 2^exponent."""
        (u, v), (s, t), a, b = self.box.along(*self.apart), self.other.along(*self.apart), self.box, self.other
        along = np.square(a.height) * u + np.square(b.width) * self.sin * t + np.square(b.height) * self.cos * s
        across = np.square(a.width) * v + np.square(b.width) * self.cos * t - np.square(b.height) * self.sin * s
        return 12.0 * along / self.determinant, 12.0 * across / self.determinant

    def slopes(self, bounded: bool) -> Array:
        """Return the derivatives of the Hellinger distance (bounded) or of its Bhattacharyya distance by the box, in relative lengths."""
        a, b, root = self.box, self.other, self.hellinger
        along, across = self.steepest()

        def over(x: Array, exponent: Array | int = 0) -> Array:
            """Multiply by the derivative of the result by the Bhattacharyya distance."""
            if not bounded:
                return np.ldexp(x, exponent)
            return times(self.coefficient, divide_or_zero(0.5 * x, np.ldexp(root, -exponent)))

        u, v = over(along, self.exponent), over(across, self.exponent)
        with np.errstate(all="ignore"):
            far_u, far_v = np.ldexp(along, self.exponent), np.ldexp(across, self.exponent)
        area, turned, shape = self.differences
        whole = over(area) * (a.width * a.height + b.width * b.height)
        turn = over(self.sin) * self.sin * turned * (a.width * b.width + a.height * b.height)
        form = over(self.cos * shape) * self.cos * (a.width * b.height + b.width * a.height)
        width = 0.5 * (whole + turn + form) / self.determinant / a.width - a.width / 24.0 * times(u, far_u)
        height = 0.5 * (whole - turn - form) / self.determinant / a.height - a.height / 24.0 * times(v, far_v)
        oblong, others = (a.width - a.height) * (a.width + a.height), (b.width - b.height) * (b.width + b.height)
        rotation = over(self.sin) * self.cos * oblong * others / self.determinant - oblong / 24.0 * times(u, far_v)
        x, y = 0.5 * (u * a.cos - v * a.sin), 0.5 * (u * a.sin + v * a.cos)
        return np.stack([x, y, width, height, rotation], axis=-1)


def _paired(boxes: Array, others: Array, floor: float) -> tuple[GaussianPair, Array, list[Array]]:
    """Return pairs, the exponent of their unit, and the lengths with the floor."""
    lengths = [np.hypot(sides[:, 2:4], np.sqrt(12.0 * floor)) for sides in (boxes, others)]
    for name, sides in zip(("predictions", "labels"), lengths, strict=True):
        wrong = ((sides < SHORTEST) | (sides > LONGEST)).nonzero()
        if wrong[0].size:
            row, column = int(wrong[0][0]), int(wrong[1][0])
            expected = f"a width and height between {SHORTEST} and {LONGEST} in size"
            raise InvalidTensor(
                name,
                f"out of range; expected {expected}, got {(boxes if name == 'predictions' else others)[row, 2 + column].item()!r}",
                (row, 2 + column),
            )
    unit = np.frexp(np.maximum(lengths[0].max(axis=1, initial=0.0), lengths[1].max(axis=1, initial=0.0)))[1]
    one, other = (Rotated.of(np.ldexp(sides, -unit[:, None]), each[:, 4]) for sides, each in zip(lengths, (boxes, others), strict=True))
    difference = 0.5 * boxes[:, :2] - 0.5 * others[:, :2]
    exponent = np.frexp(np.abs(difference).max(axis=1, initial=0.0))[1]
    apart = np.ldexp(difference, -exponent[:, None])
    sin, cos = _turn(boxes[:, 4], others[:, 4], one, other)
    return GaussianPair(one, other, (apart[:, 0], apart[:, 1]), sin, cos, exponent + 1 - unit), unit, lengths


def _turn(angle: Array, other: Array, a: Rotated, b: Rotated) -> tuple[Array, Array]:
    """Return sine and cosine of the difference of the angles, which is rounded if they are large."""
    large = np.maximum(np.abs(angle), np.abs(other)) > FULL_TURN
    sin, cos = a.sin * b.cos - a.cos * b.sin, a.cos * b.cos + a.sin * b.sin
    return np.where(large, sin, np.sin(angle - other)), np.where(large, cos, np.cos(angle - other))


@loss(
    example={"predictions": [[2.0, 2.0, 4.0, 2.0, 0.3], [0.0, 0.0, 1.0, 1.0, 0.0]], "labels": [[2.5, 2.0, 4.0, 3.0, 0.0], [3.0, 0.0, 1.0, 2.0, 0.5]]},
    bound=ROTATED,
    work=Work("3000 n", "800 n"),
)
@in_float64
def probiou(
    predictions: RotatedBoxes, labels: RotatedLabels, *, form: Literal["hellinger", "bhattacharyya"] = "hellinger", floor: NonNegative = 0.0
) -> Evaluation:
    r"""ProbIoU loss of rotated boxes: the Hellinger distance of the Gaussians that have the boxes' centers and covariances.

    The sign of a width or height has no effect. Lengths are between 1e-30 and 1e30, after the floor. The gradient of equal boxes is 0, where the distance has a cusp.
    ultralytics adds 1e-7 inside the logarithm, the root and the divisors, and bounds the Bhattacharyya distance by 100. For equal boxes its
    loss is 0.00044721 and this one is 0.

    Use: Rotated object detection, as in aerial images: YOLO's oriented boxes (OBB).
    Search: rotated_boxes, oriented_bounding_boxes, obb
    Formula: \ell = \sqrt{1 - e^{-B}}, \quad B = \frac{1}{4} d^\top (\Sigma + \Sigma^*)^{-1} d + \frac{1}{2} \log \frac{|\Sigma + \Sigma^*|}{4 \sqrt{|\Sigma| |\Sigma^*|}}, \quad \Sigma = R \, \mathrm{diag}\left( \frac{w^2}{12} + f, \frac{h^2}{12} + f \right) R^\top
    Where: d the difference of the centers; R the rotation of a box; f `floor`
    form: hellinger is the paper's L1 and lies in [0, 1]; bhattacharyya is its L2, B itself.
    floor: f, added to both variances of every box. ultralytics trains with 0.01, in units of the stride.
    Divisor: the number of boxes
    Synonyms: ProbIoULoss, prob_iou, probabilistic_iou, rotated_iou
    Reference: Llerena et al., Gaussian Bounding Boxes and Probabilistic Intersection-over-Union for Object Detection, 2021, arXiv:2106.06072, equations 6 to 9; ultralytics probiou
    """
    pair, unit, lengths = _paired(predictions, labels, floor)
    swapped = GaussianPair(pair.other, pair.box, (-pair.apart[0], -pair.apart[1]), -pair.sin, pair.cos, pair.exponent)

    def back(c: Array, of: GaussianPair, boxes: Array, sides: Array) -> Array:
        slopes = of.slopes(form == "hellinger")
        slopes[:, :4] = np.ldexp(slopes[:, :4], -unit[:, None])
        slopes[:, 2:4] *= boxes[:, 2:4] / sides
        return c[:, None] * slopes

    values = pair.hellinger if form == "hellinger" else np.square(pair.shift) + np.square(pair.unlike)
    return elementwise(
        values,
        {
            "predictions": lambda c: back(c, pair, predictions, lengths[0]),
            "labels": lambda c: back(c, swapped, labels, lengths[1]),
        },
    )
