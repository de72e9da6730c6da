"""Losses on raw scores: of the margin, label times score, with labels -1 and 1; and of the gaps between classes' scores.

The binary ones are functions of m = label * score, element by element; at a kink their slope is that of the side where the loss is 0
or flat (torch's choice for relu), unless the docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification import at_class
from service.losses.core import ELEMENTWISE, ClassIndex, ClassWeight, Evaluation, Logits, Positive, loss
from service.losses.numerics import decay, elementwise, log1pexp_small, per_sample_size, per_sample_sum, places, sigmoid, spread
from service.losses.tensors import Array, Domain, Tensor

Margins = Annotated[Array, Tensor("n ...", gradient="default", description="raw scores; their sign is the decision")]
Signs = Annotated[Array, Tensor("n ...", kind="integer", domain=Domain(values=(-1, 1)), description="true classes as signs, -1 or 1")]
ZeroOrOne = Annotated[Array, Tensor("n ...", kind="integer", domain=Domain(values=(0, 1)), description="true classes, 0 or 1")]
ClassScores = Annotated[Array, Tensor("n c", gradient="default", description="raw scores of the classes")]
RowClass = Annotated[Array, Tensor("n", kind="integer", below="c", description="index of the true class")]

EXAMPLE = {"predictions": [0.8, -1.2, 2.0], "labels": [1, -1, -1]}
SCORES = {"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 1]}


def of_margin(scores: Array, signs: Array, values: Array, slope: Callable[[], Array], curvature: Callable[[], Array]) -> Evaluation:
    """The Evaluation of a function of m = sign * score, from its values and derivatives by m."""
    return elementwise(values, {"predictions": lambda c: (c * signs) * slope()}, {"predictions": lambda c: c * curvature()})


def _signed(predictions: Array, labels: Array) -> tuple[Array, Array]:
    signs = labels.astype(predictions.dtype)
    return signs, signs * predictions


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def hinge(predictions: Margins, labels: Signs) -> Evaluation:
    r"""How far a score is from the right side of the margin 1; the slope at the kink is 0.

    keras turns labels 0 and 1 of a whole batch into -1 and 1; here they are an error.

    Formula: \ell = \max(0, 1 - t x)
    Synonyms: Hinge, hinge_loss, svm, binary_hinge
    Reference: Cortes and Vapnik, Support-Vector Networks, 1995, Machine Learning 20
    """
    s, m = _signed(predictions, labels)
    return of_margin(predictions, s, np.maximum(1.0 - m, 0.0), lambda: -(m < 1.0).astype(m.dtype), lambda: np.zeros_like(m))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def squared_hinge(predictions: Margins, labels: Signs) -> Evaluation:
    r"""The square of the hinge loss.

    Formula: \ell = \max(0, 1 - t x)^2
    Synonyms: SquaredHinge, squared_hinge_loss, L2-SVM
    Reference: Chang, Hsieh and Lin, Coordinate Descent Method for Large-scale L2-loss Linear SVM, 2008, JMLR 9
    """
    s, m = _signed(predictions, labels)
    short = np.maximum(1.0 - m, 0.0)
    return of_margin(predictions, s, short * short, lambda: -2.0 * short, lambda: 2.0 * (m < 1.0).astype(m.dtype))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def perceptron(predictions: Margins, labels: Signs) -> Evaluation:
    r"""How far a score is from the right side of 0; the slope at 0 is 0.

    Formula: \ell = \max(0, -t x)
    Synonyms: perceptron_loss
    Reference: Rosenblatt, The Perceptron, 1958, Psychological Review 65
    """
    s, m = _signed(predictions, labels)
    return of_margin(predictions, s, np.maximum(-m, 0.0), lambda: -(m < 0.0).astype(m.dtype), lambda: np.zeros_like(m))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def soft_margin(predictions: Margins, labels: Signs) -> Evaluation:
    r"""The logistic loss of a score with labels -1 and 1.

    Where torch overflows to infinity (a margin below -709) and its gradient to NaN, this has the true value.

    Formula: \ell = \log(1 + e^{-t x})
    Synonyms: SoftMarginLoss, soft_margin_loss, logistic_loss
    Reference: Friedman, Hastie and Tibshirani, Additive Logistic Regression, 2000, Annals of Statistics 28
    """
    s, m = _signed(predictions, labels)
    e = decay(m)
    return of_margin(predictions, s, log1pexp_small(m, e) - np.minimum(m, 0.0), lambda: -sigmoid(-m, e), lambda: sigmoid(m, e) * sigmoid(-m, e))


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1, 0, 0], "gamma": 2.0}, hessian_diagonal=True)
def sigmoid_focal_star(predictions: Margins, labels: ZeroOrOne, *, gamma: Positive = 1.0) -> Evaluation:
    r"""The focal loss's simpler sister: the logistic loss with a steeper sigmoid.

    fvcore's further parameter alpha is sample_weight here.

    Formula: \ell = \frac{1}{\gamma} \log(1 + e^{-\gamma s x}), \quad s = 2 z - 1
    gamma: steepness; 1 is the logistic loss.
    Synonyms: sigmoid_focal_loss_star, focal_star
    Reference: Lin et al., Focal Loss for Dense Object Detection, 2017, arXiv:1708.02002, appendix A
    """
    s, m = _signed(predictions, 2 * labels - 1)
    g = gamma * m
    e = decay(g)
    return of_margin(
        predictions,
        s,
        log1pexp_small(g, e) / gamma - np.minimum(m, 0.0),
        lambda: -sigmoid(-g, e),
        lambda: gamma * (sigmoid(g, e) * sigmoid(-g, e)),
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def modified_huber(predictions: Margins, labels: Signs) -> Evaluation:
    r"""The squared hinge loss, linear for margins below -1.

    Formula: \ell = \max(0, 1 - m)^2 \text{ where } m \ge -1, \text{ else } -4 m, \quad m = t x
    Synonyms: modified_huber_loss
    Reference: Zhang, Solving Large Scale Linear Prediction Problems Using SGD, 2004, ICML
    """
    s, m = _signed(predictions, labels)
    short = np.maximum(1.0 - m, 0.0)
    capped = np.minimum(short, 2.0)  # short^2 within, 4 (short - 1) beyond
    return of_margin(
        predictions,
        s,
        np.where(m < -1.0, -4.0 * m, capped * capped),
        lambda: -2.0 * capped,
        lambda: 2.0 * ((m >= -1.0) & (m < 1.0)).astype(m.dtype),
    )


@loss(example=EXAMPLE | {"gamma": 0.5}, hessian_diagonal=True, bound=ELEMENTWISE)
def smooth_hinge(predictions: Margins, labels: Signs, *, gamma: Positive = 1.0) -> Evaluation:
    r"""The hinge loss with its corner rounded over a width; the default is Rennie's.

    Formula: \ell = 0 \text{ where } m \ge 1, \; 1 - m - \frac{\gamma}{2} \text{ where } m \le 1 - \gamma, \text{ else } \frac{(1 - m)^2}{2 \gamma}, \quad m = t x
    gamma: width of the rounding; near 0 it is hinge.
    Synonyms: smooth_hinge_loss, smoothed_hinge
    Reference: Rennie and Srebro, Loss Functions for Preference Levels, 2005, IJCAI workshop; Shalev-Shwartz and Zhang, Stochastic Dual Coordinate Ascent, 2013, arXiv:1209.1873
    """
    s, m = _signed(predictions, labels)
    short = np.maximum(1.0 - m, 0.0)
    steep = np.minimum(short / gamma, 1.0)
    return of_margin(
        predictions,
        s,
        steep * (short - (0.5 * gamma) * steep),
        lambda: -steep,
        lambda: ((short > 0) & (short < gamma)).astype(m.dtype) / m.dtype.type(gamma),
    )


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def exponential(predictions: Margins, labels: Signs) -> Evaluation:
    r"""The exponential of minus the margin, AdaBoost's loss.

    scikit-learn's boosting takes the score as half the log-odds: the same formula.

    Formula: \ell = e^{-t x}
    Synonyms: ExponentialLoss, exponential_loss, adaboost
    Reference: Freund and Schapire, A Decision-Theoretic Generalization of On-Line Learning, 1997, JCSS 55
    """
    s, m = _signed(predictions, labels)
    values = np.exp(-m)
    return of_margin(predictions, s, values, lambda: -values, lambda: values)


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1, 0, 0]}, hessian_diagonal=True, bound=ELEMENTWISE)
def binary_sparsemax(predictions: Margins, labels: ZeroOrOne) -> Evaluation:
    r"""The sparsemax loss of two classes: 0 beyond the margin 1, linear below -1, quadratic between. Labels are 0 and 1, as in optax.

    Formula: \ell = 0 \text{ where } m \ge 1, \; -m \text{ where } m \le -1, \text{ else } \frac{(1 - m)^2}{4}, \quad m = (2 z - 1) x
    Synonyms: sparsemax_loss, modified_hinge
    Reference: Blondel, Martins and Niculae, Learning with Fenchel-Young Losses, 2019, arXiv:1901.02324
    """
    s, m = _signed(predictions, 2 * labels - 1)
    wrong = np.clip(0.5 * (1.0 - m), 0.0, 1.0)  # the sparse probability of the wrong class
    return of_margin(predictions, s, np.where(m <= -1.0, -m, wrong * wrong), lambda: -wrong, lambda: 0.5 * ((m > -1.0) & (m < 1.0)).astype(m.dtype))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def unhinged(predictions: Margins, labels: Signs) -> Evaluation:
    r"""The hinge loss without its hinge: it goes on below 0 for large margins, and stands any symmetric label noise.

    Formula: \ell = 1 - t x
    Synonyms: unhinged_loss, linear_margin
    Reference: van Rooyen, Menon and Williamson, Learning with Symmetric Label Noise, 2015, arXiv:1505.07634
    """
    s, m = _signed(predictions, labels)
    return of_margin(predictions, s, 1.0 - m, lambda: -np.ones_like(m), lambda: np.zeros_like(m))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def ramp(predictions: Margins, labels: Signs, *, cap: Positive = 1.0) -> Evaluation:
    r"""The hinge loss, cut off at a largest value; the slope at both kinks is 0.

    Formula: \ell = \min(c, \max(0, 1 - t x))
    cap: c, the largest loss; Collobert's s is 1 - c.
    Synonyms: ramp_loss, truncated_hinge, robust_hinge
    Reference: Collobert et al., Trading Convexity for Scalability, 2006, ICML
    """
    s, m = _signed(predictions, labels)
    short = 1.0 - m
    return of_margin(
        predictions,
        s,
        np.clip(short, 0.0, cap),
        lambda: -((m < 1.0) & (m > 1.0 - cap)).astype(m.dtype),
        lambda: np.zeros_like(m),
    )


@loss(example=EXAMPLE, hessian_diagonal=True)
def savage(predictions: Margins, labels: Signs) -> Evaluation:
    r"""The square of the probability given to the wrong side: bounded, so that outliers count little.

    Formula: \ell = \left( \frac{1}{1 + e^{2 t x}} \right)^2
    Synonyms: savage_loss
    Reference: Masnadi-Shirazi and Vasconcelos, On the Design of Loss Functions for Classification, 2008, NeurIPS
    """
    s, m = _signed(predictions, labels)
    wrong = sigmoid(-2.0 * m)
    square = wrong * wrong

    def curvature() -> Array:
        right = sigmoid(2.0 * m)
        return (8.0 * square * right) * (2.0 * right - wrong)

    return of_margin(predictions, s, square, lambda: -4.0 * square * sigmoid(2.0 * m), curvature)


@loss(example=EXAMPLE, hessian_diagonal=True)
def tangent(predictions: Margins, labels: Signs) -> Evaluation:
    r"""A bounded loss that also punishes margins that are too right.

    Formula: \ell = \left( 2 \arctan(t x) - 1 \right)^2
    Synonyms: tangent_loss
    Reference: Masnadi-Shirazi, Mahadevan and Vasconcelos, On the Design of Robust Classifiers for Computer Vision, 2010, CVPR
    """
    s, m = _signed(predictions, labels)
    root = 2.0 * np.arctan(m) - 1.0
    flat = 1.0 / (1.0 + m * m)
    return of_margin(predictions, s, root * root, lambda: (4.0 * root) * flat, lambda: (8.0 * flat) * (flat - (m * flat) * root))


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
    r"""Hinge losses of the true class against every other one, each to the power p. The slope at a kink is 0.

    Formula: \ell = \frac{w_y}{C} \sum_{j \ne y} \max(0, m - x_y + x_j)^p
    p: 1, or 2 for squares.
    margin: m, by how much the true class's score should lead.
    Divisor: the number of samples, also with class weights (torch's rule)
    Synonyms: MultiMarginLoss, multi_margin_loss, weston_watkins
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
    """The score of the true class, the largest of the others (-infinity where there is none), and its first index."""
    others = predictions.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, 1)
    rival = np.argmax(others, axis=1)
    return np.take_along_axis(predictions, labels[:, None], 1)[:, 0], np.take_along_axis(others, rival[:, None], 1)[:, 0], rival


