"""Cross entropies for classes of which some are much rarer than others, from how often each occurs. The class axis is axis 1."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.classification import cross_entropy, kept_weights
from service.losses.core import ClassIndexOrIgnored, Evaluation, Logits, NonNegative, loss
from service.losses.numerics import Softmax, per_sample_sum
from service.losses.softmax import CALL, ClassCounts, of_surprise
from service.losses.tensors import Array

COUNTED = CALL | {"class_counts": [100.0, 10.0, 1.0]}


@loss(example=COUNTED, hessian_diagonal=True)
def class_balanced(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    class_counts: ClassCounts,
    *,
    beta: Annotated[float, annotated_types.Ge(0), annotated_types.Lt(1)] = 0.999,
    gamma: NonNegative = 0.0,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Cross entropy of the softmax, or its focal form, each class weighed by one over its effective number of samples.

    The weights are scaled to sum to the number of classes, as in the authors' code.

    Formula: \ell = w_y (1 - p_y)^\gamma (-\log p_y), \quad w_k \propto \frac{1 - \beta}{1 - \beta^{n_k}}, \quad \sum_k w_k = C, \quad p = \mathrm{softmax}(x)
    beta: how much a further sample of a class still adds; 0 weighs all alike, near 1 each class by one over its count.
    gamma: focusing exponent; 0 is cross entropy.
    ignore_index: class index that does not count.
    Divisor: the number of positions that are not ignored, whatever the weights
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
    return replace(balanced, weight=per_sample_sum((labels != ignore_index).astype(np.float64)))


@loss(example=COUNTED, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def seesaw(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    class_counts: ClassCounts,
    *,
    p: NonNegative = 0.8,
    q: NonNegative = 2.0,
    eps: Annotated[float, annotated_types.Gt(0), annotated_types.Le(1)] = 0.01,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Cross entropy in which a class weighs less against the true one where it is rarer, and more where it is wrongly likelier.

    The weights are constants of the gradient. mmdetection counts the classes while it trains, from 1 on, a batch before its loss; here the counts come with
    the call, and `state` has them with this call's classes counted too, to send with the next.
    Its other two scores, of an object being there, are a cross entropy of their own.

    Formula: \ell = -\log \frac{e^{x_y}}{\sum_k S_k e^{x_k}}, \quad S_k = \min\left( 1, \frac{n_k}{n_y} \right)^p \max\left( 1, \frac{\sigma_k}{\max(\sigma_y, \epsilon)} \right)^q, \quad S_y = 1, \quad \sigma = \mathrm{softmax}(x)
    p: how much rarer classes are spared; 0 is not at all.
    q: how much likelier classes are punished; 0 is not at all.
    eps: the least probability of the true class that others are compared with.
    ignore_index: class index that does not count.
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
