"""Which function of torch a loss is, a line each. Read by test_torch.py and, for the table of errors, by tests/losses/accuracy_table.py.

`t` has the tensors by our names (None where absent), `o` the options, `r` is torch's reduction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

OURS_ALONE = ("mask", "class_mask")  # inputs that no loss of torch has


def always(t: Any, o: Any) -> bool:
    return True


def as_they_are(arrays: dict[str, Any]) -> dict[str, Any]:
    return arrays


@dataclass(frozen=True)
class Case:
    """The torch.nn class that a loss answers to, and how to call its function.

    usable: whether torch has what these tensors and options ask for. prepared: what is done to random tensors so that torch's own assumptions
    hold. under_softmax: the inputs whose gradient torch defines under a log-softmax. within: how near torch's own formula lets it come.
    """

    torch_class: str
    function: Callable[[Any, Any, str], torch.Tensor]
    usable: Callable[[Any, Any], bool] = always
    prepared: Callable[[dict[str, Any]], dict[str, Any]] = as_they_are
    under_softmax: tuple[str, ...] = ()
    within: float = 1e-12


def named(tensors: dict[str, torch.Tensor]) -> Any:
    """The tensors as attributes; what is absent is None."""

    class Named(SimpleNamespace):
        def __getattr__(self, name: str) -> None:
            return None

    return Named(**tensors)


def log_softmaxed(arrays: dict[str, Any]) -> dict[str, Any]:
    x = arrays["predictions"]
    return arrays | {"predictions": x - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)) - x.max(-1, keepdims=True)}


def distance(o: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    return {
        "euclidean": lambda a, b: F.pairwise_distance(a, b, eps=o.eps),
        "squared_euclidean": lambda a, b: ((a - b) ** 2).sum(-1),
        "cosine": lambda a, b: 1 - F.cosine_similarity(a, b),
        "manhattan": lambda a, b: (a - b).abs().sum(-1),
        "minkowski": lambda a, b: F.pairwise_distance(a, b, p=o.p, eps=o.eps),
    }[o.distance]


@cache
def adaptive_module(features: int, classes: int, cutoffs: tuple[int, ...], bias: bool) -> torch.nn.Module:
    return torch.nn.AdaptiveLogSoftmaxWithLoss(features, classes, list(cutoffs), div_value=1.0, head_bias=bias)


def adaptive(t: Any, r: str) -> torch.Tensor:
    """torch's module with our tensors for its parameters: the head, and for each cluster a projection and an output matrix."""
    cutoffs = [int(c) for c in t.cutoffs]
    classes = cutoffs[0] + len(t.tail_output)
    module = adaptive_module(t.predictions.shape[1], classes, tuple(cutoffs), t.head_bias is not None)
    edges = [*cutoffs, classes]
    parameters = {"head.weight": t.head_weight} | ({} if t.head_bias is None else {"head.bias": t.head_bias})
    for i in range(len(cutoffs)):
        parameters[f"tail.{i}.0.weight"] = t.tail_projection[i]
        parameters[f"tail.{i}.1.weight"] = t.tail_output[edges[i] - cutoffs[0] : edges[i + 1] - cutoffs[0]]
    output, mean = torch.func.functional_call(module, parameters, (t.predictions, t.labels))
    return {"none": -output, "mean": mean, "sum": -output.sum()}[r]


