"""Ratios of signal to distortion of waveforms, and their best assignment to separated sources."""

from __future__ import annotations

import math
import operator
from dataclasses import replace
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.audio._shared import WaveLabels, Waves
from service.losses.declaration import Bound, TensorSpec, Work
from service.losses.evaluation import Evaluation, Pullback, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero
from service.losses.numerics.vectors import Cosines, Directions, exponents, norms
from service.losses.registry import loss
from service.losses.regression.pointwise import mean_squared_error

Sources = Annotated[Array, TensorSpec("n s t", gradient="default", description="estimated sources of each mixture")]
TrueSources = Annotated[Array, TensorSpec("n s t", gradient="on request", description="true sources of each mixture, in any order")]
ZeroMean = Annotated[bool, annotated_types.doc("subtract the mean of each signal first.")]
DECIBELS = 20 / math.log(10)
PRIME = 2**31 - 1
APART = Bound(1e-13, 1e-12, "an entry that is 1e300 times smaller than the rest of its signal is lost", "tensor", "tensor")


MATCHED = Bound(1e-13, 1e-12, "where two permutations cost the same to rounding, the rounding chooses between them", "tensor", "tensor")


@loss(example={"predictions": [[0.5, -1.0, 0.3]], "labels": [[0.6, -0.8, 0.1]]}, bound=APART)
@in_float64
def si_sdr(predictions: Waves, labels: WaveLabels, *, zero_mean: ZeroMean = False) -> Evaluation:
    r"""Negative scale-invariant signal-to-distortion ratio of each signal, in decibels.

    It is 20 log10 of the tangent |alpha t - p| / |alpha t| of the angle, for the best scale alpha. There is no epsilon: proportional signals give minus infinity,
    and orthogonal or silent ones infinity, both errors. torchmetrics' SI-SNR and auraloss' SISDRLoss have zero_mean true.

    Use: Source separation, speech enhancement and denoising of audio signals, whatever their loudness.
    Formula: \ell = -10 \log_{10} \frac{|\alpha t|^2}{|\alpha t - p|^2} = 20 \log_{10} |\tan \theta|, \quad \alpha = \frac{p \cdot t}{|t|^2}
    Divisor: the number of signals
    Synonyms: SISDR, SI_SDR, SISDRLoss, scale_invariant_signal_distortion_ratio
    Search: SI-SNR, scale_invariant_signal_noise_ratio
    Reference: Le Roux et al., SDR - Half-baked or Well Done?, 2019, arXiv:1811.02508, equation 4
    """
    estimates, truths = (_Signals(x, zero_mean) for x in (predictions, labels))
    cosines = Cosines(Directions.of(estimates.rows), Directions.of(truths.rows))
    sine = norms(cosines.residual(0))
    close = np.flatnonzero(cosines.defined & (sine < 2.0**-40))
    proportional = _in_proportion(_residues(predictions[close], zero_mean), _residues(labels[close], zero_mean))
    sine[close] = np.where(proportional, 0.0, np.maximum(sine[close], 2.0**-54))  # the computed sine is rounding error

    def slope(of: int) -> Array:
        residual = cosines.residual(of)
        steep = divide_or_zero(residual, norms(residual)[:, None]) * (-DECIBELS / sine)[:, None]
        return divide_or_zero(cosines.sides[of].over_length(steep), cosines.values[:, None])

    values = DECIBELS * (np.log(sine) - np.log(np.abs(cosines.values)))
    values = np.where(np.isnan(values), np.inf, values)  # silent signals have no angle
    return elementwise(
        values,
        {"predictions": lambda c: estimates.pull(c[:, None] * slope(0)), "labels": lambda c: truths.pull(c[:, None] * slope(1))},
    )


