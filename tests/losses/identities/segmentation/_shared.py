from __future__ import annotations

from service.losses import LOSSES


def of_of_segmentation(name, p, t, **options):
    return LOSSES[name](p, t, **options).numerator
