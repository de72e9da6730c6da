"""Losses of raw scores: functions of the margin, label times score with labels -1 and 1.

The margin m = label * score is elementwise. The derivative at a kink is that of the side where the loss is 0
or flat (torch's choice for relu), unless the docstring says otherwise.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.classification._shared import Margins, ZeroOrOne, of_margin, signed
from service.losses.declaration import ELEMENTWISE, Domain, Positive, TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import decay, log1pexp_small, sigmoid
from service.losses.registry import loss

Signs = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(-1, 1)), description="true classes as signs, -1 or 1")]
EXAMPLE = {"predictions": [0.8, -1.2, 2.0], "labels": [1, -1, -1]}


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def hinge(predictions: Margins, labels: Signs) -> Evaluation:
    r"""Hinge loss: linear below the margin 1, zero above. The slope at the kink is 0.

    keras converts labels 0 and 1 to -1 and 1; here a label 0 is an error.

    Use: Binary classification with a maximum margin, as in a linear support vector machine (SVM).
    Formula: \ell = \max(0, 1 - t x)
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: Hinge, hinge_loss, svm
    Ambiguous: binary_hinge of labels 1 and -1, with its own gradient
    Equivalents: keras.losses.Hinge, keras.losses.hinge, optax.losses.hinge_loss, sklearn.metrics.hinge_loss
    Reference: Cortes and Vapnik, Support-Vector Networks, 1995, Machine Learning 20
    """
    s, m = signed(predictions, labels)
    return of_margin(predictions, s, np.maximum(1.0 - m, 0.0), lambda: -(m < 1.0).astype(m.dtype), lambda: np.zeros_like(m))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def squared_hinge(predictions: Margins, labels: Signs) -> Evaluation:
    r"""Square of the hinge loss.

    Use: Binary classification with a maximum margin, as in a support vector machine (SVM); differentiable.
    Formula: \ell = \max(0, 1 - t x)^2
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: SquaredHinge, squared_hinge_loss, L2-SVM
    Equivalents: keras.losses.SquaredHinge, keras.losses.squared_hinge
    Reference: Chang, Hsieh and Lin, Coordinate Descent Method for Large-scale L2-loss Linear SVM, 2008, JMLR 9
    """
    s, m = signed(predictions, labels)
    short = np.maximum(1.0 - m, 0.0)
    return of_margin(predictions, s, short * short, lambda: -2.0 * short, lambda: 2.0 * (m < 1.0).astype(m.dtype))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def perceptron(predictions: Margins, labels: Signs) -> Evaluation:
    r"""Perceptron loss: linear for scores of the wrong sign, zero otherwise. The slope at 0 is 0.

    Use: Binary classification by a linear model, where a correct sign is enough.
    Formula: \ell = \max(0, -t x)
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: perceptron_loss
    Equivalents: optax.losses.perceptron_loss
    Reference: Rosenblatt, The Perceptron, 1958, Psychological Review 65
    """
    s, m = signed(predictions, labels)
    return of_margin(predictions, s, np.maximum(-m, 0.0), lambda: -(m < 0.0).astype(m.dtype), lambda: np.zeros_like(m))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def soft_margin(predictions: Margins, labels: Signs) -> Evaluation:
    r"""Logistic loss of raw scores with labels -1 and 1.

    The value is exact where torch overflows to infinity (for margins below -709) and its gradient to NaN.

    Use: Binary classification, logistic regression with labels -1 and 1.
    Formula: \ell = \log(1 + e^{-t x})
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: SoftMarginLoss, soft_margin_loss, logistic_loss
    Equivalents: torch.nn.SoftMarginLoss, torch.nn.functional.soft_margin_loss
    Reference: Friedman, Hastie and Tibshirani, Additive Logistic Regression, 2000, Annals of Statistics 28
    """
    s, m = signed(predictions, labels)
    e = decay(m)
    return of_margin(predictions, s, log1pexp_small(m, e) - np.minimum(m, 0.0), lambda: -sigmoid(-m, e), lambda: sigmoid(m, e) * sigmoid(-m, e))


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1, 0, 0], "gamma": 2.0}, hessian_diagonal=True)
def sigmoid_focal_star(predictions: Margins, labels: ZeroOrOne, *, gamma: Positive = 1.0) -> Evaluation:
    r"""Focal loss without the focusing factor (FL*): a logistic loss with a steeper sigmoid.

    fvcore's parameter alpha is sample_weight here.

    Use: Object detection with imbalanced classes, as a simpler form of the focal loss.
    Formula: \ell = \frac{1}{\gamma} \log(1 + e^{-\gamma s x}), \quad s = 2 z - 1
    Where: x `predictions`, raw scores; z `labels`
    gamma: steepness; 1 gives the logistic loss.
    Synonyms: sigmoid_focal_loss_star, focal_star
    Reference: Lin et al., Focal Loss for Dense Object Detection, 2017, arXiv:1708.02002, appendix A
    """
    s, m = signed(predictions, 2 * labels - 1)
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
    r"""Modified Huber loss: the squared hinge loss, continued linearly for margins below -1.

    Use: Binary classification with outliers, by scores that can be read as probabilities.
    Formula: \ell = \max(0, 1 - m)^2 \text{ where } m \ge -1, \text{ else } -4 m, \quad m = t x
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: modified_huber_loss
    Reference: Zhang, Solving Large Scale Linear Prediction Problems Using SGD, 2004, ICML
    """
    s, m = signed(predictions, labels)
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
    r"""Smoothed hinge loss, with the kink rounded over a given width; the default is Rennie's.

    Use: Binary classification with a maximum margin by optimizers that need a smooth loss.
    Formula: \ell = 0 \text{ where } m \ge 1, \; 1 - m - \frac{\gamma}{2} \text{ where } m \le 1 - \gamma, \text{ else } \frac{(1 - m)^2}{2 \gamma}, \quad m = t x
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    gamma: width of the rounding; toward 0 the loss tends to hinge.
    Synonyms: smooth_hinge_loss, smoothed_hinge
    Reference: Rennie and Srebro, Loss Functions for Preference Levels, 2005, IJCAI workshop; Shalev-Shwartz and Zhang, Stochastic Dual Coordinate Ascent, 2013, arXiv:1209.1873
    """
    s, m = signed(predictions, labels)
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
    r"""Exponential loss of AdaBoost: the exponential of minus the margin.

    In scikit-learn's boosting the score is half the log-odds; the formula is the same.

    Use: Boosting of binary classifiers, as in AdaBoost.
    Formula: \ell = e^{-t x}
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: ExponentialLoss, exponential_loss, adaboost
    Reference: Freund and Schapire, A Decision-Theoretic Generalization of On-Line Learning, 1997, JCSS 55
    """
    s, m = signed(predictions, labels)
    values = np.exp(-m)
    return of_margin(predictions, s, values, lambda: -values, lambda: values)


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def unhinged(predictions: Margins, labels: Signs) -> Evaluation:
    r"""Unhinged loss: one minus the margin, unbounded below, and robust to symmetric label noise.

    Use: Binary classification with noisy labels.
    Formula: \ell = 1 - t x
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: unhinged_loss, linear_margin
    Reference: van Rooyen, Menon and Williamson, Learning with Symmetric Label Noise, 2015, arXiv:1505.07634
    """
    s, m = signed(predictions, labels)
    return of_margin(predictions, s, 1.0 - m, lambda: -np.ones_like(m), lambda: np.zeros_like(m))


@loss(example=EXAMPLE, hessian_diagonal=True, bound=ELEMENTWISE)
def ramp(predictions: Margins, labels: Signs, *, cap: Positive = 1.0) -> Evaluation:
    r"""Ramp loss: the hinge loss clipped at an upper bound. The slope at both kinks is 0.

    Use: Binary classification with a maximum margin and outliers or noisy labels.
    Formula: \ell = \min(c, \max(0, 1 - t x))
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    cap: c, upper bound of the loss; Collobert's s is 1 - c.
    Synonyms: ramp_loss, truncated_hinge, robust_hinge
    Reference: Collobert et al., Trading Convexity for Scalability, 2006, ICML
    """
    s, m = signed(predictions, labels)
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
    r"""Savage loss: the squared probability of the wrong class, bounded, so that outliers have little influence.

    Use: Binary classification with outliers or noisy labels.
    Formula: \ell = \left( \frac{1}{1 + e^{2 t x}} \right)^2
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: savage_loss
    Reference: Masnadi-Shirazi and Vasconcelos, On the Design of Loss Functions for Classification, 2008, NeurIPS
    """
    s, m = signed(predictions, labels)
    wrong = sigmoid(-2.0 * m)
    square = wrong * wrong

    def curvature() -> Array:
        right = sigmoid(2.0 * m)
        return (8.0 * square * right) * (2.0 * right - wrong)

    return of_margin(predictions, s, square, lambda: -4.0 * square * sigmoid(2.0 * m), curvature)


@loss(example=EXAMPLE, hessian_diagonal=True)
def tangent(predictions: Margins, labels: Signs) -> Evaluation:
    r"""Tangent loss: bounded, and it penalizes margins that are too large as well.

    Use: Binary classification with outliers or noisy labels, as in boosting for vision.
    Formula: \ell = \left( 2 \arctan(t x) - 1 \right)^2
    Where: x `predictions`, raw scores; t `labels`, -1 or 1
    Synonyms: tangent_loss
    Reference: Masnadi-Shirazi, Mahadevan and Vasconcelos, On the Design of Robust Classifiers for Computer Vision, 2010, CVPR
    """
    s, m = signed(predictions, labels)
    root = 2.0 * np.arctan(m) - 1.0
    flat = 1.0 / (1.0 + m * m)
    return of_margin(predictions, s, root * root, lambda: (4.0 * root) * flat, lambda: (8.0 * flat) * (flat - (m * flat) * root))
