"""Images compared as a viewer would.

Local variances are sums of squares about the local mean, never E[x^2] - E[x]^2, and 1 - SSIM is put together from what differs, so
that nearly equal images keep their digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.core import Bound, Evaluation, Fraction, Positive, loss
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.numerics import elementwise, per_sample_sum, spread, times
from service.losses.tensors import Array, Domain, Tensor

Images = Annotated[Array, Tensor("n c h w", gradient="default", description="predicted images")]
ImageLabels = Annotated[Array, Tensor("n c h w", gradient="on request", description="true images")]
Scales = Annotated[Array, Tensor("s", domain=Domain(low=0), description="weight of each scale, finest first; its length is the number of scales")]
Signal = Annotated[Array, Tensor("n ...", gradient="default", description="estimates, pixels or anything else")]
SignalLabel = Annotated[Array, Tensor("n ...", gradient="on request", description="true values")]
Depth = Annotated[Array, Tensor("n ...", domain=Domain(low=0, low_open=True), gradient="default", description="predicted depths")]
DepthLabel = Annotated[Array, Tensor("n ...", domain=Domain(low=0, low_open=True), gradient="on request", description="true depths")]
Window = Annotated[int, annotated_types.Ge(1), annotated_types.Le(31)]

FIVE_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
RAMP = [[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5], [0.3, 0.4, 0.5, 0.6], [0.4, 0.5, 0.6, 0.7]]
BLOB = [[0.1, 0.1, 0.3, 0.4], [0.2, 0.5, 0.4, 0.5], [0.3, 0.4, 0.6, 0.6], [0.4, 0.5, 0.6, 0.9]]
EXAMPLE = {"predictions": [[RAMP]], "labels": [[BLOB]]}
LOCAL = Bound(1e-14, 1e-9, "gradients are differences of what the windows around a pixel say, which cancel in flat places")
LEVEL = Bound(1e-13, 1e-12, "the logarithm is near 0 where the error is near the range, and keeps the rounding of the sum of squares")


# ------------------------------------------------------------------ windows


@dataclass(frozen=True)
class Filter:
    """A separable weighted mean over all windows that lie inside."""

    weights: tuple[float, ...]

    @classmethod
    def gaussian(cls, size: int, sigma: float) -> Filter:
        """Of `size` pixels, its weights adding up to 1."""
        place = np.arange(size) - (size - 1) / 2
        raised = np.exp(-0.5 * np.square(place / sigma))
        return cls(tuple(float(w) for w in raised / raised.sum()))

    def parts(self, x: Array, axis: int) -> list[tuple[float, Array]]:
        """Each weight with the pixels that it meets along an axis, as views."""
        count = x.shape[axis] - len(self.weights) + 1
        at = [slice(None)] * x.ndim
        found = []
        for k, weight in enumerate(self.weights):
            at[axis] = slice(k, k + count)
            found.append((weight, x[tuple(at)]))
        return found

    def mean(self, x: Array, axis: int) -> Array:
        """The weighted mean along an axis."""
        (first, pixels), *others = self.parts(x, axis)
        out = first * pixels
        for weight, pixels in others:
            out += weight * pixels
        return out

    def scatter(self, like: Array, slopes: Array, axis: int, center: Array | None = None) -> Array:
        """The transpose of `mean`; with `center`, that of the mean of half the squares about it, as a slope on the pixels."""
        out = np.zeros_like(like)
        for (weight, place), (_, pixels) in zip(self.parts(out, axis), self.parts(like, axis), strict=True):
            place += weight * (slopes if center is None else slopes * (pixels - center))
        return out

    def square(self, x: Array, center: Array, axis: int) -> Array:
        """The weighted mean of squares about a center along an axis."""
        out = np.zeros_like(center)
        for weight, pixels in self.parts(x, axis):
            out += weight * np.square(pixels - center)
        return out


@dataclass(frozen=True)
class Local:
    """The weighted mean and variance of every window, and the way back of slopes on them."""

    x: Array
    filter: Filter

    @cached_property
    def rows(self) -> Array:
        """The means along the last axis."""
        return self.filter.mean(self.x, 3)

    @cached_property
    def mean(self) -> Array:
        """The mean of each window."""
        return self.filter.mean(self.rows, 2)

    @cached_property
    def variance(self) -> Array:
        """Of each window: the mean of the rows' variances, and the variance of the rows' means."""
        within = self.filter.square(self.x, self.rows, 3)
        return self.filter.mean(within, 2) + self.filter.square(self.rows, self.mean, 2)

    def back(self, by_mean: Array, by_variance: Array) -> Array:
        """Slopes on mean and variance as slopes on the pixels."""
        filtered = self.filter
        rows = filtered.scatter(self.rows, by_mean, 2) + filtered.scatter(self.rows, 2.0 * by_variance, 2, self.mean)
        within = filtered.scatter(self.rows, 2.0 * by_variance, 2)
        return filtered.scatter(self.x, rows, 3) + filtered.scatter(self.x, within, 3, self.rows)


def over(a: Array, b: Array) -> Array:
    """A / b with 0 / 0 = 0."""
    return np.divide(a, b, out=np.zeros_like(b), where=b != 0)


@dataclass(frozen=True)
class Similarity:
    """What the windows of two images differ in: `light` is 1 - the luminance term, `structure` 1 - the contrast-structure term."""

    x: Local
    y: Local
    difference: Local
    c1: float
    c2: float

    @classmethod
    def of(cls, x: Array, y: Array, filtered: Filter, c1: float, c2: float) -> Similarity:
        """Of images; c1 and c2 are the constants that steady the quotients."""
        return cls(Local(x, filtered), Local(y, filtered), Local(x - y, filtered), c1, c2)

    @cached_property
    def bright(self) -> Array:
        """The denominator of `light`."""
        return self.x.mean * self.x.mean + self.y.mean * self.y.mean + self.c1

    @cached_property
    def varied(self) -> Array:
        """The denominator of `structure`."""
        return self.x.variance + self.y.variance + self.c2

    @cached_property
    def light(self) -> Array:
        """1 - (2 mx my + c1) / (mx^2 + my^2 + c1)."""
        return over(self.difference.mean * self.difference.mean, self.bright)

    @cached_property
    def structure(self) -> Array:
        """1 - (2 cov + c2) / (vx + vy + c2)."""
        return over(self.difference.variance, self.varied)

    def back(self, by_light: Array, by_structure: Array) -> tuple[Array, Array]:
        """Slopes on both maps as slopes on both images."""
        # d light / d mx = 2 m (my (mx + my) + c1) / bright^2 with m = mx - my: no difference of its two parts
        mx, my = self.x.mean, self.y.mean
        light, structure = over(2.0 * by_light * self.difference.mean, self.bright), over(by_structure, self.varied)
        both = self.difference.back(np.zeros_like(structure), structure)
        faded = -structure * self.structure
        x = self.x.back(light * over(my * (mx + my) + self.c1, self.bright), faded)
        y = self.y.back(-light * over(mx * (mx + my) + self.c1, self.bright), faded)
        return x + both, y - both


@dataclass(frozen=True)
class Windows:
    """All windows of two images. Those with a pixel whose square would overflow are compared apart, scaled by a power of two.

    levels: a comparison, the exponent by which its images are scaled, and which windows it holds for (1 or 0).
    """

    levels: tuple[tuple[Similarity, int, Array], ...]

    @classmethod
    def of(cls, x: Array, y: Array, filtered: Filter, data_range: float, k1: float, k2: float) -> Windows:
        """Of images."""
        power = 300 if x.dtype == np.float64 else 40
        huge = (np.abs(x) > 2.0**power) | (np.abs(y) > 2.0**power)

        def level(mask: Array, exponent: int) -> Similarity:
            a, b = (np.ldexp(np.where(mask, image, 0.0).astype(image.dtype), exponent) for image in (x, y))
            unit = data_range * 2.0**exponent
            return Similarity.of(a, b, filtered, (k1 * unit) ** 2, (k2 * unit) ** 2)

        if not huge.any():
            return cls(((Similarity.of(x, y, filtered, (k1 * data_range) ** 2, (k2 * data_range) ** 2), 0, np.ones((), x.dtype)),))
        apart = (filtered.mean(filtered.mean(huge.astype(x.dtype), 3), 2) > 0).astype(x.dtype)
        return cls(((level(~huge, 0), 0, 1 - apart), (level(np.ones_like(huge), -2 * power), -2 * power, apart)))

    @cached_property
    def light(self) -> Array:
        """1 - the luminance term."""
        return sum((similarity.light * holds for similarity, _, holds in self.levels[1:]), self.levels[0][0].light * self.levels[0][2])

    @cached_property
    def structure(self) -> Array:
        """1 - the contrast-structure term."""
        return sum((similarity.structure * holds for similarity, _, holds in self.levels[1:]), self.levels[0][0].structure * self.levels[0][2])

    @property
    def loss(self) -> Array:
        """1 - SSIM of every window."""
        return self.light + self.structure * (1.0 - self.light)

    def back(self, by_light: Array, by_structure: Array, which: int) -> Array:
        """Slopes on both maps as slopes on one image."""
        parts = [np.ldexp(each.back(by_light * holds, by_structure * holds)[which], exponent) for each, exponent, holds in self.levels]
        return sum(parts[1:], parts[0])


def _check_window(x: Array, size: int, convention: str = "monai") -> None:
    if size % 2 == 0:
        raise InvalidOption("window_size", f"is {size}; expected an odd number")
    if convention == "monai" and size > min(x.shape[2:]):
        raise InvalidTensor("predictions", f"has images of {x.shape[2]} by {x.shape[3]}; windows of {size} by {size} do not fit in")
    if convention == "kornia" and size // 2 >= min(x.shape[2:]):
        raise InvalidTensor("predictions", f"has images of {x.shape[2]} by {x.shape[3]}; they cannot be reflected by {size // 2} at their edges")


@dataclass(frozen=True)
class Reflected:
    """Images continued beyond their edges by their mirror image, and the way back."""

    height: Array
    width: Array

    @classmethod
    def of(cls, x: Array, by: int) -> Reflected:
        """By as many pixels on all sides."""
        return cls(*(np.pad(np.arange(size), by, mode="reflect") for size in x.shape[2:]))

    def __call__(self, x: Array) -> Array:
        """The continued images."""
        return x[:, :, self.height][:, :, :, self.width]

    def back(self, slopes: Array, like: Array) -> Array:
        """Each pixel's slopes added up."""
        narrow = np.zeros((*slopes.shape[:3], like.shape[3]), like.dtype)
        np.add.at(narrow.transpose(3, 0, 1, 2), self.width, slopes.transpose(3, 0, 1, 2))
        out = np.zeros_like(like)
        np.add.at(out.transpose(2, 0, 1, 3), self.height, narrow.transpose(2, 0, 1, 3))
        return out


