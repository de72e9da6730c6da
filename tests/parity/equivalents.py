"""Calls of the libraries of `Equivalents`, and their public names that are no loss of ours. Read by test_equivalents.py.

An equivalent is called with our tensors in the library's order. PREPARED makes random tensors fit the library's own assumptions, CALLS spells the calls
of other shapes, WITHIN gives the reason for a tolerance above 1e-12, and ELSEWHERE the reason why a public name is declared beside no loss.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TQDM_DISABLE", "1")

import jax
import jax.numpy as jnp
import numpy as np
import torch

jax.config.update("jax_enable_x64", True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of what keras and monai import
    import keras

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")

from service.losses import Loss  # noqa: E402
from service.losses.naming import Equivalent  # noqa: E402
from tests.parity.cases import adaptive, named  # noqa: E402

Arrays = dict[str, Any]


# ------------------------------------------------------------------ the libraries


def torchvision_ops() -> ModuleType:
    """torchvision's losses, which are plain Python, without its compiled operators: those are built for another torch."""
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    for name, path in (("torchvision", folder), ("torchvision.ops", folder / "ops"), ("torchvision.utils", folder)):
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [str(path)]
    sys.modules["torchvision.utils"]._log_api_usage_once = lambda *called: None  # type: ignore[attr-defined]
    ops = sys.modules["torchvision.ops"]
    for path in sorted((folder / "ops").glob("*_loss.py")):
        module = importlib.import_module(f"torchvision.ops.{path.stem}")
        vars(ops).update({name: value for name, value in vars(module).items() if name.endswith("_loss")})
    return ops


TORCHVISION = torchvision_ops()


def library(name: str) -> ModuleType:
    return TORCHVISION if name == "torchvision.ops" else importlib.import_module(name)


def function_of(equivalent: Equivalent) -> Callable[..., Any]:
    """The library's function, or an instance made with its defaults."""
    found = getattr(library(equivalent.name.rpartition(".")[0]), equivalent.bare)
    return MADE.get(equivalent.name, lambda made: made())(found) if isinstance(found, type) else found


MADE: dict[str, Callable[[Any], Any]] = {  # what has no defaults
    "monai.losses.SSIMLoss": lambda made: made(spatial_dims=2),
    "torch.nn.LinearCrossEntropyLoss": lambda made: made,
    "torch.nn.AdaptiveLogSoftmaxWithLoss": lambda made: made,
}

PUBLIC = {
    "torch.nn": r"\w+Loss\w*",
    "torch.nn.functional": r"[a-z]\w*(_loss|_entropy\w*)|kl_div",
    "keras.losses": r"(?!(get|serialize|deserialize|Loss)$)[A-Za-z]\w+",
    "optax.losses": r"[a-z]\w+",
    "torchvision.ops": r"[a-z]\w+_loss",
    "sklearn.metrics": r"\w+(_loss|_error|_deviance)",
    "monai.losses": r"(?!MaskedLoss$)[A-Z]\w+",
}


def public(name: str) -> Iterator[str]:
    """The qualified names of the losses in a library."""
    for attribute, value in vars(library(name)).items():
        if re.fullmatch(PUBLIC[name], attribute) and callable(value) and not attribute.startswith("_"):
            yield f"{name}.{attribute}"


# ------------------------------------------------------------------ their calls


