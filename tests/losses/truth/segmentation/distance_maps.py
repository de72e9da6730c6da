from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ZERO, constant, per_sample


def _apart(masks):
    """The distance of each pixel to the nearest one on the other side of 1/2, by trying all."""
    out = np.empty(masks.shape, dtype=object)
    for i, c in np.ndindex(masks.shape[:2]):
        inside = {at: masks[(i, c, *at)] > 0.5 for at in np.ndindex(masks.shape[2:])}
        for at, here in inside.items():
            squares = [sum((a - b) ** 2 for a, b in zip(at, other, strict=True)) for other, there in inside.items() if there != here]
            out[(i, c, *at)] = mp.sqrt(min(squares)) if squares else ZERO
    return constant(out)


def boundary(predictions, distances, labels):
    if distances is None:
        apart = _apart(labels)
        distances = np.where((labels > 0.5) & (apart > 0), 1 - apart, apart)
    return per_sample(predictions * distances)


def hausdorff_dt(predictions, labels, prediction_distances, label_distances, alpha):
    power = np.frompyfunc(lambda d: mp.power(d, alpha), 1, 1)
    ours = _apart(predictions) if prediction_distances is None else prediction_distances
    true = _apart(labels) if label_distances is None else label_distances
    return per_sample((predictions - labels) ** 2 * (power(ours) + power(true)))