# ------------------------------------------------------------------ losses


@loss(example=EXAMPLE | {"window_size": 3}, bound=LOCAL)
def ssim(
    predictions: Images,
    labels: ImageLabels,
    *,
    window_size: Window = 11,
    sigma: Positive = 1.5,
    data_range: Positive = 1.0,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
    convention: Literal["monai", "kornia"] = "monai",
) -> Evaluation:
    r"""One minus the structural similarity of all windows, which are weighed by a Gaussian.

    Variances and covariance are the weighted ones, without Bessel's correction.

    Formula: \ell = 1 - \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}{(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}, \quad c_i = (k_i L)^2
    window_size: side of the windows, an odd number.
    sigma: of the Gaussian, in pixels.
    data_range: L, how far apart the least and the greatest value of a pixel are.
    k1: of the constant that steadies the luminance.
    k2: of the constant that steadies the contrast.
    convention: monai has 1 - SSIM of all windows inside the image; kornia half of it, of windows around every pixel, with the image reflected at its edges.
    Divisor: the number of windows of all channels
    Synonyms: SSIMLoss, ssim_loss, structural_similarity
    Reference: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004, equation 13
    """
    _check_window(predictions, window_size, convention)
    reflected = Reflected.of(predictions, window_size // 2) if convention == "kornia" else None
    half = 0.5 if convention == "kornia" else 1.0
    seen = (predictions, labels) if reflected is None else (reflected(predictions), reflected(labels))
    windows = Windows.of(*seen, Filter.gaussian(window_size, sigma), data_range, k1, k2)
    values = half * windows.loss

    def pullback(cotangent: Array, which: int) -> Array:
        c = half * spread(cotangent, values)
        slopes = windows.back(c * (1.0 - windows.structure), c * (1.0 - windows.light), which)
        return slopes if reflected is None else reflected.back(slopes, predictions)

    size = np.full(len(values), float(np.prod(values.shape[1:])))
    gradients = {"predictions": lambda c: pullback(c, 0), "labels": lambda c: pullback(c, 1)}
    return Evaluation(per_sample_sum(values), size, gradients, lambda: values)


def halved(x: Array) -> Array:
    """Means of two by two pixels; an odd last row or column is left out."""
    h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    return 0.25 * ((x[:, :, 0:h:2, 0:w:2] + x[:, :, 1:h:2, 1:w:2]) + (x[:, :, 0:h:2, 1:w:2] + x[:, :, 1:h:2, 0:w:2]))


def halved_back(slopes: Array, like: Array) -> Array:
    """The transpose of `halved`."""
    out = np.zeros_like(like)
    h, w = like.shape[2] // 2 * 2, like.shape[3] // 2 * 2
    for i in (0, 1):
        for j in (0, 1):
            out[:, :, i:h:2, j:w:2] = 0.25 * slopes
    return out


@loss(example=EXAMPLE | {"window_size": 1, "scale_weight": [0.5, 0.5]}, bound=LOCAL)
def ms_ssim(
    predictions: Images,
    labels: ImageLabels,
    *,
    scale_weight: Scales | None = None,
    window_size: Window = 11,
    sigma: Positive = 1.5,
    data_range: Positive = 1.0,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
) -> Evaluation:
    r"""One minus the product of contrast and structure at several scales, and of the luminance at the coarsest, each raised to a weight.

    Means are taken over the windows inside the image, for each channel; a negative mean counts as 0 and has no gradient. Each scale has
    half the pixels of the one before, means of two by two. Without scale_weight there are Wang's five, which need images of at least
    16 * window_size pixels a side (176). kornia's loss of this name is another one: a mixture with the absolute error.

    Formula: \ell = 1 - \prod_{j=1}^{M} \overline{cs}_j^{\,w_j}, \quad cs_M \text{ with the luminance, } SSIM
    window_size: side of the windows, an odd number.
    sigma: of the Gaussian, in pixels.
    data_range: how far apart the least and the greatest value of a pixel are.
    k1: of the constant that steadies the luminance.
    k2: of the constant that steadies the contrast.
    Divisor: the number of channels of all images
    Synonyms: MS_SSIM, ms_ssim_loss, multiscale_ssim, MultiScaleSSIM
    Reference: Wang, Simoncelli and Bovik, Multi-Scale Structural Similarity for Image Quality Assessment, 2003, equation 7
    """
    weights = np.array(FIVE_SCALES) if scale_weight is None else scale_weight.astype(np.float64)
    if not weights.size:
        raise InvalidTensor("scale_weight", "is empty; expected a weight for each scale")
    x, y, filtered = predictions, labels, Filter.gaussian(window_size, sigma)
    scales: list[Windows] = []
    for _ in weights:
        _check_window(x, window_size)
        scales.append(Windows.of(x, y, filtered, data_range, k1, k2))
        x, y = halved(x), halved(y)
    maps = [scale.loss if scale is scales[-1] else scale.structure for scale in scales]
    missing = np.stack([m.mean(axis=(2, 3), dtype=np.float64) for m in maps], axis=-1)
    logs = times(weights, np.log1p(-np.minimum(missing, 1.0)))
    values = -np.expm1(logs.sum(axis=-1))

    def pullback(cotangent: Array, which: int) -> Array:
        rate = over(weights * np.exp(logs.sum(axis=-1, keepdims=True)), np.maximum(1.0 - missing, 0.0)) * (missing < 1.0)
        slopes: Array | float = 0.0
        for j in reversed(range(len(scales))):
            scale, last = scales[j], j == len(scales) - 1
            c = (cotangent[:, None] * rate[..., j] / maps[j][0, 0].size).astype(predictions.dtype)[:, :, None, None] * np.ones_like(maps[j])
            here = scale.back(c * (1.0 - scale.structure) if last else 0.0 * c, c * (1.0 - scale.light) if last else c, which)
            slopes = here if last else here + halved_back(np.asarray(slopes), here)
        return np.asarray(slopes)

    gradients = {"predictions": lambda c: pullback(c, 0), "labels": lambda c: pullback(c, 1)}
    return Evaluation(values.sum(axis=1), np.full(len(values), float(values.shape[1])), gradients, lambda: values)


@loss(example={"predictions": [[0.1, 0.5, 0.9]], "labels": [[0.0, 0.5, 1.0]]}, bound=LEVEL)
def psnr(predictions: Signal, labels: SignalLabel, *, data_range: Positive = 1.0) -> Evaluation:
    r"""Minus the peak signal-to-noise ratio of each sample, in decibels.

    Equal images are infinitely good: an error. The mean is one over samples, where kornia takes the mean square over the whole batch first.

    Formula: \ell_i = 10 \log_{10} \frac{\mathrm{MSE}_i}{L^2}
    data_range: L, how far apart the least and the greatest value of a pixel are.
    Divisor: the number of samples
    Synonyms: PSNRLoss, psnr_loss, peak_signal_noise_ratio
    Reference: Huynh-Thu and Ghanbari, Scope of validity of PSNR in image/video quality assessment, 2008
    """
    error = predictions - labels
    rows = error.reshape(len(error), int(np.prod(error.shape[1:])))
    exponent = np.frexp(np.abs(rows).max(axis=1, initial=0.0))[1]
    exponent = np.where(np.abs(exponent) > (200 if error.dtype == np.float64 else 30), exponent, 0)
    scaled = np.ldexp(rows, -exponent[:, None])
    square = np.einsum("ij,ij->i", scaled, scaled, dtype=np.float64)
    level = (
        np.log(square / rows.shape[1] / data_range**2) if 1e-100 < data_range < 1e100 else np.log(square / rows.shape[1]) - 2 * math.log(data_range)
    )
    values = (10 / math.log(10)) * (level + (2 * math.log(2)) * exponent)

    def slope(cotangent: Array) -> Array:
        rate = (20 / math.log(10)) * over(cotangent, square)
        return np.ldexp(scaled * rate.astype(scaled.dtype)[:, None], -exponent[:, None]).reshape(error.shape)

    return Evaluation(values, np.ones(len(values)), {"predictions": slope, "labels": lambda c: -slope(c)})


@loss(example={"predictions": [[RAMP]]})
def total_variation(predictions: Images) -> Evaluation:
    r"""The sum of absolute differences of pixels next to each other in a row or a column, for each image.

    Anisotropic, as in kornia, torchmetrics and TensorFlow; the mean is one over images. The gradient of a difference of 0 is 0.

    Formula: \ell_i = \sum_{c u v} |x_{u+1, v} - x_{uv}| + |x_{u, v+1} - x_{uv}|
    Divisor: the number of images
    Synonyms: TotalVariation, total_variation_loss, tv_loss
    Reference: Rudin, Osher and Fatemi, Nonlinear total variation based noise removal algorithms, 1992
    """
    down, right = np.diff(predictions, axis=2), np.diff(predictions, axis=3)

    def pullback(cotangent: Array) -> Array:
        out = np.zeros_like(predictions)
        for axis, difference in ((2, down), (3, right)):
            sign = np.sign(difference)
            ahead, behind = np.moveaxis(out, axis, 0)[1:], np.moveaxis(out, axis, 0)[:-1]
            ahead += np.moveaxis(sign, axis, 0)
            behind -= np.moveaxis(sign, axis, 0)
        return out * spread(cotangent, out)

    values = per_sample_sum(np.abs(down)) + per_sample_sum(np.abs(right))
    return Evaluation(values, np.ones(len(values)), {"predictions": pullback})


@loss(example={"predictions": [[1.0, 2.0, 4.0]], "labels": [[1.5, 2.5, 3.0]]}, bound=LEVEL)
def scale_invariant_log(predictions: Depth, labels: DepthLabel, *, variance_focus: Fraction = 0.5) -> Evaluation:
    r"""The mean square of the differences of logarithms of each sample, less a share of the square of their mean.

    0.5 is the paper's share; 1 is invariant to the scale of the depths. Later papers take the root of it with 0.85, times 10.

    Formula: \ell_i = \overline{d^2} - \lambda \, \overline{d}^2, \quad d = \log x - \log t
    variance_focus: lambda.
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
