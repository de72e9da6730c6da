"""The result of a loss before reduction, and the constructors that most losses use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from service.losses.numerics import Array
from service.losses.numerics.elementary import blocks, per_sample_size, per_sample_sum, size_of_each, spread, times

PACE_SECONDS, PAUSE_SECONDS = 10e-3, 200e-6
T = TypeVar("T")

# ------------------------------------------------------------------ Evaluation

Pullback = Callable[[Array], Array]


@dataclass
class Evaluation:
    """Result of a loss before any reduction.

    numerator (n,): the sum over each sample's elements of weight times loss. weight (n,): the sample's share of the divisor.
    gradients: for each differentiable input, a pure function from a cotangent c (n,) to d sum(c * numerator) / d input,
    called only for requested inputs. elements: the losses that torch's reduction "none" returns; functions of gradients and
    hessian_diagonal also accept a cotangent of their shape, for d sum(c * elements) / d input. hessian_diagonal: like gradients,
    for the diagonal of the second derivative. mean_of: with "samples", `mean` averages numerator / weight instead of dividing the
    sums (CTC). parts (n,) or of the elements' shape: the numerators of the value's named terms, before their weights. state:
    tensors for the client to send with the next request. shares: distribution of a sample's weight over its elements, up to a
    factor; None is uniform. count (n,): the elements of each sample that are not ignored, where that is not the weight.
    """

    numerator: NDArray[np.float64]
    weight: NDArray[np.float64]
    gradients: Mapping[str, Pullback]
    elements: Callable[[], Array] | None = None
    hessian_diagonal: Mapping[str, Pullback] = field(default_factory=dict)
    mean_of: Literal["elements", "samples"] = "elements"
    parts: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
    shares: Array | None = None
    count: Array | None = None

    def element_weighted(self, weight: Array) -> Evaluation:
        """Multiply each element, and its share of the divisor, by a weight of the elements' shape."""
        if self.elements is None:
            raise ValueError("a loss without elements takes no element weights")
        numerator = per_sample_sum(times(weight, self.elements()))
        weighted = {name: _scaled(pullback, weight) for name, pullback in self.gradients.items()}
        curvature = {name: _scaled(pullback, weight) for name, pullback in self.hessian_diagonal.items()}
        parts = {name: times(weight, part) for name, part in self.parts.items()}
        total = per_sample_sum(weight * self.element_shares(weight))
        return replace(self, numerator=numerator, weight=total, gradients=weighted, hessian_diagonal=curvature, parts=parts)

    def element_shares(self, like: Array) -> Array:
        """Return each element's part of its sample's weight, in the shape of `like`; equal parts if all shares are 0."""
        shares = np.ones_like(like) if self.shares is None else np.broadcast_to(self.shares, like.shape).astype(np.float64)
        sums = per_sample_sum(shares)
        shares = np.where(spread(sums, like) == 0, 1.0, shares)
        rate = self.weight / np.where(sums == 0, per_sample_size(like), sums)
        return shares * spread(rate, shares)


def _scaled(pullback: Pullback, weight: Array) -> Pullback:
    return lambda cotangent: pullback(spread(cotangent, weight) * weight)


def elementwise(
    values: Array,
    gradients: Mapping[str, Callable[[Array], Array]],
    hessian_diagonal: Mapping[str, Callable[[Array], Array]] | None = None,
    *,
    weight: Array | None = None,
    divisor: Array | None = None,
    shares: Array | None = None,
    weighted: Array | None = None,
    masked: bool = True,
) -> Evaluation:
    """Build the Evaluation of an elementwise loss.

    gradients and hessian_diagonal: functions of the cotangent broadcast to the elements (including weights), so
    that `lambda c: (2 * c) * error` is one pass. weight: factor of the values; divisor (n,): replaces the sum of weights. shares:
    distribution of the divisor, replaces the weight. weighted: the product of weight and values, if multiplying them here might
    overflow although the product does not. masked: the weight is 0 or 1, and 0 ignores an element.
    """

    def pulled(derivative: Callable[[Array], Array]) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            c = spread(cotangent, values)
            return derivative(c if weight is None else c * weight)

        return pullback

    if weighted is None:
        weighted = values if weight is None else weight * values
    numerator = per_sample_sum(weighted)
    if weight is not None and np.isnan(numerator).any():  # weight 0 of a value out of range
        weighted = times(weight, values)
        numerator = per_sample_sum(weighted)
    shares = weight if divisor is None and shares is None else shares
    if divisor is None:
        divisor = per_sample_size(values) if shares is None else per_sample_sum(shares)
    return Evaluation(
        numerator,
        divisor,
        {name: pulled(derivative) for name, derivative in gradients.items()},
        lambda: weighted,
        {name: pulled(derivative) for name, derivative in hessian_diagonal.items()} if hessian_diagonal else {},
        shares=shares,
        count=None if masked or shares is None else per_sample_size(values),
    )


