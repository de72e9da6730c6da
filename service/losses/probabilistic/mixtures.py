"""Likelihoods of mixtures: zero-inflated counts, and mixtures of normal distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from service.losses.declaration import FROM_ZERO, Bound, Domain, PositiveReal, TensorSpec, Work
from service.losses.evaluation import Evaluation, Pullback, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid, softplus, spread, times
from service.losses.numerics.softmax import Softmax
from service.losses.numerics.special import HALF_LOG_TWO_PI
from service.losses.probabilistic._shared import Dispersion, Rate
from service.losses.probabilistic.counts import negative_binomial_nll, poisson_nll
from service.losses.registry import loss

Count = Annotated[Array, TensorSpec("n ...", domain=FROM_ZERO, description="true counts, or any numbers from 0 on")]
Gate = Annotated[Array, TensorSpec("n ...", gradient="default", description="raw scores of an excess zero; their sigmoid is its probability")]
Components = Annotated[Array, TensorSpec("n m", gradient="default", description="mean of each component")]
Rates = Annotated[
    Array,
    TensorSpec(
        "n m", narrowed=(("log_input", False, FROM_ZERO),), gradient="default", description="logarithms of the rate of each component, or rates"
    ),
]
Scales = Annotated[
    Array, TensorSpec("n m", domain=Domain(low=0, low_open=True), gradient="default", description="standard deviation of each component, above 0")
]
Weights = Annotated[Array, TensorSpec("n m", gradient="default", description="raw scores of the components; their softmax is the weights")]
SampleCount = Annotated[Array, TensorSpec("n", domain=FROM_ZERO, description="true counts, or any numbers from 0 on")]
Observed = Annotated[Array, TensorSpec("n", gradient="on request", description="true values")]
COUNTED = {"predictions": [0.5, 0.2, 1.3], "labels": [1, 2, 0], "gate": [-1.0, 0.0, 0.5]}


def _inflated(counting: Evaluation, labels: Array, gate: Array, names: tuple[str, ...]) -> Evaluation:
    """Add the gate's excess zeros to the likelihood `counting`. At a label of 0, where its value is L, the loss is log((1 + e^g) / (e^g + e^-L))."""
    values = counting.elements() if counting.elements else counting.numerator
    zero = labels == 0
    open_gate, none = np.exp(gate), np.exp(-values)
    both = open_gate + none
    opposed = softplus(gate) - np.maximum(gate, -values) - np.log1p(np.exp(-np.abs(gate + values)))
    at_zero = np.where(both > 1e-10, np.log1p(-np.expm1(-values) / both), opposed)
    share = np.where(zero, sigmoid(-values - gate), 1.0).astype(values.dtype, copy=False)  # of the counting distribution

    def of_counting(name: str) -> Array:
        return times(share, counting.gradients[name](np.ones(len(labels))))

    def of_gate() -> Array:
        pull = np.expm1(-values) * sigmoid(gate + values) * sigmoid(-gate)
        return np.where(zero, pull, sigmoid(gate)).astype(values.dtype, copy=False)

    def pulled(name: str) -> Pullback:
        return lambda c: c * of_counting(name)

    def bent(name: str) -> Array:
        ones = np.ones(len(labels))
        steep = counting.gradients[name](ones)
        return times(share, counting.hessian_diagonal[name](ones) - times(1.0 - share, steep * steep))

    def bent_gate() -> Array:
        opened = sigmoid(gate) * sigmoid(-gate)
        return np.where(zero, opened - sigmoid(gate + values) * sigmoid(-values - gate), opened).astype(values.dtype, copy=False)

    second: dict[str, Callable[[Array], Array]] = {name: lambda c, name=name: c * bent(name) for name in counting.hessian_diagonal if name in names}  # type: ignore[misc]

    return elementwise(
        np.where(zero, at_zero, values + softplus(gate)).astype(values.dtype, copy=False),
        {name: pulled(name) for name in names} | {"gate": lambda c: c * of_gate()},
        second | {"gate": lambda c: c * bent_gate()},
    )


