"""Boosting objectives for classification: gradient and Hessian of a raw score, as LightGBM, XGBoost and CatBoost define them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from service.losses.boosting._shared import Raw, raw
from service.losses.declaration import ELEMENTWISE, UNIT, BinaryLogits, ClassIndex, Domain, Logits, Positive, ProbabilityLabel, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times, log1pexp_small, sigmoid, softplus
from service.losses.numerics.softmax import Softmax, places
from service.losses.numerics.special import expm1_minus, times_exp, x_minus_log1p
from service.losses.registry import loss

FLOOR = 1e-16  # XGBoost's, of Hessians


# ------------------------------------------------------------------ classes


def logistic(scores: Array, labels: Array, slope: float = 1.0) -> tuple[Array, Array, Array]:
    """Return the cross entropy of the sigmoid of slope * score and labels in [0, 1], its gradient and its Hessian."""
    x = slope * scores
    small = log1pexp_small(x)
    win, lose = sigmoid(x), sigmoid(-x)
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
    r"""Binary logistic objective: cross entropy of the sigmoid of the score.

    LightGBM computes the gradient as sigma(f) - y, which cancels; here it is (1 - y) sigma(f) - y sigma(-f).

    Use: Binary classification with gradient-boosted trees, as LightGBM's and XGBoost's own objective.
    Formula: \ell = y \, \mathrm{softplus}(-sf) + (1 - y) \, \mathrm{softplus}(sf), \quad g = s(\sigma(sf) - y), \quad h = s^2 \sigma(sf)(1 - \sigma(sf))
    labels: true classes, 0 or 1, or the probability of 1.
    sigmoid: s, LightGBM's factor of the scores; 1 in other libraries.
    convention: xgboost clips the Hessian from below at 1e-16; lightgbm and sklearn use the true one.
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
    r"""Cross entropy objective: cross entropy of the sigmoid of the score against a probability.

    Use: Gradient-boosted trees for labels that are probabilities.
    Formula: \ell = y \, \mathrm{softplus}(-f) + (1 - y) \, \mathrm{softplus}(f), \quad g = \sigma(f) - y, \quad h = \sigma(f)(1 - \sigma(f))
    Synonyms: xentropy, cross_entropy_objective
    Reference: LightGBM cross_entropy
    """
    return _with_labels(predictions, logistic(predictions, labels), 1.0)


@loss(example={"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 2]}, hessian_diagonal=True, conventions=("hessian_diagonal",))
def boosting_softmax(predictions: Logits, labels: ClassIndex, *, convention: Literal["lightgbm", "xgboost", "sklearn"] = "lightgbm") -> Evaluation:
    r"""Multiclass softmax objective: cross entropy of the softmax, with one tree per class.

    Use: Multiclass classification with gradient-boosted trees.
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

    return replace(values, gradients={"predictions": gradient}, hessian_diagonal={"predictions": curvature})


def _per_position(cotangent: Array, labels: Array) -> Array:
    return np.broadcast_to(cotangent.reshape(cotangent.shape + (1,) * (labels.ndim - cotangent.ndim)), labels.shape)


@loss(example={"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 2]}, hessian_diagonal=True)
def boosting_one_vs_all(predictions: Logits, labels: ClassIndex, *, sigmoid: Positive = 1.0) -> Evaluation:
    r"""One-vs-all objective: binary cross entropy of each class against all others.

    Use: Multiclass classification with gradient-boosted trees, one binary model per class.
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


ZeroOrOne = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="true classes, 0 or 1")]
Share = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="true probabilities, mostly 0 or 1")]
RowWeight = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0, low_open=True), description="number of trials of each row, above 0")]
SIGNS = {"predictions": [0.8, -1.2, 2.0], "labels": [1, 0, 0]}
SMALLEST = float(np.finfo(np.float32).tiny)


@loss(example=SIGNS, hessian_diagonal=True, bound=ELEMENTWISE, conventions=("hessian_diagonal",))
def boosting_hinge(predictions: Raw, labels: ZeroOrOne) -> Evaluation:
    r"""Hinge objective for two classes, 0 and 1. The gradient at the kink is 0.

    As in XGBoost, the Hessian is 1 where the gradient is not 0 and float32's smallest normal number elsewhere; the true one is 0.

    Use: Binary classification with gradient-boosted trees that predict classes instead of probabilities.
    Formula: \ell = \max(0, 1 - s f), \quad g = -s [s f < 1], \quad h = [s f < 1], \quad s = 2 y - 1
    Synonyms: hinge_objective
    Ambiguous: binary_hinge of labels 0 and 1, with the gradient and Hessian that XGBoost boosts with
    Reference: XGBoost binary:hinge
    """
    signs = (2 * labels - 1).astype(predictions.dtype)
    short = 1.0 - signs * predictions
    within = short > 0
    return raw(np.maximum(short, 0.0), np.where(within, -signs, 0.0).astype(short.dtype), lambda: np.where(within, 1.0, SMALLEST).astype(short.dtype))


