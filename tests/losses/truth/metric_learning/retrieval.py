from __future__ import annotations

from mpmath import mp

from tests.losses.truth._shared import cosine_of_metric, dot
from tests.losses.truth.metric_learning._shared import log_sum


def smooth_ap(embeddings, labels, temperature):
    numerators = []
    for i, y in enumerate(labels):
        s = [cosine_of_metric(embeddings[i], x) for x in embeddings]
        found = [j for j, other in enumerate(labels) if other == y]
        total = mp.mpf(0)
        for j in found:
            before = {k: 1 / (1 + mp.exp((s[j] - s[k]) / temperature)) for k in range(len(s)) if k != j}
            same = 1 + mp.fsum(v for k, v in before.items() if k in found)
            others = mp.fsum(v for k, v in before.items() if k not in found)
            total += others / (same + others)  # 1 - same / (same + others)
        numerators.append(total / len(found))
    return numerators, [mp.mpf(1)] * len(numerators)


def info_nce(query, positive, negative, temperature, similarity, in_batch):
    similar, numerators = (dot if similarity == "dot" else cosine_of_metric), []
    for i, q in enumerate(query):
        true = similar(q, positive[i]) / temperature
        others = [] if negative is None else list(negative if negative.ndim == 2 else negative[i])
        if negative is None or in_batch == "always":
            others += [positive[j] for j in range(len(query)) if j != i]
        numerators.append(log_sum([0, *(similar(q, k) / temperature - true for k in others)]))
    return numerators
