from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant


def moe_load_balancing(predictions, mask, top_k):
    kept = [i for i in range(len(predictions)) if mask is None or mask[i]]
    experts = range(predictions.shape[1])
    if not kept:
        return [mp.mpf(0)], [mp.mpf(0)]
    shares, means = [mp.mpf(0)] * len(experts), [mp.mpf(0)] * len(experts)
    for i in kept:
        x = predictions[i]
        for e in sorted(experts, key=(-x).__getitem__)[:top_k]:
            shares[e] += mp.mpf(1) / len(kept)
        for e in experts:
            means[e] += 1 / mp.fsum(mp.exp(x[j] - x[e]) for j in experts) / len(kept)
    return [len(experts) * mp.fsum(constant(share) * mean for share, mean in zip(shares, means, strict=True))], [mp.mpf(1)]
