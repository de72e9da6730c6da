from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, constant
from tests.losses.truth.segmentation._shared import as_masks, probabilities


def _neighbors(x, at, axes):
    """Of one element, in the order of the array, along all of the axes together."""
    steps = np.ndindex(*(3 if axis in axes else 1 for axis in range(x.ndim)))
    places = [tuple(i + s - (axis in axes) for axis, (i, s) in enumerate(zip(at, step, strict=True))) for step in steps]
    return [place for place in places if all(0 <= i < size for i, size in zip(place, x.shape, strict=True))]


def _extreme(x, at, axes, sign):
    """The first of the largest or smallest neighbors; which one it is, is constant."""
    places = _neighbors(x, at, axes)
    best = constant(max(range(len(places)), key=lambda k: (sign * x[places[k]], -k)))
    return x[places[best]]


def _mapped(function, x):
    out = np.empty(x.shape, dtype=object)
    for at in np.ndindex(x.shape):
        out[at] = function(at)
    return out


def _eroded(x):
    def smallest(at):
        found = _extreme(x, at, (0,), -1)
        for axis in range(1, x.ndim):
            other = _extreme(x, at, (axis,), -1)
            share = constant((other < found) + (other == found) * mp.mpf("0.5"))
            found = share * other + (1 - share) * found
        return found

    return _mapped(smallest, x)


def _relu(x):
    return x if constant(x > 0) else mp.mpf(0) * x


def _skeleton(x, iterations):
    """Of one class of one sample."""
    found = None
    for _ in range(iterations + 1):
        smaller = _eroded(x)
        removed = _mapped(lambda at, x=x, s=smaller: _relu(x[at] - _extreme(s, at, tuple(range(s.ndim)), 1)), x)
        found = removed if found is None else _mapped(lambda at, f=found, r=removed: f[at] + _relu(r[at] - f[at] * r[at]), x)
        x = smaller
    return found


def _over(a, b):
    return a / b if b else mp.mpf(0)


def cl_dice(predictions, labels, iterations, activation, smooth_nr, smooth_dr, smooth, include_background):
    p, t = probabilities(predictions, activation), as_masks(labels, predictions)
    first = 0 if include_background or p.shape[1] == 1 else 1
    found = []
    for a, b in zip(p[:, first:], t[:, first:], strict=True):
        shares = []
        for one, other in ((a, b), (b, a)):
            skeletons = [_skeleton(each, iterations) for each in one]
            inside = mp.fsum((s * m).sum() for s, m in zip(skeletons, other, strict=True))
            shares.append(_over(inside + smooth_nr, mp.fsum(s.sum() for s in skeletons) + smooth_dr))
        found.append(1 - _over(2 * shares[0] * shares[1], sum(shares) + smooth))
    return found, [ONE] * len(found)
