from __future__ import annotations

from tests.losses.identities.segmentation._shared import of_of_segmentation


def _hard_lovasz(rng):
    p, t = (rng.integers(0, 2, size=(3, 1, 6)) for _ in range(2))
    t[:, 0, 0] = 1
    x = 2.0 * p - 1.0
    return of_of_segmentation("lovasz_hinge", x, t), 2 * of_of_segmentation("jaccard", p.astype(float), t.astype(float), smooth_nr=0.0, smooth_dr=0.0)


IDENTITIES = [
    ("lovasz_hinge of hard scores +-1 is twice jaccard", _hard_lovasz),
]