def _of_gap(predictions: Array, labels: Array, rival: Array, values: Array, up: Array, down: Array) -> Evaluation:
    """A loss that rises with the rival's score where `up`, and falls with the true class's where `down`."""

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


@loss(example=SCORES, hessian_diagonal=True)
def multiclass_hinge(predictions: Logits, labels: ClassIndex, *, convention: Literal["crammer_singer", "keras"] = "crammer_singer") -> Evaluation:
    r"""How far the true class's score is from leading the best other one by 1.

    The gradient goes to the first of tied rivals, and is 0 at the kink.

    Formula: \ell = \max(0, 1 + \max_{j \ne y} x_j - x_y)
    convention: crammer_singer, as optax and scikit-learn have it; keras lets a score of 0 stand among the others, so that it differs where all others are negative.
    Synonyms: CategoricalHinge, multiclass_hinge_loss, crammer_singer, categorical_hinge
    Reference: Crammer and Singer, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines, 2001, JMLR 2
    """
    own, best, rival = _rivals(predictions, labels)
    real = np.ones(best.shape, bool)
    if convention == "keras":
        real, best = best > 0, np.maximum(best, 0.0)
    values = np.maximum((best - own) + 1.0, 0.0)
    return _of_gap(predictions, labels, rival, values, (values > 0) & real, values > 0)