def call(loss: Loss, equivalent: Equivalent, arrays: Arrays) -> np.ndarray[Any, Any]:
    """The library's default call."""
    convert = {"keras": np.asarray, "optax": jnp.asarray, "sklearn": np.asarray}.get(
        equivalent.name.split(".")[0], lambda a: torch.from_numpy(a.copy())
    )
    tensors = {name: convert(array) for name, array in arrays.items()}
    function = function_of(equivalent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if equivalent.name in CALLS:
            return np.asarray(CALLS[equivalent.name](function, SimpleNamespace(**tensors)))
        ordered = list(tensors.values())
        return np.asarray(function(*(reversed(ordered) if equivalent.name.startswith(("keras", "sklearn")) else ordered)))


def of_one_hot(function: Callable[..., Any], t: Any) -> Any:
    """A function of one-hot labels on the last axis, as keras and optax have them."""
    return function(np.eye(t.predictions.shape[1])[np.asarray(t.labels)], t.predictions)


def linear_module(made: Any, t: Any) -> Any:
    """torch's module with our weights."""
    classes, *positions, features = t.linear_weight.shape
    module = made(features, classes, out_features=tuple(positions), bias=False)
    weight = t.linear_weight.reshape(-1, features)
    return torch.func.functional_call(module, {name: weight for name, _ in module.named_parameters()}, (t.predictions, t.labels)).detach()


def last(x: Any) -> Any:
    """Classes on the last axis."""
    return jnp.moveaxis(x, 1, -1)


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "keras.losses.CategoricalCrossentropy": of_one_hot,
    "keras.losses.categorical_crossentropy": of_one_hot,
    "keras.losses.CategoricalHinge": of_one_hot,
    "keras.losses.categorical_hinge": of_one_hot,
    "optax.losses.softmax_cross_entropy": lambda f, t: f(t.predictions, jax.nn.one_hot(t.labels, t.predictions.shape[1], dtype=jnp.float64)),
    "optax.losses.safe_softmax_cross_entropy": lambda f, t: f(t.predictions, jax.nn.one_hot(t.labels, t.predictions.shape[1], dtype=jnp.float64)),
    "optax.losses.poly_loss_cross_entropy": lambda f, t: f(t.predictions, jax.nn.one_hot(t.labels, t.predictions.shape[1], dtype=jnp.float64)),
    "optax.losses.dice_loss": lambda f, t: f(last(t.predictions), last(t.labels)),
    "optax.losses.binary_dice_loss": lambda f, t: f(last(t.predictions), last(t.labels)),
    "optax.losses.multiclass_generalized_dice_loss": lambda f, t: f(last(t.predictions), last(t.labels)),
    "torch.nn.functional.linear_cross_entropy": lambda f, t: f(t.predictions, t.linear_weight, t.labels),
    "torch.nn.LinearCrossEntropyLoss": linear_module,
    "torch.nn.AdaptiveLogSoftmaxWithLoss": lambda made, t: adaptive(named({"head_bias": None, **vars(t)}), "mean").detach(),
    "keras.losses.CategoricalFocalCrossentropy": of_one_hot,
    "keras.losses.categorical_focal_crossentropy": of_one_hot,
    "keras.losses.categorical_generalized_cross_entropy": lambda f, t: f(t.labels, t.predictions, q=0.5),  # its class has this default
    "keras.losses.CTC": lambda f, t: f(t.labels * (np.arange(t.labels.shape[1]) < t.target_lengths[:, None]), np.moveaxis(t.predictions, 0, 1)),
    "keras.losses.ctc": lambda f, t: f(t.labels * (np.arange(t.labels.shape[1]) < t.target_lengths[:, None]), np.moveaxis(t.predictions, 0, 1)),
    "optax.losses.ctc_loss": lambda f, t: f(
        jnp.moveaxis(t.predictions, 0, 1),
        jnp.arange(t.predictions.shape[0]) >= t.input_lengths[:, None],
        t.labels,
        jnp.arange(t.labels.shape[1]) >= t.target_lengths[:, None],
    ),
    "keras.losses.Circle": lambda f, t: f(t.labels, t.embeddings / np.linalg.norm(t.embeddings, axis=1, keepdims=True)),
    "keras.losses.circle": lambda f, t: f(t.labels, t.embeddings / np.linalg.norm(t.embeddings, axis=1, keepdims=True)),
}


def softmaxed(arrays: Arrays) -> Arrays:
    """Probabilities that sum to one over the classes."""
    powers = np.exp(arrays["predictions"])
    return arrays | {"predictions": powers / powers.sum(axis=1, keepdims=True)}


def probabilities(arrays: Arrays) -> Arrays:
    """Numbers above the 1e-7 to which keras clips."""
    return {name: np.clip(array, 1e-3, 1.0) for name, array in arrays.items()}


def one_class(arrays: Arrays) -> Arrays:
    """Masks of one class for each pixel."""
    labels = arrays["labels"]
    truth = np.arange(labels.shape[1]).reshape(1, -1, *(1,) * (labels.ndim - 2)) == labels.argmax(axis=1, keepdims=True)
    return arrays | {"labels": truth.astype(np.float64)}


