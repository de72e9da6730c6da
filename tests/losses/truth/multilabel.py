from __future__ import annotations

from mpmath import mp

from tests.losses.truth import sigmoid


def soft_f1(predictions, labels, average):
    p = sigmoid(predictions)
    columns = [(p[:, k], labels[:, k]) for k in range(p.shape[1])] if average == "macro" else [(p.ravel(), labels.ravel())]
    losses = [1 - 2 * mp.fsum(a * z) / (mp.fsum(a) + mp.fsum(z)) for a, z in columns]
    return [mp.fsum(losses) / len(losses)]
