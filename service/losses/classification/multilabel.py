"""Multi-label classification: scores of all classes against the set of true classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification._shared import Margins
from service.losses.classification.binary import binary_cross_entropy_with_logits
from service.losses.declaration import UNIT, ClassWeight, NonNegative, TensorSpec, Work
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, decay, divide_or_zero, log1pexp_small, per_sample_sum, sigmoid, spread
from service.losses.registry import loss

ClassScores = Annotated[Array, TensorSpec("n c", gradient="default", description="raw scores of the classes")]
ClassList = Annotated[
    Array, TensorSpec("n c", kind="integer", below="c", besides="-1", description="indices of the true classes; those before a row's first -1 count")
]
ElementLabel = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="true label of each class, mostly 0 or 1")]
ClassFlags = Annotated[Array, TensorSpec("n c", domain=UNIT, gradient="on request", description="true label of each class, mostly 0 or 1")]


@loss(example={"predictions": [[0.1, 0.2, 0.4, 0.8]], "labels": [[3, 0, -1, 1]]}, hessian_diagonal=True, work=Work("100 n c c", "64 n c"))
def multilabel_margin(predictions: ClassScores, labels: ClassList) -> Evaluation:
    r"""Multi-label hinge loss of every true class against every other class. The slope at a kink is 0.

    A class listed twice counts twice, as in torch.

    Use: Multi-label classification with a margin between present and absent classes.
    Formula: \ell = \frac{1}{C} \sum_{j \in y} \sum_{i \notin y} \max(0, 1 - x_j + x_i)
    Where: x `predictions`, raw scores; y the true classes
    Divisor: the number of samples
    Synonyms: MultiLabelMarginLoss, multilabel_margin_loss, multi_label_hinge
    Equivalents: torch.nn.MultiLabelMarginLoss, torch.nn.functional.multilabel_margin_loss
    Reference: Schapire and Singer, BoosTexter, 2000, Machine Learning 39; torch.nn.MultiLabelMarginLoss
    """
    n, classes = predictions.shape
    padding = labels < 0
    counts = np.where(padding.any(axis=1), padding.argmax(axis=1), classes)
    numerator, slope = np.empty(n), np.empty_like(predictions)
    falling = np.argsort(-counts, kind="stable")
    step = max(1, BLOCK // classes)
    for samples in (falling[start : start + step] for start in range(0, n, step)):
        listed = np.arange(classes)[:, None] < counts[samples]  # place by place, since samples with the most true classes come first
        place, row = np.divmod(np.flatnonzero(listed), len(samples))  # half the time of nonzero
        numerator[samples], slope[samples] = _of_listed(predictions[samples], row, labels[samples[row], place])
    numerator /= classes
    return Evaluation(
        numerator,
        np.ones(n),
        {"predictions": lambda c: slope * spread(c / classes, slope)},
        lambda: numerator,
        {"predictions": lambda _: np.zeros_like(slope)},
    )


def _of_listed(scores: Array, rows: Array, classes: Array) -> tuple[Array, Array]:
    """Return the sums (n,) and slopes (n, c) of each true class against the others; rows rise by 1 within a run."""
    own = scores[rows, classes]
    scores[rows, classes] = -np.inf  # no true class competes
    sums, slopes = np.zeros(len(scores)), np.zeros_like(scores)
    step = max(1, BLOCK // scores.shape[1])
    for start in range(0, len(rows), step):
        r, at = rows[start : start + step], slice(start, start + step)
        short = scores.take(r, axis=0)
        short -= own[at, None]
        short += 1.0
        np.maximum(short, 0.0, out=short)
        sums += np.bincount(r, per_sample_sum(short), len(scores))
        active = (short > 0).astype(short.dtype)
        np.subtract.at(slopes, (r, classes[at]), np.einsum("ij->i", active))
        edges = [0, *(np.flatnonzero(np.diff(r) <= 0) + 1).tolist(), len(r)]
        for first, end in pairwise(edges):
            run = slopes[r[first] : r[first] + end - first]
            np.add(run, active[first:end], out=run)
    return sums, slopes


@loss(example={"predictions": [[0.1, 0.2, 0.4, 0.8]], "labels": [[1.0, 0.0, 0.0, 1.0]]}, hessian_diagonal=True)
def multilabel_soft_margin(predictions: ClassScores, labels: ClassFlags, *, weight: ClassWeight | None = None) -> Evaluation:
    r"""Binary cross entropy averaged over the classes, one value per sample.

    Use: Multi-label classification, with several classes true of one sample.
    Formula: \ell = \frac{1}{C} \sum_k w_k \left( z_k \, \mathrm{softplus}(-x_k) + (1 - z_k) \, \mathrm{softplus}(x_k) \right)
    Where: x `predictions`, raw scores; z `labels`; w `weight`
    Divisor: the number of samples, also with class weights
    Synonyms: MultiLabelSoftMarginLoss, multilabel_soft_margin_loss
    Equivalents: torch.nn.MultiLabelSoftMarginLoss, torch.nn.functional.multilabel_soft_margin_loss
    Reference: torch.nn.MultiLabelSoftMarginLoss; Cox, The Regression Analysis of Binary Sequences, 1958
    """
    n, classes = predictions.shape
    each = binary_cross_entropy_with_logits.function(
        predictions, labels, weight=None if weight is None else np.broadcast_to(weight, predictions.shape)
    )
    numerator = each.numerator / classes

    def of(pullback: Callable[[Array], Array]) -> Callable[[Array], Array]:
        return lambda c: pullback(c / classes)

    return Evaluation(
        numerator,
        np.ones(n),
        {
            "predictions": of(each.gradients["predictions"]),
            "labels": lambda c: -(predictions if weight is None else weight * predictions) * spread(c / classes, predictions),
        },
        lambda: numerator,
        {name: of(pullback) for name, pullback in each.hessian_diagonal.items()},
    )


@loss(
    example={"predictions": [[0.8, -1.2, 2.0]], "labels": [[1, 0, 0]]},
    hessian_diagonal=True,
    work=Work(memory="64 n ..."),
)
def asymmetric(
    predictions: Margins,
    labels: ElementLabel,
    *,
    gamma_pos: NonNegative = 1.0,
    gamma_neg: NonNegative = 4.0,
    clip: Annotated[float, annotated_types.Ge(0), annotated_types.Lt(1)] = 0.05,
) -> Evaluation:
    r"""Asymmetric loss: binary cross entropy with separate focusing exponents for positives and negatives; easy negatives are discarded.

    With a label between 0 and 1 the exponent is gamma_pos z + gamma_neg (1 - z), and its base z (1 - p) + (1 - z) p_m multiplies both terms, as in the
    authors' code and timm. Labels are constant. The slope at the clip is 0. timm 1.0.31 defaults to reduction batchmean (older
    versions always return the sum), computes in float32 and clips the arguments of the logarithms from below at 1e-8; here they are exact.

    Use: Multi-label classification where most of many classes are absent from a sample.
    Formula: \ell = -q^\gamma \left( z \log p + (1 - z) \log(1 - p_m) \right), \quad q = z (1 - p) + (1 - z) p_m, \; \gamma = z \gamma_+ + (1 - z) \gamma_-, \quad p = \sigma(x), \; p_m = \max(p - m, 0)
    Where: x `predictions`, raw scores; z `labels`
    gamma_pos: focusing exponent of the positives.
    gamma_neg: focusing exponent of the negatives.
    clip: m, probability below which the loss of a negative is 0.
    Synonyms: ASL, AsymmetricLoss, AsymmetricLossMultiLabel, asymmetric_loss
    Reference: Ben-Baruch et al., Asymmetric Loss For Multi-Label Classification, 2021, arXiv:2009.14119, equation 7
    """
    x, z = predictions, labels
    e = decay(x)
    small = log1pexp_small(x, e)
    p, q = sigmoid(x, e), sigmoid(-x, e)
    shifted = np.maximum(p - clip, 0.0)
    kept = q + clip  # 1 - p_m where the negative is not clipped
    above = np.maximum(x, 0.0) + small  # -log(1 - p)
    surprise = np.where(shifted > 0.5, -np.log(kept), -np.log1p(-np.minimum(shifted, 0.5))) if clip else above
    entropy = z * (np.maximum(-x, 0.0) + small) + (1.0 - z) * surprise
    wrong, gamma = z * q + (1.0 - z) * shifted, z * gamma_pos + (1.0 - z) * gamma_neg
    focus = wrong**gamma
    seen = (shifted > 0).astype(x.dtype)
    slant = p * q  # of p by x

    # wrong^(gamma - 1) is never computed alone: the entropy over wrong tends to 1 as either label's wrong tends to 0
    ratio = np.divide(entropy, wrong, out=np.ones_like(x), where=wrong > np.finfo(x.dtype).tiny)
    rate = seen * (p * (q / kept) if clip else p)  # the slope of -log(1 - p_m)
    rise = (1.0 - z) * seen - z  # of wrong by p
    steep = (1.0 - z) * rate - z * q  # of the entropy by x

    def slope() -> Array:
        return focus * (gamma * (rise * slant) * ratio + steep)

    def curvature() -> Array:
        log_rate = divide_or_zero(rise * slant, wrong)
        of_ratio = gamma * (rise * slant) * ratio * ((gamma - 1.0) * log_rate + (q - p))
        return focus * (of_ratio + 2.0 * gamma * log_rate * steep + (1.0 - z) * rate * ((q - p) + rate) + z * slant)

    return elementwise(focus * entropy, {"predictions": lambda c: c * slope()}, {"predictions": lambda c: c * curvature()})


@loss(example={"predictions": [[0.8, -1.2, 2.0], [-0.3, 0.4, 0.1]], "labels": [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]}, merges=False)
def soft_f1(predictions: ClassScores, labels: ClassFlags, *, average: Literal["macro", "micro"] = "macro") -> Evaluation:
    r"""One minus the F1 score of the whole batch, with probabilities in place of predicted labels.

    The whole batch is one sample: per_sample has one number. The loss is 0 if nothing is true and nothing is predicted.

    Use: Binary and multi-label classification that is judged by the F1 score.
    Formula: L = \frac{1}{C} \sum_k \left( 1 - \frac{2 \sum_i p_{ik} z_{ik}}{\sum_i p_{ik} + \sum_i z_{ik}} \right), \quad p = \sigma(x)
    Where: x `predictions`, raw scores; z `labels`
    average: macro: the mean over the classes; micro: one score of all entries together.
    Divisor: 1
    Synonyms: sigmoid_f1, sigmoidF1, macro_soft_f1, differentiable_f1
    Reference: Bénédict et al., sigmoidF1: A Smooth F1 Score Surrogate Loss for Multilabel Classification, 2021, arXiv:2108.10566, equation 8
    """
    p, q, z = sigmoid(predictions), sigmoid(-predictions), labels
    axes = (0, 1) if average == "micro" else (0,)

    def total(values: Array) -> Array:
        return values.sum(axis=axes, dtype=np.float64, keepdims=True).astype(p.dtype)

    hits, false_alarms, misses = total(p * z), total(p * (1.0 - z)), total(q * z)
    wrong = false_alarms + misses
    whole = 2.0 * hits + wrong
    whole = np.where(whole == 0, 1.0, whole).astype(p.dtype, copy=False)
    scores = float((wrong / whole).mean(dtype=np.float64)) if len(p) else 0.0
    shares = wrong.size

    def slope(own: Array, rest: Array) -> Array:
        """Return the derivative by p given the label z, or by z given p: (hits - own whole) / whole^2, from its two parts."""
        return (2.0 / shares) * (rest * (hits / whole) - own * ((hits + wrong) / whole)) / whole

    return Evaluation(
        np.array([scores]),
        np.ones(1),
        {
            "predictions": lambda c: float(c[0]) * (slope(z, 1.0 - z) * p * q),
            "labels": lambda c: float(c[0]) * slope(p, q),
        },
    )
