from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, per_sample
from tests.losses.truth.probabilistic._shared import _log_gamma, log_gamma

log = np.frompyfunc(lambda x: mp.log(x) if x else -mp.inf, 1, 1)
FAR = mp.mpf(10) ** 7  # e^-FAR is nothing beside any number of a call


def _softplus(x):
    return max(x, mp.mpf(0)) + (mp.log1p(mp.exp(-abs(x))) if abs(x) < FAR else 0)


def _inflated(surprise, labels, gate):
    """Of the counting's -log p: -log((e^g [t = 0] + p) / (1 + e^g))."""

    def one(value, label, g):
        if label == 0 and g + value > FAR:
            return _softplus(g) - g
        return _softplus(g) + value - (_softplus(g + value) if label == 0 else 0)

    return per_sample(np.frompyfunc(one, 3, 1)(surprise, labels, gate))


def zero_inflated_poisson(predictions, labels, gate, log_input):
    rate = exp(np.minimum(predictions, mp.mpf(2000))) if log_input else predictions  # beyond, all is out of range
    log_rate = predictions if log_input else log(predictions)
    raised = np.where(labels == 0, mp.mpf(0), labels * np.where(labels == 0, mp.mpf(0), log_rate))
    return _inflated(rate - raised + log_gamma(labels + 1), labels, gate)


def zero_inflated_negative_binomial(predictions, labels, dispersion, gate):
    r, mu, t = 1 / dispersion, predictions, labels
    counting = log_gamma(t + r) - log_gamma(r) - log_gamma(t + 1) + r * log(r / (r + mu)) + t * log(mu / (r + mu))
    return _inflated(-counting, labels, gate)


def mixture_density(predictions, scale, weight_logits, labels):
    numerators = []
    for mu, sigma, x, t in zip(predictions, scale, weight_logits, labels, strict=True):
        raised = exp(x - max(x))
        parts = raised * exp(-(((t - mu) / sigma) ** 2) / 2) / sigma / mp.sqrt(2 * mp.pi)
        numerators.append(mp.log(raised.sum()) - mp.log(parts.sum()))
    return numerators


def poisson_mixture(predictions, weight_logits, labels, log_input):
    numerators = []
    for x, w, t in zip(predictions, weight_logits, labels, strict=True):
        rates = exp(np.minimum(x, mp.mpf(2000))) if log_input else x
        logs = x if log_input else log(x)
        joint = [a - rate + (t * b if t else 0) for a, rate, b in zip(w, rates, logs, strict=True)]
        top = max(joint)
        mixture = top + mp.log(mp.fsum(mp.exp(v - top) for v in joint if v - top > -FAR))
        numerators.append(max(w) + mp.log(mp.fsum(exp(w - max(w)))) - mixture + _log_gamma(t + 1))
    return numerators
