from __future__ import annotations

from typing import Any

from mpmath import mp

from tests.losses.truth._shared import dot
from tests.losses.truth.metric_learning._shared import alike, cosines_of_contrastive, log_sum, separation, unlike


def ntxent(embeddings: Any, labels: Any, temperature: Any) -> Any:
    s = cosines_of_contrastive(embeddings, embeddings)
    numerators = []
    for i in range(len(labels)):
        negatives = mp.fsum(mp.exp(s[i][k] / temperature) for k in unlike(labels, i))
        parts = (mp.exp(s[i][p] / temperature) for p in alike(labels, i))
        numerators.append(mp.fsum(-mp.log(part / (part + negatives)) for part in parts))
    return numerators, [mp.mpf(len(alike(labels, i))) for i in range(len(labels))]


def supcon(embeddings: Any, labels: Any, temperature: Any) -> Any:
    s = cosines_of_contrastive(embeddings, embeddings)
    n, numerators = len(labels), []
    for i in range(n):
        positives = alike(labels, i)
        logs = [s[i][p] / temperature - log_sum(s[i][k] / temperature for k in range(n) if k != i) for p in positives]
        numerators.append(-mp.fsum(logs) / len(positives) if positives else mp.mpf(0))
    return numerators, [mp.mpf(bool(alike(labels, i))) for i in range(n)]


def clip(image: Any, text: Any, logit_scale: Any) -> Any:
    scale = mp.mpf(1.0 / 0.07) if logit_scale is None else logit_scale[0]
    s = [[scale * x for x in row] for row in cosines_of_contrastive(image, text)]
    n = len(s)
    return [(log_sum(s[i]) + log_sum(s[j][i] for j in range(n))) / 2 - s[i][i] for i in range(n)]


def siglip(image: Any, text: Any, logit_scale: Any, logit_bias: Any) -> Any:
    scale = mp.mpf(10) if logit_scale is None else logit_scale[0]
    bias = mp.mpf(-10) if logit_bias is None else logit_bias[0]
    s = cosines_of_contrastive(image, text)
    n = len(s)
    return [mp.fsum(mp.log(1 + mp.exp(-(1 if i == j else -1) * (scale * s[i][j] + bias))) for j in range(n)) for i in range(n)]


def npairs(anchor: Any, positive: Any, labels: Any, regularization: Any) -> Any:
    n, numerators = len(labels), []
    for i in range(n):
        logits = [dot(anchor[i], positive[j]) for j in range(n)]
        whole = log_sum(logits)
        same = [whole - logits[j] for j in range(n) if labels[j] == labels[i]]
        numerators.append(mp.fsum(same) / len(same) + regularization / 4 * (dot(anchor[i], anchor[i]) + dot(positive[i], positive[i])))
    return numerators


def decoupled_contrastive(input1: Any, input2: Any, temperature: Any) -> Any:
    views = [
        cosines_of_contrastive(input1, input1),
        cosines_of_contrastive(input1, input2),
        cosines_of_contrastive(input2, input1),
        cosines_of_contrastive(input2, input2),
    ]
    n, numerators = len(input1), []
    for i in range(n):
        sides = []
        for one, two in ((views[0], views[1]), (views[2], views[3])):
            others = [s[i][j] / temperature for s in (one, two) for j in range(n) if j != i]
            sides.append(-views[1][i][i] / temperature + (log_sum(others) if others else 0))
        numerators.append(mp.fsum(sides) / 2)
    return numerators


def nca(embeddings: Any, labels: Any, softmax_scale: Any) -> Any:
    n, numerators = len(labels), []
    for i in range(n):
        weights = [mp.exp(-softmax_scale * separation(embeddings[i], embeddings[j], "squared_euclidean")) for j in range(n)]
        positives = alike(labels, i)
        same = mp.fsum(weights[j] for j in positives)
        numerators.append(-mp.log(same / mp.fsum(weights[j] for j in range(n) if j != i)) if positives else mp.mpf(0))
    return numerators, [mp.mpf(bool(alike(labels, i))) for i in range(n)]
