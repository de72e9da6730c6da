"""Margin losses over several classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification._shared import SCORES, ClassOrDistribution, at_class
from service.losses.declaration import ClassWeight, Logits, TensorSpec
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_size, per_sample_sum, spread
from service.losses.numerics.softmax import places
from service.losses.registry import loss

ClassScores = Annotated[Array, TensorSpec("n c", gradient="default", description="raw scores of the classes")]
RowClass = Annotated[Array, TensorSpec("n", kind="integer", below="c", description="index of the true class")]


# ------------------------------------------------------------------ one true class


@loss(example=SCORES, hessian_diagonal=True)
def multi_margin(
    predictions: ClassScores,
    labels: RowClass,
    *,
    p: Annotated[int, annotated_types.Ge(1), annotated_types.Le(2)] = 1,
    margin: float = 1.0,
    weight: ClassWeight | None = None,
) -> Evaluation:
    r"""Multi-class hinge loss of the true class against every other class, each term to the power p. The slope at a kink is 0.

    Use: Multiclass classification with a maximum margin.
    Formula: \ell = \frac{w_y}{C} \sum_{j \ne y} \max(0, m - x_y + x_j)^p
    Where: x `predictions`, raw scores; y the true class; w `weight`
    p: 1, or 2 for squares.
    margin: m, required lead of the true class's score.
    Divisor: the number of samples, also with class weights (torch's rule)
    Synonyms: MultiMarginLoss, multi_margin_loss, weston_watkins
    Equivalents: torch.nn.MultiMarginLoss, torch.nn.functional.multi_margin_loss
    Reference: Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition, 1999, ESANN
    """
    classes = predictions.shape[1]
    at_label = places(predictions, labels[:, None])
    short = predictions - predictions.take(at_label)
    short += margin
    np.maximum(short, 0.0, out=short)
    short.put(at_label, 0.0)
    scale = np.ones(1, short.dtype) if weight is None else weight[labels[:, None]]

    def chained(each: Callable[[], Array], sign: float) -> Callable[[Array], Array]:
        def pullback(cotangent: Array) -> Array:
            slope = each() * (scale * spread(cotangent / classes, short))
            slope.put(at_label, sign * slope.sum(axis=1, keepdims=True))
            return slope

        return pullback

    numerator = per_sample_sum(scale * short if p == 1 else (scale * short) * short) / classes
    slope = chained(lambda: short > 0 if p == 1 else 2.0 * short, -1.0)
    curvature = chained(lambda: np.zeros_like(short) if p == 1 else 2.0 * (short > 0).astype(short.dtype), 1.0)
    return Evaluation(numerator, np.ones(len(numerator)), {"predictions": slope}, lambda: numerator, {"predictions": curvature})


def _rivals(predictions: Array, labels: Array) -> tuple[Array, Array, Array]:
    """Return the score of the true class, the largest other score (-infinity if there is none), and its first index."""
    others = predictions.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, 1)
    rival = np.argmax(others, axis=1)
    return np.take_along_axis(predictions, labels[:, None], 1)[:, 0], np.take_along_axis(others, rival[:, None], 1)[:, 0], rival


def _of_gap(predictions: Array, labels: Array, rival: Array, values: Array, up: Array, down: Array) -> Evaluation:
    """Build the Evaluation of a loss that increases with the rival's score where `up`, and decreases with the true class's score where `down`."""

    def pullback(cotangent: Array) -> Array:
        c = spread(cotangent, values)
        return at_class(predictions, rival, c * up) - at_class(predictions, labels, c * down)

    return Evaluation(
        per_sample_sum(values),
        per_sample_size(values),
        {"predictions": pullback},
        lambda: values,
        {"predictions": lambda c: np.zeros_like(predictions)},
    )


def _of_lead(predictions: Array, q: Array, leads: Array, margin: float, by_score: Array, by_label: Array, cut: bool = False) -> Evaluation:
    """Evaluate the largest lead plus a margin minus the expected score of the true class, from the derivatives of the leads. cut: at least 0."""
    first = places(leads, np.argmax(leads, axis=1)[:, None])
    values = (leads.take(first)[:, 0] - (q * predictions).sum(axis=1)) + margin
    active = (values > 0 if cut else np.ones(values.shape, bool)).astype(values.dtype)
    values = np.maximum(values, 0.0) if cut else values

    def derivative(lead: Array, expected: Array) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            out = -expected
            out.put(first, out.take(first) + lead.take(first))
            return out * (active * spread(cotangent, values))[:, None]

        return pullback

    return Evaluation(
        per_sample_sum(values),
        per_sample_size(values),
        {"predictions": derivative(by_score, q), "labels": derivative(by_label, predictions)},
        lambda: values,
        {"predictions": lambda c: np.zeros_like(predictions)},
    )


@loss(example=SCORES, hessian_diagonal=True)
def multiclass_hinge(
    predictions: Logits, labels: ClassOrDistribution, *, convention: Literal["crammer_singer", "keras"] = "crammer_singer"
) -> Evaluation:
    r"""Crammer-Singer hinge loss: the amount by which the true class's lead over the best other class falls short of 1.

    The gradient goes to the first of equal rivals, and is 0 at the kink. With probabilities q as labels, crammer_singer is the largest of
    x + 1 - q minus the sum of q x, and keras the positive part of 1 plus the largest of (1 - q) x minus the sum of q x.

    Use: Multiclass classification by a support vector machine (SVM).
    Formula: \ell = \max(0, 1 + \max_{j \ne y} x_j - x_y)
    Where: x `predictions`, raw scores; y the true class
    convention: crammer_singer is that of optax and scikit-learn; keras includes a score of 0 among the others, so that it differs if all others are negative.
    Synonyms: multiclass_hinge_loss, crammer_singer
    Equivalents: keras.losses.CategoricalHinge(convention="keras"), keras.losses.categorical_hinge(convention="keras"),
        optax.losses.multiclass_hinge_loss
    Reference: Crammer and Singer, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines, 2001, JMLR 2
    """
    if labels.ndim == predictions.ndim:
        if convention == "crammer_singer":
            return _of_lead(predictions, labels, predictions - labels, 1.0, np.ones_like(labels), -np.ones_like(labels))
        return _of_lead(predictions, labels, (1.0 - labels) * predictions, 1.0, 1.0 - labels, -predictions, cut=True)
    own, best, rival = _rivals(predictions, labels)
    real = np.ones(best.shape, bool)
    if convention == "keras":
        real, best = best > 0, np.maximum(best, 0.0)
    values = np.maximum((best - own) + 1.0, 0.0)
    return _of_gap(predictions, labels, rival, values, (values > 0) & real, values > 0)


@loss(example=SCORES, hessian_diagonal=True)
def multiclass_perceptron(predictions: Logits, labels: ClassOrDistribution) -> Evaluation:
    r"""Multi-class perceptron loss: the largest score minus the true class's. The gradient goes to the first of equal rivals, and is 0 at a tie with the true class.

    With probabilities as labels, the second term is the expected score of the true class.

    Use: Multiclass or structured classification by a linear model.
    Formula: \ell = \max_j x_j - x_y
    Where: x `predictions`, raw scores; y the true class
    Synonyms: multiclass_perceptron_loss, structured_perceptron
    Equivalents: optax.losses.multiclass_perceptron_loss
    Reference: Collins, Discriminative Training Methods for Hidden Markov Models, 2002, EMNLP
    """
    if labels.ndim == predictions.ndim:
        return _of_lead(predictions, labels, predictions, 0.0, np.ones_like(labels), np.zeros_like(labels))
    own, best, rival = _rivals(predictions, labels)
    values = np.maximum(best - own, 0.0)
    return _of_gap(predictions, labels, rival, values, values > 0, values > 0)
