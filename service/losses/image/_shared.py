"""Inputs and examples of image losses."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import TensorSpec
from service.losses.numerics import Array

Images = Annotated[Array, TensorSpec("n c h w", gradient="default", description="predicted images")]
ImageLabels = Annotated[Array, TensorSpec("n c h w", gradient="on request", description="true images")]
ImagesOrVolumes = Annotated[
    Array,
    TensorSpec("n c h w", gradient="default", description="predicted images (n, c, h, w) or volumes (n, c, d, h, w)"),
    TensorSpec("n c d h w", gradient="default"),
]
ImageOrVolumeLabels = Annotated[
    Array,
    TensorSpec("n c h w", gradient="on request", description="true images or volumes"),
    TensorSpec("n c d h w", gradient="on request"),
]
RAMP = [[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5], [0.3, 0.4, 0.5, 0.6], [0.4, 0.5, 0.6, 0.7]]
BLOB = [[0.1, 0.1, 0.3, 0.4], [0.2, 0.5, 0.4, 0.5], [0.3, 0.4, 0.6, 0.6], [0.4, 0.5, 0.6, 0.9]]
AXES = (2, 3)  # down and across


def by_pixel(slope: Array, axis: int, like: Array) -> Array:
    """Convert a gradient by differences of neighbors along an axis to one by the pixels."""
    out = np.zeros_like(like)
    ahead, behind = np.moveaxis(out, axis, 0)[1:], np.moveaxis(out, axis, 0)[:-1]
    ahead += np.moveaxis(slope, axis, 0)
    behind -= np.moveaxis(slope, axis, 0)
    return out
