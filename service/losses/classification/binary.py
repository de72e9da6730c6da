"""Two classes, or several binary labels per sample: scores or probabilities against labels in [0, 1]."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import (
    FROM_ZERO,
    UNIT,
    BinaryLogits,
    ElementMask,
    ElementWeight,
    Fraction,
    IgnoreIndex,
    NonNegative,
    Probability,
    ProbabilityLabelOrIgnored,
    TensorSpec,
)
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise, masked, without_void
from service.losses.numerics import Array
from service.losses.numerics.elementary import decay, divide_or_infinity, log1p_in_unit, log1pexp_small, per_sample_size, sigmoid, times
from service.losses.registry import loss

PositiveWeight = Annotated[
    Array,
    TensorSpec(
        "k",
        domain=FROM_ZERO,
        description="weight of the positive term: (k,) for each entry of the last axis, (k, 1, 1) for each channel of (n, k, h, w), as torch aligns them; "
        "one number, (1,), for all",
    ),
    *(TensorSpec("k" + " 1" * further, domain=FROM_ZERO) for further in (1, 2, 3)),
]

ClassAlpha = Annotated[
    Array,
    TensorSpec(
        "k", domain=UNIT, description="alpha of each class, in place of `alpha`: (k,) for the last axis, (k, 1, 1) for the channels of (n, k, h, w)"
    ),
    *(TensorSpec("k" + " 1" * further, domain=UNIT) for further in (1, 2, 3)),
]
LogitOrProbability = Annotated[
    Array,
    TensorSpec("n ...", narrowed=(("predictions_are", "probabilities", UNIT),), gradient="default", description="raw scores, or probabilities"),
]


@loss(example={"predictions": [0.5, 0.2, 0.3], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True)
def binary_cross_entropy(
    predictions: Probability,
    labels: ProbabilityLabelOrIgnored,
    *,
    weight: ElementWeight | None = None,
    clamp: Literal["torch", "keras", "sklearn", "off"] = "torch",
    label_smoothing: Fraction = 0.0,
    mask: ElementMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Binary cross entropy of probabilities and labels in [0, 1], with 0 log 0 = 0.

    Use: Log loss of binary classifiers that output probabilities; for raw scores, the version with logits is exact.
    Formula: \ell = -w \left( z \log p + (1 - z) \log(1 - p) \right)
    Where: p `predictions`; z `labels`; w `weight`
    clamp: treatment of probabilities near 0 and 1. torch: each logarithm is at least -100, and the gradient's denominator p (1 - p) at least 1e-12; keras: p is clipped to [1e-7, 1 - 1e-7]; sklearn: to [2.2e-16, 1 - 2.2e-16], the spacing of float64 at 1, as log_loss does; off: exact, thus infinite (an error) where p is 0 for the true class.
    label_smoothing: share of each label spread evenly over both classes, z (1 - e) + e / 2 (as in keras, and in timm for two classes). segmentation_models_pytorch's factor is half of it.
    Divisor: the number of elements included, also with element weights (torch's rule)
    Synonyms: BCELoss, BCE
    Ambiguous: log_loss of probabilities
    Equivalents: torch.nn.BCELoss, torch.nn.functional.binary_cross_entropy, keras.losses.BinaryCrossentropy(clamp="keras"),
        keras.losses.binary_crossentropy(clamp="keras"), sklearn.metrics.log_loss(clamp="sklearn")
    Reference: Good, Rational Decisions, 1952, Journal of the Royal Statistical Society B 14
    """
    labels, kept = without_void(predictions, labels, ignore_index, mask)
    p, (z, other) = predictions, smoothed(labels, label_smoothing)
    inside = p.dtype.type(1.0)
    log_p, log_q = np.log(p), log1p_in_unit(-p)
    if clamp == "torch":
        log_p, log_q = np.maximum(log_p, -100.0), np.maximum(log_q, -100.0)
    elif clamp != "off":  # 1 - eps is not exact in floating point, so the logarithms are clipped, not p
        eps = 1e-7 if clamp == "keras" else 2.0**-52
        inside = ((p >= eps) & (1.0 - p >= eps)).astype(p.dtype)
        log_p, log_q = np.clip(log_p, np.log(eps), np.log1p(-eps)), np.clip(log_q, np.log(eps), np.log1p(-eps))
    result = elementwise(
        -(times(z, log_p) + times(other, log_q)),
        {
            "predictions": lambda c: c * times(inside, _probability_slope(p, z, other, clamp)),
            "labels": lambda c: (c * (1.0 - label_smoothing)) * (log_q - log_p),
        },
        {
            "predictions": lambda c: c * times(inside, divide_or_infinity(z, p * p) + divide_or_infinity(other, (1.0 - p) * (1.0 - p))),
            "labels": lambda c: np.zeros_like(c * z),
        },
        weight=weight,
        divisor=per_sample_size(p),
    )
    return masked(result, kept)


