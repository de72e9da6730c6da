"""Building blocks of metric learning: labels of pairs, and rows of similarities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from service.losses.declaration import TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.double_double import Twofold
from service.losses.numerics.vectors import Cosines

Identity = Annotated[Array, TensorSpec("n", kind="integer", description="class of each sample, any integers")]
BATCH = {"embeddings": [[0.0, 0.1], [0.2, 0.0], [0.5, 0.5], [1.0, 0.8]], "labels": [0, 0, 1, 1]}


def pairs_of(labels: Array) -> tuple[Array, Array]:
    """Which other samples have the same class, and which another one: two masks (n, n)."""
    same = labels[:, None] == labels[None, :]
    positive = same.copy()
    np.fill_diagonal(positive, False)
    return positive, ~same


# ------------------------------------------------------------------ rows of similarities


def top(values: Twofold, keep: Array) -> Twofold:
    """The largest kept value of each row, as a column; minus infinity where nothing is kept."""
    masked = np.where(keep, values[0], -np.inf)
    at = masked.argmax(axis=1)[:, None]
    return np.take_along_axis(masked, at, 1), np.take_along_axis(values[1], at, 1)


def lowered(values: Twofold, keep: Array, factor: float) -> tuple[Array, Twofold]:
    """Factor times (values - the row's largest kept one), minus infinity for what is not kept; and the largest ones."""
    highest = top(values, keep)
    difference = ((values[0] - highest[0]) + (values[1] - highest[1])) * factor
    return np.where(keep & (highest[0] > -np.inf), difference, -np.inf), highest


def log_one_plus(x: Array) -> tuple[Array, Array]:
    """log(1 + sum_k e^x_k) of each row, and the derivative by x."""
    highest = np.maximum(x.max(axis=1, initial=-np.inf, keepdims=True), 0.0)
    e = np.exp(x - highest)
    total = e.sum(axis=1, keepdims=True)
    one = np.exp(-highest)
    value = highest + np.where(highest == 0, np.log1p(total), np.log(one + total))
    return value[:, 0], e / (one + total)


def of_embeddings(numerator: Array, weight: Array, cosines: Cosines, slope: Callable[[Array], Array]) -> Evaluation:
    """The Evaluation of a function of the cosines of rows with one another. slope: from the cotangent to the derivative (n, n)."""
    pullback = lambda c: cosines.by_both(slope(c.astype(cosines.values[0].dtype)))  # noqa: E731
    return Evaluation(numerator.astype(np.float64), weight.astype(np.float64), {"embeddings": pullback})


def by_row(rows: Array, values: Array, n: int) -> Array:
    """The float64 sum of the values of each row's pairs."""
    return np.bincount(rows, values, minlength=n).astype(np.float64)


def share(e: Array) -> tuple[Array, Array]:
    """The logarithm of each row's sum, and each term's share in it (0 in an empty row)."""
    total = e.sum(axis=1, keepdims=True)
    return np.log(total[:, 0]), np.divide(e, total, out=np.zeros_like(e), where=total != 0)


def masked(values: Array, keep: Array) -> Array:
    """Exponents, minus infinity for what is not kept."""
    return np.where(keep, values, -np.inf)


def less(values: Twofold, number: float) -> Array:
    """Values minus a number."""
    return (values[0] - values[0].dtype.type(number)) + values[1]
