"""Losses of diffusion, sound and sequences against the definitions of their libraries, written in torch: values and gradients. Run by `make parity`.

diffusers, auraloss, torchmetrics and NeMo are not installed here. Their epsilons are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.random import Generator

from tests.parity.test_options import Arrays, Case, compare

# ------------------------------------------------------------------ diffusion, as in the training scripts of diffusers


def latents(rng: Generator) -> Arrays:
    alphas_cumprod = rng.uniform(0.01, 0.99, size=5)
    return {
        "predictions": rng.normal(size=(5, 3, 4)),
        "labels": rng.normal(size=(5, 3, 4)),
        "noise": rng.normal(size=(5, 3, 4)),
        "alpha": np.sqrt(alphas_cumprod),
        "sigma": np.sqrt(1.0 - alphas_cumprod),
    }


def trained(prediction_type: str, weight: Callable[[Any], Any]) -> Callable[[Any], torch.Tensor]:
    """Mean over each sample, times its weight by the SNR, and then over the samples."""

    def loss(t: Any) -> torch.Tensor:
        alpha, sigma = t.alpha[:, None, None], t.sigma[:, None, None]
        target = {
            "epsilon": t.noise,
            "x0": t.labels,
            "v_prediction": alpha * t.noise - sigma * t.labels,
            "flow": t.noise - t.labels,
        }[prediction_type]
        losses = F.mse_loss(t.predictions, target, reduction="none").mean((1, 2))
        return (losses * weight((t.alpha / t.sigma) ** 2)).mean()

    return loss


def diffused(said: str, prediction_type: str, weight: Callable[[Any], Any], **options: Any) -> Case:
    return Case("diffusion", said, latents, trained(prediction_type, weight), {"prediction_type": prediction_type, **options})


MIN_SNR = {"weighting": "min_snr"}
DIFFUSION = [
    diffused("epsilon", "epsilon", torch.ones_like),
    diffused("flow", "flow", torch.ones_like),
    diffused("epsilon, snr_gamma", "epsilon", lambda snr: snr.clamp(max=5.0) / snr, **MIN_SNR),
    diffused("sample, snr_gamma", "x0", lambda snr: snr.clamp(max=5.0), **MIN_SNR),
    diffused("v_prediction, snr_gamma", "v_prediction", lambda snr: snr.clamp(max=3.0) / (snr + 1), snr_gamma=3.0, **MIN_SNR),
    diffused("v_prediction, older", "v_prediction", lambda snr: (snr + 1).clamp(max=5.0) / (snr + 1), v_weight="shifted", **MIN_SNR),
    diffused("v_prediction, DreamBooth", "v_prediction", lambda snr: snr.clamp(max=5.0) / snr + 1, v_weight="plus_one", **MIN_SNR),
    diffused("denoiser of Karras", "x0", lambda snr: (1 / snr + 0.25) / (0.25 / snr), weighting="edm"),
]


# ------------------------------------------------------------------ sound, as in auraloss and torchmetrics


def signals(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(3, 300)) + 0.5, "labels": rng.normal(size=(3, 300)) + 0.5}


def sources(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(2, 3, 40)) + 0.5, "labels": rng.normal(size=(2, 3, 40)) + 0.5}


RESOLUTIONS = {"fft_sizes": [64, 128, 33], "hop_sizes": [10, 32, 7], "win_lengths": [50, 128, 20]}


def resolved(rng: Generator) -> Arrays:
    return signals(rng) | {name: np.array(sizes) for name, sizes in RESOLUTIONS.items()}


def stft(**options: Any) -> Callable[[Any], torch.Tensor]:
    """The multi-resolution loss of auraloss 0.4, whose norms are over the batch, or of its later code."""

    def loss(t: Any) -> torch.Tensor:
        dims = None if options.get("norms_over") == "batch" else (1, 2)
        total = torch.zeros((), dtype=torch.float64)
        for size, hop, length in zip(*RESOLUTIONS.values(), strict=True):
            window = torch.hann_window(length, dtype=torch.float64)
            spectra = (torch.stft(x, size, hop, length, window, return_complex=True) for x in (t.predictions, t.labels))
            a, b = (torch.sqrt(torch.clamp(x.real**2 + x.imag**2, min=1e-8)) for x in spectra)
            convergence = torch.linalg.vector_norm(b - a, dim=dims) / torch.linalg.vector_norm(b, dim=dims)
            total = total + convergence.mean() + F.l1_loss(a.log(), b.log()) + options.get("w_lin_mag", 0.0) * F.l1_loss(a, b)
        return total / 3

    return loss


def ratio(p: torch.Tensor, t: torch.Tensor, scaled: bool, zero_mean: bool) -> torch.Tensor:
    """Minus SI-SDR or SNR in decibels, along the last axis."""
    if zero_mean:
        p, t = p - p.mean(-1, keepdim=True), t - t.mean(-1, keepdim=True)
    if scaled:
        t = (p * t).sum(-1, keepdim=True) / (t**2).sum(-1, keepdim=True) * t
    return -10 * torch.log10((t**2).sum(-1) / ((t - p) ** 2).sum(-1))


def best(one: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Callable[[Any], torch.Tensor]:
    """The smallest mean over the permutations of the true sources."""
    return lambda t: torch.stack([one(t.predictions, t.labels[:, list(order)]).mean(1) for order in permutations(range(3))]).amin(0).mean()


SOUND = [
    Case("multi_resolution_stft", "auraloss 0.4", resolved, stft(norms_over="batch"), {"norms_over": "batch"}),
    Case("multi_resolution_stft", "auraloss, norms of signals", resolved, stft(w_lin_mag=0.5), {"w_lin_mag": 0.5}),
    Case("si_sdr", "torchmetrics", signals, lambda t: ratio(t.predictions, t.labels, True, False).mean()),
    Case("si_sdr", "torchmetrics zero_mean", signals, lambda t: ratio(t.predictions, t.labels, True, True).mean(), {"zero_mean": True}),
    Case("snr", "torchmetrics", signals, lambda t: ratio(t.predictions, t.labels, False, False).mean()),
    Case("snr", "torchmetrics zero_mean", signals, lambda t: ratio(t.predictions, t.labels, False, True).mean(), {"zero_mean": True}),
    Case("permutation_invariant", "torchmetrics, SI-SDR", sources, best(lambda p, t: ratio(p, t, True, False))),
    Case("permutation_invariant", "asteroid, SNR", sources, best(lambda p, t: ratio(p, t, False, True)), {"metric": "snr", "zero_mean": True}),
    Case("permutation_invariant", "asteroid, MSE", sources, best(lambda p, t: ((p - t) ** 2).mean(2)), {"metric": "mse"}),
]


# ------------------------------------------------------------------ sequences


def spoken(rng: Generator) -> Arrays:
    return {
        "predictions": rng.normal(size=(3, 6, 4, 5)),
        "labels": rng.integers(0, 4, size=(3, 3)),
        "input_lengths": np.array([6, 5, 4]),
        "target_lengths": np.array([3, 1, 2]),
    }


def timed(rng: Generator) -> Arrays:
    return spoken(rng) | {"duration_predictions": rng.normal(size=(3, 6, 4, 4)), "durations": np.array([0, 1, 2, 4])}


def transduced(t: Any, arcs: Callable[[int], list[tuple[int, torch.Tensor, torch.Tensor]]]) -> torch.Tensor:
    """The recursion over frames and symbols of NeMo's reference in torch; arcs: frames, and scores (t, p) of a blank and of each next symbol."""
    losses = []
    for i in range(len(t.labels)):
        frames, symbols = int(t.input_lengths[i]), int(t.target_lengths[i])
        alpha: dict[tuple[int, int], torch.Tensor] = {(0, 0): torch.zeros((), dtype=torch.float64)}
        for frame in range(frames + 1):
            for symbol in range(symbols + 1):
                into = [alpha[frame, symbol]] if (frame, symbol) in alpha else []
                for step, blank, emit in arcs(i):
                    before = frame - step
                    if step and (before, symbol) in alpha and (frame < frames or symbol == symbols):
                        into.append(alpha[before, symbol] + blank[before, symbol])
                    if frame < frames and (before, symbol - 1) in alpha:
                        into.append(alpha[before, symbol - 1] + emit[before, symbol - 1])
                if into:
                    alpha[frame, symbol] = torch.logsumexp(torch.stack(into), 0)
        losses.append(-alpha[frames, symbols])
    return torch.stack(losses)


