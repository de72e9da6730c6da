"""Divergences between probabilities, masses or spectra."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import UNIT, Domain, ElementMask, PositionMask, PositiveLabel, PositiveReal, TensorSpec
from service.losses.evaluation import Evaluation, elementwise, masked, of_positions
from service.losses.numerics import Array
from service.losses.numerics.elementary import positions, times
from service.losses.numerics.special import gamma_terms, log_ratio, relative_entropy, relative_entropy_of_log
from service.losses.registry import loss

LogProbability = Annotated[Array, TensorSpec("n ...", gradient="default", description="logarithms of the predicted probabilities")]
Predicted = Annotated[Array, TensorSpec("n ...", narrowed=(("predictions_are", "probabilities", UNIT),), gradient="default")]
Target = Annotated[
    Array,
    TensorSpec(
        "n ...",
        narrowed=(("log_target", False, Domain(low=0)),),
        gradient="on request",
        description="true probabilities, or their logarithms (log_target)",
    ),
]
Mass = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0), gradient="on request", description="true masses, at least 0")]
Distribution = Annotated[Array, TensorSpec("n c ...", domain=UNIT, gradient="default", description="predicted probability of each class")]
TrueDistribution = Annotated[Array, TensorSpec("n c ...", domain=UNIT, gradient="on request", description="true probability of each class")]
PAIR = {"predictions": [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]}


# ------------------------------------------------------------------ probabilities


@loss(
    example={"predictions": [[-0.4, -1.6, -2.3], [-1.2, -1.2, -0.9]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
)
def kl_divergence(
    predictions: Predicted,
    labels: Target,
    *,
    log_target: bool = False,
    direction: Literal["forward", "reverse"] = "forward",
    predictions_are: Literal["log_probabilities", "probabilities"] = "log_probabilities",
    mask: ElementMask | None = None,
) -> Evaluation:
    r"""Kullback-Leibler divergence of the labels from the predictions, element by element, with 0 log 0 = 0.

    The predictions are logarithms, as in torch and optax, or probabilities, as in keras, which has the labels first. Torch's mean divides
    by all elements; use reduction batchmean for the divergence averaged over the batch. The gradient with respect to a label of 0 is infinite.

    Use: Comparison of probability distributions; distillation and variational inference.
    Formula: \ell = p (\log p - \log q) \text{ (forward)}, \quad q (\log q - \log p) \text{ (reverse)}
    Where: p `labels`; q `predictions`
    predictions: log q, the logarithms of the predicted probabilities, or q itself.
    labels: p, or log p with log_target.
    log_target: labels are logarithms too.
    direction: forward weights by the labels, as in all libraries; reverse weights by the predictions, which penalizes probability where the labels have none.
    predictions_are: natural logarithms of probabilities, as in torch and optax, or probabilities. keras clips both sides to [1e-7, 1]; here the loss is infinite, an error, where a probability is 0 and the label is not.
    Synonyms: KLDivLoss, kl_div, KLD, kl, relative_entropy, kullback_leibler
    Equivalents: torch.nn.KLDivLoss, torch.nn.functional.kl_div, optax.losses.kl_divergence(reduction="sum"),
        optax.losses.kl_divergence_with_log_targets(log_target=True, reduction="sum"),
        keras.losses.KLDivergence(predictions_are="probabilities", reduction="batchmean"),
        keras.losses.kl_divergence(predictions_are="probabilities", reduction="sum")
    Reference: Kullback and Leibler, On Information and Sufficiency, 1951
    """
    of = _kl_of_probabilities if predictions_are == "probabilities" else _kl_of_logarithms
    return masked(of(predictions, labels, log_target, direction == "reverse"), None if mask is None else mask == 1)


def _kl_of_logarithms(log_q: Array, labels: Array, log_target: bool, reverse: bool) -> Evaluation:
    p, log_p = (np.exp(labels), labels) if log_target else (labels, np.log(labels))
    if reverse:
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


def _kl_of_probabilities(q: Array, labels: Array, log_target: bool, reverse: bool) -> Evaluation:
    p = np.exp(labels) if log_target else labels
    gap = labels - np.log(q) if log_target else log_ratio(p, q)  # log(p / q)
    gap = np.where(np.isnan(gap), np.inf, gap)  # where both are 0 any more of p would be infinite

    def over(x: Array, y: Array) -> Array:
        """The quotient x / y, with 0 / 0 = 0."""
        return np.divide(x, y, out=np.zeros_like(x / y), where=x > 0)

    if reverse:
        return elementwise(
            np.where(q > 0, -times(q, gap), 0.0).astype(gap.dtype, copy=False),
            {"predictions": lambda c: c * (1.0 - gap), "labels": lambda c: -c * (q if log_target else over(q, p))},
            {"predictions": lambda c: c / q, "labels": lambda c: c * (np.zeros_like(q) if log_target else over(over(q, p), p))},
        )
    return elementwise(
        np.where(p > 0, times(p, gap), 0.0).astype(gap.dtype, copy=False),
        {"predictions": lambda c: -c * over(p, q), "labels": lambda c: c * (times(p, gap + 1.0) if log_target else gap + 1.0)},
        {"predictions": lambda c: c * over(over(p, q), q), "labels": lambda c: c * (times(p, gap + 2.0) if log_target else 1.0 / p)},
    )


def _reverse_kl(q: Array, log_q: Array, p: Array, log_p: Array, log_target: bool) -> Evaluation:
    gap = log_q - log_p
    zero = np.zeros_like(gap)
    return elementwise(
        np.where(gap == 0, zero, np.where(np.isinf(gap), gap, times(q, gap))).astype(gap.dtype, copy=False),  # e^x is positive, however small
        {"predictions": lambda c: c * times(q, gap + 1.0), "labels": lambda c: -c * (q if log_target else times(q, 1.0 / p))},
        {"predictions": lambda c: c * times(q, gap + 2.0), "labels": lambda c: c * (zero if log_target else times(q, 1.0 / (p * p)))},
    )


@loss(
    example={"predictions": [[-0.4, -1.6, -2.3], [-1.2, -1.2, -0.9]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
)
def generalized_kl_divergence(predictions: LogProbability, labels: Mass, *, mask: ElementMask | None = None) -> Evaluation:
    r"""Generalized Kullback-Leibler divergence, element by element, of masses that need not sum to one; never negative.

    Use: Non-negative matrix factorization (NMF), and comparison of masses that are not normalized.
    Formula: \ell = p \log\frac{p}{q} - p + q
    Where: p `labels`; q `predictions`
    predictions: log q, the logarithms of the predicted masses.
    labels: p.
    Synonyms: I_divergence, convex_kl_divergence, csiszar_divergence
    Equivalents: optax.losses.convex_kl_divergence(reduction="sum"), optax.losses.generalized_kl_divergence(reduction="sum")
    Reference: Csiszár, Why Least Squares and Maximum Entropy?, 1991; Boyd and Vandenberghe, Convex Optimization, page 90
    """
    log_q, p = predictions, labels
    q, log_p = np.exp(log_q), np.log(p)
    result = elementwise(
        relative_entropy_of_log(p, log_p, q, log_q),
        {"predictions": lambda c: c * (q - p), "labels": lambda c: c * (log_p - log_q)},
        {"predictions": lambda c: c * q, "labels": lambda c: c / p},
    )
    return masked(result, None if mask is None else mask == 1)


@loss(example=PAIR, hessian_diagonal=True)
def jensen_shannon(predictions: Distribution, labels: TrueDistribution, *, mask: PositionMask | None = None) -> Evaluation:
    r"""Jensen-Shannon divergence, in nats, at most log 2; scipy's jensenshannon is its square root.

    The gradient of a probability of 0 is infinite where the other is not 0, and 0 where both are 0.

    Use: Comparison of probability distributions, symmetric and bounded.
    Formula: \ell = \frac{1}{2} \sum_k \left( p_k \log\frac{p_k}{m_k} + q_k \log\frac{q_k}{m_k} \right), \quad m = \frac{p + q}{2}
    Where: p `labels`; q `predictions`
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: JSD, JS, js_div, jensen_shannon_divergence, js_div_loss_2d
    Reference: Lin, Divergence Measures Based on the Shannon Entropy, 1991
    """
    p, q = predictions, labels
    gap, total = p - q, p + q
    total = np.where(total == 0, 1.0, total).astype(p.dtype, copy=False)
    nonzero = (p + q != 0).astype(p.dtype)

    def slope(x: Array, difference: Array) -> Array:
        return 0.5 * times(nonzero, log_ratio(2.0 * x, total, difference))

    result = elementwise(
        0.25 * nonzero * (relative_entropy(2.0 * p, total, gap) + relative_entropy(2.0 * q, total, -gap)),
        {"predictions": lambda c: c * slope(p, gap), "labels": lambda c: c * slope(q, -gap)},
        {"predictions": lambda c: c * (0.5 * (q / total) / p), "labels": lambda c: c * (0.5 * (p / total) / q)},
        divisor=positions(p),
    )
    return masked(result, of_positions(mask))


@loss(example=PAIR, hessian_diagonal=True)
def hellinger(predictions: Distribution, labels: TrueDistribution, *, mask: PositionMask | None = None) -> Evaluation:
    r"""Squared Hellinger distance, between 0 and 1 for distributions. The gradient of a probability of 0 is infinite where the other is not 0, and 0 where both are 0.

    Use: Comparison of probability distributions, symmetric and bounded.
    Formula: \ell = \frac{1}{2} \sum_k \left( \sqrt{p_k} - \sqrt{q_k} \right)^2
    Where: p `labels`; q `predictions`
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: squared_hellinger, hellinger_distance, bhattacharyya_complement
    Reference: Hellinger, Neue Begründung der Theorie quadratischer Formen, 1909
    """
    p, q = predictions, labels
    root_p, root_q = np.sqrt(p), np.sqrt(q)
    total = np.where(root_p + root_q == 0, 1.0, root_p + root_q).astype(p.dtype, copy=False)
    gap = (p - q) / total

    def slope(sign: float, root: Array) -> Array:
        return np.where(gap == 0, 0.0, (0.5 * sign) * (gap / root)).astype(p.dtype, copy=False)

    result = elementwise(
        0.5 * gap * gap,
        {"predictions": lambda c: c * slope(1.0, root_p), "labels": lambda c: c * slope(-1.0, root_q)},
        {"predictions": lambda c: c * (0.25 * (root_q / root_p) / p), "labels": lambda c: c * (0.25 * (root_p / root_q) / q)},
        divisor=positions(p),
    )
    return masked(result, of_positions(mask))


@loss(example=PAIR, hessian_diagonal=True)
def total_variation_distance(predictions: Distribution, labels: TrueDistribution, *, mask: PositionMask | None = None) -> Evaluation:
    r"""Total variation distance: the largest difference between the probabilities of any event under two distributions. The gradient at a tie is 0.

    Use: Comparison of probability distributions, symmetric and bounded.
    Formula: \ell = \frac{1}{2} \sum_k |p_k - q_k|
    Where: p `labels`; q `predictions`
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: tv_distance, statistical_distance, variational_distance
    Reference: Gibbs and Su, On Choosing and Bounding Probability Metrics, 2002
    """
    error = predictions - labels
    zero = np.zeros_like(error)
    result = elementwise(
        0.5 * np.abs(error),
        {"predictions": lambda c: (0.5 * c) * np.sign(error), "labels": lambda c: (-0.5 * c) * np.sign(error)},
        {"predictions": lambda c: c * zero, "labels": lambda c: c * zero},
        divisor=positions(error),
    )
    return masked(result, of_positions(mask))


# ------------------------------------------------------------------ positive numbers, normal distributions, samples


@loss(example={"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 2.0, 0.4]}, hessian_diagonal=True)
def itakura_saito(predictions: PositiveReal, labels: PositiveLabel) -> Evaluation:
    r"""Itakura-Saito divergence of spectra, which depends only on their ratio; equal to gamma_deviance / 2.

    Use: Comparison of power spectra, as in audio source separation by matrix factorization.
    Formula: \ell = \frac{t}{x} - \log\frac{t}{x} - 1
    Where: x `predictions`; t `labels`
    Synonyms: is_divergence, itakura_saito_distance
    Reference: Févotte, Bertin and Durrieu, Nonnegative Matrix Factorization with the Itakura-Saito Divergence, 2009
    """
    return elementwise(*gamma_terms(predictions, labels, 1.0))
