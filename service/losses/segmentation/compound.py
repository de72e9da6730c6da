"""Compound losses of masks: an overlap loss plus a loss of each position."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from service.losses.classification.binary import binary_cross_entropy_with_logits, sigmoid_focal
from service.losses.classification.cross_entropy import cross_entropy, softmax_focal
from service.losses.declaration import ClassWeight, IgnoreIndex, LabelSmoothing, Logits, NonNegative, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, masked, whole_positions, without_void
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, per_sample_size
from service.losses.registry import loss
from service.losses.segmentation._shared import ALIKE, EXAMPLE_LOGITS, MaskLabels, RegionMask, masks
from service.losses.segmentation.overlap import dice


@loss(example=EXAMPLE_LOGITS, merges={"batch": False}, bound=ALIKE, work=Work(memory="64 n c ..."))
def dice_ce(
    predictions: Logits,
    labels: MaskLabels,
    *,
    activation: Literal["softmax", "sigmoid"] = "softmax",
    lambda_dice: NonNegative = 1.0,
    lambda_ce: NonNegative = 1.0,
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
    weight: ClassWeight | None = None,
    squared_pred: bool = False,
    label_smoothing: LabelSmoothing = 0.0,
    batch: bool = False,
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Sum of Dice loss and cross entropy, each averaged within a sample.

    With `batch`, both parts are averaged over the whole batch, as torch and MONAI average the cross entropy; class weights then give MONAI's number.
    Without it, the cross entropy is divided by each sample's own sum of weights. Results over shards merge, unless batch is true.

    Use: Semantic segmentation of medical images; the default of nnU-Net and many others.
    Formula: \ell = \lambda_1 \, \overline{\mathrm{dice}}_c + \lambda_2 \, \overline{\mathrm{CE}}
    Where: c a class
    predictions: raw scores, one for each class.
    activation: softmax with cross_entropy, or sigmoid with binary_cross_entropy_with_logits.
    lambda_dice: weight of the part `dice`.
    lambda_ce: weight of the part `ce`.
    smooth_nr: added to the numerator of the Dice loss.
    smooth_dr: added to the denominator of the Dice loss.
    include_background: include class 0 in the Dice loss; the cross entropy always includes it.
    weight: weight of each class, in the Dice loss, and in the cross entropy of class indices; with sigmoid, its weight of the positive term (MONAI's rule).
    squared_pred: the denominator of the Dice loss sums the squares of p and t.
    label_smoothing: share of the cross entropy's target spread evenly over all classes; the Dice loss has the labels as they are.
    batch: average over the whole batch instead of within each sample.
    mask: 1 for the positions to include, 0 for the others. With softmax, a position is in the cross entropy if all its classes are included.
    Divisor: the number of samples with a position included, or 1 with batch; dice is averaged over classes, cross entropy over positions (and classes, with sigmoid)
    Synonyms: dice_cross_entropy, combo
    Unlike: monai.losses.DiceCELoss its default takes the Dice part of the predictions as they are and the softmax for the other part alone
    Reference: Taghanaki et al., Combo Loss, 2018, arXiv:1805.02798; Isensee et al., nnU-Net, 2018, arXiv:1809.10486, section 2.3
    """
    region = dice.function(
        predictions,
        labels,
        weight=weight,
        activation=activation,
        smooth_nr=smooth_nr,
        smooth_dr=smooth_dr,
        squared_pred=squared_pred,
        include_background=include_background,
        batch=batch,
        mask=mask,
        ignore_index=ignore_index,
    )
    labels, kept = without_void(predictions, labels, ignore_index, mask)
    if activation == "softmax":
        term = cross_entropy.function(predictions, labels, weight=weight, label_smoothing=label_smoothing)
        entropy = masked(term, whole_positions(kept))
    else:
        positive = None if weight is None else weight.reshape(-1, *(1,) * (predictions.ndim - 2))
        truth = masks(labels, predictions)
        term = binary_cross_entropy_with_logits.function(predictions, truth, pos_weight=positive, label_smoothing=label_smoothing)
        entropy = masked(_with_labels_of(term, labels, predictions), kept)
    return summed({"dice": (lambda_dice, region), "ce": (lambda_ce, _of_batch(entropy) if batch else entropy)})


def _with_labels_of(term: Evaluation, labels: Array, like: Array) -> Evaluation:
    """Remove the gradient of labels that are class indices."""
    if labels.ndim == like.ndim:
        return term
    return replace(term, gradients={"predictions": term.gradients["predictions"]})


def _of_batch(term: Evaluation) -> Evaluation:
    """Sum a term over the samples, for one row of the whole batch."""

    def pulled(pullback: Pullback) -> Pullback:
        return lambda c: pullback(np.broadcast_to(c, term.numerator.shape))

    numerator, weight = (x.sum(keepdims=True) for x in (term.numerator, term.weight))
    return Evaluation(numerator, weight, {name: pulled(pullback) for name, pullback in term.gradients.items()})