def emitted(t: Any, i: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the blank, the last class, and of the next symbol at each node."""
    log_p = F.log_softmax(t.predictions[i], -1)
    following = F.pad(t.labels[i], (0, 1))
    return log_p[..., -1], log_p[:, torch.arange(len(following)), following]


def plain_arcs(t: Any) -> Callable[[int], list[tuple[int, torch.Tensor, torch.Tensor]]]:
    def arcs(i: int) -> list[tuple[int, torch.Tensor, torch.Tensor]]:
        blank, emit = emitted(t, i)
        never = torch.full_like(blank, -torch.inf)
        return [(1, blank, never), (0, never, emit)]

    return arcs


def timed_arcs(t: Any, sigma: float) -> Callable[[int], list[tuple[int, torch.Tensor, torch.Tensor]]]:
    def arcs(i: int) -> list[tuple[int, torch.Tensor, torch.Tensor]]:
        blank, emit = emitted(t, i)
        by_duration = F.log_softmax(t.duration_predictions[i], -1) - sigma
        return [(int(d), blank + by_duration[..., k], emit + by_duration[..., k]) for k, d in enumerate(t.durations)]

    return arcs


SEQUENCES = [
    Case("rnnt", "NeMo mean_batch", spoken, lambda t: transduced(t, plain_arcs(t)).mean()),
    Case(
        "rnnt",
        "NeMo mean_volume",
        spoken,
        lambda t: transduced(t, plain_arcs(t)).sum() / t.target_lengths.sum(),
        {"mean_over": "tokens"},
    ),
    Case("rnnt", "NeMo mean", spoken, lambda t: (transduced(t, plain_arcs(t)) / t.target_lengths).mean(), {"mean_over": "tokens_of_each"}),
    Case("tdt", "NeMo", timed, lambda t: transduced(t, timed_arcs(t, 0.0)).mean()),
    Case("tdt", "NeMo sigma", timed, lambda t: transduced(t, timed_arcs(t, 0.05)).mean(), {"sigma": 0.05}),
]


@pytest.mark.parametrize("case", [*DIFFUSION, *SOUND, *SEQUENCES], ids=str)
def test_value_and_gradients_are_those_of_the_definition(case: Case) -> None:
    compare(case)
