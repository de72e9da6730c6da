from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking
from tests.losses.identities.detection._shared import of_of_heads


def _cells(rng):
    x, y = rng.normal(size=(4, 1, 3, 5)), rng.integers(0, 15, size=(4, 1))
    return of_of_heads("keypoint_rcnn", x, y, np.ones((4, 1), int)), of_of_heads("cross_entropy", x.reshape(4, 15), y[:, 0])


def keypoint_mse_is_mean_squared_error(rng):
    maps = {"predictions": rng.normal(size=(2, 3, 4, 4)), "labels": rng.normal(size=(2, 3, 4, 4))}
    return value_of_ranking("keypoint_mse", **maps), value_of_ranking("mean_squared_error", **maps)


def mean_per_joint_position_error_is_end_point_error(rng):
    poses = {"predictions": rng.normal(size=(2, 5, 3)), "labels": rng.normal(size=(2, 5, 3)), "mask": rng.integers(0, 2, size=(2, 5))}
    first = {name: array if name == "mask" else np.moveaxis(array, -1, 1) for name, array in poses.items()}
    return value_of_ranking("mean_per_joint_position_error", **poses), value_of_ranking("end_point_error", **first)


IDENTITIES = [
    ("keypoint_rcnn is cross entropy over cells", _cells),
    ("keypoint mse is mean squared error", keypoint_mse_is_mean_squared_error),
    ("mean_per_joint_position_error is end_point_error with coordinates last", mean_per_joint_position_error_is_end_point_error),
]
