"""Boosting objectives for regression: gradient and Hessian of a raw score, as LightGBM, XGBoost and CatBoost define them."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.boosting._shared import Raw, raw
from service.losses.declaration import ABOVE_MINUS_ONE, ELEMENTWISE, Domain, Fraction, NonNegative, Positive, TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times
from service.losses.numerics.special import log_ratio, x_minus_log1p
from service.losses.registry import loss

RawLog = Annotated[Array, TensorSpec("n ...", gradient="default", description="raw scores, the logarithms of the means")]
Target = Annotated[Array, TensorSpec("n ...", description="true values")]
Count = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0), description="true values, at least 0")]
Amount = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0, low_open=True), description="true values, above 0")]
VariancePower = Annotated[float, annotated_types.Gt(1), annotated_types.Lt(2)]
REGRESSION = {"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 0.0, 0.4]}
POSITIVE = {"predictions": [0.5, 0.2, -0.3], "labels": [1.0, 2.0, 0.5]}


# ------------------------------------------------------------------ errors


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_squared(predictions: Raw, labels: Target) -> Evaluation:
    r"""Squared error objective: half the squared error, with Hessian 1.

    Use: Regression with gradient-boosted trees.
    Formula: \ell = \tfrac12 (f - y)^2, \quad g = f - y, \quad h = 1
    Synonyms: reg:squarederror, HalfSquaredError_objective
    Reference: Friedman, Greedy Function Approximation, 2001; LightGBM regression, XGBoost reg:squarederror, scikit-learn HalfSquaredError
    """
    error = predictions - labels
    return raw(0.5 * error * error, error, lambda: np.ones_like(error))


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_absolute(predictions: Raw, labels: Target) -> Evaluation:
    r"""Absolute error objective, with Hessian 1 (the true one is 0). The gradient at an error of 0 is 0.

    LightGBM and XGBoost afterwards replace each leaf's value by a median of residuals.

    Use: Regression with gradient-boosted trees where labels have outliers; predicts a median.
    Formula: \ell = |f - y|, \quad g = \mathrm{sign}(f - y), \quad h = 1
    Synonyms: regression_l1, reg:absoluteerror
    Reference: LightGBM regression_l1, XGBoost reg:absoluteerror, scikit-learn AbsoluteError
    """
    error = predictions - labels
    return raw(np.abs(error), np.sign(error), lambda: np.ones_like(error))


@loss(example=REGRESSION | {"alpha": 0.6}, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_huber(predictions: Raw, labels: Target, *, alpha: Positive = 0.9, convention: Literal["lightgbm", "sklearn"] = "lightgbm") -> Evaluation:
    r"""Huber objective: half the squared error up to alpha, linear beyond.

    Use: Regression with gradient-boosted trees where labels have outliers.
    Formula: \ell = \tfrac12 d^2 \text{ where } |d| \le \alpha, \text{ else } \alpha (|d| - \tfrac{\alpha}{2}), \quad g = \mathrm{clip}(d, -\alpha, \alpha), \quad d = f - y
    alpha: error at which the loss changes from quadratic to linear; scikit-learn's delta, which its boosting computes as a quantile of the errors.
    convention: the Hessian is 1 everywhere (lightgbm), or 1 inside and 0 beyond alpha (sklearn), the true one.
    Synonyms: huber_objective
    Reference: LightGBM huber, scikit-learn HuberLoss
    """
    error = predictions - labels
    slope = np.clip(error, -alpha, alpha)

    def curvature() -> Array:
        return np.ones_like(error) if convention == "lightgbm" else (np.abs(error) <= alpha).astype(error.dtype)

    return raw(slope * (error - 0.5 * slope), slope, curvature)


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_fair(predictions: Raw, labels: Target, *, fair_c: Positive = 1.0) -> Evaluation:
    r"""Fair objective: about half the squared error near zero, nearly linear for large errors.

    Use: Regression with gradient-boosted trees where labels have outliers.
    Formula: \ell = c^2 \left( \tfrac{|d|}{c} - \log(1 + \tfrac{|d|}{c}) \right), \quad g = \frac{c \, d}{|d| + c}, \quad h = \frac{c^2}{(|d| + c)^2}, \quad d = f - y
    fair_c: error at which the Hessian has fallen to a quarter.
    Synonyms: fair_objective
    Reference: LightGBM fair
    """
    error = predictions - labels
    size = np.abs(error)
    share = fair_c / (size + fair_c)
    return raw(fair_c * (fair_c * x_minus_log1p(size / fair_c)), fair_c * (error / (size + fair_c)), lambda: share * share)


@loss(example=REGRESSION | {"alpha": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_quantile(predictions: Raw, labels: Target, *, alpha: Fraction = 0.9) -> Evaluation:
    r"""Quantile objective: pinball loss, with Hessian 1 (the true one is 0). The gradient at an error of 0 is 1 - alpha (scikit-learn: -alpha).

    Use: Quantile regression and prediction intervals with gradient-boosted trees.
    Formula: \ell = \max(\alpha (y - f), (1 - \alpha)(f - y)), \quad g = 1 - \alpha \text{ where } f \ge y, \text{ else } -\alpha, \quad h = 1
    alpha: quantile to estimate; scikit-learn's and XGBoost's default is 0.5.
    Synonyms: reg:quantileerror, PinballLoss_objective
    Reference: LightGBM quantile, XGBoost reg:quantileerror, scikit-learn PinballLoss
    """
    error = predictions - labels
    slope = np.where(error >= 0, 1.0 - alpha, -alpha).astype(error.dtype)
    return raw(slope * error, slope, lambda: np.ones_like(error))


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_mape(predictions: Raw, labels: Target) -> Evaluation:
    r"""Mean absolute percentage error objective: absolute error over max(1, |label|), with Hessian 1 (the true one is 0). The gradient at an error of 0 is 0.

    Use: Regression of relative errors with gradient-boosted trees, as in demand forecasting.
    Formula: \ell = \frac{|f - y|}{\max(1, |y|)}, \quad g = \frac{\mathrm{sign}(f - y)}{\max(1, |y|)}, \quad h = 1
    Synonyms: mape_objective
    Reference: LightGBM mape
    """
    error, scale = predictions - labels, np.maximum(1.0, np.abs(labels))
    return raw(np.abs(error) / scale, np.sign(error) / scale, lambda: np.ones_like(error))


# ------------------------------------------------------------------ means through a logarithm


@loss(example=POSITIVE, hessian_diagonal=True, conventions=("hessian_diagonal",))
def boosting_poisson(
    predictions: RawLog,
    labels: Count,
    *,
    poisson_max_delta_step: NonNegative = 0.7,
    convention: Literal["lightgbm", "xgboost", "sklearn"] = "lightgbm",
) -> Evaluation:
    r"""Poisson objective: negative log-likelihood of counts whose log-mean is the score.

    Use: Regression of counts with gradient-boosted trees.
    Formula: \ell = e^f - y f, \quad g = e^f - y
    poisson_max_delta_step: increases the Hessian of lightgbm and xgboost, which shortens the steps (XGBoost's max_delta_step).
    convention: the Hessian is e^(f + poisson_max_delta_step) (lightgbm, and xgboost up to 3.4; its code of 2026 has max(e^f, y)), or e^f (sklearn), the true one.
    Synonyms: count:poisson, poisson_objective, HalfPoissonLoss_objective
    Reference: LightGBM poisson, XGBoost count:poisson, scikit-learn HalfPoissonLoss
    """
    mean = np.exp(predictions)
    step = 0.0 if convention == "sklearn" else poisson_max_delta_step
    values = np.where(np.isinf(mean), mean, mean - labels * predictions)  # e^f exceeds every y f
    return raw(values, mean - labels, lambda: np.exp(predictions + step))


@loss(example=POSITIVE, hessian_diagonal=True)
def boosting_gamma(predictions: RawLog, labels: Amount) -> Evaluation:
    r"""Gamma objective: negative log-likelihood of positive amounts whose log-mean is the score.

    XGBoost's code of 2026, after 3.4, has (2 h + 1) / 3 for the Hessian.

    Use: Regression of positive amounts with gradient-boosted trees, such as the severity of insurance claims.
    Formula: \ell = f + y e^{-f}, \quad g = 1 - y e^{-f}, \quad h = y e^{-f}
    Synonyms: reg:gamma, gamma_objective, HalfGammaLoss_objective
    Reference: LightGBM gamma, XGBoost reg:gamma, scikit-learn HalfGammaLoss
    """
    ratio = exp_times(-predictions, labels)
    return raw(predictions + ratio, 1.0 - ratio, lambda: ratio)


@loss(example=POSITIVE, hessian_diagonal=True)
def boosting_tweedie(predictions: RawLog, labels: Count, *, tweedie_variance_power: VariancePower = 1.5) -> Evaluation:
    r"""Tweedie objective: negative log-likelihood of amounts with zeros, whose log-mean is the score; between Poisson (1) and gamma (2).

    Use: Regression of amounts with many zeros with gradient-boosted trees, such as insurance claims.
    Formula: \ell = \frac{e^{(2 - \rho) f}}{2 - \rho} - \frac{y e^{(1 - \rho) f}}{1 - \rho}, \quad g = e^{(2 - \rho) f} - y e^{(1 - \rho) f}, \quad h = (2 - \rho) e^{(2 - \rho) f} - (1 - \rho) y e^{(1 - \rho) f}
    tweedie_variance_power: rho; the variance is proportional to this power of the mean.
    Synonyms: reg:tweedie, tweedie_objective, HalfTweedieLoss_objective
    Reference: LightGBM tweedie, XGBoost reg:tweedie, scikit-learn HalfTweedieLoss
    """
    up, down = 2.0 - tweedie_variance_power, tweedie_variance_power - 1.0
    rising, falling = np.exp(up * predictions), exp_times(-down * predictions, labels)
    slope = np.exp(-down * predictions) * (np.exp(predictions) - labels)  # rounds e^f - y once where they are close
    return raw(rising / up + falling / down, np.where(np.isfinite(slope), slope, rising - falling), lambda: up * rising + down * falling)


AboveMinusOne = Annotated[Array, TensorSpec("n ...", domain=ABOVE_MINUS_ONE, description="true values, above -1")]
LEAST = 1e-6  # XGBoost's, of 1 + score and of the Hessian


# ------------------------------------------------------------------ XGBoost


@loss(example=REGRESSION | {"huber_slope": 0.6}, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_pseudo_huber(predictions: Raw, labels: Target, *, huber_slope: Positive = 1.0) -> Evaluation:
    r"""Pseudo-Huber objective: about half the squared error near zero, nearly linear for large errors.

    XGBoost's code of 2026, after 3.4, has (1 + (d / delta)^2)^(-1/2) for the Hessian.

    Use: Regression with gradient-boosted trees where labels have outliers; twice differentiable.
    Formula: \ell = \delta^2 \left( \sqrt{1 + (d / \delta)^2} - 1 \right), \quad g = \frac{d}{\sqrt{1 + (d / \delta)^2}}, \quad h = \left( 1 + (d / \delta)^2 \right)^{-3/2}, \quad d = f - y
    huber_slope: delta, the slope for large errors.
    Synonyms: reg:pseudohubererror, pseudohuber_objective
    Reference: XGBoost reg:pseudohubererror
    """
    error = predictions - labels
    root = np.hypot(error, huber_slope)
    size, cosine = np.abs(error), huber_slope / root
    return raw(huber_slope * (size * (size / (huber_slope + root))), huber_slope * (error / root), lambda: cosine * cosine * cosine)


@loss(example=REGRESSION | {"alpha": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_expectile(predictions: Raw, labels: Target, *, alpha: Fraction = 0.5) -> Evaluation:
    r"""Expectile objective: half the asymmetric squared error; equal to expectile / 2.

    Use: Expectile regression with gradient-boosted trees.
    Formula: \ell = \tfrac12 w d^2, \quad g = w d, \quad h = w, \quad w = 1 - \alpha \text{ where } d \ge 0, \text{ else } \alpha, \quad d = f - y
    alpha: expectile to estimate; a single value of XGBoost's expectile_alpha.
    Synonyms: reg:expectileerror, expectile_objective
    Reference: XGBoost reg:expectileerror
    """
    error = predictions - labels
    weight = np.where(error >= 0, 1.0 - alpha, alpha).astype(error.dtype, copy=False)
    return raw((0.5 * weight * error) * error, weight * error, lambda: weight)


@loss(example=REGRESSION, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def boosting_squared_log(predictions: Raw, labels: AboveMinusOne) -> Evaluation:
    r"""Squared log error objective: half the squared difference of log(1 + score) and log(1 + label), with 1 + score at least 1e-6.

    As in XGBoost, the gradient is that at the clipped score, the clipping is ignored in the chain rule, and the Hessian is at least 1e-6.

    Use: Regression of growth with gradient-boosted trees, where relative errors matter.
    Formula: \ell = \tfrac12 e^2, \quad g = \frac{e}{1 + f}, \quad h = \max\left( \frac{1 - e}{(1 + f)^2}, 10^{-6} \right), \quad e = \log(1 + f) - \log(1 + y)
    Synonyms: reg:squaredlogerror, squaredlog_objective
    Reference: XGBoost reg:squaredlogerror
    """
    true = 1.0 + labels
    low = 1.0 + predictions < LEAST
    above = np.where(low, LEAST, 1.0 + predictions).astype(predictions.dtype, copy=False)
    error = log_ratio(above, true, np.where(low, above - true, predictions - labels).astype(predictions.dtype, copy=False))
    return raw((0.5 * error) * error, error / above, lambda: np.maximum((1.0 - error) / above / above, LEAST))
