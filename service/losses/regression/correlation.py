"""Agreement of predictions and labels over many elements: correlations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import VECTORS, Real, RealLabel
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, in_float64, nothing
from service.losses.numerics import Array
from service.losses.numerics.vectors import Cosines, Directions, exponents, scaled
from service.losses.registry import loss

Along = Annotated[
    Literal["samples", "elements"],
    annotated_types.doc(
        "axis of the correlation. samples: the batch, with one correlation for each entry of the further axes, as in torchmetrics and scikit-learn;"
        " elements: all further axes, with one correlation for each sample."
    ),
]
EXAMPLE = {"predictions": [0.5, 0.2, 1.3, 0.9], "labels": [1.0, 0.0, 1.6, 0.4]}


class Rows:
    """Predictions and labels as rows to correlate (k, m)."""

    def __init__(self, predictions: Array, labels: Array, along: str) -> None:
        if along == "elements" and predictions.ndim < 2:
            raise InvalidTensor("predictions", f"wrong rank; expected further axes for along elements, got shape {predictions.shape}")
        self.shape, self.along = predictions.shape, along
        self.predictions, self.labels = self.rows(predictions), self.rows(labels)

    def rows(self, x: Array) -> Array:
        """Return the rows of a tensor."""
        flat = x.reshape(len(x), -1)
        return flat.T if self.along == "samples" else flat

    def varying(self, name: str, x: Array) -> None:
        """Raise InvalidTensor for a row of equal numbers, which has no correlation."""
        level = (x == x[:, :1]).all(axis=1)
        if level.any():
            row = int(np.argmax(level))
            where = [0, *map(int, np.unravel_index(row, self.shape[1:]))] if self.along == "samples" else [row]
            raise InvalidTensor(name, "constant; expected at least two different numbers", tuple(where))

    def shaped(self, slope: Callable[[Array], Array]) -> Callable[[Array], Array]:
        """Return the function that gives derivatives by rows, with those of samples in the shape of the tensor."""
        return lambda c: slope(c).reshape(self.shape)

    def evaluation(self, values: Array, slopes: dict[str, Callable[[Array], Array]]) -> Evaluation:
        """Build the Evaluation from the values (k,) of rows, and functions from a cotangent (k,) to the derivative by the rows."""
        if self.along == "elements":
            return Evaluation(values, np.ones(len(values)), {name: self.shaped(slope) for name, slope in slopes.items()})

        def pulled(slope: Callable[[Array], Array]) -> Callable[[Array], Array]:
            return lambda c: slope(np.full(len(values), float(c[0]))).T.reshape(self.shape)

        return Evaluation(values.sum(keepdims=True), np.full(1, float(len(values))), {name: pulled(slope) for name, slope in slopes.items()})


def deviations(x: Array, exponent: Array) -> Array:
    """Return the rows over 2^exponent, minus their means."""
    x = np.ldexp(x, -exponent[:, None])
    x = x - x[:, :1]  # exact for numbers near each other
    return x - x.mean(axis=1, keepdims=True)


@loss(example=EXAMPLE, merges=False, bound=VECTORS)
@in_float64
def pearson_correlation(predictions: Real, labels: RealLabel, *, along: Along = "samples") -> Evaluation:
    r"""One minus Pearson's correlation coefficient: 0 for a perfect linear relation with a positive slope, 2 for a negative one.

    Equal predictions or equal labels have no correlation and are rejected. With along samples, the whole batch is one sample, so per_sample has one number.

    Use: Regression up to scale and shift: physiological signals (rPPG), affect, quality scores, gene expression, forecasts of returns.
    Search: correlation, negative_pearson
    Formula: L = 1 - \frac{\sum_i (x_i - \bar x)(t_i - \bar t)}{\sqrt{\sum_i (x_i - \bar x)^2} \sqrt{\sum_i (t_i - \bar t)^2}}
    Where: x `predictions`; t `labels`
    Divisor: the number of correlations
    Synonyms: PearsonCorrCoef, pearson_corrcoef, pearson, pearsonr, NegPearson, correlation_loss, plcc
    Reference: Pearson, Notes on Regression and Inheritance in the Case of Two Parents, 1895; Yu, Li and Zhao, Remote Photoplethysmograph Signal Measurement, 2019, arXiv:1905.02419
    """
    if not predictions.size:
        return nothing(predictions=predictions, labels=labels)
    rows = Rows(predictions, labels, along)
    sides = {"predictions": rows.predictions, "labels": rows.labels}
    powers = {name: exponents(x) for name, x in sides.items()}
    centered = {}
    for name, x in sides.items():
        rows.varying(name, x)
        apart = deviations(x, powers[name])
        centered[name] = Directions.of(np.sign(apart) if apart.shape[1] == 2 else apart)  # two numbers correlate exactly
    cosines = Cosines(centered["predictions"], centered["labels"])

    def slope(at: int, name: str) -> Callable[[Array], Array]:
        return lambda c: scaled(cosines.derivative(at, -c), -powers[name][:, None])

    return rows.evaluation(cosines.one_minus, {name: slope(at, name) for at, name in enumerate(sides)})


@loss(example=EXAMPLE, merges=False, bound=VECTORS)
@in_float64
def concordance_correlation(
    predictions: Real,
    labels: RealLabel,
    *,
    along: Along = "samples",
    correction: Annotated[int, annotated_types.Ge(0), annotated_types.Le(1)] = 0,
) -> Evaluation:
    r"""One minus the concordance correlation coefficient, which falls with differences of mean and scale too.

    With correction 0 it is the mean squared error over the largest that the two variances and means allow. For labels (3, -0.5, 2, 7) and predictions (2.5, 0, 2, 8)
    it is 0.023211, and with correction 1, as in torchmetrics, 0.022265. Predictions and labels that are all equal to one number are rejected. With
    along samples, the whole batch is one sample, so per_sample has one number.

    Use: Regression of ratings, such as arousal and valence in affective computing, judged by agreement.
    Search: agreement
    Formula: L = 1 - \frac{2 s_{xt}}{s_x^2 + s_t^2 + (\bar x - \bar t)^2} = \frac{s_{x - t}^2 + (\bar x - \bar t)^2}{s_x^2 + s_t^2 + (\bar x - \bar t)^2}
    Where: x `predictions`; t `labels`; s the standard deviations and covariance
    correction: of the divisor m - correction of variances, as in torch.var; 0 in Lin's definition, 1 in torchmetrics.
    Divisor: the number of correlations
    Synonyms: CCC, ConcordanceCorrCoef, concordance_corrcoef, lins_ccc, CCCLoss, ccc_loss
    Reference: Lin, A Concordance Correlation Coefficient to Evaluate Reproducibility, 1989, Biometrics 45
    """
    if not predictions.size:
        return nothing(predictions=predictions, labels=labels)
    rows = Rows(predictions, labels, along)
    x, t = rows.predictions, rows.labels
    rows.varying("predictions", np.concatenate([x, t], axis=1))
    exponent = np.maximum(exponents(x), exponents(t))
    size = x.shape[1]
    if size <= correction:
        raise InvalidTensor("predictions", f"too few numbers; expected more than correction {correction}, got {size}")
    spread_x, spread_t = deviations(x, exponent), deviations(t, exponent)
    error = np.ldexp(x, -exponent[:, None]) - np.ldexp(t, -exponent[:, None])
    shift = error.mean(axis=1, keepdims=True)
    spread_error = deviations(error, np.zeros_like(exponent))
    share, degrees = shift / size, float(size - correction)

    def variance(deviation: Array) -> Array:
        return np.vecdot(deviation, deviation)[:, None] / degrees

    total = variance(spread_x) + variance(spread_t) + shift * shift
    part = (variance(spread_error) + shift * shift) / total

    agreement = 2.0 * np.vecdot(spread_x, spread_t)[:, None] / degrees / total

    def slope(sign: float, own: Array, other: Array) -> Callable[[Array], Array]:
        by_own = own / degrees + sign * share  # half the slope of the total
        by_error = sign * (spread_error / degrees + share) - part * by_own
        rate = np.where(part < 0.5, by_error, agreement * by_own - other / degrees)  # neither cancels there
        return lambda c: scaled(2.0 * c[:, None] * rate / total, -exponent[:, None])

    return rows.evaluation(part[:, 0], {"predictions": slope(1.0, spread_x, spread_t), "labels": slope(-1.0, spread_t, spread_x)})
