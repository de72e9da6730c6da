"""Multivariate forecasts: a normal distribution with correlations, and scores of ensembles."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Bound, Domain, Positive, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, per_sample_sum, spread
from service.losses.numerics.special import HALF_LOG_TWO_PI, log_ratio
from service.losses.numerics.vectors import norms
from service.losses.registry import loss

Mean = Annotated[Array, TensorSpec("n d", gradient="default", description="predicted means")]
TrueVector = Annotated[Array, TensorSpec("n d", gradient="on request", description="true vectors")]
Cholesky = Annotated[
    Array,
    TensorSpec("n d d", gradient="default", description="lower factor of each covariance, without 0 on its diagonal; entries above it are ignored"),
]
PairWeight = Annotated[Array, TensorSpec("d d", domain=Domain(low=0), description="weight of each pair of coordinates; default 1")]
Members = Annotated[Array, TensorSpec("n m d", gradient="default", description="members of the predicted ensemble")]


@loss(
    example={"predictions": [[0.5, -0.2]], "labels": [[1.0, 0.3]], "scale_tril": [[[1.0, 0.0], [0.4, 0.8]]]},
    bound=Bound(1e-13, 1e-11, "a triangular system multiplies roundings by its condition number"),
    hessian_diagonal=True,
)
def multivariate_gaussian_nll(predictions: Mean, labels: TrueVector, scale_tril: Cholesky) -> Evaluation:
    r"""Negative log-likelihood of a normal distribution with full covariance, given by its Cholesky factor as in torch.distributions.

    A column of the factor may have either sign; the covariance is the same.

    Use: Probabilistic regression of correlated numbers with uncertainty.
    Formula: \ell_i = \sum_k \log |L_{kk}| + \frac{1}{2} \left\| L^{-1} (x - t) \right\|^2 + \frac{d}{2} \log 2\pi, \quad \Sigma = L L^\top
    Where: x `predictions`; t `labels`
    Divisor: the number of samples
    Synonyms: MultivariateNormal, mvn_nll, multivariate_normal_nll, MultivariateNormalDistributionLoss
    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, equation 2.43
    """
    n, d = predictions.shape
    factor = np.tril(scale_tril)
    diagonal = np.einsum("nkk->nk", factor)
    if (diagonal == 0).any():
        at = np.argwhere(diagonal == 0)[0]
        raise InvalidTensor("scale_tril", "singular covariance; expected a non-zero diagonal, got 0", (int(at[0]), int(at[1]), int(at[1])))
    z = np.empty_like(predictions)
    error = predictions - labels
    for k in range(d):  # forward substitution, for all samples at once
        z[:, k] = error[:, k] / diagonal[:, k] - (factor[:, k, :k] / diagonal[:, k, None] * z[:, :k]).sum(axis=1)

    def back() -> Array:
        """L^-T z."""
        w = np.empty_like(z)
        for k in reversed(range(d)):
            w[:, k] = (z[:, k] - (factor[:, k + 1 :, k] * w[:, k + 1 :]).sum(axis=1)) / diagonal[:, k]
        return w

    def of_factor() -> Array:
        out = -np.tril(back()[:, :, None] * z[:, None, :])
        at = np.arange(d)
        out[:, at, at] += 1.0 / diagonal
        return out

    def bend() -> Array:
        """The diagonal of the inverse covariance: the squares of L^-1, summed by column."""
        inverse = np.zeros_like(factor)
        for k in range(d):
            inverse[:, k, k] = 1.0 / diagonal[:, k]
            inverse[:, k, :k] = -(factor[:, k, None, :k] @ inverse[:, :k, :k])[:, 0] / diagonal[:, k, None]
        return np.square(inverse).sum(axis=1)

    values = per_sample_sum(np.log(np.abs(diagonal)) + (0.5 * z) * z) + d * HALF_LOG_TWO_PI
    return Evaluation(
        np.where(np.isnan(values), np.inf, values),  # a coordinate of z out of range, and so its square
        np.ones(n),
        {
            "predictions": lambda c: spread(c, z) * back(),
            "labels": lambda c: -spread(c, z) * back(),
            "scale_tril": lambda c: spread(c, factor) * of_factor(),
        },
        hessian_diagonal={"predictions": lambda c: spread(c, z) * bend(), "labels": lambda c: spread(c, z) * bend()},
    )


@loss(
    example={"predictions": [[[0.1, 0.7], [1.2, 0.3], [0.4, 0.4]]], "labels": [[0.5, 0.5]]},
    hessian_diagonal=True,
    work=Work("100 n m m d", "48 n m m d"),
)
def energy_score(predictions: Members, labels: TrueVector) -> Evaluation:
    r"""Energy score of an ensemble of vectors, the multivariate continuous ranked probability score; equal to crps_ensemble for one coordinate.

    The gradient of the distance of two equal vectors is 0.

    Use: Probabilistic forecasting of vectors by an ensemble.
    Formula: \ell_i = \frac{1}{m} \sum_j \|x_{ij} - t_i\| - \frac{1}{2 m^2} \sum_{j,k} \|x_{ij} - x_{ik}\|
    Where: x `predictions`; t `labels`
    Divisor: the number of samples
    Synonyms: es_ensemble, multivariate_crps, energy_score_ensemble
    Reference: Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, equation 22
    """
    m = predictions.shape[1]
    to_label, between = predictions - labels[:, None, :], predictions[:, :, None, :] - predictions[:, None, :, :]
    away, apart = norms(to_label), norms(between)

    def directions(gaps: Array, lengths: Array) -> Array:
        return divide_or_zero(gaps, lengths[..., None])

    def bends(gaps: Array, lengths: Array) -> Array:
        return divide_or_zero(1.0 - directions(gaps, lengths) ** 2, lengths[..., None])

    return Evaluation(
        away.sum(axis=1, dtype=np.float64) / m - apart.sum(axis=(1, 2), dtype=np.float64) / (2 * m * m),
        np.ones(len(labels)),
        {
            "predictions": lambda c: spread(c, predictions) * (directions(to_label, away) / m - directions(between, apart).sum(axis=2) / (m * m)),
            "labels": lambda c: -spread(c, labels) * (directions(to_label, away).sum(axis=1) / m),
        },
        hessian_diagonal={
            "predictions": lambda c: spread(c, predictions) * (bends(to_label, away) / m - bends(between, apart).sum(axis=2) / (m * m)),
            "labels": lambda c: spread(c, labels) * (bends(to_label, away).sum(axis=1) / m),
        },
    )


@loss(
    example={"predictions": [[[0.1, 0.7], [1.2, 0.3], [0.4, 0.4]]], "labels": [[0.5, 0.2]]},
    bound=Bound(1e-14, 1e-13, "differences of coordinates are rounded to the last place of the larger one", "tensor"),
    hessian_diagonal=True,
    work=Work("100 n m d d", "64 n m d d"),
)
@in_float64
def variogram_score(predictions: Members, labels: TrueVector, weight: PairWeight | None = None, *, p: Positive = 0.5) -> Evaluation:
    r"""Variogram score: squared errors of the ensemble's mean powers of coordinate differences; sensitive to wrong correlations, unlike the energy score.

    The sum is over all ordered pairs, as in scoringrules, so each pair is included twice. Adding a constant to all coordinates has no effect. The derivative of
    a power of a difference of 0 is 0.

    Use: Probabilistic forecasting of vectors by an ensemble, with correct correlations.
    Formula: \ell_i = \sum_{a,b} w_{ab} \left( |t_{ia} - t_{ib}|^p - \frac{1}{m} \sum_j |x_{ija} - x_{ijb}|^p \right)^2
    Where: x `predictions`; t `labels`
    p: order of the variogram; 1/2 in the paper, 1 by default in scoringrules.
    Divisor: the number of samples
    Synonyms: vs_ensemble, variogram, VS
    Reference: Scheuerer and Hamill, Variogram-Based Proper Scoring Rules for Probabilistic Forecasts of Multivariate Quantities, 2015, Monthly Weather Review 143
    """
    m, d = predictions.shape[1:]
    w = np.ones((d, d)) if weight is None else weight
    apart, true = predictions[..., :, None] - predictions[..., None, :], (labels[:, :, None] - labels[:, None, :])[:, None]
    excess = _powers_apart(np.abs(apart), np.abs(true), p).mean(axis=1)
    both = (w + w.T) * excess

    def power(x: Array, order: float) -> Array:
        """Return |x|^order with the sign of x, 0 at 0."""
        size = np.abs(x)
        return np.sign(x) * np.power(size, order, out=np.zeros_like(x), where=size > 0)

    def pulled(x: Array) -> Array:
        return 2.0 * p * np.where(both[:, None] == 0, 0.0, both[:, None] * power(x, p - 1.0)).sum(axis=-1)

    def bent(x: Array, share: float) -> Array:
        slope = (w + w.T) * (p * power(x, p - 1.0)) ** 2
        return 2.0 * (share * slope + p * (p - 1.0) * both[:, None] * np.abs(power(x, p - 2.0))).sum(axis=-1)

    values = per_sample_sum(np.where(w == 0, 0.0, w * excess * excess))
    return Evaluation(
        np.where(np.isnan(values), np.inf, values),
        np.ones(len(labels)),
        {
            "predictions": lambda c: spread(c, predictions) * (pulled(apart) / m),
            "labels": lambda c: -spread(c, labels) * pulled(true)[:, 0],
        },
        hessian_diagonal={
            "predictions": lambda c: spread(c, predictions) * (bent(apart, 1.0 / m) / m),
            "labels": lambda c: -spread(c, labels) * bent(true, -1.0)[:, 0],
        },
    )


def _powers_apart(a: Array, b: Array, p: float) -> Array:
    """Return a^p - b^p for a and b >= 0, accurate where they are nearly equal."""
    gap = p * log_ratio(*np.broadcast_arrays(a, b))
    near = np.abs(gap) < 0.7
    close = np.where(a == b, 0.0, b**p * np.expm1(np.where(near, gap, 0.0)))
    return np.where(near | (a == b), close, a**p - b**p)
