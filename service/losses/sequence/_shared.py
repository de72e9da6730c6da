"""Building blocks of sequence losses: sums of exponentials along paths, and lattices by their diagonals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Domain, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array

Symbols = Annotated[
    Array,
    TensorSpec("n s", kind="integer", below="c", besides="-1", description="true symbols without blanks; symbols beyond the length are padding"),
]
SymbolCounts = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(low=0), upto="s", description="number of symbols of each sample")]


def log_sum(first: Array, *others: Array) -> Array:
    """Return the log of the sum of e^term, -infinity where all are; terms small relative to the largest keep their digits."""
    top, below = first, []
    for term in others:
        below.append(np.minimum(top, term))
        top = np.maximum(top, term)
    safe = finite_top(top)
    rest = np.exp(below[0] - safe)
    for term in below[1:]:
        rest += np.exp(term - safe)
    return top + np.log1p(rest, out=rest)


def shares(*terms: Array) -> Array:
    """Return the softmax of the terms, stacked; 0 where all are -infinity."""
    stacked = np.stack(terms)
    stacked -= finite_top(stacked.max(axis=0))
    np.exp(stacked, out=stacked)
    total = stacked.sum(axis=0)
    stacked /= np.where(total == 0, 1.0, total).astype(total.dtype, copy=False)
    return stacked


def settled(x: Array) -> tuple[Array, Array]:
    """Return the rows x (n, places) minus each row's largest, and the largest (n,)."""
    top = finite_top(x.max(axis=1))
    return x - top[:, None], top


def finite_top(top: Array) -> Array:
    """Return the largest entry, or 0 for -infinity, to be subtracted."""
    return np.where(top == -np.inf, top.dtype.type(0), top)


def shifted(x: Array, by: int, fill: float) -> Array:
    """Shift x right along the last axis."""
    out = np.full_like(x, fill)
    out[..., by:] = x[..., : x.shape[-1] - by] if by < x.shape[-1] else out[..., by:]
    return out


def shifted_back(x: Array, by: int) -> Array:
    """Shift x left along the last axis, with zeros after it."""
    out = np.zeros_like(x)
    if by < x.shape[-1]:
        out[..., :-by] = x[..., by:]
    return out


# ------------------------------------------------------------------ CTC


def checked_symbols(labels: Array, target_lengths: Array, blank: int) -> Array:
    """Return the symbols, with blanks for the padding. Raises InvalidTensor if an entry within the length is not a symbol."""
    within = np.arange(labels.shape[1]) < target_lengths[:, None]
    bad = within & ((labels < 0) | (labels == blank))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InvalidTensor("labels", f"not a symbol; expected neither padding nor the blank {blank} within the length, got {labels[at]}", at)
    return np.where(within, labels, blank)


# ------------------------------------------------------------------ transducers

MeanOver = Annotated[
    Literal["samples", "tokens", "tokens_of_each"],
    annotated_types.doc(
        "divisor of the mean: the number of samples (torchaudio; NeMo's mean_batch), that of all symbols, at least 1 for each sample (NeMo's "
        "mean_volume), or that of each sample, and then the number of samples (NeMo's mean)."
    ),
]


def averaged(numerator: Array, gradients: Mapping[str, Pullback], elements: Array, mean_over: MeanOver, target_lengths: Array) -> Evaluation:
    """Build the Evaluation of samples with the divisor of an option."""
    n, mean_of = len(numerator), "samples" if mean_over == "tokens_of_each" else "elements"
    weight = np.ones(n) if mean_over == "samples" else np.maximum(target_lengths, 1).astype(np.float64)
    return Evaluation(numerator, weight, gradients, lambda: elements, mean_of=mean_of, count=np.ones(n))  # type: ignore[arg-type]


# ------------------------------------------------------------------ lattices, by their diagonals


def diagonals(x: Array, fill: float) -> Array:
    """Rearrange (n, t, u) as (t + u - 1, n, u): row d has x[:, d - u, u], and `fill` where there is none."""
    t, u = x.shape[1:]
    rows = np.arange(t + u - 1)[:, None] - np.arange(u)
    taken = x[:, np.clip(rows, 0, t - 1), np.arange(u)]
    return np.where((rows >= 0) & (rows < t), taken, fill).astype(x.dtype, copy=False).transpose(1, 0, 2)


def from_diagonals(x: Array, t: int) -> Array:
    """Rearrange diagonals back to (n, t, u)."""
    u = x.shape[2]
    return x[np.arange(t)[:, None] + np.arange(u), :, np.arange(u)].transpose(2, 0, 1)
