"""Compound losses of masks: an overlap loss plus a loss of each position."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from service.losses.classification.binary import binary_cross_entropy_with_logits, sigmoid_focal
from service.losses.classification.cross_entropy import cross_entropy, softmax_focal
from service.losses.declaration import Logits, NonNegative
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_size
from service.losses.registry import loss
from service.losses.segmentation._shared import ALIKE, EXAMPLE_LOGITS, Activation, MaskLabels, masks
from service.losses.segmentation.overlap import dice


@loss(example=EXAMPLE_LOGITS, bound=ALIKE)
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
) -> Evaluation:
    r"""Sum of Dice loss and cross entropy, each averaged within a sample.

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
    Divisor: the number of samples; dice is averaged over classes, cross entropy over positions (and classes, with sigmoid)
    Synonyms: dice_cross_entropy, combo
    Unlike: monai.losses.DiceCELoss its default takes the Dice part of the predictions as they are and the softmax for the other part alone
    Reference: Taghanaki et al., Combo Loss, 2018, arXiv:1805.02798; Isensee et al., nnU-Net, 2018, arXiv:1809.10486, section 2.3
    """
    region = _dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background)
    if activation == "softmax":
        entropy = cross_entropy.function(predictions, labels)
    else:
        entropy = _with_labels_of(binary_cross_entropy_with_logits.function(predictions, masks(labels, predictions)), labels, predictions)
    return summed({"dice": (lambda_dice, region), "ce": (lambda_ce, _mean_of_positions(entropy, predictions, activation))})


def _dice(predictions: Array, labels: Array, activation: Activation, smooth_nr: float, smooth_dr: float, background: bool) -> Evaluation:
    return dice.function(predictions, labels, activation=activation, smooth_nr=smooth_nr, smooth_dr=smooth_dr, include_background=background)


def _with_labels_of(term: Evaluation, labels: Array, like: Array) -> Evaluation:
    """Remove the gradient of labels that are class indices."""
    if labels.ndim == like.ndim:
        return term
    return replace(term, gradients={"predictions": term.gradients["predictions"]})


def _mean_of_positions(term: Evaluation, like: Array, activation: Activation) -> Evaluation:
    """Return the term with each sample's own number of elements as its divisor."""
    size = per_sample_size(like) / (like.shape[1] if activation == "softmax" else 1)
    return replace(term, weight=size)


def summed(terms: dict[str, tuple[float, Evaluation]]) -> Evaluation:
    """Add the terms' means, sample by sample; each input's gradient is the sum over the terms that have it."""
    means = {name: term.numerator / term.weight for name, (_, term) in terms.items()}
    scales = [(factor, term) for factor, term in terms.values()]

    def pulled(wrt: str) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            return np.sum([term.gradients[wrt](cotangent * factor / term.weight) for factor, term in scales], axis=0)

        return pullback

    total = sum((factor * means[name] for name, (factor, _) in terms.items()), np.zeros(1))
    shared = set.intersection(*(set(term.gradients) for _, term in scales))
    return Evaluation(total, np.ones(len(total)), {wrt: pulled(wrt) for wrt in sorted(shared)}, parts=means)


@loss(example=EXAMPLE_LOGITS, bound=ALIKE)
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
) -> Evaluation:
    r"""Sum of Dice loss and focal loss, each averaged within a sample.

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
    Divisor: the number of samples; dice is averaged over classes, the focal loss over positions (and classes, with sigmoid)
    Synonyms: dice_focal_loss
    Unlike: monai.losses.DiceFocalLoss its default takes the Dice part of the predictions as they are and the sigmoid for the other part alone
    Reference: Zhu et al., AnatomyNet, 2018, arXiv:1808.05238, section 2.4; MONAI DiceFocalLoss
    """
    region = _dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background)
    if activation == "sigmoid":
        focal = _with_labels_of(_sigmoid_focal(predictions, masks(labels, predictions), gamma, include_background), labels, predictions)
    elif labels.ndim == predictions.ndim:
        raise InvalidTensor("labels", f"has shape {labels.shape}; with activation softmax it is class indices, (n, ...)")
    else:
        focal = _mean_of_positions(softmax_focal.function(predictions, labels, gamma=gamma), predictions, activation)
    return summed({"dice": (lambda_dice, region), "focal": (lambda_focal, focal)})


def _sigmoid_focal(predictions: Array, truth: Array, gamma: float, include_background: bool) -> Evaluation:
    """Compute the focal loss of the masks, without class 0 if that is not included."""
    if include_background or predictions.shape[1] == 1:
        return sigmoid_focal.function(predictions, truth, gamma=gamma, alpha=-1.0)
    term = sigmoid_focal.function(np.ascontiguousarray(predictions[:, 1:]), np.ascontiguousarray(truth[:, 1:]), gamma=gamma, alpha=-1.0)

    def padded(pullback: Pullback) -> Pullback:
        return lambda c: np.concatenate([np.zeros_like(predictions[:, :1]), pullback(c)], axis=1)

    return replace(term, gradients={name: padded(pullback) for name, pullback in term.gradients.items()})
