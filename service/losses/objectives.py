"""Objectives of gradient boosting that one library has alone: raw scores in, with that library's gradients and Hessians.

As in the family boosting, hessian_diagonal is what the library uses in its place where the docstring says so.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.boosting import REGRESSION, Raw, Target, raw
from service.losses.core import ELEMENTWISE, BinaryLogits, Evaluation, Fraction, Positive, ProbabilityLabel, loss
from service.losses.numerics import elementwise, exp_times, sigmoid, softplus
from service.losses.regression import ABOVE_MINUS_ONE
from service.losses.special import expm1_minus, log_ratio, times_exp, x_minus_log1p
from service.losses.tensors import UNIT, Array, Domain, Tensor

AboveMinusOne = Annotated[Array, Tensor("n ...", domain=ABOVE_MINUS_ONE, description="true values, above -1")]
ZeroOrOne = Annotated[Array, Tensor("n ...", kind="integer", domain=Domain(values=(0, 1)), description="true classes, 0 or 1")]
Share = Annotated[Array, Tensor("n ...", domain=UNIT, description="true probabilities, mostly 0 or 1")]
RowWeight = Annotated[Array, Tensor("n ...", domain=Domain(low=0, low_open=True), description="how many trials each row stands for, above 0")]

SIGNS = {"predictions": [0.8, -1.2, 2.0], "labels": [1, 0, 0]}
LEAST = 1e-6  # XGBoost's, of 1 + score and of the Hessian
SMALLEST = float(np.finfo(np.float32).tiny)

# ------------------------------------------------------------------ XGBoost


@loss(example=REGRESSION | {"huber_slope": 0.6}, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_pseudo_huber(predictions: Raw, labels: Target, *, huber_slope: Positive = 1.0) -> Evaluation:
    r"""A smooth Huber loss: half the squared error near zero, nearly linear far out.

    XGBoost's code of 2026, after 3.4, has (1 + (d / delta)^2)^(-1/2) for the Hessian.

    Formula: \ell = \delta^2 \left( \sqrt{1 + (d / \delta)^2} - 1 \right), \quad g = \frac{d}{\sqrt{1 + (d / \delta)^2}}, \quad h = \left( 1 + (d / \delta)^2 \right)^{-3/2}, \quad d = f - y
    huber_slope: delta, the slope far out.
    Synonyms: reg:pseudohubererror, pseudohuber_objective
    Reference: XGBoost reg:pseudohubererror
    """
    error = predictions - labels
    root = np.hypot(error, huber_slope)
    size, cosine = np.abs(error), huber_slope / root
    return raw(huber_slope * (size * (size / (huber_slope + root))), huber_slope * (error / root), cosine * cosine * cosine)


@loss(example=REGRESSION | {"alpha": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_expectile(predictions: Raw, labels: Target, *, alpha: Fraction = 0.5) -> Evaluation:
    r"""Half the asymmetric squared error of one expectile: half of expectile.

    Formula: \ell = \tfrac12 w d^2, \quad g = w d, \quad h = w, \quad w = 1 - \alpha \text{ where } d \ge 0, \text{ else } \alpha, \quad d = f - y
    alpha: XGBoost's expectile_alpha, of which this is the objective for a single one.
    Synonyms: reg:expectileerror, expectile_objective
    Reference: XGBoost reg:expectileerror
    """
    error = predictions - labels
    weight = np.where(error >= 0, 1.0 - alpha, alpha).astype(error.dtype, copy=False)
    return raw((0.5 * weight * error) * error, weight * error, weight)


@loss(example=REGRESSION, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def boosting_squared_log(predictions: Raw, labels: AboveMinusOne) -> Evaluation:
    r"""Half the squared difference of logarithms of one plus the numbers; one plus the score is raised to 1e-6.

    The gradient is that at the raised score and passes as if nothing had been raised; the Hessian is at least 1e-6 (XGBoost).

    Formula: \ell = \tfrac12 e^2, \quad g = \frac{e}{1 + f}, \quad h = \max\left( \frac{1 - e}{(1 + f)^2}, 10^{-6} \right), \quad e = \log(1 + f) - \log(1 + y)
    Synonyms: reg:squaredlogerror, squaredlog_objective
    Reference: XGBoost reg:squaredlogerror
    """
    true = 1.0 + labels
    low = 1.0 + predictions < LEAST
    above = np.where(low, LEAST, 1.0 + predictions).astype(predictions.dtype, copy=False)
    error = log_ratio(above, true, np.where(low, above - true, predictions - labels).astype(predictions.dtype, copy=False))
    return raw((0.5 * error) * error, error / above, np.maximum((1.0 - error) / above / above, LEAST))


@loss(example=SIGNS, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_hinge(predictions: Raw, labels: ZeroOrOne) -> Evaluation:
    r"""The hinge loss of two classes, 0 and 1. The gradient at the kink is 0.

    The Hessian is 1 where there is a gradient and float32's smallest normal number elsewhere; the true one is 0 (XGBoost).

    Formula: \ell = \max(0, 1 - s f), \quad g = -s [s f < 1], \quad h = [s f < 1], \quad s = 2 y - 1
    Synonyms: binary:hinge, hinge_objective
    Reference: XGBoost binary:hinge
    """
    signs = (2 * labels - 1).astype(predictions.dtype)
    short = 1.0 - signs * predictions
    within = short > 0
    return raw(np.maximum(short, 0.0), np.where(within, -signs, 0.0).astype(short.dtype), np.where(within, 1.0, SMALLEST).astype(short.dtype))


# ------------------------------------------------------------------ scikit-learn


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True)
def boosting_exponential(predictions: BinaryLogits, labels: ProbabilityLabel) -> Evaluation:
    r"""AdaBoost's loss of two classes, 0 and 1; the score is half the log-odds.

    Formula: \ell = y e^{-f} + (1 - y) e^f, \quad g = -y e^{-f} + (1 - y) e^f, \quad h = \ell
    predictions: raw scores; the sigmoid of twice them is the probability.
    labels: true classes, 0 or 1, or the probability of 1.
    Synonyms: ExponentialLoss_objective, adaboost_objective
    Reference: Friedman, Hastie and Tibshirani, Additive Logistic Regression, 2000, Annals of Statistics 28; scikit-learn ExponentialLoss
    """
    up, down = exp_times(predictions, 1.0 - labels), exp_times(-predictions, labels)
    return elementwise(
        up + down,
        {"predictions": lambda c: c * (up - down), "labels": lambda c: (-2.0 * c) * np.sinh(predictions)},
        {"predictions": lambda c: c * (up + down), "labels": lambda c: np.zeros_like(c * up)},
    )


# ------------------------------------------------------------------ LightGBM


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.3, 0.0], "weight": [1.0, 2.0, 5.0]}, hessian_diagonal=True)
def boosting_cross_entropy_lambda(predictions: BinaryLogits, labels: Share, *, weight: RowWeight | None = None) -> Evaluation:
    r"""Cross entropy of the probability that at least one of `weight` trials hits, each at the rate softplus of the score.

    With weight 1, or none, it is boosting_cross_entropy; the weight is a part of the loss, and no factor of it.

    Formula: \ell = -(1 - y) \log(1 - z) - y \log z, \quad z = 1 - e^{-w \lambda}, \; \lambda = \log(1 + e^f), \quad g = \left( 1 - \frac{y}{z} \right) w \sigma(f)
    predictions: raw scores; the softplus of them is the rate.
    Synonyms: xentlambda, cross_entropy_lambda
    Reference: LightGBM cross_entropy_lambda
    """
    f, y = predictions, labels
    w = np.ones_like(f) if weight is None else weight
    low = f < -40.0  # softplus(f) is e^f there
    rate = softplus(f)
    u = np.where(low, times_exp(w, f), w * rate).astype(f.dtype, copy=False)
    growth = np.expm1(u)  # z / (1 - z)
    win, lose = sigmoid(f), sigmoid(-f)
    log_u = np.log(w) + np.where(low, f, np.log(rate))
    log_z = np.where(u < 0.5, np.where(u < 1e-17, log_u, np.log(-np.expm1(-u))), np.log1p(-np.exp(-u))).astype(f.dtype, copy=False)
    # w sigma / growth: each of the two quotients tends to 1
    pull = np.where(low, 1.0, win / rate) * np.where(u < 1e-17, 1.0, np.where(np.isinf(growth), 0.0, u / growth))
    pull = pull.astype(f.dtype, copy=False)

    def curvature() -> Array:
        """W sigma (1 - sigma) (1 - y) + y d pull: with x = e^f it is y (w x e^u - growth) w sigma (1 - sigma) / growth^2."""
        x = np.exp(np.minimum(f, 1.0))
        excess = w * x_minus_log1p(x) - expm1_minus(u)  # w x - growth
        ratio = np.where((u < 1e-8) & (x < 1e-8), 0.5 * (1.0 - w) * x, excess / growth)
        of_true = (w * win) * pull + np.where(u < 0.5, lose * pull * ratio, pull * pull - lose * pull)
        return ((1.0 - y) * (w * win * lose) + y * of_true).astype(f.dtype, copy=False)

    return elementwise(
        (1.0 - y) * u - np.where(y == 0, 0.0, y * log_z).astype(f.dtype, copy=False),
        {"predictions": lambda c: c * ((1.0 - y) * (w * win) - y * pull)},
        {"predictions": lambda c: c * curvature()},
    )
