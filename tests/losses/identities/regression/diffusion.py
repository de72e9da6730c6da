from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES


def value(*tensors: Any, **options: Any) -> Any:
    return LOSSES["diffusion"](*tensors, **options).numerator


def denoising(rng: Generator) -> tuple[Any, Any, Any, Any]:
    """Return clean samples, noise, and the levels of both at an angle of each sample."""
    clean, noise = rng.normal(size=(2, 5, 4))
    angle = rng.uniform(0.1, 1.4, size=5)
    return clean, noise, np.cos(angle), np.sin(angle)


def _plain(rng: Generator) -> Any:
    x, y = rng.normal(size=(2, 5, 4))
    return value(x, y), LOSSES["mean_squared_error"](x, y).numerator


def _one_error(weighting: str, prediction_type: str, flow: bool = False) -> Any:
    """The same estimate of the clean sample, as itself and as another output of the network."""

    def both(rng: Generator) -> Any:
        clean, noise, alpha, sigma = denoising(rng)
        if flow:
            sigma = 1.0 - alpha
        a, s = alpha[:, None], sigma[:, None]
        noisy, estimate = a * clean + s * noise, rng.normal(size=clean.shape)
        outputs = {
            "epsilon": (noisy - a * estimate) / s,
            "v_prediction": (a * noisy - estimate) / s,
            "flow": (noisy - estimate) / s,
        }
        given = {"noise": noise, "alpha": alpha, "sigma": sigma, "weighting": weighting}
        one = value(estimate, clean, prediction_type="x0", **given)
        return one, value(outputs[prediction_type], clean, prediction_type=prediction_type, **given)

    return both


def _edm(rng: Generator) -> Any:
    """Karras's weight of a denoiser's error, written with sigma."""
    x, y, sigma = *rng.normal(size=(2, 5, 4)), rng.uniform(0.01, 80.0, size=5)
    weight = (sigma**2 + 0.25) / (0.5 * sigma) ** 2
    given = {"alpha": np.ones(5), "sigma": sigma, "prediction_type": "x0", "weighting": "edm"}
    return value(x, y, **given), weight * LOSSES["mean_squared_error"](x, y).numerator


def _ratio(rng: Generator) -> Any:
    clean, noise, alpha, sigma = denoising(rng)
    given = {"noise": noise, "prediction_type": "flow", "weighting": "min_snr"}
    one = value(clean + noise, clean, alpha=alpha, sigma=sigma, **given)
    return one, value(clean + noise, clean, snr=(alpha / sigma) ** 2, **given)


IDENTITIES = [
    ("diffusion without weights is mean_squared_error of the targets", _plain),
    ("diffusion of epsilon is diffusion of x0 with min-SNR weights", _one_error("min_snr", "epsilon")),
    ("diffusion of v_prediction is diffusion of x0 with min-SNR weights", _one_error("min_snr", "v_prediction")),
    ("diffusion of flow is diffusion of x0 with min-SNR weights", _one_error("min_snr", "flow", flow=True)),
    ("diffusion of epsilon is diffusion of x0 with EDM weights", _one_error("edm", "epsilon")),
    ("diffusion of v_prediction is diffusion of x0 with EDM weights", _one_error("edm", "v_prediction")),
    ("diffusion of flow is diffusion of x0 with EDM weights", _one_error("edm", "flow", flow=True)),
    ("diffusion with EDM weights has the weight of Karras et al.", _edm),
    ("diffusion of a given SNR is that of alpha and sigma", _ratio),
]
