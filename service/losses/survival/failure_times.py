"""Accelerated failure times: the logarithm of the time until an event has a location and a scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import Bound, Domain, Positive, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid, softplus
from service.losses.numerics.normal import LOG_ROOT_2PI, minus_log_of_interval
from service.losses.registry import loss

LogTime = Annotated[Array, TensorSpec("n", gradient="default", description="predicted location of the logarithm of the time")]
Bounds = Annotated[Array, TensorSpec("n", domain=Domain(low=0))]
RightCensored = Annotated[
    Array,
    TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 where the time is above lower_bound, and upper_bound is unused"),
]
ROUNDED = Bound(2e-13, 1e-12, "an exponential of (log t - x) / scale, rounded, multiplies its rounding by its size")


@dataclass(frozen=True)
class Standardized:
    """Bounds as z = (log t - x) / scale. wide: the length of the interval in z, computed without cancellation."""

    low: Array
    high: Array
    wide: Array


Pointwise = tuple[Array, Array]  # minus the log-likelihood, and its slope on z


def _normal_at(z: Array) -> Pointwise:
    return 0.5 * z * z + LOG_ROOT_2PI, z


def _logistic_at(z: Array) -> Pointwise:
    return softplus(z) + softplus(-z), np.tanh(0.5 * z)


def _extreme_at(z: Array) -> Pointwise:
    return np.exp(z) - z, np.expm1(z)


def _logistic_between(z: Standardized) -> Pointwise:
    return softplus(z.low) + softplus(-z.high) - np.log(-np.expm1(-z.wide)), sigmoid(z.low) - sigmoid(-z.high)


def _extreme_between(z: Standardized) -> Pointwise:
    """Evaluate the extreme value distribution: survival is exp(-w) with w = exp(z), and the difference exp(-w_low) (1 - exp(-(w_high - w_low)))."""
    low = np.exp(z.low)
    growth = np.where(z.wide > 1, np.exp(z.high) - low, low * np.expm1(np.minimum(z.wide, 1.0)))
    small = np.where(np.isinf(z.low), z.high, z.low + np.log(np.expm1(z.wide)))  # log of a growth that may underflow
    chance = np.where(growth < 1e-20, small, np.where(growth < 0.5, np.log(-np.expm1(-growth)), np.log1p(-np.exp(-growth))))
    rate = np.where(growth == 0, 1.0, np.where(growth > 1e3, 0.0, growth / np.expm1(np.minimum(growth, 1e3))))
    return low - chance, low - rate


def _normal_between(z: Standardized) -> Pointwise:
    return minus_log_of_interval(z.low, z.high, z.wide)


AT = {"normal": _normal_at, "logistic": _logistic_at, "extreme": _extreme_at}
BETWEEN = {"normal": _normal_between, "logistic": _logistic_between, "extreme": _extreme_between}


@loss(
    example={"predictions": [1.0, 0.5, 2.0], "lower_bound": [3.0, 1.0, 4.0], "upper_bound": [3.0, 2.0, 4.0], "right_censored": [0, 0, 1]},
    bound=ROUNDED,
)
def aft(
    predictions: LogTime,
    lower_bound: Bounds,
    upper_bound: Bounds,
    *,
    right_censored: RightCensored | None = None,
    distribution: Literal["normal", "logistic", "extreme"] = "normal",
    scale: Positive = 1.0,
) -> Evaluation:
    r"""Negative log-likelihood of an accelerated failure time model, log t = x + scale * noise.

    Equal bounds mean an observed time; lower_bound 0 means left-censored, and right_censored 1 is XGBoost's infinite upper bound. The
    differences of the distribution function are accurate in its tails, where XGBoost clips them from below at 1e-12.

    Use: Survival analysis: the time of an event, with censored times, also in boosting.
    Formula: \ell = -\log \frac{f(z)}{\sigma t} \text{ or } -\log \left( F(z_u) - F(z_l) \right), \quad z = \frac{\log t - x}{\sigma}
    lower_bound: lower bound of the time.
    upper_bound: upper bound of the time.
    distribution: distribution of the noise: normal, logistic, or extreme (the logarithm of an exponential time, which makes Weibull times).
    scale: sigma, scale of the noise.
    Synonyms: aft_loss, survival_aft, AFTLoss, accelerated_failure_time
    Reference: Barnwal, Cho and Hocking, Survival regression with accelerated failure time model in XGBoost, 2020, arXiv:2006.04920, section 2
    """
    censored = np.zeros(len(predictions), bool) if right_censored is None else right_censored == 1
    _check_bounds(lower_bound, upper_bound, censored)
    exact = (lower_bound == upper_bound) & ~censored
    log_low = np.log(lower_bound)
    span = np.divide(upper_bound - lower_bound, lower_bound, out=np.full_like(lower_bound, np.inf), where=lower_bound > 0)
    wide = np.where(span < 1.0, np.log1p(np.minimum(span, 1.0)), np.log(upper_bound) - log_low)
    low = (log_low - predictions) / scale
    high = np.where(censored, np.inf, (np.log(upper_bound) - predictions) / scale).astype(low.dtype)
    at, at_slope = AT[distribution](low)
    between, slope = BETWEEN[distribution](Standardized(low, high, np.where(censored, np.inf, wide / scale).astype(low.dtype)))
    values = np.where(exact, at + (math.log(scale) + log_low), between).astype(low.dtype, copy=False)
    slopes = (np.where(exact, at_slope, slope) / -scale).astype(low.dtype, copy=False)
    return elementwise(values, {"predictions": lambda c: c * slopes})


def _check_bounds(lower: Array, upper: Array, censored: Array) -> None:
    for bad, message in (
        ((upper < lower) & ~censored, "out of order; expected lower_bound <= upper_bound"),
        ((upper == 0) & ~censored, "out of range; expected a positive time, got 0"),
    ):
        if bad.any():
            raise InvalidTensor("upper_bound", message, (int(np.argmax(bad)),))
