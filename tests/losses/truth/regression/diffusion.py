from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import per_sample


def diffusion(predictions, labels, noise, alpha, sigma, snr, prediction_type, weighting, snr_gamma, sigma_data, v_weight):
    losses = []
    for i in range(len(predictions)):
        if noise is None or prediction_type == "x0":
            target = labels[i]
        elif prediction_type == "epsilon":
            target = noise[i]
        elif prediction_type == "flow":
            target = noise[i] - labels[i]
        else:
            target = alpha[i] * noise[i] - sigma[i] * labels[i]
        weight = mp.mpf(1)
        if weighting != "none":
            weight = _weight(_ratio(i, alpha, sigma, snr), prediction_type, weighting, snr_gamma, sigma_data, v_weight)
        losses.append(weight * (predictions[i] - target) ** 2)
    return per_sample(np.array(losses, dtype=object).reshape(np.shape(predictions)))


def _ratio(i, alpha, sigma, snr):
    if snr is not None:
        return snr[i]
    return (alpha[i] / sigma[i]) ** 2 if sigma[i] else mp.inf


def _weight(ratio, prediction_type, weighting, gamma, sigma_data, v_weight):
    """The weight as a limit where the ratio is 0 or infinite."""
    if ratio == mp.inf:
        if weighting == "edm":
            return {"epsilon": 1, "x0": mp.inf, "v_prediction": 1, "flow": 1}[prediction_type]
        return {"epsilon": 0, "x0": gamma, "v_prediction": 1 if v_weight == "plus_one" else 0, "flow": 0}[prediction_type]
    if weighting == "edm":
        top = ratio + 1 / sigma_data**2
    elif prediction_type == "v_prediction" and v_weight == "plus_one":
        return min(ratio, gamma) / ratio + 1 if ratio else 2
    elif prediction_type == "v_prediction" and v_weight == "shifted":
        top = min(ratio + 1, gamma)
    elif prediction_type == "epsilon" and not ratio:
        return 1
    else:
        top = min(ratio, gamma)
    return top / {"epsilon": ratio, "x0": 1, "v_prediction": ratio + 1, "flow": (mp.sqrt(ratio) + 1) ** 2}[prediction_type]
