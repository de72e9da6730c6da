"""Inputs of preference losses."""

from __future__ import annotations

from typing import Annotated

from service.losses.declaration import TensorSpec
from service.losses.numerics import Array

LogProbability = Annotated[Array, TensorSpec("n", gradient="default", description="log-probabilities of the completions under the policy")]
ReferenceLogProbability = Annotated[Array, TensorSpec("n", description="log-probabilities of the completions under the reference model")]
