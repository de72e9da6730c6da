"""Regression, binary, classification and detection: the losses that everything else is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES, Controls, compute


def value(name: str, tensors: dict[str, Any], reduction: str = "mean", sample_weight: Any = None, **options: Any) -> float:
    controls = Controls(reduction=reduction, sample_weight=sample_weight, outputs=("value",))
    return compute(LOSSES[name], tensors, options, controls).value


def gradient(name: str, tensors: dict[str, Any], of: str = "predictions", **options: Any) -> Any:
    return compute(LOSSES[name], tensors, options, Controls(outputs=("gradients",), wrt=(of,))).gradients[of]


def per_sample(name: str, tensors: dict[str, Any], **options: Any) -> Any:
    return compute(LOSSES[name], tensors, options, Controls(outputs=("per_sample",))).per_sample


def numbers(rng: Generator, *shape: int) -> dict[str, Any]:
    return {"predictions": rng.normal(size=shape), "labels": rng.normal(size=shape)}


def scores(rng: Generator, n: int = 5, c: int = 4) -> dict[str, Any]:
    return {"predictions": 3 * rng.normal(size=(n, c)), "labels": rng.integers(0, c, size=n)}


def one_hot(labels: Any, classes: int) -> Any:
    return np.eye(classes)[labels]


def binary(rng: Generator, *shape: int) -> dict[str, Any]:
    return {"predictions": 3 * rng.normal(size=shape), "labels": rng.random(shape)}


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def huber_is_smooth_l1(rng):
    x, delta = numbers(rng, 6, 3), 0.7
    return per_sample("huber", x, delta=delta), delta * per_sample("smooth_l1", x, beta=delta)


def huber_gradient_is_smooth_l1s(rng):
    x, delta = numbers(rng, 6, 3), 0.7
    return gradient("huber", x, delta=delta), delta * gradient("smooth_l1", x, beta=delta)


def wide_huber_is_half_the_square(rng):
    x = numbers(rng, 6)
    return value("huber", x, delta=1e6), 0.5 * value("mean_squared_error", x)


def smooth_l1_of_zero_is_absolute(rng):
    x = numbers(rng, 6)
    return value("smooth_l1", x, beta=0.0), value("mean_absolute_error", x)


def regression_is_even(rng):
    x = numbers(rng, 6)
    swapped = {"predictions": x["labels"], "labels": x["predictions"]}
    return [value(name, x) for name in SYMMETRIC], [value(name, swapped) for name in SYMMETRIC]


SYMMETRIC = ("mean_squared_error", "mean_absolute_error", "smooth_l1", "huber")


def labels_gradient_is_the_negative(rng):
    x = numbers(rng, 6)
    return [gradient(name, x) for name in SYMMETRIC], [-gradient(name, x, "labels") for name in SYMMETRIC]


def element_weight_repeats(rng):
    x, w = numbers(rng, 1, 6), rng.integers(1, 4, size=(1, 6))
    repeated = {key: np.repeat(array, w[0], axis=1) for key, array in x.items()}
    return value("mean_squared_error", x | {"weight": w.astype(float)}), value("mean_squared_error", repeated)


def sample_weight_repeats(rng):
    x, s = scores(rng), rng.integers(1, 4, size=5)
    repeated = {key: np.repeat(array, s, axis=0) for key, array in x.items()}
    return value("cross_entropy", x, sample_weight=s.astype(float)), value("cross_entropy", repeated)


def weightless_sample_is_absent(rng):
    x = scores(rng)
    fewer = {key: array[1:] for key, array in x.items()}
    return value("softmax_focal", x, sample_weight=np.array([0.0, 1, 1, 1, 1])), value("softmax_focal", fewer)


def shards_merge(rng):
    x, w = scores(rng, 7), {"weight": rng.random(4)}
    shards = [{key: array[part] for key, array in x.items()} | w for part in (slice(0, 3), slice(3, 7))]
    answers = [compute(LOSSES["cross_entropy"], shard, {}) for shard in shards]
    return value("cross_entropy", x | w), sum(a.value * a.normalizer for a in answers) / sum(a.normalizer for a in answers)


def gradients_of_shards_merge(rng):
    x = numbers(rng, 7, 2)
    shards = [{key: array[part] for key, array in x.items()} for part in (slice(0, 3), slice(3, 7))]
    answers = [compute(LOSSES["huber"], shard, {}) for shard in shards]
    total = sum(a.normalizer for a in answers)
    return gradient("huber", x), np.concatenate([a.gradients["predictions"] * a.normalizer / total for a in answers])


def focal_without_focus(rng):
    x = scores(rng) | {"weight": rng.random(4)}
    return value("softmax_focal", x, gamma=0.0, label_smoothing=0.1), value("cross_entropy", x, label_smoothing=0.1)


def focal_gradient_without_focus(rng):
    x = scores(rng)
    return gradient("softmax_focal", x, gamma=0.0), gradient("cross_entropy", x)


def sigmoid_focal_without_focus(rng):
    x = binary(rng, 5, 2)
    return value("sigmoid_focal", x, gamma=0.0, alpha=-1.0), value("binary_cross_entropy_with_logits", x)


def sigmoid_focal_half_balanced(rng):
    x = binary(rng, 5, 2)
    return value("sigmoid_focal", x, alpha=0.5), 0.5 * value("sigmoid_focal", x, alpha=-1.0)


def focal_of_two_classes(rng):
    x = scores(rng, c=2)
    two = {"predictions": x["predictions"][:, 1] - x["predictions"][:, 0], "labels": x["labels"].astype(float)}
    return value("softmax_focal", x), value("sigmoid_focal", two, alpha=-1.0)


def one_hot_is_index(rng):
    x = scores(rng)
    return value("cross_entropy", x), value("cross_entropy", x | {"labels": one_hot(x["labels"], 4)})


def one_hot_gradient_is_the_indexs(rng):
    x = scores(rng)
    return gradient("cross_entropy", x), gradient("cross_entropy", x | {"labels": one_hot(x["labels"], 4)})


def bits_are_nats(rng):
    x = scores(rng)
    return value("cross_entropy", x, log_base="2"), value("cross_entropy", x) / np.log(2)


def three_forms_of_predictions(rng):
    x = scores(rng)
    p = softmax(x["predictions"])
    forms = [
        value("cross_entropy", x | {"predictions": p}, predictions_are="probabilities"),
        value("cross_entropy", x | {"predictions": np.log(p)}, predictions_are="log_probabilities"),
    ]
    return forms, [value("cross_entropy", x)] * 2


def nll_of_log_softmax(rng):
    x = scores(rng) | {"weight": rng.random(4)}
    return value("nll", x | {"predictions": np.log(softmax(x["predictions"]))}), value("cross_entropy", x)


def log_probabilities_as_logits(rng):
    x = scores(rng)
    logged = x | {"predictions": np.log(softmax(x["predictions"]))}
    return value("cross_entropy", logged), value("cross_entropy", logged, predictions_are="log_probabilities")


def logits_shift(rng):
    x = scores(rng)
    return gradient("cross_entropy", x), gradient("cross_entropy", x | {"predictions": x["predictions"] + 64.0})


def gradient_sums_to_zero(rng):
    return 1.0 + gradient("cross_entropy", scores(rng)).sum(axis=1), np.ones(5)


def smoothing_is_a_mixture(rng):
    x = scores(rng)
    mixed = 0.8 * one_hot(x["labels"], 4) + 0.2 / 4
    return value("cross_entropy", x, label_smoothing=0.2), value("cross_entropy", x | {"labels": mixed})


def smoothing_of_probabilities(rng):
    x = scores(rng)
    hot = x | {"labels": one_hot(x["labels"], 4)}
    return value("cross_entropy", x, label_smoothing=0.2), value("cross_entropy", hot, label_smoothing=0.2)


def ignored_is_absent(rng):
    x = scores(rng)
    ignored = x | {"labels": np.append(x["labels"], -100), "predictions": np.vstack([x["predictions"], rng.normal(size=4)])}
    return value("cross_entropy", ignored), value("cross_entropy", x)


def two_classes_are_binary(rng):
    x = scores(rng, c=2)
    two = {"predictions": x["predictions"][:, 1] - x["predictions"][:, 0], "labels": x["labels"].astype(float)}
    return value("cross_entropy", x), value("binary_cross_entropy_with_logits", two)


def logits_of_probabilities(rng):
    x = binary(rng, 5, 3)
    return value("binary_cross_entropy_with_logits", x), value("binary_cross_entropy", x | {"predictions": sigmoid(x["predictions"])}, clamp="off")


def clamps_agree_inside(rng):
    x = {"predictions": rng.uniform(0.01, 0.99, size=8), "labels": rng.random(8)}
    return [value("binary_cross_entropy", x, clamp=clamp) for clamp in ("torch", "keras", "sklearn")], [
        value("binary_cross_entropy", x, clamp="off")
    ] * 3


def binary_is_symmetric(rng):
    x = binary(rng, 5, 3)
    return value("binary_cross_entropy_with_logits", x), value(
        "binary_cross_entropy_with_logits", {"predictions": -x["predictions"], "labels": 1 - x["labels"]}
    )


def pos_weight_of_hard_labels(rng):
    x = binary(rng, 6) | {"labels": rng.integers(0, 2, size=6).astype(float)}
    weights = np.where(x["labels"] == 1, 3.0, 1.0)
    return value("binary_cross_entropy_with_logits", x | {"pos_weight": np.array([3.0])}), value(
        "binary_cross_entropy_with_logits", x | {"weight": weights}
    )


def entropy_plus_divergence(rng):
    """At the predictions that are the labels, the cross entropy is the entropy, and its gradient 0 + what is left."""
    q = softmax(rng.normal(size=(5, 4)))
    return value("cross_entropy", {"predictions": np.log(q), "labels": q}), -(q * np.log(q)).sum() / 5


def masks(rng, n=3):
    return {"predictions": rng.normal(size=(n, 2, 4, 4)), "labels": rng.random((n, 4, 4)), "classes": rng.integers(0, 2, size=n)}


def mask_is_binary_of_the_channel(rng):
    x = masks(rng)
    own = x["predictions"][np.arange(3), x["classes"]]
    return value("mask_rcnn_mask", x), value("binary_cross_entropy_with_logits", {"predictions": own, "labels": x["labels"]})


def regions(rng):
    return {
        "class_logits": rng.normal(size=(4, 3)),
        "box_deltas": rng.normal(size=(4, 3, 4)),
        "labels": np.array([0, 1, 2, 1]),
        "box_targets": rng.normal(size=(4, 4)),
    }


def anchors(rng):
    return {
        "objectness": rng.normal(size=5),
        "box_deltas": rng.normal(size=(5, 4)),
        "labels": np.array([1, 0, -1, 1, 0]),
        "box_targets": rng.normal(size=(5, 4)),
    }


def boxless_fast_rcnn(rng):
    x = regions(rng)
    return value("fast_rcnn", x, box_weight=0.0), value("cross_entropy", {"predictions": x["class_logits"], "labels": x["labels"]})


def boxless_rpn(rng):
    x = anchors(rng)
    kept = x["labels"] >= 0
    sampled = {"predictions": x["objectness"][kept], "labels": x["labels"][kept].astype(float)}
    return value("rpn", x, box_weight=0.0), value("binary_cross_entropy_with_logits", sampled)


def rpn_normalizations(rng):
    x = anchors(rng)
    detectron = value("rpn", x, normalization="detectron2", batch_size_per_image=2, images=2)
    paper = value("rpn", x, normalization="paper", batch_size_per_image=4, locations=4)
    return [detectron, paper], [value("rpn", x)] * 2


def faster_rcnn_is_its_parts(rng):
    heads = {f"rpn_{key}" if key != "objectness" else key: array for key, array in anchors(rng).items()} | regions(rng)
    proposals = {key.removeprefix("rpn_"): heads[key] for key in ("objectness", "rpn_box_deltas", "rpn_labels", "rpn_box_targets")}
    rest = {key: heads[key] for key in ("class_logits", "box_deltas", "labels", "box_targets")}
    return value("faster_rcnn", heads), value("rpn", proposals) + value("fast_rcnn", rest)


def mask_rcnn_is_its_parts(rng):
    heads = {f"rpn_{key}" if key != "objectness" else key: array for key, array in anchors(rng).items()} | regions(rng)
    mask = masks(rng)
    named = {"mask_logits": mask["predictions"], "masks": mask["labels"], "mask_classes": mask["classes"]}
    return value("mask_rcnn", heads | named, mask_weight=2.0), value("faster_rcnn", heads) + 2 * value("mask_rcnn_mask", mask)


def batchmean_is_sum_over_n(rng):
    x = numbers(rng, 6, 3)
    return value("mean_squared_error", x, "batchmean"), value("mean_squared_error", x, "sum") / 6


def _binary_smoothing(rng: Generator) -> Any:
    """Of both binary losses, against cross entropy's own over two classes."""
    x, z = rng.normal(size=7), rng.integers(0, 2, size=7)
    two = per_sample("cross_entropy", {"predictions": np.stack([0 * x, x], 1), "labels": z}, label_smoothing=0.3)
    of_logits = per_sample("binary_cross_entropy_with_logits", {"predictions": x, "labels": z * 1.0}, label_smoothing=0.3)
    of_probabilities = per_sample("binary_cross_entropy", {"predictions": 1 / (1 + np.exp(-x)), "labels": z * 1.0}, label_smoothing=0.3)
    return np.stack([of_logits, of_probabilities]), np.stack([two, two])