@loss(example={"predictions": [[0.5, -1.0, 0.3]], "labels": [[0.6, -0.8, 0.1]]}, bound=APART)
@in_float64
def snr(predictions: Waves, labels: WaveLabels, *, zero_mean: ZeroMean = False) -> Evaluation:
    r"""Negative signal-to-noise ratio of each signal, in decibels: its error against the true signal, both by their energies.

    There is no epsilon: an exact signal gives minus infinity, and a silent true one infinity, both errors. auraloss' SNRLoss has zero_mean true.

    Use: Source separation, speech enhancement and denoising of audio signals whose loudness matters.
    Formula: \ell = -10 \log_{10} \frac{|t|^2}{|t - p|^2}
    Where: p `predictions`; t `labels`
    Divisor: the number of signals
    Synonyms: SNRLoss, SignalNoiseRatio, signal_noise_ratio, signal_to_noise_ratio, neg_snr
    Reference: Vincent, Gribonval and Févotte, Performance Measurement in Blind Audio Source Separation, 2006
    """
    estimates, truths = (_Signals(x, zero_mean) for x in (predictions, labels))
    common = np.maximum(estimates.exponent, truths.exponent)
    scaled = (np.ldexp(x.rows, (x.exponent - common)[:, None]) for x in (estimates, truths))
    error, signal = Directions.of(operator.sub(*scaled)), Directions.of(truths.rows)
    relative = np.ldexp(estimates.rows / signal.length[:, None], (estimates.exponent - truths.exponent - signal.exponent)[:, None])
    excess = np.vecdot(relative, relative - 2.0 * signal.unit)  # |t - p|^2 / |t|^2 - 1
    even = np.abs(excess) < 0.5
    powers = (error.exponent + common) - (signal.exponent + truths.exponent)
    values = DECIBELS * np.where(even, 0.5 * np.log1p(excess), np.log(error.length / signal.length) + math.log(2.0) * powers)
    values[~error.defined] = DECIBELS * math.log(2.0**-54)  # of rounding
    close = np.flatnonzero(~error.defined)
    exact = (_residues(predictions[close], zero_mean) == _residues(labels[close], zero_mean)).all(axis=1)
    values[close[exact]] = -np.inf
    values[~signal.defined] = np.inf

    def by_error(c: Array) -> Array:
        return np.ldexp(error.over_length(error.unit, DECIBELS * c), -common[:, None])

    def by_labels(c: Array) -> Array:
        apart = -by_error(c) - truths.pull(signal.over_length(signal.unit, DECIBELS * c))
        alike = -(excess[:, None] * signal.unit + relative) / (1.0 + excess)[:, None]  # the same without the difference
        return np.where(even[:, None], truths.pull(signal.over_length(alike, DECIBELS * c)), apart)

    return elementwise(values, {"predictions": by_error, "labels": by_labels})


