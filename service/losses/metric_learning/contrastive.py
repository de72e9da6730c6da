"""Embeddings in batches: every row against the others, or against a second view.

A sample's loss depends on the other rows, so that answers over parts of a batch do not merge. Similarities are cosines unless a loss
says otherwise; a zero vector has cosine 0. Time and memory are of the order of n^2.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Bound, Domain, NonNegative, Positive, TensorSpec, Vector
from service.losses.evaluation import Evaluation, Pullback, nothing
from service.losses.metric_learning._shared import BATCH, Identity, by_row, lowered, of_embeddings, pairs_of
from service.losses.numerics import Array
from service.losses.numerics.double_double import Twofold, scaled, two_product, two_sum, widened
from service.losses.numerics.elementary import per_sample_sum, sigmoid, softplus, spread, times
from service.losses.numerics.softmax import Softmax, softmax_pull
from service.losses.numerics.vectors import Cosines, Distances, exponents, products
from service.losses.registry import loss

Scale = Annotated[Array, TensorSpec("1", domain=Domain(low=0, low_open=True), gradient="default", description="factor of the cosines")]
Bias = Annotated[Array, TensorSpec("1", gradient="default", description="added to the scaled cosines")]
VIEWS = {"image": [[1.0, 0.0], [0.0, 1.0]], "text": [[0.8, 0.6], [-0.6, 0.8]]}
TWO = {"input1": [[1.0, 0.0], [0.0, 1.0]], "input2": [[0.8, 0.6], [-0.6, 0.8]]}


# ------------------------------------------------------------------ softmax over pairs


@loss(example=BATCH, merges=False, pairs="n n")
def ntxent(embeddings: Vector, labels: Identity, *, temperature: Positive = 0.07) -> Evaluation:
    r"""For each pair of one class the cross entropy of finding the positive among the negatives, by cosine.

    The denominator holds this positive and all negatives; other positives are left out (optax, pytorch-metric-learning). With two views of each sample,
    labelled by the sample, it is SimCLR's loss.

    Formula: \ell_i = -\sum_{p \in P_i} \log \frac{e^{s_{ip} / T}}{e^{s_{ip} / T} + \sum_{y_k \ne y_i} e^{s_{ik} / T}}
    temperature: divides the cosines; optax and pytorch-metric-learning take 0.07, MONAI and lightly 0.5.
    Divisor: the number of ordered pairs of one class
    Synonyms: NTXentLoss, nt_xent, InfoNCE, info_nce, SimCLR, ntxent_loss
    Reference: Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, 2020, arXiv:2002.05709, equation 1
    """
    if not len(labels):
        return nothing(embeddings=embeddings)
    positive, other = pairs_of(labels)
    cosines = Cosines(embeddings)
    high, low = cosines.values
    logits, highest = lowered(cosines.values, other, 1.0 / temperature)
    e = np.exp(logits)
    total = e.sum(axis=1, keepdims=True)
    rows, columns = np.nonzero(positive)
    behind = (highest[0][rows, 0] - high[rows, columns]) + (highest[1][rows, 0] - low[rows, columns])
    gap = behind / high.dtype.type(temperature) + np.log(total[rows, 0])

    def slope(c: Array) -> Array:
        pull = c[rows] * sigmoid(gap) / high.dtype.type(temperature)
        out = np.divide(e, total, out=np.zeros_like(e), where=total != 0) * by_row(rows, pull, len(c))[:, None].astype(e.dtype)
        out[rows, columns] = -pull
        return out

    return of_embeddings(by_row(rows, softplus(gap), len(labels)), positive.sum(axis=1), cosines, slope)


@loss(example=BATCH, merges=False, pairs="n n")
def supcon(embeddings: Vector, labels: Identity, *, temperature: Positive = 0.1) -> Evaluation:
    r"""The mean, over an anchor's positives, of the cross entropy of finding them among all other samples, by cosine.

    The mean is outside the logarithm (the paper's L_out); all other samples are in the denominator, positives too. The paper's code multiplies by T / 0.07.

    Formula: \ell_i = -\frac{1}{|P_i|} \sum_{p \in P_i} \log \frac{e^{s_{ip} / T}}{\sum_{k \ne i} e^{s_{ik} / T}}
    temperature: divides the cosines; 0.1 in pytorch-metric-learning, 0.07 in the paper's code.
    Divisor: the number of anchors with a positive
    Synonyms: SupConLoss, supervised_contrastive
    Reference: Khosla et al., Supervised Contrastive Learning, 2020, arXiv:2004.11362, equation 2
    """
    if not len(labels):
        return nothing(embeddings=embeddings)
    positive, _ = pairs_of(labels)
    count = positive.sum(axis=1, keepdims=True)
    cosines = Cosines(embeddings)
    keep = ~np.eye(len(labels), dtype=bool) | (count == 0)  # a row that does not count keeps something finite
    softmax = Softmax(lowered(cosines.values, keep, 1.0 / temperature)[0])
    targets = (positive / np.maximum(count, 1)).astype(embeddings.dtype)
    values = times(targets, softmax.negative_log()).sum(axis=1)
    return of_embeddings(values, count[:, 0] > 0, cosines, lambda c: softmax_pull(softmax, targets, c) / embeddings.dtype.type(temperature))


class Matching:
    """Cross entropies of finding row i's partner, column i, among all columns: values (n,) and the derivative by the logits."""

    def __init__(self, values: Twofold, factor: float) -> None:
        self.behind = lowered(values, np.ones(values[0].shape, bool), 1.0)[0]
        self.softmax = Softmax(self.behind * factor)
        self.values = self.softmax.negative_log_at(np.arange(len(values[0])))

    def slope(self) -> Array:
        out = self.softmax.probabilities()
        np.fill_diagonal(out, -self.softmax.complement_at(np.arange(len(out))))
        return out

    def by_factor(self) -> Array:
        """D value / d factor, (n,)."""
        return (self.softmax.probabilities() * (self.behind - self.behind.diagonal()[:, None])).sum(axis=1)


@loss(example=VIEWS, merges=False, pairs="n n")
def clip(image: Vector, text: Vector, *, logit_scale: Scale | None = None) -> Evaluation:
    r"""Symmetric cross entropy of finding the text of each image and the image of each text, by cosine.

    logit_scale: factor of the cosines, 1 / 0.07 without it; the exponential of CLIP's learnt parameter (which CLIP holds at 100 at most).
    Formula: \ell_i = \frac{1}{2} \left( -\log \frac{e^{t s_{ii}}}{\sum_j e^{t s_{ij}}} - \log \frac{e^{t s_{ii}}}{\sum_j e^{t s_{ji}}} \right)
    Divisor: the number of pairs
    Synonyms: ClipLoss, clip_loss, symmetric_info_nce
    Reference: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021, arXiv:2103.00020, figure 3
    """
    scale = 1.0 / 0.07 if logit_scale is None else logit_scale[0]
    given = {} if logit_scale is None else {"logit_scale": logit_scale}
    if not len(image):
        return nothing(image=image, text=text, **given)
    cosines = Cosines(image, text)
    high, low = cosines.values
    by_image, by_text = Matching(cosines.values, scale), Matching((high.T, low.T), scale)

    unit, exponent = np.frexp(scale)  # the scale may be as small as the vectors, whose norms the gradient is divided by

    def slope(cotangent: Array) -> Array:
        half = (0.5 * unit * cotangent.astype(high.dtype))[:, None]
        return half * by_image.slope() + (half * by_text.slope()).T

    def by_scale(cotangent: Array) -> Array:
        return (0.5 * cotangent * (by_image.by_factor() + by_text.by_factor())).sum(keepdims=True).astype(high.dtype)

    gradients: dict[str, Pullback] = {
        "image": lambda c: cosines.by_a(slope(c), exponent=int(exponent)),
        "text": lambda c: cosines.by_b(slope(c), exponent=int(exponent)),
    }
    values = (0.5 * (by_image.values + by_text.values)).astype(np.float64)
    return Evaluation(values, np.ones(len(values)), gradients | ({} if logit_scale is None else {"logit_scale": by_scale}))


@loss(
    example=VIEWS,
    merges=False,
    pairs="n n",
    bound=Bound(1e-14, 1e-12, "the gradients of scale and bias are sums of n^2 terms of both signs"),
)
def siglip(image: Vector, text: Vector, *, logit_scale: Scale | None = None, logit_bias: Bias | None = None) -> Evaluation:
    r"""Binary cross entropy of every image with every text: a pair belongs together or not, by cosine.

    logit_scale: factor of the cosines, 10 without it; the exponential of the learnt parameter.
    logit_bias: added to the scaled cosines, -10 without it.
    Formula: \ell_i = \sum_j \mathrm{softplus}(-z_{ij} (t s_{ij} + b)), \quad z_{ij} = 1 \text{ where } i = j, \text{ else } -1
    Divisor: the number of images (not of pairs), as in the paper
    Synonyms: SigLipLoss, sigmoid_contrastive, siglip_loss
    Reference: Zhai et al., Sigmoid Loss for Language Image Pre-Training, 2023, arXiv:2303.15343, algorithm 1
    """
    scale = image.dtype.type(10.0) if logit_scale is None else logit_scale[0]
    bias = image.dtype.type(-10.0) if logit_bias is None else logit_bias[0]
    given = {name: x for name, x in (("logit_scale", logit_scale), ("logit_bias", logit_bias)) if x is not None}
    if not len(image):
        return nothing(image=image, text=text, **given)
    cosines = Cosines(image, text)
    high, low = cosines.values
    product, error = two_product(high, np.full_like(high, scale))
    logits, rounding = two_sum(product, np.full_like(high, bias))
    sign = np.full_like(high, -1.0)
    np.fill_diagonal(sign, 1.0)
    against = -sign * (logits + (rounding + (error + scale * low)))

    def slope(cotangent: Array) -> Array:
        return -sign * sigmoid(against) * spread(cotangent, against)

    gradients: dict[str, Pullback] = {
        "image": lambda c: cosines.by_a(scale * slope(c)),
        "text": lambda c: cosines.by_b(scale * slope(c)),
        "logit_scale": lambda c: (slope(c) * high).sum(dtype=np.float64).astype(high.dtype)[None],
        "logit_bias": lambda c: slope(c).sum(dtype=np.float64).astype(high.dtype)[None],
    }
    kept = {name: pullback for name, pullback in gradients.items() if name in ("image", "text") or name in given}
    return Evaluation(per_sample_sum(softplus(against)), np.ones(len(high)), kept)


@loss(example={"anchor": [[1.0, 0.0], [0.0, 2.0]], "positive": [[0.8, 0.6], [-0.6, 0.8]], "labels": [0, 1]}, merges=False, pairs="n n")
def npairs(anchor: Vector, positive: Vector, labels: Identity, *, regularization: NonNegative = 0.0) -> Evaluation:
    r"""Cross entropy of finding the positives of each anchor's class among all positives, by inner product.

    Vectors are taken as they are; pytorch-metric-learning normalises them first. A class that has several positives shares the target evenly among them.

    Formula: \ell_i = -\frac{1}{|P_i|} \sum_{y_p = y_i} \log \frac{e^{a_i \cdot p_p}}{\sum_j e^{a_i \cdot p_j}} + \frac{\lambda}{4} \left( |a_i|^2 + |p_i|^2 \right)
    regularization: weight of the squared norms (with the factor 1/4 of TensorFlow's npairs_loss, whose default is 0.002); 0 in TFA and pytorch-metric-learning.
    Divisor: the number of anchors
    Synonyms: NPairsLoss, npairs_loss, n_pair, multiclass_npair
    Reference: Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016, equation 7
    """
    if not len(labels):
        return nothing(anchor=anchor, positive=positive)
    same = labels[:, None] == labels[None, :]
    targets = (same / same.sum(axis=1, keepdims=True)).astype(anchor.dtype)
    softmax = Softmax(_inner_products(anchor, positive))
    quarter = anchor.dtype.type(0.25 * regularization)
    values: Array = per_sample_sum(times(targets, softmax.negative_log()))
    if regularization:
        values = values + 0.25 * regularization * (per_sample_sum(anchor * anchor) + per_sample_sum(positive * positive))

    def by_anchor(c: Array) -> Array:
        slope = softmax_pull(softmax, targets, c)
        return slope @ (positive - positive[:1]) + spread(c, anchor) * (2 * quarter * anchor)

    def by_positive(c: Array) -> Array:
        return softmax_pull(softmax, targets, c).T @ anchor + spread(c, anchor) * (2 * quarter * positive)

    return Evaluation(values, np.ones(len(labels)), {"anchor": by_anchor, "positive": by_positive})


def _inner_products(a: Array, b: Array) -> Array:
    """a_i . b_j minus the largest of the row; differences are taken before the scale of rows comes back."""
    of_a, of_b = exponents(a), exponents(b)
    scaled_rows = [widened(np.ldexp(x, -e[:, None])) for x, e in ((a, of_a), (b, of_b))]
    largest = of_b.max()
    values = scaled(products(*scaled_rows), (of_b - largest)[None, :])
    logits, _ = lowered(values, np.ones(values[0].shape, bool), 1.0)
    return np.ldexp(logits, of_a[:, None] + largest)


@loss(example=TWO, merges=False, pairs="4 n n")
def decoupled_contrastive(input1: Vector, input2: Vector, *, temperature: Positive = 0.1) -> Evaluation:
    r"""NT-Xent of two views without the positive in the denominator, by cosine.

    It may be negative. A single pair has no negatives: its loss is -s / T.

    Formula: \ell_i = \frac{1}{2} \sum_{v} \left( -\frac{s(z_i^1, z_i^2)}{T} + \log \sum_{j \ne i} \left( e^{s(z_i^v, z_j^1) / T} + e^{s(z_i^v, z_j^2) / T} \right) \right)
    temperature: divides the cosines.
    Divisor: the number of pairs; both directions of a pair are averaged
    Synonyms: DCLLoss, DCL, dcl_loss
    Reference: Yeh et al., Decoupled Contrastive Learning, 2022, arXiv:2110.06848, equation 6
    """
    n = len(input1)
    if not n:
        return nothing(input1=input1, input2=input2)
    cosines = Cosines(np.concatenate((input1, input2)))
    high, low = cosines.values
    partner = np.roll(np.arange(2 * n), n)
    other = (np.arange(2 * n)[:, None] - np.arange(2 * n)[None, :]) % n != 0
    logits, highest = lowered(cosines.values, other, 1.0 / temperature)
    e = np.exp(logits)
    rows = np.arange(2 * n)
    rest = e.copy()
    rest[rows, e.argmax(axis=1)] = 0.0  # the highest, which is 1: its logarithm is 0
    total = e.sum(axis=1)
    ahead = (highest[0][:, 0] - high[rows, partner]) + (highest[1][:, 0] - low[rows, partner])
    alone = -(high[rows, partner] + low[rows, partner])
    unit = high.dtype.type(1.0 / temperature)
    values = (unit * ahead + np.log1p(rest.sum(axis=1)) if n > 1 else unit * alone).astype(np.float64)

    def both(cotangent: Array) -> Array:
        c = 0.5 * unit * np.tile(cotangent.astype(high.dtype), 2)[:, None]
        slope = c * e / total[:, None] if n > 1 else np.zeros_like(e)
        slope[rows, partner] -= c[:, 0]
        return cosines.by_both(slope)

    numerator = 0.5 * (values[:n] + values[n:])
    return Evaluation(numerator, np.ones(n), {"input1": lambda c: both(c)[:n], "input2": lambda c: both(c)[n:]})


@loss(example=BATCH, merges=False, pairs="n n")
def nca(embeddings: Vector, labels: Identity, *, softmax_scale: Positive = 1.0) -> Evaluation:
    r"""Minus the log-probability that a sample's random neighbour, drawn by squared distance, is of its class.

    Vectors are taken as they are; pytorch-metric-learning normalises them first.

    Formula: \ell_i = -\log \frac{\sum_{p \in P_i} e^{-t d_{ip}^2}}{\sum_{k \ne i} e^{-t d_{ik}^2}}
    softmax_scale: t, multiplies the squared distances.
    Divisor: the number of samples that have another one of their class
    Synonyms: NCALoss, neighbourhood_components_analysis, neighborhood_components_analysis
    Reference: Goldberger et al., Neighbourhood Components Analysis, 2004, equation 6 (KL form)
    """
    if not len(labels):
        return nothing(embeddings=embeddings)
    positive, other = pairs_of(labels)
    counts = np.asarray(positive.any(axis=1))
    distances = Distances(embeddings, "squared_euclidean")
    largest = np.finfo(embeddings.dtype).max
    nearest = np.where(positive, np.minimum(distances.values, largest), np.inf).argmin(axis=1)
    values = widened(np.clip(-distances.squares_beyond(nearest), -largest, largest))
    unit = embeddings.dtype.type(softmax_scale)
    parts = [lowered(values, mask, unit) for mask in (other, positive)]
    exponentials = [np.exp(logits) for logits, _ in parts]
    totals = [e.sum(axis=1, keepdims=True) for e in exponentials]
    ahead = (parts[0][1][0] - parts[1][1][0])[:, 0]
    gap = unit * np.where(ahead < largest, ahead, np.inf) + np.log(totals[0][:, 0]) - np.log(totals[1][:, 0])
    numerator = np.where(counts, softplus(np.where(counts, gap, 0.0)), 0.0).astype(np.float64)

    def pullback(c: Array) -> Array:
        factor = np.where(counts, c.astype(gap.dtype) * sigmoid(gap), 0.0)[:, None] * unit
        near, far = (np.divide(e, total, out=np.zeros_like(e), where=total != 0) for e, total in zip(exponentials, totals, strict=True))
        return distances.pull(factor * (far - near))

    return Evaluation(numerator, counts.astype(np.float64), {"embeddings": pullback})
