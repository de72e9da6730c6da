from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES, compute
from tests import required
from tests.losses.identities._shared import (
    classes_of_softmax,
    gradient_of_core,
    logits_of_divergence,
    per_sample,
    softmax_of_divergence,
    value_of_core,
    value_of_divergence,
    value_of_softmax,
)


def scores(rng: Generator, n: int = 5, c: int = 4) -> dict[str, Any]:
    return {"predictions": 3 * rng.normal(size=(n, c)), "labels": rng.integers(0, c, size=n)}


def one_hot(labels: Any, classes: int) -> Any:
    return np.eye(classes)[labels]


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sample_weight_repeats(rng):
    x, s = scores(rng), rng.integers(1, 4, size=5)
    repeated = {key: np.repeat(array, s, axis=0) for key, array in x.items()}
    return value_of_core("cross_entropy", x, sample_weight=s.astype(float)), value_of_core("cross_entropy", repeated)


def weightless_sample_is_absent(rng):
    x = scores(rng)
    fewer = {key: array[1:] for key, array in x.items()}
    return value_of_core("softmax_focal", x, sample_weight=np.array([0.0, 1, 1, 1, 1])), value_of_core("softmax_focal", fewer)


def shards_merge(rng):
    x, w = scores(rng, 7), {"weight": rng.random(4)}
    shards = [{key: array[part] for key, array in x.items()} | w for part in (slice(0, 3), slice(3, 7))]
    answers = [compute(LOSSES["cross_entropy"], shard, {}) for shard in shards]
    return value_of_core("cross_entropy", x | w), sum(required(a.value) * required(a.normalizer) for a in answers) / sum(
        required(a.normalizer) for a in answers
    )


def focal_without_focus(rng):
    x = scores(rng) | {"weight": rng.random(4)}
    return value_of_core("softmax_focal", x, gamma=0.0, label_smoothing=0.1), value_of_core("cross_entropy", x, label_smoothing=0.1)


def focal_gradient_without_focus(rng):
    x = scores(rng)
    return gradient_of_core("softmax_focal", x, gamma=0.0), gradient_of_core("cross_entropy", x)


def focal_of_two_classes(rng):
    x = scores(rng, c=2)
    two = {"predictions": x["predictions"][:, 1] - x["predictions"][:, 0], "labels": x["labels"].astype(float)}
    return value_of_core("softmax_focal", x), value_of_core("sigmoid_focal", two, alpha=-1.0)


def one_hot_is_index(rng):
    x = scores(rng)
    return value_of_core("cross_entropy", x), value_of_core("cross_entropy", x | {"labels": one_hot(x["labels"], 4)})


def one_hot_gradient_is_the_indices(rng):
    x = scores(rng)
    return gradient_of_core("cross_entropy", x), gradient_of_core("cross_entropy", x | {"labels": one_hot(x["labels"], 4)})


def bits_are_nats(rng):
    x = scores(rng)
    return value_of_core("cross_entropy", x, log_base="2"), value_of_core("cross_entropy", x) / np.log(2)


def three_forms_of_predictions(rng):
    x = scores(rng)
    p = softmax(x["predictions"])
    forms = [
        value_of_core("cross_entropy", x | {"predictions": p}, predictions_are="probabilities"),
        value_of_core("cross_entropy", x | {"predictions": np.log(p)}, predictions_are="log_probabilities"),
    ]
    return forms, [value_of_core("cross_entropy", x)] * 2


def nll_of_log_softmax(rng):
    x = scores(rng) | {"weight": rng.random(4)}
    return value_of_core("nll", x | {"predictions": np.log(softmax(x["predictions"]))}), value_of_core("cross_entropy", x)


def log_probabilities_as_logits(rng):
    x = scores(rng)
    logged = x | {"predictions": np.log(softmax(x["predictions"]))}
    return value_of_core("cross_entropy", logged), value_of_core("cross_entropy", logged, predictions_are="log_probabilities")


def logits_shift(rng):
    x = scores(rng)
    return gradient_of_core("cross_entropy", x), gradient_of_core("cross_entropy", x | {"predictions": x["predictions"] + 64.0})


def gradient_sums_to_zero(rng):
    return 1.0 + gradient_of_core("cross_entropy", scores(rng)).sum(axis=1), np.ones(5)


def smoothing_is_a_mixture(rng):
    x = scores(rng)
    mixed = 0.8 * one_hot(x["labels"], 4) + 0.2 / 4
    return value_of_core("cross_entropy", x, label_smoothing=0.2), value_of_core("cross_entropy", x | {"labels": mixed})


def smoothing_of_probabilities(rng):
    x = scores(rng)
    hot = x | {"labels": one_hot(x["labels"], 4)}
    return value_of_core("cross_entropy", x, label_smoothing=0.2), value_of_core("cross_entropy", hot, label_smoothing=0.2)


def ignored_is_absent(rng):
    x = scores(rng)
    ignored = x | {"labels": np.append(x["labels"], -100), "predictions": np.vstack([x["predictions"], rng.normal(size=4)])}
    return value_of_core("cross_entropy", ignored), value_of_core("cross_entropy", x)


