"""Distances that bound the influence of outliers: the M-estimators of robust statistics.

Errors are divided by a scale c: a = error / c. Derivatives are with respect to the prediction, so they have the factor 1 / c.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import ELEMENTWISE, UNIT, Positive, Real, RealLabel, TensorSpec, Work
from service.losses.errors import InvalidOption
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import LN2, per_sample_sum, spread
from service.losses.numerics.special import x_minus_log1p, xlogx_excess
from service.losses.registry import loss
from service.losses.regression._shared import EXAMPLE, by_error

Heat = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="true heat of each point, 1 at a landmark")]
HUGE = 1e100  # above it, a^2 + 1 rounds to a^2, and the logarithm of a is used


def scaled(values: Array, slope: Callable[[], Array], curvature: Callable[[], Array], c: float) -> Evaluation:
    """Build the Evaluation from a function of error / c and its derivatives."""
    return by_error(values, lambda: slope() / c, lambda: curvature() / c / c)


@loss(example=EXAMPLE | {"delta": 0.4}, hessian_diagonal=True, bound=ELEMENTWISE)
def pseudo_huber(predictions: Real, labels: RealLabel, *, delta: Positive = 1.0) -> Evaluation:
    r"""Smooth approximation of the Huber loss: about half the squared error near zero, with slope delta for large errors.

    It is delta times (charbonnier - delta), with eps = delta.

    Use: Regression with outliers, smooth.
    Formula: \ell = \delta^2 \left( \sqrt{1 + (e / \delta)^2} - 1 \right), \quad e = x - t
    Where: x `predictions`; t `labels`
    delta: error at which the loss changes from quadratic to linear; XGBoost's huber_slope.
    Synonyms: pseudohubererror, soft_l1, pseudo_huber_loss, l1_l2
    Reference: Hartley and Zisserman, Multiple View Geometry in Computer Vision, 2003, appendix 6.8
    """
    error = predictions - labels
    root = np.hypot(error, delta)
    cosine = delta / root
    size = np.abs(error)
    return by_error(delta * (size * (size / (delta + root))), lambda: delta * (error / root), lambda: cosine * cosine * cosine)


@loss(example=EXAMPLE | {"eps": 0.1}, hessian_diagonal=True, bound=ELEMENTWISE)
def charbonnier(predictions: Real, labels: RealLabel, *, eps: Positive = 1e-3) -> Evaluation:
    r"""Charbonnier loss: the absolute error, smoothed near zero, where its value is eps.

    BasicSR's CharbonnierLoss and mmagic's add their eps outside of the square, so that 1e-12 there is 1e-6 here. It is pseudo_huber / eps + eps, with delta = eps.

    Use: Image restoration and super-resolution; optical flow and other regression with outliers.
    Formula: \ell = \sqrt{e^2 + \epsilon^2}, \quad e = x - t
    Where: x `predictions`; t `labels`
    eps: error at which the loss changes from quadratic to linear.
    Synonyms: CharbonnierLoss, charbonnier_loss
    Reference: Charbonnier et al., Two deterministic half-quadratic regularization algorithms for computed imaging, 1994; Lai et al., LapSRN, 2017, arXiv:1704.03915, equation 2
    """
    error = predictions - labels
    root = np.hypot(error, eps)
    cosine = eps / root
    return by_error(root, lambda: error / root, lambda: cosine * cosine / root)


@loss(example=EXAMPLE | {"c": 0.5}, hessian_diagonal=True, bound=ELEMENTWISE)
def fair(predictions: Real, labels: RealLabel, *, c: Positive = 1.0) -> Evaluation:
    r"""Fair loss: about half the squared error near zero, nearly linear with slope c for large errors.

    Use: Robust regression with outliers; convex and smooth.
    Formula: \ell = c^2 \left( \frac{|e|}{c} - \log\left(1 + \frac{|e|}{c}\right) \right), \quad e = x - t
    Where: x `predictions`; t `labels`
    c: error at which the second derivative has fallen to a quarter.
    Synonyms: FairLoss, fair_loss
    Reference: Fair, On the Robust Estimation of Econometric Models, 1974, Annals of Economic and Social Measurement 3
    """
    error = predictions - labels
    size = np.abs(error)
    share = c / (size + c)
    return by_error(c * (c * x_minus_log1p(size / c)), lambda: c * (error / (size + c)), lambda: share * share)


@loss(example=EXAMPLE | {"c": 0.5}, hessian_diagonal=True, bound=ELEMENTWISE)
def cauchy(predictions: Real, labels: RealLabel, *, c: Positive = 1.0) -> Evaluation:
    r"""Logarithm of one plus half the squared error; equal to barron_general_robust with alpha 0.

    kornia uses this form with c = 1. scipy's least_squares has no factor 1/2 in the logarithm, which corresponds to c = 1 / sqrt 2.

    Use: Robust regression with large outliers, as in bundle adjustment and registration.
    Formula: \ell = \log\left(1 + \frac{e^2}{2 c^2}\right), \quad e = x - t
    Where: x `predictions`; t `labels`
    c: scale of the errors.
    Synonyms: lorentzian, cauchy_loss, log_l2
    Reference: Black and Anandan, The Robust Estimation of Multiple Motions, 1996, Computer Vision and Image Understanding 63
    """
    a = (predictions - labels) / c
    half = (0.5 * a) * a
    values = np.where(np.abs(a) < _far(a), np.log1p(half), 2.0 * np.log(np.abs(a)) - LN2)
    share = 1.0 / (1.0 + half)
    return scaled(values, lambda: 1.0 / (1.0 / a + 0.5 * a), lambda: (2.0 * share - 1.0) * share, c)


def _far(a: Array) -> float:
    """Return a bound whose square is still in range, although far above 1 / epsilon."""
    return HUGE if a.dtype == np.float64 else 1e15


@loss(example=EXAMPLE | {"c": 0.5}, hessian_diagonal=True, bound=ELEMENTWISE)
def welsch(predictions: Real, labels: RealLabel, *, c: Positive = 1.0) -> Evaluation:
    r"""One minus a Gaussian of the error, so that an outlier has loss 1 and no influence.

    Use: Robust regression where outliers must have no influence, as in registration.
    Formula: \ell = 1 - \exp\left(-\frac{e^2}{2 c^2}\right), \quad e = x - t
    Where: x `predictions`; t `labels`
    c: scale of the errors.
    Synonyms: leclerc, correntropy, welsch_loss
    Reference: Dennis and Welsch, Techniques for nonlinear least squares and robust regression, 1978, Communications in Statistics B 7
    """
    a = (predictions - labels) / c
    exponent = (-0.5 * a) * a

    def curvature() -> Array:
        return np.where(np.isinf(exponent), 0.0, 1.0 + 2.0 * exponent).astype(a.dtype, copy=False) * np.exp(exponent)

    return scaled(-np.expm1(exponent), lambda: a * np.exp(exponent), curvature, c)


@loss(example=EXAMPLE | {"c": 0.5}, hessian_diagonal=True, bound=ELEMENTWISE)
def geman_mcclure(predictions: Real, labels: RealLabel, *, c: Positive = 1.0) -> Evaluation:
    r"""Rational function of the squared error that tends to 2; equal to barron_general_robust with alpha -2, as in kornia.

    Use: Robust regression where outliers must have little influence, as in pose graphs.
    Formula: \ell = \frac{2 (e / c)^2}{(e / c)^2 + 4}, \quad e = x - t
    Where: x `predictions`; t `labels`
    c: scale of the errors; the classic form e^2 / (e^2 + s^2) is half this loss with c = s / 2.
    Synonyms: geman_mcclure_loss, gm
    Reference: Geman and McClure, Bayesian image analysis: an application to single photon emission tomography, 1985
    """
    a = (predictions - labels) / c
    share = 1.0 / (4.0 + a * a)
    return scaled(
        2.0 / (1.0 + (2.0 / a) * (2.0 / a)),
        lambda: 16.0 * share / (a + 4.0 / a),
        lambda: 16.0 * (16.0 * share - 3.0) * share * share,
        c,
    )


@loss(
    example=EXAMPLE | {"alpha": -1.0, "c": 0.5},
    hessian_diagonal=True,
)
def barron_general_robust(predictions: Real, labels: RealLabel, *, alpha: float = 1.0, c: Positive = 1.0) -> Evaluation:
    r"""General robust loss of one family: squared error (alpha 2), pseudo_huber (1), cauchy (0), geman_mcclure (-2) and welsch (alpha to minus infinity).

    At the removable singularities, alpha 0 and 2, the loss is the limit.

    Use: Robust regression where the shape of the loss is tuned or learned.
    Formula: \ell = \frac{b}{\alpha} \left( \left( \frac{(e/c)^2}{b} + 1 \right)^{\alpha / 2} - 1 \right), \quad b = |\alpha - 2|, \quad e = x - t
    Where: x `predictions`; t `labels`
    alpha: shape; smaller values reduce the influence of outliers.
    c: scale of the errors.
    Synonyms: general_robust, adaptive_robust, robust_loss
    Reference: Barron, A General and Adaptive Robust Loss Function, 2019, arXiv:1701.03077, equation 1
    """
    a = (predictions - labels) / c
    if alpha == 2:
        return scaled((0.5 * a) * a, lambda: a, lambda: np.ones_like(a), c)
    b = abs(alpha - 2.0)
    z = a / math.sqrt(b)
    root = np.hypot(z, 1.0)
    half_log = np.where(np.abs(z) < 1.0, 0.5 * np.log1p(z * z), np.log(root))  # of 1 + a^2 / b

    def power(exponent: float) -> Array:
        """Return the power of `root`, by the logarithm where that is more accurate."""
        return np.where(np.abs(exponent * half_log) < 1.0, np.exp(exponent * half_log), root**exponent)

    if alpha == 0:
        values = 2.0 * half_log
    else:
        y = alpha * half_log
        values = (b / alpha) * np.where(y < 1.0, np.expm1(y), root**alpha - 1.0)
    bend = (alpha - 2.0) * (z / root) * (z / root)
    return scaled(values, lambda: (a / root) * power(alpha - 1.0), lambda: power(alpha - 2.0) * (1.0 + bend), c)


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def arctan(predictions: Real, labels: RealLabel) -> Evaluation:
    r"""Arctangent of the squared error, as in scipy's least_squares.

    Use: Robust regression where a single residual must be bounded.
    Formula: \ell = \arctan\left((x - t)^2\right)
    Where: x `predictions`; t `labels`
    Synonyms: arctan_loss
    Reference: scipy, optimize.least_squares, loss="arctan"
    """
    error = predictions - labels
    square = error * error
    share = 1.0 / (1.0 + square * square)
    return by_error(np.arctan(square), lambda: 2.0 / (1.0 / error + square * error), lambda: 2.0 * share * (4.0 * share - 3.0))


@loss(example=EXAMPLE | {"c": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE)
def tukey_biweight(predictions: Real, labels: RealLabel, *, c: Positive = 4.685) -> Evaluation:
    r"""Tukey's biweight: about half the squared error near zero, constant beyond c.

    Use: Robust regression where outliers must have no influence, as in M-estimation.
    Formula: \ell = \frac{c^2}{6} \left( 1 - \left( 1 - (e / c)^2 \right)^3 \right) \text{ where } |e| \le c, \text{ else } \frac{c^2}{6}, \quad e = x - t
    Where: x `predictions`; t `labels`
    c: error beyond which the loss is constant; 4.685 is 95 % efficient for normal errors.
    Synonyms: bisquare, biweight, TukeyBiweight, tukey
    Reference: Beaton and Tukey, The Fitting of Power Series, 1974, Technometrics 16
    """
    error = predictions - labels
    a = np.clip(error / c, -1.0, 1.0)
    square = a * a
    rest = (1.0 - a) * (1.0 + a)
    return by_error(
        (c * c / 6.0) * (square * (3.0 - square * (3.0 - square))),
        lambda: (c * a) * (rest * rest),
        lambda: rest * (1.0 - 5.0 * square),
    )


@loss(example=EXAMPLE | {"width": 0.6}, hessian_diagonal=True, bound=ELEMENTWISE)
def wing(predictions: Real, labels: RealLabel, *, width: Positive = 5.0, curvature: Positive = 0.5) -> Evaluation:
    r"""Wing loss: logarithmic up to a width and linear beyond, so that small errors keep their influence.

    The gradient is 0 at an error of 0, where the slope jumps from -w / epsilon to w / epsilon.

    Use: Face alignment and other localization of landmarks by regression.
    Formula: \ell = w \log(1 + |e| / \epsilon) \text{ where } |e| < w, \text{ else } |e| - w + w \log(1 + w / \epsilon), \quad e = x - t
    Where: x `predictions`; t `labels`
    width: w, the error at which the loss changes from logarithmic to linear.
    curvature: epsilon; smaller values make the loss steeper at zero.
    Synonyms: wing_loss, WingLoss
    Reference: Feng et al., Wing Loss for Robust Facial Landmark Localisation with CNNs, 2018, arXiv:1711.06753, equation 5
    """
    error = predictions - labels
    size = np.abs(error)
    inside = size < width
    beyond = width * math.log1p(width / curvature)
    values = np.where(inside, width * np.log1p(size / curvature), (size - width) + beyond)
    slope = np.where(inside, width / (curvature + size), 1.0).astype(error.dtype, copy=False)
    return by_error(values.astype(error.dtype, copy=False), lambda: np.sign(error) * slope, lambda: inside * (-slope / (curvature + size)))


@loss(example=EXAMPLE | {"beta": 0.5}, hessian_diagonal=True, bound=ELEMENTWISE)
def balanced_l1(predictions: Real, labels: RealLabel, *, alpha: Positive = 0.5, gamma: Positive = 1.5, beta: Positive = 1.0) -> Evaluation:
    r"""Balanced L1 loss: linear with slope gamma beyond beta, with a logarithmically rising slope near zero; the box loss of Libra R-CNN.

    Value and slope are continuous for every beta. mmdetection's formula agrees for beta 1. Otherwise its value is continuous, but its slope is not 0
    at 0 and jumps at beta. With beta 0.5, its loss of an error of 0.25 is 0.231137, here 0.200284; of an error of 1 it is 1.328594, here 1.289297.

    Use: Bounding box regression in object detection, balanced between easy and hard samples.
    Formula: \ell = \frac{\alpha \beta}{b} \left( (1 + u) \log(1 + u) - u \right) \text{ where } |e| < \beta, \text{ else } \gamma |e| + \frac{\gamma \beta}{b} - \alpha \beta, \quad u = \frac{b |e|}{\beta}, \quad b = e^{\gamma / \alpha} - 1
    alpha: growth of the slope; smaller values increase the influence of small errors.
    gamma: slope beyond beta.
    beta: error from which the slope is gamma.
    Synonyms: BalancedL1Loss, balanced_l1_loss
    Reference: Pang et al., Libra R-CNN: Towards Balanced Learning for Object Detection, 2019, arXiv:1904.02701, equation 9
    """
    if not 1e-300 < gamma / alpha < 700:
        raise InvalidOption("gamma", f"out of range; expected a ratio to alpha between 1e-300 and 700, got {gamma / alpha:.3g}")
    error = predictions - labels
    b = math.expm1(gamma / alpha)
    size = np.abs(error)
    inside = size < beta
    u = b * (np.minimum(size, beta) / beta)
    at_beta = float((alpha * beta / b) * xlogx_excess(np.array(b)))
    values = np.where(inside, (alpha * beta / b) * xlogx_excess(u), gamma * (size - beta) + at_beta)
    return by_error(
        values.astype(error.dtype, copy=False),
        lambda: np.sign(error) * np.where(inside, alpha * np.log1p(u), gamma).astype(error.dtype, copy=False),
        lambda: inside * ((alpha * b / beta) / (1.0 + u)),
    )


@loss(example=EXAMPLE | {"a": 0.2}, hessian_diagonal=True, bound=ELEMENTWISE)
def andrews_wave(predictions: Real, labels: RealLabel, *, a: Positive = 1.339) -> Evaluation:
    r"""Andrews' wave: about half the squared error near zero, a cosine up to a pi, constant beyond.

    Use: Robust regression where outliers must have no influence, as in M-estimation.
    Formula: \ell = a^2 \left( 1 - \cos(e / a) \right) \text{ where } |e| \le a \pi, \text{ else } 2 a^2, \quad e = x - t
    Where: x `predictions`; t `labels`
    a: the loss is constant for errors beyond a pi; 1.339 is 95 % efficient for normal errors.
    Synonyms: andrews, andrew_wave, AndrewWave, wave
    Reference: Andrews, A Robust Method for Multiple Linear Regression, 1974, Technometrics 16; statsmodels AndrewWave
    """
    error = predictions - labels
    angle = error / a
    inside = np.abs(angle) <= math.pi
    half = np.sin(0.5 * np.where(inside, angle, math.pi)).astype(error.dtype, copy=False)
    return by_error(
        (2.0 * a * a) * (half * half),
        lambda: np.where(inside, a * np.sin(angle), 0.0).astype(error.dtype, copy=False),
        lambda: np.where(inside, np.cos(angle), 0.0).astype(error.dtype, copy=False),
    )


@loss(example=EXAMPLE | {"a": 0.2, "b": 0.25, "c": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE)
def hampel(predictions: Real, labels: RealLabel, *, a: Positive = 2.0, b: Positive = 4.0, c: Positive = 8.0) -> Evaluation:
    r"""Hampel's three-part loss: half the squared error up to a, linear up to b, with falling slope up to c, constant beyond.

    Use: Robust regression where outliers must have no influence, as in M-estimation.
    Formula: \ell = \frac{e^2}{2} \text{ to } a, \; a |e| - \frac{a^2}{2} \text{ to } b, \; \frac{a (b + c - a)}{2} - \frac{a (c - |e|)^2}{2 (c - b)} \text{ to } c, \; \frac{a (b + c - a)}{2} \text{ beyond}, \quad e = x - t
    Where: x `predictions`; t `labels`
    a: error at which the loss changes from quadratic to linear.
    b: error from which the slope falls; at least a.
    c: error from which the slope is 0; more than b.
    Synonyms: hampel_loss, Hampel, hampel_three_part
    Reference: Hampel, The Influence Curve and its Role in Robust Estimation, 1974, Journal of the American Statistical Association 69; statsmodels Hampel
    """
    if not a <= b < c:
        raise InvalidOption("b", f"out of order; expected a <= b < c with a = {a} and c = {c}, got {b}")
    error = predictions - labels
    size = np.abs(error)
    first, second = np.minimum(size, a), np.clip(size, a, b) - a
    third = np.clip(size, b, c) - b
    width = c - b
    falling = np.maximum((c - size) / width, 0.0)
    values = first * (0.5 * first) + a * second + a * (third * (1.0 - 0.5 * (third / width)))
    slope = np.where(size <= b, first, a * falling).astype(error.dtype, copy=False)
    return by_error(
        values,
        lambda: np.sign(error) * slope,
        lambda: ((size <= a) * 1.0 - ((size > b) & (size <= c)) * (a / width)).astype(error.dtype, copy=False),
    )


@loss(example=EXAMPLE | {"c": 0.4}, hessian_diagonal=True, bound=ELEMENTWISE)
def berhu(predictions: Real, labels: RealLabel, *, c: Positive = 1.0) -> Evaluation:
    r"""Reverse Huber loss: the absolute error up to c, quadratic beyond. The gradient at an error of 0 is 0.

    In the paper, c is a fifth of the largest error in the batch, and constant in the gradient.

    Use: Monocular depth estimation by regression.
    Formula: \ell = |e| \text{ where } |e| \le c, \text{ else } \frac{e^2 + c^2}{2 c}, \quad e = x - t
    Where: x `predictions`; t `labels`
    c: error at which the loss changes from linear to quadratic.
    Synonyms: reverse_huber, BerHuLoss, inverse_huber
    Reference: Laina et al., Deeper Depth Prediction with Fully Convolutional Residual Networks, 2016, arXiv:1606.00373, equation 1
    """
    error = predictions - labels
    size = np.abs(error)
    beyond = size > c
    ratio = np.maximum(size / c, 1.0)
    return by_error(
        np.where(beyond, 0.5 * (size * ratio) + 0.5 * c, size).astype(error.dtype, copy=False),
        lambda: np.sign(error) * ratio,
        lambda: (beyond / c).astype(error.dtype, copy=False),
    )


@loss(example={"predictions": [0.7, 0.2, 0.1], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True)
def adaptive_wing(
    predictions: Real,
    labels: Heat,
    *,
    alpha: Annotated[float, annotated_types.Ge(2)] = 2.1,
    omega: Positive = 14.0,
    epsilon: Positive = 1.0,
    theta: Positive = 0.5,
) -> Evaluation:
    r"""Wing loss for heatmaps: steep near zero where the true heat is 1, flat on the background.

    Use: Face alignment and pose estimation by heatmaps of landmarks.
    Formula: \ell = \omega \log\left(1 + |e / \epsilon|^p\right) \text{ where } |e| < \theta, \text{ else } A (|e| - \theta) + \omega \log\left(1 + q\right), \quad p = \alpha - t, \; q = (\theta / \epsilon)^p, \; A = \frac{\omega p q}{\theta (1 + q)}, \; e = x - t
    Where: x `predictions`; t `labels`
    alpha: exponent where the heat is 0; at least 2, so that the slope is bounded where the heat is 1.
    omega: height of the logarithmic part.
    epsilon: scale of the errors.
    theta: error at which the loss changes from logarithmic to linear.
    Synonyms: awing, AWingLoss, AdaptiveWingLoss
    Reference: Wang, Bo and Fuxin, Adaptive Wing Loss for Robust Face Alignment via Heatmap Regression, 2019, arXiv:1904.07399, equation 3
    """
    error = predictions - labels
    size = np.abs(error)
    inside = size < theta
    p = alpha - labels
    ratio = np.minimum(size, theta) / epsilon
    raised = ratio**p
    share = 1.0 / (1.0 + raised)
    steep = omega * p * share * (ratio ** (p - 1.0) / epsilon)
    values = omega * np.log1p(raised) + steep * np.maximum(size - theta, 0.0)
    return elementwise(
        values,
        {"predictions": lambda c: c * (np.sign(error) * steep)},
        {"predictions": lambda c: c * (inside * (omega * p * share * share * ((p - 1.0) - raised) * (ratio ** (p - 2.0) / epsilon / epsilon)))},
    )


Quantiles = Annotated[Array, TensorSpec("n q", gradient="default", description="predicted quantiles")]
Draws = Annotated[Array, TensorSpec("n m", gradient="on request", description="draws from the true distribution, or its quantiles")]
Levels = Annotated[Array, TensorSpec("q", domain=UNIT, description="levels of the predicted quantiles; default: the midpoints (i + 1/2) / q")]


@loss(
    example={"predictions": [[0.1, 0.5, 0.9]], "labels": [[0.4, 1.0]]},
    hessian_diagonal=True,
    work=Work("60 n q m", "60 n q m"),
)
def quantile_huber(predictions: Quantiles, labels: Draws, *, quantiles: Levels | None = None, kappa: Positive = 1.0) -> Evaluation:
    r"""Quantile Huber loss of every predicted quantile against every draw, as in distributional reinforcement learning.

    Labels are constants by default, as in quantile regression DQN; name them in wrt for their gradient.

    Use: Distributional reinforcement learning (QR-DQN), by quantiles of the return.
    Formula: \ell_i = \sum_q \frac{1}{m} \sum_j \left| \tau_q - [u < 0] \right| \frac{H_\kappa(u)}{\kappa}, \quad u = t_{ij} - x_{iq}, \quad H_\kappa = \mathrm{huber}
    Where: x `predictions`; t `labels`
    kappa: error at which the loss changes from quadratic to linear.
    Divisor: the number of samples; losses are summed over quantiles and averaged over draws
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
