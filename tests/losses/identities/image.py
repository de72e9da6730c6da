from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _images(rng):
    return rng.uniform(0, 1, size=(2, 2, 1, 12, 13))


def _of(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def _one_scale(rng):
    x, y = _images(rng)
    y = x + 0.1 * y
    one = LOSSES["ssim"](x, y)
    return _of("ms_ssim", x, y, scale_weight=np.ones(1)), one.numerator / one.weight


def _range(rng):
    x, y = _images(rng)
    return _of("ssim", 255 * x, 255 * y, data_range=255.0), _of("ssim", x, y)


def _symmetric(rng):
    x, y = _images(rng)
    return _of("ssim", x, y, convention="kornia"), _of("ssim", y, x, convention="kornia")


def _inside(rng):
    x, y = _images(rng)
    maps = LOSSES["ssim"](x, y, window_size=5, convention="kornia").elements()
    return 2 * maps[:, :, 2:-2, 2:-2], LOSSES["ssim"](x, y, window_size=5).elements()


def _decibels(rng):
    x, y = _images(rng)
    error = LOSSES["mean_squared_error"](x, y)
    return _of("psnr", x, y), 10 * np.log10(error.numerator / error.weight)


def _variation(rng):
    x, _ = _images(rng)
    down, right = _of("mean_absolute_error", x[:, :, 1:], x[:, :, :-1]), _of("mean_absolute_error", x[..., 1:], x[..., :-1])
    return _of("total_variation", x), down + right


def _log_error(rng):
    x, y = _images(rng) + 0.1
    return _of("scale_invariant_log", x, y, variance_focus=0.0), _of("mean_squared_error", np.log(x), np.log(y)) / (12 * 13)


def _scaled(rng):
    x, y = _images(rng) + 0.1
    return _of("scale_invariant_log", 4 * x, y, variance_focus=1.0), _of("scale_invariant_log", x, y, variance_focus=1.0)


IDENTITIES = [
    ("ms_ssim of one scale is ssim", _one_scale),
    ("ssim does not change with the unit of brightness", _range),
    ("ssim is symmetric", _symmetric),
    ("ssim away from the edges is the same in both conventions, but for the half", _inside),
    ("psnr is the mean squared error in decibels", _decibels),
    ("total_variation is the absolute error against the image shifted by one", _variation),
    ("scale_invariant_log without the mean is the squared error of logarithms", _log_error),
    ("scale_invariant_log with all of the mean does not change with the scale", _scaled),
]
