"""The losses: a NumPy library without HTTP, JSON or pydantic in it. Importing it registers every family."""

from service.losses import (
    binary,
    boosting,
    boxes,
    classification,
    contrastive,
    detection,
    divergence,
    heads,
    image,
    margin,
    metric,
    multilabel,
    policy,
    preference,
    probabilistic,
    proxy,
    ranking,
    regression,
    robust,
    scoring,
    segmentation,
    selfsupervised,
    sequence,
    similarity,
    softmax,
    survival,
    vocabulary,
    warping,
)
from service.losses.core import LOSSES, Evaluation, Loss, loss
from service.losses.errors import InvalidOption, InvalidTensor, LossError, NonFinite
from service.losses.reduction import Answer, Controls, compute

__all__ = [
    "FAMILIES",
    "LOSSES",
    "Answer",
    "Controls",
    "Evaluation",
    "InvalidOption",
    "InvalidTensor",
    "Loss",
    "LossError",
    "NonFinite",
    "compute",
    "loss",
]

FAMILIES = tuple(
    module.__name__.rpartition(".")[2]
    for module in (
        regression,
        robust,
        probabilistic,
        scoring,
        divergence,
        classification,
        softmax,
        vocabulary,
        binary,
        margin,
        multilabel,
        segmentation,
        detection,
        boxes,
        heads,
        metric,
        contrastive,
        similarity,
        proxy,
        selfsupervised,
        ranking,
        sequence,
        warping,
        preference,
        policy,
        boosting,
        survival,
        image,
    )
)
