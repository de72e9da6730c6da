from __future__ import annotations

import numpy as np

from tests.losses.identities.sequence._shared import value_of_sequence


def _soft_dtw_of_points(rng):
    x, y = rng.normal(size=(3, 1, 2)), rng.normal(size=(3, 4, 2))
    return value_of_sequence("soft_dtw", x, y, gamma=0.3), value_of_sequence("mean_squared_error", np.repeat(x, 4, axis=1), y)


def _soft_dtw_turned(rng):
    x, y = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 4, 2))
    return value_of_sequence("soft_dtw", x, y), value_of_sequence("soft_dtw", y[:, ::-1], x[:, ::-1])


def _divergence(rng):
    x, y = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 4, 2))
    across, own, other = (value_of_sequence("soft_dtw", *pair, gamma=0.3) for pair in ((x, y), (x, x), (y, y)))
    return value_of_sequence("soft_dtw_divergence", x, y, gamma=0.3), across - (own + other) / 2


def _divergence_of_itself(rng):
    x = rng.normal(size=(3, 5, 2))
    return value_of_sequence("soft_dtw_divergence", x, x), np.zeros(3)


def _divergence_of_points(rng):
    """Series of one point: the squared distance."""
    x, y = rng.normal(size=(2, 3, 1, 4))
    return value_of_sequence("soft_dtw_divergence", x, y), value_of_sequence("mean_squared_error", x, y)


IDENTITIES = [
    ("soft_dtw of a single point is the squared error to all", _soft_dtw_of_points),
    ("soft_dtw_divergence is soft_dtw less half of both own ones", _divergence),
    ("soft_dtw_divergence of a series and itself is 0", _divergence_of_itself),
    ("soft_dtw_divergence of points is the squared error", _divergence_of_points),
    ("soft_dtw is the same backwards and with the series exchanged", _soft_dtw_turned),
]
