"""Single completions labeled desirable or undesirable, from their log-probabilities under a policy."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Domain, NonNegative, Positive, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid, softplus
from service.losses.preference._shared import LogProbability, ReferenceLogProbability
from service.losses.registry import loss

Liked = Annotated[
    Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 for a desirable completion, 0 for an undesirable one")
]
COMPLETIONS = {"logps": [-12.0, -8.5], "ref_logps": [-13.0, -8.0], "labels": [1, 0]}


@loss(example=COMPLETIONS)
def kto(
    logps: LogProbability,
    ref_logps: ReferenceLogProbability,
    labels: Liked,
    *,
    beta: Positive = 0.1,
    kl: NonNegative = 0.0,
    desirable_weight: NonNegative = 1.0,
    undesirable_weight: NonNegative = 1.0,
) -> Evaluation:
    r"""Kahneman-Tversky optimization: single completions are desirable or undesirable relative to a reference point, the KL divergence.

    Use: Fine-tuning of language models by thumbs up and down, without pairs.
    Formula: \ell = w_y \, \sigma\left(\mp \beta \left(\log\frac{\pi}{\pi_{ref}} - z\right)\right), - for desirable, + for undesirable completions
    beta: strength of the regularization toward the reference.
    kl: reference point z, a constant. TRL's estimate is max(0, mean of log pi - log pi_ref over mismatched prompts and completions); 0 is its apo_zero_unpaired.
    desirable_weight: weight of the desirable completions.
    undesirable_weight: weight of the undesirable completions.
    Divisor: the number of completions
    Synonyms: KTOTrainer, KTOLoss, apo_zero_unpaired
    Reference: Ethayarajh et al., KTO: Model Alignment as Prospect Theoretic Optimization, 2024, arXiv:2402.01306, equation 8
    """
    sign = np.where(labels == 1, -1.0, 1.0).astype(logps.dtype)
    weight = np.where(labels == 1, desirable_weight, undesirable_weight).astype(logps.dtype)
    x = sign * (beta * ((logps - ref_logps) - kl))
    return elementwise(weight * sigmoid(x), {"logps": lambda c: c * (weight * beta * sign * (sigmoid(x) * sigmoid(-x)))})


@loss(example=COMPLETIONS)
def bco(logps: LogProbability, ref_logps: ReferenceLogProbability, labels: Liked, *, beta: Positive = 0.1, delta: float = 0.0) -> Evaluation:
    r"""Binary classifier optimization: binary cross entropy of whether a completion is desirable, with the log-ratio to the reference as the score.

    TRL weights undesirable completions by a density ratio of their prompts; use sample_weight for it.

    Use: Fine-tuning of language models by thumbs up and down, without pairs.
    Formula: \ell = \mathrm{softplus}(\mp (r - \delta)), \quad r = \beta \log\frac{\pi}{\pi_{ref}}, \quad - \text{ for desirable, } + \text{ for undesirable completions}
    beta: strength of the regularization toward the reference.
    delta: constant subtracted from the rewards; in TRL the running mean of the rewards r over all batches so far, including this one.
    Divisor: the number of completions
    Synonyms: BCOTrainer, BCOLoss, binary_classifier_optimization
    Reference: Jung et al., Binary Classifier Optimization for Large Language Model Alignment, 2024, arXiv:2404.04656, equation 8; TRL BCOTrainer
    """
    sign = np.where(labels == 1, -1.0, 1.0).astype(logps.dtype)
    x = sign * (beta * (logps - ref_logps) - delta)
    return elementwise(softplus(x), {"logps": lambda c: c * (beta * sign * sigmoid(x))})
