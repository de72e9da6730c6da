"""Inputs that survival losses share."""

from __future__ import annotations

from typing import Annotated

from service.losses.declaration import Domain, TensorSpec
from service.losses.numerics import Array

Events = Annotated[
    Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 where the event was observed, 0 where censored")
]
