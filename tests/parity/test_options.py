"""Options of losses against the library whose convention they follow: values and gradients over random calls. Run by `make parity`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.random import Generator

from service.losses import LOSSES, Controls, compute
from service.losses.declaration import Reduction
from tests import required
from tests.parity.equivalents import TORCHVISION

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of what monai imports
    from monai import losses as monai

sigmoid_focal_loss = TORCHVISION.sigmoid_focal_loss
Arrays = dict[str, Any]
DRAWS = 5
WITHIN, SINGLE = 1e-9, 1e-6
VOID = 255


@dataclass(frozen=True)
class Case:
    """A loss with options, and the library's call `theirs` of torch tensors by our names, with its own number for our reduction.

    within: WITHIN, or SINGLE where the library computes in float32 on the way, such as norms of one-hot masks.
    """

    name: str
    said: str
    arrays: Callable[[Generator], Arrays]
    theirs: Callable[[Any], torch.Tensor]
    options: Mapping[str, Any] = field(default_factory=dict)
    reduction: Reduction = "mean"
    within: float = WITHIN

    def __str__(self) -> str:
        return f"{self.name}: {self.said}"


# ------------------------------------------------------------------ masks


def images(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(2, 3, 4, 5)), "labels": rng.integers(0, 3, size=(2, 4, 5))}


def with_void(rng: Generator) -> Arrays:
    arrays = images(rng)
    return arrays | {"labels": np.where(rng.random((2, 4, 5)) < 0.3, VOID, arrays["labels"])}


def soft_images(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(2, 3, 4, 5)), "labels": rng.uniform(0.1, 0.9, size=(2, 3, 4, 5))}


def weighted(make: Callable[[Generator], Arrays]) -> Callable[[Generator], Arrays]:
    return lambda rng: make(rng) | {"weight": rng.uniform(0.2, 2.0, size=3)}


def classes(t: Any) -> torch.Tensor:
    """Class indices as MONAI has them, (n, 1, ...)."""
    return t.labels[:, None]


def one_hot(t: Any) -> torch.Tensor:
    return F.one_hot(t.labels, 3).movedim(-1, 1).double()


SOFTMAX = {"softmax": True, "to_onehot_y": True}
IGNORING = {"ignore_index": VOID}
SEGMENTATION = [
    Case("dice", "monai ignore_index", with_void, lambda t: monai.DiceLoss(**SOFTMAX, **IGNORING)(t.predictions, classes(t)), IGNORING),
    Case("tversky", "monai ignore_index", with_void, lambda t: monai.TverskyLoss(**SOFTMAX, **IGNORING)(t.predictions, classes(t)), IGNORING),
    Case(
        "jaccard",
        "monai soft_label",
        soft_images,
        lambda t: monai.DiceLoss(sigmoid=True, jaccard=True, soft_label=True, smooth_nr=0.0, smooth_dr=0.0)(t.predictions, t.labels),
        {"activation": "sigmoid", "intersection": "minimum", "smooth_nr": 0.0, "smooth_dr": 0.0},
    ),
    Case(
        "dice",
        "monai soft_label",
        soft_images,
        lambda t: monai.DiceLoss(sigmoid=True, soft_label=True)(t.predictions, t.labels),
        {"activation": "sigmoid", "intersection": "minimum"},
    ),
    Case(
        "tversky",
        "monai soft_label",
        soft_images,
        lambda t: monai.TverskyLoss(sigmoid=True, soft_label=True, alpha=0.3, beta=0.7)(t.predictions, t.labels),
        {"activation": "sigmoid", "intersection": "minimum", "alpha": 0.3, "beta": 0.7},
    ),
    Case(
        "dice_ce",
        "monai weight, batch",
        weighted(images),
        lambda t: monai.DiceCELoss(**SOFTMAX, batch=True, weight=t.weight)(t.predictions, classes(t)),
        {"batch": True},
    ),
    Case(
        "dice_ce",
        "monai label_smoothing, squared_pred",
        images,
        lambda t: monai.DiceCELoss(**SOFTMAX, label_smoothing=0.1, squared_pred=True)(t.predictions, classes(t)),
        {"label_smoothing": 0.1, "squared_pred": True},
        within=SINGLE,
    ),
    Case(
        "dice_focal",
        "monai weight, batch",
        weighted(images),
        lambda t: monai.DiceFocalLoss(sigmoid=True, to_onehot_y=True, batch=True, weight=t.weight)(t.predictions, classes(t)),
        {"batch": True},
        within=SINGLE,
    ),
    Case(
        "generalized_dice",
        "monai batch",
        images,
        lambda t: monai.GeneralizedDiceLoss(**SOFTMAX, batch=True)(t.predictions, classes(t)),
        {"batch": True},
        within=SINGLE,
    ),
]
for case in SEGMENTATION:
    if "activation" not in case.options and case.name not in ("dice_ce", "dice_focal"):
        object.__setattr__(case, "options", {"activation": "softmax", **case.options})


def hard_masks(rng: Generator) -> Arrays:
    return {"predictions": rng.uniform(0.01, 0.99, size=(2, 3, 6, 7)), "labels": (rng.random((2, 3, 6, 7)) < 0.4).astype(float)}


DISTANCES = [
    Case("boundary", "monai", hard_masks, lambda t: monai.BoundaryLoss(include_background=True)(t.predictions, t.labels), within=SINGLE),
    Case("hausdorff_dt", "monai", hard_masks, lambda t: monai.HausdorffDTLoss(include_background=True)(t.predictions, t.labels), within=SINGLE),
]


def channels(rng: Generator) -> Arrays:
    return {
        "predictions": rng.normal(size=(2, 3, 4, 5)),
        "labels": rng.uniform(size=(2, 3, 4, 5)),
        "pos_weight": rng.uniform(0.2, 3.0, size=(3, 1, 1)),
    }


def with_alpha(rng: Generator) -> Arrays:
    return images(rng) | {"labels": rng.integers(0, 2, size=(2, 3, 4, 5)).astype(float), "class_alpha": rng.uniform(size=(3, 1, 1))}


def focal_of_classes(t: Any) -> torch.Tensor:
    """torchvision's sigmoid_focal_loss, channel by channel."""
    return torch.stack([sigmoid_focal_loss(t.predictions[:, c], t.labels[:, c], alpha=t.class_alpha[c].item()) for c in range(3)], 1).mean()