# ------------------------------------------------------------------ scikit-learn


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True)
def boosting_exponential(predictions: BinaryLogits, labels: ProbabilityLabel) -> Evaluation:
    r"""Exponential objective (AdaBoost) for two classes, 0 and 1; the score is half the log-odds.

    Use: AdaBoost with gradient-boosted trees.
    Formula: \ell = y e^{-f} + (1 - y) e^f, \quad g = -y e^{-f} + (1 - y) e^f, \quad h = \ell
    predictions: raw scores; the probability is the sigmoid of twice the score.
    labels: true classes, 0 or 1, or the probability of 1.
    Synonyms: ExponentialLoss_objective, adaboost_objective
    Reference: Friedman, Hastie and Tibshirani, Additive Logistic Regression, 2000, Annals of Statistics 28; scikit-learn ExponentialLoss
    """
    up, down = exp_times(predictions, 1.0 - labels), exp_times(-predictions, labels)
    return elementwise(
        up + down,
        {"predictions": lambda c: c * (up - down), "labels": lambda c: (-2.0 * c) * np.sinh(predictions)},
        {"predictions": lambda c: c * (up + down), "labels": lambda c: np.zeros_like(c * up)},
    )


# ------------------------------------------------------------------ LightGBM


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.3, 0.0], "weight": [1.0, 2.0, 5.0]}, hessian_diagonal=True)
def boosting_cross_entropy_lambda(predictions: BinaryLogits, labels: Share, *, weight: RowWeight | None = None) -> Evaluation:
    r"""Cross entropy of the probability of at least one success in `weight` trials, whose rate is the softplus of the score.

    With weight 1, or without weight, it is boosting_cross_entropy. The weight is part of the loss, not a factor of it.

    Use: Gradient-boosted trees for labels that are probabilities, with weights as numbers of trials.
    Formula: \ell = -(1 - y) \log(1 - z) - y \log z, \quad z = 1 - e^{-w \lambda}, \; \lambda = \log(1 + e^f), \quad g = \left( 1 - \frac{y}{z} \right) w \sigma(f)
    predictions: raw scores; their softplus is the rate.
    Synonyms: xentlambda, cross_entropy_lambda
    Reference: LightGBM cross_entropy_lambda
    """
    f, y = predictions, labels
    w = np.ones_like(f) if weight is None else weight
    low = f < -40.0  # where softplus(f) rounds to e^f
    rate = softplus(f)
    u = np.where(low, times_exp(w, f), w * rate).astype(f.dtype, copy=False)
    growth = np.expm1(u)  # z / (1 - z)
    win, lose = sigmoid(f), sigmoid(-f)
    log_u = np.log(w) + np.where(low, f, np.log(rate))
    log_z = np.where(u < 0.5, np.where(u < 1e-17, log_u, np.log(-np.expm1(-u))), np.log1p(-np.exp(-u))).astype(f.dtype, copy=False)
    # w sigma / growth: each of the two quotients tends to 1
    pull = np.where(low, 1.0, win / rate) * np.where(u < 1e-17, 1.0, np.where(np.isinf(growth), 0.0, u / growth))
    pull = pull.astype(f.dtype, copy=False)

    def curvature() -> Array:
        """Return w sigma (1 - sigma) (1 - y) + y d pull; with x = e^f, the second term is y (w x e^u - growth) w sigma (1 - sigma) / growth^2."""
        x = np.exp(np.minimum(f, 1.0))
        excess = w * x_minus_log1p(x) - expm1_minus(u)  # w x - growth
        ratio = np.where((u < 1e-8) & (x < 1e-8), 0.5 * (1.0 - w) * x, excess / growth)
        of_true = (w * win) * pull + np.where(u < 0.5, lose * pull * ratio, pull * pull - lose * pull)
        return ((1.0 - y) * (w * win * lose) + y * of_true).astype(f.dtype, copy=False)

    return elementwise(
        (1.0 - y) * u - np.where(y == 0, 0.0, y * log_z).astype(f.dtype, copy=False),
        {"predictions": lambda c: c * ((1.0 - y) * (w * win) - y * pull)},
        {"predictions": lambda c: c * curvature()},
    )
