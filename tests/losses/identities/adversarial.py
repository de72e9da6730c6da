from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES


def value(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def scores(rng: Generator) -> Any:
    return 2.0 * rng.normal(size=(2, 6, 5))


def _minimax(rng: Generator) -> Any:
    fake, real = scores(rng)
    ones, zeros = np.ones_like(fake), np.zeros_like(fake)
    entropy = value("binary_cross_entropy_with_logits", fake, zeros) + value("binary_cross_entropy_with_logits", real, ones)
    return value("gan_minimax", fake, real=real), entropy


def _hinge(rng: Generator) -> Any:
    fake, real = scores(rng)
    ones = np.ones(fake.shape, int)
    return value("gan_hinge", fake, real=real), value("hinge", fake, -ones) + value("hinge", real, ones)


def _squares(rng: Generator) -> Any:
    fake, real = scores(rng)
    squares = value("half_squared_error", fake, np.zeros_like(fake)) + value("half_squared_error", real, np.ones_like(real))
    return value("lsgan", fake, real=real), squares


IDENTITIES = [
    ("gan_minimax is a cross entropy of each side", _minimax),
    ("gan_hinge is a hinge of each side", _hinge),
    ("lsgan is half a squared error of each side", _squares),
    (
        "gan_non_saturating has the discriminator of gan_minimax",
        lambda r: (value("gan_non_saturating", (x := scores(r))[0], real=x[1]), value("gan_minimax", x[0], real=x[1])),
    ),
    (
        "the saturating generator is minus the discriminator's part",
        lambda r: (value("gan_minimax", (x := scores(r)[0]), role="generator"), -value("binary_cross_entropy_with_logits", x, 0 * x)),
    ),
]
