"""Errors in units of something that the caller gives: what a naive forecast is wrong by, how much the labels vary, quantiles' weights."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.core import Evaluation, Positive, Real, loss
from service.losses.errors import InvalidTensor
from service.losses.numerics import elementwise, per_sample_sum, spread
from service.losses.tensors import UNIT, Array, Tensor

Forecast = Annotated[Array, Tensor("n h", gradient="default", description="forecasts, one for each step of the horizon")]
Future = Annotated[Array, Tensor("n h", gradient="on request", description="what came")]
History = Annotated[Array, Tensor("n k", description="the series before the forecast, oldest first")]
ConstantLabel = Annotated[Array, Tensor("n ...", description="true values")]
Quantiles = Annotated[Array, Tensor("n q", gradient="default", description="predicted quantiles")]
Draws = Annotated[Array, Tensor("n m", gradient="on request", description="draws from the true distribution, or its quantiles")]
Levels = Annotated[Array, Tensor("q", domain=UNIT, description="which quantiles are predicted; the midpoints (i + 1/2) / q without it")]


@loss(example={"predictions": [[3.0, 5.0]], "labels": [[4.0, 4.5]], "history": [[1.0, 2.0, 1.5, 3.0]]}, hessian_diagonal=True)
def mean_absolute_scaled_error(
    predictions: Forecast, labels: Future, history: History, *, seasonality: Annotated[int, annotated_types.Ge(1)] = 1
) -> Evaluation:
    r"""The absolute error in units of what the naive forecast, the value of one season before, is wrong by in the history.

    A history that repeats itself exactly is refused: there is no unit. The gradient at a tie is 0.

    Formula: \ell_{ik} = \frac{|x_{ik} - t_{ik}|}{\frac{1}{K - m} \sum_{j=m+1}^{K} |y_{ij} - y_{i,j-m}|}
    seasonality: m, steps in a season; 1 compares with the last value.
    Synonyms: MASE, mase
    Reference: Hyndman and Koehler, Another Look at Measures of Forecast Accuracy, 2006, International Journal of Forecasting 22, section 3
    """
    steps = history.shape[1]
    if steps <= seasonality:
        raise InvalidTensor("history", f"has {steps} values; expected more than seasonality, which is {seasonality}")
    naive = np.abs(history[:, seasonality:] - history[:, :-seasonality])
    unit = (naive / (steps - seasonality)).sum(axis=1, keepdims=True)
    if (unit == 0).any():
        raise InvalidTensor("history", "repeats itself exactly, so that the error of the naive forecast is 0", (int(np.argmin(unit[:, 0])),))
    error = predictions - labels
    return elementwise(
        np.abs(error) / unit,
        {"predictions": lambda c: c * (np.sign(error) / unit), "labels": lambda c: -c * (np.sign(error) / unit)},
        {name: lambda c: c * np.zeros_like(error) for name in ("predictions", "labels")},
    )


@loss(example={"predictions": [0.5, 0.2, 0.3], "labels": [1.0, 0.0, 0.4]}, hessian_diagonal=True, merges=False)
def relative_squared_error(predictions: Real, labels: ConstantLabel) -> Evaluation:
    r"""The squared error in units of the labels' variance over the batch: one minus R squared.

    Each entry of the further axes is an output with a variance of its own, and the mean is over all, as in torchmetrics. Labels
    that are all equal are refused.

    Formula: L = \frac{\sum_i (x_i - t_i)^2}{\sum_i (t_i - \bar t)^2}
    Divisor: the number of elements, as each one's square is divided by a variance
    Synonyms: RSE, relative_mse, one_minus_r2, RelativeSquaredError, fraction_of_variance_unexplained
    Reference: Wright, Correlation and Causation, 1921, Journal of Agricultural Research 20; torchmetrics relative_squared_error
    """
    error = predictions - labels
    deviation = labels - labels[:1]
    deviation = deviation - (deviation / max(len(labels), 1)).sum(axis=0)
    largest = np.abs(deviation).max(axis=0, initial=0.0)
    if len(labels) and (largest == 0).any():
        raise InvalidTensor("labels", "are all equal, so that their variance is 0", (0, *(int(i) for i in np.argwhere(largest == 0)[0])))
    deviation /= largest
    root = np.sqrt((deviation * deviation).sum(axis=0) / max(len(labels), 1)) * largest
    z = error / root
    return elementwise(
        z * z, {"predictions": lambda c: (2.0 * c) * (z / root)}, {"predictions": lambda c: (2.0 * c) * (1.0 / root / root + np.zeros_like(z))}
    )


@loss(
    example={"predictions": [[0.1, 0.5, 0.9]], "labels": [[0.4, 1.0]]},
    hessian_diagonal=True,
    pairs="n q m",
)
def quantile_huber(predictions: Quantiles, labels: Draws, *, quantiles: Levels | None = None, kappa: Positive = 1.0) -> Evaluation:
    r"""Every predicted quantile against every draw: a pinball loss with the corner rounded, as in distributional reinforcement learning.

    The labels of quantile regression DQN are constants; ask for their gradient with wrt.

    Formula: \ell_i = \sum_q \frac{1}{m} \sum_j \left| \tau_q - [u < 0] \right| \frac{H_\kappa(u)}{\kappa}, \quad u = t_{ij} - x_{iq}, \quad H_\kappa = \mathrm{huber}
    kappa: error at which the quadratic turns linear.
    Divisor: the number of samples: quantiles are summed, draws averaged
    Synonyms: QRDQNLoss, quantile_huber_loss, qr_dqn, quantile_regression_huber
    Reference: Dabney et al., Distributional Reinforcement Learning with Quantile Regression, 2017, arXiv:1710.10044, equation 10; arXiv:1806.06923, equation 3
    """
    n, count = predictions.shape
    draws = labels.shape[1]
    levels = (np.arange(count) + 0.5).astype(predictions.dtype) / count if quantiles is None else quantiles
    error = predictions[:, :, None] - labels[:, None, :]
    weight = np.where(error > 0, 1.0 - levels[:, None], levels[:, None]).astype(error.dtype, copy=False) / draws
    turned = np.clip(error / kappa, -1.0, 1.0)
    slope = weight * turned

    def curvature() -> Array:
        return weight * (np.abs(error) <= kappa) / error.dtype.type(kappa)

    return Evaluation(
        per_sample_sum(slope * (error - (0.5 * kappa) * turned)),
        np.ones(n),
        {
            "predictions": lambda c: spread(c, predictions) * slope.sum(axis=2),
            "labels": lambda c: -spread(c, labels) * slope.sum(axis=1),
        },
        hessian_diagonal={
            "predictions": lambda c: spread(c, predictions) * curvature().sum(axis=2),
            "labels": lambda c: spread(c, labels) * curvature().sum(axis=1),
        },
    )
