"""Kin of the cross entropy of a softmax: other functions of the true class's probability, and shifted scores. The class axis is axis 1, as in torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.classification import EXAMPLE_LOGITS, at_class, cross_entropy, kept_weights, smoothed_targets, softmax_pull
from service.losses.core import (
    Bound,
    ClassIndexOrIgnored,
    ClassWeight,
    Evaluation,
    Fraction,
    Logits,
    NonNegative,
    Positive,
    loss,
)
from service.losses.numerics import Softmax, per_sample_sum, spread, times
from service.losses.special import expm1_minus
from service.losses.tensors import Array, Domain, Tensor

COUNTS = Domain(low=1, high=1e12)
ClassCounts = Annotated[Array, Tensor("c", domain=COUNTS, description="how often each class occurs in the training data")]
Priors = Annotated[Array, Tensor("c", domain=Domain(low=0, high=1, low_open=True), description="share of each class; only their ratios count")]

CALL = {"predictions": EXAMPLE_LOGITS, "labels": [0, 2]}

# ------------------------------------------------------------------ functions of the true class's probability

OfLabel = Callable[[Array, Array, Array], Array]


def of_surprise(
    predictions: Array, labels: Array, weight: Array | None, ignore_index: int, value: OfLabel, slope: OfLabel, curvature: OfLabel
) -> Evaluation:
    """A function of s = -log p of the true class. value and its derivatives by s are given s, p and 1 - p, each exact in itself."""
    softmax = Softmax(predictions)
    safe, kept = kept_weights(labels, weight, ignore_index, predictions.dtype)
    surprise, complement = softmax.negative_log_at(safe), softmax.complement_at(safe)
    p = (np.take_along_axis(softmax.exponentials, safe[:, None], 1) / (1.0 + softmax.rest))[:, 0]
    values = times(kept, value(surprise, p, complement))

    def from_label() -> Array:
        """Ds / dx: p, and p - 1 at the label."""
        out = softmax.probabilities()
        np.put_along_axis(out, safe[:, None], -complement[:, None], 1)
        return out

    def pullback(cotangent: Array) -> Array:
        out = from_label()
        out *= (times(kept, slope(surprise, p, complement)) * spread(cotangent, kept))[:, None]
        return out

    def second(cotangent: Array) -> Array:
        first = slope(surprise, p, complement)[:, None] * (softmax.probabilities() * softmax.complements)
        return (kept * spread(cotangent, kept))[:, None] * (first + curvature(surprise, p, complement)[:, None] * from_label() ** 2)

    return Evaluation(per_sample_sum(values), per_sample_sum(kept), {"predictions": pullback}, lambda: values, {"predictions": second})


@loss(example=CALL, hessian_diagonal=True)
def poly1_cross_entropy(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    epsilon: Annotated[float, annotated_types.Ge(-1)] = 2.0,
    weight: ClassWeight | None = None,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Cross entropy with another weight on the first term of its expansion in 1 - p.

    The default epsilon is optax's and the paper's for images; rax and TensorFlow Ranking have 1.

    Formula: \ell = w_y \left( -\log p_y + \epsilon (1 - p_y) \right), \quad p = \mathrm{softmax}(x)
    epsilon: weight of 1 - p; 0 is cross entropy.
    ignore_index: class index that does not count.
    Divisor: the sum of the true classes' weights over what is not ignored
    Synonyms: PolyLoss, poly_loss_cross_entropy, poly1, Poly1CrossEntropyLoss
    Reference: Leng et al., PolyLoss, 2022, arXiv:2204.12511, equation 6
    """
    if epsilon >= 0:
        value: OfLabel = lambda s, p, r: s + epsilon * r  # noqa: E731
        slope: OfLabel = lambda s, p, r: 1.0 + epsilon * p  # noqa: E731
    else:  # as sums of what is positive: s - (1 - p) is e^-s - 1 + s
        value = lambda s, p, r: (1.0 + epsilon) * s - epsilon * expm1_minus(-s)  # noqa: E731
        slope = lambda s, p, r: (1.0 + epsilon) - epsilon * r  # noqa: E731
    return of_surprise(predictions, labels, weight, ignore_index, value, slope, lambda s, p, r: -epsilon * p)


