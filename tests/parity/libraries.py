"""Which function of optax, rax or pytorch-metric-learning a loss is, a line each. Read by test_libraries.py and by the benchmark.

`t` has the tensors by our names. A line gives the library's own number, or losses to be summed; options and reduction make ours the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import rax
import torch
from optax import losses as optax
from pytorch_metric_learning import distances, losses, miners, reducers

from service.losses import LOSSES
from service.losses.declaration import Reduction

jax.config.update("jax_enable_x64", True)

Arrays = dict[str, Any]


def as_they_are(arrays: Arrays) -> Arrays:
    return arrays


def always(arrays: Arrays) -> bool:
    return True


def of_float64(arrays: Arrays) -> bool:
    return bool(arrays["predictions"].dtype == np.float64)


@dataclass(frozen=True)
class Line:
    """A loss of ours, a library's function, and what makes them one.

    reduction: ours. extra: inputs that the library has and that may be left out. prepared: done to random tensors so that the library's own
    assumptions hold. usable: whether the library has an answer for them. within: how near its formula lets it come in float64. most: rows that the benchmark
    gives it, fewer where it compares all rows with all, or all positive with all negative pairs.
    """

    name: str
    library: str
    function: Callable[[Any], Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    reduction: Reduction = "sum"
    extra: tuple[str, ...] = ()
    prepared: Callable[[Arrays], Arrays] = as_they_are
    usable: Callable[[Arrays], bool] = always
    within: float = 1e-11
    most: int = 16384

    def __str__(self) -> str:
        return f"{self.name}-{self.library}"

    def call(self, arrays: Arrays) -> Callable[[], tuple[Any, dict[str, Any]]]:
        """A call that gives the library's total and its gradients by our predicted inputs. JAX has compiled it."""
        predicted = [name for name in LOSSES[self.name].predicted if name in arrays]
        return (of_torch if self.library == PML else of_jax)(self.function, arrays, predicted)


def of_jax(function: Callable[[Any], Any], arrays: Arrays, predicted: list[str]) -> Callable[[], Any]:
    given = {name: jnp.asarray(array) for name, array in arrays.items()}
    leaves = {name: given.pop(name) for name in predicted}
    compiled = jax.jit(jax.value_and_grad(lambda leaves, given: jnp.sum(function(SimpleNamespace(**leaves, **given)))))
    compiled(leaves, given)
    return lambda: compiled(leaves, given)


def of_torch(function: Callable[[Any], Any], arrays: Arrays, predicted: list[str]) -> Callable[[], Any]:
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    leaves = {name: tensors[name].requires_grad_() for name in predicted}
    given = SimpleNamespace(**tensors)

    def call() -> Any:
        total = function(given).sum()
        return total.detach(), dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))

    return call


# ------------------------------------------------------------------ what random tensors need


def last_axis_of_classes(function: Callable[..., Any], **options: Any) -> Callable[[Any], Any]:
    """A function of scores whose last axis has the classes; ours is the second."""
    return lambda t: function(jnp.moveaxis(t.predictions, 1, -1), t.labels, **options)


