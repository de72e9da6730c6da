"""Calls on which torch and the service differ, as the README has them: `python -m tests.parity.contrasts` writes its table, a test compares it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from service.losses import LOSSES, Evaluation
from tests.losses.accuracy import evaluate
from tests.losses.accuracy_table import of_torch
from tests.losses.adversarial import Call
from tests.readme import README

PART = re.compile(r"(?<=<!-- contrasts -->\n).*?(?=<!-- /contrasts -->)", re.DOTALL)


@dataclass(frozen=True)
class Contrast:
    """One call; the value is shown, and the gradient by one element of an input, or but one of them."""

    said: str
    loss: str
    tensors: dict[str, Any]
    gradient: tuple[str, tuple[int, ...]] | None = None
    value: bool = True
    options: dict[str, Any] | None = None

    def answers(self) -> tuple[str, str]:
        """The results of torch and of the service."""
        loss = LOSSES[self.loss]
        options = {option.name: option.default for option in loss.options} | (self.options or {})
        call = Call({name: np.asarray(value) for name, value in self.tensors.items()}, options, self.said)
        theirs = of_torch(loss, call)
        assert theirs is not None, "torch does not take this call"
        return self.shown(theirs), self.shown(evaluate(loss, call))

    def shown(self, answer: Evaluation) -> str:
        numbers = [float(answer.numerator[0])] if self.value else []
        if self.gradient:
            name, at = self.gradient
            numbers.append(float(answer.gradients[name](np.ones(len(answer.numerator)))[at]))
        return ", ".join(written(x) for x in numbers)


def written(x: float) -> str:
    """A number with the digits that tell the two apart."""
    if math.isnan(x):
        return "NaN"
    return f"{x + 0.0:.{3 if 1e-3 < abs(x) < 1e6 else 2}g}".replace("e+", "e")


CONTRASTS = [
    Contrast(
        "`soft_margin`, x = -800, y = 1: value, gradient", "soft_margin", {"predictions": [-800.0], "labels": [1]}, gradient=("predictions", (0,))
    ),
    Contrast(
        "`cross_entropy` of (0, 40), y = 1: value, gradient by x1",
        "cross_entropy",
        {"predictions": [[0.0, 40.0]], "labels": [1]},
        gradient=("predictions", (0, 1)),
    ),
    Contrast(
        "`binary_cross_entropy_with_logits`, x = 40, z = 1: gradient",
        "binary_cross_entropy_with_logits",
        {"predictions": [40.0], "labels": [1.0]},
        gradient=("predictions", (0,)),
        value=False,
    ),
    Contrast("`cosine_embedding` of (1e-8, 0) and (1, 0)", "cosine_embedding", {"input1": [[1e-8, 0.0]], "input2": [[1.0, 0.0]], "labels": [1]}),
    Contrast("`cosine_embedding` of (1, 1e-9) and (1, 0)", "cosine_embedding", {"input1": [[1.0, 1e-9]], "input2": [[1.0, 0.0]], "labels": [1]}),
    Contrast(
        "`triplet_margin` of (1e200, 0), (0, 0), (0, 1e200)",
        "triplet_margin",
        {"anchor": [[1e200, 0.0]], "positive": [[0.0, 0.0]], "negative": [[0.0, 1e200]]},
    ),
    Contrast(
        "`gaussian_nll`, error 1e200, variance 1e300",
        "gaussian_nll",
        {"predictions": [1e200], "labels": [0.0], "variance": [1e300]},
        options={"eps": 0.0},
    ),
]


def table() -> str:
    """The rows, as the README has them."""
    version = torch.__version__.partition("+")[0]
    rows = [f"| {contrast.said} | {' | '.join(contrast.answers())} |" for contrast in CONTRASTS]
    return "\n".join([f"| call, in float64 | torch {version} | here |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    README.write_text(PART.sub(lambda _: table(), README.read_text()))
