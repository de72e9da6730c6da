"""The expressions that losses share, in the forms that keep their last bits, with one exponential each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from service.losses.core import Evaluation, Pullback
from service.losses.tensors import Array

LN2 = float(np.log(2.0))
BLOCK = 1 << 16  # elements of a temporary: what stays in a core's cache


def per_sample_sum(values: Array) -> Array:
    """The float64 sum over all axes but the first."""
    if values.ndim == 1:
        return values.astype(np.float64)
    return np.add.reduce(values, axis=tuple(range(1, values.ndim)), dtype=np.float64)


def per_sample_size(values: Array) -> Array:
    """How many elements each sample has, as (n,) divisors."""
    return np.full(values.shape[0], float(math.prod(values.shape[1:])))


def spread(cotangent: Array, like: Array) -> Array:
    """The cotangent (n,), ready to multiply elements of `like`'s shape and type."""
    return cotangent.astype(like.dtype, copy=False).reshape((-1,) + (1,) * (like.ndim - 1))


def elementwise(
    values: Array,
    gradients: Mapping[str, Callable[[Array], Array]],
    hessian_diagonal: Mapping[str, Callable[[Array], Array]] | None = None,
    *,
    weight: Array | None = None,
    divisor: Array | None = None,
    weighted: Array | None = None,
) -> Evaluation:
    """The Evaluation of a loss that is a value for each element.

    gradients and hessian_diagonal: functions of the cotangent already shaped to multiply elements (weights multiplied in), so
    that `lambda c: (2 * c) * error` is one pass. weight: multiplies the values; divisor (n,): in place of sum of weights. weighted: the
    product of weight and values, where multiplying them here might leave the range on the way to a number that does not.
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
    if divisor is None:
        divisor = per_sample_size(values) if weight is None else per_sample_sum(weight)
    return Evaluation(
        numerator,
        divisor,
        {name: pulled(derivative) for name, derivative in gradients.items()},
        lambda: weighted,
        {name: pulled(derivative) for name, derivative in (hessian_diagonal or {}).items()},
    )


def in_float64(function: Callable[..., Evaluation]) -> Callable[..., Evaluation]:
    """The loss function with float32 tensors computed in float64, its elements and derivatives in float32: where differences or scales need the room."""

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


def blocks(x: Array) -> list[slice]:
    """The samples of x, as many at a time as stay in a core's cache."""
    step = max(1, BLOCK // max(1, math.prod(x.shape[1:])))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def in_blocks(evaluate: Callable[..., Evaluation], *tensors: Array) -> Evaluation:
    """A loss whose samples have nothing to do with one another, as many of them at a time as stay in a core's cache."""
    some = blocks(tensors[0])
    if len(some) <= 1:
        return evaluate(*tensors)
    parts = [evaluate(*(x[at] for x in tensors)) for at in some]

    def pulled(name: str) -> Pullback:
        return lambda c: np.concatenate([part.gradients[name](c[at]) for part, at in zip(parts, some, strict=True)])

    return Evaluation(
        np.concatenate([part.numerator for part in parts]),
        np.concatenate([part.weight for part in parts]),
        {name: pulled(name) for name in parts[0].gradients},
        lambda: np.concatenate([part.elements() for part in parts if part.elements is not None]),
    )


def decay(x: Array) -> Array:
    """e^-|x|, all that softplus and sigmoid need of the exponential, for x and for -x."""
    out = np.abs(x)
    np.negative(out, out=out)
    return np.exp(out, out=out)


def sigmoid(x: Array, e: Array | None = None) -> Array:
    """1 / (1 + e^-x), accurate to the last bits at both ends. e: decay(x), if it is known."""
    e = decay(x) if e is None else e
    return np.maximum(e, x >= 0) / (1.0 + e)


def log1p_in_unit(x: Array) -> Array:
    """log(1 + x) for x in [-1, 1]: the logarithm of the rounded sum, and what the rounding lost. Two thirds of log1p's time, a third in float32."""
    whole = 1.0 + x
    lost = whole - 1.0
    np.subtract(x, lost, out=lost)
    lost /= whole + np.finfo(whole.dtype).tiny  # 0 / 0 at -1
    np.log(whole, out=whole)
    whole += lost
    return whole


def log1pexp_small(x: Array, e: Array | None = None) -> Array:
    """log(1 + e^-|x|): softplus(x) is max(x, 0) plus it. e: decay(x), if it is known."""
    return log1p_in_unit(decay(x) if e is None else e)


def softplus(x: Array, e: Array | None = None) -> Array:
    """log(1 + e^x). e: decay(x), if it is known."""
    return np.maximum(x, 0.0) + log1pexp_small(x, e)


def times(factor: Array, x: Array) -> Array:
    """Factor * x with 0 * infinity = 0, the convention of 0 log 0."""
    product: Array = factor * x
    if np.isnan(np.add.reduce(product, axis=None)):
        product = np.where(factor == 0, 0.0, product).astype(product.dtype, copy=False)
    return product


def places(x: Array, index: Array) -> Array:
    """Where x[i, index[i], ...] stands in x.ravel(), for an index (n, 1, ...): a fifth of the time of take_along_axis when x is small."""
    first, step = firsts(x)
    return first + (index if step == 1 else index * step)


def firsts(x: Array) -> tuple[Array, int]:
    """Where x[i, 0, ...] stands in x.ravel(), (n, 1, ...), and how far it is from there to x[i, 1, ...]."""
    step = math.prod(x.shape[2:])
    first = np.arange(0, x.size, x.shape[1] * step)
    if x.ndim == 2:
        return first[:, None], 1
    return first.reshape((-1,) + (1,) * (x.ndim - 1)) + np.arange(step).reshape((1, 1, *x.shape[2:])), step


def at_places(like: Array, where: Array, values: Array) -> Array:
    """Zeros like `like` with `values` at `where`, as `places` gives it."""
    out = np.zeros_like(like)
    out.put(where, values)
    return out


def sum_of_others(x: Array) -> Array:
    """For each x[k] >= 0 the sum of the others along axis 1, without the cancellation of `total - x[k]`."""
    top = places(x, np.argmax(x, axis=1, keepdims=True))
    largest = x.take(top)
    rest = x.copy()
    rest.put(top, 0.0)
    below = rest.sum(axis=1, keepdims=True)
    others = largest + (below - rest)  # below >= rest, and largest >= rest: the sum loses nothing
    others.put(top, below)
    return others


class Softmax:
    """The softmax of logits along axis 1, kept in parts that lose nothing.

    top, largest: index and value of the largest logit, axis kept. exponentials: exp(x - largest). rest: the sum of all exponentials
    but the largest, axis kept: log(sum exp(x - largest)) is log1p(rest), accurate when one class holds nearly all probability.
    """

    __slots__ = ("_complements", "_firsts", "_labels", "_places", "_top_places", "exponentials", "largest", "logits", "rest", "top", "total")

    def __init__(self, logits: Array) -> None:
        self.logits = logits
        self.top = logits.argmax(axis=1, keepdims=True)
        self._firsts, step = firsts(logits)
        self._top_places = self._firsts + (self.top if step == 1 else self.top * step)
        self.largest = logits.take(self._top_places)
        self.exponentials = e = logits - self.largest
        np.exp(e, out=e)
        e.put(self._top_places, 0.0)
        self.rest = np.add.reduce(e, axis=1, keepdims=True)
        e.put(self._top_places, 1.0)
        self.total = 1.0 + self.rest
        self._complements: Array | None = None
        self._labels: Array | None = None

    def _at(self, labels: Array) -> Array:
        """Where the labels stand in the logits; value and gradient ask for the same ones."""
        if self._labels is not labels:
            index, step = labels[:, None], math.prod(self.logits.shape[2:])
            self._labels, self._places = labels, self._firsts + (index if step == 1 else index * step)
        return self._places

    def _others(self, labels: Array) -> Array:
        """The sum of all exponentials but the labels' own, axis kept."""
        e = self.exponentials.take(self._at(labels))
        return np.where(labels[:, None] == self.top, self.rest, self.total - e)

    def probabilities(self) -> Array:
        """softmax(x)."""
        return self.exponentials / self.total

    def pull(self, labels: Array, upstream: Array) -> Array:
        """D sum(upstream * -log softmax at the labels) / d logits, for labels and upstream (n, ...): one pass over the classes."""
        share = upstream[:, None] / self.total
        slope = self.exponentials * share
        slope.put(self._at(labels), np.negative(share, out=share) * self._others(labels))
        return slope

    @property
    def complements(self) -> Array:
        """1 - softmax(x), each to full relative accuracy."""
        if self._complements is None:
            others = self.total - self.exponentials
            others.put(self._top_places, self.rest)
            self._complements = others / self.total
        return self._complements

    def negative_log(self) -> Array:
        """-log softmax(x), every class."""
        return (self.largest - self.logits) + np.log1p(self.rest)

    def negative_log_at(self, labels: Array) -> Array:
        """-log softmax(x) of the labels (n, ...), to full relative accuracy also where it is near 0."""
        picked = self.logits.take(self._at(labels))
        return ((self.largest - picked) + np.log1p(self.rest))[:, 0]

    def complement_at(self, labels: Array) -> Array:
        """1 - softmax(x) of the labels (n, ...)."""
        return (self._others(labels) / self.total)[:, 0]


def exp_times(x: Array, factor: Array) -> Array:
    """e^x * factor, also where e^x alone is out of range; 0 where the factor is."""
    root = np.exp(0.5 * x)
    return np.where(factor == 0, 0.0, root * factor * root).astype(root.dtype, copy=False)