BINARY = [
    Case("sigmoid_focal", "torchvision with the alpha of each channel", with_alpha, focal_of_classes),
    Case(
        "binary_cross_entropy_with_logits",
        "torch pos_weight of channels",
        channels,
        lambda t: F.binary_cross_entropy_with_logits(t.predictions, t.labels, pos_weight=t.pos_weight),
    ),
]


def hardest(t: Any) -> torch.Tensor:
    """The top-k cross entropy of nnU-Net and detectron2, which take the top of all positions' losses, flattened."""
    losses = F.cross_entropy(t.predictions, t.labels, t.weight, reduction="none").flatten()
    return torch.topk(losses, int(losses.numel() * 0.3)).values.mean()


def soft_focal(t: Any) -> torch.Tensor:
    """keras's categorical focal loss of logits, which takes distributions: alpha (1 - p)^gamma times each class's cross entropy."""
    log_p = F.log_softmax(t.predictions, 1)
    return -(0.25 * (1 - log_p.exp()) ** 2 * t.labels * log_p).sum(1).mean()


def possible(rng: Generator) -> Arrays:
    arrays = images(rng)
    mask = (rng.random(arrays["predictions"].shape) < 0.6) | (np.arange(3)[:, None, None] == arrays["labels"][:, None])
    return arrays | {"class_mask": mask.astype(int)}


def of_possible(t: Any) -> torch.Tensor:
    """torch's cross entropy of scores that are minus infinity for the classes left out."""
    return F.cross_entropy(t.predictions.masked_fill(t.class_mask == 0, -torch.inf), t.labels)


CROSS_ENTROPY = [
    Case("softmax_focal", "distributions as labels, keras's formula", soft_images, soft_focal, {"alpha": 0.25}),
    Case("cross_entropy", "torch with scores of minus infinity", possible, of_possible),
    Case("cross_entropy", "top_k as in nnU-Net and detectron2", weighted(images), hardest, {"top_k": 0.3}),
]


def log_ratios(rng: Generator) -> Arrays:
    return {name: rng.normal(size=6) for name in ("chosen_logps", "rejected_logps", "ref_chosen_logps", "ref_rejected_logps")}


DPO = [
    Case(
        "dpo",
        "sigmoid of differences of 1 - e^-d, TRL 1.16's forward_kl",
        log_ratios,
        lambda t: -F.logsigmoid(0.1 * (torch.exp(t.ref_rejected_logps - t.rejected_logps) - torch.exp(t.ref_chosen_logps - t.chosen_logps))).mean(),
        {"f_divergence_type": "forward_kl"},
    ),
]

CASES = [*DISTANCES, *DPO, *CROSS_ENTROPY, *SEGMENTATION, *BINARY]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_gradients_are_the_library_s(case: Case) -> None:
    compare(case)


def compare(case: Case) -> None:
    """Compare value and gradients over random calls."""
    for number in range(DRAWS):
        arrays = case.arrays(np.random.default_rng(number))
        predicted = [name for name in LOSSES[case.name].predicted if name in arrays]
        leaves = {name: torch.tensor(array, requires_grad=name in predicted) for name, array in arrays.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            total = case.theirs(SimpleNamespace(**leaves))
            total.backward()
        answer = compute(LOSSES[case.name], arrays, case.options, Controls(case.reduction))
        np.testing.assert_allclose(required(answer.value), total.item(), rtol=case.within)
        for name in predicted:
            theirs = required(leaves[name].grad).numpy()
            np.testing.assert_allclose(
                required(answer.gradients)[name], theirs, rtol=case.within, atol=case.within * np.abs(theirs).max(), err_msg=name
            )
