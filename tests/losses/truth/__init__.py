"""Losses a second time: the plain formulas, in arithmetic of as many digits as it takes. One module a family.

A truth function has its loss's name and parameters; all come by keyword. Real tensors are object arrays of mpmath numbers,
integer ones int64, absent ones None, numbers among the options mpmath numbers. It returns the numerators (n,), or
(numerators, weights) where the divisor is not the number of elements. Its derivative is taken by differences; what a loss treats as
a constant of the gradient goes through `constant`. There are digits for exp(-700), not for exp(-1e5): 1 - sigmoid(x) inside a logarithm
or a power is written sigmoid(-x), and 1 - softmax as the sum of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from mpmath import mp

Array = Any  # object arrays
ZERO, ONE = mp.mpf(0), mp.mpf(1)


def remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a memory: a difference changes one element of a call, and all others come again."""
    known: dict[Any, Any] = {}

    def remembered(*arguments: Any, **options: Any) -> Any:
        key = (mp.prec, arguments, *options.items())
        if key not in known:
            if len(known) > 20000:
                known.clear()
            known[key] = function(*arguments, **options)
        return known[key]

    return remembered


def plain_sum(terms: Iterable[Any]) -> Any:
    """mp.fsum is exact, which takes long for terms 10^1000 apart; here digits abound."""
    return sum(terms, mp.mpf(0))


for _name in ("exp", "log", "log1p", "expm1", "sin", "cos", "tan", "atan", "tanh", "cosh", "erf", "erfc", "ncdf", "gamma", "loggamma", "digamma"):
    setattr(mp, _name, remembering(getattr(mp, _name)))
mp.fsum = plain_sum

exp: Callable[[Array], Array] = np.frompyfunc(mp.exp, 1, 1)
log: Callable[[Array], Array] = np.frompyfunc(mp.log, 1, 1)
sqrt: Callable[[Array], Array] = np.frompyfunc(mp.sqrt, 1, 1)
sigmoid: Callable[[Array], Array] = np.frompyfunc(lambda x: 1 / (1 + mp.exp(-x)), 1, 1)
softplus: Callable[[Array], Array] = np.frompyfunc(lambda x: mp.log(1 + mp.exp(x)), 1, 1)
times: Callable[[Array, Array], Array] = np.frompyfunc(lambda a, b: a * b if a else mp.mpf(0), 2, 1)  # 0 * infinity = 0
choose: Callable[[Array, Array, Array], Array] = np.frompyfunc(lambda test, a, b: a if test else b, 3, 1)

tape: list[Any] = []
replay: list[Any] | None = None  # set while differences are taken


def constant(value: Any) -> Any:
    """A part of the value that the gradient takes as constant (detached weights, a convention in place of the derivative).

    The calls are recorded at the point itself and answered with the recorded values at points next to it, in their order.
    """
    if replay is None:
        tape.append(value)
        return value
    return replay.pop(0)


def with_slope(value: Any, slope: Any, x: Any) -> Any:
    """`value`, with `slope` for its derivative by x: for gradients that are a convention. No other derivative passes."""
    return constant(value) + constant(slope) * (x - constant(x))


def per_sample(values: Array) -> list[Any]:
    """The sum over all axes but the first, as numerators."""
    return [mp.fsum(np.ravel(row)) for row in values]
