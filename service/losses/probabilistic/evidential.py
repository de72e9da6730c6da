"""Evidential losses: a network predicts the parameters of a distribution over predictions, which quantifies its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import Domain, NonNegative, Real, RealLabel, TensorSpec
from service.losses.evaluation import Evaluation, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.softmax import sum_of_others
from service.losses.numerics.special import HALF_LOG_TWO_PI, LARGE, digamma_increment, lgamma_increment
from service.losses.registry import loss

ABOVE_0 = Domain(low=0, low_open=True)
Evidence = Annotated[Array, TensorSpec("n ...", domain=ABOVE_0, gradient="default", description="virtual observations of the mean")]
Shape = Annotated[
    Array,
    TensorSpec("n ...", domain=Domain(low=1, low_open=True), gradient="default", description="shape of the inverse gamma distribution, above 1"),
]
Rate = Annotated[Array, TensorSpec("n ...", domain=ABOVE_0, gradient="default", description="scale of the inverse gamma distribution")]
ClassEvidence = Annotated[Array, TensorSpec("n c", domain=Domain(low=0), gradient="default", description="evidence for each class, at least 0")]
TrueClass = Annotated[Array, TensorSpec("n", kind="integer", below="c", description="index of the true class")]
TRIGAMMA = (1.0, 1 / 2, 1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)  # of 1 / z, 1 / z^2, then 1 / z^3, 1 / z^5, ...
POWERS = (1, 2, 3, 5, 7, 9, 11, 13, 15)


@loss(
    example={"predictions": [0.5, 0.2], "labels": [1.0, 2.0], "nu": [1.0, 0.5], "alpha": [2.0, 1.5], "beta": [1.0, 0.5]},
    hessian_diagonal=True,
)
@in_float64
def evidential_regression(predictions: Real, labels: RealLabel, nu: Evidence, alpha: Shape, beta: Rate, *, coeff: NonNegative = 0.01) -> Evaluation:
    r"""Evidential regression: negative log-likelihood under a normal-inverse-gamma distribution, plus a penalty on evidence where the error is large.

    The likelihood is Student's t: 2 alpha degrees of freedom, squared scale beta (1 + nu) / (nu alpha). The gradient of the penalty at an error of 0 is 0.

    Use: Regression with uncertainty of the model and of the data in one pass.
    Formula: \ell = \tfrac{1}{2} \log \tfrac{\pi}{\nu} - \alpha \log \Omega + \left( \alpha + \tfrac{1}{2} \right) \log \left( (t - \gamma)^2 \nu + \Omega \right) + \log \frac{\Gamma(\alpha)}{\Gamma(\alpha + \frac{1}{2})} + \lambda |t - \gamma| (2 \nu + \alpha), \quad \Omega = 2 \beta (1 + \nu)
    predictions: gamma, the predicted means.
    nu: number of virtual observations of the mean, above 0.
    alpha: shape of the variance's distribution, above 1.
    beta: scale of the variance's distribution, above 0.
    coeff: lambda, weight of the penalty; 0.01 in the paper's experiments.
    Synonyms: EvidentialRegression, NIG_NLL, deep_evidential_regression, nig, normal_inverse_gamma_nll
    Reference: Amini et al., Deep Evidential Regression, 2020, arXiv:1910.02600, equations 8 to 10
    """
    error = predictions - labels
    share = np.where(nu < 1.0, nu / (1.0 + nu), 1.0 / (1.0 + 1.0 / nu))
    z = error * (np.sqrt(share) / np.sqrt(beta)) / np.sqrt(2.0)
    y = np.clip(z, -1e77, 1e77)  # beyond it all but the logarithm has reached its limit
    u = y * y
    log_far = 2.0 * (np.log(np.abs(error)) + 0.5 * (np.log(share) - np.log(beta) - np.log(2.0)))
    growth = np.where(np.abs(z) < 1e77, np.log1p(u), log_far)
    part = u / (1.0 + u)
    balance = alpha * part - 0.5 / (1.0 + u)
    away = np.abs(error)
    bend = (alpha + 0.5) * (part / (1.0 + u))

    def slope() -> Array:
        return (2.0 * alpha + 1.0) / (error + 2.0 * (beta / error) / share) + coeff * np.sign(error) * (2.0 * nu + alpha)

    def curvature() -> Array:
        return (2.0 * alpha + 1.0) * ((1.0 - u) / (1.0 + u) / (1.0 + u)) * (0.5 * share / beta)

    def by_alpha() -> Array:
        return growth - np.log1p(0.5 / alpha) - digamma_increment(alpha, np.full_like(alpha, 0.5)) / alpha / alpha + coeff * away

    def bend_by_alpha() -> Array:
        return trigamma_decrement(alpha, np.full_like(alpha, 0.5))

    def bend_by_nu() -> Array:
        return (bend - (1.0 + 2.0 * nu) * balance) / (nu * (1.0 + nu)) / (nu * (1.0 + nu))

    constant = HALF_LOG_TWO_PI + 0.5 * _log_scale(beta, share, alpha) - lgamma_increment(alpha, np.full_like(alpha, 0.5))
    return elementwise(
        (alpha + 0.5) * growth + constant + coeff * (away * (2.0 * nu + alpha)),
        {
            "predictions": lambda c: c * slope(),
            "labels": lambda c: -c * slope(),
            "nu": lambda c: c * (balance / nu / (1.0 + nu) + 2.0 * coeff * away),
            "alpha": lambda c: c * by_alpha(),
            "beta": lambda c: -c * (balance / beta),
        },
        {
            "predictions": lambda c: c * curvature(),
            "labels": lambda c: c * curvature(),
            "nu": lambda c: c * bend_by_nu(),
            "alpha": lambda c: c * bend_by_alpha(),
            "beta": lambda c: c * ((balance + bend) / beta / beta),
        },
    )


def _log_scale(beta: Array, share: Array, alpha: Array) -> Array:
    """Return log(beta / (share alpha)), by the quotient where it is in range."""
    first = beta / alpha
    quotient = first / share
    within = (first > 1e-290) & (quotient < np.inf)
    return np.where(within, np.log(quotient), np.log(beta) - np.log(alpha) - np.log(share))


@loss(example={"predictions": [[4.0, 1.0, 0.0], [0.5, 0.2, 0.1]], "labels": [0, 1]})
@in_float64
def evidential_classification(predictions: ClassEvidence, labels: TrueClass, *, form: Literal["mse", "log", "digamma"] = "mse") -> Evaluation:
    r"""Evidential classification: expected loss of class probabilities with a Dirichlet distribution, whose parameters are the evidence plus 1.

    The evidence is a network's output after a ReLU, softplus or exponential. The paper's annealed divergence from the uniform distribution,
    which reduces the evidence for wrong classes, is not included.

    Use: Classification with uncertainty of the model in one pass.
    Formula: \sum_k (y_k - p_k)^2 + \frac{p_k (1 - p_k)}{S + 1}, \quad \log S - \log \alpha_y, \quad \psi(S) - \psi(\alpha_y); \quad \alpha = e + 1, \; S = \sum_k \alpha_k, \; p = \alpha / S
    predictions: e, the evidence.
    form: mse: the expected squared error, the paper's choice (equation 5); log: minus the log of the marginal likelihood (3); digamma: the expected cross entropy (4).
    Divisor: the number of samples
    Synonyms: EDLLoss, edl_loss, edl_mse_loss, edl_log_loss, edl_digamma_loss, evidential_deep_learning, dirichlet_bayes_risk
    Reference: Sensoy, Kaplan and Kandemir, Evidential Deep Learning to Quantify Classification Uncertainty, 2018, arXiv:1806.01768, equations 3 to 5
    """
    true = np.arange(predictions.shape[1]) == labels[:, None]
    alpha = predictions + 1.0
    own = alpha[true]
    others = np.where(true, 0.0, alpha).sum(axis=1)
    values, by_own, by_others = {"mse": _squares, "log": _logarithm, "digamma": _digammas}[form](alpha, true, own, others)
    return elementwise(values, {"predictions": lambda c: c[:, None] * np.where(true, by_own()[:, None], by_others())})


Parts = tuple[Array, Callable[[], Array], Callable[[], Array]]  # values, and slopes by the true class's parameter and by all others


def _logarithm(alpha: Array, true: Array, own: Array, others: Array) -> Parts:
    total = own + others
    return np.log1p(others / own), lambda: -(others / own) / total, lambda: 1.0 / total[:, None]


def _digammas(alpha: Array, true: Array, own: Array, others: Array) -> Parts:
    values = np.log1p(others / own) + digamma_increment(own, others) / own / own
    return values, lambda: -trigamma_decrement(own, others), lambda: _trigamma(own + others)[:, None]


def _squares(alpha: Array, true: Array, own: Array, others: Array) -> Parts:
    """Compute by p(1 - p) and the others' squares, all non-negative, with 1 - p as the others' share."""
    total = own + others
    p = alpha / total[:, None]
    wrong = np.where(true, 0.0, p)
    square = (wrong * wrong).sum(axis=1)
    miss = others / total
    complement = sum_of_others(alpha) / total[:, None]
    variance = (own / total) * miss + (wrong * complement).sum(axis=1)
    across = variance / (total + 1.0) / (total + 1.0)

    def by_own() -> Array:
        return -2.0 * (miss * (others + 1.0) / total + square) / (total + 1.0) - across

    def by_others() -> Array:
        shift = (own / total) * (others + 1.0) / total
        beyond = p * complement - sum_of_others(wrong * wrong)  # p minus all wrong classes' squares
        return 2.0 * (shift[:, None] + beyond) / (total + 1.0)[:, None] - across[:, None]

    return miss * miss + square + variance / (total + 1.0), by_own, by_others


def _trigamma(z: Array) -> Array:
    from scipy.special import zeta

    return np.asarray(zeta(2.0, z))


def trigamma_decrement(z: Array, t: Array) -> Array:
    """Return psi'(z) - psi'(z + t) for z > 0 and t >= 0, without cancellation where t is small relative to z."""
    low = z < LARGE
    shifted = np.where(low, z + LARGE, z)
    growth = np.log1p(t / shifted)
    out = sum(-c * np.expm1(-k * growth) / shifted**k for c, k in zip(TRIGAMMA, POWERS, strict=True))
    steps = sum((t / (z + k + t)) * (1.0 + (z + k) / (z + k + t)) / (z + k) / (z + k) for k in range(int(LARGE)))
    return np.asarray(out + np.where(low, steps, 0.0))
