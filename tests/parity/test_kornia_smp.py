"""Losses of masks and images against kornia and segmentation_models_pytorch: values and gradients over random calls. Run by `make parity`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import Generator

from tests.parity.test_options import SINGLE, VOID, Arrays, Case, compare, images, soft_images, with_void


def without_package(name: str, part: str) -> ModuleType:
    """A part of a package, whose own module would import what the part does not need (torchvision's operators, timm)."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = [str(Path(spec.origin).parent)]
    return importlib.import_module(f"{name}.{part}")


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of what kornia imports
    import kornia.losses as kornia

smp = without_package("segmentation_models_pytorch", "losses")
VOIDS = {"ignore_index": VOID}

# ------------------------------------------------------------------ segmentation_models_pytorch

OF_BATCH = {"activation": "softmax", "batch": True, "absent": "zero", "smooth_nr": 0.0, "smooth_dr": 0.0}
SOFT = {"activation": "sigmoid", "batch": True, "intersection": "minimum", "smooth_nr": 0.0, "smooth_dr": 0.0}
WEIGHTS = {"alpha": 0.3, "beta": 0.7}


def absent_class(rng: Generator) -> Arrays:
    """Labels without the class 1."""
    arrays = images(rng)
    return arrays | {"labels": np.where(arrays["labels"] == 1, 2, arrays["labels"])}


def one_map(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(2, 4, 5)), "labels": rng.integers(0, 2, size=(2, 4, 5)).astype(float)}


def void_map(rng: Generator) -> Arrays:
    arrays = one_map(rng)
    return arrays | {"labels": np.where(rng.random((2, 4, 5)) < 0.3, VOID, arrays["labels"])}


def masks(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(2, 3, 4, 5)), "labels": rng.integers(0, 2, size=(2, 3, 4, 5)).astype(float)}


def one_class(rng: Generator) -> Arrays:
    return {"predictions": rng.uniform(0.1, 0.9, size=(2, 1, 4, 5)), "labels": rng.integers(0, 2, size=(2, 1, 4, 5)).astype(float)}


def over_included(loss: torch.Tensor, t: Any) -> torch.Tensor:
    """Of a mean over all positions, that over the positions that are not void."""
    return loss * t.labels.numel() / (t.labels != VOID).sum()