@loss(example=COUNTED, hessian_diagonal=True)
def zero_inflated_poisson(predictions: Rate, labels: Count, gate: Gate, *, log_input: bool = True) -> Evaluation:
    r"""Negative log-likelihood of a zero-inflated Poisson distribution, including log(t!).

    Use: Regression of counts with many zeros.
    Formula: \ell = -\log\left( \pi [t = 0] + (1 - \pi) \frac{\lambda^t e^{-\lambda}}{t!} \right), \quad \pi = \sigma(g), \; \lambda = e^x
    Where: x `predictions`; t `labels`
    log_input: predictions are logarithms of rates, else rates.
    Synonyms: ZIP, zip_nll, ZeroInflatedPoisson
    Reference: Lambert, Zero-Inflated Poisson Regression, 1992, Technometrics 34
    """
    counting = poisson_nll.function(predictions, labels, log_input=log_input, full=True, eps=0.0, factorial="exact")
    return _inflated(counting, labels, gate, ("predictions",))


@loss(
    example=COUNTED | {"dispersion": [0.5, 1.0, 2.0]},
    bound=Bound(1e-13, 1e-12, "sums of series of the gamma function that partly cancel, as in negative_binomial_nll"),
    hessian_diagonal=True,
)
def zero_inflated_negative_binomial(predictions: PositiveReal, labels: Count, dispersion: Dispersion, gate: Gate) -> Evaluation:
    r"""Negative log-likelihood of a zero-inflated negative binomial distribution.

    Use: Regression of overdispersed counts with many zeros, such as single-cell gene expression.
    Formula: \ell = -\log\left( \pi [t = 0] + (1 - \pi) \, \mathrm{NB}(t; \mu, \alpha) \right), \quad \pi = \sigma(g)
    Where: t `labels`
    predictions: mu, the means of the counting distribution, above 0.
    dispersion: alpha; the variance of the counting distribution is mu + alpha mu^2.
    Synonyms: ZINB, zinb_nll, ZeroInflatedNegativeBinomial
    Reference: Greene, Accounting for Excess Zeros and Sample Selection in Poisson and Negative Binomial Regression Models, 1994; Lopez et al., scVI, 2018
    """
    return _inflated(negative_binomial_nll.function(predictions, labels, dispersion), labels, gate, ("predictions", "dispersion"))


class Mixed:
    """Mixture of components (n, m). values: minus the logarithm of the mixture's density, (n,). share: the posterior probability of each component."""

    def __init__(self, weight_logits: Array, log_density: Array) -> None:
        self.prior, self.log_density = Softmax(weight_logits), log_density
        joint = (weight_logits - self.prior.largest) + log_density
        lost = np.asarray(np.isneginf(joint).all(axis=1))
        self.posterior = Softmax(np.where(lost[:, None], 0.0, joint).astype(joint.dtype, copy=False))
        log_joint = np.where(lost, -np.inf, (self.posterior.largest + np.log1p(self.posterior.rest))[:, 0])
        self.values = np.log1p(self.prior.rest[:, 0]) - log_joint
        self.share = self.posterior.probabilities()

    def of_weights(self) -> Array:
        """Return the prior minus the posterior: where they are close, from the densities relative to the most likely component, so that equal ones have equal shares."""
        p = self.prior.probabilities()
        gap = self.log_density - np.take_along_axis(self.log_density, self.posterior.top, 1)
        excess = np.where(gap < 1.0, p * np.expm1(np.minimum(gap, 1.0)), np.exp(gap - self.prior.negative_log()) - p)
        total = np.exp(gap - self.prior.negative_log()).sum(axis=1, keepdims=True)
        near = (p * excess.sum(axis=1, keepdims=True) - excess) / np.where(total > 0, total, 1.0)
        apart = p - self.share
        return np.where((total > 0) & (np.abs(apart) < 0.5 * p), near, apart).astype(p.dtype, copy=False)


