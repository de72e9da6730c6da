"""Raw scores of boosting objectives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from service.losses.declaration import TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array

Raw = Annotated[Array, TensorSpec("n ...", gradient="default", description="raw scores, the sums of the trees")]


def raw(values: Array, slope: Array, curvature: Callable[[], Array]) -> Evaluation:
    """Build the Evaluation from a value and a gradient for each raw score, and its Hessian, which is formed when it is requested."""
    return elementwise(values, {"predictions": lambda c: c * slope}, {"predictions": lambda c: c * curvature()})