IDENTITIES = [
    ("label smoothing of two classes is cross_entropy's", _binary_smoothing),
    ("huber(delta) = delta smooth_l1(beta = delta)", huber_is_smooth_l1),
    ("the same of their gradients", huber_gradient_is_smooth_l1s),
    ("huber with a far delta = half the squared error", wide_huber_is_half_the_square),
    ("smooth_l1(beta = 0) = absolute error", smooth_l1_of_zero_is_absolute),
    ("distances are symmetric", regression_is_even),
    ("a distance's gradient of the labels = minus that of the predictions", labels_gradient_is_the_negative),
    ("an integer element weight = repeated elements", element_weight_repeats),
    ("an integer sample weight = repeated samples", sample_weight_repeats),
    ("sample weight 0 = no such sample", weightless_sample_is_absent),
    ("values of shards merge by their normalizers", shards_merge),
    ("gradients of shards merge by their normalizers", gradients_of_shards_merge),
    ("batchmean = sum / n", batchmean_is_sum_over_n),
    ("softmax focal with gamma 0 = cross entropy", focal_without_focus),
    ("the same of their gradients", focal_gradient_without_focus),
    ("sigmoid focal with gamma 0, no alpha = binary cross entropy", sigmoid_focal_without_focus),
    ("sigmoid focal with alpha 1/2 = half of it without", sigmoid_focal_half_balanced),
    ("softmax focal of two classes = sigmoid focal of their difference", focal_of_two_classes),
    ("one-hot probabilities = indices", one_hot_is_index),
    ("the same of their gradients", one_hot_gradient_is_the_indexs),
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
    ("binary cross entropy with logits = of the sigmoid", logits_of_probabilities),
    ("the clamps of binary cross entropy agree away from 0 and 1", clamps_agree_inside),
    ("binary cross entropy of -x and 1 - z is that of x and z", binary_is_symmetric),
    ("pos_weight of hard labels = weight of the positive elements", pos_weight_of_hard_labels),
    ("cross entropy with the labels' own distribution = their entropy", entropy_plus_divergence),
    ("mask loss = binary cross entropy of the class's channel", mask_is_binary_of_the_channel),
    ("fast_rcnn without boxes = cross entropy", boxless_fast_rcnn),
    ("rpn without boxes = binary cross entropy of the sampled anchors", boxless_rpn),
    ("rpn's normalizations agree where their divisors do", rpn_normalizations),
    ("faster_rcnn = rpn + fast_rcnn", faster_rcnn_is_its_parts),
    ("mask_rcnn = faster_rcnn + weight of mask_rcnn_mask", mask_rcnn_is_its_parts),
]
