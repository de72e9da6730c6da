"""Classification with imbalanced classes: losses that use class counts, priors or asymmetric focusing."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.classification._shared import CALL, at_class, kept_weights, of_surprise, smoothed_targets
from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import (
    Bound,
    ClassIndexOrIgnored,
    ClassWeight,
    Domain,
    Fraction,
    IgnoreIndex,
    Logits,
    NonNegative,
    Positive,
    TensorSpec,
    Work,
)
from service.losses.evaluation import Evaluation, positions_of
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_sum, spread, times
from service.losses.numerics.softmax import Softmax, softmax_pull
from service.losses.registry import loss

COUNTS = Domain(low=1, high=1e12)
ClassCounts = Annotated[Array, TensorSpec("c", domain=COUNTS, description="number of training samples of each class")]
Priors = Annotated[Array, TensorSpec("c", domain=Domain(low=0, high=1, low_open=True), description="share of each class; only the ratios matter")]


@loss(example=CALL, hessian_diagonal=True, work=Work(memory="80 n c ..."))
def asymmetric_single_label(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    gamma_pos: NonNegative = 1.0,
    gamma_neg: NonNegative = 4.0,
    label_smoothing: Fraction = 0.1,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Asymmetric focal loss of a softmax with smoothed labels, with separate focusing exponents for the true class and the other classes.

    Use: Multiclass classification with imbalanced classes.
    Formula: \ell = -\sum_k q_k w_k \log p_k, \quad w_y = (1 - p_y)^{\gamma_+}, \; w_k = p_k^{\gamma_-} \text{ for } k \ne y, \quad q_k = (1 - \epsilon) [k = y] + \frac{\epsilon}{C}, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; y the true class
    gamma_pos: focusing exponent of the true class.
    gamma_neg: focusing exponent of the others.
    label_smoothing: epsilon, share of the target spread evenly over all classes; timm's eps.
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
        # by s = -log p: (1 - gamma s) p^gamma of the others, r^gamma (1 + gamma p s / r) of the true class, where s / r tends to 1 as r = 1 - p tends to 0
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

    return positions_of(values, kept, None, {"predictions": pullback}, {"predictions": bend})


# ------------------------------------------------------------------ cross entropy of shifted scores


def _shifted(logits: Array, shift: Array) -> Array:
    """Return the logits plus a shift per class. The largest logit is subtracted first, so that large scores do not absorb the shift."""
    per_class = shift.astype(logits.dtype, copy=False).reshape((1, -1) + (1,) * (logits.ndim - 2))
    return (logits - logits.max(axis=1, keepdims=True)) + per_class


@loss(example=CALL | {"class_counts": [100.0, 10.0, 1.0]}, hessian_diagonal=True)
def balanced_softmax(predictions: Logits, labels: ClassIndexOrIgnored, class_counts: ClassCounts, *, ignore_index: IgnoreIndex = -100) -> Evaluation:
    r"""Balanced softmax: cross entropy of a softmax whose terms are multiplied by the class counts of the training data.

    Use: Long-tailed multiclass classification, with imbalanced class counts in training and balanced ones in use.
    Formula: \ell = -\log \frac{n_y e^{x_y}}{\sum_k n_k e^{x_k}}
    Where: x `predictions`, raw scores; y the true class; n `class_counts`
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
    predictions: Logits, labels: ClassIndexOrIgnored, priors: Priors, *, tau: NonNegative = 1.0, ignore_index: IgnoreIndex = -100
) -> Evaluation:
    r"""Cross entropy of scores shifted by tau times the logarithm of each class's prior.

    With tau 1 it is balanced_softmax.

    Use: Long-tailed multiclass classification with imbalanced classes, aimed at the balanced error.
    Formula: \ell = -\log \frac{e^{x_y + \tau \log \pi_y}}{\sum_k e^{x_k + \tau \log \pi_k}}
    Where: x `predictions`, raw scores; y the true class; \pi `priors`
    tau: strength of the adjustment; 0 gives cross entropy.
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
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Label-distribution-aware margin loss: scaled cross entropy with a margin on the true class, larger for rarer classes.

    The rarest class has the margin max_margin, as in the paper's code.

    Use: Long-tailed multiclass classification with imbalanced classes, by larger margins for rare classes.
    Formula: \ell = w_y \, \mathrm{CE}\left( s (x - \Delta_y e_y), y \right), \quad \Delta_k = m \left( \min_j n_j / n_k \right)^{1/4}
    Where: x `predictions`, raw scores; y the true class; w `weight`; n `class_counts`
    max_margin: m, the margin of the rarest class.
    scale: s, factor of the scores.
    Divisor: the sum of the true classes' weights over positions that are not ignored
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


COUNTED = CALL | {"class_counts": [100.0, 10.0, 1.0]}


@loss(example=COUNTED, hessian_diagonal=True)
def class_balanced(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    class_counts: ClassCounts,
    *,
    beta: Annotated[float, annotated_types.Ge(0), annotated_types.Lt(1)] = 0.999,
    gamma: NonNegative = 0.0,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Class-balanced loss: cross entropy or focal loss, with each class weighted by the inverse of its effective number of samples.

    The weights are scaled to sum to the number of classes, as in the authors' code.

    Use: Multiclass classification with imbalanced classes, by weights from their counts.
    Search: class_imbalance
    Formula: \ell = w_y (1 - p_y)^\gamma (-\log p_y), \quad w_k \propto \frac{1 - \beta}{1 - \beta^{n_k}}, \quad \sum_k w_k = C, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; y the true class; n `class_counts`
    beta: contribution of each further sample of a class; 0 weights all classes equally, values near 1 weight each class by the inverse of its count.
    gamma: focusing exponent; 0 gives cross entropy.
    Divisor: the number of positions that are not ignored, regardless of the weights
    Synonyms: CB, cb_loss, class_balanced_focal, effective_number
    Reference: Cui et al., Class-Balanced Loss Based on Effective Number of Samples, 2019, arXiv:1901.05555, equations 5 and 8
    """
    shares = -1.0 / np.expm1(class_counts * np.log(beta))
    weight = (shares * (len(shares) / shares.sum())).astype(predictions.dtype, copy=False)

    def ratio(s: Array, r: Array) -> Array:
        return np.divide(s, r, out=np.ones_like(s), where=r >= np.finfo(r.dtype).tiny)  # s / r tends to 1

    def curvature(s: Array, p: Array, r: Array) -> Array:
        if gamma == 0:
            return np.zeros_like(s)
        return gamma * r ** (gamma - 1.0) * p * (2.0 - s + (gamma - 1.0) * p * ratio(s, r))

    balanced = of_surprise(
        predictions,
        labels,
        weight,
        ignore_index,
        lambda s, p, r: r**gamma * s,
        lambda s, p, r: r**gamma * (1.0 + gamma * p * ratio(s, r)),
        curvature,
    )
    counted = labels != ignore_index
    number = per_sample_sum(counted)
    return replace(balanced, weight=number, shares=counted, count=number)