def summed(terms: dict[str, tuple[float, Evaluation]]) -> Evaluation:
    """Add the terms' means, sample by sample; each input's gradient is the sum over the terms that have it."""
    means = {name: divide_or_zero(term.numerator, term.weight) for name, (_, term) in terms.items()}
    scales = [(factor, term) for factor, term in terms.values()]

    def pulled(wrt: str) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            return np.sum([term.gradients[wrt](divide_or_zero(cotangent * factor, term.weight)) for factor, term in scales], axis=0)

        return pullback

    total = sum((factor * means[name] for name, (factor, _) in terms.items()), np.zeros(1))
    shared = set.intersection(*(set(term.gradients) for _, term in scales))
    here = np.max([term.weight > 0 for _, term in scales], axis=0).astype(np.float64)
    return Evaluation(total, here, {wrt: pulled(wrt) for wrt in sorted(shared)}, parts=means)


@loss(example=EXAMPLE_LOGITS, merges={"batch": False}, bound=ALIKE, work=Work(memory="64 n c ..."))
def dice_focal(
    predictions: Logits,
    labels: MaskLabels,
    *,
    activation: Literal["softmax", "sigmoid"] = "sigmoid",
    gamma: NonNegative = 2.0,
    lambda_dice: NonNegative = 1.0,
    lambda_focal: NonNegative = 1.0,
    smooth_nr: NonNegative = 1e-5,
    smooth_dr: NonNegative = 1e-5,
    include_background: bool = True,
    weight: ClassWeight | None = None,
    squared_pred: bool = False,
    batch: bool = False,
    mask: RegionMask | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Sum of Dice loss and focal loss, each averaged within a sample.

    With `batch`, both parts are averaged over the whole batch. Results over shards merge, unless batch is true.

    Use: Semantic segmentation with small and difficult foreground.
    Formula: \ell = \lambda_1 \, \overline{\mathrm{dice}}_c + \lambda_2 \, \overline{\mathrm{focal}}_\gamma
    Where: c a class
    predictions: raw scores, one for each class.
    activation: sigmoid with sigmoid_focal (alpha off), as in MONAI, or softmax with softmax_focal, which takes class indices as labels and averages over positions. MONAI's softmax=True is that of the Dice part alone; its focal part keeps the sigmoid.
    gamma: focusing exponent.
    lambda_dice: weight of the part `dice`.
    lambda_focal: weight of the part `focal`.
    smooth_nr: added to the numerator of the Dice loss.
    smooth_dr: added to the denominator of the Dice loss.
    include_background: include class 0, in both parts with sigmoid (MONAI's rule), in the Dice loss alone with softmax; it is always included if it is the only class.
    weight: weight of each class in both parts, which is no part of a divisor (MONAI's rule).
    squared_pred: the denominator of the Dice loss sums the squares of p and t.
    batch: average over the whole batch instead of within each sample.
    mask: 1 for the positions to include, 0 for the others. With softmax, a position is in the focal loss if all its classes are included.
    Divisor: the number of samples with a position included, or 1 with batch; dice is averaged over classes, the focal loss over positions (and classes, with sigmoid)
    Synonyms: dice_focal_loss
    Unlike: monai.losses.DiceFocalLoss its default takes the Dice part of the predictions as they are and the sigmoid for the other part alone
    Reference: Zhu et al., AnatomyNet, 2018, arXiv:1808.05238, section 2.4; MONAI DiceFocalLoss
    """
    if activation == "softmax" and labels.ndim == predictions.ndim:
        raise InvalidTensor("labels", f"has shape {labels.shape}; with activation softmax it is class indices, (n, ...)")
    region = dice.function(
        predictions,
        labels,
        weight=weight,
        activation=activation,
        smooth_nr=smooth_nr,
        smooth_dr=smooth_dr,
        squared_pred=squared_pred,
        include_background=include_background,
        batch=batch,
        mask=mask,
        ignore_index=ignore_index,
    )
    labels, kept = without_void(predictions, labels, ignore_index, mask)
    if activation == "sigmoid":
        focal = _sigmoid_focal(predictions, labels, gamma, weight, include_background, kept)
    else:
        term = softmax_focal.function(predictions, labels, gamma=gamma, weight=weight)
        size = replace(term, weight=per_sample_size(labels), shares=None, count=None)
        focal = masked(size, whole_positions(kept))
    return summed({"dice": (lambda_dice, region), "focal": (lambda_focal, _of_batch(focal) if batch else focal)})


def _sigmoid_focal(predictions: Array, labels: Array, gamma: float, weight: Array | None, include_background: bool, kept: Array | None) -> Evaluation:
    """Compute the focal loss of the masks, without class 0 if that is not included."""
    first = 0 if include_background or predictions.shape[1] == 1 else 1
    x, truth = (np.ascontiguousarray(values[:, first:]) for values in (predictions, masks(labels, predictions)))
    plain = masked(sigmoid_focal.function(x, truth, gamma=gamma, alpha=-1.0), None if kept is None else kept[:, first:])
    divisor = plain.weight
    if weight is not None:
        of_class = weight[first:].reshape(1, -1, *(1,) * (x.ndim - 2))
        plain = replace(plain.element_weighted(np.broadcast_to(of_class, x.shape)), weight=divisor)

    def padded(pullback: Pullback) -> Pullback:
        return lambda c: np.concatenate([np.zeros_like(predictions[:, :first]), pullback(c)], axis=1)

    return _with_labels_of(replace(plain, gradients={name: padded(pullback) for name, pullback in plain.gradients.items()}), labels, predictions)
