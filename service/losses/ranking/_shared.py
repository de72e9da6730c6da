"""Examples of ranking losses."""

from __future__ import annotations

LISTS = {"predictions": [[2.0, 1.0, 3.0], [1.0, 0.5, 1.5]], "labels": [[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]]}
