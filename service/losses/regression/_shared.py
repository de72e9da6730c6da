"""Losses of one error: numerator, gradients and curvature from functions of predictions - labels."""

from __future__ import annotations

from collections.abc import Callable

from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array

EXAMPLE = {"predictions": [0.5, 0.2, 0.3], "labels": [1.0, 0.0, 0.0]}


def by_error(
    values: Array,
    slope: Callable[[], Array],
    curvature: Callable[[], Array],
    *,
    ends: tuple[str, str] = ("predictions", "labels"),
    weight: Array | None = None,
    divisor: Array | None = None,
) -> Evaluation:
    """Build the Evaluation from a function of the error and its derivatives; the gradient of the second input is minus that of the first."""
    first, second = ends
    return elementwise(
        values,
        {first: lambda c: c * slope(), second: lambda c: -c * slope()},
        {first: lambda c: c * curvature(), second: lambda c: c * curvature()},
        weight=weight,
        divisor=divisor,
        masked=False,
    )
