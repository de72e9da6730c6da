from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import gradient_of_core, value_of_core, value_of_ranking
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


ANYWHERE = (-1.7e308, -1e300, -7.0, 0.0, 1e300, 1.7e308)


def _hidden(name, shapes, mask, **more):
    """Value and gradients with hidden keypoints at 0, and anywhere."""

    def identity(rng):
        seen = rng.integers(0, 2, size=(3, 4))
        tensors = {key: rng.normal(size=(3, 4, *shape)) for key, shape in shapes.items()} | {key: make(rng) for key, make in more.items()}
        found = []
        for far in (np.zeros(1), np.array(ANYWHERE)):
            hidden = {key: np.where(spread(seen, x), x, rng.choice(far, size=x.shape)) for key, x in tensors.items() if key in shapes}
            call = tensors | hidden | {mask: seen}
            found.append([value_of_core(name, call), *gradient_of_core(name, call).ravel()])
        return found[1], found[0]

    return identity


def spread(seen, like):
    return seen.reshape(3, 4, *(1,) * (like.ndim - 2)) == 1


def _hidden_cells(rng):
    seen, cells, maps = rng.integers(0, 2, size=(3, 4)), rng.integers(0, 6, size=(3, 4)), rng.normal(size=(3, 4, 2, 3))
    calls = [
        {"predictions": maps, "labels": np.where(seen, cells, other), "visible": seen} for other in (0, rng.integers(-(2**62), 2**62, size=(3, 4)))
    ]
    calls[1]["predictions"] = np.where(spread(seen, maps), maps, rng.choice(ANYWHERE, size=maps.shape))
    one, two = ([value_of_core("keypoint_rcnn", call), *gradient_of_core("keypoint_rcnn", call).ravel()] for call in calls)
    return two, one


POINTS, MAPS = {"predictions": (2,), "labels": (2,)}, {"predictions": (2, 3), "labels": (2, 3)}
OBJECTS = {"area": lambda rng: rng.uniform(0.5, 2.0, size=3), "sigmas": lambda rng: rng.uniform(0.1, 0.5, size=4)}

IDENTITIES = [
    ("keypoint_rcnn is cross entropy over cells", _cells),
    ("keypoint mse is mean squared error", keypoint_mse_is_mean_squared_error),
    ("mean_per_joint_position_error is end_point_error with coordinates last", mean_per_joint_position_error_is_end_point_error),
    ("oks does not depend on hidden keypoints", _hidden("oks", POINTS, "visible", **OBJECTS)),
    ("keypoint_mse does not depend on hidden keypoints", _hidden("keypoint_mse", MAPS, "weight")),
    ("mean_per_joint_position_error does not depend on hidden joints", _hidden("mean_per_joint_position_error", POINTS, "mask")),
    ("keypoint_rcnn does not depend on hidden keypoints and their cells", _hidden_cells),
]
