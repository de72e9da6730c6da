"""Elementwise distances between an estimate and a true number.

Throughout, error = predictions - labels. Each docstring states the gradient at a kink.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import ABOVE_MINUS_ONE, ELEMENTWISE, UNIT, ElementWeight, Fraction, NonNegative, Positive, Real, RealLabel, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import LN2, per_sample_size
from service.losses.numerics.softmax import sum_of_others
from service.losses.numerics.special import log_ratio, times_exp
from service.losses.registry import loss
from service.losses.regression._shared import EXAMPLE, by_error

AboveMinusOne = Annotated[Array, TensorSpec("n ...", domain=ABOVE_MINUS_ONE, gradient="default", description="estimates, above -1")]
LabelAboveMinusOne = Annotated[Array, TensorSpec("n ...", domain=ABOVE_MINUS_ONE, gradient="on request", description="true values, above -1")]

QuantileForecast = Annotated[Array, TensorSpec("n ... q", gradient="default", description="estimates of each quantile")]
QuantileLevels = Annotated[
    Array, TensorSpec("q", domain=UNIT, description="quantiles to estimate, in [0, 1], as the last axis of predictions has them")
]


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def mean_squared_error(predictions: Real, labels: RealLabel, *, weight: ElementWeight | None = None) -> Evaluation:
    r"""Squared error, without a factor 1/2.

    Use: Regression, the usual first choice; predicts a mean.
    Search: regression
    Formula: \ell = (x - t)^2
    Where: x `predictions`; t `labels`
    Divisor: the sum of the element weights (the number of elements without them)
    Synonyms: MSELoss, MSE, mse_loss, MeanSquaredError, L2, squared_error, quadratic
    Equivalents: torch.nn.MSELoss, torch.nn.functional.mse_loss, keras.losses.MeanSquaredError, keras.losses.mean_squared_error,
        optax.losses.squared_error, sklearn.metrics.mean_squared_error
    Unlike: sklearn.metrics.mean_tweedie_deviance its power chooses among mean_squared_error (0, its default), poisson_deviance (1), gamma_deviance (2) and others, as tweedie_deviance does
    Reference: Gauss, Theoria motus corporum coelestium, 1809
    """
    error = predictions - labels
    return elementwise(
        error * error,
        {"predictions": lambda c: (2 * c) * error, "labels": lambda c: (-2 * c) * error},
        {name: lambda c: 2 * c * np.ones_like(error) for name in ("predictions", "labels")},
        weight=weight,
        weighted=None if weight is None else weight * error * error,
        masked=False,
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def mean_absolute_error(predictions: Real, labels: RealLabel, *, weight: ElementWeight | None = None) -> Evaluation:
    r"""Absolute error. The gradient at an error of 0 is 0, as in torch.

    Use: Regression with outliers, where errors of all sizes count alike; predicts a median.
    Formula: \ell = |x - t|
    Where: x `predictions`; t `labels`
    Divisor: the sum of the element weights (the number of elements without them)
    Synonyms: L1Loss, MAE, L1, l1_loss, MeanAbsoluteError, absolute_error
    Equivalents: torch.nn.L1Loss, torch.nn.functional.l1_loss, keras.losses.MeanAbsoluteError, keras.losses.mean_absolute_error,
        sklearn.metrics.mean_absolute_error
    Reference: Laplace, Mémoire sur la probabilité des causes par les évènemens, 1774
    """
    error = predictions - labels
    return by_error(np.abs(error), lambda: np.sign(error), lambda: np.zeros_like(error), weight=weight)


@loss(example=EXAMPLE | {"beta": 0.4}, hessian_diagonal=True, bound=ELEMENTWISE)
def smooth_l1(predictions: Real, labels: RealLabel, *, beta: NonNegative = 1.0) -> Evaluation:
    r"""Smooth L1 loss: quadratic up to beta, linear beyond; the box loss of Fast R-CNN.

    smooth_l1(beta) is huber(delta=beta) / beta. torchvision's detectors use beta 1/9, detectron2's 0.

    Use: Regression with outliers, and bounding box regression in object detection.
    Formula: \ell = \frac{e^2}{2\beta} \text{ where } |e| < \beta, \text{ else } |e| - \frac{\beta}{2}, \quad e = x - t
    Where: x `predictions`; t `labels`
    beta: error at which the loss changes from quadratic to linear; 0 gives the absolute error.
    Synonyms: SmoothL1Loss, smooth_l1_loss
    Equivalents: torch.nn.SmoothL1Loss, torch.nn.functional.smooth_l1_loss
    Reference: Girshick, Fast R-CNN, 2015, arXiv:1504.08083, equation 3
    """
    error = predictions - labels
    if beta == 0:
        return by_error(np.abs(error), lambda: np.sign(error), lambda: np.zeros_like(error))
    slope = np.clip(error if beta == 1 else error / beta, -1.0, 1.0)
    return by_error(slope * (error - (0.5 * beta) * slope), lambda: slope, lambda: (np.abs(error) < beta) / error.dtype.type(beta))


@loss(example=EXAMPLE | {"delta": 0.4}, hessian_diagonal=True, bound=ELEMENTWISE)
def huber(predictions: Real, labels: RealLabel, *, delta: Positive = 1.0, weight: ElementWeight | None = None) -> Evaluation:
    r"""Huber loss: quadratic up to delta, linear with slope delta beyond.

    Use: Regression with outliers, the usual robust choice.
    Search: regression_with_outliers, robust_regression
    Formula: \ell = \frac{e^2}{2} \text{ where } |e| \le \delta, \text{ else } \delta (|e| - \frac{\delta}{2}), \quad e = x - t
    Where: x `predictions`; t `labels`
    delta: error at which the loss changes from quadratic to linear.
    Divisor: the number of elements, also with element weights (torch's rule)
    Synonyms: HuberLoss, huber_loss
    Equivalents: torch.nn.HuberLoss, torch.nn.functional.huber_loss, keras.losses.Huber, keras.losses.huber, optax.losses.huber_loss
    Reference: Huber, Robust Estimation of a Location Parameter, 1964, Annals of Mathematical Statistics 35
    """
    error = predictions - labels
    slope = np.clip(error, -delta, delta)
    return by_error(
        slope * (error - 0.5 * slope),
        lambda: slope,
        lambda: (np.abs(error) <= delta).astype(error.dtype),
        weight=weight,
        divisor=per_sample_size(error),
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def half_squared_error(predictions: Real, labels: RealLabel) -> Evaluation:
    r"""Half the squared error, which statistics and boosting libraries call L2; equal to mean_squared_error / 2.

    Use: Regression, with the factor of statistics and boosting.
    Formula: \ell = \frac{(x - t)^2}{2}
    Where: x `predictions`; t `labels`
    Synonyms: l2_loss, HalfSquaredError, half_mse, regression_l2
    Equivalents: optax.losses.l2_loss
    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, equation 3.12
    """
    error = predictions - labels
    return by_error((0.5 * error) * error, lambda: error, lambda: np.ones_like(error))


@loss(example=EXAMPLE, hessian_diagonal=True, merges=False)
def root_mean_squared_error(predictions: Real, labels: RealLabel, *, weight: ElementWeight | None = None) -> Evaluation:
    r"""Square root of the (weighted) mean of the squared errors.

    The whole batch is one sample, so per_sample has one number. The gradient is 0 if all errors are 0.

    Use: Reports of regression in the units of the labels.
    Formula: L = \sqrt{\frac{\sum_i w_i (x_i - t_i)^2}{\sum_i w_i}}
    Where: x `predictions`; t `labels`
    Divisor: 1; the mean is under the root
    Synonyms: RMSE, RootMeanSquaredError, root_mse
    Equivalents: sklearn.metrics.root_mean_squared_error
    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, equation 1.3
    """
    error = predictions - labels
    one = np.ones((), error.dtype)
    return root_mean_square(error, weight, {"predictions": lambda: (one, 0 * one), "labels": lambda: (-one, 0 * one)})


def root_mean_square(error: Array, weight: Array | None, derivatives: Mapping[str, Callable[[], tuple[Array, Array]]]) -> Evaluation:
    """Evaluate the root of the weighted mean of error^2 as one sample. derivatives: first and second, of the error by each input.

    The weighted errors are scaled by a power of two near the largest, so that no square overflows or underflows.
    """
    root_weight = np.ones_like(error) if weight is None else np.sqrt(weight)
    (fraction, exponent), (weight_fraction, weight_exponent) = np.frexp(error), np.frexp(root_weight)
    fraction, exponent = fraction * weight_fraction, exponent + weight_exponent
    largest = int(exponent[fraction != 0].max(initial=-5000))
    scaled = np.ldexp(fraction, exponent - largest)
    squares = float((scaled * scaled).sum(dtype=np.float64))
    weights = float(error.size if weight is None else weight.sum(dtype=np.float64))
    norm = float(np.sqrt(squares)) or 1.0
    value = float(np.ldexp(norm / np.sqrt(weights), largest)) if squares else 0.0
    shares = root_weight / (float(np.sqrt(weights)) or 1.0)

    def first(name: str) -> Callable[[Array], Array]:
        return lambda c: (float(c[0]) / norm) * (shares * scaled) * derivatives[name]()[0]

    def second(name: str) -> Callable[[Array], Array]:
        def diagonal(c: Array) -> Array:
            if not squares:
                return np.zeros_like(error)
            slope, bend = derivatives[name]()
            others = sum_of_others((scaled * scaled).reshape(1, -1)).reshape(error.shape) / squares
            return float(c[0]) * ((shares * slope) ** 2 * others / value + (shares * scaled / norm) * bend)

        return diagonal

    return Evaluation(
        np.array([value]),
        np.ones(1),
        {name: first(name) for name in derivatives},
        hessian_diagonal={name: second(name) for name in derivatives},
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def log_cosh(predictions: Real, labels: RealLabel) -> Evaluation:
    r"""Logarithm of the hyperbolic cosine of the error: about half its square near zero, and its absolute value minus log 2 for large errors.

    Small errors keep all their digits; the usual form |e| + log1p(exp(-2|e|)) - log 2 has none left below 1e-8.

    Use: Regression with outliers by optimizers that need a smooth loss.
    Formula: \ell = \log \cosh(x - t)
    Where: x `predictions`; t `labels`
    Synonyms: LogCosh, logcosh, LogCoshLoss, log_cosh_error, log_cosh_loss
    Equivalents: keras.losses.LogCosh, keras.losses.log_cosh, optax.losses.log_cosh
    Reference: Chen et al., Log Hyperbolic Cosine Loss Improves Variational Auto-Encoder, 2019
    """
    error = predictions - labels
    size = np.abs(error)
    small = np.sinh(np.minimum(size, 1.0))
    values = np.where(size < 1.0, 0.5 * np.log1p(small * small), (size - LN2) + np.log1p(np.exp(-2.0 * size)))

    def curvature() -> Array:
        e = np.exp(-size)
        sech = 2.0 * e / (1.0 + e * e)
        return sech * sech

    return by_error(values, lambda: np.tanh(error), curvature)


@loss(example=EXAMPLE | {"quantile": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE)
def quantile(predictions: Real, labels: RealLabel, *, quantile: Fraction = 0.5) -> Evaluation:
    r"""Pinball loss, which a quantile minimizes; quantile 0.5 gives half the absolute error.

    The gradient at an error of 0 is 0 (scikit-learn: minus the quantile).

    Use: Quantile regression, prediction intervals, and probabilistic forecasting of time series.
    Search: quantile_regression, prediction_intervals
    Formula: \ell = \max(q u, (q - 1) u), \quad u = t - x
    Where: x `predictions`; t `labels`
    quantile: quantile to estimate; 0.9 penalizes underestimates nine times as much as overestimates. Other names: alpha, tau.
    Synonyms: pinball, PinballLoss, mean_pinball_loss, pinball_loss, check, tilted_l1, QuantileLoss, quantile_loss, quantileerror
    Equivalents: sklearn.metrics.mean_pinball_loss
    Reference: Koenker and Bassett, Regression Quantiles, 1978, Econometrica 46
    """
    return _pinball(predictions - labels, quantile)


def _pinball(error: Array, quantile: float) -> Evaluation:
    above, below = (error.dtype.type(share) for share in (1.0 - quantile, -quantile))
    weight = np.where(error > 0, above, below)
    return by_error(weight * error, lambda: weight * (error != 0), lambda: np.zeros_like(error))  # a product takes half of where's time


@loss(
    example={"predictions": [[0.2, 0.5, 1.1], [1.5, 2.0, 2.2]], "labels": [0.7, 1.4], "quantiles": [0.1, 0.5, 0.9]},
    hessian_diagonal=True,
)
def multi_quantile(predictions: QuantileForecast, labels: RealLabel, quantiles: QuantileLevels) -> Evaluation:
    r"""Pinball losses of several quantiles of each label at once, averaged.

    Equal to `quantile` for each entry of the last axis. The gradient at an error of 0 is 0. neuralforecast's MQLoss averages over the quantiles, as here;
    pytorch-forecasting's QuantileLoss is twice this loss.

    Use: Probabilistic forecasts of time series: several quantiles of each value.
    Formula: \ell_q = \max(q u_q, (q - 1) u_q), \quad u_q = t - x_q
    Where: x `predictions`; t `labels`; q a quantile of `quantiles`
    Divisor: the number of predictions: labels times quantiles
    Synonyms: MQLoss, multi_quantile_loss, quantile_forecast
    Reference: Koenker and Bassett, Regression Quantiles, 1978, Econometrica 46; Wen et al., A Multi-Horizon Quantile Recurrent Forecaster, 2017, arXiv:1711.11053
    """
    error = predictions - labels[..., None]
    weight = np.where(error > 0, 1.0 - quantiles, -quantiles).astype(error.dtype, copy=False)
    slope = np.where(error == 0, 0.0, weight).astype(error.dtype, copy=False)
    return elementwise(
        weight * error,
        {"predictions": lambda c: c * slope, "labels": lambda c: -(c * slope).sum(axis=-1)},
        {"predictions": lambda c: np.zeros_like(c * slope), "labels": lambda c: np.zeros_like(labels)},
    )


@loss(example=EXAMPLE | {"alpha": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE)
def expectile(predictions: Real, labels: RealLabel, *, alpha: Fraction = 0.5) -> Evaluation:
    r"""Asymmetric squared error, which an expectile minimizes; alpha 0.5 gives half the squared error.

    Use: Expectile regression, such as risk measures and the values of offline reinforcement learning (IQL).
    Formula: \ell = |\alpha - [t \le x]| \, (t - x)^2
    Where: x `predictions`; t `labels`
    alpha: expectile to estimate; underestimates have the weight alpha, overestimates 1 - alpha.
    Synonyms: expectileerror, asymmetric_least_squares, expectile_loss
    Reference: Newey and Powell, Asymmetric Least Squares Estimation and Testing, 1987, Econometrica 55
    """
    error = predictions - labels
    weight = np.where(error >= 0, 1.0 - alpha, alpha).astype(error.dtype, copy=False)
    return by_error((weight * error) * error, lambda: 2.0 * weight * error, lambda: 2.0 * weight)


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def mean_squared_logarithmic_error(predictions: AboveMinusOne, labels: LabelAboveMinusOne) -> Evaluation:
    r"""Squared difference of log(1 + prediction) and log(1 + label).

    Numbers at or below -1 are rejected, as in scikit-learn. keras first clips numbers from below at 1e-7. XGBoost has a factor 1/2.

    Use: Regression of positive numbers over several orders of magnitude, where ratios matter.
    Formula: \ell = (\log(1 + x) - \log(1 + t))^2
    Where: x `predictions`; t `labels`
    Synonyms: MSLE, MeanSquaredLogarithmicError, mean_squared_log_error, squaredlogerror
    Equivalents: keras.losses.MeanSquaredLogarithmicError, keras.losses.mean_squared_logarithmic_error,
        sklearn.metrics.mean_squared_log_error
    Reference: scikit-learn, mean_squared_log_error; XGBoost, reg:squaredlogerror
    """
    above, true = 1.0 + predictions, 1.0 + labels
    error = log_ratio(above, true, predictions - labels)
    return elementwise(
        error * error,
        {"predictions": lambda c: (2.0 * c) * (error / above), "labels": lambda c: (-2.0 * c) * (error / true)},
        {
            "predictions": lambda c: (2.0 * c) * ((1.0 - error) / above / above),
            "labels": lambda c: (2.0 * c) * ((1.0 + error) / true / true),
        },
    )


@loss(example=EXAMPLE, hessian_diagonal=True, merges=False)
def root_mean_squared_log_error(predictions: AboveMinusOne, labels: LabelAboveMinusOne, *, weight: ElementWeight | None = None) -> Evaluation:
    r"""Square root of the (weighted) mean of the squared differences of log(1 + prediction) and log(1 + label).

    The whole batch is one sample, so per_sample has one number. The gradient is 0 if all errors are 0.

    Use: Reports of regression of positive numbers where ratios matter, as in sales forecasting.
    Formula: L = \sqrt{\frac{\sum_i w_i (\log(1 + x_i) - \log(1 + t_i))^2}{\sum_i w_i}}
    Where: x `predictions`; t `labels`
    Divisor: 1; the mean is under the root
    Synonyms: RMSLE, RootMeanSquaredLogError
    Equivalents: sklearn.metrics.root_mean_squared_log_error
    Reference: scikit-learn, root_mean_squared_log_error
    """
    above, true = 1.0 + predictions, 1.0 + labels
    error = log_ratio(above, true, predictions - labels)
    derivatives = {"predictions": lambda: (1.0 / above, -1.0 / above / above), "labels": lambda: (-1.0 / true, 1.0 / true / true)}
    return root_mean_square(error, weight, derivatives)


@loss(example=EXAMPLE | {"p": 3.0}, hessian_diagonal=True)
def lp(predictions: Real, labels: RealLabel, *, p: Annotated[float, annotated_types.Ge(1)] = 2.0) -> Evaluation:
    r"""Power p of the absolute error. The gradient at an error of 0 is 0.

    Use: Regression with a chosen sensitivity to outliers.
    Formula: \ell = |x - t|^p
    Where: x `predictions`; t `labels`
    p: exponent; 1 gives the absolute error, 2 the squared error.
    Synonyms: Lq, power_loss, minkowski
    Reference: Rice and White, Norms for Smoothing and Estimation, 1964, SIAM Review 6
    """
    error = predictions - labels
    size = np.abs(error)
    return by_error(
        size**p,
        lambda: (p * np.sign(error)) * size ** (p - 1.0),
        lambda: np.zeros_like(error) if p == 1 else (p * (p - 1.0)) * size ** (p - 2.0),
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def epsilon_insensitive(predictions: Real, labels: RealLabel, *, epsilon: NonNegative = 0.1) -> Evaluation:
    r"""Absolute error beyond a tolerance, as in support vector regression. The gradient at the tolerance is 0.

    Use: Support vector regression (SVR), where small errors do not matter.
    Formula: \ell = \max(0, |x - t| - \epsilon)
    Where: x `predictions`; t `labels`
    epsilon: tolerance; smaller errors have no loss.
    Synonyms: epsilon_insensitive_loss, l1_svr, svr
    Reference: Vapnik, The Nature of Statistical Learning Theory, 1995
    """
    excess, sign = _beyond(predictions - labels, epsilon)
    return by_error(excess, lambda: sign, lambda: np.zeros_like(sign))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def squared_epsilon_insensitive(predictions: Real, labels: RealLabel, *, epsilon: NonNegative = 0.1) -> Evaluation:
    r"""Square of the absolute error beyond a tolerance.

    Use: Support vector regression (SVR) by optimizers that need a smooth loss.
    Formula: \ell = \max(0, |x - t| - \epsilon)^2
    Where: x `predictions`; t `labels`
    epsilon: tolerance; smaller errors have no loss.
    Synonyms: squared_epsilon_insensitive_loss, l2_svr
    Reference: Vapnik, The Nature of Statistical Learning Theory, 1995
    """
    excess, sign = _beyond(predictions - labels, epsilon)
    return by_error(excess * excess, lambda: 2.0 * sign * excess, lambda: 2.0 * np.abs(sign))


def _beyond(error: Array, epsilon: float) -> tuple[Array, Array]:
    """Return max(0, |error| - epsilon), and the error's sign where that is not 0."""
    excess = np.maximum(np.abs(error) - epsilon, 0.0)
    return excess, np.sign(error) * (excess > 0)


@loss(example=EXAMPLE | {"alpha": 0.9}, hessian_diagonal=True)
def log_lin_quantile(predictions: Real, labels: RealLabel, *, alpha: Fraction = 0.5) -> Evaluation:
    r"""Pinball loss of the exponential of the estimate. The gradient at an error of 0 is 0.

    Use: Quantile regression of positive numbers by a model of their logarithm.
    Formula: \ell = \max(\alpha u, (\alpha - 1) u), \quad u = t - e^x
    Where: x `predictions`; t `labels`
    alpha: quantile to estimate.
    Synonyms: LogLinQuantile, log_linear_quantile
    Reference: CatBoost, Regression: objectives and metrics, LogLinQuantile
    """
    weight = np.where(np.exp(predictions) > labels, 1.0 - alpha, -alpha).astype(predictions.dtype, copy=False)
    power = times_exp(weight, predictions)
    values = power - weight * labels
    level = values != 0
    return elementwise(
        values,
        {"predictions": lambda c: c * (level * power), "labels": lambda c: -c * (level * weight)},
        {"predictions": lambda c: c * (level * power), "labels": lambda c: np.zeros_like(c * weight)},
    )
