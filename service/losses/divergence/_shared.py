"""Sets of points, compared pair by pair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from service.losses.declaration import TensorSpec
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK

PointSet = Annotated[Array, TensorSpec("n m d", gradient="default", description="m predicted points of each sample")]
TruePointSet = Annotated[Array, TensorSpec("n k d", gradient="on request", description="k true points of each sample")]
SETS = {"predictions": [[[0.0, 0.0], [1.0, 0.5]]], "labels": [[[0.1, 0.0], [1.0, 1.0], [0.5, 0.5]]]}


def gaps(x: Array, y: Array) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Yield the differences x_i - y_j of all points (n, m, d) and (n, k, d) in blocks: some samples and some points of x, and (n, m, k, d)."""
    (n, m, d), k = x.shape, y.shape[1]
    some, firsts = max(1, BLOCK // max(1, m * k * d)), min(m, max(1, BLOCK // max(1, k * d)))
    for start in range(0, n, some):
        for first in range(0, m, firsts):
            at = slice(start, start + some), slice(first, first + firsts)
            yield at, x[at][:, :, None] - y[at[0], None]