@loss(example=COUNTED, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def seesaw(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    class_counts: ClassCounts,
    *,
    p: NonNegative = 0.8,
    q: NonNegative = 2.0,
    eps: Annotated[float, annotated_types.Gt(0), annotated_types.Le(1)] = 0.01,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Seesaw loss: cross entropy in which rarer classes have less weight as negatives, and wrongly predicted classes more.

    The weights are constant in the gradient. mmdetection accumulates the class counts in training, from 1 on, and counts a batch before its loss. Here the request has
    the counts, and `state` returns them including this batch, for the next request.
    mmdetection's two objectness scores are a separate cross entropy.

    Use: Long-tailed object detection and instance segmentation with imbalanced classes.
    Formula: \ell = -\log \frac{e^{x_y}}{\sum_k S_k e^{x_k}}, \quad S_k = \min\left( 1, \frac{n_k}{n_y} \right)^p \max\left( 1, \frac{\sigma_k}{\max(\sigma_y, \epsilon)} \right)^q, \quad S_y = 1, \quad \sigma = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; y the true class; n `class_counts`
    p: exponent of the mitigation for rarer classes; 0 disables it.
    q: exponent of the compensation for classes with a larger probability; 0 disables it.
    eps: lower bound of the true class's probability in the comparison.
    Divisor: the number of positions that are not ignored
    Synonyms: SeesawLoss, seesaw_loss
    Reference: Wang et al., Seesaw Loss for Long-Tailed Instance Segmentation, 2021, arXiv:2008.10032, equations 3 to 6; mmdetection SeesawLoss
    """
    safe, kept = kept_weights(labels, None, ignore_index, predictions.dtype)
    seen = class_counts + np.bincount(safe.ravel(), kept.ravel(), minlength=len(class_counts)).astype(class_counts.dtype)
    at_label = safe[:, None]
    counts = class_counts.reshape((1, -1) + (1,) * (predictions.ndim - 2))
    rarer = np.log(np.minimum(counts / class_counts[at_label], 1.0))
    lead = predictions - np.take_along_axis(predictions, at_label, 1)
    likelier = np.maximum(np.minimum(lead, -Softmax(predictions).negative_log() - np.log(eps)), 0.0)
    shift = (p * rarer + q * likelier).astype(predictions.dtype, copy=False)
    np.put_along_axis(shift, at_label, 0.0, 1)
    shifted = (predictions - predictions.max(axis=1, keepdims=True)) + shift
    return replace(cross_entropy.function(shifted, labels, ignore_index=ignore_index), state={"class_counts": seen})
