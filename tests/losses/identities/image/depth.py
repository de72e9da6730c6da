from __future__ import annotations

import numpy as np

from tests.losses.identities.image._shared import images, of_of_image


def _log_error(rng):
    x, y = images(rng) + 0.1
    return of_of_image("scale_invariant_log", x, y, variance_focus=0.0), of_of_image("mean_squared_error", np.log(x), np.log(y)) / (12 * 13)


def _scaled(rng):
    x, y = images(rng) + 0.1
    return of_of_image("scale_invariant_log", 4 * x, y, variance_focus=1.0), of_of_image("scale_invariant_log", x, y, variance_focus=1.0)


IDENTITIES = [
    ("scale_invariant_log without the mean is the squared error of logarithms", _log_error),
    ("scale_invariant_log with all of the mean does not change with the scale", _scaled),
]
