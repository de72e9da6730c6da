"""Contrastive losses of batches of embeddings: every row against the others, or against a second view.

A sample's loss depends on the other rows, so that results over shards of a batch do not merge. Similarities are cosines unless a docstring
states otherwise; a zero vector has cosine 0. Time and memory are of the order of n^2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from service.losses.declaration import VECTORS, Bound, Domain, NonNegative, Positive, TensorSpec, Vector, Work
from service.losses.evaluation import Evaluation, Pullback, in_float64, nothing
from service.losses.metric_learning._shared import BATCH, Identity, by_row, log_sum_exp, masked, of_cosines, pairs_of, partners
from service.losses.numerics import Array
from service.losses.numerics.elementary import decay, per_sample_sum, sigmoid, softplus, times
from service.losses.numerics.softmax import Softmax, softmax_pull
from service.losses.numerics.vectors import AllCosines, AllDistances, by_rows, moderate, row_blocks, scaled
from service.losses.registry import loss

Scale = Annotated[Array, TensorSpec("1", domain=Domain(low=0, low_open=True), gradient="default", description="factor of the cosines")]
Bias = Annotated[Array, TensorSpec("1", gradient="default", description="added to the scaled cosines")]
SCALED = Bound(1e-11, 1e-10, "the rounding of cosines is multiplied by logit_scale, which is tried up to 1e5", "vector", "tensor")
VIEWS = {"image": [[1.0, 0.0], [0.0, 1.0]], "text": [[0.8, 0.6], [-0.6, 0.8]]}
TWO = {"input1": [[1.0, 0.0], [0.0, 1.0]], "input2": [[0.8, 0.6], [-0.6, 0.8]]}


# ------------------------------------------------------------------ softmax over pairs


@loss(example=BATCH, merges=False, bound=VECTORS, work=Work("150 n n + 3 n n d", "16 n n"))
@in_float64
def ntxent(embeddings: Vector, labels: Identity, *, temperature: Positive = 0.07) -> Evaluation:
    r"""NT-Xent loss (SimCLR): cross entropy, for each pair of one class, of identifying the positive among the negatives by cosine similarity.

    The denominator has this positive and all negatives, without the other positives (optax, pytorch-metric-learning). With two views of each sample,
    labeled by the sample, it is SimCLR's loss.

    Use: Contrastive learning of image features from augmented views (SimCLR).
    Formula: \ell_i = -\sum_{p \in P_i} \log \frac{e^{s_{ip} / T}}{e^{s_{ip} / T} + \sum_{y_k \ne y_i} e^{s_{ik} / T}}
    temperature: divisor of the cosines; 0.07 in optax and pytorch-metric-learning, 0.5 in MONAI and lightly.
    Divisor: the number of ordered pairs of one class
    Synonyms: NTXentLoss, nt_xent, SimCLR, ntxent_loss
    Equivalents: optax.losses.ntxent(reduction="mean")
    Unlike: monai.losses.ContrastiveLoss its pairs are two tensors in place of labels, and its temperature is 0.5
    Reference: Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, 2020, arXiv:2002.05709, equation 1
    """
    if not len(labels):
        return nothing(embeddings=embeddings)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        positive, other = pairs_of(labels, rows)
        s = s / temperature
        largest, rest, slopes = log_sum_exp(masked(s, other))
        i, k = np.nonzero(positive)
        gap = (largest[i] - s[i, k]) + rest[i]
        rate = sigmoid(gap) / temperature
        slopes *= by_row(i, rate, len(s))[:, None]
        slopes[i, k] = -rate
        return by_row(i, softplus(gap), len(s)), slopes

    return of_cosines(embeddings, partners(labels)[0], row_loss)


@loss(example=BATCH, merges=False, bound=VECTORS, work=Work("150 n n + 3 n n d", "16 n n"))
@in_float64
def supcon(embeddings: Vector, labels: Identity, *, temperature: Positive = 0.1) -> Evaluation:
    r"""Supervised contrastive loss: mean cross entropy of identifying an anchor's positives among all other samples by cosine similarity.

    The mean is outside the logarithm (the paper's L_out). The denominator has all other samples, including positives. The paper's code multiplies by T / 0.07.

    Use: Contrastive learning of features with class labels.
    Formula: \ell_i = -\frac{1}{|P_i|} \sum_{p \in P_i} \log \frac{e^{s_{ip} / T}}{\sum_{k \ne i} e^{s_{ik} / T}}
    temperature: divisor of the cosines; 0.1 in pytorch-metric-learning, 0.07 in the paper's code.
    Divisor: the number of anchors with a positive
    Synonyms: SupConLoss, supervised_contrastive
    Reference: Khosla et al., Supervised Contrastive Learning, 2020, arXiv:2004.11362, equation 2
    """
    if not len(labels):
        return nothing(embeddings=embeddings)
    count = partners(labels)[0]

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        positive, _ = pairs_of(labels, rows)
        np.fill_diagonal(s[:, rows], -np.inf)
        if len(labels) == 1:
            return np.zeros(1), np.zeros((1, 1))
        softmax = Softmax(s / temperature)
        i, k = np.nonzero(positive)
        share = 1.0 / count[rows][i]
        mean = by_row(i, share * (softmax.largest[i, 0] - softmax.logits[i, k]), len(s))
        slopes = softmax.probabilities() / temperature
        others = np.where(k == softmax.top[i, 0], softmax.rest[i, 0], softmax.total[i, 0] - softmax.exponentials[i, k]) / softmax.total[i, 0]
        slopes[i, k] = (1.0 - share) * slopes[i, k] - share * others / temperature
        counts = count[rows] > 0
        return counts * (mean + np.log1p(softmax.rest[:, 0])), slopes * counts[:, None]

    return of_cosines(embeddings, count > 0, row_loss)


@loss(example=VIEWS, merges=False, bound=SCALED, work=Work("100 n n + 4 n n d", "24 n n + 16 n d"))
@in_float64
def clip(image: Vector, text: Vector, *, logit_scale: Scale | None = None) -> Evaluation:
    r"""CLIP loss: symmetric cross entropy of matching each image with its text and each text with its image, by cosine similarity.

    logit_scale: factor of the cosines, 1 / 0.07 without it; the exponential of CLIP's learned parameter (which CLIP holds at 100 at most).
    Use: Contrastive learning of images and texts.
    Formula: \ell_i = \frac{1}{2} \left( -\log \frac{e^{t s_{ii}}}{\sum_j e^{t s_{ij}}} - \log \frac{e^{t s_{ii}}}{\sum_j e^{t s_{ji}}} \right)
    Divisor: the number of pairs
    Synonyms: ClipLoss, clip_loss, symmetric_info_nce
    Reference: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021, arXiv:2103.00020, figure 3
    """
    scale = 1.0 / 0.07 if logit_scale is None else logit_scale[0]
    given = {} if logit_scale is None else {"logit_scale": logit_scale}
    n = len(image)
    if not n:
        return nothing(image=image, text=text, **given)
    by_factor = np.zeros(n)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        partner = np.arange(n)[rows]
        softmax = Softmax(scale * s)
        slopes = softmax.pull(partner, np.ones(len(s)))
        if given:
            by_factor[rows] += np.vecdot(slopes, s - s[np.arange(len(s)), partner][:, None])
        return softmax.negative_log_at(partner), slopes

    of_image = AllCosines(image, text)
    of_text = AllCosines(of_image.b, of_image.a)
    (by_image, to_text), (by_text, to_image) = of_image.by_rows(row_loss), of_text.by_rows(row_loss)
    unit, exponent = np.frexp(scale)  # the scale may be as small as the vectors' norms, which divide the gradient

    def by_images(c: Array) -> Array:
        return of_image.by_a(to_text, 0.5 * unit * c, exponent) + of_text.by_b(to_image, 0.5 * unit * c, exponent)

    def by_texts(c: Array) -> Array:
        return of_image.by_b(to_text, 0.5 * unit * c, exponent) + of_text.by_a(to_image, 0.5 * unit * c, exponent)

    gradients: dict[str, Pullback] = {"image": by_images, "text": by_texts, "logit_scale": lambda c: np.array([0.5 * c @ by_factor])}
    return Evaluation(0.5 * (by_image + by_text), np.ones(n), {name: gradients[name] for name in ("image", "text", *given)})


@loss(
    example=VIEWS,
    merges=False,
    bound=Bound(1e-14, 1e-12, "the gradients of scale and bias are sums of n^2 terms of both signs", "vector", "tensor"),
    work=Work("100 n n + 4 n n d", "16 n n"),
)
@in_float64
def siglip(image: Vector, text: Vector, *, logit_scale: Scale | None = None, logit_bias: Bias | None = None) -> Evaluation:
    r"""Sigmoid loss of SigLIP: binary cross entropy of whether an image and a text match, for all pairs, by cosine similarity.

    logit_scale: factor of the cosines, 10 without it; the exponential of the learned parameter.
    logit_bias: added to the scaled cosines, -10 without it.
    Use: Contrastive learning of images and texts, in large batches.
    Formula: \ell_i = \sum_j \mathrm{softplus}(-z_{ij} (t s_{ij} + b)), \quad z_{ij} = 1 \text{ where } i = j, \text{ else } -1
    Divisor: the number of images (not of pairs), as in the paper
    Synonyms: SigLipLoss, sigmoid_contrastive, siglip_loss
    Reference: Zhai et al., Sigmoid Loss for Language Image Pre-Training, 2023, arXiv:2303.15343, algorithm 1
    """
    scale = 10.0 if logit_scale is None else logit_scale[0]
    bias = -10.0 if logit_bias is None else logit_bias[0]
    given = {name: x for name, x in (("logit_scale", logit_scale), ("logit_bias", logit_bias)) if x is not None}
    n = len(image)
    if not n:
        return nothing(image=image, text=text, **given)
    by_scale, by_bias = np.empty(n), np.empty(n)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        own = np.arange(len(s)), np.arange(n)[rows]
        against = scale * s + bias
        against[own] *= -1.0
        e = decay(against)
        slopes = sigmoid(against, e)
        slopes[own] *= -1.0
        by_scale[rows], by_bias[rows] = np.vecdot(slopes, s), slopes.sum(axis=1)
        return softplus(against, e).sum(axis=1), slopes

    cosines = AllCosines(image, text)
    values, slopes = cosines.by_rows(row_loss)
    unit, exponent = np.frexp(scale)
    gradients: dict[str, Pullback] = {
        "image": lambda c: cosines.by_a(slopes, unit * c, exponent),
        "text": lambda c: cosines.by_b(slopes, unit * c, exponent),
        "logit_scale": lambda c: np.array([c @ by_scale]),
        "logit_bias": lambda c: np.array([c @ by_bias]),
    }
    return Evaluation(values, np.ones(n), {name: gradients[name] for name in ("image", "text", *given)})


@loss(
    example={"anchor": [[1.0, 0.0], [0.0, 2.0]], "positive": [[0.8, 0.6], [-0.6, 0.8]], "labels": [0, 1]},
    merges=False,
    bound=VECTORS,
    work=Work("150 n n + 3 n n d", "16 n n"),
)
@in_float64
def npairs(anchor: Vector, positive: Vector, labels: Identity, *, regularization: NonNegative = 0.0) -> Evaluation:
    r"""N-pairs loss: cross entropy of identifying the positives of each anchor's class among all positives by inner product.

    Vectors are not normalized here; pytorch-metric-learning normalizes them first. Several positives of a class share the target evenly.

    Use: Metric learning of embeddings for retrieval, with many negatives at once.
    Formula: \ell_i = -\frac{1}{|P_i|} \sum_{y_p = y_i} \log \frac{e^{a_i \cdot p_p}}{\sum_j e^{a_i \cdot p_j}} + \frac{\lambda}{4} \left( |a_i|^2 + |p_i|^2 \right)
    regularization: weight of the squared norms (with the factor 1/4 of TensorFlow's npairs_loss, whose default is 0.002); 0 in TFA and pytorch-metric-learning.
    Divisor: the number of anchors
    Synonyms: NPairsLoss, npairs_loss, n_pair, multiclass_npair
    Reference: Sohn, Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016, equation 7
    """
    n = len(labels)
    if not n:
        return nothing(anchor=anchor, positive=positive)

    def row_loss(logits: Array, rows: slice) -> tuple[Array, Array]:
        targets = labels[rows, None] == labels[None, :]
        targets = targets / targets.sum(axis=1, keepdims=True)
        softmax = Softmax(logits)
        return times(targets, softmax.negative_log()).sum(axis=1), softmax_pull(softmax, targets, np.ones(len(logits)))

    values, slopes = by_rows((n, n), _inner_products(anchor, positive), row_loss)
    if regularization:
        values += 0.25 * regularization * (per_sample_sum(anchor * anchor) + per_sample_sum(positive * positive))
    half = 0.5 * regularization
    return Evaluation(
        values,
        np.ones(n),
        {
            "anchor": lambda c: c[:, None] * (slopes @ positive + half * anchor),
            "positive": lambda c: slopes.T @ (c[:, None] * anchor) + c[:, None] * (half * positive),
        },
    )


def _inner_products(a: Array, b: Array) -> Callable[[slice], Array]:
    """Return a_i . b_j minus the largest of the row, for some rows. Differences are computed before the scale of rows out of range is restored."""
    (a, _, of_a), (b, _, of_b) = moderate(a), moderate(b)
    largest = of_b.max()

    def at(rows: slice) -> Array:
        products = scaled(a[rows] @ b.T, (of_b - largest)[None, :])
        return scaled(products - products.max(axis=1, keepdims=True), of_a[rows, None] + largest)

    return at


@loss(example=TWO, merges=False, bound=VECTORS, work=Work("250 n n + 6 n n d", "48 n n + 64 n d"))
@in_float64
def decoupled_contrastive(input1: Vector, input2: Vector, *, temperature: Positive = 0.1) -> Evaluation:
    r"""Decoupled contrastive loss: NT-Xent of two views without the positive in the denominator.

    It may be negative. A single pair has no negatives: its loss is -s / T.

    Use: Contrastive learning of image features in small batches.
    Formula: \ell_i = \frac{1}{2} \sum_{v} \left( -\frac{s(z_i^1, z_i^2)}{T} + \log \sum_{j \ne i} \left( e^{s(z_i^v, z_j^1) / T} + e^{s(z_i^v, z_j^2) / T} \right) \right)
    temperature: divisor of the cosines.
    Divisor: the number of pairs; both directions of a pair are averaged
    Synonyms: DCLLoss, DCL, dcl_loss
    Reference: Yeh et al., Decoupled Contrastive Learning, 2022, arXiv:2110.06848, equation 6
    """
    n = len(input1)
    if not n:
        return nothing(input1=input1, input2=input2)
    pair = np.tile(np.arange(n), 2)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        partner, other = pairs_of(pair, rows)
        s = s / temperature
        largest, rest, slopes = log_sum_exp(masked(s, other))
        slopes -= partner
        slopes /= temperature
        return (largest if n > 1 else 0.0) - s[partner] + rest, slopes

    cosines = AllCosines(np.concatenate((input1, input2)))
    values, slopes = cosines.by_rows(row_loss)

    def both(c: Array) -> Array:
        return cosines.by_both(slopes, 0.5 * np.tile(c, 2))

    return Evaluation(0.5 * (values[:n] + values[n:]), np.ones(n), {"input1": lambda c: both(c)[:n], "input2": lambda c: both(c)[n:]})


@loss(example=BATCH, merges=False, bound=VECTORS, work=Work("300 n n + 15 n n d", "48 n n"))
@in_float64
def nca(embeddings: Vector, labels: Identity, *, softmax_scale: Positive = 1.0) -> Evaluation:
    r"""Neighborhood components analysis: negative log-probability that a random neighbor, drawn by squared distance, has the sample's class.

    Vectors are not normalized here; pytorch-metric-learning normalizes them first.

    Use: Metric learning for nearest-neighbor classification.
    Formula: \ell_i = -\log \frac{\sum_{p \in P_i} e^{-t d_{ip}^2}}{\sum_{k \ne i} e^{-t d_{ik}^2}}
    softmax_scale: t, factor of the squared distances.
    Divisor: the number of samples with another sample of their class
    Synonyms: NCALoss, neighbourhood_components_analysis, neighborhood_components_analysis
    Reference: Goldberger et al., Neighbourhood Components Analysis, 2004, equation 6 (KL form)
    """
    n = len(labels)
    if not n:
        return nothing(embeddings=embeddings)
    counts = partners(labels)[0] > 0
    distances = AllDistances(embeddings, "squared_euclidean")
    largest = np.finfo(np.float64).max
    nearest = np.concatenate(
        [masked(np.maximum(-distances.values[rows], -largest), pairs_of(labels, rows)[0]).argmax(axis=1) for rows in row_blocks(n, n)]
    )
    beyond = distances.squares_beyond(nearest)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        positive, other = pairs_of(labels, rows)
        s = np.clip(-softmax_scale * s, -largest, largest)
        (near, log_near, of_near), (far, log_far, of_far) = (log_sum_exp(masked(s, mask)) for mask in (positive, other))
        gap = np.where(counts[rows], (far - near) + (log_far - log_near), -np.inf)
        gap[gap >= largest] = np.inf
        return softplus(gap), (softmax_scale * sigmoid(gap))[:, None] * (of_near - of_far)

    values, slopes = by_rows((n, n), lambda rows: beyond[rows], row_loss)
    return Evaluation(values, counts.astype(np.float64), {"embeddings": lambda c: distances.pull(c[:, None] * slopes)})