@loss(
    example={"predictions": [[0.0, 2.0]], "scale": [[1.0, 0.5]], "weight_logits": [[0.3, -0.2]], "labels": [1.5]},
    bound=Bound(1e-14, 1e-12, "squared errors are rounded before the exponential"),
    hessian_diagonal=True,
)
def mixture_density(predictions: Components, scale: Scales, weight_logits: Weights, labels: Observed) -> Evaluation:
    r"""Negative log-likelihood of a mixture of normal distributions, as predicted by a mixture density network.

    Use: Probabilistic regression where several outcomes are possible.
    Formula: \ell_i = -\log \sum_k \pi_k \, \mathcal{N}(t_i; \mu_{ik}, \sigma_{ik}^2), \quad \pi = \mathrm{softmax}(x)
    predictions: mu, the means.
    scale: sigma, the standard deviations.
    weight_logits: x, logits of the component weights.
    Divisor: the number of samples
    Synonyms: MDN, mdn_loss, gaussian_mixture_nll, mixture_nll
    Reference: Bishop, Mixture Density Networks, 1994, NCRG/94/004, equation 24
    """
    z = (predictions - labels[:, None]) / scale
    mixed = Mixed(weight_logits, -np.log(scale) - (0.5 * z) * z)
    prior, posterior, share = mixed.prior, mixed.posterior, mixed.share
    values = mixed.values + HALF_LOG_TWO_PI

    def of_scale() -> Array:
        return times(share, (1.0 - z) * (1.0 + z) / scale)

    def bent(steep: Array, steeper: Array) -> Array:
        """Return the second derivative for components whose log-density has these first and second derivatives."""
        return -times(share, steeper + times(posterior.complements, steep * steep))

    def bent_label() -> Array:
        pull = times(share, z / scale)
        mean = pull.sum(axis=1, keepdims=True)
        return times(share, 1.0 / scale / scale - np.square(z / scale - mean)).sum(axis=1)

    bends: dict[str, Callable[[], Array]] = {
        "predictions": lambda: bent(-z / scale, -1.0 / scale / scale),
        "scale": lambda: bent((z - 1.0) * (z + 1.0) / scale, (1.0 - 3.0 * z * z) / scale / scale),
        "weight_logits": lambda: prior.probabilities() * prior.complements - share * posterior.complements,
        "labels": bent_label,
    }
    return Evaluation(
        values.astype(np.float64),
        np.ones(len(values)),
        {
            "predictions": lambda c: spread(c, z) * times(share, z / scale),
            "scale": lambda c: spread(c, z) * of_scale(),
            "weight_logits": lambda c: spread(c, z) * mixed.of_weights(),
            "labels": lambda c: -spread(c, labels) * times(share, z / scale).sum(axis=1),
        },
        lambda: values,
        {name: lambda c, bend=bend: spread(c, bend()) * bend() for name, bend in bends.items()},  # type: ignore[misc]
    )


@loss(
    example={"predictions": [[0.5, 2.0]], "weight_logits": [[0.3, -0.2]], "labels": [3]},
    bound=Bound(1e-13, 1e-12, "likelihoods are rounded before the exponential"),
    work=Work("500 n m", "64 n m"),
)
def poisson_mixture(predictions: Rates, weight_logits: Weights, labels: SampleCount, *, log_input: bool = True) -> Evaluation:
    r"""Negative log-likelihood of a mixture of Poisson distributions, including log(t!).

    neuralforecast's PMM is this loss of rates (log_input false).

    Use: Probabilistic regression and forecasting of counts that have several modes, such as demand.
    Search: mixture_of_counts
    Formula: \ell_i = -\log \sum_k \pi_k \frac{\lambda_{ik}^{t_i} e^{-\lambda_{ik}}}{t_i!}, \quad \pi = \mathrm{softmax}(w), \; \lambda = e^x
    Where: x `predictions`; w `weight_logits`; t `labels`
    weight_logits: w, logits of the component weights.
    log_input: predictions are logarithms of rates, else rates.
    Divisor: the number of samples
    Synonyms: PMM, poisson_mixture_nll
    Reference: Olivares et al., Probabilistic Hierarchical Forecasting with Deep Poisson Mixtures, 2021, arXiv:2110.13179, equation 4
    """
    each = np.repeat(labels[:, None], predictions.shape[1], axis=1)
    counting = poisson_nll.function(predictions, each, log_input=log_input, full=True, eps=0.0, factorial="exact")
    surprise = counting.elements() if counting.elements else counting.numerator
    mixed = Mixed(weight_logits, -surprise)
    return Evaluation(
        mixed.values.astype(np.float64),
        np.ones(len(mixed.values)),
        {
            "predictions": lambda c: times(mixed.share, counting.gradients["predictions"](spread(c, surprise) * np.ones_like(surprise))),
            "weight_logits": lambda c: spread(c, surprise) * mixed.of_weights(),
        },
        lambda: mixed.values,
    )
