"""Declarations that losses of audio share."""

from __future__ import annotations

from typing import Annotated

from service.losses.declaration import TensorSpec
from service.losses.numerics import Array

Waves = Annotated[Array, TensorSpec("n t", gradient="default", description="estimated signals, one per row")]
WaveLabels = Annotated[Array, TensorSpec("n t", gradient="on request", description="true signals")]