SMP = [  # its Lovasz losses take float32 alone
    Case("dice", "smp multiclass", images, lambda t: smp.DiceLoss("multiclass")(t.predictions, t.labels), OF_BATCH),
    Case("dice", "smp absent class", absent_class, lambda t: smp.DiceLoss("multiclass")(t.predictions, t.labels), OF_BATCH),
    Case("dice", "smp ignore_index", with_void, lambda t: smp.DiceLoss("multiclass", **VOIDS)(t.predictions, t.labels), OF_BATCH | VOIDS),
    Case("dice", "smp soft masks", soft_images, lambda t: smp.DiceLoss("multilabel")(t.predictions, t.labels), SOFT),
    Case(
        "dice",
        "smp smooth",
        images,
        lambda t: smp.DiceLoss("multiclass", smooth=1.0)(t.predictions, t.labels),
        OF_BATCH | {"smooth_nr": 2.0, "smooth_dr": 2.0},
    ),
    Case("jaccard", "smp multiclass", images, lambda t: smp.JaccardLoss("multiclass")(t.predictions, t.labels), OF_BATCH),
    Case("jaccard", "smp absent class", absent_class, lambda t: smp.JaccardLoss("multiclass")(t.predictions, t.labels), OF_BATCH),
    Case("jaccard", "smp ignore_index", with_void, lambda t: smp.JaccardLoss("multiclass", **VOIDS)(t.predictions, t.labels), OF_BATCH | VOIDS),
    Case("jaccard", "smp soft masks", soft_images, lambda t: smp.JaccardLoss("multilabel")(t.predictions, t.labels), SOFT),
    Case("tversky", "smp multiclass", images, lambda t: smp.TverskyLoss("multiclass", **WEIGHTS)(t.predictions, t.labels), OF_BATCH | WEIGHTS),
    Case("tversky", "smp soft masks", soft_images, lambda t: smp.TverskyLoss("multilabel", **WEIGHTS)(t.predictions, t.labels), SOFT | WEIGHTS),
    Case(
        "focal_tversky",
        "smp of one class",
        one_class,
        lambda t: smp.TverskyLoss("binary", from_logits=False, gamma=0.75, **WEIGHTS)(t.predictions, t.labels),
        {"batch": True, "smooth_nr": 0.0, "smooth_dr": 0.0, "exponent": "gamma", "gamma": 0.75},
    ),
    Case("sigmoid_focal", "smp binary", one_map, lambda t: smp.FocalLoss("binary", alpha=0.25)(t.predictions, t.labels)),
    Case("sigmoid_focal", "smp ignore_index", void_map, lambda t: smp.FocalLoss("binary", alpha=0.25, **VOIDS)(t.predictions, t.labels), VOIDS),
    Case(
        "sigmoid_focal",
        "smp multilabel",
        masks,
        lambda t: smp.FocalLoss("multilabel", gamma=1.5)(t.predictions, t.labels),
        {"alpha": -1.0, "gamma": 1.5},
    ),
    Case(
        "lovasz_hinge", "smp per image", one_map, lambda t: smp.LovaszLoss("binary", per_image=True)(t.predictions.float(), t.labels), within=SINGLE
    ),
    Case(
        "lovasz_hinge",
        "smp ignore_index",
        void_map,
        lambda t: smp.LovaszLoss("binary", **VOIDS)(t.predictions.float(), t.labels),
        {"batch": True} | VOIDS,
        within=SINGLE,
    ),
    Case(
        "lovasz_softmax", "smp", absent_class, lambda t: smp.LovaszLoss("multiclass")(t.predictions.float(), t.labels), {"batch": True}, within=SINGLE
    ),
    Case(
        "lovasz_softmax",
        "smp per image",
        images,
        lambda t: smp.LovaszLoss("multiclass", per_image=True)(t.predictions.float(), t.labels),
        within=SINGLE,
    ),
    Case(
        "lovasz_softmax",
        "smp ignore_index",
        with_void,
        lambda t: smp.LovaszLoss("multiclass", **VOIDS)(t.predictions.float(), t.labels),
        {"batch": True} | VOIDS,
        within=SINGLE,
    ),
    Case("mcc", "smp without its epsilon", one_class, lambda t: smp.MCCLoss(eps=0.0)(t.predictions, t.labels), {"batch": True}),
    Case(
        "binary_cross_entropy_with_logits",
        "smp smooth_factor",
        one_map,
        lambda t: smp.SoftBCEWithLogitsLoss(smooth_factor=0.1)(t.predictions, t.labels),
        {"label_smoothing": 0.2},
    ),
    Case(
        "binary_cross_entropy_with_logits",
        "smp ignore_index",
        void_map,
        lambda t: over_included(smp.SoftBCEWithLogitsLoss(**VOIDS)(t.predictions, t.labels), t),
        VOIDS,
    ),
    Case(
        "cross_entropy",
        "smp smooth_factor",
        images,
        lambda t: smp.SoftCrossEntropyLoss(smooth_factor=0.1, dim=1)(t.predictions, t.labels),
        {"label_smoothing": 0.1},
    ),
    Case(
        "cross_entropy",
        "smp ignore_index",
        with_void,
        lambda t: over_included(smp.SoftCrossEntropyLoss(smooth_factor=0.1, dim=1, **VOIDS)(t.predictions, t.labels), t),
        {"label_smoothing": 0.1} | VOIDS,
    ),
]

# ------------------------------------------------------------------ kornia

PLAIN = {"activation": "softmax", "smooth_nr": 0.0, "smooth_dr": 0.0}


def pictures(rng: Generator) -> Arrays:
    return {"predictions": rng.uniform(size=(2, 3, 13, 14)), "labels": rng.uniform(size=(2, 3, 13, 14))}


def picture(rng: Generator) -> Arrays:
    return {name: array[:1] for name, array in pictures(rng).items()}


