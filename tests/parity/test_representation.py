"""Embeddings, transport and distillation against their libraries, or the formulas of these in torch. Run by `make parity`."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from info_nce import InfoNCE
from numpy.random import Generator

from tests.parity.test_options import Arrays, Case, compare

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of pykeops, which geomloss does without
    from geomloss import SamplesLoss

# ------------------------------------------------------------------ queries and documents


def queries(rng: Generator) -> Arrays:
    return {"query": rng.normal(size=(6, 4)), "positive": rng.normal(size=(6, 4))}


def with_shared(rng: Generator) -> Arrays:
    return queries(rng) | {"negative": rng.normal(size=(5, 4))}


def with_own(rng: Generator) -> Arrays:
    return queries(rng) | {"negative": rng.normal(size=(6, 3, 4))}


def cosines(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T


def true_places(t: Any) -> torch.Tensor:
    return torch.arange(len(t.query))


def multiple_negatives(t: Any, scale: float = 20.0) -> torch.Tensor:
    """sentence-transformers 6.2's MultipleNegativesRankingLoss, whose documents are all positives and then all negatives."""
    return F.cross_entropy(scale * cosines(t.query, torch.cat((t.positive, t.negative))), true_places(t))


QUERIES = [
    Case("info_nce", "info-nce-pytorch without negatives", queries, lambda t: InfoNCE()(t.query, t.positive)),
    Case("info_nce", "info-nce-pytorch, unpaired", with_shared, lambda t: InfoNCE(negative_mode="unpaired")(t.query, t.positive, t.negative)),
    Case("info_nce", "info-nce-pytorch, paired", with_own, lambda t: InfoNCE(negative_mode="paired")(t.query, t.positive, t.negative)),
    Case(
        "info_nce",
        "MultipleNegativesRankingLoss with hard negatives",
        with_shared,
        multiple_negatives,
        {"temperature": 0.05, "in_batch": "always"},
    ),
    Case(
        "info_nce",
        "DPR: inner products of queries and passages",
        queries,
        lambda t: F.cross_entropy(t.query @ t.positive.T, true_places(t)),
        {"temperature": 1.0, "similarity": "dot"},
    ),
]

# ------------------------------------------------------------------ sets of points


def sets(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(1, 5, 3)), "labels": rng.normal(size=(1, 7, 3))}


def in_a_box(rng: Generator) -> Arrays:
    """Points with the diameter 4 of their bounding box, for a known number of iterations."""
    arrays = {name: rng.uniform(0.0, 2.0, size=x.shape) for name, x in sets(rng).items()}
    arrays["predictions"][0, 0], arrays["labels"][0, 0] = 0.0, (2.0, 2.0, math.sqrt(8.0))
    arrays["predictions"].clip(0.0, 2.0, out=arrays["predictions"])
    return arrays


def geomloss(**options: Any) -> Any:
    return lambda t: SamplesLoss("sinkhorn", backend="tensorized", **options)(t.predictions[0], t.labels[0])


REACHED = 2 + math.ceil(math.log(4.0 / 0.3, 2.0))  # geomloss' number of temperatures, from 4 by halves to 0.3


def kernel_mean(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return sum(torch.exp(-((x[:, None] - y) ** 2).sum(-1) / (2 * width**2)).mean() for width in (0.5, 2.0))


def with_widths(rng: Generator) -> Arrays:
    return sets(rng) | {"bandwidth": np.array([0.5, 2.0])}


def biased_mmd(t: Any) -> torch.Tensor:
    x, y = t.predictions[0], t.labels[0]
    return kernel_mean(x, x) + kernel_mean(y, y) - 2 * kernel_mean(x, y)


TRANSPORT = [
    Case("sinkhorn_divergence", "geomloss", in_a_box, geomloss(blur=0.3), {"blur": 0.3, "iterations": REACHED}),
    Case(
        "sinkhorn_divergence",
        "geomloss, with bias",
        in_a_box,
        geomloss(blur=0.3, debias=False),
        {"blur": 0.3, "iterations": REACHED, "debias": False},
    ),
    Case(
        "sinkhorn_divergence",
        "geomloss, of the distance, with bias",
        in_a_box,
        geomloss(p=1, blur=0.3, debias=False),
        {"p": 1, "blur": 0.3, "iterations": REACHED, "debias": False},
    ),
    Case("mmd", "means of kernels", with_widths, biased_mmd),
]

# ------------------------------------------------------------------ graded pairs


def graded(rng: Generator) -> Arrays:
    return {"input1": rng.normal(size=(6, 4)), "input2": rng.normal(size=(6, 4)), "labels": rng.integers(0, 3, size=6).astype(float)}


def ordered(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """sentence-transformers' CoSENTLoss, of all differences of scores."""
    gaps = (scores[:, None] - scores)[labels[:, None] < labels]
    return torch.logsumexp(torch.cat((torch.zeros(1, dtype=scores.dtype), gaps)), dim=0)


def angles(t: Any) -> torch.Tensor:
    """sentence-transformers' pairwise_angle_sim."""
    x, y = F.normalize(t.input1, dim=1), F.normalize(t.input2, dim=1)
    (a, b), (c, d) = x.chunk(2, dim=1), y.chunk(2, dim=1)
    return ((x * y).sum(1) + (b * c - a * d).sum(1)).abs()


PAIRS = [
    Case("cosent", "CoSENTLoss", graded, lambda t: ordered(20 * F.cosine_similarity(t.input1, t.input2), t.labels)),
    Case("angle", "AnglELoss", graded, lambda t: ordered(20 * angles(t), t.labels)),
]

# ------------------------------------------------------------------ distillation


def teachers(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(6, 4)), "teacher": rng.normal(size=(6, 4)), "labels": rng.integers(0, 4, size=6)}


def decoupled(t: Any, temperature: float = 4.0) -> torch.Tensor:
    """The authors' dkd_loss, with 1000 taken from the true class' score among the others."""
    true = F.one_hot(t.labels, 4)
    both = []
    for scores in (t.predictions, t.teacher):
        p = F.softmax(scores / temperature, dim=1)
        own = (p * true).sum(1)
        both.append((torch.stack((own, 1 - own), 1), F.log_softmax(scores / temperature - 1000.0 * true, dim=1)))
    (b_s, s), (b_t, teacher) = both
    target = F.kl_div(b_s.log(), b_t, reduction="batchmean")
    return temperature**2 * (target + 8.0 * F.kl_div(s, teacher.exp(), reduction="batchmean"))


def embeddings(rng: Generator) -> Arrays:
    return {"predictions": rng.normal(size=(6, 4)), "labels": rng.normal(size=(6, 5))}


def relations(t: Any) -> torch.Tensor:
    """The authors' RkdDistance and RKdAngle with their weights of the paper."""
    distances, cosines_of = [], []
    for x in (t.predictions, t.labels):
        apart = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
        distances.append(apart / apart[apart > 0].mean())
        unit = F.normalize(x[None] - x[:, None], dim=2)
        cosines_of.append(unit @ unit.mT)
    return 25 * F.smooth_l1_loss(*distances) + 50 * F.smooth_l1_loss(*cosines_of)


DISTILLATION = [
    Case("decoupled_knowledge_distillation", "dkd_loss", teachers, decoupled),
    Case("relational_knowledge_distillation", "RkdDistance and RKdAngle", embeddings, relations),
]


@pytest.mark.parametrize("case", [*QUERIES, *TRANSPORT, *PAIRS, *DISTILLATION], ids=str)
def test_value_and_gradients_are_the_library_s(case: Case) -> None:
    compare(case)
