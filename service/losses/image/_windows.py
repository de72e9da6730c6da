"""Local statistics of images in windows: means, variances, and structural similarity.

Local variances are sums of squares about the local mean, never E[x^2] - E[x]^2, and 1 - SSIM is computed from differences, so
that it is accurate for nearly equal images.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero

WindowKind = Literal["gaussian", "uniform"]
Window = Annotated[int, annotated_types.Ge(1), annotated_types.Le(31)]


@dataclass(frozen=True)
class Filter:
    """A separable weighted mean over all windows that lie inside."""

    weights: tuple[float, ...]

    @classmethod
    def of(cls, kind: WindowKind, size: int, sigma: float) -> Filter:
        """Build a window of `size` pixels whose weights sum to 1."""
        return cls((1.0 / size,) * size) if kind == "uniform" else cls.gaussian(size, sigma)

    @classmethod
    def gaussian(cls, size: int, sigma: float) -> Filter:
        """Build a window of `size` pixels whose weights sum to 1."""
        place = np.arange(size) - (size - 1) / 2
        raised = np.exp(-0.5 * np.square(place / sigma))
        return cls(tuple(float(w) for w in raised / raised.sum()))

    def parts(self, x: Array, axis: int) -> list[tuple[float, Array]]:
        """Yield each weight with its pixels along an axis, as views."""
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
        """Apply the transpose of `mean`; with `center`, that of the mean of half the squares about it, as a slope on the pixels."""
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
    """Weighted mean and variance of every window, and the pullback of slopes on them. Windows extend along all axes but the first two."""

    x: Array
    filter: Filter

    @cached_property
    def means(self) -> list[Array]:
        """The values themselves, and the means along the last axis, the last two axes, and so on."""
        found = [self.x]
        for axis in self.axes:
            found.append(self.filter.mean(found[-1], axis))
        return found

    @property
    def axes(self) -> range:
        """The axes of windows, from the last one."""
        return range(self.x.ndim - 1, 1, -1)

    @property
    def mean(self) -> Array:
        """The mean of each window."""
        return self.means[-1]

    @cached_property
    def variance(self) -> Array:
        """Variance of each window: along each axis, the mean of the variances so far plus the variance of the means."""
        (first, *others), filtered = self.axes, self.filter
        found = filtered.square(self.x, self.means[1], first)
        for axis, values, mean in zip(others, self.means[1:], self.means[2:], strict=False):
            found = filtered.mean(found, axis) + filtered.square(values, mean, axis)
        return found

    def back(self, by_mean: Array, by_variance: Array) -> Array:
        """Pull slopes on mean and variance back to the pixels."""
        slopes, within, filtered = by_mean, 2.0 * by_variance, self.filter
        for axis, values, mean in zip(reversed(self.axes), self.means[-2::-1], self.means[:0:-1], strict=True):
            slopes = filtered.scatter(values, slopes, axis) + filtered.scatter(values, within, axis, mean)
            within = filtered.scatter(values, within, axis) if axis < self.x.ndim - 1 else within
        return slopes


@dataclass(frozen=True)
class Similarity:
    """Differences of the windows of two images: `light` is 1 - the luminance term, `structure` 1 - the contrast-structure term."""

    x: Local
    y: Local
    difference: Local
    c1: float
    c2: float

    @classmethod
    def of(cls, x: Array, y: Array, filtered: Filter, c1: float, c2: float) -> Similarity:
        """Compare images; c1 and c2 are the constants that stabilize the quotients."""
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
        return divide_or_zero(self.difference.mean * self.difference.mean, self.bright)

    @cached_property
    def structure(self) -> Array:
        """1 - (2 cov + c2) / (vx + vy + c2)."""
        return divide_or_zero(self.difference.variance, self.varied)

    def back(self, by_light: Array, by_structure: Array, which: int) -> Array:
        """Pull slopes on both maps back to one image."""
        # d light / d mx = 2 m (my (mx + my) + c1) / bright^2 with m = mx - my: no difference of its two parts
        sign, own, other = (1.0, self.x, self.y) if which == 0 else (-1.0, self.y, self.x)
        light, structure = divide_or_zero(2.0 * by_light * self.difference.mean, self.bright), divide_or_zero(by_structure, self.varied)
        both = self.difference.back(np.zeros_like(structure), structure)
        steep = light * divide_or_zero(other.mean * (self.x.mean + self.y.mean) + self.c1, self.bright)
        return own.back(sign * steep, -structure * self.structure) + sign * both


@dataclass(frozen=True)
class Windows:
    """Comparison of all windows of two images. Windows with a pixel whose square would overflow are compared separately, scaled by a power of two.

    levels: a comparison, the exponent by which its images are scaled, and the windows it applies to (1 or 0).
    """

    levels: tuple[tuple[Similarity, int, Array], ...]

    @classmethod
    def of(cls, x: Array, y: Array, filtered: Filter, data_range: float, k1: float, k2: float) -> Windows:
        """Compare two images."""
        if not max(k1, k2) * data_range < 1e150:
            raise InvalidOption("data_range", f"out of range; expected a product with k1 and k2 below 1e150, got {max(k1, k2) * data_range:.3g}")
        power = 300 if x.dtype == np.float64 else 40
        huge = (np.abs(x) > 2.0**power) | (np.abs(y) > 2.0**power)

        def level(mask: Array, exponent: int) -> Similarity:
            a, b = (np.ldexp(np.where(mask, image, 0.0).astype(image.dtype), exponent) for image in (x, y))
            unit = data_range * 2.0**exponent
            return Similarity.of(a, b, filtered, (k1 * unit) ** 2, (k2 * unit) ** 2)

        if not huge.any():
            return cls(((Similarity.of(x, y, filtered, (k1 * data_range) ** 2, (k2 * data_range) ** 2), 0, np.ones((), x.dtype)),))
        apart = (Local(huge.astype(x.dtype), filtered).mean > 0).astype(x.dtype)
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
        """Pull slopes on both maps back to one image."""
        parts = [np.ldexp(each.back(by_light * holds, by_structure * holds, which), exponent) for each, exponent, holds in self.levels]
        return sum(parts[1:], parts[0])


def check_alike(predictions: Array, labels: Array) -> None:
    """Reject images beside volumes."""
    if predictions.shape != labels.shape:
        raise InvalidTensor("labels", f"wrong shape; expected {predictions.shape}, that of predictions, got shape {labels.shape}")


def check_window(x: Array, size: int, convention: str = "monai") -> None:
    """Reject a window that is even or does not fit the image."""
    if size % 2 == 0:
        raise InvalidOption("window_size", f"not odd; expected an odd number, got {size}")
    got = " by ".join(map(str, x.shape[2:]))
    if convention == "monai" and size > min(x.shape[2:]):
        raise InvalidTensor("predictions", f"images too small; expected at least {size} on each axis, the window, got {got}")
    if convention == "kornia" and size // 2 >= min(x.shape[2:]):
        raise InvalidTensor("predictions", f"images too small; expected more than {size // 2} on each axis to reflect at the edges, got {got}")


@dataclass(frozen=True)
class Reflected:
    """Images padded by reflection, and the pullback. places: for each axis of windows, the pixel of each padded one."""

    places: tuple[Array, ...]

    @classmethod
    def of(cls, x: Array, by: int) -> Reflected:
        """Pad by the same number of pixels on all sides."""
        return cls(tuple(np.pad(np.arange(size), by, mode="reflect") for size in x.shape[2:]))

    def __call__(self, x: Array) -> Array:
        """Padded images."""
        for axis, places in enumerate(self.places, 2):
            x = np.take(x, places, axis)
        return x

    def back(self, slopes: Array, like: Array) -> Array:
        """Sum each pixel's slopes."""
        for axis, places in reversed(list(enumerate(self.places, 2))):
            shape = list(slopes.shape)
            shape[axis] = like.shape[axis]
            out = np.zeros(shape, like.dtype)
            np.add.at(np.moveaxis(out, axis, 0), places, np.moveaxis(slopes, axis, 0))
            slopes = out
        return slopes