def smoothed(labels: Array, smoothing: float) -> tuple[Array, Array]:
    """Return the smoothed labels z and 1 - z."""
    if not smoothing:
        return labels, 1.0 - labels
    return labels * (1.0 - smoothing) + 0.5 * smoothing, (1.0 - labels) * (1.0 - smoothing) + 0.5 * smoothing


def _probability_slope(p: Array, z: Array, other: Array, clamp: str) -> Array:
    if clamp == "torch":
        return (p - z) / np.maximum((1.0 - p) * p, 1e-12)
    return divide_or_infinity(other, 1.0 - p) - divide_or_infinity(z, p)


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True)
def binary_cross_entropy_with_logits(
    predictions: BinaryLogits,
    labels: ProbabilityLabelOrIgnored,
    *,
    weight: ElementWeight | None = None,
    pos_weight: PositiveWeight | None = None,
    label_smoothing: Fraction = 0.0,
    mask: ElementMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Binary cross entropy of the sigmoid of raw scores and labels in [0, 1].

    Use: Binary classification and multi-label classification by raw scores (logits), such as logistic regression.
    Search: binary_classification, multi_label_classification, logistic_regression, logits, sigmoid
    Formula: \ell = w \left( w^+ z \, \mathrm{softplus}(-x) + (1 - z) \, \mathrm{softplus}(x) \right)
    Where: x `predictions`, raw scores; z `labels`; w `weight`; w^+ `pos_weight`
    label_smoothing: share of each label spread evenly over both classes, z (1 - e) + e / 2 (as in keras, and in timm for two classes). segmentation_models_pytorch's factor is half of it.
    Divisor: the number of elements included, also with element weights (torch's rule)
    Synonyms: BCEWithLogitsLoss, sigmoid_cross_entropy, sigmoid_binary_cross_entropy, logistic
    Ambiguous: log_loss of logits
    Equivalents: torch.nn.BCEWithLogitsLoss, torch.nn.functional.binary_cross_entropy_with_logits,
        optax.losses.sigmoid_binary_cross_entropy
    Reference: Cox, The Regression Analysis of Binary Sequences, 1958, Journal of the Royal Statistical Society B 20
    """
    labels, kept = without_void(predictions, labels, ignore_index, mask)
    x, (z, other) = predictions, smoothed(labels, label_smoothing)
    plain = pos_weight is None and not label_smoothing  # the targets then sum to exactly 1
    e, right = decay(x), x >= 0
    small = log1pexp_small(x, e)
    positive = z if pos_weight is None else z * _per_entry("pos_weight", pos_weight, x)
    wrong: Array = right - z if plain else np.where(right, other, -positive)
    shared = small if plain else (positive + other) * small

    def slope() -> Array:
        # (1 - z) sigmoid(x) - z sigmoid(-x) is accurate in both tails; sigmoid(x) - z cancels in one
        agreeing = z - ~right if plain else np.where(right, positive, -other)
        return (wrong - agreeing * e) / (1.0 + e)

    result = elementwise(
        shared + x * wrong,  # both softplus terms contain log(1 + e^-|x|), and the one of the wrong side |x| too
        {
            "predictions": lambda c: c * slope(),
            "labels": lambda c: (
                (c * (1.0 - label_smoothing)) * (-x if pos_weight is None else _label_slope(_per_entry("pos_weight", pos_weight, x), x, small))
            ),
        },
        {
            "predictions": lambda c: c * (positive + other) * (e / (1.0 + e) / (1.0 + e)),
            "labels": lambda c: np.zeros_like(c * z),
        },
        weight=weight,
        divisor=per_sample_size(x),
    )
    return masked(result, kept)


def _label_slope(pos_weight: Array, x: Array, small: Array) -> Array:
    """Return pos_weight softplus(-x) - softplus(x) with the common term small = log(1 + e^-|x|) factored out."""
    return (pos_weight - 1.0) * small - np.where(x >= 0, x, pos_weight * x)


def _per_entry(name: str, given: Array, x: Array) -> Array:
    """Align the axes of numbers for the entries of an axis with the last axes of x, as torch broadcasts them."""
    if given.size == 1:
        return given.reshape(())
    size = x.shape[-given.ndim] if given.ndim <= x.ndim else 0
    if len(given) != size:
        expected = f"{size} numbers, one for each entry of axis {x.ndim - given.ndim}," if size else f"at most {x.ndim} axes"
        raise InvalidTensor(name, f"wrong shape; expected {expected} or one number for all, got shape {given.shape}")
    return given


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1.0, 0.0, 0.0]}, hessian_diagonal=True)
def sigmoid_focal(
    predictions: LogitOrProbability,
    labels: ProbabilityLabelOrIgnored,
    *,
    gamma: NonNegative = 2.0,
    alpha: Annotated[float, annotated_types.Ge(-1), annotated_types.Le(1)] = 0.25,
    predictions_are: Literal["logits", "probabilities"] = "logits",
    mask: ElementMask | None = None,
    ignore_index: IgnoreIndex = -100,
    class_alpha: ClassAlpha | None = None,
    pos_weight: PositiveWeight | None = None,
) -> Evaluation:
    r"""Sigmoid focal loss: binary cross entropy with a lower weight for well-classified elements.

    q is the predicted probability of the wrong class, z (1 - p) + (1 - z) p for any label in [0, 1], as in torchvision, optax and keras.
    Libraries differ for labels between 0 and 1: kornia applies the focusing to each term of the entropy, MONAI uses q = sigmoid(-(2 z - 1) x),
    segmentation_models_pytorch q = 1 - exp(-BCE). At x = 1, z = 0.3, without alpha, they give 0.498, 0.363 and 0.411, and this loss 0.356.

    Use: Binary and multi-label classification and object detection with imbalanced classes.
    Formula: \ell = \alpha_t \, q^\gamma \, \mathrm{BCE}(x, z), \quad \alpha_t = \alpha z + (1 - \alpha)(1 - z)
    Where: x `predictions`, raw scores; z `labels`
    pos_weight: weight of the positive term of the cross entropy, beside alpha, aligned as in binary_cross_entropy_with_logits: (k,), (k, 1, 1), or (1,) for all (kornia's pos_weight).
    gamma: focusing exponent; 0 is plain cross entropy.
    alpha: weight of the positive class; the negative class has 1 - alpha. A negative alpha disables the weighting, as in torchvision.
    predictions_are: logits (their sigmoid is the probability), or probabilities. keras clips those to [1e-7, 1 - 1e-7]; here one of 0 or 1 on the wrong side has an infinite loss, an error.
    Ambiguous: focal_loss of one logit for each label, 0 or 1
    Equivalents: torchvision.ops.sigmoid_focal_loss, optax.losses.sigmoid_focal_loss(alpha=-1.0), monai.losses.FocalLoss(alpha=-1.0),
        keras.losses.BinaryFocalCrossentropy(alpha=-1.0, predictions_are="probabilities"),
        keras.losses.binary_focal_crossentropy(alpha=-1.0, predictions_are="probabilities")
    Reference: Lin et al., Focal Loss for Dense Object Detection, 2017, arXiv:1708.02002, equation 5
    """
    labels, kept = without_void(predictions, labels, ignore_index, mask)
    of = _focal_of_probabilities if predictions_are == "probabilities" else _focal_of_logits
    shares = None if alpha < 0 and class_alpha is None else np.full((), alpha, predictions.dtype)
    shares = shares if class_alpha is None else _per_entry("class_alpha", class_alpha, predictions)
    positive = np.ones((), predictions.dtype) if pos_weight is None else _per_entry("pos_weight", pos_weight, predictions)
    return masked(of(predictions, labels, gamma, shares, positive), kept)


def _balance(z: Array, alpha: Array | None) -> tuple[Array, Array]:
    """Return alpha z + (1 - alpha) (1 - z), and its derivative by z; 1 without alpha."""
    if alpha is None:
        return np.ones_like(z), np.zeros((), z.dtype)
    return alpha * z + (1.0 - alpha) * (1.0 - z), 2.0 * alpha - 1.0


def _targets(z: Array, positive: Array) -> Array:
    """Return the labels times the weight of the positive term, without a copy if it is 1."""
    return z if positive.ndim == 0 and positive == 1 else positive * z


def _focal_of_logits(x: Array, z: Array, gamma: float, alpha: Array | None, positive: Array) -> Evaluation:
    e, targets = decay(x), _targets(z, positive)
    plain = targets is z
    small = log1pexp_small(x, e)
    softplus_neg, softplus_pos = np.maximum(-x, 0.0) + small, np.maximum(x, 0.0) + small
    entropy = targets * softplus_neg + (1.0 - z) * softplus_pos
    right, wrong = sigmoid(x, e), sigmoid(-x, e)
    q = z * wrong + (1.0 - z) * right
    focus = q**gamma
    balance, slope_of_balance = _balance(z, alpha)

    def log_slope() -> Array:
        """Return d log q / dx, which is bounded where q is 0, so that q^(gamma - 1) is never computed alone."""
        return np.where(q > 0, (1.0 - 2.0 * z) * (right * wrong) / np.where(q > 0, q, 1.0), (1.0 - z) * wrong - z * right)

    def slope() -> Array:
        return focus * (((1.0 - z) * right - targets * wrong) + gamma * log_slope() * entropy)

    def curvature() -> Array:
        rate = log_slope()
        of_entropy = right * wrong * (1.0 if plain else targets + (1.0 - z)) + 2.0 * gamma * rate * ((1.0 - z) * right - targets * wrong)
        return focus * (of_entropy + gamma * rate * ((wrong - right) + (gamma - 1.0) * rate) * entropy)

    def label_slope() -> Array:
        certain = ((z == 0) | (z == 1)) & (q < np.finfo(q.dtype).tiny)  # there both q and the entropy are e^-|x|
        power = np.where(certain, np.exp(-gamma * np.abs(x)), focus)
        ratio = np.divide(entropy, q, out=np.ones_like(entropy) if plain else targets + (1.0 - z), where=~certain)
        of_entropy = -x if plain else _label_slope(positive, x, log1pexp_small(x))
        return balance * (power * (of_entropy - gamma * np.tanh(0.5 * x) * ratio)) + slope_of_balance * focus * entropy

    return elementwise(
        balance * focus * entropy,
        {"predictions": lambda c: c * (balance * slope()), "labels": lambda c: c * label_slope()},
        {"predictions": lambda c: c * (balance * curvature())},
    )


def _focal_of_probabilities(p: Array, z: Array, gamma: float, alpha: Array | None, positive: Array) -> Evaluation:
    other, rise, targets = 1.0 - p, 1.0 - 2.0 * z, _targets(z, positive)  # rise: of q by p
    log_p, log_other = np.log(p), log1p_in_unit(-p)
    entropy = -(times(targets, log_p) + times(1.0 - z, log_other))
    q = z * other + (1.0 - z) * p
    focus = q**gamma
    balance, slope_of_balance = _balance(z, alpha)

    def steep() -> Array:
        return divide_or_infinity(1.0 - z, other) - divide_or_infinity(targets, p)

    def power(by: float) -> Array:
        return q ** (gamma - by)

    def slope() -> Array:
        return rise * times(gamma * entropy, power(1.0)) + times(focus, steep())

    def curvature() -> Array:
        of_entropy = divide_or_infinity(divide_or_infinity(1.0 - z, other), other) + divide_or_infinity(divide_or_infinity(targets, p), p)
        of_focus = gamma * (gamma - 1.0) * rise * rise * entropy
        return times(of_focus, power(2.0)) + times(2.0 * gamma * rise * steep(), power(1.0)) + times(focus, of_entropy)

    def label_slope() -> Array:
        gap = log_other - times(positive, log_p)
        of_entropy = np.where(np.isinf(gap), gap, times(focus, gap))
        return balance * (times(gamma * (1.0 - 2.0 * p) * entropy, power(1.0)) + of_entropy) + slope_of_balance * times(focus, entropy)

    return elementwise(
        balance * times(focus, entropy),
        {"predictions": lambda c: c * (balance * slope()), "labels": lambda c: c * label_slope()},
        {"predictions": lambda c: c * (balance * curvature())},
    )
