from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests import required
from tests.losses.identities._shared import value_of_core
from tests.losses.identities.image._shared import images, of_of_image


def _one_scale(rng):
    x, y = images(rng)
    y = x + 0.1 * y
    one = LOSSES["ssim"](x, y)
    return of_of_image("ms_ssim", x, y, scale_weight=np.ones(1)), one.numerator / one.weight


def _range(rng):
    x, y = images(rng)
    return of_of_image("ssim", 255 * x, 255 * y, data_range=255.0), of_of_image("ssim", x, y)


def _symmetric(rng):
    x, y = images(rng)
    return of_of_image("ssim", x, y, convention="kornia"), of_of_image("ssim", y, x, convention="kornia")


def _inside(rng):
    x, y = images(rng)
    maps = required(LOSSES["ssim"](x, y, window_size=5, convention="kornia").elements)()
    return 2 * maps[:, :, 2:-2, 2:-2], required(LOSSES["ssim"](x, y, window_size=5).elements)()


def _decibels(rng):
    x, y = images(rng)
    error = LOSSES["mean_squared_error"](x, y)
    return of_of_image("psnr", x, y), 10 * np.log10(error.numerator / error.weight)


def _equal_slices(name, weights, **options):
    """A volume of equal slices has the value of a slice, and so has each axis in turn."""

    def identity(rng):
        x, y = images(rng)
        found = []
        for axis in (2, 3, 4):
            tensors = {key: np.repeat(np.expand_dims(x, axis), 12, axis) for key, x in (("predictions", x), ("labels", y))}
            found.append(value_of_core(name, tensors | weights, **options))
        return found, [value_of_core(name, {"predictions": x, "labels": y} | weights, **options)] * 3

    return identity


IDENTITIES = [
    ("ms_ssim of one scale is ssim", _one_scale),
    ("ssim does not change with the unit of brightness", _range),
    ("ssim is symmetric", _symmetric),
    ("ssim away from the edges is the same in both conventions, but for the half", _inside),
    ("psnr is the mean squared error in decibels", _decibels),
    ("ssim of a volume of equal slices is that of a slice", _equal_slices("ssim", {})),
    ("ssim in kornia's convention of a volume of equal slices is that of a slice", _equal_slices("ssim", {}, convention="kornia", window_size=5)),
    ("ms_ssim of a volume of equal slices is that of a slice", _equal_slices("ms_ssim", {"scale_weight": np.array([0.4, 0.6])}, window_size=5)),
]
