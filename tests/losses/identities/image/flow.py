from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import gradient_of_core, value_of_core


def _fields(rng, d=2):
    return {"predictions": rng.normal(size=(2, d, 3, 4)), "labels": rng.normal(size=(2, d, 3, 4))}


def _one_coordinate(rng):
    x = _fields(rng, 1)
    return value_of_core("end_point_error", x), value_of_core("mean_absolute_error", x)


def _distances(rng):
    x = _fields(rng)
    rows = {name: np.moveaxis(array, 1, -1).reshape(-1, 2) for name, array in x.items()}
    return value_of_core("end_point_error", x), np.linalg.norm(rows["predictions"] - rows["labels"], axis=1).mean()


def _valid_pixels(rng):
    x, valid = _fields(rng), rng.random(size=(2, 3, 4)) < 0.5
    garbage = {name: np.where(valid[:, None], array, 1e300) for name, array in x.items()}
    chosen = {name: np.moveaxis(array, 1, -1)[valid] for name, array in x.items()}
    slope = gradient_of_core("end_point_error", garbage | {"mask": valid.astype(int)})
    assert not slope[np.broadcast_to(~valid[:, None], slope.shape)].any()
    return value_of_core("end_point_error", garbage | {"mask": valid.astype(int)}), value_of_core("end_point_error", chosen)


IDENTITIES = [
    ("end_point_error of one coordinate is the absolute error", _one_coordinate),
    ("end_point_error is the mean distance of the vectors", _distances),
    ("end_point_error with a mask is that of the valid vectors, whatever the others are", _valid_pixels),
]
