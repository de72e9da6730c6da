from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth.detection._shared import entropy_of_heads


def keypoint_rcnn(predictions, labels, visible):
    numerators = []
    for maps, cells, seen in zip(predictions, labels, visible, strict=True):
        numerators.append(mp.fsum(entropy_of_heads(m.ravel(), y) for m, y, v in zip(maps, cells, seen, strict=True) if v))
    return numerators, [mp.mpf(int(seen.sum())) for seen in visible]


def oks(predictions, labels, area, sigmas, visible):
    found = []
    for i, (p, t) in enumerate(zip(predictions, labels, strict=True)):
        seen = [k for k in range(len(sigmas)) if visible is None or visible[i, k]]
        scale = [2 * area[i] * (2 * s) ** 2 for s in sigmas]
        likeness = mp.fsum(mp.exp(-((p[k, 0] - t[k, 0]) ** 2 + (p[k, 1] - t[k, 1]) ** 2) / scale[k]) for k in seen)
        found.append(1 - likeness / len(seen) if seen else mp.mpf(0))
    return found, [mp.mpf(1)] * len(found)


def keypoint_mse(predictions, labels, weight):
    n, k = predictions.shape[:2]
    squares = (predictions - labels) ** 2
    return [mp.fsum((1 if weight is None else weight[i, j]) * mp.fsum(squares[i, j].ravel()) for j in range(k)) for i in range(n)]


def mean_per_joint_position_error(predictions, labels, mask):
    found, counts = [], []
    for i in range(len(predictions)):
        places = [at for at in np.ndindex(predictions.shape[1:-1]) if mask is None or mask[(i, *at)]]
        found.append(mp.fsum(mp.sqrt(mp.fsum((a - b) ** 2 for a, b in zip(predictions[(i, *at)], labels[(i, *at)], strict=True))) for at in places))
        counts.append(mp.mpf(len(places)))
    return found, counts