def depths(rng: Generator) -> Arrays:
    return {"predictions": rng.uniform(0.5, 2.0, size=(2, 1, 6, 7)), "image": rng.uniform(size=(2, 3, 6, 7))}


def heatmaps(rng: Generator) -> Arrays:
    """Probabilities over all positions of a map, with the positions on axis 1."""
    maps = rng.uniform(0.1, 1.0, size=(2, 6, 20))
    maps /= maps.sum(axis=2, keepdims=True)
    return {"predictions": maps[0][:, :, None], "labels": maps[1][:, :, None]}


def on_maps(function: Any, t: Any) -> torch.Tensor:
    total: torch.Tensor = function(t.predictions.reshape(2, 3, 4, 5), t.labels.reshape(2, 3, 4, 5), reduction="mean")
    return total


KORNIA = [
    Case("dice", "kornia micro", images, lambda t: kornia.dice_loss(t.predictions, t.labels, eps=0.0), PLAIN | {"classes_are": "together"}),
    Case(
        "dice",
        "kornia ignore_index",
        with_void,
        lambda t: kornia.dice_loss(t.predictions, t.labels, eps=0.0, **VOIDS),
        PLAIN | VOIDS | {"classes_are": "together"},
    ),
    Case(
        "tversky",
        "kornia",
        images,
        lambda t: kornia.tversky_loss(t.predictions, t.labels, 0.3, 0.7, eps=0.0),
        PLAIN | WEIGHTS | {"absent": "leave_out"},
    ),
    Case("softmax_focal", "kornia", images, lambda t: kornia.focal_loss(t.predictions, t.labels, None, 2.0, "sum"), reduction="sum"),
    Case(
        "softmax_focal",
        "kornia ignore_index",
        with_void,
        lambda t: kornia.focal_loss(t.predictions, t.labels, None, 2.0, "sum", **VOIDS),
        VOIDS,
        "sum",
    ),
    Case("sigmoid_focal", "kornia", masks, lambda t: kornia.binary_focal_loss_with_logits(t.predictions, t.labels, 0.25, 2.0, "mean")),
    Case("lovasz_hinge", "kornia", one_map, lambda t: kornia.lovasz_hinge_loss(t.predictions[:, None], t.labels)),
    Case("lovasz_softmax", "kornia", absent_class, lambda t: kornia.lovasz_softmax_loss(t.predictions, t.labels), {"classes": "all"}),
    Case("ssim", "kornia", pictures, lambda t: kornia.ssim_loss(t.predictions, t.labels, 11, eps=0.0), {"convention": "kornia"}),
    Case("ssim", "kornia valid", pictures, lambda t: kornia.ssim_loss(t.predictions, t.labels, 5, eps=0.0, padding="valid") * 2, {"window_size": 5}),
    Case("psnr", "kornia of one image", picture, lambda t: kornia.psnr_loss(t.predictions, t.labels, 1.0)),
    Case("total_variation", "kornia sum", pictures, lambda t: kornia.total_variation(t.predictions).sum(), reduction="sum"),
    Case("total_variation", "kornia mean", pictures, lambda t: kornia.total_variation(t.predictions, reduction="mean").mean(), {"average": "mean"}),
    Case("pseudo_huber", "kornia charbonnier", pictures, lambda t: kornia.charbonnier_loss(t.predictions, t.labels, "mean")),
    Case("cauchy", "kornia", pictures, lambda t: kornia.cauchy_loss(t.predictions, t.labels, "mean")),
    Case("geman_mcclure", "kornia", pictures, lambda t: kornia.geman_mcclure_loss(t.predictions, t.labels, "mean")),
    Case("welsch", "kornia", pictures, lambda t: kornia.welsch_loss(t.predictions, t.labels, "mean")),
    Case("inverse_depth_smoothness", "kornia", depths, lambda t: kornia.inverse_depth_smoothness_loss(t.predictions, t.image)),
    Case("jensen_shannon", "kornia", heatmaps, lambda t: on_maps(kornia.js_div_loss_2d, t)),
]


@pytest.mark.parametrize("case", [*SMP, *KORNIA], ids=str)
def test_value_and_gradients_are_the_library_s(case: Case) -> None:
    compare(case)
