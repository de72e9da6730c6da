"""Numerics without knowledge of losses: accurate elementary functions, softmax, special functions, vectors and double-double arithmetic."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