CASES = {
    "mean_squared_error": Case("MSELoss", lambda t, o, r: F.mse_loss(t.predictions, t.labels, weight=t.weight, reduction=r)),
    "mean_absolute_error": Case("L1Loss", lambda t, o, r: F.l1_loss(t.predictions, t.labels, weight=t.weight, reduction=r)),
    "smooth_l1": Case("SmoothL1Loss", lambda t, o, r: F.smooth_l1_loss(t.predictions, t.labels, beta=o.beta, reduction=r)),
    "huber": Case("HuberLoss", lambda t, o, r: F.huber_loss(t.predictions, t.labels, delta=o.delta, weight=t.weight, reduction=r)),
    "cross_entropy": Case(
        "CrossEntropyLoss",
        lambda t, o, r: F.cross_entropy(
            t.predictions, t.labels, t.weight, ignore_index=o.ignore_index, label_smoothing=o.label_smoothing, reduction=r
        ),
        usable=lambda t, o: o.predictions_are == "logits" and o.log_base == "e" and o.top_k == 1,
    ),
    "nll": Case("NLLLoss", lambda t, o, r: F.nll_loss(t.predictions, t.labels, t.weight, ignore_index=o.ignore_index, reduction=r)),
    "linear_cross_entropy": Case(
        "LinearCrossEntropyLoss",
        lambda t, o, r: F.linear_cross_entropy(
            t.predictions,
            t.linear_weight,
            t.labels,
            linear_bias=t.linear_bias,
            weight=t.weight,
            ignore_index=None if t.labels.is_floating_point() else o.ignore_index,  # it rejects one next to probabilities
            label_smoothing=o.label_smoothing,
            reduction=r,
        ),
    ),
    "adaptive_log_softmax": Case("AdaptiveLogSoftmaxWithLoss", lambda t, o, r: adaptive(t, r)),
    "binary_cross_entropy": Case(
        "BCELoss",
        lambda t, o, r: F.binary_cross_entropy(t.predictions, t.labels, t.weight, reduction=r),
        usable=lambda t, o: o.clamp == "torch" and not o.label_smoothing and not (t.labels == o.ignore_index).any(),
    ),
    "binary_cross_entropy_with_logits": Case(
        "BCEWithLogitsLoss",
        lambda t, o, r: F.binary_cross_entropy_with_logits(t.predictions, t.labels, t.weight, pos_weight=t.pos_weight, reduction=r),
        usable=lambda t, o: not o.label_smoothing and not (t.labels == o.ignore_index).any(),
    ),
    "kl_divergence": Case(
        "KLDivLoss",
        lambda t, o, r: F.kl_div(t.predictions, t.labels, log_target=o.log_target, reduction=r),
        usable=lambda t, o: o.direction == "forward" and o.predictions_are == "log_probabilities",
    ),
    "gaussian_nll": Case(
        "GaussianNLLLoss", lambda t, o, r: F.gaussian_nll_loss(t.predictions, t.labels, t.variance, full=o.full, eps=o.eps, reduction=r)
    ),
    "poisson_nll": Case(
        "PoissonNLLLoss",
        lambda t, o, r: F.poisson_nll_loss(t.predictions, t.labels, log_input=o.log_input, full=o.full, eps=o.eps, reduction=r),
        usable=lambda t, o: not o.full or o.factorial == "stirling",
    ),
    "soft_margin": Case("SoftMarginLoss", lambda t, o, r: F.soft_margin_loss(t.predictions, t.labels, reduction=r)),
    "hinge_embedding": Case("HingeEmbeddingLoss", lambda t, o, r: F.hinge_embedding_loss(t.predictions, t.labels, margin=o.margin, reduction=r)),
    "margin_ranking": Case("MarginRankingLoss", lambda t, o, r: F.margin_ranking_loss(t.input1, t.input2, t.labels, margin=o.margin, reduction=r)),
    "cosine_embedding": Case(
        "CosineEmbeddingLoss", lambda t, o, r: F.cosine_embedding_loss(t.input1, t.input2, t.labels, margin=o.margin, reduction=r), within=1e-9
    ),  # torch adds 1e-12 to each squared norm
    "triplet_margin": Case(
        "TripletMarginLoss",
        lambda t, o, r: F.triplet_margin_loss(t.anchor, t.positive, t.negative, margin=o.margin, p=o.p, eps=o.eps, swap=o.swap, reduction=r),
    ),
    "triplet_margin_with_distance": Case(
        "TripletMarginWithDistanceLoss",
        lambda t, o, r: F.triplet_margin_with_distance_loss(
            t.anchor, t.positive, t.negative, distance_function=distance(o), margin=o.margin, swap=o.swap, reduction=r
        ),
    ),
    "multi_margin": Case(
        "MultiMarginLoss", lambda t, o, r: F.multi_margin_loss(t.predictions, t.labels, p=o.p, margin=o.margin, weight=t.weight, reduction=r)
    ),
    "multilabel_margin": Case("MultiLabelMarginLoss", lambda t, o, r: F.multilabel_margin_loss(t.predictions, t.labels, reduction=r)),
    "multilabel_soft_margin": Case(
        "MultiLabelSoftMarginLoss", lambda t, o, r: F.multilabel_soft_margin_loss(t.predictions, t.labels, t.weight, reduction=r)
    ),
    "ctc": Case(
        "CTCLoss",
        lambda t, o, r: F.ctc_loss(
            t.predictions, t.labels, t.input_lengths, t.target_lengths, blank=o.blank, zero_infinity=o.zero_infinity, reduction=r
        ),
        prepared=log_softmaxed,
        under_softmax=("predictions",),
    ),
}

ALIASES = {"NLLLoss2d"}  # deprecated names of classes that have a line
