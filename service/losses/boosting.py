"""Objectives of gradient boosting: raw scores in, with the gradients and Hessians that the boosting libraries use.

Ask for reduction "sum" and outputs gradients and hessian_diagonal: each row's pair is what a custom objective returns. Where a
library puts another number in the Hessian's place (a constant, a floor, a larger one for shorter steps), that is the convention
here, and hessian_diagonal is not the derivative of the gradient. Row weights multiply both and are applied outside.
"""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.core import (
    ELEMENTWISE,
    BinaryLogits,
    ClassIndex,
    Evaluation,
    Fraction,
    Logits,
    NonNegative,
    Positive,
    ProbabilityLabel,
    loss,
)
from service.losses.numerics import Softmax, elementwise, exp_times, log1pexp_small, places, softplus
from service.losses.numerics import sigmoid as expit
from service.losses.ranking import ListMask, Scores, differences, discounts, gains, items, pairwise, preferred, ranks, relative
from service.losses.special import x_minus_log1p
from service.losses.tensors import Array, Domain, Tensor

Raw = Annotated[Array, Tensor("n ...", gradient="default", description="raw scores, the sums of the trees")]
RawLog = Annotated[Array, Tensor("n ...", gradient="default", description="raw scores, the logarithms of the means")]
Target = Annotated[Array, Tensor("n ...", description="true values")]
Count = Annotated[Array, Tensor("n ...", domain=Domain(low=0), description="true values, at least 0")]
Amount = Annotated[Array, Tensor("n ...", domain=Domain(low=0, low_open=True), description="true values, above 0")]
ListGrade = Annotated[
    Array, Tensor("n m", kind="integer", domain=Domain(0, 30), description="relevance grades y of the items; their gain is 2^y - 1")
]
VariancePower = Annotated[float, annotated_types.Gt(1), annotated_types.Lt(2)]
Truncation = Annotated[int, annotated_types.Ge(1)]