@loss(example=SCORES, hessian_diagonal=True)
def multiclass_perceptron(predictions: Logits, labels: ClassIndex) -> Evaluation:
    r"""How far the best score is above the true class's. The gradient goes to the first of tied rivals, and is 0 at a tie with the true class.

    Formula: \ell = \max_j x_j - x_y
    Synonyms: multiclass_perceptron_loss, structured_perceptron
    Reference: Collins, Discriminative Training Methods for Hidden Markov Models, 2002, EMNLP
    """
    own, best, rival = _rivals(predictions, labels)
    values = np.maximum(best - own, 0.0)
    return _of_gap(predictions, labels, rival, values, values > 0, values > 0)


@loss(example=SCORES, hessian_diagonal=True)
def multiclass_sparsemax(predictions: Logits, labels: ClassIndex) -> Evaluation:
    r"""The loss of which sparsemax is the link, as cross entropy is of the softmax: exactly 0 where the true class leads by 1.

    Computed as half the squared distance of sparsemax(x) from the label, plus what the label's score lacks to the threshold: sums of what is positive.

    Formula: \ell = \frac{1}{2} \sum_{j \in S} (x_j^2 - \tau^2) + \frac{1}{2} - x_y, \quad S = \{j : x_j > \tau\}, \quad \sum_{j \in S} (x_j - \tau) = 1
    Synonyms: multiclass_sparsemax_loss, sparsemax
    Reference: Martins and Astudillo, From Softmax to Sparsemax, 2016, arXiv:1602.02068, equation 24
    """
    gap = predictions - predictions.max(axis=1, keepdims=True)
    falling = -np.sort(-gap, axis=1)
    total = np.cumsum(falling, axis=1)
    rank = np.arange(1, gap.shape[1] + 1, dtype=gap.dtype).reshape((1, -1) + (1,) * (gap.ndim - 2))
    size = (1.0 + rank * falling > total).sum(axis=1, keepdims=True)
    threshold = (np.take_along_axis(total, size - 1, 1) - 1.0) / size.astype(gap.dtype)
    sparse = np.maximum(gap - threshold, 0.0)
    slope = sparse.copy()
    np.put_along_axis(slope, labels[:, None], 0.0, 1)
    np.put_along_axis(slope, labels[:, None], -slope.sum(axis=1, keepdims=True), 1)
    lacking = np.maximum(threshold - np.take_along_axis(gap, labels[:, None], 1), 0.0)[:, 0]
    values = 0.5 * (slope * slope).sum(axis=1) + lacking

    def curvature(cotangent: Array) -> Array:
        inside = (sparse > 0) * (1.0 - 1.0 / size.astype(gap.dtype))
        return inside * spread(cotangent, sparse)

    return Evaluation(
        per_sample_sum(values),
        per_sample_size(values),
        {"predictions": lambda c: slope * spread(c, slope)},
        lambda: values,
        {"predictions": curvature},
    )
