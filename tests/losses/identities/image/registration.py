from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests.losses.identities.image._shared import images, of_of_image


def _symmetric(rng):
    x, y = images(rng)
    one, other = LOSSES["lncc"](x, y, kernel_size=5), LOSSES["lncc"](y, x, kernel_size=5)
    return one.gradients["labels"](np.ones(2)), other.gradients["predictions"](np.ones(2))


def _brightness(rng):
    """A factor has no effect, as long as no variance is below the bound."""
    x, y = images(rng)
    return of_of_image("lncc", 3.0 * x, y, smooth_dr=1e-12), of_of_image("lncc", x, -y, smooth_dr=1e-12)


def _itself(rng):
    x, _ = images(rng)
    return of_of_image("lncc", x, 2.0 * x, kernel="gaussian", kernel_size=7, smooth_dr=1e-12), np.full(2, -12.0 * 13.0)


def _conventions(rng):
    x, y = images(rng)
    options = {"smooth_dr": 1e-200, "kernel_size": 9}
    return of_of_image("lncc", x, y, convention="voxelmorph", **options), of_of_image("lncc", x, y, **options)


def _flat(rng):
    """Windows without variance have no loss and no gradient."""
    x, y = images(rng)
    found = []
    for convention in ("monai", "voxelmorph"):
        for a, b, size in ((x, y, 1), (x, 0.0 * y, 3), (0.0 * x, y, 3), (0.0 * x, 0.0 * y, 3)):
            evaluation = LOSSES["lncc"](a, b, kernel_size=size, convention=convention)
            found += [*evaluation.numerator, *evaluation.gradients["predictions"](np.ones(2)).ravel()]
    return np.array(found) + 1.0, np.ones(len(found))


IDENTITIES = [
    ("lncc is symmetric, gradients too", _symmetric),
    ("lncc does not change with the brightness of an image", _brightness),
    ("lncc of an image and its multiple is -1", _itself),
    ("lncc of voxelmorph and of monai are the same without smoothing", _conventions),
    ("lncc of flat windows is 0, gradients too", _flat),
]
