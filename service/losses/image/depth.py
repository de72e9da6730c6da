"""Depth: scale-invariant errors and edge-aware smoothness."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import Bound, Domain, ElementMask, Fraction, Real, RealLabel, TensorSpec
from service.losses.evaluation import Evaluation, elementwise, in_float64, nothing
from service.losses.image._shared import AXES, BLOB, RAMP, by_pixel
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, per_sample_sum, spread
from service.losses.numerics.vectors import exponents, scaled
from service.losses.registry import loss

Depth = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0, low_open=True), gradient="default", description="predicted depths")]
DepthLabel = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0, low_open=True), gradient="on request", description="true depths")]


@loss(example={"predictions": [[1.0, 2.0, 4.0]], "labels": [[1.5, 2.5, 3.0]]})
def scale_invariant_log(predictions: Depth, labels: DepthLabel, *, variance_focus: Fraction = 0.5) -> Evaluation:
    r"""Scale-invariant log loss: mean squared difference of logarithms of each sample, minus a fraction of the squared mean difference.

    The paper's fraction is 0.5; 1 gives invariance to the scale of the depths. Later papers use ten times the root, with 0.85.

    Use: Monocular depth estimation, up to the unknown scale of a scene.
    Search: depth_estimation
    Formula: \ell_i = \overline{d^2} - \lambda \, \overline{d}^2, \quad d = \log x - \log t
    variance_focus: lambda, fraction of the squared mean difference.
    Divisor: the number of samples
    Synonyms: SILog, SILogLoss, scale_invariant_loss
    Reference: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image, 2014, arXiv:1406.2283, equation 4
    """
    near = np.abs(predictions - labels) <= 0.5 * labels
    d = np.where(near, np.log1p(np.where(near, predictions - labels, 0.0) / labels), np.log(predictions) - np.log(labels))
    axes = tuple(range(1, d.ndim))
    mean = d.mean(axis=axes, keepdims=True, dtype=np.float64).astype(d.dtype) if len(d) else d
    spread_out = d - mean
    kept = (1.0 - variance_focus) * mean
    values = spread_out * spread_out + kept * mean
    size = float(np.prod(d.shape[1:]))
    result = elementwise(
        values,
        {
            "predictions": lambda c: (2.0 / size) * c * (spread_out + kept) / predictions,
            "labels": lambda c: (-2.0 / size) * c * (spread_out + kept) / labels,
        },
    )
    return Evaluation(result.numerator / size, np.ones(len(d)), result.gradients)


class Pixels:
    """Pixels as rows (n, m) over a power of two, with 0 outside of the mask. size: the pixels of the mask."""

    def __init__(self, x: Array, kept: Array) -> None:
        self.kept, self.size = kept, kept.sum(axis=1)
        rows = np.where(kept, x.reshape(kept.shape), 0.0)
        self.exponent = exponents(rows)
        self.rows = np.ldexp(rows, -self.exponent[:, None])

    def around_mean(self) -> Array:
        """Return the deviations from the mean, exactly 0 for equal pixels."""
        some = np.take_along_axis(self.rows, self.kept.argmax(axis=1, keepdims=True), 1)
        apart = np.where(self.kept, self.rows - some, 0.0)
        return np.where(self.kept, apart - apart.sum(axis=1, keepdims=True) / np.maximum(self.size, 1)[:, None], 0.0)

    def around_median(self) -> tuple[Array, Array, Array, Array]:
        """Return the deviations from the lower median over their mean size, this size, the signs of the deviations, and the column of the median."""
        order = np.where(self.kept, self.rows, np.inf).argsort(axis=1, kind="stable")
        middle = np.take_along_axis(order, np.maximum(self.size - 1, 0)[:, None] // 2, 1)
        apart = np.where(self.kept, self.rows - np.take_along_axis(self.rows, middle, 1), 0.0)
        size = np.abs(apart).sum(axis=1, keepdims=True) / np.maximum(self.size, 1)[:, None]
        return divide_or_zero(apart, size), size, np.sign(apart), middle

    def pull(self, slope: Array, exponent: Array | int = 0) -> Array:
        """Return 2^exponent times the derivative by the original pixels."""
        return np.ldexp(slope, (exponent - self.exponent)[:, None])


@loss(
    example={"predictions": [[0.1, 0.4, 0.2, 0.9]], "labels": [[1.0, 2.1, 1.4, 4.0]]},
    bound=Bound(1e-13, 1e-12, "residuals of a fit of all pixels of an image", "tensor", "tensor"),
)
@in_float64
def scale_shift_invariant_depth(
    predictions: Real,
    labels: RealLabel,
    *,
    mask: ElementMask | None = None,
    form: Literal["mse", "trimmed_mae"] = "mse",
    trim: Fraction = 0.2,
) -> Evaluation:
    r"""Half the mean squared or absolute error of inverse depths, after alignment of the scale and shift of each image: the data term of MiDaS.

    The gradient includes the alignment. An image of equal predictions is fitted by the mean of its labels, with gradient 0; MiDaS fits it by 0. The median is the lower one,
    as in torch, of the pixels in the mask alone. An image of equal numbers has the normalized numbers 0. MiDaS' trimmed_mae trims over the batch; here, as in the paper, each image.

    Use: Monocular depth estimation from mixed data sets, up to the unknown scale and shift of each image.
    Search: depth_estimation, disparity
    Formula: \ell_i = \frac{1}{2 M} \min_{s, b} \sum_j (s x_j + b - t_j)^2, \text{ or } \frac{1}{2 M} \sum_{j \in U} |\hat x_j - \hat t_j|, \quad \hat x = \frac{x - \mathrm{median}(x)}{\overline{|x - \mathrm{median}(x)|}}
    Where: x `predictions`; t `labels`; M the pixels of the mask; U the pixels of the smallest errors
    form: mse: predictions are aligned to the labels by least squares; trimmed_mae: both are normalized by their medians and mean deviations.
    trim: share of the pixels of an image to leave out, those with the largest errors, for trimmed_mae.
    Divisor: the number of pixels in the mask, as in MiDaS' batch-based reduction
    Synonyms: MiDaSLoss, ScaleAndShiftInvariantLoss, ssi_loss, ssi_mse, ssitrim, ssimse
    Reference: Ranftl et al., Towards Robust Monocular Depth Estimation, 2020, arXiv:1907.01341, equations 4 to 8
    """
    if not predictions.size:
        return nothing(predictions=predictions, labels=labels)
    flat = (len(predictions), predictions[0].size)
    kept = np.ones(flat, bool) if mask is None else (mask == 1).reshape(flat)
    x, t = Pixels(predictions, kept), Pixels(labels, kept)
    values, by_x, by_t = _least_squares(x, t) if form == "mse" else _trimmed(x, t, trim)
    return Evaluation(
        0.5 * values,
        x.size.astype(np.float64),
        {
            "predictions": lambda c: (c[:, None] * by_x).reshape(predictions.shape),
            "labels": lambda c: (c[:, None] * by_t).reshape(labels.shape),
        },
    )


def _least_squares(x: Pixels, t: Pixels) -> tuple[Array, Array, Array]:
    """Return the squared errors of the fitted images, summed, and half their derivatives; those of scale and shift are 0 at the minimum."""
    own, true = x.around_mean(), t.around_mean()
    square = np.vecdot(own, own)
    slope = divide_or_zero(np.vecdot(own, true), square)[:, None]
    exact = (x.size == 2) & (square > 0)  # a line through two points
    error = np.where(exact[:, None], 0.0, slope * own - true)
    return scaled(np.vecdot(error, error), 2 * t.exponent), x.pull(slope * error, 2 * t.exponent), -t.pull(error, 2 * t.exponent)


def _trimmed(x: Pixels, t: Pixels, trim: float) -> tuple[Array, Array, Array]:
    """Return the smallest absolute differences of the normalized images, summed, and half their derivatives."""
    sides = x.around_median(), t.around_median()
    error = sides[0][0] - sides[1][0]
    order = np.where(x.kept, np.abs(error), np.inf).argsort(axis=1, kind="stable")
    inside = np.empty(order.shape, bool)
    np.put_along_axis(inside, order, np.arange(order.shape[1]) < (x.size * (1.0 - trim)).astype(np.int64)[:, None], 1)

    def derivative(pixels: Pixels, side: tuple[Array, Array, Array, Array], pull: Array) -> Array:
        normalized, size, sign, middle = side
        by_size = np.vecdot(pull, normalized)[:, None] / np.maximum(pixels.size, 1)[:, None]
        out = pull - by_size * sign
        at_middle = np.take_along_axis(out, middle, 1) - out.sum(axis=1, keepdims=True)
        np.put_along_axis(out, middle, at_middle, 1)
        return pixels.pull(divide_or_zero(out, size))

    pull = 0.5 * inside * np.sign(error)
    return np.where(inside, np.abs(error), 0.0).sum(axis=1), derivative(x, sides[0], pull), derivative(t, sides[1], -pull)


InverseDepth = Annotated[Array, TensorSpec("n 1 h w", gradient="default", description="predicted inverse depths, or disparities")]
Guide = Annotated[Array, TensorSpec("n c h w", description="images, at whose edges depths may be discontinuous")]


@loss(example={"predictions": [[RAMP]], "image": [[BLOB, RAMP]]})
def inverse_depth_smoothness(predictions: InverseDepth, image: Guide) -> Evaluation:
    r"""Edge-aware smoothness of inverse depths: absolute differences of neighbors, with lower weights at edges of the image.

    As in kornia, it is the mean over horizontal differences plus the mean over vertical ones. A single row or column has no differences.

    Use: Self-supervised depth estimation, beside a photometric loss.
    Formula: \ell_i = \overline{|\partial_u d| \, e^{-\overline{|\partial_u I|}}} + \overline{|\partial_v d| \, e^{-\overline{|\partial_v I|}}}, \quad \text{the inner mean over channels}
    Divisor: the number of images
    Synonyms: InverseDepthSmoothnessLoss, inverse_depth_smoothness_loss, edge_aware_smoothness, disparity_smoothness
    Reference: Godard, Mac Aodha and Brostow, Unsupervised Monocular Depth Estimation with Left-Right Consistency, 2017, arXiv:1609.03677, equation 3; kornia.losses.inverse_depth_smoothness_loss
    """
    steps = [np.diff(predictions, axis=axis) for axis in AXES]
    weights = [np.exp(-np.abs(np.diff(image, axis=axis)).mean(axis=1, keepdims=True)) for axis in AXES]
    shares = [weight / max(int(np.prod(weight.shape[1:])), 1) for weight in weights]

    def pullback(c: Array) -> Array:
        slopes = [by_pixel(share * np.sign(step), axis, predictions) for axis, step, share in zip(AXES, steps, shares, strict=True)]
        return (slopes[0] + slopes[1]) * spread(c, predictions)

    values = sum((per_sample_sum(share * np.abs(step)) for step, share in zip(steps, shares, strict=True)), np.zeros(len(predictions)))
    return Evaluation(values, np.ones(len(values)), {"predictions": pullback})
