"""Divergences between distributions, given as probabilities, parameters or samples.

Sums over classes are taken term by term in a form that is never negative, p log(p / q) - p + q, so that distributions that are nearly
equal keep their digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.core import Evaluation, Pullback, loss
from service.losses.numerics import elementwise, per_sample_size, per_sample_sum, spread, times
from service.losses.positive import gamma_terms
from service.losses.probabilistic import PositiveLabel, PositiveReal
from service.losses.special import expm1_minus, log_ratio, relative_entropy, relative_entropy_of_log, times_exp
from service.losses.tensors import UNIT, Array, Domain, Tensor

LogProbability = Annotated[Array, Tensor("n ...", gradient="default", description="logarithms of the predicted probabilities")]
Target = Annotated[
    Array,
    Tensor(
        "n ...",
        narrowed=(("log_target", False, Domain(low=0)),),
        gradient="on request",
        description="true probabilities, or their logarithms (log_target)",
    ),
]
Mass = Annotated[Array, Tensor("n ...", domain=Domain(low=0), gradient="on request", description="true masses, from 0 on")]
Distribution = Annotated[Array, Tensor("n c ...", domain=UNIT, gradient="default", description="predicted probabilities, a class each")]
TrueDistribution = Annotated[Array, Tensor("n c ...", domain=UNIT, gradient="on request", description="true probabilities, a class each")]
Mean = Annotated[Array, Tensor("n ...", gradient="default", description="predicted means")]
LogVariance = Annotated[Array, Tensor("n ...", gradient="default", description="logarithms of the predicted variances")]
Sample = Annotated[Array, Tensor("n m", gradient="default", description="numbers drawn from the predicted distribution, in any order")]
TrueSample = Annotated[Array, Tensor("n m", gradient="on request", description="numbers drawn from the true distribution, in any order")]

PAIR = {"predictions": [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]}


def positions(values: Array) -> Array:
    """How many distributions each sample has, as (n,) divisors."""
    return per_sample_size(values) / values.shape[1]


# ------------------------------------------------------------------ probabilities


@loss(
    example={"predictions": [[-0.4, -1.6, -2.3], [-1.2, -1.2, -0.9]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
)
def kl_divergence(
    predictions: LogProbability, labels: Target, *, log_target: bool = False, direction: Literal["forward", "reverse"] = "forward"
) -> Evaluation:
    r"""Kullback-Leibler divergence of the labels from the predictions, element by element; 0 log 0 is 0.

    The predictions are logarithms, as in torch and optax; keras takes probabilities, the labels first, and means the same divergence. Torch's mean
    divides by all elements; the divergence itself, averaged over the batch, is reduction batchmean. A label of 0 has an infinite gradient of its own.

    Formula: \ell = p (\log p - \log q) \text{ (forward)}, \quad q (\log q - \log p) \text{ (reverse)}
    predictions: log q, the logarithms of the predicted probabilities.
    labels: p, or log p with log_target.
    log_target: whether the labels are logarithms too.
    direction: forward weighs by the labels, as every library does; reverse by the predictions, so that what the labels exclude costs most.
    Synonyms: KLDivLoss, kl_div, KLD, kl, KLDivergence, relative_entropy, kullback_leibler
    Reference: Kullback and Leibler, On Information and Sufficiency, 1951
    """
    log_q = predictions
    p, log_p = (np.exp(labels), labels) if log_target else (labels, np.log(labels))
    if direction == "reverse":
        return _reverse_kl(np.exp(log_q), log_q, p, log_p, log_target)
    gap = log_p - log_q
    values = p * gap
    if np.isnan(np.add.reduce(values, axis=None)):
        values = np.where(gap == 0, 0.0, times(p, gap)).astype(gap.dtype, copy=False)
    return elementwise(
        values,
        {"predictions": lambda c: -c * p, "labels": lambda c: c * (times(p, gap + 1.0) if log_target else gap + 1.0)},
        {"predictions": lambda c: np.zeros_like(c * gap), "labels": lambda c: c * (times(p, gap + 2.0) if log_target else 1.0 / p)},
    )


def _reverse_kl(q: Array, log_q: Array, p: Array, log_p: Array, log_target: bool) -> Evaluation:
    gap = log_q - log_p
    zero = np.zeros_like(gap)
    return elementwise(
        np.where(gap == 0, zero, np.where(np.isinf(gap), gap, times(q, gap))).astype(gap.dtype, copy=False),  # e^x is above 0, however small
        {"predictions": lambda c: c * times(q, gap + 1.0), "labels": lambda c: -c * (q if log_target else times(q, 1.0 / p))},
        {"predictions": lambda c: c * times(q, gap + 2.0), "labels": lambda c: c * (zero if log_target else times(q, 1.0 / (p * p)))},
    )


@loss(
    example={"predictions": [[-0.4, -1.6, -2.3], [-1.2, -1.2, -0.9]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
)
def generalized_kl_divergence(predictions: LogProbability, labels: Mass) -> Evaluation:
    r"""Kullback-Leibler divergence of masses that need not sum to one: never negative, element by element.

    Formula: \ell = p \log\frac{p}{q} - p + q
    predictions: log q, the logarithms of the predicted masses.
    labels: p.
    Synonyms: I_divergence, convex_kl_divergence, csiszar_divergence
    Reference: Csiszár, Why Least Squares and Maximum Entropy?, 1991; Boyd and Vandenberghe, Convex Optimization, page 90
    """
    log_q, p = predictions, labels
    q, log_p = np.exp(log_q), np.log(p)
    return elementwise(
        relative_entropy_of_log(p, log_p, q, log_q),
        {"predictions": lambda c: c * (q - p), "labels": lambda c: c * (log_p - log_q)},
        {"predictions": lambda c: c * q, "labels": lambda c: c / p},
    )


@loss(example=PAIR, hessian_diagonal=True)
def jensen_shannon(predictions: Distribution, labels: TrueDistribution) -> Evaluation:
    r"""Jensen-Shannon divergence, in nats: at most log 2. scipy's jensenshannon is its square root.

    A probability of 0 where the other is not has an infinite gradient, two that are 0 have the gradient 0.

    Formula: \ell = \frac{1}{2} \sum_k \left( p_k \log\frac{p_k}{m_k} + q_k \log\frac{q_k}{m_k} \right), \quad m = \frac{p + q}{2}
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: JSD, JS, js_div, jensen_shannon_divergence, js_div_loss_2d
    Reference: Lin, Divergence Measures Based on the Shannon Entropy, 1991
    """
    p, q = predictions, labels
    gap, total = p - q, p + q
    total = np.where(total == 0, 1.0, total).astype(p.dtype, copy=False)
    nonzero = (p + q != 0).astype(p.dtype)

    def slope(x: Array, difference: Array) -> Array:
        return 0.5 * times(nonzero, log_ratio(2.0 * x, total, difference))

    return elementwise(
        0.25 * nonzero * (relative_entropy(2.0 * p, total, gap) + relative_entropy(2.0 * q, total, -gap)),
        {"predictions": lambda c: c * slope(p, gap), "labels": lambda c: c * slope(q, -gap)},
        {"predictions": lambda c: c * (0.5 * (q / total) / p), "labels": lambda c: c * (0.5 * (p / total) / q)},
        divisor=positions(p),
    )


@loss(example=PAIR, hessian_diagonal=True)
def hellinger(predictions: Distribution, labels: TrueDistribution) -> Evaluation:
    r"""Squared Hellinger distance: between 0 and 1 for distributions. A probability of 0 where the other is not has an infinite gradient, two that are 0 the gradient 0.

    Formula: \ell = \frac{1}{2} \sum_k \left( \sqrt{p_k} - \sqrt{q_k} \right)^2
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: squared_hellinger, hellinger_distance, bhattacharyya_complement
    Reference: Hellinger, Neue Begründung der Theorie quadratischer Formen, 1909
    """
    p, q = predictions, labels
    root_p, root_q = np.sqrt(p), np.sqrt(q)
    total = np.where(root_p + root_q == 0, 1.0, root_p + root_q).astype(p.dtype, copy=False)
    gap = (p - q) / total

    def slope(sign: float, root: Array) -> Array:
        return np.where(gap == 0, 0.0, (0.5 * sign) * (gap / root)).astype(p.dtype, copy=False)

    return elementwise(
        0.5 * gap * gap,
        {"predictions": lambda c: c * slope(1.0, root_p), "labels": lambda c: c * slope(-1.0, root_q)},
        {"predictions": lambda c: c * (0.25 * (root_q / root_p) / p), "labels": lambda c: c * (0.25 * (root_p / root_q) / q)},
        divisor=positions(p),
    )


@loss(example=PAIR, hessian_diagonal=True)
def total_variation_distance(predictions: Distribution, labels: TrueDistribution) -> Evaluation:
    r"""The largest difference of the probabilities that two distributions give to any event; the gradient at a tie is 0.

    Formula: \ell = \frac{1}{2} \sum_k |p_k - q_k|
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: tv_distance, statistical_distance, variational_distance
    Reference: Gibbs and Su, On Choosing and Bounding Probability Metrics, 2002
    """
    error = predictions - labels
    zero = np.zeros_like(error)
    return elementwise(
        0.5 * np.abs(error),
        {"predictions": lambda c: (0.5 * c) * np.sign(error), "labels": lambda c: (-0.5 * c) * np.sign(error)},
        {"predictions": lambda c: c * zero, "labels": lambda c: c * zero},
        divisor=positions(error),
    )


# ------------------------------------------------------------------ positive numbers, normal distributions, samples


@loss(example={"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 2.0, 0.4]}, hessian_diagonal=True)
def itakura_saito(predictions: PositiveReal, labels: PositiveLabel) -> Evaluation:
    r"""Itakura-Saito divergence of spectra: only the ratio counts. It is gamma_deviance / 2.

    Formula: \ell = \frac{t}{x} - \log\frac{t}{x} - 1
    Synonyms: is_divergence, itakura_saito_distance
    Reference: Févotte, Bertin and Durrieu, Nonnegative Matrix Factorization with the Itakura-Saito Divergence, 2009
    """
    return elementwise(*gamma_terms(predictions, labels, 1.0))


@loss(example={"mean": [[0.5, -0.2], [0.1, 0.0]], "log_variance": [[0.1, -0.5], [0.0, 0.3]]}, hessian_diagonal=True)
def gaussian_kl(mean: Mean, log_variance: LogVariance) -> Evaluation:
    r"""Divergence of a diagonal normal distribution from the standard one: the regulariser of a variational autoencoder.

    Formula: \ell_i = \frac{1}{2} \sum_k \left( \mu_k^2 + e^{s_k} - 1 - s_k \right)
    mean: mu, the means.
    log_variance: s, the logarithms of the variances.
    Divisor: the number of samples: latent dimensions are summed
    Synonyms: vae_kl, kl_normal, kl_standard_normal, DiagonalGaussianKL
    Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2013, arXiv:1312.6114, appendix B
    """
    half = np.full_like(log_variance, 0.5)
    far = log_variance > 0.5 * math.log(np.finfo(log_variance.dtype).max)  # there e^s is all that counts, and half of it may be in range

    def excess(factor: Array, less: Callable[[Array], Array]) -> Array:
        return np.where(far, times_exp(factor, log_variance), factor * less(log_variance)).astype(log_variance.dtype, copy=False)

    return elementwise(
        0.5 * mean * mean + excess(half, expm1_minus),
        {"mean": lambda c: c * mean, "log_variance": lambda c: excess(c * half, np.expm1)},
        {"mean": lambda c: c * np.ones_like(mean), "log_variance": lambda c: times_exp(c * half, log_variance)},
        divisor=np.ones(mean.shape[0]),
    )


@loss(example={"predictions": [[0.1, 0.9, 0.5]], "labels": [[0.7, 0.2, 0.4]]}, hessian_diagonal=True)
def wasserstein_1d(predictions: Sample, labels: TrueSample, *, p: Annotated[float, annotated_types.Ge(1)] = 1.0) -> Evaluation:
    r"""Wasserstein distance of two equally large samples of numbers, to the power p: the smallest goes to the smallest, and so on.

    The gradient is 0 at a tie of partners, and that of one order where numbers of a sample are tied.

    Formula: \ell_i = \frac{1}{m} \sum_k |x_{i(k)} - t_{i(k)}|^p
    p: exponent of the distance.
    Divisor: the number of samples: each is a mean over its m numbers
    Synonyms: earth_movers_distance, emd, wasserstein_distance, w1
    Reference: Villani, Topics in Optimal Transportation, 2003, theorem 2.18
    """
    m = predictions.shape[1]
    orders = {"predictions": np.argsort(predictions, axis=1, kind="stable"), "labels": np.argsort(labels, axis=1, kind="stable")}
    error = np.take_along_axis(predictions, orders["predictions"], 1) - np.take_along_axis(labels, orders["labels"], 1)
    size = np.abs(error)

    def unsorted(name: str, values: Array) -> Array:
        out = np.empty_like(values)
        np.put_along_axis(out, orders[name], values, 1)
        return out

    def slope() -> Array:
        return (p / m) * np.sign(error) * size ** (p - 1.0)

    def curvature() -> Array:
        return np.zeros_like(error) if p == 1 else (p * (p - 1.0) / m) * size ** (p - 2.0)

    def pulled(name: str, derivative: Callable[[], Array], sign: float = 1.0) -> Pullback:
        return lambda c: (sign * spread(c, error)) * unsorted(name, derivative())

    return Evaluation(
        per_sample_sum(size**p) / m,
        np.ones(predictions.shape[0]),
        {"predictions": pulled("predictions", slope), "labels": pulled("labels", slope, -1.0)},
        hessian_diagonal={name: pulled(name, curvature) for name in orders},
    )
