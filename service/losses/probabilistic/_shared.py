"""Inputs and examples of likelihoods."""

from __future__ import annotations

from typing import Annotated

from service.losses.declaration import ABOVE_ZERO, FROM_ZERO, Bound, TensorSpec
from service.losses.numerics import Array

Scale = Annotated[Array, TensorSpec("n ...", domain=ABOVE_ZERO, gradient="default", description="predicted scales, above 0")]
Concentration = Annotated[Array, TensorSpec("n ...", domain=ABOVE_ZERO, gradient="default", description="predicted concentrations, above 0")]
EXAMPLE = {"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 2.0, 0.4]}
LOG_GAMMA = Bound(1e-13, 1e-12, "logarithms of the gamma function and of the label, each rounded, partly cancel")
SCALES = {"scale": [1.0, 0.5, 2.0]}
Dispersion = Annotated[
    Array, TensorSpec("n ...", domain=ABOVE_ZERO, gradient="default", description="predicted dispersions: the variance is mean + dispersion mean^2")
]
Rate = Annotated[
    Array,
    TensorSpec(
        "n ...", narrowed=(("log_input", False, FROM_ZERO),), gradient="default", description="logarithms of rates, or rates (log_input false)"
    ),
]
