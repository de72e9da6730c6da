"""scikit-learn's losses for boosting (`sklearn._loss`), its metrics, and scipy.special: the same values, gradients and Hessians, a line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial import distance
from sklearn import metrics
from sklearn._loss import loss as objectives
from sklearn.decomposition import _nmf

from service.losses import LOSSES, Controls, compute
from service.losses.declaration import Reduction
from service.losses.reduction import Output
from tests import required

N = 40
UNSMOOTHED = {"smooth_nr": 0.0, "smooth_dr": 0.0}
EXACT = 1e-12


def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def real() -> Any:
    return 2 * generator().normal(size=N)


def other() -> Any:
    return generator().normal(size=N) ** 3


def positive() -> Any:
    return generator().uniform(0.1, 4.0, size=N)


def counts() -> Any:
    return generator().integers(0, 5, size=N).astype(float)


def unit() -> Any:
    return generator().uniform(0.01, 0.99, size=N)[::-1].copy()


def truth() -> Any:
    return generator().integers(0, 2, size=N).astype(float)


def signs() -> Any:
    return 2 * truth() - 1


def mask() -> Any:
    return truth().reshape(1, 1, N)


def logits() -> Any:
    return 2 * generator().normal(size=(N, 4))


def probabilities() -> Any:
    return special.softmax(logits(), axis=1)


def classes() -> Any:
    return np.append(np.arange(4), generator().integers(0, 4, size=N - 4))


@dataclass(frozen=True)
class Line:
    """One of our losses with what to give it, and their function of (labels, predictions). scale: how often theirs is ours."""

    name: str
    predictions: Callable[[], Any]
    labels: Callable[[], Any]
    theirs: Any
    options: dict[str, Any] = field(default_factory=dict)
    scale: float = 1.0
    extra: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}-{getattr(self.theirs, '__name__', type(self.theirs).__name__)}"

    @property
    def tensors(self) -> dict[str, Any]:
        return {"predictions": self.predictions(), "labels": self.labels(), **{key: make() for key, make in self.extra.items()}}


OBJECTIVES = [
    Line("half_squared_error", real, other, objectives.HalfSquaredError()),
    Line("mean_absolute_error", real, other, objectives.AbsoluteError()),
    Line("quantile", real, other, objectives.PinballLoss(quantile=0.3), {"quantile": 0.3}),
    Line("huber", real, other, objectives.HuberLoss(delta=0.8), {"delta": 0.8}),
    Line("poisson_nll", real, counts, objectives.HalfPoissonLoss(), {"log_input": True, "full": False}),
    Line("binary_cross_entropy_with_logits", real, truth, objectives.HalfBinomialLoss()),
    Line("cross_entropy", logits, classes, objectives.HalfMultinomialLoss(n_classes=4)),
    Line("gamma_nll", real, positive, objectives.HalfGammaLoss()),
    Line("tweedie_nll", real, counts, objectives.HalfTweedieLoss(power=1.3), {"power": 1.3}),
    Line("boosting_squared", real, other, objectives.HalfSquaredError()),
    Line("boosting_logistic", real, truth, objectives.HalfBinomialLoss(), {"convention": "sklearn"}),
    Line("boosting_exponential", real, truth, objectives.ExponentialLoss()),
    Line("boosting_poisson", real, counts, objectives.HalfPoissonLoss(), {"convention": "sklearn"}),
    Line("boosting_gamma", real, positive, objectives.HalfGammaLoss()),
    Line("boosting_tweedie", real, counts, objectives.HalfTweedieLoss(power=1.5), {"tweedie_variance_power": 1.5}),
]

METRICS = [
    Line("mean_squared_error", real, other, metrics.mean_squared_error),
    Line("root_mean_squared_error", real, other, metrics.root_mean_squared_error),
    Line("mean_absolute_error", real, other, metrics.mean_absolute_error),
    Line("mean_squared_logarithmic_error", positive, counts, metrics.mean_squared_log_error),
    Line("root_mean_squared_log_error", positive, counts, metrics.root_mean_squared_log_error),
    Line("mean_absolute_percentage_error", real, other, metrics.mean_absolute_percentage_error, {"denominator": "sklearn"}),
    Line("relative_squared_error", real, other, lambda t, x: 1.0 - metrics.r2_score(t, x)),
    Line("pearson_correlation", real, other, lambda t, x: 1.0 - stats.pearsonr(x, t).statistic),
    Line("charbonnier", real, other, lambda t, x: np.hypot(x - t, 0.3).mean(), {"eps": 0.3}),
    Line("quantile", real, other, lambda t, x: metrics.mean_pinball_loss(t, x, alpha=0.3), {"quantile": 0.3}),
    Line("binary_cross_entropy", unit, truth, metrics.log_loss, {"clamp": "sklearn"}),
    Line("cross_entropy", probabilities, classes, metrics.log_loss, {"predictions_are": "probabilities"}),
    Line("hinge", real, signs, metrics.hinge_loss),
    Line("multiclass_hinge", logits, classes, metrics.hinge_loss, {"convention": "crammer_singer"}),
    Line("brier_score", unit, truth, metrics.brier_score_loss),
    Line("poisson_deviance", positive, counts, metrics.mean_poisson_deviance),
    Line("gamma_deviance", positive, lambda: positive()[::-1], metrics.mean_gamma_deviance),
    Line("inverse_gaussian_deviance", positive, lambda: positive()[::-1], lambda t, x: metrics.mean_tweedie_deviance(t, x, power=3)),
    *(
        Line("tweedie_deviance", positive, labels, partial(metrics.mean_tweedie_deviance, power=power), {"power": power})
        for power, labels in (
            (-1.7, other),
            (0.0, other),
            (1.0, counts),
            (1.4, counts),
            (2.0, lambda: positive()[::-1]),
            (2.6, lambda: positive()[::-1]),
        )
    ),
    Line("cross_entropy", logits, classes, lambda t, x: metrics.log_loss(t, special.softmax(x, axis=1))),
    Line("multiclass_hinge", logits, classes, metrics.hinge_loss, {"convention": "crammer_singer"}),
    Line(
        "brier_score",
        probabilities,
        lambda: np.eye(4)[classes()],
        lambda t, x: metrics.brier_score_loss(t.argmax(1), x, scale_by_half=False),
        {"over_classes": "sum"},
    ),
    Line("mean_absolute_error", truth, lambda: truth()[::-1], lambda t, x: metrics.zero_one_loss(t, x)),
    Line("dice", mask, lambda: mask()[..., ::-1], lambda t, x: 1 - metrics.f1_score(t.ravel(), x.ravel()), UNSMOOTHED),
    Line("jaccard", mask, lambda: mask()[..., ::-1], lambda t, x: 1 - metrics.jaccard_score(t.ravel(), x.ravel()), UNSMOOTHED),
    Line("mcc", mask, lambda: mask()[..., ::-1], lambda t, x: 1 - metrics.matthews_corrcoef(t.ravel(), x.ravel())),
    Line(
        "tversky",
        mask,
        lambda: mask()[..., ::-1],
        lambda t, x: 1 - metrics.fbeta_score(t.ravel(), x.ravel(), beta=2),
        UNSMOOTHED | {"alpha": 0.2, "beta": 0.8},
    ),
    Line("cosine_distance", logits, lambda: logits()[::-1], lambda t, x: metrics.pairwise.paired_cosine_distances(t, x).mean()),
]

SPECIAL = [
    Line("huber", real, other, lambda t, x: special.huber(0.8, x - t), {"delta": 0.8}),
    Line("pseudo_huber", real, other, lambda t, x: special.pseudo_huber(0.8, x - t), {"delta": 0.8}),
    Line("generalized_kl_divergence", lambda: np.log(positive()), counts, lambda t, x: special.kl_div(t, np.exp(x))),
    Line("kl_divergence", lambda: np.log(positive()), counts, lambda t, x: special.rel_entr(t, np.exp(x))),
    Line("binary_cross_entropy_with_logits", real, truth, lambda t, x: -special.log_expit((2 * t - 1) * x)),
    Line("exponential", real, signs, lambda t, x: objectives.ExponentialLoss().loss((t + 1) / 2, x)),
    Line("soft_margin", real, signs, lambda t, x: -special.log_expit(t * x)),
    Line("laplace_nll", real, other, lambda t, x: -stats.laplace.logpdf(t, x, positive()), extra={"scale": positive}),
    Line("logistic_nll", real, other, lambda t, x: -stats.logistic.logpdf(t, x, positive()), extra={"scale": positive}),
    Line("student_t_nll", real, other, lambda t, x: -stats.t.logpdf(t, 3, x, positive()), extra={"scale": positive}),
    Line("von_mises_nll", real, other, lambda t, x: -stats.vonmises.logpdf(t, positive(), x), extra={"concentration": positive}),
    Line("poisson_nll", real, counts, lambda t, x: -stats.poisson.logpmf(t, np.exp(x)), {"full": True, "factorial": "exact"}),
    Line(
        "negative_binomial_nll",
        positive,
        counts,
        lambda t, x: -stats.nbinom.logpmf(t, 1 / positive(), 1 / (1 + positive() * x)),
        extra={"dispersion": positive},
    ),
    Line("exponential_nll", positive, counts, lambda t, x: -stats.expon.logpdf(t, scale=1 / x)),
    Line(
        "weibull_nll",
        positive,
        lambda: positive()[::-1],
        lambda t, x: -stats.weibull_min.logpdf(t, positive(), scale=x),
        extra={"concentration": positive},
    ),
    Line("lognormal_nll", real, positive, lambda t, x: -stats.lognorm.logpdf(t, positive(), scale=np.exp(x)), extra={"scale": positive}),
    Line("quantile", real, other, lambda t, x: np.maximum(0.3 * (t - x), 0.7 * (x - t)), {"quantile": 0.3}),
    Line("log_cosh", real, other, lambda t, x: np.log(np.cosh(x - t))),
    Line(
        "gaussian_nll", real, other, lambda t, x: 0.5 * np.log(2 * np.pi) + 0.5 * (x - t) ** 2, {"full": True}, extra={"variance": lambda: np.ones(N)}
    ),
]


def test_distances_of_samples_are_scipys() -> None:
    x, t = generator().normal(size=(2, 7)), generator().normal(size=(2, 5)) + 0.3
    ours = required(compute(LOSSES["energy_distance"], {"predictions": x, "labels": t}, {}).per_sample)
    np.testing.assert_allclose(np.sqrt(ours), np.array([stats.energy_distance(a, b) for a, b in zip(x, t, strict=True)]), rtol=EXACT)


def test_correlated_normal_densities_are_scipys() -> None:
    x, t = generator().normal(size=(2, 6, 3))
    factor = np.tril(generator().normal(size=(6, 3, 3))) + 2.0 * np.eye(3)
    ours = required(compute(LOSSES["multivariate_gaussian_nll"], {"predictions": x, "labels": t, "scale_tril": factor}, {}).per_sample)
    theirs = [-stats.multivariate_normal.logpdf(b, a, f @ f.T) for a, b, f in zip(x, t, factor, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-11)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.7, 2.0])
def test_divergences_of_factorization_are_scikit_learns(beta: float) -> None:
    x, t = positive().reshape(8, 5), positive()[::-1].reshape(8, 5)
    ours = compute(LOSSES["beta_divergence"], {"predictions": x, "labels": t}, {"beta": beta}, Controls(reduction="sum")).value
    assert ours == pytest.approx(_nmf._beta_divergence(t, x, np.eye(5), beta), rel=1e-9)  # it raises what is below 1e-8


def lines(table: list[Line]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("line", [pytest.param(line, id=str(line)) for line in table])


def answer(line: Line, outputs: tuple[Output, ...], reduction: Reduction = "mean") -> Any:
    return compute(LOSSES[line.name], line.tensors, line.options, Controls(outputs=outputs, reduction=reduction))


@lines(OBJECTIVES)
def test_objectives_of_boosting(line: Line) -> None:
    """Value up to terms of the label alone; gradient, and Hessian where scikit-learn's is the second derivative."""
    outputs: tuple[Output, ...] = ("gradients", "per_sample")
    outputs += ("hessian_diagonal",) if LOSSES[line.name].hessian_diagonal else ()
    ours = answer(line, outputs, "sum")
    labels, predictions = line.labels().astype(float), line.predictions()
    gradients, hessians = line.theirs.gradient_hessian(labels, predictions)
    values = line.theirs.loss(labels, predictions)
    shift = line.theirs.loss(labels, np.zeros_like(predictions))
    zero = Line(line.name, lambda: np.zeros_like(line.predictions()), line.labels, line.theirs, line.options)
    np.testing.assert_allclose(ours.per_sample - answer(zero, ("per_sample",), "sum").per_sample, values - shift, rtol=EXACT, atol=EXACT)
    np.testing.assert_allclose(ours.gradients["predictions"], gradients, rtol=EXACT, atol=EXACT)
    if ours.hessian_diagonal is not None and line.theirs.constant_hessian is False:
        np.testing.assert_allclose(ours.hessian_diagonal["predictions"], hessians, rtol=EXACT, atol=EXACT)


