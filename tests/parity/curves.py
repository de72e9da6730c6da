"""Curves on which float32 torch loses what the service keeps, as the explorer draws them.

`python -m tests.parity.curves` writes service/pages/contrasts.json, a test compares it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

FILE = Path(__file__).parents[2] / "service" / "pages" / "contrasts.json"
POINTS = 61


@dataclass(frozen=True)
class Curve:
    """One loss over one number of one sample, `request` with x in the place `at` of `varied`."""

    loss: str
    title: str
    said: str
    request: dict[str, Any]
    varied: str
    at: int
    ends: tuple[float, float]
    shown: str
    function: Callable[[torch.Tensor], torch.Tensor]

    def points(self) -> list[float]:
        low, high = self.ends
        return [low + (high - low) * i / (POINTS - 1) for i in range(POINTS)]

    def theirs(self, dtype: torch.dtype) -> list[float]:
        """The numbers that torch gives: the value, or the derivative by x."""
        x = torch.tensor(self.points(), dtype=dtype, requires_grad=True)
        values = self.function(x)
        numbers = values.detach() if self.shown == "value" else torch.autograd.grad(values.sum(), x)[0]
        return [float(number) for number in numbers]

    def ends_where(self, holds: Callable[[float], bool]) -> str:
        """The points at which torch's number is such."""
        found = [x for x, y in zip(self.points(), self.theirs(torch.float32), strict=True) if holds(y)]
        return f"for x from {found[0]:g} to {found[-1]:g}" if found else ""

    def card(self) -> dict[str, Any]:
        """As the explorer reads it; a number that is not finite is null."""
        numbers = [float(f"{y:.6g}") if abs(y) < float("inf") else None for y in self.theirs(torch.float32)]
        zero, lost = self.ends_where(lambda y: y == 0), self.ends_where(lambda y: abs(y) == float("inf"))
        said = [self.said, zero and f"torch's is exactly 0 {zero}.", lost and f"torch's is infinite {lost}."]
        head = {
            "title": self.title,
            "said": " ".join(filter(None, said)),
            "of": self.shown,
            "library": f"torch {torch.__version__.partition('+')[0]} in float32",
        }
        return head | {
            "request": self.request,
            "input": self.varied,
            "at": self.at,
            "axis": f"{self.varied}[{self.at}]",
            "over": self.points(),
            "library_numbers": numbers,
        }


def _other(x: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.zeros_like(x), x], dim=1)


CURVES = [
    Curve(
        "binary_cross_entropy_with_logits",
        "Where float32 stops learning",
        "The gradient for a right and confident score.",
        {"predictions": [0.0], "labels": [1.0]},
        "predictions",
        0,
        (0.0, 60.0),
        "gradient",
        lambda x: functional.binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction="none"),
    ),
    Curve(
        "soft_margin",
        "Where float32 is infinite, and where it is 0",
        "The value over the score of a sample of the label 1.",
        {"predictions": [0.0], "labels": [1]},
        "predictions",
        0,
        (-120.0, 120.0),
        "value",
        lambda x: functional.soft_margin_loss(x, torch.ones_like(x), reduction="none"),
    ),
    Curve(
        "cross_entropy",
        "Where float32 sees no loss any more",
        "The value for the scores 0 and x when the second class is the true one.",
        {"predictions": [[0.0, 0.0]], "labels": [1]},
        "predictions",
        1,
        (0.0, 60.0),
        "value",
        lambda x: functional.cross_entropy(_other(x), torch.ones(len(x), dtype=torch.long), reduction="none"),
    ),
]


def document() -> dict[str, list[dict[str, Any]]]:
    """Every curve by its loss."""
    return {curve.loss: [curve.card()] for curve in CURVES}


if __name__ == "__main__":
    FILE.write_text(json.dumps(document()) + "\n")
