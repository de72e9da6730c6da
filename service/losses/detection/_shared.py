"""Building blocks of detection losses."""

from __future__ import annotations

from service.losses.detection._box_pairs import Pair
from service.losses.numerics import Array


def giou_values(pair: Pair) -> Array:
    """The loss giou."""
    return pair.one_minus_iou + pair.empty


def giou_slopes(pair: Pair) -> Array:
    """D giou / d boxes."""
    return -pair.slopes(pair.d_iou) - pair.slopes(pair.d_covered)
