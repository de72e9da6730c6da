from __future__ import annotations

from typing import Any

from numpy.random import Generator

from tests.losses.identities.regression._shared import pair, value_of_regression


def _cosine(rng: Generator) -> Any:
    x, t = pair(rng)
    centered = [a - a.mean(axis=1, keepdims=True) for a in (x, t)]
    return value_of_regression("pearson_correlation", x, t, along="elements"), value_of_regression("cosine_distance", *centered)


def _transposed(name: str) -> Any:
    def both(rng: Generator) -> Any:
        x, t = pair(rng)
        return value_of_regression(name, x, t)[0], value_of_regression(name, x.T.copy(), t.T.copy(), along="elements").sum()

    return both


def _scaled(rng: Generator) -> Any:
    x, t = pair(rng)
    return value_of_regression("pearson_correlation", 3.0 * x + 2.0, t), value_of_regression("pearson_correlation", x, t)


def _standardized(rng: Generator) -> Any:
    """Equal means and variances leave no difference of the two coefficients."""
    x, t = ((a - a.mean(axis=0)) / a.std(axis=0) for a in pair(rng))
    return value_of_regression("concordance_correlation", x, t), value_of_regression("pearson_correlation", x, t)


def _squared(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 9))
    largest = x.var() + t.var() + (x.mean() - t.mean()) ** 2
    return value_of_regression("concordance_correlation", x, t)[0], value_of_regression("mean_squared_error", x, t).mean() / largest


IDENTITIES = [
    ("pearson_correlation is the cosine distance of centered numbers", _cosine),
    ("pearson_correlation along samples and elements", _transposed("pearson_correlation")),
    ("concordance_correlation along samples and elements", _transposed("concordance_correlation")),
    ("pearson_correlation has no scale and no shift", _scaled),
    ("concordance_correlation of standardized numbers is pearson_correlation", _standardized),
    ("concordance_correlation is the squared error over its largest value", _squared),
]