REGRESSION = {"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 0.0, 0.4]}
POSITIVE = {"predictions": [0.5, 0.2, -0.3], "labels": [1.0, 2.0, 0.5]}
FLOOR = 1e-16  # XGBoost's, of Hessians


def raw(values: Array, slope: Array, curvature: Array) -> Evaluation:
    """A value, gradient and Hessian for each raw score."""
    return elementwise(values, {"predictions": lambda c: c * slope}, {"predictions": lambda c: c * curvature})


# ------------------------------------------------------------------ errors


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_squared(predictions: Raw, labels: Target) -> Evaluation:
    r"""Half the squared error; Hessian 1.

    Formula: \ell = \tfrac12 (f - y)^2, \quad g = f - y, \quad h = 1
    Synonyms: reg:squarederror, HalfSquaredError_objective
    Reference: Friedman, Greedy Function Approximation, 2001; LightGBM regression, XGBoost reg:squarederror, scikit-learn HalfSquaredError
    """
    error = predictions - labels
    return raw(0.5 * error * error, error, np.ones_like(error))


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_absolute(predictions: Raw, labels: Target) -> Evaluation:
    r"""The absolute error; Hessian 1, where the true one is 0. The gradient at a tie is 0.

    LightGBM and XGBoost then replace each leaf's value by a median of residuals.

    Formula: \ell = |f - y|, \quad g = \mathrm{sign}(f - y), \quad h = 1
    Synonyms: regression_l1, reg:absoluteerror
    Reference: LightGBM regression_l1, XGBoost reg:absoluteerror, scikit-learn AbsoluteError
    """
    error = predictions - labels
    return raw(np.abs(error), np.sign(error), np.ones_like(error))


@loss(example=REGRESSION | {"alpha": 0.6}, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_huber(predictions: Raw, labels: Target, *, alpha: Positive = 0.9, convention: Literal["lightgbm", "sklearn"] = "lightgbm") -> Evaluation:
    r"""Half the squared error near zero, linear beyond alpha.

    Formula: \ell = \tfrac12 d^2 \text{ where } |d| \le \alpha, \text{ else } \alpha (|d| - \tfrac{\alpha}{2}), \quad g = \mathrm{clip}(d, -\alpha, \alpha), \quad d = f - y
    alpha: error at which the quadratic turns linear; scikit-learn's delta, which its boosting takes from a quantile of the errors.
    convention: the Hessian is 1 everywhere (lightgbm), or 1 inside and 0 beyond alpha (sklearn), the true one.
    Synonyms: huber_objective
    Reference: LightGBM huber, scikit-learn HuberLoss
    """
    error = predictions - labels
    slope = np.clip(error, -alpha, alpha)
    inside = (np.abs(error) <= alpha).astype(error.dtype)
    return raw(slope * (error - 0.5 * slope), slope, np.ones_like(error) if convention == "lightgbm" else inside)


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE)
def boosting_fair(predictions: Raw, labels: Target, *, fair_c: Positive = 1.0) -> Evaluation:
    r"""Half the squared error near zero, nearly linear far out.

    Formula: \ell = c^2 \left( \tfrac{|d|}{c} - \log(1 + \tfrac{|d|}{c}) \right), \quad g = \frac{c \, d}{|d| + c}, \quad h = \frac{c^2}{(|d| + c)^2}, \quad d = f - y
    fair_c: error at which the Hessian has fallen to a quarter.
    Synonyms: fair_objective
    Reference: LightGBM fair
    """
    error = predictions - labels
    size = np.abs(error)
    share = fair_c / (size + fair_c)
    return raw(fair_c * (fair_c * x_minus_log1p(size / fair_c)), fair_c * (error / (size + fair_c)), share * share)


@loss(example=REGRESSION | {"alpha": 0.9}, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_quantile(predictions: Raw, labels: Target, *, alpha: Fraction = 0.9) -> Evaluation:
    r"""The pinball loss of a quantile; Hessian 1, where the true one is 0. The gradient at a tie is 1 - alpha (scikit-learn: -alpha).

    Formula: \ell = \max(\alpha (y - f), (1 - \alpha)(f - y)), \quad g = 1 - \alpha \text{ where } f \ge y, \text{ else } -\alpha, \quad h = 1
    alpha: the quantile; scikit-learn's and XGBoost's default is 0.5.
    Synonyms: reg:quantileerror, PinballLoss_objective
    Reference: LightGBM quantile, XGBoost reg:quantileerror, scikit-learn PinballLoss
    """
    error = predictions - labels
    slope = np.where(error >= 0, 1.0 - alpha, -alpha).astype(error.dtype)
    return raw(slope * error, slope, np.ones_like(error))


@loss(example=REGRESSION, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_mape(predictions: Raw, labels: Target) -> Evaluation:
    r"""The absolute error as a share of the label, if that is above 1; Hessian 1, where the true one is 0. The gradient at a tie is 0.

    Formula: \ell = \frac{|f - y|}{\max(1, |y|)}, \quad g = \frac{\mathrm{sign}(f - y)}{\max(1, |y|)}, \quad h = 1
    Synonyms: mape_objective
    Reference: LightGBM mape
    """
    error, scale = predictions - labels, np.maximum(1.0, np.abs(labels))
    return raw(np.abs(error) / scale, np.sign(error) / scale, np.ones_like(error))


# ------------------------------------------------------------------ means through a logarithm


@loss(example=POSITIVE, hessian_diagonal=True, conventions=("hessian_diagonal",))
def boosting_poisson(
    predictions: RawLog,
    labels: Count,
    *,
    poisson_max_delta_step: NonNegative = 0.7,
    convention: Literal["lightgbm", "xgboost", "sklearn"] = "lightgbm",
) -> Evaluation:
    r"""The Poisson likelihood of counts whose log-mean is the score.

    Formula: \ell = e^f - y f, \quad g = e^f - y
    poisson_max_delta_step: makes the Hessian of lightgbm and xgboost larger, so that steps are shorter (XGBoost's max_delta_step).
    convention: the Hessian is e^(f + poisson_max_delta_step) (lightgbm, and xgboost up to 3.4; its code of 2026 has max(e^f, y)), or e^f (sklearn), the true one.
    Synonyms: count:poisson, poisson_objective, HalfPoissonLoss_objective
    Reference: LightGBM poisson, XGBoost count:poisson, scikit-learn HalfPoissonLoss
    """
    mean = np.exp(predictions)
    step = 0.0 if convention == "sklearn" else poisson_max_delta_step
    values = np.where(np.isinf(mean), mean, mean - labels * predictions)  # e^f outgrows every y f
    return raw(values, mean - labels, np.exp(predictions + step))


@loss(example=POSITIVE, hessian_diagonal=True)
def boosting_gamma(predictions: RawLog, labels: Amount) -> Evaluation:
    r"""The gamma likelihood of positive amounts whose log-mean is the score.

    XGBoost's code of 2026, after 3.4, has (2 h + 1) / 3 for the Hessian.

    Formula: \ell = f + y e^{-f}, \quad g = 1 - y e^{-f}, \quad h = y e^{-f}
    Synonyms: reg:gamma, gamma_objective, HalfGammaLoss_objective
    Reference: LightGBM gamma, XGBoost reg:gamma, scikit-learn HalfGammaLoss
    """
    ratio = exp_times(-predictions, labels)
    return raw(predictions + ratio, 1.0 - ratio, ratio)


@loss(example=POSITIVE, hessian_diagonal=True)
def boosting_tweedie(predictions: RawLog, labels: Count, *, tweedie_variance_power: VariancePower = 1.5) -> Evaluation:
    r"""The Tweedie likelihood of amounts, some of them 0, whose log-mean is the score; between Poisson (1) and gamma (2).

    Formula: \ell = \frac{e^{(2 - \rho) f}}{2 - \rho} - \frac{y e^{(1 - \rho) f}}{1 - \rho}, \quad g = e^{(2 - \rho) f} - y e^{(1 - \rho) f}, \quad h = (2 - \rho) e^{(2 - \rho) f} - (1 - \rho) y e^{(1 - \rho) f}
    tweedie_variance_power: rho; the variance is proportional to this power of the mean.
    Synonyms: reg:tweedie, tweedie_objective, HalfTweedieLoss_objective
    Reference: LightGBM tweedie, XGBoost reg:tweedie, scikit-learn HalfTweedieLoss
    """
    up, down = 2.0 - tweedie_variance_power, tweedie_variance_power - 1.0
    rising, falling = np.exp(up * predictions), exp_times(-down * predictions, labels)
    slope = np.exp(-down * predictions) * (np.exp(predictions) - labels)  # rounds e^f - y once where they are close
    return raw(rising / up + falling / down, np.where(np.isfinite(slope), slope, rising - falling), up * rising + down * falling)


# ------------------------------------------------------------------ classes


def logistic(scores: Array, labels: Array, slope: float = 1.0) -> tuple[Array, Array, Array]:
    """Cross entropy of the sigmoid of slope * score against labels in [0, 1], its gradient and its Hessian."""
    x = slope * scores
    small = log1pexp_small(x)
    win, lose = expit(x), expit(-x)
    value = labels * (np.maximum(-x, 0.0) + small) + (1.0 - labels) * (np.maximum(x, 0.0) + small)
    return value, slope * ((1.0 - labels) * win - labels * lose), (slope * slope) * (win * lose)


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True, conventions=("hessian_diagonal",))
def boosting_logistic(
    predictions: BinaryLogits,
    labels: ProbabilityLabel,
    *,
    sigmoid: Positive = 1.0,
    convention: Literal["lightgbm", "xgboost", "sklearn"] = "lightgbm",
) -> Evaluation:
    r"""Cross entropy of two classes.

    LightGBM's gradient sigma(f) - y loses its small end to the subtraction; this is (1 - y) sigma(f) - y sigma(-f).

    Formula: \ell = y \, \mathrm{softplus}(-sf) + (1 - y) \, \mathrm{softplus}(sf), \quad g = s(\sigma(sf) - y), \quad h = s^2 \sigma(sf)(1 - \sigma(sf))
    labels: true classes, 0 or 1, or the probability of 1.
    sigmoid: s, LightGBM's factor of the scores; 1 elsewhere.
    convention: xgboost has the Hessian at least 1e-16; lightgbm and sklearn have it as it is.
    Synonyms: binary:logistic, reg:logistic, HalfBinomialLoss_objective, binary_objective
    Reference: LightGBM binary, XGBoost binary:logistic, scikit-learn HalfBinomialLoss
    """
    value, slope, curvature = logistic(predictions, labels, sigmoid)
    return _with_labels(predictions, (value, slope, np.maximum(curvature, FLOOR) if convention == "xgboost" else curvature), sigmoid)


def _with_labels(scores: Array, derivatives: tuple[Array, Array, Array], slope: float) -> Evaluation:
    value, gradient, curvature = derivatives
    return elementwise(
        value,
        {"predictions": lambda c: c * gradient, "labels": lambda c: -c * (slope * scores)},
        {"predictions": lambda c: c * curvature},
    )


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.3, 0.0]}, hessian_diagonal=True)
def boosting_cross_entropy(predictions: BinaryLogits, labels: ProbabilityLabel) -> Evaluation:
    r"""Cross entropy of the sigmoid against a probability.

    Formula: \ell = y \, \mathrm{softplus}(-f) + (1 - y) \, \mathrm{softplus}(f), \quad g = \sigma(f) - y, \quad h = \sigma(f)(1 - \sigma(f))
    Synonyms: xentropy, cross_entropy_objective
    Reference: LightGBM cross_entropy
    """
    return _with_labels(predictions, logistic(predictions, labels), 1.0)


