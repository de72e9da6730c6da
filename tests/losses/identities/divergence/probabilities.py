from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import (
    logits_of_divergence,
    positive_of_probabilistic,
    softmax_of_divergence,
    value_of_divergence,
    value_of_probabilistic,
)
from tests.losses.identities.divergence._shared import distributions


def _log_target(rng: Generator) -> Any:
    q, p = (np.log(x) for x in distributions(rng))
    return value_of_divergence("kl_divergence", q, p, log_target=True), value_of_divergence("kl_divergence", q, np.exp(p))


def _generalized(rng: Generator) -> Any:
    q, p = distributions(rng)
    return value_of_divergence("generalized_kl_divergence", np.log(q), p), value_of_divergence("kl_divergence", np.log(q), p)


def _distillation(rng: Generator) -> Any:
    s, t = logits_of_divergence(rng)
    return value_of_divergence("knowledge_distillation_kl", s, t, temperature=2.0), 4 * value_of_divergence(
        "kl_divergence", np.log(softmax_of_divergence(s / 2)), softmax_of_divergence(t / 2)
    )


def _jensen_shannon(rng: Generator) -> Any:
    q, p = distributions(rng)
    middle = np.log((q + p) / 2)
    return 2 * value_of_divergence("jensen_shannon", q, p), value_of_divergence("kl_divergence", middle, p) + value_of_divergence(
        "kl_divergence", middle, q
    )


def _reverse(rng: Generator) -> Any:
    p, q = (softmax_of_divergence(x) for x in logits_of_divergence(rng))
    return value_of_divergence("kl_divergence", np.log(q), p, direction="reverse"), value_of_divergence("kl_divergence", np.log(p), q)


def _forms_of_predictions(rng):
    q, p = distributions(rng)
    return value_of_divergence("kl_divergence", np.log(q), p), value_of_divergence("kl_divergence", q, p, predictions_are="probabilities")


IDENTITIES = [
    ("kl_divergence takes labels or their logarithms", _log_target),
    ("reverse kl_divergence is the forward one the other way round", _reverse),
    ("the generalized divergence of distributions is kl_divergence", _generalized),
    ("distillation is T^2 kl_divergence of softened probabilities", _distillation),
    ("jensen_shannon is the mean divergence from the mean", _jensen_shannon),
    (
        "total variation is half the absolute error",
        lambda r: (2 * value_of_divergence("total_variation_distance", *(x := distributions(r))), value_of_divergence("mean_absolute_error", *x)),
    ),
    (
        "hellinger is half the squared error of roots",
        lambda r: (2 * value_of_divergence("hellinger", *(x := distributions(r))), value_of_divergence("mean_squared_error", *np.sqrt(x))),
    ),
    (
        "gamma deviance is twice itakura_saito",
        lambda r: (
            value_of_probabilistic("gamma_deviance", *(p := positive_of_probabilistic(r, 2))),
            2 * value_of_probabilistic("itakura_saito", *p),
        ),
    ),
    ("kl_divergence of log-probabilities and of probabilities", _forms_of_predictions),
]
