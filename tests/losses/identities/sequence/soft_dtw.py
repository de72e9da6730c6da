from __future__ import annotations

import numpy as np

from tests.losses.identities.sequence._shared import value_of_sequence


def _soft_dtw_of_points(rng):
    x, y = rng.normal(size=(3, 1, 2)), rng.normal(size=(3, 4, 2))
    return value_of_sequence("soft_dtw", x, y, gamma=0.3), value_of_sequence("mean_squared_error", np.repeat(x, 4, axis=1), y)


def _soft_dtw_turned(rng):
    x, y = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 4, 2))
    return value_of_sequence("soft_dtw", x, y), value_of_sequence("soft_dtw", y[:, ::-1], x[:, ::-1])


IDENTITIES = [
    ("soft_dtw of a single point is the squared error to all", _soft_dtw_of_points),
    ("soft_dtw is the same backwards and with the series exchanged", _soft_dtw_turned),
]
