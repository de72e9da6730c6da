"""Distances between an estimate and a true number, element by element.

error = predictions - labels throughout; a gradient at a kink is the one named in the docstring.
"""

from __future__ import annotations

import numpy as np

from service.losses.core import ELEMENTWISE, ElementWeight, Evaluation, NonNegative, Positive, Real, RealLabel, loss
from service.losses.numerics import elementwise, per_sample_size
from service.losses.tensors import Array

EXAMPLE = {"predictions": [0.5, 0.2, 0.3], "labels": [1.0, 0.0, 0.0]}


def of_error(values: Array, slope: Array, curvature: Array, *, weight: Array | None = None, divisor: Array | None = None) -> Evaluation:
    """The Evaluation of a function of predictions - labels: the labels' gradient is minus the predictions'."""
    return elementwise(
        values,
        {"predictions": lambda c: c * slope, "labels": lambda c: -c * slope},
        {"predictions": lambda c: c * curvature, "labels": lambda c: c * curvature},
        weight=weight,
        divisor=divisor,
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def mean_squared_error(predictions: Real, labels: RealLabel, *, weight: ElementWeight | None = None) -> Evaluation:
    r"""The square of the error, without a factor 1/2.

    Formula: \ell = (x - t)^2
    Divisor: the sum of the element weights (the number of elements without them)
    Synonyms: MSELoss, MSE, mse_loss, MeanSquaredError, L2, squared_error, quadratic
    Reference: Gauss, Theoria motus corporum coelestium, 1809
    """
    error = predictions - labels
    return elementwise(
        error * error,
        {"predictions": lambda c: (2 * c) * error, "labels": lambda c: (-2 * c) * error},
        {name: lambda c: 2 * c * np.ones_like(error) for name in ("predictions", "labels")},
        weight=weight,
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def mean_absolute_error(predictions: Real, labels: RealLabel, *, weight: ElementWeight | None = None) -> Evaluation:
    r"""The absolute error; its gradient at a tie is 0, as in torch.

    Formula: \ell = |x - t|
    Divisor: the sum of the element weights (the number of elements without them)
    Synonyms: L1Loss, MAE, L1, l1_loss, MeanAbsoluteError, absolute_error
    Reference: Laplace, Mémoire sur la probabilité des causes par les évènemens, 1774
    """
    error = predictions - labels
    return of_error(np.abs(error), np.sign(error), np.zeros_like(error), weight=weight)


@loss(example=EXAMPLE | {"beta": 0.4}, hessian_diagonal=True, bound=ELEMENTWISE)
def smooth_l1(predictions: Real, labels: RealLabel, *, beta: NonNegative = 1.0) -> Evaluation:
    r"""Quadratic near zero, linear beyond beta: the box loss of Fast R-CNN.

    smooth_l1(beta) is huber(delta=beta) / beta. torchvision's detectors use beta 1/9, detectron2's 0.

    Formula: \ell = \frac{e^2}{2\beta} \text{ where } |e| < \beta, \text{ else } |e| - \frac{\beta}{2}, \quad e = x - t
    beta: error at which the quadratic turns linear; 0 is the absolute error.
    Synonyms: SmoothL1Loss, smooth_l1_loss
    Reference: Girshick, Fast R-CNN, 2015, arXiv:1504.08083, equation 3
    """
    error = predictions - labels
    if beta == 0:
        return of_error(np.abs(error), np.sign(error), np.zeros_like(error))
    slope = np.clip(error / beta, -1.0, 1.0)
    curvature = (np.abs(error) < beta) / error.dtype.type(beta)
    return of_error(slope * (error - (0.5 * beta) * slope), slope, curvature)


@loss(example=EXAMPLE | {"delta": 0.4}, hessian_diagonal=True, bound=ELEMENTWISE)
def huber(predictions: Real, labels: RealLabel, *, delta: Positive = 1.0, weight: ElementWeight | None = None) -> Evaluation:
    r"""Half the squared error near zero, linear with slope delta beyond delta.

    Formula: \ell = \frac{e^2}{2} \text{ where } |e| \le \delta, \text{ else } \delta (|e| - \frac{\delta}{2}), \quad e = x - t
    delta: error at which the quadratic turns linear.
    Divisor: the number of elements, also with element weights (torch's rule)
    Synonyms: HuberLoss, huber_loss
    Reference: Huber, Robust Estimation of a Location Parameter, 1964, Annals of Mathematical Statistics 35
    """
    error = predictions - labels
    slope = np.clip(error, -delta, delta)
    inside = (np.abs(error) <= delta).astype(error.dtype)
    return of_error(slope * (error - 0.5 * slope), slope, inside, weight=weight, divisor=per_sample_size(error))
