"""Building blocks of metric learning: labels of pairs, and rows of similarities."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.vectors import AllCosines, Rows

Identity = Annotated[Array, TensorSpec("n", kind="integer", description="class of each sample, as any integer")]
BATCH = {"embeddings": [[0.0, 0.1], [0.2, 0.0], [0.5, 0.5], [1.0, 0.8]], "labels": [0, 0, 1, 1]}


def pairs_of(labels: Array, rows: slice = slice(None)) -> tuple[Array, Array]:
    """Return masks (rows, n) of the other samples of the same class, and of the samples of other classes."""
    same = labels[rows, None] == labels[None, :]
    positive = same.copy()
    np.fill_diagonal(positive[:, rows], False)
    return positive, ~same


def partners(labels: Array) -> tuple[Array, Array]:
    """Count, for each sample, the other samples of its class and the samples of other classes."""
    _, at, counts = np.unique(labels, return_inverse=True, return_counts=True)
    own = counts[at]
    return own - 1, len(labels) - own


def of_cosines(embeddings: Array, weight: Array, row_loss: Rows) -> Evaluation:
    """Build the Evaluation of a loss with one number for each row of cosines of all pairs of embeddings."""
    cosines = AllCosines(embeddings)
    values, slopes = cosines.by_rows(row_loss)
    return Evaluation(values, weight.astype(np.float64), {"embeddings": lambda c: cosines.by_both(slopes, c)})


# ------------------------------------------------------------------ rows of similarities


def masked(values: Array, keep: Array) -> Array:
    """Return the exponents, minus infinity where not kept."""
    return np.where(keep, values, -np.inf)


def log_sum_exp(x: Array) -> tuple[Array, Array, Array]:
    """Return the logarithm of sum_k e^x_k of each row as its largest term plus the rest, and each term's share of the sum.

    An empty row has the largest term minus infinity, the rest 0, and no shares.
    """
    rows, at = np.arange(len(x)), x.argmax(axis=1)
    largest = x[rows, at]
    e = np.exp(x - np.where(largest == -np.inf, 0.0, largest)[:, None])
    e[rows, at] = 0.0
    rest = e.sum(axis=1)
    e[rows, at] = largest > -np.inf
    e /= (1.0 + rest)[:, None]
    return largest, np.log1p(rest), e


def log_one_plus(x: Array) -> tuple[Array, Array]:
    """Return log(1 + sum_k e^x_k) of each row, and its derivative by x."""
    top = np.maximum(x.max(axis=1, initial=-np.inf, keepdims=True), 0.0)
    e = np.exp(x - top)
    total = e.sum(axis=1, keepdims=True)
    one = np.exp(-top)
    value = top + np.where(top == 0, np.log1p(total), np.log(one + total))
    return value[:, 0], e / (one + total)


def by_row(rows: Array, values: Array, n: int) -> Array:
    """Sum the values of each row's pairs."""
    return np.bincount(rows, values, minlength=n)