@loss(example={"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 2]}, hessian_diagonal=True, conventions=("hessian_diagonal",))
def boosting_softmax(predictions: Logits, labels: ClassIndex, *, convention: Literal["lightgbm", "xgboost", "sklearn"] = "lightgbm") -> Evaluation:
    r"""Cross entropy of the softmax, a tree for each class.

    Formula: \ell = -\log p_y, \quad g_k = p_k - [k = y], \quad p = \mathrm{softmax}(f)
    convention: the Hessian is K / (K - 1) p (1 - p) (lightgbm, K classes), at least 1e-16 and otherwise 2 p (1 - p) (xgboost up to 3.4; its code of 2026 has |g| there), or p (1 - p) (sklearn), the true one.
    Divisor: the number of rows
    Synonyms: multi:softprob, multi:softmax, multiclass, HalfMultinomialLoss_objective
    Reference: LightGBM multiclass, XGBoost multi:softprob, scikit-learn HalfMultinomialLoss
    """
    softmax = Softmax(predictions)
    values = elementwise(softmax.negative_log_at(labels), {})

    def gradient(c: Array) -> Array:
        return softmax.pull(labels, _per_position(c, labels))

    def curvature(c: Array) -> Array:
        found = softmax.probabilities() * softmax.complements
        if convention == "lightgbm":
            found *= predictions.shape[1] / max(predictions.shape[1] - 1, 1)
        elif convention == "xgboost":
            found = np.maximum(2.0 * found, FLOOR)
        return found * _per_position(c, labels)[:, None]

    return Evaluation(values.numerator, values.weight, {"predictions": gradient}, values.elements, {"predictions": curvature})


def _per_position(cotangent: Array, labels: Array) -> Array:
    return np.broadcast_to(cotangent.reshape(cotangent.shape + (1,) * (labels.ndim - 1)), labels.shape)


@loss(example={"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 2]}, hessian_diagonal=True)
def boosting_one_vs_all(predictions: Logits, labels: ClassIndex, *, sigmoid: Positive = 1.0) -> Evaluation:
    r"""A two-class cross entropy for each class against all others.

    Formula: \ell = \sum_k \mathrm{softplus}(\mp s f_k), - \text{ for } k = y, \quad g_k = s(\sigma(s f_k) - [k = y]), \quad h_k = s^2 \sigma(s f_k)(1 - \sigma(s f_k))
    sigmoid: s, the factor of the scores.
    Divisor: the number of rows
    Synonyms: multiclassova, multiclass_ova, ova, ovr
    Reference: LightGBM multiclassova
    """
    truth = np.zeros_like(predictions)
    truth.put(places(truth, labels[:, None]), 1.0)
    value, slope, curvature = logistic(predictions, truth, sigmoid)
    rows = np.full(len(predictions), float(np.prod(labels.shape[1:], dtype=np.int64)))
    return elementwise(value, {"predictions": lambda c: c * slope}, {"predictions": lambda c: c * curvature}, divisor=rows)


# ------------------------------------------------------------------ ranking


@loss(
    example={"predictions": [[0.2, 0.1, 0.4], [0.5, 0.3, 0.0]], "labels": [[2, 0, 1], [0, 1, 1]]},
    hessian_diagonal=True,
    conventions=("gradients", "hessian_diagonal"),
)
def boosting_lambdarank(
    predictions: Scores,
    labels: ListGrade,
    *,
    mask: ListMask | None = None,
    sigmoid: Positive = 1.0,
    lambdarank_truncation_level: Truncation = 30,
    lambdarank_norm: bool = True,
) -> Evaluation:
    r"""LightGBM's LambdaRank: pairs weighed by the change of the NDCG that swapping them makes, of which one at least ranks above the truncation.

    The gradient and the Hessian take the weights, the norms among them, for constants, as LightGBM does. With the norm each
    weight is divided by 0.01 + |s_i - s_j| unless all scores of the list are equal, and the list's weights by their sum of lambdas L, times log2(1 + L). Ties keep
    the order of positions. LightGBM's sigmoid comes from a table of a million entries; this one is exact.

    Formula: \ell = \sum_{y_i > y_j} w_{ij} \, \mathrm{softplus}(-\sigma (s_i - s_j)), \quad w_{ij} \propto \frac{(2^{y_i} - 2^{y_j}) |D(r_i) - D(r_j)|}{\max \mathrm{DCG}}, \quad D(r) = \frac{1}{\log_2(1 + r)}
    sigmoid: factor of the scores.
    lambdarank_truncation_level: k of the NDCG; pairs of two items ranked below it do not count.
    lambdarank_norm: whether to divide by the distance of the scores and the sum of the list.
    Divisor: the number of lists
    Synonyms: rank:ndcg, LambdarankNDCG, lambdamart
    Reference: Burges, From RankNet to LambdaRank to LambdaMART, 2010, MSR-TR-2010-82; LightGBM lambdarank
    """
    grades, valid = labels.astype(predictions.dtype), items(mask, labels)
    better, place = preferred(labels, valid), ranks(predictions, valid)
    gain, held = relative(grades, valid, gains), discounts(place).astype(predictions.dtype)
    ideal = (gain * discounts(ranks(grades, valid), lambdarank_truncation_level)).sum(axis=1, dtype=np.float64)
    gain = (gain / np.where(ideal > 0, ideal, 1.0)[:, None]).astype(predictions.dtype)
    top = place <= lambdarank_truncation_level
    high, low = np.where(valid, predictions, -np.inf).max(axis=1), np.where(valid, predictions, np.inf).min(axis=1)
    spread = (high > low)[:, None, None]

    def weights(rows: slice) -> Array:
        counted = better(rows) & (top[rows, :, None] | top[rows, None, :])
        found = counted * np.abs(differences(gain, rows) * differences(held, rows))
        if not lambdarank_norm:
            return found
        gap = differences(predictions, rows)
        found = np.where(spread[rows], found / (0.01 + np.abs(gap)), found).astype(predictions.dtype)
        lambdas = (2.0 * sigmoid) * (found * expit(-sigmoid * (counted * gap))).sum(axis=(1, 2), dtype=np.float64)
        share = np.where(lambdas > 0, np.log1p(lambdas) / np.log(2.0) / np.where(lambdas > 0, lambdas, 1.0), 1.0)
        return found * share[:, None, None].astype(predictions.dtype)

    return pairwise(
        predictions,
        weights,
        lambda d: softplus(-sigmoid * d),
        lambda d: -sigmoid * expit(-sigmoid * d),
        lambda d: (sigmoid * sigmoid) * (expit(sigmoid * d) * expit(-sigmoid * d)),
        np.ones(len(predictions)),
    )