def two_classes_are_binary(rng):
    x = scores(rng, c=2)
    two = {"predictions": x["predictions"][:, 1] - x["predictions"][:, 0], "labels": x["labels"].astype(float)}
    return value_of_core("cross_entropy", x), value_of_core("binary_cross_entropy_with_logits", two)


def entropy_plus_divergence(rng):
    """At the predictions that are the labels, the cross entropy is the entropy, and its gradient 0 + what is left."""
    q = softmax(rng.normal(size=(5, 4)))
    return value_of_core("cross_entropy", {"predictions": np.log(q), "labels": q}), -(q * np.log(q)).sum() / 5


def _binary_smoothing(rng: Generator) -> Any:
    """Of both binary losses, against cross entropy's own over two classes."""
    x, z = rng.normal(size=7), rng.integers(0, 2, size=7)
    two = per_sample("cross_entropy", {"predictions": np.stack([0 * x, x], 1), "labels": z}, label_smoothing=0.3)
    of_logits = per_sample("binary_cross_entropy_with_logits", {"predictions": x, "labels": z * 1.0}, label_smoothing=0.3)
    of_probabilities = per_sample("binary_cross_entropy", {"predictions": 1 / (1 + np.exp(-x)), "labels": z * 1.0}, label_smoothing=0.3)
    return np.stack([of_logits, of_probabilities]), np.stack([two, two])


def _cross_entropy(rng: Generator) -> Any:
    s, t = logits_of_divergence(rng)
    whole = value_of_divergence("cross_entropy", s, softmax_of_divergence(t))
    return whole, value_of_divergence("entropy", t) + value_of_divergence("generalized_jsd", s, t, beta=0.0)


def _focal_of_probabilities(rng):
    x = scores(rng) | {"weight": rng.random(4)}
    return value_of_core("softmax_focal", x), value_of_core(
        "softmax_focal", x | {"predictions": softmax(x["predictions"])}, predictions_are="probabilities"
    )


def _focal_alpha(rng):
    x = scores(rng)
    return 0.25 * value_of_core("softmax_focal", x), value_of_core("softmax_focal", x, alpha=0.25)


def _top_third(rng):
    x, y = rng.normal(size=(9, 4)), rng.integers(0, 4, size=9)
    each = np.sort(per_sample("cross_entropy", {"predictions": x, "labels": y}))
    return value_of_core("cross_entropy", {"predictions": x, "labels": y}, top_k=0.34), each[-3:].mean()


def _impossible_classes(rng):
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 3, size=5)
    mask = np.array([[1, 1, 1, 0]] * 5)
    return per_sample("cross_entropy", {"predictions": x, "labels": y, "class_mask": mask}), per_sample(
        "cross_entropy", {"predictions": x[:, :3], "labels": y}
    )


def _one_hot_focal(rng):
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 4, size=5)
    return per_sample("softmax_focal", {"predictions": x, "labels": np.eye(4)[y]}), per_sample("softmax_focal", {"predictions": x, "labels": y})


IDENTITIES = [
    ("cross_entropy of the top third is the mean of the largest third", _top_third),
    ("cross_entropy under a class mask is that of the other classes", _impossible_classes),
    ("softmax_focal of one-hot labels is that of indices", _one_hot_focal),
    ("label smoothing of two classes is cross_entropy's", _binary_smoothing),
    ("an integer sample weight = repeated samples", sample_weight_repeats),
    ("sample weight 0 = no such sample", weightless_sample_is_absent),
    ("values of shards merge by their normalizers", shards_merge),
    ("softmax focal with gamma 0 = cross entropy", focal_without_focus),
    ("the same of their gradients", focal_gradient_without_focus),
    ("softmax focal of two classes = sigmoid focal of their difference", focal_of_two_classes),
    ("one-hot probabilities = indices", one_hot_is_index),
    ("the same of their gradients", one_hot_gradient_is_the_indices),
    ("bits = nats / log 2", bits_are_nats),
    ("cross entropy of logits, probabilities, log-probabilities", three_forms_of_predictions),
    ("nll of log softmax = cross entropy", nll_of_log_softmax),
    ("log-probabilities are logits too", log_probabilities_as_logits),
    ("logits may be shifted", logits_shift),
    ("the gradient of cross entropy sums to 0 over the classes", gradient_sums_to_zero),
    ("label smoothing = mixture with the uniform distribution", smoothing_is_a_mixture),
    ("label smoothing of one-hot probabilities = of indices", smoothing_of_probabilities),
    ("an ignored label = no such sample", ignored_is_absent),
    ("cross entropy of two classes = binary cross entropy of their difference", two_classes_are_binary),
    ("cross entropy with the labels' own distribution = their entropy", entropy_plus_divergence),
    ("cross_entropy is entropy and divergence", _cross_entropy),
    (
        "softmax_focal(gamma=0) is poly1_cross_entropy(epsilon=0)",
        classes_of_softmax(
            lambda x, y: value_of_softmax("softmax_focal", x, y, gamma=0.0), lambda x, y: value_of_softmax("poly1_cross_entropy", x, y, epsilon=0.0)
        ),
    ),
    ("softmax focal of logits and of probabilities", _focal_of_probabilities),
    ("a scalar alpha is a factor of softmax focal", _focal_alpha),
]
