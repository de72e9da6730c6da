"""Identities of the likelihoods and scoring rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES


def value(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def positive(rng: Generator, count: int = 3) -> Any:
    return rng.uniform(0.1, 3.0, size=(count, 6, 5))


def counts(rng: Generator) -> Any:
    return rng.integers(0, 9, size=(6, 5)).astype(float)


def _negative_binomial_to_poisson(rng: Generator) -> Any:
    (mu,), t = positive(rng, 1), counts(rng)
    return value("negative_binomial_nll", mu, t, np.full_like(mu, 1e-15)), value(
        "poisson_nll", mu, t, log_input=False, eps=0.0, full=True, factorial="exact"
    )


def _poisson_inputs(rng: Generator) -> Any:
    (mu,), t = positive(rng, 1), counts(rng)
    return value("poisson_nll", np.log(mu), t, full=True), value("poisson_nll", mu, t, log_input=False, eps=0.0, full=True)


def _geometric(rng: Generator) -> Any:
    (mu,), t = positive(rng, 1), counts(rng)
    return value("negative_binomial_nll", mu, t, np.ones_like(mu)), (np.log1p(mu) + t * np.log((1 + mu) / mu)).sum(axis=1)


def _student_to_normal(rng: Generator) -> Any:
    x, t, s = positive(rng)
    return value("student_t_nll", x, t, s, degrees_of_freedom=1e15), value("gaussian_nll", x, t, s * s, full=True)


def _student_is_cauchy(rng: Generator) -> Any:
    x, t, s = positive(rng)
    normalizer = (math.log(math.pi) + np.log(s)).sum(axis=1)
    return value("student_t_nll", x, t, s, degrees_of_freedom=1.0) - normalizer, value("cauchy", x / s, t / s, c=math.sqrt(0.5))


def _beta_1(rng: Generator) -> Any:
    x, t, v = positive(rng)
    evaluation, n = LOSSES["beta_nll"](x, t, v, beta=1.0), np.ones(6)
    return evaluation.gradients["predictions"](n), LOSSES["half_squared_error"](x, t).gradients["predictions"](n)


def _lognormal(rng: Generator) -> Any:
    x, t, s = positive(rng)
    return value("lognormal_nll", x, t, s), value("gaussian_nll", x, np.log(t), s * s, full=True) + np.log(t).sum(axis=1)


def _weibull_is_exponential(rng: Generator) -> Any:
    x, t, _ = positive(rng)
    return value("weibull_nll", x, t, np.ones_like(x)), value("exponential_nll", 1 / x, t)


def _crps_of_a_point(rng: Generator) -> Any:
    x, t, _ = positive(rng)
    return value("crps", x, t, np.full_like(x, 1e-30)), value("mean_absolute_error", x, t)


def _crps_of_one_member(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 6))
    return value("crps_ensemble", x[:, None], t), np.abs(x - t)


def _crps_estimators(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 5)), rng.normal(size=6)
    pairs = np.abs(x[:, :, None] - x[:, None]).sum(axis=(1, 2))
    return value("crps_ensemble", x, t) - value("crps_ensemble", x, t, estimator="fair"), pairs * (0.5 / 20 - 0.5 / 25)


def _ranked_probabilities_of_two(rng: Generator) -> Any:
    p, y = rng.uniform(size=6), rng.integers(0, 2, size=6)
    return value("ranked_probability_score", np.stack([p, 1 - p], axis=1), y), value("brier_score", p, (y == 0).astype(float))


def _interval_of_quantiles(rng: Generator) -> Any:
    low, t, high = rng.normal(size=(3, 6, 5))
    both = value("quantile", low, t, quantile=0.05) + value("quantile", high, t, quantile=0.95)
    return value("interval_score", low, high, t, alpha=0.1), both * 20


def _closed_gate(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 5)), rng.poisson(1.0, size=(6, 5)).astype(float)
    return value("zero_inflated_poisson", x, t, np.full_like(x, -40.0)), value("poisson_nll", x, t, full=True, factorial="exact")


def _closed_gate_of_more_variance(rng: Generator) -> Any:
    mu, alpha, t = rng.uniform(0.3, 3.0, size=(6, 5)), rng.uniform(0.3, 3.0, size=(6, 5)), rng.poisson(1.0, size=(6, 5)).astype(float)
    return value("zero_inflated_negative_binomial", mu, t, alpha, np.full_like(mu, -40.0)), value("negative_binomial_nll", mu, t, alpha)


def _all_zero(rng: Generator) -> Any:
    """Both kinds of zero together are as likely as the gate's and the counting's by themselves."""
    x, gate = rng.normal(size=(2, 6, 5))
    pi = 1 / (1 + np.exp(-gate))
    return value("zero_inflated_poisson", x, np.zeros_like(x), gate), -np.log(pi + (1 - pi) * np.exp(-np.exp(x))).sum(axis=1)


def _one_component(rng: Generator) -> Any:
    (mu, t), scale = rng.normal(size=(2, 6, 1)), rng.uniform(0.3, 3.0, size=(6, 1))
    return value("mixture_density", mu, scale, rng.normal(size=(6, 1)), t[:, 0]), value("gaussian_nll", mu, t, scale**2, full=True)


def _equal_components(rng: Generator) -> Any:
    (mu, t), scale = rng.normal(size=(2, 6, 1)), rng.uniform(0.3, 3.0, size=(6, 1))
    both = value("mixture_density", np.tile(mu, 3), np.tile(scale, 3), rng.normal(size=(6, 3)), t[:, 0])
    return both, value("gaussian_nll", mu, t, scale**2, full=True)


def _diagonal(rng: Generator) -> Any:
    (mu, t), scale = rng.normal(size=(2, 6, 3)), rng.uniform(0.3, 3.0, size=(6, 3))
    factor = scale[:, :, None] * np.eye(3)
    return value("multivariate_gaussian_nll", mu, t, factor), value("gaussian_nll", mu, t, scale**2, full=True)


def _one_coordinate(rng: Generator) -> Any:
    members, t = rng.normal(size=(6, 5)), rng.normal(size=6)
    return value("energy_score", members[:, :, None], t[:, None]), value("crps_ensemble", members, t)


def _cosine(rng: Generator) -> Any:
    p, y = rng.uniform(0.1, 1.0, size=(6, 4)), rng.integers(0, 4, size=6)
    return value("spherical_score", p, y), value("cosine_distance", p, np.eye(4)[y])


def _student_of_evidence(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 6, 1))
    alpha, nu, beta = 2.5, *rng.uniform(0.5, 2.0, size=(2, 6, 1))
    scale = np.sqrt(beta * (1 + nu) / (nu * alpha))
    return value("evidential_regression", x, t, nu, np.full_like(x, alpha), beta, coeff=0.0), value(
        "student_t_nll", x, t, scale, degrees_of_freedom=2 * alpha
    )


def _variogram_of_two(rng: Generator) -> Any:
    x, t = np.sort(rng.normal(size=(2, 6, 2)))
    return value("variogram_score", x[:, None], t, p=1.0), 2 * value("mean_squared_error", *(np.diff(y) for y in (x, t)))


IDENTITIES = [
    ("zero_inflated_poisson with a closed gate is poisson_nll", _closed_gate),
    ("zero_inflated_negative_binomial with a closed gate is negative_binomial_nll", _closed_gate_of_more_variance),
    ("a zero is as likely as both its reasons", _all_zero),
    ("mixture_density of one component is gaussian_nll", _one_component),
    ("mixture_density of equal components is gaussian_nll", _equal_components),
    ("multivariate_gaussian_nll of a diagonal factor is gaussian_nll", _diagonal),
    ("energy_score of one coordinate is crps_ensemble", _one_coordinate),
    ("evidential_regression without a fine is student_t_nll", _student_of_evidence),
    ("variogram_score of two coordinates is twice the squared error of their distance", _variogram_of_two),
    ("spherical_score is the cosine distance to the true class", _cosine),
    ("negative_binomial with no dispersion is poisson", _negative_binomial_to_poisson),
    ("poisson of a rate is poisson of its logarithm", _poisson_inputs),
    ("negative_binomial of dispersion 1 is geometric", _geometric),
    ("student_t of infinite degrees is gaussian", _student_to_normal),
    ("student_t of one degree is cauchy", _student_is_cauchy),
    ("beta_nll(1) gives the mean the gradient of the squared error", _beta_1),
    ("lognormal is gaussian of the logarithm", _lognormal),
    ("weibull of shape 1 is exponential", _weibull_is_exponential),
    ("tweedie of power 1 is poisson", lambda r: (value("tweedie_nll", *(p := positive(r, 2)), power=1.0), value("poisson_nll", *p))),
    ("tweedie of power 2 is gamma", lambda r: (value("tweedie_nll", *(p := positive(r, 2)), power=2.0), value("gamma_nll", *p))),
    ("gamma deviance is twice itakura_saito", lambda r: (value("gamma_deviance", *(p := positive(r, 2))), 2 * value("itakura_saito", *p))),
    (
        "poisson deviance is twice the generalized divergence",
        lambda r: (value("poisson_deviance", *(p := positive(r, 2))), 2 * value("generalized_kl_divergence", np.log(p[0]), p[1])),
    ),
    ("brier_score is the squared error", lambda r: (value("brier_score", *(p := r.uniform(size=(2, 6, 5)))), value("mean_squared_error", *p))),
    ("crps of a point is the absolute error", _crps_of_a_point),
    ("crps of one member is the absolute error", _crps_of_one_member),
    ("the fair crps differs by the spread", _crps_estimators),
    ("ranked probabilities of two classes are brier", _ranked_probabilities_of_two),
    ("interval_score is two quantile losses", _interval_of_quantiles),
]
