"""Similarity of images and other signals."""

from __future__ import annotations

import math
from itertools import product
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Bound, Domain, Positive, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, in_blocks
from service.losses.image._shared import AXES, BLOB, RAMP, ImageLabels, ImageOrVolumeLabels, Images, ImagesOrVolumes, by_pixel
from service.losses.image._windows import Filter, Reflected, Window, WindowKind, Windows, check_alike, check_window
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, per_sample_sum, spread, times
from service.losses.registry import loss

Scales = Annotated[Array, TensorSpec("s", domain=Domain(low=0), description="weight of each scale, finest first, one per scale")]
Signal = Annotated[Array, TensorSpec("n ...", gradient="default", description="estimates, pixels or anything else")]
SignalLabel = Annotated[Array, TensorSpec("n ...", gradient="on request", description="true values")]
FIVE_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
EXAMPLE = {"predictions": [[RAMP]], "labels": [[BLOB]]}
LOCAL = Bound(1e-14, 1e-9, "gradients are differences over the windows around a pixel, which cancel in flat regions")
LEVEL = Bound(1e-13, 1e-12, "the logarithm is near 0 where the error is near the range, and keeps the rounding of the sum of squares")


@loss(example=EXAMPLE | {"window_size": 3}, bound=LOCAL, work=Work("30 n c d h w window_size", "64 n c d h w"))
def ssim(
    predictions: ImagesOrVolumes,
    labels: ImageOrVolumeLabels,
    *,
    window_size: Window = 11,
    sigma: Positive = 1.5,
    data_range: Positive = 1.0,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
    convention: Literal["monai", "kornia"] = "monai",
    window: WindowKind = "gaussian",
) -> Evaluation:
    r"""Structural similarity (SSIM) loss of images or volumes: one minus the SSIM of all windows, with Gaussian or equal weights.

    Variances and covariance are weighted, without Bessel's correction. MONAI computes in float32. kornia fixes sigma at 1.5, adds 1e-12
    to the denominator (two black images have the loss 5.6e-6 there, 0 here), and clips the loss to [0, 1].

    Use: Image similarity and restoration as people see it: super-resolution, compression, depth estimation.
    Search: image_similarity, image_quality
    Formula: \ell = 1 - \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}{(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}, \quad c_i = (k_i L)^2
    window_size: side of the windows, an odd number.
    sigma: standard deviation of the Gaussian, in pixels.
    data_range: L, range of the pixel values (maximum minus minimum).
    k1: factor of the constant that stabilizes the luminance.
    k2: factor of the constant that stabilizes the contrast.
    convention: monai is 1 - SSIM of all windows inside the image; kornia is half of it, for windows around every pixel, with reflection at the edges.
    window: weights of the pixels of a window: gaussian, or uniform for equal ones (scikit-image and MONAI's kernel_type have both). sigma is unused by uniform.
    Divisor: the number of windows of all channels
    Synonyms: SSIMLoss, ssim_loss, structural_similarity
    Equivalents: monai.losses.SSIMLoss
    Reference: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004, equation 13
    """
    check_alike(predictions, labels)
    check_window(predictions, window_size, convention)
    reflected = Reflected.of(predictions, window_size // 2) if convention == "kornia" else None
    half, filtered = 0.5 if convention == "kornia" else 1.0, Filter.of(window, window_size, sigma)

    def of(x: Array, y: Array) -> Evaluation:
        seen = (x, y) if reflected is None else (reflected(x), reflected(y))
        windows = Windows.of(*seen, filtered, data_range, k1, k2)
        values = half * windows.loss

        def pullback(cotangent: Array, which: int) -> Array:
            c = half * spread(cotangent, values)
            slopes = windows.back(c * (1.0 - windows.structure), c * (1.0 - windows.light), which)
            return slopes if reflected is None else reflected.back(slopes, x)

        size = np.full(len(values), float(np.prod(values.shape[1:])))
        gradients = {"predictions": lambda c: pullback(c, 0), "labels": lambda c: pullback(c, 1)}
        return Evaluation(per_sample_sum(values), size, gradients, lambda: values)

    return in_blocks(of, predictions, labels)


def quarters(x: Array) -> list[tuple[slice, ...]]:
    """Return the places of the pixels that `halved` averages, four of an image and eight of a volume, without an odd last row or column."""
    ends = [size // 2 * 2 for size in x.shape[2:]]
    return [
        (slice(None), slice(None), *(slice(k, end, 2) for k, end in zip(corner, ends, strict=True))) for corner in product((0, 1), repeat=len(ends))
    ]


def halved(x: Array) -> Array:
    """Average two by two pixels."""
    places = quarters(x)
    return sum((x[at] for at in places[1:]), x[places[0]]) / len(places)


def halved_back(slopes: Array, like: Array) -> Array:
    """Apply the transpose of `halved`."""
    out = np.zeros_like(like)
    for at in (places := quarters(like)):
        out[at] = slopes / len(places)
    return out


@loss(example=EXAMPLE | {"window_size": 1, "scale_weight": [0.5, 0.5]}, bound=LOCAL, work=Work("30 n c d h w window_size", "96 n c d h w"))
def ms_ssim(
    predictions: ImagesOrVolumes,
    labels: ImageOrVolumeLabels,
    *,
    scale_weight: Scales | None = None,
    window: WindowKind = "gaussian",
    window_size: Window = 11,
    sigma: Positive = 1.5,
    data_range: Positive = 1.0,
    k1: Positive = 0.01,
    k2: Positive = 0.03,
) -> Evaluation:
    r"""Multi-scale SSIM loss of images or volumes: one minus the weighted product of contrast-structure at several scales and of luminance at the coarsest.

    Means are taken over the windows inside the image, for each channel; a negative mean is replaced by 0, without gradient. Each scale has
    half the pixels of the previous one on each axis, by averages of two by two (by two). The default scale_weight has Wang's five scales, which need images of at least
    16 * window_size pixels a side (176). kornia's loss of this name is different: a mixture with the absolute error.

    Use: Image similarity and restoration as people see it, at several scales.
    Formula: \ell = 1 - \prod_{j=1}^{M} \overline{cs}_j^{\,w_j}, \quad cs_M \text{ with the luminance, } SSIM
    window_size: side of the windows, an odd number.
    sigma: standard deviation of the Gaussian, in pixels.
    data_range: range of the pixel values (maximum minus minimum).
    k1: factor of the constant that stabilizes the luminance.
    k2: factor of the constant that stabilizes the contrast.
    window: weights of the pixels of a window: gaussian, or uniform for equal ones. sigma is unused by uniform.
    Divisor: the number of channels of all images
    Synonyms: MS_SSIM, ms_ssim_loss, multiscale_ssim, MultiScaleSSIM
    Reference: Wang, Simoncelli and Bovik, Multi-Scale Structural Similarity for Image Quality Assessment, 2003, equation 7
    """
    check_alike(predictions, labels)
    weights = np.array(FIVE_SCALES) if scale_weight is None else scale_weight.astype(np.float64)
    if not weights.size:
        raise InvalidTensor("scale_weight", "empty; expected a weight for each scale")
    filtered = Filter.of(window, window_size, sigma)

    def of(x: Array, y: Array) -> Evaluation:
        scales: list[Windows] = []
        for _ in weights:
            check_window(x, window_size)
            scales.append(Windows.of(x, y, filtered, data_range, k1, k2))
            x, y = halved(x), halved(y)
        maps = [scale.loss if scale is scales[-1] else scale.structure for scale in scales]
        spatial = tuple(range(2, x.ndim))
        missing = np.stack([m.mean(axis=spatial, dtype=np.float64) for m in maps], axis=-1)
        logs = times(weights, np.log1p(-np.minimum(missing, 1.0)))
        values = -np.expm1(logs.sum(axis=-1))

        def pullback(cotangent: Array, which: int) -> Array:
            rate = divide_or_zero(weights * np.exp(logs.sum(axis=-1, keepdims=True)), np.maximum(1.0 - missing, 0.0)) * (missing < 1.0)
            slopes: Array | float = 0.0
            for j in reversed(range(len(scales))):
                scale, last = scales[j], j == len(scales) - 1
                windows = float(np.prod(maps[j].shape[2:]))
                c = (spread(cotangent, values) * rate[..., j] / windows).astype(x.dtype)[(..., *(None,) * len(spatial))] * np.ones_like(maps[j])
                here = scale.back(c * (1.0 - scale.structure) if last else 0.0 * c, c * (1.0 - scale.light) if last else c, which)
                slopes = here if last else here + halved_back(np.asarray(slopes), here)
            return np.asarray(slopes)

        gradients = {"predictions": lambda c: pullback(c, 0), "labels": lambda c: pullback(c, 1)}
        return Evaluation(values.sum(axis=1), np.full(len(values), float(values.shape[1])), gradients, lambda: values)

    return in_blocks(of, predictions, labels)


@loss(example={"predictions": [[0.1, 0.5, 0.9]], "labels": [[0.0, 0.5, 1.0]]}, bound=LEVEL)
def psnr(predictions: Signal, labels: SignalLabel, *, data_range: Positive = 1.0) -> Evaluation:
    r"""Negative peak signal-to-noise ratio of each sample, in decibels.

    The loss of equal images is infinite, an error. The mean is over samples; kornia averages the squared errors over the whole batch first.

    Use: Image restoration that is judged by the peak signal-to-noise ratio: denoising, super-resolution.
    Formula: \ell_i = 10 \log_{10} \frac{\mathrm{MSE}_i}{L^2}
    data_range: L, range of the pixel values (maximum minus minimum).
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
        rate = (20 / math.log(10)) * divide_or_zero(cotangent, square)
        return np.ldexp(scaled * rate.astype(scaled.dtype)[:, None], -exponent[:, None]).reshape(error.shape)

    return Evaluation(values, np.ones(len(values)), {"predictions": slope, "labels": lambda c: -slope(c)})


@loss(example={"predictions": [[RAMP]], "labels": [[BLOB]]})
def gradient_difference(
    predictions: Images, labels: ImageLabels, *, alpha: Annotated[int, annotated_types.Ge(1), annotated_types.Le(2)] = 1
) -> Evaluation:
    r"""Gradient difference loss: differences between the absolute image gradients and the true ones, which counteract blur.

    It is summed over both directions and all channels, for each image. The gradient is 0 at a pixel difference of 0, and where differences agree.

    Use: Video prediction and image restoration with sharp edges.
    Formula: \ell_i = \sum_{c u v} \big| |\partial_u t| - |\partial_u x| \big|^\alpha + \big| |\partial_v t| - |\partial_v x| \big|^\alpha
    alpha: power of the differences, 1 or 2.
    Divisor: the number of images
    Synonyms: GDL_image, gradient_difference_loss, image_gradient_difference
    Reference: Mathieu, Couprie and LeCun, Deep multi-scale video prediction beyond mean square error, 2016, arXiv:1511.05440, equation 6
    """
    steps = [(axis, np.diff(predictions, axis=axis), np.diff(labels, axis=axis)) for axis in AXES]
    excess = [np.abs(x) - np.abs(t) for _, x, t in steps]
    rates = [np.sign(e) if alpha == 1 else 2.0 * e for e in excess]

    def pullback(c: Array, of: int) -> Array:
        slopes = [by_pixel(rate * np.sign(step[1 + of]), step[0], predictions) for step, rate in zip(steps, rates, strict=True)]
        return (slopes[0] + slopes[1]) * spread(c, predictions) * (-1.0 if of else 1.0)

    values = sum((per_sample_sum(np.abs(e) if alpha == 1 else e * e) for e in excess), np.zeros(len(predictions)))
    gradients = {"predictions": lambda c: pullback(c, 0), "labels": lambda c: pullback(c, 1)}
    return Evaluation(values, np.ones(len(values)), gradients)
