"""Generative models: losses of denoising networks, in diffusion and flow matching."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import FROM_ZERO, UNIT, Positive, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import spread
from service.losses.registry import loss

Denoised = Annotated[Array, TensorSpec("n ...", gradient="default", description="outputs of the denoising network")]
Target = Annotated[
    Array, TensorSpec("n ...", gradient="on request", description="targets of the network; the clean samples, if the noise is given too")
]
Noise = Annotated[Array, TensorSpec("n ...", description="noise of each sample; with it the targets are computed from the clean samples")]
SignalLevel = Annotated[Array, TensorSpec("n", domain=UNIT, description="factor of the clean sample in the noisy one, at each sample's time step")]
NoiseLevel = Annotated[Array, TensorSpec("n", domain=FROM_ZERO, description="factor of the noise in the noisy sample, at each sample's time step")]
SignalToNoise = Annotated[
    Array, TensorSpec("n", domain=FROM_ZERO, description="signal-to-noise ratio of each sample's time step, in place of alpha^2 / sigma^2")
]
PredictionType = Literal["epsilon", "x0", "v_prediction", "flow"]
VWeight = Literal["snr_plus_one", "shifted", "plus_one"]


@loss(
    example={
        "predictions": [[0.1, -0.4], [0.6, 0.2]],
        "labels": [[1.0, 0.5], [-0.5, 0.0]],
        "noise": [[0.3, -0.2], [0.8, 0.1]],
        "alpha": [0.8, 0.6],
        "sigma": [0.6, 0.8],
        "prediction_type": "v_prediction",
        "weighting": "min_snr",
    },
    hessian_diagonal=True,
    work=Work(memory="64 n ..."),
)
@in_float64
def diffusion(
    predictions: Denoised,
    labels: Target,
    *,
    noise: Noise | None = None,
    alpha: SignalLevel | None = None,
    sigma: NoiseLevel | None = None,
    snr: SignalToNoise | None = None,
    prediction_type: Annotated[
        PredictionType,
        annotated_types.doc(
            "target of the network for x_t = alpha x_0 + sigma epsilon: the noise, the clean sample (diffusers: sample), "
            "alpha epsilon - sigma x_0, or epsilon - x_0."
        ),
    ] = "epsilon",
    weighting: Annotated[
        Literal["none", "min_snr", "edm"],
        annotated_types.doc("weight of each sample: 1, of Hang et al. (2023), or of Karras et al. (2022)."),
    ] = "none",
    snr_gamma: Positive = 5.0,
    sigma_data: Positive = 0.5,
    v_weight: VWeight = "snr_plus_one",
) -> Evaluation:
    r"""Weighted squared error of a denoising network, with the target computed from clean sample and noise.

    The weights are defined for the error of the clean sample: min(SNR, gamma) and SNR + 1 / sigma_data^2, with SNR = alpha^2 / sigma^2. Multiplied by
    the squared change of x_0 per change of the network's output, they apply to any prediction type: 1 / SNR for epsilon, 1 / (SNR + 1) for
    v_prediction, 1 / (sqrt(SNR) + 1)^2 for flow. They multiply the loss and not the divisor. At an SNR of 0 the min-SNR weight of epsilon is its limit 1, where
    diffusers has NaN. Targets with the opposite sign, such as data - noise of torchcfm, are given as labels without noise.

    Use: Training of diffusion and flow-matching models of images, audio or video, also with Min-SNR or EDM weights.
    Formula: \ell = w \, (p - t)^2, \quad w_{\text{min-SNR}} = \min(\mathrm{SNR}, \gamma) \, r, \quad w_{\text{EDM}} = \left( \mathrm{SNR} + \frac{1}{\sigma_d^2} \right) r, \quad r \in \left\{ \frac{1}{\mathrm{SNR}}, 1, \frac{1}{\mathrm{SNR} + 1}, \frac{1}{(\sqrt{\mathrm{SNR}} + 1)^2} \right\}
    Where: p `predictions`; t the target; r the factor of the prediction type, in the order of the option
    snr_gamma: gamma, largest weight of the clean sample's error in min_snr.
    sigma_data: standard deviation of the data in edm.
    v_weight: min_snr of v_prediction: min(SNR, gamma) / (SNR + 1); min(SNR + 1, gamma) / (SNR + 1) as in older training scripts of diffusers; or min(SNR, gamma) / SNR + 1 as in its DreamBooth script.
    Synonyms: DiffusionLoss, ddpm_loss, denoising_loss, min_snr, min_snr_loss, EDMLoss, flow_matching, rectified_flow, conditional_flow_matching
    Search: stable diffusion, denoising, velocity, score matching
    Reference: Ho, Jain and Abbeel, Denoising Diffusion Probabilistic Models, 2020, arXiv:2006.11239, equation 14; Salimans and Ho, Progressive Distillation, 2022, arXiv:2202.00512; Hang et al., Efficient Diffusion Training via Min-SNR Weighting Strategy, 2023, arXiv:2303.09556, section 3.4; Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, 2022, arXiv:2206.00364, table 1
    """
    target, slope = (labels, np.ones(len(labels))) if noise is None else _target(labels, noise, prediction_type, alpha, sigma)
    each = _root_of_weight(len(labels), prediction_type, weighting, (alpha, sigma, snr), snr_gamma, sigma_data, v_weight)
    root, slope = (np.broadcast_to(spread(x, predictions), predictions.shape) for x in (each, slope))
    error = root * (predictions - target)
    return elementwise(
        error * error,
        {"predictions": lambda c: c * 2.0 * error * root, "labels": lambda c: c * -2.0 * error * root * slope},
        {"predictions": lambda c: c * 2.0 * root * root, "labels": lambda c: c * 2.0 * root * root * slope * slope},
    )


def _target(clean: Array, noise: Array, prediction_type: PredictionType, alpha: Array | None, sigma: Array | None) -> tuple[Array, Array]:
    """Return the targets, and their derivative (n,) by the clean samples."""
    if prediction_type == "epsilon":
        return noise, np.zeros(len(clean))
    if prediction_type == "x0":
        return clean, np.ones(len(clean))
    if prediction_type == "flow":
        return noise - clean, -np.ones(len(clean))
    alpha, sigma = _needed("alpha", alpha, "the target of v_prediction"), _needed("sigma", sigma, "the target of v_prediction")
    return spread(alpha, noise) * noise - spread(sigma, clean) * clean, -sigma


def _needed(name: str, array: Array | None, what: str) -> Array:
    if array is None:
        raise InvalidTensor(name, f"missing; expected for {what}")
    return array


def _root_of_weight(
    n: int,
    prediction_type: PredictionType,
    weighting: str,
    levels: tuple[Array | None, Array | None, Array | None],
    snr_gamma: float,
    sigma_data: float,
    v_weight: VWeight,
) -> Array:
    """Return the square roots of the weights (n,), from signal and noise, whose squares may be out of range."""
    if weighting == "none":
        return np.ones(n)
    alpha, sigma, snr = levels
    if snr is None:
        what = f"the weight {weighting}, unless snr is given"
        signal, noise = _needed("alpha", alpha, what), _needed("sigma", sigma, what)
    else:
        signal, noise = np.sqrt(snr), np.ones(n)
    name = "sigma" if snr is None else "snr"
    neither = (signal == 0) & (noise == 0)
    if neither.any():
        raise InvalidTensor(name, "is 0 where alpha is 0; expected a signal or noise", (int(np.argmax(neither)),))
    roots = _min_snr(signal, noise, prediction_type, math.sqrt(snr_gamma), v_weight)
    if weighting == "edm":
        roots = np.hypot(signal, noise / sigma_data) / _divisor(signal, noise, prediction_type)
    infinite = ~np.isfinite(roots)
    if infinite.any():
        raise InvalidTensor(name, f"infinite weight edm of {prediction_type}; expected signal and noise", (int(np.argmax(infinite)),))
    return roots


def _divisor(signal: Array, noise: Array, prediction_type: PredictionType) -> Array:
    """Return the factor by which the network's output changes with the clean sample, times the noise."""
    match prediction_type:
        case "epsilon":
            return signal
        case "x0":
            return noise
        case "v_prediction":
            return np.hypot(signal, noise)
        case "flow":
            return signal + noise


def _min_snr(signal: Array, noise: Array, prediction_type: PredictionType, root: float, v_weight: VWeight) -> Array:
    """Return the root of min(SNR, gamma) times the factor of the prediction type."""
    if prediction_type == "v_prediction" and v_weight == "shifted":
        return np.minimum(1.0, root * noise / np.hypot(signal, noise))
    if prediction_type == "x0":
        return np.minimum(signal / noise, root)
    of_noise = np.minimum(1.0, root * (noise / signal))
    if prediction_type == "epsilon":
        return of_noise
    if prediction_type == "v_prediction" and v_weight == "plus_one":
        return np.hypot(of_noise, 1.0)
    return np.minimum(signal, root * noise) / _divisor(signal, noise, prediction_type)
