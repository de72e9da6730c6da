from __future__ import annotations

from mpmath import mp

from tests.losses import truth
from tests.losses.truth import constant
from tests.losses.truth._shared import dot


def quantiles(values, level):
    """The quantile function of points of equal mass, right of a level that is a fraction."""
    return sorted(values)[level[0] * len(values) // level[1]]


def sliced_wasserstein(predictions, labels, projections, p):
    numerators = []
    for x, t in zip(predictions, labels, strict=True):
        parts, total = len(x) * len(t), mp.mpf(0)
        for theta in projections:
            near, far = ([dot(point, theta) for point in points] for points in (x, t))
            total += mp.fsum(abs(quantiles(near, (u, parts)) - quantiles(far, (u, parts))) ** p for u in range(parts)) / parts
        numerators.append(total / len(projections))
    return numerators, [mp.mpf(1)] * len(numerators)


def distance(u, v):
    return mp.sqrt(mp.fsum((u - v) ** 2))


def soft_minimum(costs, others, temperature):
    return -temperature * mp.log(mp.fsum(mp.exp((g - c) / temperature) for c, g in zip(costs, others, strict=True)) / len(costs))


def iterated(x, t, p, blur, scaling, iterations, debias):
    """The potentials before the last update of the problems (x, t), (t, x), (x, x), (t, t), and the last temperature."""
    pairs = {"xt": (x, t), "tx": (t, x)} | ({"xx": (x, x), "tt": (t, t)} if debias else {})
    costs = {name: [[distance(u, v) ** p / p for v in b] for u in a] for name, (a, b) in pairs.items()}
    ends = [(min(axis), max(axis)) for axis in zip(*x, *t, strict=True)]
    diameter = mp.sqrt(mp.fsum((high - low) ** 2 for low, high in ends))
    first = max(diameter, mp.mpf(10) ** -145 if p == 2 else mp.mpf(10) ** -290) ** p
    f = {name: [soft_minimum(row, [mp.mpf(0)] * len(row), first) for row in rows] for name, rows in costs.items()}
    temperature = first
    for step in range(iterations):
        temperature = max(blur, diameter * scaling ** max(step - 1, 0)) ** p
        moved = {name: [soft_minimum(row, f[name[::-1]], temperature) for row in rows] for name, rows in costs.items()}
        f = {name: [(a + b) / 2 for a, b in zip(f[name], moved[name], strict=True)] for name in f}
    return f, temperature


def sinkhorn_divergence(predictions, labels, p, blur, scaling, iterations, debias):
    def updated(a, b, others, temperature):
        """The mean of the last update, with b constant."""
        fixed = constant(b)
        return mp.fsum(soft_minimum([distance(u, v) ** p / p for v in fixed], others, temperature) for u in a) / len(a)

    numerators = []
    for x, t in zip(predictions, labels, strict=True):
        f, temperature = constant(iterated(x, t, p, blur, scaling, iterations, debias) if truth.replay is None else None)
        bias = updated(x, x, f["xx"], temperature) + updated(t, t, f["tt"], temperature) if debias else 0
        numerators.append(updated(x, t, f["tx"], temperature) + updated(t, x, f["xt"], temperature) - bias)
    return numerators, [mp.mpf(1)] * len(numerators)
