"""Void positions: labels to ignore and masks, in any loss of independent elements or positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from service.losses.declaration import UNIT, Domain, TensorSpec
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_sum, times

INCLUDED = Domain(values=(0, 1))
ElementMask = Annotated[Array, TensorSpec("n ...", kind="integer", domain=INCLUDED, description="1 for the elements to include, 0 for the others")]
PositionMask = Annotated[Array, TensorSpec("n ...", kind="integer", domain=INCLUDED, description="1 for the positions to include, 0 for the others")]
ProbabilityLabelOrIgnored = Annotated[
    Array,
    TensorSpec("n ...", domain=UNIT, besides="ignore_index", gradient="on request", description="true probabilities, mostly 0 or 1"),
]


def without_void(like: Array, labels: Array, ignore_index: int, mask: Array | None) -> tuple[Array, Array | None]:
    """Return labels with 0 in place of `ignore_index`, and the elements of `like` to include, or None for all of them.

    labels and mask have the shape of `like`, or lack its axis 1, the classes.
    """
    void = labels == ignore_index
    parts = [] if mask is None else [mask == 1]
    if void.any():
        labels = np.where(void, 0, labels).astype(labels.dtype, copy=False)
        parts.append(~void)
    if not parts:
        return labels, None
    kept = np.ones(like.shape, bool)
    for part in parts:
        kept &= part if part.ndim == like.ndim else part[:, None]
    return labels, kept


def of_positions(mask: Array | None) -> Array | None:
    """Return a mask of positions (n, ...) as one of elements (n, c, ...)."""
    return None if mask is None else (mask == 1)[:, None]


def whole_positions(kept: Array | None) -> Array | None:
    """Return the positions (n, ...) of which every class is included."""
    return None if kept is None else np.logical_and.reduce(kept, axis=1)


def hardest(evaluation: Evaluation, share: float) -> Evaluation:
    """Keep this share of the elements included, those with the largest losses in the whole batch, and divide by their number.

    At least one element is kept. Equal losses are kept in their order. The selection is constant in the gradient.
    """
    if evaluation.elements is None:
        return evaluation
    losses = evaluation.elements()
    candidates = np.flatnonzero(evaluation.element_shares(losses).ravel() > 0)
    order = np.argsort(-losses.ravel()[candidates], kind="stable")
    kept = np.zeros(losses.shape, bool)
    kept.put(candidates[order[: max(1, int(share * len(candidates)))]], True)
    each = kept.astype(np.float64)
    return replace(masked(evaluation, kept), weight=per_sample_sum(each), shares=each, count=None)


def masked(evaluation: Evaluation, kept: Array | None) -> Evaluation:
    """Exclude elements from a loss and from its divisor.

    kept: True for the elements to include, of the elements' shape, or with an axis 1 of size 1 for all classes. The excluded elements may
    have an infinite loss.
    """
    if kept is None or evaluation.elements is None:
        return evaluation
    each = kept.astype(np.float64)
    elements, weighted = evaluation.elements, evaluation.element_weighted(each)
    shares = np.broadcast_to(evaluation.element_shares(each), kept.shape) * each

    def within(pullback: Pullback) -> Pullback:
        def pulled(cotangent: Array) -> Array:
            out = pullback(cotangent)
            return times(kept if kept.ndim == out.ndim else kept[:, None], out)

        return pulled

    return replace(
        weighted,
        elements=lambda: times(kept, elements()),
        gradients={name: within(pullback) for name, pullback in weighted.gradients.items()},
        hessian_diagonal={name: within(pullback) for name, pullback in weighted.hessian_diagonal.items()},
        shares=shares,
        count=None if evaluation.count is None else per_sample_sum(each),
    )