@lines(METRICS)
def test_metrics(line: Line) -> None:
    assert line.scale * answer(line, ("value",)).value == pytest.approx(line.theirs(line.labels(), line.predictions()), rel=EXACT)


@lines(SPECIAL)
def test_special_functions(line: Line) -> None:
    ours = answer(line, ("per_element",), "sum").per_element
    np.testing.assert_allclose(ours, line.theirs(line.labels(), line.predictions()), rtol=EXACT, atol=EXACT)


PAIRS = [  # scipy's functions of two vectors, a sample each
    Line("jensen_shannon", probabilities, lambda: probabilities()[::-1], lambda t, x: distance.jensenshannon(t, x) ** 2),
    Line("kl_divergence", lambda: np.log(probabilities()), lambda: probabilities()[::-1], lambda t, x: stats.entropy(t, np.exp(x))),
    Line("wasserstein_1d", logits, lambda: 2 * logits()[::-1], stats.wasserstein_distance),
    Line("cosine_distance", logits, lambda: logits()[::-1], distance.cosine),
]


@lines(PAIRS)
def test_of_two_vectors(line: Line) -> None:
    theirs = [line.theirs(t, x) for t, x in zip(line.labels(), line.predictions(), strict=True)]
    np.testing.assert_allclose(answer(line, ("per_sample",), "sum").per_sample, theirs, rtol=EXACT, atol=EXACT)
