"""From a Result to the fields that are encoded, and the model that documents them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.api.conditioning import Numerics
from service.api.request import Tensor
from service.losses import Result

OFTEN_EMPTY = {"parts", "state"}


class LossAnswer(BaseModel):
    """Response of every loss. Outputs not requested are omitted."""

    model_config = ConfigDict(extra="allow")
    loss: str = Field(description="the canonical name of the loss")
    reduction: str = ""
    value: float = Field(0.0, description="the reduced loss; left out with reduction none")
    normalizer: float = Field(0.0, description="divisor of the sum of losses; sum(value * normalizer) / sum(normalizer) merges shards")
    per_sample: list[float] = Field([], description="the loss of each sample; left out where per_sample_tensor has it")
    per_sample_tensor: Tensor = Field(default_factory=Tensor, description="the loss of each sample, where the request's tensors are base64")
    gradients: dict[str, Tensor] = Field({}, description="d value / d input, by input")
    per_element: Tensor = Field(default_factory=Tensor, description="the loss of each element")
    hessian_diagonal: dict[str, Tensor] = Field({}, description="diagonal of the second derivative of value, by input")
    parts: dict[str, float] = Field({}, description="the terms of value before their weights, for losses that are sums")
    numerics: Numerics = Field(Numerics.model_construct(), description="how far the rounding of the inputs reaches")
    state: dict[str, Tensor] = Field({}, description="tensors to send with the next call, for losses that keep state")


class Term(LossAnswer):
    """One term of a combination."""

    name: str
    weight: float


class CombinationAnswer(BaseModel):
    """Response of a combination."""

    model_config = ConfigDict(extra="allow")
    loss: str
    value: float = Field(description="the sum over the terms: weight * value, or weight * e^-s * value + s / 2 with uncertainty")
    gradients: dict[str, Tensor] = Field({}, description="d value / d log_variances, with uncertainty")
    terms: list[Term]


def fields(result: Result) -> dict[str, Any]:
    """Return the fields of the body: all that are present, in the order of the result's."""
    found = vars(result).copy()
    for name, value in vars(result).items():
        if value is None or (name in OFTEN_EMPTY and not value):
            del found[name]
    return found
