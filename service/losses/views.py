"""Several views of each sample, seen by one network: what it says of them should agree."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.classification import cross_entropy
from service.losses.core import Bound, Evaluation, Fraction, NonNegative, loss
from service.losses.numerics import Softmax, elementwise, in_float64
from service.losses.special import relative_entropy
from service.losses.tensors import Array, Tensor
from service.losses.twofold import less_mean, two_sum

ViewLogits = Annotated[
    Array, Tensor("n v c", gradient="default", description="raw scores of each view, one for each class; the first view is the clean one")
]
ViewLabel = Annotated[Array, Tensor("n", kind="integer", below="c", description="index of the true class")]


@loss(
    example={"predictions": [[[2.0, 0.5, -1.0], [1.5, 0.7, -0.5], [1.0, 0.0, 0.2]]], "labels": [0]},
    pairs="n v v c",
    bound=Bound(1e-13, 1e-12, "where views differ much, logarithms of up to some hundred are taken off one another"),
)
@in_float64
def jsd_cross_entropy(predictions: ViewLogits, labels: ViewLabel, *, alpha: NonNegative = 12.0, smoothing: Fraction = 0.1) -> Evaluation:
    r"""Cross entropy of the clean view, and the Jensen-Shannon divergence of all views' probabilities.

    timm's loss with the views on axis 1 (it has them one after the other along the batch); it holds the mixture's probabilities above 1e-7, here
    they are as they are.

    Formula: \ell_i = \mathrm{CE}(x_{i1}, y_i) + \frac{\alpha}{V} \sum_v \mathrm{KL}(p_{iv} \| m_i), \quad m_i = \frac{1}{V} \sum_v p_{iv}, \quad p = \mathrm{softmax}(x)
    alpha: weight of the divergence; 12 in timm and the paper.
    smoothing: share of the target of the cross entropy that is spread evenly over all classes.
    Divisor: the number of samples
    Synonyms: JsdCrossEntropy, augmix, jsd_loss, jensen_shannon_consistency
    Reference: Hendrycks et al., AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty, 2020, arXiv:1912.02781, equation 1
    """
    n, count, classes = predictions.shape
    clean = cross_entropy.function(predictions[:, 0], labels, label_smoothing=smoothing)
    softmax = Softmax(predictions.reshape(n * count, classes))
    p = softmax.probabilities().reshape(predictions.shape)
    middle = p.mean(axis=1, keepdims=True)
    apart = np.where(middle > 0, relative_entropy(p, np.where(middle > 0, middle, 1.0), p - middle), 0.0)
    rate = alpha / count

    def pullback(c: Array) -> Array:
        rows = predictions.reshape(n * count, classes)
        slope = _log_shares(predictions, softmax).reshape(rows.shape)
        high, low = two_sum(slope, -np.take_along_axis(slope, softmax.top, 1))
        held = (np.where(softmax.exponentials == 0, 0.0, part) for part in (high, low))
        out = (softmax.probabilities() * less_mean(rows, (next(held), next(held)))).reshape(predictions.shape)
        out *= rate * c[:, None, None]
        out[:, 0] += clean.gradients["predictions"](c)
        return out

    values = clean.numerator + rate * apart.sum(axis=(1, 2))
    return elementwise(values, {"predictions": pullback})


def _log_shares(logits: Array, softmax: Softmax) -> Array:
    """log(p / mixture) for every view: from the differences of the logits where these are small, up to what all classes share."""
    gaps = logits[:, None] - logits[:, :, None]  # of view u from view v, (n, v, u, c)
    surprise = softmax.negative_log().reshape(logits.shape)
    apart = surprise[:, :, None] - surprise[:, None]
    p = softmax.probabilities().reshape(logits.shape)
    close = np.abs(gaps).max(axis=(1, 2, 3), keepdims=True) < 0.7
    small = np.where(close, gaps, 0.0)
    shift = np.log1p((p[:, :, None] * np.expm1(small)).sum(axis=3, keepdims=True))
    near = -np.log1p(np.expm1(small - shift).mean(axis=2))
    highest = apart.max(axis=2)
    far = -(highest + np.log(np.exp(apart - highest[:, :, None]).mean(axis=2)))
    return np.where(close[:, :, 0], near, far)
