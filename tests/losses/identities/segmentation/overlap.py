from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests import required
from tests.losses.identities.segmentation._shared import of_of_segmentation


def _masks(rng):
    return rng.uniform(0, 1, size=(3, 2, 4)), rng.integers(0, 2, size=(3, 2, 4)).astype(float)


def _tversky_dice(rng):
    p, t = _masks(rng)
    return of_of_segmentation("tversky", p, t, smooth_nr=0.5, smooth_dr=0.5), of_of_segmentation("dice", p, t, smooth_nr=1.0, smooth_dr=1.0)


def _tversky_jaccard(rng):
    p, t = _masks(rng)
    return of_of_segmentation("tversky", p, t, alpha=1.0, beta=1.0), of_of_segmentation("jaccard", p, t)


def _jaccard_of_dice(rng):
    p, t = _masks(rng)
    d = required(LOSSES["dice"](p, t, smooth_nr=0.0, smooth_dr=0.0).elements)()
    return required(LOSSES["jaccard"](p, t, smooth_nr=0.0, smooth_dr=0.0).elements)(), 2 * d / (1 + d)


def _focal_tversky(rng):
    p, t = _masks(rng)
    return of_of_segmentation("focal_tversky", p, t, gamma=1.0, alpha=0.2, beta=0.9), of_of_segmentation("tversky", p, t, alpha=0.2, beta=0.9)


def _one_class(rng):
    p, t = _masks(rng)
    return of_of_segmentation("generalized_dice", p[:, :1], t[:, :1], weighting="uniform"), of_of_segmentation("dice", p[:, :1], t[:, :1])


def _batch(rng):
    p, t = _masks(rng)
    return of_of_segmentation("dice", p, t, batch=True), of_of_segmentation("dice", p.transpose(1, 0, 2)[None], t.transpose(1, 0, 2)[None])


def _hard_squares(rng):
    p, t = (rng.integers(0, 2, size=(3, 2, 4)).astype(float) for _ in range(2))
    return of_of_segmentation("dice", p, t, squared_pred=True), of_of_segmentation("dice", p, t)


def _indices(rng):
    x, y = rng.normal(size=(3, 2, 4)), rng.integers(0, 2, size=(3, 4))
    return of_of_segmentation("dice", x, y, activation="softmax"), of_of_segmentation(
        "dice", x, (y[:, None] == [[[0], [1]]]).astype(float), activation="softmax"
    )


def _together(name):
    def both(rng):
        p, t = _masks(rng)
        rows = (array.reshape(3, 1, 8) for array in (p, t))
        return of_of_segmentation(name, p, t, classes_are="together"), of_of_segmentation(name, *rows)

    return both


def _activation(rng):
    x, t = rng.normal(size=(3, 2, 4)), _masks(rng)[1]
    return of_of_segmentation("dice", x, t, activation="sigmoid"), of_of_segmentation("dice", 1 / (1 + np.exp(-x)), t)


def _hard_minimum(rng):
    p, t = _masks(rng)
    return of_of_segmentation("dice", p, t, intersection="minimum"), of_of_segmentation("dice", p, t)


def _masked_is_cropped(rng):
    p, t = _masks(rng)
    mask = np.array([[1, 1, 0, 0]] * 3)
    return of_of_segmentation("tversky", p, t, alpha=0.3, mask=mask), of_of_segmentation("tversky", p[..., :2], t[..., :2], alpha=0.3)


def _soft_perfection(rng):
    p, _ = _masks(rng)
    return of_of_segmentation("jaccard", p, p, intersection="minimum", smooth_nr=0.0, smooth_dr=0.0), np.zeros(3)


def _left_out(rng):
    p, t = _masks(rng)
    t[:, 1] = 0.0
    t[:, 0, 0] = 1.0
    loss = LOSSES["dice"](p, t, absent="leave_out")
    return loss.numerator / loss.weight, of_of_segmentation("dice", p[:, :1], t[:, :1])


IDENTITIES = [
    ("dice of hard masks is the same for both intersections", _hard_minimum),
    ("tversky under a mask is tversky of the rest", _masked_is_cropped),
    ("jaccard of a soft mask with itself is 0 by the minimum", _soft_perfection),
    ("dice leaves an absent class out", _left_out),
    ("tversky with 1/2 and 1/2 is dice", _tversky_dice),
    ("tversky with 1 and 1 is jaccard", _tversky_jaccard),
    ("jaccard = 2 dice / (1 + dice)", _jaccard_of_dice),
    ("focal_tversky with gamma 1 is tversky", _focal_tversky),
    ("generalized_dice of one class is dice", _one_class),
    ("dice over the batch is dice of one long sample", _batch),
    ("dice of hard masks needs no squares", _hard_squares),
    ("dice of class indices is dice of one-hot masks", _indices),
    ("dice of classes together is that of one long mask", _together("dice")),
    ("tversky of classes together is that of one long mask", _together("tversky")),
    ("dice of logits is that of their sigmoid", _activation),
]
