from __future__ import annotations

from mpmath import mp

from tests.losses.truth._shared import cosine_of_metric, dot


def smooth_l1_of_relation(error):
    return error**2 / 2 if abs(error) < 1 else abs(error) - mp.mpf(1) / 2


def distances_of_relation(x):
    apart = [[mp.sqrt(dot(a - b, a - b)) for b in x] for a in x]
    positive = [d for row in apart for d in row if d > 0]
    mean = mp.fsum(positive) / len(positive) if positive else mp.mpf(1)
    return [[d / mean for d in row] for row in apart]


def relational_knowledge_distillation(predictions, labels, distance_weight, angle_weight):
    n, numerators = len(predictions), []
    near, far = distances_of_relation(predictions), distances_of_relation(labels)
    for i in range(n):
        total = mp.fsum(smooth_l1_of_relation(near[i][j] - far[i][j]) for j in range(n)) * distance_weight / n
        for j in range(n):
            for k in range(n):
                if j == k:  # a point is in line with itself, or is the vertex
                    one, other = (mp.mpf(bool(dot(x[j] - x[i], x[j] - x[i]))) for x in (predictions, labels))
                else:
                    one, other = (cosine_of_metric(x[j] - x[i], x[k] - x[i]) for x in (predictions, labels))
                total += smooth_l1_of_relation(one - other) * angle_weight / n**2
        numerators.append(total)
    return numerators
