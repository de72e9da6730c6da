from __future__ import annotations

import numpy as np

from tests.losses.identities.image._shared import images, of_of_image


def _log_error(rng):
    x, y = images(rng) + 0.1
    return of_of_image("scale_invariant_log", x, y, variance_focus=0.0), of_of_image("mean_squared_error", np.log(x), np.log(y)) / (12 * 13)


def _scaled(rng):
    x, y = images(rng) + 0.1
    return of_of_image("scale_invariant_log", 4 * x, y, variance_focus=1.0), of_of_image("scale_invariant_log", x, y, variance_focus=1.0)


def _of_correlation(rng):
    x, y = images(rng)
    flat = [a.reshape(len(a), -1) for a in (x, y)]
    r = 1 - of_of_image("pearson_correlation", *flat, along="elements")
    return of_of_image("scale_shift_invariant_depth", x, y), 0.5 * flat[1].var(axis=1) * (1 - r * r) * flat[1].shape[1]


def _rescaled(form):
    def both(rng):
        x, y = images(rng)
        return of_of_image("scale_shift_invariant_depth", 3 * x + 2, y, form=form), of_of_image("scale_shift_invariant_depth", x, y, form=form)

    return both


def _masked(rng):
    x, y = images(rng)
    mask = np.zeros(x.shape, int)
    mask[..., :7] = 1
    return of_of_image("scale_shift_invariant_depth", x, y, mask=mask), of_of_image("scale_shift_invariant_depth", x[..., :7], y[..., :7])


IDENTITIES = [
    ("scale_shift_invariant_depth is the part of the variance that the correlation leaves", _of_correlation),
    ("scale_shift_invariant_depth has no scale and no shift", _rescaled("mse")),
    ("trimmed scale_shift_invariant_depth has no scale and no shift", _rescaled("trimmed_mae")),
    ("scale_shift_invariant_depth of masked pixels is that of the others", _masked),
    ("scale_invariant_log without the mean is the squared error of logarithms", _log_error),
    ("scale_invariant_log with all of the mean does not change with the scale", _scaled),
]
