"""Identities of the divergences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES


def value(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def logits(rng: Generator) -> Any:
    return rng.normal(size=(2, 6, 5))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def distributions(rng: Generator) -> Any:
    return [softmax(x) for x in logits(rng)]


def _log_target(rng: Generator) -> Any:
    q, p = (np.log(x) for x in distributions(rng))
    return value("kl_divergence", q, p, log_target=True), value("kl_divergence", q, np.exp(p))


def _generalized(rng: Generator) -> Any:
    q, p = distributions(rng)
    return value("generalized_kl_divergence", np.log(q), p), value("kl_divergence", np.log(q), p)


def _distillation(rng: Generator) -> Any:
    s, t = logits(rng)
    return value("knowledge_distillation_kl", s, t, temperature=2.0), 4 * value("kl_divergence", np.log(softmax(s / 2)), softmax(t / 2))


def _jensen_shannon(rng: Generator) -> Any:
    q, p = distributions(rng)
    middle = np.log((q + p) / 2)
    return 2 * value("jensen_shannon", q, p), value("kl_divergence", middle, p) + value("kl_divergence", middle, q)


def _two_kls(rng: Generator) -> Any:
    s, t = logits(rng)
    both = value("generalized_jsd", s, t, beta=0.0) + value("generalized_jsd", s, t, beta=1.0)
    return 2 * value("r_drop", s, t), both


def _gaussian_kl(rng: Generator) -> Any:
    mean, log_variance = logits(rng)
    cross = value("gaussian_nll", mean, np.zeros_like(mean), np.ones_like(mean), eps=0.0)
    return value("gaussian_kl", mean, log_variance), cross + (np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2


def _cross_entropy(rng: Generator) -> Any:
    s, t = logits(rng)
    whole = value("cross_entropy", s, softmax(t))
    return whole, value("entropy", t) + value("generalized_jsd", s, t, beta=0.0)


def _reverse(rng: Generator) -> Any:
    p, q = (softmax(x) for x in logits(rng))
    return value("kl_divergence", np.log(q), p, direction="reverse"), value("kl_divergence", np.log(p), q)


def _crps(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 5)), rng.normal(size=6)
    return value("energy_distance", x, t[:, None]), 2 * value("crps_ensemble", x, t)


def _numbers(rng: Generator) -> Any:
    return rng.uniform(0.1, 3.0, size=(2, 6, 5))


def _scaled(rng: Generator) -> Any:
    """The beta-divergence is homogeneous of degree beta."""
    x, t = _numbers(rng)
    return value("beta_divergence", 3 * x, 3 * t, beta=-0.7), 3**-0.7 * value("beta_divergence", x, t, beta=-0.7)


IDENTITIES = [
    ("alpha_divergence(1/2) is four times hellinger", lambda r: (value("alpha_divergence", *(x := distributions(r))), 4 * value("hellinger", *x))),
    (
        "alpha_divergence(1) is the generalized divergence",
        lambda r: (value("alpha_divergence", *(x := _numbers(r) / 3), alpha=1.0), value("generalized_kl_divergence", np.log(x[0]), x[1])),
    ),
    (
        "alpha_divergence(1 - alpha) is that of the other direction",
        lambda r: (value("alpha_divergence", *(x := distributions(r)), alpha=-0.4), value("alpha_divergence", *x[::-1], alpha=1.4)),
    ),
    (
        "alpha_divergence tends to alpha 1",
        lambda r: (value("alpha_divergence", *(x := distributions(r)), alpha=1 + 1e-14), value("alpha_divergence", *x, alpha=1.0)),
    ),
    ("beta_divergence(2) is half_squared_error", lambda r: (value("beta_divergence", *(x := _numbers(r))), value("half_squared_error", *x))),
    ("beta_divergence(0) is itakura_saito", lambda r: (value("beta_divergence", *(x := _numbers(r)), beta=0.0), value("itakura_saito", *x))),
    (
        "beta_divergence(1) is the generalized divergence",
        lambda r: (value("beta_divergence", *(x := _numbers(r)), beta=1.0), value("generalized_kl_divergence", np.log(x[0]), x[1])),
    ),
    (
        "beta_divergence tends to beta 0",
        lambda r: (value("beta_divergence", *(x := _numbers(r)), beta=1e-15), value("beta_divergence", *x, beta=0.0)),
    ),
    ("beta_divergence is homogeneous", _scaled),
    (
        "renyi(1) is kl_divergence",
        lambda r: (value("renyi", *(x := distributions(r)), alpha=1.0), value("kl_divergence", np.log(x[0]), x[1])),
    ),
    (
        "renyi(1/2) is symmetric",
        lambda r: (value("renyi", *(x := distributions(r)), alpha=0.5), value("renyi", *x[::-1], alpha=0.5)),
    ),
    (
        "renyi is a logarithm of alpha_divergence",
        lambda r: (value("renyi", *(x := distributions(r)), alpha=3.0), np.log1p(6 * value("alpha_divergence", *x, alpha=3.0)) / 2),
    ),
    ("energy_distance to one number is twice crps_ensemble", _crps),
    (
        "chamfer_distance of one point each is twice the squared error of its coordinates",
        lambda r: (value("chamfer_distance", *(x := r.normal(size=(2, 6, 1, 3)))), 2 * value("mean_squared_error", *x)),
    ),
    ("kl_divergence takes labels or their logarithms", _log_target),
    ("reverse kl_divergence is the forward one the other way round", _reverse),
    ("the generalized divergence of distributions is kl_divergence", _generalized),
    ("distillation is T^2 kl_divergence of softened probabilities", _distillation),
    ("jensen_shannon is the mean divergence from the mean", _jensen_shannon),
    (
        "generalized_jsd(1/2) is jensen_shannon",
        lambda r: (value("generalized_jsd", *(x := logits(r))), value("jensen_shannon", *(softmax(y) for y in x))),
    ),
    (
        "generalized_jsd(0) is distillation at temperature 1",
        lambda r: (value("generalized_jsd", *(x := logits(r)), beta=0.0), value("knowledge_distillation_kl", *x, temperature=1.0)),
    ),
    (
        "jsd_cross_entropy is cross_entropy and jensen_shannon of two views",
        lambda r: (
            value("jsd_cross_entropy", np.stack(x := logits(r), axis=1), y := r.integers(0, 5, 6), smoothing=0.0, alpha=3.0),
            value("cross_entropy", x[0], y) + 3 * value("jensen_shannon", *(softmax(z) for z in x)),
        ),
    ),
    ("r_drop is the mean of both directions", _two_kls),
    (
        "total variation is half the absolute error",
        lambda r: (2 * value("total_variation_distance", *(x := distributions(r))), value("mean_absolute_error", *x)),
    ),
    (
        "hellinger is half the squared error of roots",
        lambda r: (2 * value("hellinger", *(x := distributions(r))), value("mean_squared_error", *np.sqrt(x))),
    ),
    ("confidence_penalty is minus the entropy", lambda r: (value("confidence_penalty", (x := logits(r)[0])), -value("entropy", x))),
    ("gaussian_kl is a squared error and a term of the variance", _gaussian_kl),
    ("cross_entropy is entropy and divergence", _cross_entropy),
    (
        "wasserstein_1d of sorted samples is the absolute error",
        lambda r: (5 * value("wasserstein_1d", *(x := np.sort(logits(r), axis=2))), value("mean_absolute_error", *x)),
    ),
]