def zero_or_one(arrays: Arrays) -> Arrays:
    return arrays | {"labels": np.round(arrays["labels"])}


def both_zero_and_one(arrays: Arrays) -> Arrays:
    return arrays | {"labels": np.arange(len(arrays["labels"])) % 2.0}


def both_signs(arrays: Arrays) -> Arrays:
    return arrays | {"labels": np.arange(len(arrays["labels"])) % 2 * 2 - 1}


def of_two_classes(arrays: Arrays) -> Arrays:
    """Four samples at least, so that each has a positive and a negative."""
    rows = np.resize(arrays["embeddings"], (6, arrays["embeddings"].shape[1])) + np.arange(6)[:, None] * [
        [0.1, -0.2, *[0.3] * 6][: arrays["embeddings"].shape[1]]
    ]
    return {"embeddings": rows, "labels": np.arange(6) % 3}


def positive(arrays: Arrays) -> Arrays:
    """Above the 1e-7 that keras puts in place of smaller numbers."""
    return {name: np.abs(array) + 1e-3 for name, array in arrays.items()}


def images(arrays: Arrays) -> Arrays:
    """Images larger than the window."""
    return {name: np.resize(array, (*array.shape[:2], 13, 14)) ** 2 % 1 for name, array in arrays.items()}


def volumes(arrays: Arrays) -> Arrays:
    return {name: np.resize(array, (*array.shape[:2], 4, 5, 6)) ** 2 % 1 for name, array in arrays.items()}


def squares(arrays: Arrays) -> Arrays:
    """Images of positions (n, c, h, w); MONAI has no skeletons of other ranks than two and three."""
    return {name: np.resize(array, (*array.shape[:2], 5, 6)) for name, array in arrays.items()}


def one_channel(arrays: Arrays) -> Arrays:
    return one_class({name: array[:, :1] for name, array in arrays.items()})


def all_frames(arrays: Arrays) -> Arrays:
    """keras counts every frame."""
    return arrays | {"input_lengths": np.full_like(arrays["input_lengths"], arrays["predictions"].shape[0])}


PREPARED: dict[str, Callable[[Arrays], Arrays]] = {
    "keras.losses.SparseCategoricalCrossentropy": softmaxed,
    "keras.losses.sparse_categorical_crossentropy": softmaxed,
    "keras.losses.CategoricalCrossentropy": softmaxed,
    "keras.losses.categorical_crossentropy": softmaxed,
    "keras.losses.CategoricalFocalCrossentropy": softmaxed,
    "keras.losses.categorical_focal_crossentropy": softmaxed,
    "keras.losses.MeanSquaredLogarithmicError": positive,
    "keras.losses.mean_squared_logarithmic_error": positive,
    "sklearn.metrics.mean_squared_log_error": positive,
    "sklearn.metrics.root_mean_squared_log_error": positive,
    "sklearn.metrics.log_loss": both_zero_and_one,
    "sklearn.metrics.brier_score_loss": both_zero_and_one,
    "sklearn.metrics.hinge_loss": both_signs,
    "monai.losses.FocalLoss": zero_or_one,
    "optax.losses.binary_dice_loss": one_channel,
    "keras.losses.CTC": all_frames,
    "keras.losses.ctc": all_frames,
    "keras.losses.KLDivergence": probabilities,
    "keras.losses.kl_divergence": probabilities,
    "circle": of_two_classes,
    "ntxent": of_two_classes,
    "dice": one_class,
    "generalized_dice": one_class,
    "tversky": one_class,
    "mcc": one_class,
    "ssim": images,
    "monai.losses.LocalNormalizedCrossCorrelationLoss": volumes,
    "monai.losses.SoftclDiceLoss": squares,
}
WITHIN: dict[str, float] = {
    "keras.losses": 1e-6,  # its mean is one of float32 under JAX, whatever floatx says
    "monai.losses.FocalLoss": 1e-6,  # computes in float32, as the other four of monai
    "monai.losses.GeneralizedDiceLoss": 1e-6,
    "monai.losses.MCCLoss": 1e-4,  # adds 1e-5 to its divisor: see WITHOUT_EPSILON
    "monai.losses.SSIMLoss": 1e-6,
    "monai.losses.BoxGIoULoss": 1e-6,
    "monai.losses.BarlowTwinsLoss": 1e-4,  # adds 1e-6 to the deviations: see WITHOUT_EPSILON
    "torchvision.ops.generalized_box_iou_loss": 1e-6,  # adds 1e-7 to its divisors
    "torchvision.ops.distance_box_iou_loss": 1e-6,
    "torchvision.ops.complete_box_iou_loss": 1e-6,
    "torch.nn.CosineEmbeddingLoss": 1e-9,  # adds 1e-12 to the squared norms
    "torch.nn.functional.cosine_embedding_loss": 1e-9,
}