@loss(example=CALL | {"q": 0.7}, hessian_diagonal=True)
def generalized_cross_entropy(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    q: Annotated[float, annotated_types.Gt(0), annotated_types.Le(1)] = 0.5,
    weight: ClassWeight | None = None,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Between cross entropy (q near 0) and the absolute error of the probability (q = 1): robust to wrong labels.

    The default is keras's, which takes probabilities; the paper has q = 0.7.

    Formula: \ell = w_y \frac{1 - p_y^q}{q}, \quad p = \mathrm{softmax}(x)
    q: exponent; half of mae_probability at 1.
    ignore_index: class index that does not count.
    Divisor: the sum of the true classes' weights over what is not ignored
    Synonyms: CategoricalGeneralizedCrossEntropy, GCE, lq_loss
    Reference: Zhang and Sabuncu, Generalized Cross Entropy Loss, 2018, arXiv:1805.07836, equation 6
    """
    return of_surprise(
        predictions,
        labels,
        weight,
        ignore_index,
        lambda s, p, r: -np.expm1(-q * s) / q,
        lambda s, p, r: np.exp(-q * s),
        lambda s, p, r: -q * np.exp(-q * s),
    )


@loss(example=CALL, hessian_diagonal=True)
def symmetric_cross_entropy(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    alpha: NonNegative = 0.1,
    beta: NonNegative = 1.0,
    log_zero: Annotated[float, annotated_types.Le(0)] = -4.0,
    weight: ClassWeight | None = None,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Cross entropy of the prediction against the label plus that of the label against the prediction.

    With one true class the reverse term is -log_zero (1 - p).

    Formula: \ell = w_y \left( -\alpha \log p_y - \beta \sum_k p_k \log q_k \right), \quad \log 0 := A
    alpha: weight of the cross entropy.
    beta: weight of the reverse cross entropy.
    log_zero: A, what stands for the logarithm of a label's zeros.
    ignore_index: class index that does not count.
    Divisor: the sum of the true classes' weights over what is not ignored
    Synonyms: SCE, SCELoss, SymmetricCrossEntropyLoss
    Reference: Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, 2019, arXiv:1908.06112, equation 7
    """
    reverse = -beta * log_zero
    return of_surprise(
        predictions,
        labels,
        weight,
        ignore_index,
        lambda s, p, r: alpha * s + reverse * r,
        lambda s, p, r: alpha + reverse * p,
        lambda s, p, r: -reverse * p,
    )


@loss(example=CALL, hessian_diagonal=True)
def mae_probability(predictions: Logits, labels: ClassIndexOrIgnored, *, weight: ClassWeight | None = None, ignore_index: int = -100) -> Evaluation:
    r"""The absolute errors of the softmax's probabilities against the one true class, added up.

    Formula: \ell = w_y \sum_k |p_k - q_k| = 2 w_y (1 - p_y), \quad p = \mathrm{softmax}(x)
    ignore_index: class index that does not count.
    Divisor: the sum of the true classes' weights over what is not ignored
    Synonyms: mae_softmax, probability_mae
    Reference: Ghosh, Kumar and Sastry, Robust Loss Functions under Label Noise for Deep Neural Networks, 2017, arXiv:1712.09482
    """
    return of_surprise(predictions, labels, weight, ignore_index, lambda s, p, r: 2.0 * r, lambda s, p, r: 2.0 * p, lambda s, p, r: -2.0 * p)


@loss(example=CALL, hessian_diagonal=True)
def taylor_cross_entropy(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    order: Annotated[int, annotated_types.Ge(1), annotated_types.Le(50)] = 2,
    weight: ClassWeight | None = None,
    ignore_index: int = -100,
) -> Evaluation:
    r"""The first terms of the cross entropy's expansion in 1 - p.

    Formula: \ell = w_y \sum_{i=1}^{t} \frac{(1 - p_y)^i}{i}, \quad p = \mathrm{softmax}(x)
    order: t, how many terms; 1 is half of mae_probability, and ever more of them approach cross entropy.
    ignore_index: class index that does not count.
    Divisor: the sum of the true classes' weights over what is not ignored
    Synonyms: TaylorCrossEntropyLoss, taylor_ce
    Reference: Feng et al., Can Cross Entropy Loss Be Robust to Label Noise?, 2020, IJCAI, equation 5
    """

    def value(s: Array, p: Array, r: Array) -> Array:
        return _polynomial(r, [1.0 / i for i in range(1, order + 1)]) * r

    return of_surprise(
        predictions,
        labels,
        weight,
        ignore_index,
        value,
        lambda s, p, r: p * _polynomial(r, [1.0] * order),  # 1 - r^t
        lambda s, p, r: -order * p * r ** (order - 1),
    )


@loss(example=CALL, hessian_diagonal=True)
def asymmetric_single_label(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    gamma_pos: NonNegative = 1.0,
    gamma_neg: NonNegative = 4.0,
    label_smoothing: Fraction = 0.1,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Cross entropy with smoothed labels, weighed down where it is right already, with one exponent for the true class and one for the others.

    Formula: \ell = -\sum_k q_k w_k \log p_k, \quad w_y = (1 - p_y)^{\gamma_+}, \; w_k = p_k^{\gamma_-} \text{ for } k \ne y, \quad q_k = (1 - \epsilon) [k = y] + \frac{\epsilon}{C}, \quad p = \mathrm{softmax}(x)
    gamma_pos: focusing exponent of the true class.
    gamma_neg: focusing exponent of the others.
    label_smoothing: epsilon, share of the target spread evenly over all classes; timm's eps.
    ignore_index: class index that does not count.
    Divisor: the number of positions that are not ignored
    Synonyms: AsymmetricLossSingleLabel, ASLSingleLabel, asl_single_label
    Reference: Ben-Baruch et al., Asymmetric Loss For Multi-Label Classification, 2021, arXiv:2009.14119; timm AsymmetricLossSingleLabel
    """
    softmax = Softmax(predictions)
    safe, kept = kept_weights(labels, None, ignore_index, predictions.dtype)
    at_label = safe[:, None]
    targets = smoothed_targets(safe, predictions.shape[1], None, label_smoothing, kept, predictions)
    surprise = softmax.negative_log()
    own, complement = np.take_along_axis(surprise, at_label, 1), softmax.complement_at(safe)[:, None]
    focus = np.exp(-gamma_neg * surprise)
    np.put_along_axis(focus, at_label, complement**gamma_pos, 1)
    values = times(targets * focus, surprise).sum(axis=1)

    def pullback(cotangent: Array) -> Array:
        # by s = -log p: (1 - gamma s) p^gamma of the others, r^gamma (1 + gamma p s / r) of the true class, where s / r tends to 1 as r = 1 - p does to 0
        slope = targets * np.where(focus == 0, 0.0, focus * (1.0 - gamma_neg * surprise))
        ratio = np.divide(own, complement, out=np.ones_like(own), where=complement > np.finfo(own.dtype).tiny)
        true = complement**gamma_pos * (1.0 + gamma_pos * np.exp(-own) * ratio)
        np.put_along_axis(slope, at_label, np.take_along_axis(targets, at_label, 1) * true, 1)
        slope = slope.astype(predictions.dtype, copy=False)
        return softmax_pull(softmax, np.maximum(slope, 0.0), cotangent) - softmax_pull(softmax, np.maximum(-slope, 0.0), cotangent)

    def bend(cotangent: Array) -> Array:
        # with first and second derivatives f', f'' by s = -log p: p q sum f' + p^2 (sum of the others' f'') + q^2 f''
        others = focus * (1.0 - gamma_neg * surprise)
        steep = gamma_neg * focus * (gamma_neg * surprise - 2.0)
        p_own, ratio = np.exp(-own), own / np.maximum(complement, np.finfo(own.dtype).tiny)
        np.put_along_axis(others, at_label, complement**gamma_pos * (1.0 + gamma_pos * p_own * ratio), 1)
        rate = gamma_pos * complement ** (gamma_pos - 1.0) * p_own if gamma_pos else np.zeros_like(own)
        np.put_along_axis(steep, at_label, rate * (2.0 - own + (gamma_pos - 1.0) * p_own * ratio), 1)
        p, q, first, second = softmax.probabilities(), softmax.complements, targets * others, targets * steep
        out = p * q * first.sum(axis=1, keepdims=True) + p * p * (second.sum(axis=1, keepdims=True) - second) + q * q * second
        return out * spread(cotangent, out)

    return Evaluation(per_sample_sum(values), per_sample_sum(kept), {"predictions": pullback}, lambda: values, {"predictions": bend})


def _polynomial(x: Array, coefficients: list[float]) -> Array:
    out = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        out = out * x + coefficient
    return out


@loss(example={"predictions": EXAMPLE_LOGITS}, hessian_diagonal=True)
def z_loss(predictions: Logits) -> Evaluation:
    r"""The square of the scores' log-sum-exp, which keeps a softmax's scores from drifting.

    A coefficient (PaLM: 1e-4, ST-MoE: 1e-3) is the term's weight in a combination, or the option z_loss of token_cross_entropy.

    Formula: \ell = \left( \log \sum_k e^{x_k} \right)^2
    Divisor: the number of positions
    Synonyms: router_z_loss, log_sum_exp_squared
    Reference: Chowdhery et al., PaLM, 2022, arXiv:2204.02311, section 5; Zoph et al., ST-MoE, 2022, arXiv:2202.08906, equation 5
    """
    return log_sum_exp_squared(predictions, np.ones(predictions[:, 0].shape, predictions.dtype))


def log_sum_exp_squared(logits: Array, kept: Array) -> Evaluation:
    """The z loss of each position, times 0 or 1."""
    softmax = Softmax(logits)
    total = (softmax.largest + np.log1p(softmax.rest))[:, 0]
    values = times(kept, total * total)

    def pullback(cotangent: Array) -> Array:
        return softmax.probabilities() * (spread(cotangent, kept) * kept * (2.0 * total))[:, None]

    def curvature(cotangent: Array) -> Array:
        p = softmax.probabilities()
        return 2.0 * p * (p + total[:, None] * softmax.complements) * (spread(cotangent, kept) * kept)[:, None]

    return Evaluation(per_sample_sum(values), per_sample_sum(kept), {"predictions": pullback}, lambda: values, {"predictions": curvature})


# ------------------------------------------------------------------ cross entropy of shifted scores


def _shifted(logits: Array, shift: Array) -> Array:
    """The logits plus a number for each class, less the largest logit first: so that huge scores do not swallow the shift."""
    per_class = shift.astype(logits.dtype, copy=False).reshape((1, -1) + (1,) * (logits.ndim - 2))
    return (logits - logits.max(axis=1, keepdims=True)) + per_class


@loss(example=CALL | {"class_counts": [100.0, 10.0, 1.0]}, hessian_diagonal=True)
def balanced_softmax(predictions: Logits, labels: ClassIndexOrIgnored, class_counts: ClassCounts, *, ignore_index: int = -100) -> Evaluation:
    r"""Cross entropy of a softmax that takes each class as often as the training data has it, so that the scores themselves are balanced.

    Formula: \ell = -\log \frac{n_y e^{x_y}}{\sum_k n_k e^{x_k}}
    ignore_index: class index that does not count.
    Divisor: the number of positions that are not ignored
    Synonyms: BalancedSoftmaxLoss, balanced_softmax_loss
    Reference: Ren et al., Balanced Meta-Softmax for Long-Tailed Visual Recognition, 2020, arXiv:2007.10740, equation 4
    """
    shift = np.log(class_counts / class_counts.max())
    return cross_entropy.function(_shifted(predictions, shift), labels, ignore_index=ignore_index)


@loss(
    example=CALL | {"priors": [0.9, 0.09, 0.01]},
    hessian_diagonal=True,
    bound=Bound(1e-13, 1e-12, "the logarithm of a prior as small as 1e-300 is rounded before it joins the score"),
)
def logit_adjusted(
    predictions: Logits, labels: ClassIndexOrIgnored, priors: Priors, *, tau: NonNegative = 1.0, ignore_index: int = -100
) -> Evaluation:
    r"""Cross entropy of scores raised by the logarithm of each class's share.

    With tau 1 it is balanced_softmax.

    Formula: \ell = -\log \frac{e^{x_y + \tau \log \pi_y}}{\sum_k e^{x_k + \tau \log \pi_k}}
    tau: strength of the adjustment; 0 is cross entropy.
    ignore_index: class index that does not count.
    Divisor: the number of positions that are not ignored
    Synonyms: logit_adjustment, LogitAdjustedLoss
    Reference: Menon et al., Long-tail Learning via Logit Adjustment, 2021, arXiv:2007.07314, equation 10
    """
    return cross_entropy.function(_shifted(predictions, tau * np.log(priors)), labels, ignore_index=ignore_index)


@loss(
    example=CALL | {"class_counts": [100.0, 10.0, 1.0]},
    hessian_diagonal=True,
    bound=Bound(3e-14, 4e-13, "the scores' roundings are multiplied by scale before the exponential"),
)
def ldam(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    class_counts: ClassCounts,
    *,
    max_margin: NonNegative = 0.5,
    scale: Positive = 30.0,
    weight: ClassWeight | None = None,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Cross entropy after the true class's score is lowered by a margin, larger for rarer classes, and all are scaled.

    The rarest class has the margin max_margin, as in the paper's code.

    Formula: \ell = w_y \, \mathrm{CE}\left( s (x - \Delta_y e_y), y \right), \quad \Delta_k = m \left( \min_j n_j / n_k \right)^{1/4}
    max_margin: m, the margin of the rarest class.
    scale: s, the factor on the scores.
    ignore_index: class index that does not count.
    Divisor: the sum of the true classes' weights over what is not ignored
    Synonyms: LDAMLoss, label_distribution_aware_margin
    Reference: Cao et al., Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss, 2019, arXiv:1906.07413, equation 13
    """
    margins = max_margin * np.sqrt(np.sqrt(class_counts.min() / class_counts))
    safe, _ = kept_weights(labels, None, ignore_index, predictions.dtype)
    lowered = scale * ((predictions - predictions.max(axis=1, keepdims=True)) - at_class(predictions, safe, margins[safe]))
    entropy = cross_entropy.function(lowered, labels, weight=weight, ignore_index=ignore_index)
    slope, curvature = entropy.gradients["predictions"], entropy.hessian_diagonal["predictions"]
    return replace(
        entropy,
        gradients={"predictions": lambda c: scale * slope(c)},
        hessian_diagonal={"predictions": lambda c: scale * (scale * curvature(c))},
    )
