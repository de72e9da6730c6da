"""Variants of cross entropy: polynomial terms, the z loss, and consistency between augmented views."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.classification._shared import CALL, EXAMPLE_LOGITS, ClassLabels, OfLabel, of_surprise
from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import Bound, ClassWeight, Fraction, IgnoreIndex, Logits, NonNegative, TensorSpec, Work
from service.losses.evaluation import Evaluation, elementwise, in_float64, positions_of
from service.losses.numerics import Array
from service.losses.numerics.double_double import less_mean, two_sum
from service.losses.numerics.elementary import spread, times
from service.losses.numerics.softmax import Softmax
from service.losses.numerics.special import expm1_minus, relative_entropy
from service.losses.registry import loss


@loss(example=CALL, hessian_diagonal=True)
def poly1_cross_entropy(
    predictions: Logits,
    labels: ClassLabels,
    *,
    epsilon: Annotated[float, annotated_types.Ge(-1)] = 2.0,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Poly-1 loss: cross entropy with another weight on the first term of its expansion in 1 - p.

    The default epsilon is optax's and the paper's for images; rax and TensorFlow Ranking have 1.

    Use: Multiclass classification, as a variant of cross entropy with one more number to tune.
    Formula: \ell = \sum_k w_k q_k \left( -\log p_k + \epsilon (1 - p_k) \right), \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; q `labels` as probabilities; w `weight`
    epsilon: weight of 1 - p; 0 gives cross entropy.
    ignore_index: class index to ignore; not allowed with probabilities as labels.
    Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number of positions, as for cross_entropy
    Synonyms: PolyLoss, poly_loss_cross_entropy, poly1, Poly1CrossEntropyLoss
    Equivalents: optax.losses.poly_loss_cross_entropy
    Reference: Leng et al., PolyLoss, 2022, arXiv:2204.12511, equation 6
    """
    if epsilon >= 0:
        value: OfLabel = lambda s, p, r: s + epsilon * r  # noqa: E731
        slope: OfLabel = lambda s, p, r: 1.0 + epsilon * p  # noqa: E731
    else:  # as sums of positive terms: s - (1 - p) is e^-s - 1 + s
        value = lambda s, p, r: (1.0 + epsilon) * s - epsilon * expm1_minus(-s)  # noqa: E731
        slope = lambda s, p, r: (1.0 + epsilon) - epsilon * r  # noqa: E731
    return of_surprise(predictions, labels, weight, ignore_index, value, slope, lambda s, p, r: -epsilon * p)


@loss(example={"predictions": EXAMPLE_LOGITS}, hessian_diagonal=True, work=Work(memory="40 n c ..."))
def z_loss(predictions: Logits) -> Evaluation:
    r"""Square of the log-sum-exp of the scores, which keeps the normalizer of a softmax near 1.

    A coefficient (PaLM: 1e-4, ST-MoE: 1e-3) is the term's weight in a combination, or the option z_loss of token_cross_entropy.

    Use: Stable training of large language models and mixtures of experts, beside cross entropy.
    Formula: \ell = \left( \log \sum_k e^{x_k} \right)^2
    Divisor: the number of positions
    Synonyms: router_z_loss, log_sum_exp_squared
    Reference: Chowdhery et al., PaLM, 2022, arXiv:2204.02311, section 5; Zoph et al., ST-MoE, 2022, arXiv:2202.08906, equation 5
    """
    return log_sum_exp_squared(predictions, np.ones(predictions[:, 0].shape, predictions.dtype))


def log_sum_exp_squared(logits: Array, kept: Array) -> Evaluation:
    """Evaluate the z loss of each position, times 0 or 1."""
    softmax = Softmax(logits)
    total = (softmax.largest + np.log1p(softmax.rest))[:, 0]
    values = times(kept, total * total)

    def pullback(cotangent: Array) -> Array:
        return softmax.probabilities() * (spread(cotangent, kept) * kept * (2.0 * total))[:, None]

    def curvature(cotangent: Array) -> Array:
        p = softmax.probabilities()
        return 2.0 * p * (p + total[:, None] * softmax.complements) * (spread(cotangent, kept) * kept)[:, None]

    return positions_of(values, kept, None, {"predictions": pullback}, {"predictions": curvature})


ViewLogits = Annotated[
    Array, TensorSpec("n v c", gradient="default", description="raw scores of each view, one for each class; the first view is the clean one")
]
ViewLabel = Annotated[Array, TensorSpec("n", kind="integer", below="c", description="index of the true class")]


@loss(
    example={"predictions": [[[2.0, 0.5, -1.0], [1.5, 0.7, -0.5], [1.0, 0.0, 0.2]]], "labels": [0]},
    bound=Bound(1e-13, 1e-12, "where views differ much, logarithms of up to some hundred are subtracted"),
    work=Work("100 n v v c", "64 n v v c"),
)
@in_float64
def jsd_cross_entropy(predictions: ViewLogits, labels: ViewLabel, *, alpha: NonNegative = 12.0, smoothing: Fraction = 0.1) -> Evaluation:
    r"""Cross entropy of the clean view plus the Jensen-Shannon divergence of all views, as in AugMix.

    As in timm, with the views on axis 1 (timm concatenates them along the batch). timm clips the mixture's probabilities from below at 1e-7; here
    they are exact.

    Use: Multiclass image classification with augmented views (AugMix), for robustness to corruptions.
    Formula: \ell_i = \mathrm{CE}(x_{i1}, y_i) + \frac{\alpha}{V} \sum_v \mathrm{KL}(p_{iv} \| m_i), \quad m_i = \frac{1}{V} \sum_v p_{iv}, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; y the true class
    alpha: weight of the divergence; 12 in timm and the paper.
    smoothing: share of the cross entropy's target spread evenly over all classes.
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
    """Return log(p / mixture) for every view, from the differences of the logits where they are small, up to a term common to all classes."""
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