WITHOUT_EPSILON: dict[str, Callable[[Any, Any], Any]] = {  # the same calls, where the number that a library adds against 0 / 0 is gone or negligible
    "monai.losses.MCCLoss": lambda made, t: made(smooth_dr=0.0)(t.predictions, t.labels),
    "monai.losses.BarlowTwinsLoss": lambda made, t: made()(t.input1 * 2.0**40, t.input2 * 2.0**40),  # correlations have no scale
    "torch.nn.CosineEmbeddingLoss": lambda made, t: made()(t.input1 * 2.0**40, t.input2 * 2.0**40, t.labels),
    "torchvision.ops.generalized_box_iou_loss": lambda function, t: function(t.predictions, t.labels, eps=0.0),
    "torchvision.ops.distance_box_iou_loss": lambda function, t: function(t.predictions, t.labels, eps=0.0),
}


def usable(name: str, arrays: Arrays) -> bool:
    """Tensors of the shapes that the library reads as we do: its classes are on the last axis, ours on the second."""
    library, _, bare = name.rpartition(".")
    predictions = arrays.get("predictions")
    if library == "sklearn.metrics":
        return predictions is not None and predictions.ndim == 1 and len(predictions) > 1
    if library == "monai.losses" and bare not in ("FocalLoss", "BoxGIoULoss"):
        return predictions is None or predictions.ndim > 2  # of two axes it sums over both
    if predictions is None or predictions.ndim == 2 or "dice" in bare or "ctc" in bare:
        return True
    if library == "keras.losses":
        return "categorical" not in bare.lower() and not bare.islower() and bare != "KLDivergence"
    return library != "optax.losses"


NO_LOSS = "a metric that has no gradient"
ELSEWHERE: dict[str, str] = {
    "torch.nn.NLLLoss2d": "the deprecated name of NLLLoss",
    "optax.losses.smooth_labels": "makes labels and is no loss",
    "optax.losses.make_fenchel_young_loss": "makes a loss of any function",
    "sklearn.metrics.zero_one_loss": NO_LOSS,
    "sklearn.metrics.label_ranking_loss": NO_LOSS,
    "sklearn.metrics.hamming_loss": NO_LOSS,
    "sklearn.metrics.coverage_error": NO_LOSS,
    "sklearn.metrics.max_error": "has the gradient of one sample and does not merge",
    "sklearn.metrics.median_absolute_error": "has the gradient of one sample and does not merge",
    "monai.losses.AUCMLoss": "not in the catalogue",
    "monai.losses.AsymmetricUnifiedFocalLoss": "not in the catalogue",
    "monai.losses.BendingEnergyLoss": "regularizes a displacement field; not in the catalogue",
    "monai.losses.DeepSupervisionLoss": "wraps another loss",
    "monai.losses.DiffusionLoss": "regularizes a displacement field; not in the catalogue",
    "monai.losses.GeneralizedDiceFocalLoss": "a sum of two losses, which POST /loss/combination gives",
    "monai.losses.GeneralizedWassersteinDiceLoss": "not in the catalogue",
    "monai.losses.GlobalMutualInformationLoss": "not in the catalogue",
    "monai.losses.JukeboxLoss": "not in the catalogue",
    "monai.losses.MaskedDiceLoss": "dice with masked predictions and labels",
    "monai.losses.MultiScaleLoss": "wraps another loss",
    "monai.losses.NACLLoss": "not in the catalogue",
    "monai.losses.PatchAdversarialLoss": "wraps another loss",
    "monai.losses.PerceptualLoss": "needs a trained network",
    "monai.losses.SURELoss": "needs the caller's network",
    "monai.losses.SoftDiceclDiceLoss": "a sum of two losses, which POST /loss/combination gives",
}
