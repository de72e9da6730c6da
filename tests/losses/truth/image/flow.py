from __future__ import annotations

import numpy as np
from mpmath import mp


def end_point_error(predictions, labels, mask):
    found, counts = [], []
    for i in range(len(predictions)):
        places = [at for at in np.ndindex(predictions.shape[2:]) if mask is None or mask[(i, *at)]]
        squares = [sum((predictions[(i, k, *at)] - labels[(i, k, *at)]) ** 2 for k in range(predictions.shape[1])) for at in places]
        found.append(mp.fsum(mp.sqrt(square) for square in squares))
        counts.append(mp.mpf(len(places)))
    return found, counts