def flat_classes(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """The same for one that takes rows alone."""
    return lambda t: function(jnp.moveaxis(t.predictions, 1, -1).reshape(-1, t.predictions.shape[1]), t.labels.reshape(-1))


def nothing_ignored(arrays: Arrays) -> Arrays:
    return arrays | {"labels": np.maximum(arrays["labels"], 0)}


def one_hot_masks(arrays: Arrays) -> Arrays:
    """Masks of one class for each pixel."""
    labels = arrays["labels"]
    truth = np.arange(labels.shape[1]).reshape(1, -1, *(1,) * (labels.ndim - 2)) == labels.argmax(axis=1, keepdims=True)
    return arrays | {"labels": truth.astype(arrays["predictions"].dtype)}


def of_masks(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda t: function(jnp.moveaxis(t.predictions, 1, -1), jnp.moveaxis(t.labels, 1, -1))


def of_classes(arrays: Arrays) -> Arrays:
    """Classes of about four samples, of two at least."""
    count = len(arrays["labels"])
    return arrays | {"labels": np.arange(count) % max(count // 4, 2)}


def in_company(arrays: Arrays) -> bool:
    """Every sample has a positive and a negative; without, the libraries divide by 0."""
    return len(arrays["embeddings"]) >= 4


def grades(arrays: Arrays) -> Arrays:
    """Whole relevances, many of them equal."""
    return arrays | {"labels": np.floor(arrays["labels"] % 4).astype(arrays["labels"].dtype)}


# ------------------------------------------------------------------ optax

ROWS = ("predictions", "labels")


def plain(function: Callable[..., Any], **options: Any) -> Callable[[Any], Any]:
    return lambda t: function(t.predictions, t.labels, **options)


OPTAX = [
    Line("mean_squared_error", "optax", plain(optax.squared_error)),
    Line("half_squared_error", "optax", plain(optax.l2_loss)),
    Line("huber", "optax", plain(optax.huber_loss)),
    Line("log_cosh", "optax", plain(optax.log_cosh)),
    Line("cosine_distance", "optax", plain(optax.cosine_distance)),
    Line("binary_cross_entropy_with_logits", "optax", plain(optax.sigmoid_binary_cross_entropy)),
    Line("sigmoid_focal", "optax", plain(optax.sigmoid_focal_loss, alpha=0.25)),
    Line("hinge", "optax", plain(optax.hinge_loss)),
    Line("perceptron", "optax", plain(optax.perceptron_loss)),
    Line("binary_sparsemax", "optax", plain(optax.sparsemax_loss)),
    Line("cross_entropy", "optax", last_axis_of_classes(optax.softmax_cross_entropy_with_integer_labels), prepared=nothing_ignored),
    Line(
        "poly1_cross_entropy",
        "optax",
        last_axis_of_classes(lambda x, y: optax.poly_loss_cross_entropy(x, jax.nn.one_hot(y, x.shape[-1], dtype=x.dtype), epsilon=2.0)),
        prepared=nothing_ignored,
    ),
    Line("multiclass_hinge", "optax", last_axis_of_classes(optax.multiclass_hinge_loss)),
    Line("multiclass_perceptron", "optax", last_axis_of_classes(optax.multiclass_perceptron_loss)),
    Line("multiclass_sparsemax", "optax", flat_classes(optax.multiclass_sparsemax_loss), usable=of_float64),  # its derivative of float32 is float64
    Line("kl_divergence", "optax", plain(optax.kl_divergence)),
    Line("generalized_kl_divergence", "optax", plain(optax.generalized_kl_divergence)),
    Line("ntxent", "optax", lambda t: optax.ntxent(t.embeddings, t.labels), reduction="mean", prepared=of_classes, usable=in_company),
    Line("triplet_margin", "optax", lambda t: optax.triplet_margin_loss(t.anchor, t.positive, t.negative, eps=0.0), {"eps": 0.0}),
    Line("ranking_softmax", "optax", plain(optax.ranking_softmax_loss), reduction="mean"),
    Line(
        "dice",
        "optax",
        of_masks(lambda x, y: optax.dice_loss(x, y).mean()),
        {"activation": "softmax", "smooth_nr": 2.0, "smooth_dr": 2.0},
        "mean",
        prepared=one_hot_masks,
    ),
    Line(
        "tversky",
        "optax",
        of_masks(lambda x, y: optax.dice_loss(x, y, alpha=0.3, beta=0.7).mean()),
        {"activation": "softmax", "smooth_nr": 1.0, "smooth_dr": 1.0, "alpha": 0.3, "beta": 0.7},
        "mean",
        prepared=one_hot_masks,
    ),
    Line(
        "generalized_dice",
        "optax",
        of_masks(optax.multiclass_generalized_dice_loss),
        {"convention": "optax", "activation": "softmax", "smooth_nr": 2.0, "smooth_dr": 2.0},
        "mean",
        prepared=one_hot_masks,
    ),
]

# ------------------------------------------------------------------ rax


def listed(function: Callable[..., Any], **options: Any) -> Callable[[Any], Any]:
    def call(t: Any) -> Any:
        where = t.mask == 1 if hasattr(t, "mask") else None
        weights = {"weights": t.weight} if hasattr(t, "weight") else {}
        return function(t.predictions, t.labels, where=where, **weights, **options)

    return call


def of_lists(name: str, function: Callable[[Any], Any], prepared: Callable[[Arrays], Arrays] = as_they_are, **options: Any) -> Line:
    return Line(name, "rax", function, options, "mean", ("mask",), prepared)


def of_weighted_lists(name: str, function: Callable[[Any], Any], prepared: Callable[[Arrays], Arrays] = as_they_are, **options: Any) -> Line:
    """A line with item weights; rax's lambda weights take them too."""
    return Line(name, "rax, item weights", function, options, "mean", ("mask", "weight"), lambda arrays: prepared(weighted(arrays)))


def weighted(arrays: Arrays) -> Arrays:
    """Lists with weights, whatever was drawn."""
    return arrays | {"weight": 0.25 + np.random.default_rng(arrays["labels"].size).random(arrays["labels"].shape)}


LAMBDA_WEIGHTS = partial(rax.dcg_lambdaweight, normalize=True)
LAMBDA_WEIGHTS_2 = partial(rax.dcg2_lambdaweight, normalize=True, topn=2)


def approximate(metric: Callable[..., Any]) -> Callable[[Any], Any]:
    """rax.approx_t12n, which calls a function that JAX no longer has: minus the metric of sums of sigmoids."""
    smooth = {"rank_fn": partial(rax.utils.approx_ranks, step_fn=jax.nn.sigmoid)}
    return listed(lambda *lists, **options: -metric(*lists, **smooth, **options))


def full_lists(arrays: Arrays) -> Arrays:
    """Lists without padding: rax scales its weights by the padded length."""
    return grades({name: array for name, array in arrays.items() if name != "mask"})


RAX = [
    of_lists("ranking_softmax", listed(rax.softmax_loss)),
    of_lists("poly1_softmax", listed(rax.poly1_softmax_loss)),
    of_lists("unique_softmax", listed(rax.unique_softmax_loss), grades),
    of_lists("listmle", listed(rax.listmle_loss), grades),
    of_lists("pairwise_hinge", listed(rax.pairwise_hinge_loss)),
    of_lists("pairwise_logistic", listed(rax.pairwise_logistic_loss)),
    of_lists("pairwise_soft_zero_one", listed(rax.pairwise_soft_zero_one_loss)),
    of_lists("pairwise_mse", listed(rax.pairwise_mse_loss)),
    of_lists("pairwise_qr", listed(rax.pairwise_qr_loss)),
    of_lists("lambda_loss", listed(rax.pairwise_logistic_loss, lambdaweight_fn=LAMBDA_WEIGHTS), full_lists),
    Line(
        "lambda_loss",
        "rax",
        listed(rax.pairwise_logistic_loss, lambdaweight_fn=LAMBDA_WEIGHTS_2),
        {"weighting": "ndcg2", "topn": 2},
        "mean",
        prepared=full_lists,
    ),
    of_lists("approx_ndcg", approximate(rax.ndcg_metric), grades),
    of_weighted_lists("ranking_softmax", listed(rax.softmax_loss)),
    of_weighted_lists("poly1_softmax", listed(rax.poly1_softmax_loss)),
    of_weighted_lists("unique_softmax", listed(rax.unique_softmax_loss), grades),
    of_weighted_lists("pairwise_hinge", listed(rax.pairwise_hinge_loss)),
    of_weighted_lists("pairwise_logistic", listed(rax.pairwise_logistic_loss)),
    of_weighted_lists("pairwise_soft_zero_one", listed(rax.pairwise_soft_zero_one_loss)),
    of_weighted_lists("pairwise_mse", listed(rax.pairwise_mse_loss)),
    of_weighted_lists("pairwise_qr", listed(rax.pairwise_qr_loss)),
    of_weighted_lists("lambda_loss", listed(rax.pairwise_logistic_loss, lambdaweight_fn=LAMBDA_WEIGHTS), full_lists),
    of_weighted_lists("approx_ndcg", approximate(rax.ndcg_metric), grades),
    of_lists("approx_mrr", approximate(rax.mrr_metric)),
]

# ------------------------------------------------------------------ pytorch-metric-learning

PML = "pytorch_metric_learning"


def of_batch(make: Callable[[], Any]) -> Callable[[Any], Any]:
    made = cache(make)  # a caller makes the module once
    return lambda t: made()(t.embeddings, t.labels)


def learned(make: Callable[..., Any], name: str, transposed: bool = False, **options: Any) -> Callable[[Any], Any]:
    """A loss whose module keeps class vectors, with ours in their place."""

    @cache
    def made(classes: int, size: int, dtype: Any) -> Any:
        return make(num_classes=classes, embedding_size=size, **options).to(dtype)

    def call(t: Any) -> Any:
        vectors = t.proxies if hasattr(t, "proxies") else t.weight
        module = made(*vectors.shape, vectors.dtype)
        return torch.func.functional_call(module, {name: vectors.T if transposed else vectors}, (t.embeddings, t.labels))

    return call


def unnormalized(**options: Any) -> Any:
    return distances.LpDistance(normalize_embeddings=False, **options)


def of_pairs(t: Any) -> Any:
    """The pairs (a_i, b_i) alone."""
    a, b = torch.arange(len(t.input1)), torch.arange(len(t.input1)) + len(t.input1)
    similar = t.labels == 1
    indices = a[similar], b[similar], a[~similar], b[~similar]
    module = losses.ContrastiveLoss(distance=unnormalized(), reducer=reducers.SumReducer())
    return module(torch.cat((t.input1, t.input2)), torch.arange(2 * len(a)), indices)


def of_anchors(t: Any) -> Any:
    count, none = len(t.labels), torch.empty(0, dtype=torch.int64)
    indices = torch.arange(count), torch.arange(count) + count, none, none
    return losses.NPairsLoss(distance=distances.DotProductSimilarity(normalize_embeddings=False))(
        torch.cat((t.anchor, t.positive)), torch.cat((t.labels, t.labels)), indices
    )


def of_hardest(t: Any) -> Any:
    mined = miners.BatchHardMiner(distance=unnormalized())(t.embeddings, t.labels)
    return losses.TripletMarginLoss(margin=1.0, distance=unnormalized(), reducer=reducers.MeanReducer())(t.embeddings, t.labels, mined)


def apart(arrays: Arrays) -> Arrays:
    """A class for each sample."""
    return arrays | {"labels": np.arange(len(arrays["labels"]))}


METRIC = [
    Line("contrastive", PML, of_pairs, {"convention": "pml"}, most=1024),
    Line("npairs", PML, of_anchors, reduction="mean", prepared=apart),
    Line("batch_hard_triplet", PML, of_hardest, reduction="mean", prepared=of_classes, usable=in_company),
    # it divides the pair by its norm and leaves the negatives as they are
    Line(
        "angular",
        PML,
        lambda t: losses.AngularLoss()(torch.nn.functional.normalize(t.embeddings), t.labels),
        reduction="mean",
        prepared=of_classes,
        usable=in_company,
    ),
    Line("ntxent", PML, of_batch(losses.NTXentLoss), reduction="mean", most=256, prepared=of_classes, usable=in_company),
    Line("supcon", PML, of_batch(losses.SupConLoss), reduction="mean", prepared=of_classes, usable=in_company),
    Line("circle", PML, of_batch(losses.CircleLoss), reduction="mean", prepared=of_classes, usable=in_company),
    Line("multi_similarity", PML, of_batch(losses.MultiSimilarityLoss), reduction="mean", prepared=of_classes, usable=in_company),
    Line("nca", PML, of_batch(lambda: losses.NCALoss(distance=unnormalized(power=2))), reduction="mean", prepared=of_classes, usable=in_company),
    Line(
        "lifted_structured",
        PML,
        of_batch(lambda: losses.LiftedStructureLoss(distance=unnormalized())),
        reduction="mean",
        most=256,
        prepared=of_classes,
        usable=in_company,
    ),
    Line("vicreg", PML, lambda t: losses.VICRegLoss()(t.input1, ref_emb=t.input2), reduction="mean"),
    Line("arcface", PML, learned(losses.ArcFaceLoss, "W", True, margin=np.degrees(0.5)), reduction="mean"),
    Line("cosface", PML, learned(losses.CosFaceLoss, "W", True), reduction="mean"),
    Line("normalized_softmax", PML, learned(losses.NormalizedSoftmaxLoss, "W", True), reduction="mean"),
    Line("proxy_nca", PML, learned(losses.ProxyNCALoss, "proxies"), reduction="mean"),
    Line("proxy_anchor", PML, learned(losses.ProxyAnchorLoss, "proxies"), reduction="mean"),
]

LINES = [*OPTAX, *RAX, *METRIC]
