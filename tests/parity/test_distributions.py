"""Likelihoods against torch.distributions, and scores against scoringrules: values and gradients over random calls. Run by `make parity`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scoringrules
import torch
from numpy.random import Generator
from torch import distributions as D

from service.losses import LOSSES, Controls, compute
from tests import required
from tests.parity import test_options as options

Arrays = dict[str, Any]
Case = options.Case


def shares(rng: Generator) -> Arrays:
    return {name: rng.uniform(0.2, 20.0, size=(4, 3)) for name in ("concentration1", "concentration0")} | {"labels": rng.uniform(size=(4, 3))}


def compositions(rng: Generator) -> Arrays:
    return {"concentration": rng.uniform(0.2, 20.0, size=(4, 3)), "labels": rng.dirichlet(np.ones(3), size=4)}


def amounts(rng: Generator) -> Arrays:
    return {name: rng.uniform(0.2, 20.0, size=(4, 3)) for name in ("concentration", "rate", "labels")}


def trials(rng: Generator) -> Arrays:
    total = rng.integers(1, 30, size=(4, 3))
    return {"predictions": rng.normal(size=(4, 3)), "total_count": total, "labels": rng.integers(0, total + 1)}


def normals(rng: Generator) -> Arrays:
    return {name: rng.normal(size=(4, 3)) for name in ("mean", "log_variance", "prior_mean", "prior_log_variance")}


def divergence(t: Any) -> torch.Tensor:
    """Divergences of latent dimensions, (n, ...)."""
    return D.kl_divergence(D.Normal(t.mean, (0.5 * t.log_variance).exp()), D.Normal(t.prior_mean, (0.5 * t.prior_log_variance).exp()))


def aligned(rng: Generator) -> Arrays:
    arrays: Arrays = {name: rng.normal(size=(3, 4, 5)) for name in ("predictions", "labels")}
    return arrays | {"mask": (rng.random((3, 4, 5)) < 0.7).astype(int)}


def midas(t: Any) -> torch.Tensor:
    """Ranftl et al., equations 4 to 6: scale and shift solve two normal equations; the squared errors over twice the pixels."""
    x, y, m = t.predictions.flatten(1), t.labels.flatten(1), t.mask.flatten(1).double()
    a00, a01, a11 = (m * x * x).sum(1), (m * x).sum(1), m.sum(1)
    b0, b1 = (m * x * y).sum(1), (m * y).sum(1)
    det = a00 * a11 - a01 * a01
    scale, shift = (a11 * b0 - a01 * b1) / det, (a00 * b1 - a01 * b0) / det
    return (m * (scale[:, None] * x + shift[:, None] - y) ** 2).sum() / (2 * m.sum())


def modes(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(6, 3)), "weight_logits": rng.normal(size=(6, 3)), "labels": rng.integers(0, 7, size=6).astype(float)}


def mixed(t: Any) -> torch.Tensor:
    mixture = D.MixtureSameFamily(D.Categorical(logits=t.weight_logits), D.Poisson(t.predictions.exp()))
    return -mixture.log_prob(t.labels).mean()


CASES = [
    Case("poisson_mixture", "torch", modes, mixed),
    Case("beta_nll_distribution", "torch", shares, lambda t: -D.Beta(t.concentration1, t.concentration0).log_prob(t.labels).mean()),
    Case("dirichlet_nll", "torch", compositions, lambda t: -D.Dirichlet(t.concentration).log_prob(t.labels).mean()),
    Case("gamma_nll_distribution", "torch", amounts, lambda t: -D.Gamma(t.concentration, t.rate).log_prob(t.labels).mean()),
    Case("binomial_nll", "torch", trials, lambda t: -D.Binomial(t.total_count.double(), logits=t.predictions).log_prob(t.labels.double()).mean()),
    Case("gaussian_kl", "torch", normals, lambda t: divergence(t).sum() / len(t.mean)),
    Case("gaussian_kl", "free bits", normals, lambda t: divergence(t).clamp(min=0.7).sum() / len(t.mean), {"free_bits": 0.7}),
    Case("scale_shift_invariant_depth", "MiDaS' normal equations", aligned, midas),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_likelihoods_are_torchs(case: Case) -> None:
    options.test_value_and_gradients_are_the_library_s(case)


SCORES = {
    "crps": lambda t, x, s: scoringrules.crps_normal(t, x, s),
    "crps_logistic": lambda t, x, s: scoringrules.crps_logistic(t, x, s),
    "crps_laplace": lambda t, x, s: scoringrules.crps_laplace(t, x, s),
    "crps_student_t": lambda t, x, s: scoringrules.crps_t(t, 3.0, x, s),
    "crps_lognormal": lambda t, x, s: scoringrules.crps_lognormal(t, x, s),
    "crps_exponential": lambda t, x, s: scoringrules.crps_exponential(t, x),
    "crps_poisson": lambda t, x, s: scoringrules.crps_poisson(t, x),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_scoringrules(name: str) -> None:
    """The library has values alone; the tests of derivatives hold our gradients to them."""
    rng = np.random.default_rng(0)
    x, t, scale = rng.uniform(0.1, 4.0, size=(3, 50))
    arrays = {"predictions": x, "labels": np.floor(t).astype(int) if name == "crps_poisson" else t}
    arrays |= {"scale": scale} if any(item.name == "scale" for item in LOSSES[name].inputs) else {}
    ours = required(compute(LOSSES[name], arrays, {}, Controls(outputs=("per_sample",))).per_sample)
    np.testing.assert_allclose(ours, SCORES[name](arrays["labels"], x, scale), rtol=1e-12)


def test_weighted_intervals_are_scoringrules_but_for_its_median() -> None:
    """Version 0.10 adds the weighted median in place of its absolute error."""
    rng = np.random.default_rng(0)
    ends, median, t = np.sort(rng.normal(size=(50, 6)), axis=1), rng.normal(size=50), rng.normal(size=50)
    arrays = {"lower": ends[:, :3], "upper": ends[:, :2:-1].copy(), "median": median, "labels": t, "alphas": np.array([0.1, 0.4, 0.7])}
    ours = required(compute(LOSSES["weighted_interval_score"], arrays, {}, Controls(outputs=("per_sample",))).per_sample)
    theirs = scoringrules.weighted_interval_score(t, median, arrays["lower"], arrays["upper"], arrays["alphas"])
    np.testing.assert_allclose(ours - theirs, 0.5 * (np.abs(t - median) - median) / 3.5, rtol=1e-12, atol=1e-14)
