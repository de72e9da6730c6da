"""Regression errors relative to a scale: percentages, in-sample errors and variances."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import ELEMENTWISE, VECTORS, NonNegative, Positive, Real, RealLabel, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise, in_float64, nothing
from service.losses.numerics import Array
from service.losses.numerics.elementary import times
from service.losses.numerics.vectors import norm_of
from service.losses.registry import loss
from service.losses.regression._shared import EXAMPLE

ConstantLabel = Annotated[Array, TensorSpec("n ...", description="true values")]


@loss(example=EXAMPLE | {"labels": [1.0, 0.5, 0.4]}, hessian_diagonal=True, bound=ELEMENTWISE)
def mean_absolute_percentage_error(
    predictions: Real,
    labels: RealLabel,
    *,
    denominator: Literal["sklearn", "keras", "torchmetrics", "lightgbm"] = "sklearn",
    scale: Positive = 1.0,
) -> Evaluation:
    r"""Absolute error as a fraction of the true number, or in percent with scale 100.

    The gradient at an error of 0 is 0. A true number equal to the floor is treated as below it.

    Use: Forecasting of demand or sales, where relative errors matter.
    Formula: \ell = s \frac{|x - t|}{\max(|t|, \epsilon)}
    Where: x `predictions`; t `labels`
    denominator: the floor epsilon. sklearn: 2.220446049250313e-16; keras: 1e-7 (and scale 100); torchmetrics: 1.17e-6; lightgbm and CatBoost: 1.
    scale: factor of the loss; 100 for keras, 1 for the others.
    Synonyms: MAPE, percentage_error
    Equivalents: keras.losses.MeanAbsolutePercentageError(denominator="keras", scale=100.0),
        keras.losses.mean_absolute_percentage_error(denominator="keras", scale=100.0), sklearn.metrics.mean_absolute_percentage_error
    Reference: Hyndman and Koehler, Another Look at Measures of Forecast Accuracy, 2006, International Journal of Forecasting 22
    """
    error = predictions - labels
    floor = {"sklearn": 2.0**-52, "keras": 1e-7, "torchmetrics": 1.17e-6, "lightgbm": 1.0}[denominator]
    size = np.abs(labels)
    base = np.maximum(size, floor)
    sign = scale * np.sign(error)
    outside = size > floor

    def label_slope() -> Array:
        return np.where(outside, np.sign(labels) * (predictions / base), 1.0).astype(error.dtype, copy=False) * (-sign / base)

    return elementwise(
        scale * (np.abs(error) / base),
        {"predictions": lambda c: c * (sign / base), "labels": lambda c: c * label_slope()},
        {
            "predictions": lambda c: np.zeros_like(c * error),
            "labels": lambda c: c * (outside * (2.0 * sign * (predictions / base) / base / base)),
        },
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def symmetric_mean_absolute_percentage_error(predictions: Real, labels: RealLabel, *, scale: Positive = 1.0) -> Evaluation:
    r"""Absolute error as a fraction of the mean size of the two numbers, between 0 and 2.

    The loss of two zeros is 0. The gradient is 0 for equal numbers and for numbers of different sign (where the loss is 2). If one number is 0, the gradient is the mean of the one-sided derivatives.

    Use: Forecasting of time series whose numbers may be near zero; used by the M competitions.
    Formula: \ell = s \frac{2 |x - t|}{|x| + |t|}
    Where: x `predictions`; t `labels`
    scale: factor of the loss; 100 gives percent, 50 the form between 0 and 100.
    Synonyms: SMAPE, SymmetricMeanAbsolutePercentageError, symmetric_percentage_error
    Reference: Makridakis, Accuracy measures: theoretical and practical concerns, 1993, International Journal of Forecasting 9
    """
    error = predictions - labels
    x, t = np.abs(predictions), np.abs(labels)
    total = x + t
    total = np.where(total == 0, 1.0, total).astype(error.dtype, copy=False)
    agreement = np.sign(predictions) * np.sign(labels)

    def slope(other: Array) -> Array:
        return times((2.0 * scale) * (np.sign(error) * (1.0 + agreement)), (other / total) / total)

    def curvature(own: Array, other: Array, sign: float) -> Array:
        return (-2.0 * sign) * slope(other) * np.sign(own) * (agreement > 0) / total

    return elementwise(
        (2.0 * scale) * (np.abs(error) / total),
        {"predictions": lambda c: c * slope(t), "labels": lambda c: -c * slope(x)},
        {"predictions": lambda c: c * curvature(predictions, t, 1.0), "labels": lambda c: c * curvature(labels, x, -1.0)},
    )


@loss(example=EXAMPLE | {"labels": [1.0, 0.5, 0.4]}, hessian_diagonal=True)
def weighted_mean_absolute_percentage_error(predictions: Real, labels: ConstantLabel) -> Evaluation:
    r"""Sum of the absolute errors divided by the sum of the absolute true numbers. The gradient at an error of 0 is 0.

    The loss is a ratio of sums; reduction sum returns the numerator alone. A sample whose true numbers are all 0 has weight 0 and per_sample 0.

    Use: Forecasting of demand over many products, some with zeros.
    Formula: L = \frac{\sum_i |x_i - t_i|}{\sum_i |t_i|}
    Where: x `predictions`; t `labels`
    Divisor: the sum of the absolute values of the true numbers
    Synonyms: WMAPE, WAPE, WeightedMeanAbsolutePercentageError, normalized_deviation
    Reference: Hyndman and Koehler, Another Look at Measures of Forecast Accuracy, 2006, International Journal of Forecasting 22
    """
    error = predictions - labels
    return elementwise(
        np.abs(error),
        {"predictions": lambda c: c * np.sign(error)},
        {"predictions": lambda c: np.zeros_like(c * error)},
        shares=np.abs(labels),
    )


Forecast = Annotated[Array, TensorSpec("n h", gradient="default", description="forecasts, one for each step of the horizon")]
Future = Annotated[Array, TensorSpec("n h", gradient="on request", description="true values over the horizon")]
History = Annotated[Array, TensorSpec("n k", description="the series before the forecast, oldest first")]


@loss(example={"predictions": [[3.0, 5.0]], "labels": [[4.0, 4.5]], "history": [[1.0, 2.0, 1.5, 3.0]]}, hessian_diagonal=True)
def mean_absolute_scaled_error(
    predictions: Forecast, labels: Future, history: History, *, seasonality: Annotated[int, annotated_types.Ge(1)] = 1
) -> Evaluation:
    r"""Absolute error relative to the mean absolute error of the seasonal naive forecast (the value one season earlier) over the history.

    A history that repeats itself exactly is rejected, since the naive forecast has no error. The gradient at an error of 0 is 0.

    Use: Forecasting of time series of different scales, against a naive forecast.
    Formula: \ell_{ik} = \frac{|x_{ik} - t_{ik}|}{\frac{1}{K - m} \sum_{j=m+1}^{K} |y_{ij} - y_{i,j-m}|}
    Where: x `predictions`; t `labels`
    seasonality: m, steps per season; 1 compares with the previous value.
    Synonyms: MASE, mase
    Reference: Hyndman and Koehler, Another Look at Measures of Forecast Accuracy, 2006, International Journal of Forecasting 22, section 3
    """
    steps = history.shape[1]
    if steps <= seasonality:
        raise InvalidTensor("history", f"too short; expected more values than the seasonality {seasonality}, got {steps}")
    naive = np.abs(history[:, seasonality:] - history[:, :-seasonality])
    unit = (naive / (steps - seasonality)).sum(axis=1, keepdims=True)
    if (unit == 0).any():
        raise InvalidTensor("history", "periodic; expected a non-zero error of the naive forecast, got 0", (int(np.argmin(unit[:, 0])),))
    error = predictions - labels
    return elementwise(
        np.abs(error) / unit,
        {"predictions": lambda c: c * (np.sign(error) / unit), "labels": lambda c: -c * (np.sign(error) / unit)},
        {name: lambda c: c * np.zeros_like(error) for name in ("predictions", "labels")},
    )


@loss(example={"predictions": [0.5, 0.2, 0.3], "labels": [1.0, 0.0, 0.4]}, hessian_diagonal=True, merges=False)
def relative_squared_error(predictions: Real, labels: ConstantLabel) -> Evaluation:
    r"""Squared error relative to the variance of the labels over the batch; its mean is one minus R squared.

    Each entry of the further axes is an output with its own variance, and the mean is over all outputs, as in torchmetrics. Labels
    that are all equal are rejected.

    Use: Regression judged against the mean of the labels, as one minus R squared.
    Formula: L = \frac{\sum_i (x_i - t_i)^2}{\sum_i (t_i - \bar t)^2}
    Where: x `predictions`; t `labels`
    Divisor: the number of elements; each squared error is divided by a variance
    Synonyms: RSE, relative_mse, one_minus_r2, RelativeSquaredError, fraction_of_variance_unexplained
    Reference: Wright, Correlation and Causation, 1921, Journal of Agricultural Research 20; torchmetrics relative_squared_error
    """
    error = predictions - labels
    deviation = labels - labels[:1]
    deviation = deviation - (deviation / max(len(labels), 1)).sum(axis=0)
    largest = np.abs(deviation).max(axis=0, initial=0.0)
    if len(labels) and (largest == 0).any():
        raise InvalidTensor("labels", "constant; expected a non-zero variance, got 0", (0, *(int(i) for i in np.argwhere(largest == 0)[0])))
    deviation /= largest
    root = np.sqrt((deviation * deviation).sum(axis=0) / max(len(labels), 1)) * largest
    z = error / root
    return elementwise(
        z * z, {"predictions": lambda c: (2.0 * c) * (z / root)}, {"predictions": lambda c: (2.0 * c) * (1.0 / root / root + np.zeros_like(z))}
    )


@loss(example={"predictions": [[1.0, 2.0], [0.5, 0.0]], "labels": [[1.5, 2.0], [1.0, 1.0]]}, bound=VECTORS)
@in_float64
def relative_l2(
    predictions: Real,
    labels: RealLabel,
    *,
    p: Annotated[float, annotated_types.Ge(1)] = 2.0,
    eps: NonNegative = 1e-8,
) -> Evaluation:
    r"""Norm of the error relative to the norm of the labels, over all further axes of each sample.

    neuraloperator's LpLoss sums over the batch by default; the original code of the Fourier neural operator has eps 0. Labels that are all 0 are rejected if
    eps is 0. The gradient is 0 where the error is 0.

    Use: Neural operators (FNO, DeepONet) and surrogates of partial differential equations, whose solutions differ in size.
    Search: neural_operator, pde, relative_error
    Formula: \ell_i = \frac{\|x_i - t_i\|_p}{\|t_i\|_p + \epsilon}
    Where: x `predictions`; t `labels`
    p: order of the norms.
    eps: added to the norm of the labels.
    Divisor: the number of samples
    Synonyms: LpLoss, relative_lp, rel_l2, relative_l2_error
    Reference: Li et al., Fourier Neural Operator for Parametric Partial Differential Equations, 2021, arXiv:2010.08895; neuraloperator, LpLoss.rel
    """
    if not predictions.size:
        return nothing(predictions=predictions, labels=labels)
    flat, true = predictions.reshape(len(predictions), -1), labels.reshape(len(labels), -1)
    error, size = norm_of(flat - true, p), norm_of(true, p)
    total = size.values + eps
    if (total == 0).any():
        raise InvalidTensor("labels", "zero vector; expected a sample with a norm above 0", (int(np.argmin(total)),))
    values = error.values / total
    return Evaluation(
        values,
        np.ones(len(values)),
        {
            "predictions": lambda c: error.by_a(c / total).reshape(predictions.shape),
            "labels": lambda c: (error.by_b(c / total) - size.by_a(c * values / total)).reshape(labels.shape),
        },
    )
