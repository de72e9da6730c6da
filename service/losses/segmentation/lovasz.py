"""Lovász extensions of the Jaccard loss: convex surrogates that sort the errors of all positions."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import BinaryLogits, Domain, ElementMask, IgnoreIndex, PositionMask, TensorSpec, Work
from service.losses.evaluation import Evaluation, without_void
from service.losses.numerics import Array
from service.losses.numerics.elementary import spread
from service.losses.registry import loss
from service.losses.segmentation._shared import EXAMPLE_LOGITS, Masks, activated

TrueClasses = Annotated[Array, TensorSpec("n ...", kind="integer", below="c", besides="ignore_index", description="index of the true class")]
ZeroOrOne = Annotated[
    Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), besides="ignore_index", description="true mask, 0 or 1")
]


@loss(example={"predictions": [[2.0, -1.0, 0.5, -0.3]], "labels": [[1, 0, 0, 1]]}, merges=False)
def lovasz_hinge(
    predictions: BinaryLogits, labels: ZeroOrOne, *, batch: bool = False, mask: ElementMask | None = None, ignore_index: IgnoreIndex = -100
) -> Evaluation:
    r"""Lovász hinge: the convex extension of the Jaccard loss to hinge errors of a binary mask.

    All positions of a sample (or of the batch) are sorted by error. Equal errors keep their order, which determines their
    gradients. The gradient of an error of exactly 0 is 0. Without `batch`, results over shards merge.

    Use: Binary segmentation of pixels that is judged by intersection over union (IoU).
    Formula: \ell = \sum_i \max(0, e_{(i)}) \, \Delta J_i, \quad e_i = 1 - (2 t_i - 1) x_i \text{ in descending order}
    batch: sort over the whole batch instead of within each sample (segmentation_models_pytorch's per_image=False).
    Divisor: the number of samples with a position included, or 1 with batch
    Synonyms: lovasz_hinge_loss, LovaszHingeLoss, binary_lovasz
    Reference: Berman, Rannen Triki and Blaschko, The Lovász-Softmax loss, 2018, arXiv:1705.08790, equation 9
    """
    rows = (1, -1) if batch else (len(predictions), int(np.prod(predictions.shape[1:])))
    labels, kept = without_void(predictions, labels, ignore_index, mask)
    x, y = predictions.reshape(rows), labels.reshape(rows)
    here = None if kept is None else kept.reshape(rows)
    y = y if here is None else y * here
    sign = (2 * y - 1).astype(x.dtype)
    margin = sign * x
    order = np.argsort(margin if here is None else np.where(here, margin, np.inf), axis=1, kind="stable")
    steps = jaccard_steps(np.take_along_axis(y, order, 1), None if here is None else np.take_along_axis(here, order, 1))
    weights = np.empty_like(x)
    np.put_along_axis(weights, order, steps.astype(x.dtype), 1)
    errors = np.maximum(1.0 - margin, 0.0)
    slope = -sign * weights * (margin < 1.0)
    values = (errors * weights).sum(axis=1, dtype=np.float64)
    gradients = {"predictions": lambda c: (spread(c, x) * slope).reshape(predictions.shape)}
    return Evaluation(values, np.ones(len(values)) if here is None else 1.0 * (np.add.reduce(here, axis=1) > 0), gradients)


def jaccard_steps(positive: Array, counted: Array | None = None) -> Array:
    """Return the growth of the Jaccard loss with each error, given 0/1 masks (..., m) in the order of descending error.

    A miss adds 1 / union, a false alarm intersection / (union (union - 1)), so that nothing cancels.
    """
    there = positive.sum(axis=-1, keepdims=True)
    negative = (1 - positive) if counted is None else (1 - positive) * counted
    false = np.cumsum(negative, axis=-1)
    union = (there + false).astype(np.float64)
    left = there - np.cumsum(positive, axis=-1)
    alarm = np.where(union > 1, left / (union * np.maximum(union - 1, 1)), 1.0 * (there == 0))
    return np.where(positive == 1, 1.0 / np.maximum(union, 1.0), alarm * negative)


@loss(example=EXAMPLE_LOGITS, merges=False, work=Work(memory="80 n c ..."))
def lovasz_softmax(
    predictions: Masks,
    labels: TrueClasses,
    *,
    activation: Literal["softmax", "none"] = "softmax",
    classes: Literal["present", "all"] = "present",
    ignore_index: IgnoreIndex = -100,
    batch: bool = False,
    mask: PositionMask | None = None,
) -> Evaluation:
    r"""Lovász-softmax: the convex extension of the Jaccard loss to the errors of class probabilities, averaged over classes.

    Equal errors keep their order, which determines their gradients. Without `batch`, results over shards merge.

    Use: Semantic segmentation of pixels that is judged by mean intersection over union (IoU).
    Formula: \ell = \frac{1}{|C|} \sum_{c \in C} \sum_i e^c_{(i)} \, \Delta J^c_i, \quad e^c_i = |[y_i = c] - p_{ic}| \text{ in descending order}
    Where: c a class
    activation: softmax takes predictions as logits, none as probabilities.
    classes: classes in the mean: those present in the labels (Berman, segmentation_models_pytorch), or all (kornia).
    batch: sort over the whole batch instead of within each sample (per_image=False of Berman's code).
    Divisor: the number of samples, or 1 with batch
    Synonyms: lovasz_softmax_loss, LovaszSoftmaxLoss, LovaszLoss
    Reference: Berman, Rannen Triki and Blaschko, The Lovász-Softmax loss, 2018, arXiv:1705.08790, equations 11 and 12
    """
    made = activated(predictions, activation)
    count = predictions.shape[1]

    def by_class(values: Array) -> Array:
        """Reshape (n, c, ...) to (rows, c, positions)."""
        flat = values.reshape(len(values), count, int(np.prod(values.shape[2:])))
        return flat.transpose(1, 0, 2).reshape(1, count, -1) if batch else flat

    included = labels != ignore_index if mask is None else (labels != ignore_index) & (mask == 1)
    kept = np.broadcast_to(included[:, None], predictions.shape)
    true = by_class(((np.arange(count).reshape(1, -1, *(1,) * (labels.ndim - 1)) == labels[:, None]) & kept).astype(np.int64))
    kept = by_class(kept)
    errors = np.where(true == 1, by_class(made.q), by_class(made.p)) * kept
    order = np.argsort(np.where(kept, -errors, 1.0), axis=2, kind="stable")
    steps = jaccard_steps(np.take_along_axis(true, order, 2), np.take_along_axis(kept, order, 2))
    weights = np.empty_like(errors)
    np.put_along_axis(weights, order, steps.astype(errors.dtype), 2)
    present = (true.sum(axis=2) > 0) if classes == "present" else np.ones(true.shape[:2], bool)
    share = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
    values = ((errors * weights).sum(axis=2, dtype=np.float64) * share).sum(axis=1)

    def pullback(cotangent: Array) -> Array:
        slope = np.where(true == 1, -weights, weights) * (cotangent[:, None] * share).astype(errors.dtype)[:, :, None]
        if batch:
            slope = slope.reshape(count, len(predictions), -1).transpose(1, 0, 2)
        return made.back(slope.reshape(predictions.shape))

    return Evaluation(values, np.ones(len(values)), {"predictions": pullback})
