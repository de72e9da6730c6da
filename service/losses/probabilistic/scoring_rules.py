"""Proper scoring rules of probabilities, ensembles and intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import UNIT, Domain, Probability, ProbabilityLabel, RealLabel, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_size, per_sample_sum, spread
from service.losses.registry import loss

Bounds = Annotated[Array, TensorSpec("n ...", gradient="default", description="a predicted end of the interval")]
ClassProbabilities = Annotated[
    Array, TensorSpec("n c", domain=UNIT, gradient="default", description="probability of each class, in the order of the classes")
]
OrderedClass = Annotated[Array, TensorSpec("n", kind="integer", below="c", description="index of the true class")]
Ensemble = Annotated[Array, TensorSpec("n m", gradient="default", description="members of the predicted ensemble")]
Observed = Annotated[Array, TensorSpec("n", gradient="on request", description="true values")]


@loss(example={"predictions": [0.8, 0.3, 0.6], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True)
def brier_score(predictions: Probability, labels: ProbabilityLabel, *, over_classes: Literal["each", "sum"] = "each") -> Evaluation:
    r"""Brier score: the squared error of a probability.

    Use: Binary classification and forecasts that are judged by their calibration.
    Formula: \ell = (p - y)^2 \text{ or } \sum_k (p_k - y_k)^2
    Where: p `predictions`; y `labels`
    over_classes: each: every probability is that of a separate event, and the mean is over all; sum: axis 1 has the classes, whose squares are summed (Brier's form, between 0 and 2; twice scikit-learn's scale_by_half).
    Divisor: the number of elements; with over_classes sum, of elements over classes
    Synonyms: brier, brier_score_loss, BrierScore, quadratic_score
    Equivalents: sklearn.metrics.brier_score_loss
    Reference: Brier, Verification of forecasts expressed in terms of probability, 1950, Monthly Weather Review 78
    """
    if over_classes == "sum" and predictions.ndim < 2:
        raise InvalidTensor("predictions", f"wrong rank; expected classes on axis 1 for over_classes sum, got shape {predictions.shape}")
    error = predictions - labels
    return elementwise(
        error * error,
        {"predictions": lambda c: (2.0 * c) * error, "labels": lambda c: (-2.0 * c) * error},
        {name: lambda c: (2.0 * c) * np.ones_like(error) for name in ("predictions", "labels")},
        divisor=per_sample_size(error) / (predictions.shape[1] if over_classes == "sum" else 1),
    )


@loss(example={"predictions": [[0.1, 0.7, 1.2], [2.0, 2.5, 1.0]], "labels": [1.0, 2.2]}, hessian_diagonal=True)
def crps_ensemble(predictions: Ensemble, labels: Observed, *, estimator: Literal["empirical", "fair"] = "empirical") -> Evaluation:
    r"""Continuous ranked probability score of an ensemble.

    It is summed over the gaps between neighbors, where no term is negative, so that it is accurate for members far from the label and close to each other.
    Equal numbers have no gradient with respect to each other.

    Use: Probabilistic forecasting by an ensemble of samples, as in weather and energy.
    Formula: \ell_i = \frac{1}{m} \sum_j |x_{ij} - t_i| - \frac{1}{2 M} \sum_{j,k} |x_{ij} - x_{ik}|
    Where: x `predictions`; t `labels`
    estimator: empirical: M = m^2, the score of the ensemble's own distribution; fair: M = m (m - 1), unbiased for the distribution that the members come from (two members or more).
    Divisor: the number of samples
    Synonyms: crps_ens, ensemble_crps
    Reference: Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, equation 20; Ferro, Fair scores for ensemble forecasts, 2014
    """
    n, m = predictions.shape
    if estimator == "fair" and m < 2:
        raise InvalidTensor("predictions", "too few members; expected at least two for the fair estimator, got one")
    partners = m if estimator == "empirical" else m - 1
    points = np.concatenate([predictions, labels[:, None]], axis=1)
    order = np.argsort(points, axis=1, kind="stable")
    right = np.cumsum(order == m, axis=1)[:, :-1]  # True for gaps right of the label
    below = np.arange(1, m + 1) - right
    count = np.where(right == 1, m - below, below)
    weight = (count * (count - m + partners) / (m * partners)).astype(points.dtype)
    gaps = np.diff(np.take_along_axis(points, order, 1), axis=1)

    def member_slope() -> Array:
        side = np.sign(predictions - labels[:, None])
        return (side * partners - _rank_balance(predictions)) / predictions.dtype.type(m * partners)

    return Evaluation(
        (weight * gaps).sum(axis=1, dtype=np.float64),
        np.ones(n),
        {
            "predictions": lambda c: spread(c, predictions) * member_slope(),
            "labels": lambda c: -spread(c, labels) * (np.sign(predictions - labels[:, None]).sum(axis=1) / m),
        },
        hessian_diagonal={"predictions": lambda c: np.zeros_like(predictions), "labels": lambda c: np.zeros_like(labels)},
    )


def _rank_balance(x: Array) -> Array:
    """Return the count of smaller numbers in the row minus that of greater ones, for each number."""
    order = np.argsort(x, axis=1, kind="stable")
    ordered = np.take_along_axis(x, order, 1)
    m, index = x.shape[1], np.arange(x.shape[1])
    new = np.diff(ordered, axis=1, prepend=ordered[:, :1] - 1.0) != 0
    new[:, 0] = True
    last = np.ones_like(new)
    last[:, :-1] = new[:, 1:]
    first_equal = np.maximum.accumulate(np.where(new, index, 0), axis=1)
    last_equal = np.minimum.accumulate(np.where(last, index, m)[:, ::-1], axis=1)[:, ::-1]
    out = np.empty_like(x)
    np.put_along_axis(out, order, (first_equal - (m - 1 - last_equal)).astype(x.dtype), 1)
    return out


@loss(
    example={"lower": [0.0, 1.0], "upper": [2.0, 1.5], "labels": [2.5, 1.2]},
    hessian_diagonal=True,
)
def interval_score(
    lower: Bounds, upper: Bounds, labels: RealLabel, *, alpha: Annotated[float, annotated_types.Gt(0), annotated_types.Le(1)] = 0.1
) -> Evaluation:
    r"""Interval score: the width of a central prediction interval plus a penalty on labels outside it. The penalty's gradient at the edge is 0.

    Use: Prediction intervals in forecasting.
    Formula: \ell = (u - l) + \frac{2}{\alpha} \max(0, l - t) + \frac{2}{\alpha} \max(0, t - u)
    lower: l, the lower ends: quantiles alpha / 2.
    upper: u, the upper ends: quantiles 1 - alpha / 2.
    alpha: expected share of labels outside; 0.1 for a 90 % interval.
    Synonyms: winkler_score, winkler, mean_interval_score
    Reference: Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, equation 43
    """
    fine = 2.0 / alpha
    short, over = lower - labels, labels - upper
    under, beyond = fine * (short > 0), fine * (over > 0)
    zeros = {name: lambda c: np.zeros_like(c * short) for name in ("lower", "upper", "labels")}
    return elementwise(
        (upper - lower) + fine * np.maximum(short, 0.0) + fine * np.maximum(over, 0.0),
        {
            "lower": lambda c: c * (under - 1.0).astype(short.dtype, copy=False),
            "upper": lambda c: c * (1.0 - beyond).astype(short.dtype, copy=False),
            "labels": lambda c: c * (beyond - under).astype(short.dtype, copy=False),
        },
        zeros,
    )


Ends = Annotated[Array, TensorSpec("n ... k", gradient="default", description="predicted ends of k central intervals")]
Median = Annotated[Array, TensorSpec("n ...", gradient="default", description="predicted medians")]
Alphas = Annotated[
    Array, TensorSpec("k", domain=Domain(0, 1, low_open=True), description="expected share of labels outside of each interval: 0.1 for one of 90 %")
]


@loss(
    example={"lower": [[0.0, 0.5]], "upper": [[2.0, 1.5]], "median": [1.0], "labels": [1.7], "alphas": [0.1, 0.5]},
    hessian_diagonal=True,
    work=Work(memory="48 n ... k"),
)
def weighted_interval_score(lower: Ends, upper: Ends, median: Median, labels: RealLabel, alphas: Alphas) -> Evaluation:
    r"""Weighted interval score: interval scores of several central intervals and the absolute error of the median, an approximation of the CRPS.

    The weights are those of the paper: alpha / 2 for intervals, 1/2 for the median. It is twice the mean pinball loss of all the quantiles. scoringrules 0.10 adds m / 2 in place of
    |t - m| / 2: in the example it gives 0.42, here 0.36. The gradient at the edge of an interval is that of a label inside, and 0 at an error of 0 of the median.

    Use: Probabilistic forecasting by quantiles or intervals, as in the hubs of epidemic forecasts.
    Formula: \ell = \frac{1}{K + \frac{1}{2}} \left( \frac{|t - m|}{2} + \sum_{k=1}^K \left( \frac{\alpha_k}{2} (u_k - l_k) + \max(0, l_k - t) + \max(0, t - u_k) \right) \right)
    Where: t `labels`; m `median`; K the number of intervals
    lower: l, the lower ends: quantiles alpha / 2.
    upper: u, the upper ends: quantiles 1 - alpha / 2.
    Divisor: the number of labels
    Synonyms: WIS, wis
    Reference: Bracher et al., Evaluating epidemic forecasts in an interval format, 2021, arXiv:2005.12881, equation 1
    """
    share = 1.0 / (lower.shape[-1] + 0.5)
    t = labels[..., None]
    under, over = (lower > t).astype(t.dtype), (t > upper).astype(t.dtype)
    half = (0.5 * alphas).astype(t.dtype, copy=False)
    error = median - labels
    penalties = half * (upper - lower) + np.maximum(lower - t, 0.0) + np.maximum(t - upper, 0.0)
    beyond = (over - under).sum(axis=-1)
    zeros: dict[str, Callable[[Array], Array]] = {"lower": lambda c: np.zeros_like(lower), "upper": lambda c: np.zeros_like(upper)}
    return elementwise(
        share * (0.5 * np.abs(error) + penalties.sum(axis=-1)),
        {
            "lower": lambda c: (share * c)[..., None] * (under - half),
            "upper": lambda c: (share * c)[..., None] * (half - over),
            "median": lambda c: (0.5 * share * c) * np.sign(error),
            "labels": lambda c: (share * c) * (beyond - 0.5 * np.sign(error)),
        },
        zeros | {name: lambda c: np.zeros_like(error) for name in ("median", "labels")},
    )


@loss(example={"predictions": [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], "labels": [0, 1]}, hessian_diagonal=True)
def ranked_probability_score(predictions: ClassProbabilities, labels: OrderedClass) -> Evaluation:
    r"""Ranked probability score: the sum of the squared errors of the cumulative probabilities of ordered classes.

    The last cumulative probability is taken as 1 and omitted, so the sum has c - 1 terms.

    Use: Probabilistic forecasting of ordered classes.
    Formula: \ell_i = \sum_{k=1}^{c-1} \left( \sum_{j \le k} p_{ij} - [y_i \le k] \right)^2
    Where: p `predictions`; y `labels`
    Divisor: the number of samples
    Synonyms: RPS, rps_score, earth_movers_distance_squared
    Reference: Epstein, A Scoring System for Probability Forecasts of Ranked Categories, 1969, Journal of Applied Meteorology 8
    """
    n, classes = predictions.shape
    reached = labels[:, None] <= np.arange(classes - 1)
    error = np.cumsum(predictions[:, :-1], axis=1) - reached.astype(predictions.dtype)

    def pullback(c: Array) -> Array:
        out = np.zeros_like(predictions)
        out[:, :-1] = np.cumsum(error[:, ::-1], axis=1)[:, ::-1]
        return (2.0 * spread(c, predictions)) * out

    return Evaluation(
        per_sample_sum(error * error),
        np.ones(n),
        {"predictions": pullback},
        hessian_diagonal={"predictions": lambda c: 2.0 * spread(c, predictions) * np.arange(classes - 1, -1, -1, dtype=predictions.dtype)},
    )


@loss(example={"predictions": [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], "labels": [0, 1]}, hessian_diagonal=True)
def spherical_score(predictions: ClassProbabilities, labels: OrderedClass) -> Evaluation:
    r"""Spherical score as a loss: one minus the cosine of the predicted probabilities with the true class.

    The loss is computed from the other classes' share, so that it is accurate for nearly certain predictions. Only the ratios within a row matter; a row of zeros is rejected.

    Use: Multiclass classification by a proper scoring rule that is bounded.
    Formula: \ell_i = 1 - \frac{p_{iy}}{\|p_i\|}
    Where: p `predictions`; y `labels`
    labels: index of the true class.
    Divisor: the number of samples
    Synonyms: spherical_loss, spherical_scoring_rule
    Reference: Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, example 2
    """
    largest = predictions.max(axis=1, keepdims=True)
    if (largest == 0).any():
        raise InvalidTensor("predictions", "zero vector; expected a row with a direction", (int(np.argmin(largest[:, 0])),))
    p = predictions / largest
    at_label = labels[:, None]
    own = np.take_along_axis(p, at_label, 1)
    others = p.copy()
    np.put_along_axis(others, at_label, 0.0, 1)
    rest = (others * others).sum(axis=1, keepdims=True)
    square = own * own + rest
    norm = np.sqrt(square)
    values = (rest / (norm * (norm + own)))[:, 0]

    def slope() -> Array:
        out = own * others / square / norm
        np.put_along_axis(out, at_label, -rest / square / norm, 1)
        return out / largest

    def curvature() -> Array:
        out = own * (square - 3.0 * others * others)
        np.put_along_axis(out, at_label, 3.0 * own * rest, 1)
        return out / square / square / norm / largest / largest

    return Evaluation(
        values.astype(np.float64),
        np.ones(len(values)),
        {"predictions": lambda c: spread(c, p) * slope()},
        lambda: values,
        {"predictions": lambda c: spread(c, p) * curvature()},
    )
