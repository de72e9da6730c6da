"""Image registration: similarity of images whose brightness differs by a local linear map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Bound, NonNegative, Positive, TensorSpec, Work
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, in_blocks, in_float64
from service.losses.image._shared import BLOB, RAMP
from service.losses.image._windows import Filter, Local
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, per_sample_size, per_sample_sum, spread
from service.losses.registry import loss

Moving = Annotated[Array, TensorSpec("n c ...", gradient="default", description="predicted (registered) images, volumes or signals")]
Fixed = Annotated[Array, TensorSpec("n c ...", gradient="on request", description="target images, volumes or signals")]
KernelSize = Annotated[int, annotated_types.Ge(1), annotated_types.Le(31)]
Kernel = Literal["rectangular", "triangular", "gaussian"]
ROUNDING = 64 * 2.0**-52  # of a pixel's sum over windows
BRIGHTEST = 1e100  # whose squares' ratios are in range
CORRELATED = Bound(1e-14, 1e-12, "gradients are differences over the windows around a pixel, of which single ones cancel", norm="tensor")


def kernel_weights(kind: Kernel, size: int) -> Array:
    """Return the weights of a kernel along one axis, as MONAI makes them."""
    if kind == "rectangular":
        return np.ones(size)
    if kind == "gaussian":
        return np.exp(-0.5 * np.square((np.arange(size) - size // 2) / (size / 3.0)))
    half = (size + 1) // 2
    half -= half % 2 == 0
    triangle = np.convolve(np.ones(half) / half, np.ones(half) / half)
    return np.pad(triangle, (size - triangle.size) // 2)


@dataclass(frozen=True)
class Correlation:
    """Covariance of the windows of two images, and the pullback of slopes on covariance and variances. Windows extend along all axes but the first two."""

    x: Local
    y: Local

    @cached_property
    def covariance(self) -> Array:
        """Covariance of each window: along each axis, the mean of the covariances so far plus the covariance of the means."""
        found, filtered = np.zeros_like(self.x.x), self.x.filter
        for axis, x, y, mx, my in zip(self.x.axes, self.x.means, self.y.means, self.x.means[1:], self.y.means[1:], strict=False):
            found = filtered.mean(found, axis)
            for (weight, a), (_, b) in zip(filtered.parts(x, axis), filtered.parts(y, axis), strict=True):
                found += weight * (a - mx) * (b - my)
        return found

    def residual(self, by_covariance: Array) -> Array:
        """Pull slopes on the covariance back to the pixels of x, each window's without its part along x, for which the correlation is constant.

        The difference of two parts that are equal up to rounding is 0, as where windows have two values and thus the correlation 1.
        """
        filtered, within = self.x.filter, (by_covariance, by_covariance * divide_or_zero(self.covariance, self.x.variance))
        parts = [np.zeros_like(by_covariance), np.zeros_like(by_covariance)]
        means = zip(self.y.means[-2::-1], self.x.means[-2::-1], self.y.means[:0:-1], self.x.means[:0:-1], strict=True)
        for axis, (y, x, my, mx) in zip(reversed(self.x.axes), means, strict=True):
            for k, (values, mean) in enumerate(((y, my), (x, mx))):
                parts[k] = filtered.scatter(values, parts[k], axis) + filtered.scatter(values, within[k], axis, mean)
            within = filtered.scatter(x, within[0], axis), filtered.scatter(x, within[1], axis)
        left = parts[0] - parts[1]
        return np.where(np.abs(left) > ROUNDING * np.abs(parts[0]), left, 0.0)

    def back(self, by_covariance: Array, by_variance: Array) -> Array:
        """Pull slopes back to the pixels of x: on the covariance at a constant variance of x, and on the variance of x at a constant correlation."""
        return self.residual(by_covariance) + self.x.back(np.zeros_like(by_variance), by_variance)


def check_brightness(name: str, images: Array) -> None:
    """Reject pixels whose squares would overflow."""
    wrong = np.abs(images) > BRIGHTEST
    if wrong.any():
        index = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
        raise InvalidTensor(name, f"out of range; expected pixels of at most {BRIGHTEST:g} in size, got {images[index].item()!r}", index)


@loss(
    example={"predictions": [[RAMP]], "labels": [[BLOB]]},
    bound=CORRELATED,
    work=Work("40 n c ... kernel_size + 2000 n c ...", "400 n c ..."),
)
@in_float64
def lncc(
    predictions: Moving,
    labels: Fixed,
    *,
    kernel_size: KernelSize = 3,
    kernel: Kernel = "rectangular",
    smooth_nr: NonNegative = 0.0,
    smooth_dr: Positive = 1e-5,
    convention: Literal["monai", "voxelmorph"] = "monai",
) -> Evaluation:
    r"""Local normalized cross-correlation loss: minus the squared correlation of both images in the window around each pixel.

    The image is surrounded by zeros, which count in the windows at the edges. Sums of a window are weighted by the kernel, whose weights are 1 (rectangular),
    sum to 1 (triangular), or are at most 1 (gaussian, with a standard deviation of a third of its size). Pixels are at most 1e100 in size.
    MONAI makes the gaussian and triangular kernels in float32, and computes variances as differences of sums. VoxelMorph has kernel_size 9.

    Use: Registration of medical images, whose brightness may differ by a local linear map.
    Search: image_registration, deformable_registration, voxelmorph
    Formula: \ell = - \frac{C^2 + s_{nr}}{\max(V_x, s_{dr}) \max(V_t, s_{dr})}, \quad C = \sum k (x - \bar x)(t - \bar t), \quad V_x = \sum k (x - \bar x)^2
    Where: x `predictions`; t `labels`; k the kernel around a pixel; s_{nr} `smooth_nr`; s_{dr} `smooth_dr`
    kernel_size: side of the windows, an odd number.
    kernel: weights of the pixels of a window: rectangular (equal), triangular or gaussian.
    smooth_nr: added to the numerator; unused by voxelmorph.
    smooth_dr: smallest variance; with voxelmorph, added to the product of both variances.
    convention: monai bounds each variance from below; voxelmorph adds smooth_dr to their product.
    Divisor: the number of pixels of all channels
    Synonyms: local_normalized_cross_correlation, LNCC, local_ncc
    Equivalents: monai.losses.LocalNormalizedCrossCorrelationLoss
    Reference: Avants et al., Symmetric diffeomorphic image registration with cross-correlation, 2008, section 2.2; Balakrishnan et al., VoxelMorph, 2019, arXiv:1809.05231, equation 5; MONAI LocalNormalizedCrossCorrelationLoss
    """
    if predictions.ndim < 3:
        raise InvalidTensor("predictions", f"wrong rank; expected (n, c, ...) with at least one axis of pixels, got shape {predictions.shape}")
    if kernel_size % 2 == 0:
        raise InvalidOption("kernel_size", f"not odd; expected an odd number, got {kernel_size}")
    for name, images in (("predictions", predictions), ("labels", labels)):
        check_brightness(name, images)
    weights, axes, half = kernel_weights(kernel, kernel_size), predictions.ndim - 2, kernel_size // 2
    filtered, volume = Filter(tuple(float(w) for w in weights / weights.sum())), float(weights.sum()) ** axes
    edges = ((0, 0), (0, 0), *((half, half),) * axes)
    inside = (slice(None), slice(None), *(slice(half, -half or None),) * axes)

    def of(x: Array, y: Array) -> Evaluation:
        pair = Correlation(*(Local(np.pad(image, edges), filtered) for image in (x, y)))
        one, other, common = pair.x.variance, pair.y.variance, pair.covariance
        if convention == "monai":
            least = smooth_dr / volume
            a, b = np.maximum(one, least), np.maximum(other, least)
            smooth = (smooth_nr / volume / a) / (volume * b)
            values = -((common / a) * (common / b) + smooth)
            by_common = -2.0 * (common / a) / b
            # at a constant correlation, the part that a bounded variance and the numerator's constant leave
            by_one, by_other = (
                np.where(mine >= least, smooth / bounded, 0.5 * by_common * divide_or_zero(common, mine)) for mine, bounded in ((one, a), (other, b))
            )
        else:
            eps = smooth_dr / volume / volume
            a, b = (mine + eps / yours for mine, yours in ((one, other), (other, one)))
            by_common = -2.0 * divide_or_zero(common, other) / a
            values = 0.5 * common * by_common
            share = eps / (one * other + eps)
            by_one, by_other = (divide_or_zero(values, mine) * share for mine in (one, other))

        def pullback(c: Array, pair: Correlation, by_variance: Array) -> Array:
            c = spread(c, values)
            return pair.back(c * by_common, c * by_variance)[inside]

        swapped = Correlation(pair.y, pair.x)
        gradients = {"predictions": lambda c: pullback(c, pair, by_one), "labels": lambda c: pullback(c, swapped, by_other)}
        return Evaluation(per_sample_sum(values), per_sample_size(values), gradients, lambda: values)

    return in_blocks(of, predictions, labels)