def positions_of(
    values: Array, shares: Array | None, counted: Array | None, gradients: Mapping[str, Pullback], hessian_diagonal: Mapping[str, Pullback]
) -> Evaluation:
    """Build the Evaluation of weighted values of positions.

    shares: the weights; None for equal ones. counted: the positions not ignored, unless shares are 0 or 1.
    """
    count = None if counted is None else per_sample_sum(counted)
    weight = size_of_each(values.shape) if shares is None else per_sample_sum(shares)
    return Evaluation(per_sample_sum(values), weight, gradients, lambda: values, hessian_diagonal, shares=shares, count=count)


def in_float64(function: Callable[..., Evaluation]) -> Callable[..., Evaluation]:
    """Compute the loss of float32 tensors in float64, and return elements and derivatives in float32, for differences or scales that need the range."""

    @wraps(function)
    def wide(*tensors: Array | None, **named: Any) -> Evaluation:
        given = [x for x in (*tensors, *named.values()) if isinstance(x, np.ndarray) and x.dtype == np.float32]
        if not given:
            return function(*tensors, **named)
        widened = [x.astype(np.float64) if x is not None and x.dtype == np.float32 else x for x in tensors]
        result = function(*widened, **{key: x.astype(np.float64) if any(x is y for y in given) else x for key, x in named.items()})

        def cast(back: Callable[..., Array]) -> Callable[..., Array]:
            return lambda *arguments: back(*arguments).astype(np.float32)

        return replace(
            result,
            gradients={name: cast(pullback) for name, pullback in result.gradients.items()},
            hessian_diagonal={name: cast(pullback) for name, pullback in result.hessian_diagonal.items()},
            elements=result.elements and cast(result.elements),
        )

    return wide


def with_elements_of(like: Array, evaluation: Evaluation) -> Evaluation:
    """Return the elements in the type of `like`, where the numerators are computed in float64."""
    elements = evaluation.elements
    return evaluation if elements is None else replace(evaluation, elements=lambda: elements().astype(like.dtype, copy=False))


def in_blocks(evaluate: Callable[..., Evaluation], *tensors: Array, size: int = 0) -> Evaluation:
    """Evaluate a loss of independent samples in blocks of `size` elements, or of as many as fit in a core's cache."""
    some = blocks(tensors[0], size)
    if len(some) <= 1:
        return evaluate(*tensors)
    parts = [evaluate(*(x[at] for x in tensors)) for at in some]

    def pulled(name: str) -> Pullback:
        def pullback(c: Array) -> Array:
            out = np.empty(0)
            for part, at in zip(parts, some, strict=True):
                slope = part.gradients[name](c[at])
                out = out if at.start else np.empty((len(tensors[0]), *slope.shape[1:]), slope.dtype)
                out[at] = slope
            return out

        return pullback

    return Evaluation(
        np.concatenate([part.numerator for part in parts]),
        np.concatenate([part.weight for part in parts]),
        {name: pulled(name) for name in parts[0].gradients},
        lambda: np.concatenate([part.elements() for part in parts if part.elements is not None]),
    )


def paced(steps: Iterable[T]) -> Iterator[T]:
    """Iterate, and sleep a moment every few milliseconds, so that other threads of the process run.

    A loop of short NumPy calls keeps them waiting: each call releases the interpreter's lock and takes it again within a microsecond. That wakes a waiting
    thread too late to take the lock, and restarts the timeout of its request for it (take_gil in CPython's ceval_gil.h).
    soft_dtw of 24,000 points and 3 kept a liveness probe waiting 155 ms, and 22 with the pauses, which take 2 % of its time.
    """
    due = time.perf_counter() + PACE_SECONDS
    for step in steps:
        yield step
        if time.perf_counter() > due:
            time.sleep(PAUSE_SECONDS)
            due = time.perf_counter() + PACE_SECONDS


def at_places(like: Array, where: Array, values: Array) -> Array:
    """Return zeros like `like` with `values` at `where`, as returned by `places`."""
    return placed(like.shape, where, values.astype(like.dtype, copy=False))


def placed(shape: tuple[int, ...], where: Array, values: Array) -> Array:
    """Return zeros of this shape with `values`, in their type."""
    out = np.zeros(shape, values.dtype)  # with the assignment, half the time of zeros_like and put
    out.reshape(-1)[where.reshape(-1)] = values.reshape(-1)
    return out


@dataclass(frozen=True, eq=False)
class Placed:
    """A pullback to zeros but for `values` (n, ...), a function of the cotangent, at `where`.

    Only the values can be not finite: to look at the zeros too took a fifth of the time of nll for 16384 x 100 float64.
    """

    like: Array
    where: Array
    values: Pullback

    def __call__(self, cotangent: Array) -> Array:
        return at_places(self.like, self.where, self.values(cotangent))


def nothing(samples: int = 0, /, **inputs: Array) -> Evaluation:
    """Build the Evaluation of an empty batch; samples: the numbers, all of weight 0, of a loss that is one number for a batch."""
    zeros: dict[str, Pullback] = {name: lambda _, x=x: np.zeros_like(x) for name, x in inputs.items()}  # type: ignore[misc]
    return Evaluation(np.zeros(samples), np.zeros(samples), zeros)


# ------------------------------------------------------------------ Void positions


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