@loss(
    example={"predictions": [[[0.5, -1.0, 0.3], [0.1, 0.2, -0.4]]], "labels": [[[0.2, 0.1, -0.5], [0.6, -0.8, 0.1]]]},
    bound=MATCHED,
    work=Work("30000 n + 400 n s s + 100 n s s t + 2 n s s s", "300 n s t + 50 n s s"),
)
def permutation_invariant(
    predictions: Sources,
    labels: TrueSources,
    *,
    metric: Annotated[Literal["si_sdr", "snr", "mse"], annotated_types.doc("loss of a source; mse is mean_squared_error.")] = "si_sdr",
    zero_mean: ZeroMean = False,
) -> Evaluation:
    r"""Loss of separated sources under the permutation with the smallest mean (permutation-invariant training).

    The permutation is found by linear assignment, and is constant in the gradient. `state` returns it: the index of the true source of each
    estimate. zero_mean applies to si_sdr and snr. A value is that of torchmetrics with the sign of a loss, and of asteroid's PITLossWrapper, but for their epsilons.

    Use: Separation of speakers, or of other signals, whose order does not matter (PIT, uPIT).
    Formula: \ell = \min_{\pi} \frac{1}{s} \sum_k \ell_0(p_k, t_{\pi(k)})
    Where: p `predictions`; t `labels`; \pi a permutation of the sources; \ell_0 the loss of a source; s the number of sources
    Divisor: the number of sources
    Synonyms: PIT, uPIT, PITLossWrapper, permutation_invariant_training, PermutationInvariantTraining
    Search: speaker separation, diarization
    Reference: Yu et al., Permutation Invariant Training of Deep Models for Speaker-Independent Multi-talker Speech Separation, 2017, arXiv:1607.00325
    """
    n, sources, samples = predictions.shape
    estimates = predictions.reshape(-1, samples)

    def of_sources(truths: Array) -> Evaluation:
        rows = truths.reshape(-1, samples)
        if metric == "mse":
            return mean_squared_error.function(estimates, rows)
        return (si_sdr if metric == "si_sdr" else snr).function(estimates, rows, zero_mean=zero_mean)

    costs = np.empty((n, sources, sources))  # of each estimate and true source
    for shift in range(sources):
        at = (np.arange(sources) + shift) % sources
        found = of_sources(labels[:, at])
        costs[:, np.arange(sources), at] = (found.numerator / found.weight).reshape(n, sources)
    permutation = _best_permutations(costs)
    chosen = of_sources(np.take_along_axis(labels, permutation[..., None], 1))
    divisor = chosen.weight.reshape(n, sources)

    def pulled(name: str) -> Pullback:
        return lambda c: chosen.gradients[name]((c / divisor).ravel()).reshape(predictions.shape)

    def by_labels(c: Array) -> Array:
        out = np.empty_like(labels)
        np.put_along_axis(out, permutation[..., None], pulled("labels")(c), 1)
        return out

    values = chosen.numerator.reshape(n, sources) / divisor
    evaluation = elementwise(values, {"predictions": pulled("predictions"), "labels": by_labels})
    numerator = np.where((values == np.inf).any(axis=1), np.inf, evaluation.numerator)  # also beside minus infinity
    return replace(evaluation, numerator=numerator, state={"permutation": permutation.astype(np.float64)})


def _best_permutations(costs: Array) -> Array:
    """Return the column (n, s) of each row of costs (n, s, s), of the assignment with the smallest sum."""
    from scipy.optimize import linear_sum_assignment

    finite = np.where(np.isfinite(costs), costs, 0.0)
    bound = 4.0 * costs.shape[1] * np.abs(finite).max(axis=(1, 2), initial=1.0)[:, None, None]
    instead = np.where(costs < 0, -bound, 4.0 * costs.shape[1] * bound)  # infinity exceeds minus infinity, and that all finite losses
    finite = np.where(np.isfinite(costs), costs, instead)
    found = [linear_sum_assignment(matrix)[1] for matrix in finite]
    return np.array(found, np.int64).reshape(costs.shape[:2])


class _Signals:
    """Signals (n, t) as rows * 2^exponent: as given, or with zero mean and sums in range. A constant signal then becomes exactly 0.

    A slope in the span of rows with zero mean is the derivative by the signals too, but for the power of two.
    """

    def __init__(self, x: Array, zero_mean: bool) -> None:
        self.rows, self.exponent = x, np.zeros(len(x), np.intc)
        if zero_mean:
            self.exponent = exponents(x) + 1
            less_first = np.ldexp(x, -self.exponent[:, None])
            less_first -= less_first[:, :1].copy()
            self.rows = less_first - less_first.mean(axis=1, keepdims=True)

    def pull(self, slopes: Array) -> Array:
        """Return the derivative by the signals from that by the rows."""
        return np.ldexp(slopes, -self.exponent[:, None])


def _residues(x: Array, zero_mean: bool) -> Array:
    """Return the signals (n, t) modulo a prime, less their first sample with zero_mean: equations between them are tested without rounding."""
    mantissa, exponent = np.frexp(x)
    residues = np.ldexp(mantissa, 53).astype(np.int64) % PRIME
    residues = (residues << (exponent - 53) % 31) % PRIME  # 2^31 is 1
    return (residues - residues[:, :1]) % PRIME if zero_mean else residues


def _in_proportion(a: Array, b: Array) -> Array:
    """Return True for rows that are multiples of each other, modulo the prime."""
    k = (b != 0).argmax(axis=1)[:, None]
    same: Array = (a * np.take_along_axis(b, k, 1) % PRIME == b * np.take_along_axis(a, k, 1) % PRIME).all(axis=1)
    return same
