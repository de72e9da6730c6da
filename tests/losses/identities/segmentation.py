from __future__ import annotations

from service.losses import LOSSES


def _masks(rng):
    return rng.uniform(0, 1, size=(3, 2, 4)), rng.integers(0, 2, size=(3, 2, 4)).astype(float)


def _of(name, p, t, **options):
    return LOSSES[name](p, t, **options).numerator


def _tversky_dice(rng):
    p, t = _masks(rng)
    return _of("tversky", p, t, smooth_nr=0.5, smooth_dr=0.5), _of("dice", p, t, smooth_nr=1.0, smooth_dr=1.0)


def _tversky_jaccard(rng):
    p, t = _masks(rng)
    return _of("tversky", p, t, alpha=1.0, beta=1.0), _of("jaccard", p, t)


def _jaccard_of_dice(rng):
    p, t = _masks(rng)
    d = LOSSES["dice"](p, t, smooth_nr=0.0, smooth_dr=0.0).elements()
    return LOSSES["jaccard"](p, t, smooth_nr=0.0, smooth_dr=0.0).elements(), 2 * d / (1 + d)


def _focal_tversky(rng):
    p, t = _masks(rng)
    return _of("focal_tversky", p, t, gamma=1.0, alpha=0.2, beta=0.9), _of("tversky", p, t, alpha=0.2, beta=0.9)


def _one_class(rng):
    p, t = _masks(rng)
    return _of("generalized_dice", p[:, :1], t[:, :1], weighting="uniform"), _of("dice", p[:, :1], t[:, :1])


def _batch(rng):
    p, t = _masks(rng)
    return _of("dice", p, t, batch=True), _of("dice", p.transpose(1, 0, 2)[None], t.transpose(1, 0, 2)[None])


def _hard_squares(rng):
    p, t = (rng.integers(0, 2, size=(3, 2, 4)).astype(float) for _ in range(2))
    return _of("dice", p, t, squared_pred=True), _of("dice", p, t)


def _indices(rng):
    x, y = rng.normal(size=(3, 2, 4)), rng.integers(0, 2, size=(3, 4))
    return _of("dice", x, y, activation="softmax"), _of("dice", x, (y[:, None] == [[[0], [1]]]).astype(float), activation="softmax")


def _hard_lovasz(rng):
    p, t = (rng.integers(0, 2, size=(3, 1, 6)) for _ in range(2))
    t[:, 0, 0] = 1
    x = 2.0 * p - 1.0
    return _of("lovasz_hinge", x, t), 2 * _of("jaccard", p.astype(float), t.astype(float), smooth_nr=0.0, smooth_dr=0.0)


IDENTITIES = [
    ("tversky with 1/2 and 1/2 is dice", _tversky_dice),
    ("tversky with 1 and 1 is jaccard", _tversky_jaccard),
    ("jaccard = 2 dice / (1 + dice)", _jaccard_of_dice),
    ("focal_tversky with gamma 1 is tversky", _focal_tversky),
    ("generalized_dice of one class is dice", _one_class),
    ("dice over the batch is dice of one long sample", _batch),
    ("dice of hard masks needs no squares", _hard_squares),
    ("dice of class indices is dice of one-hot masks", _indices),
    ("lovasz_hinge of hard scores +-1 is twice jaccard", _hard_lovasz),
]
