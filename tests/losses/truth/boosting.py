from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant, exp, log, per_sample, sigmoid, softplus


def boosting_squared(predictions, labels):
    return per_sample((predictions - labels) ** 2 / 2)


def boosting_absolute(predictions, labels):
    return per_sample(abs(predictions - labels))


def _each(predictions, labels, term):
    rows = zip(predictions.reshape(len(predictions), -1), labels.reshape(len(labels), -1), strict=True)
    return [mp.fsum(term(f, y) for f, y in zip(*row, strict=True)) for row in rows]


def boosting_huber(predictions, labels, alpha, convention):
    def term(f, y):
        d = abs(f - y)
        return d * d / 2 if d <= alpha else alpha * (d - alpha / 2)

    return _each(predictions, labels, term)


def boosting_fair(predictions, labels, fair_c):
    size = abs(predictions - labels)
    return per_sample(fair_c**2 * (size / fair_c - log(1 + size / fair_c)))


def boosting_quantile(predictions, labels, alpha):
    return _each(predictions, labels, lambda f, y: max(alpha * (y - f), (1 - alpha) * (f - y)))


def boosting_mape(predictions, labels):
    return _each(predictions, labels, lambda f, y: abs(f - y) / max(mp.mpf(1), abs(y)))


def boosting_poisson(predictions, labels, poisson_max_delta_step, convention):
    return per_sample(exp(predictions) - labels * predictions)


def boosting_gamma(predictions, labels):
    return per_sample(predictions + labels * exp(-predictions))


def boosting_tweedie(predictions, labels, tweedie_variance_power):
    up, down = 2 - tweedie_variance_power, 1 - tweedie_variance_power
    return per_sample(exp(up * predictions) / up - labels * exp(down * predictions) / down)


def _logistic(x, y):
    return y * softplus(-x) + (1 - y) * softplus(x)


def boosting_logistic(predictions, labels, sigmoid, convention):
    return per_sample(_logistic(sigmoid * predictions, labels))


def boosting_cross_entropy(predictions, labels):
    return per_sample(_logistic(predictions, labels))


def _rows(predictions, labels, term):
    """Sums over the positions of term(scores of the classes, label), and how many positions there are."""
    found = []
    for f, y in zip(predictions, labels, strict=True):
        flat, classes = f.reshape(f.shape[0], -1), y.reshape(-1)
        found.append(mp.fsum(term(flat[:, j], int(classes[j])) for j in range(classes.size)))
    return found, [mp.mpf(max(y.size, 1)) for y in labels]


def boosting_softmax(predictions, labels, convention):
    return _rows(predictions, labels, lambda f, y: mp.log(mp.fsum(exp(f - f[y]))))


def boosting_one_vs_all(predictions, labels, sigmoid):
    return _rows(predictions, labels, lambda f, y: mp.fsum(softplus(-sigmoid * v if k == y else sigmoid * v) for k, v in enumerate(f)))


def _places(values):
    order = sorted(range(len(values)), key=lambda i: -values[i])
    return {item: place for place, item in enumerate(order, 1)}


def boosting_lambdarank(predictions, labels, mask, sigmoid, lambdarank_truncation_level, lambdarank_norm):
    step = sigmoid
    numerators = []
    for i in range(len(predictions)):
        kept = [j for j in range(predictions.shape[1]) if mask is None or mask[i, j]]
        s, y = [predictions[i, j] for j in kept], [int(labels[i, j]) for j in kept]
        weights = constant(_lambda_weights(s, y, step, lambdarank_truncation_level, lambdarank_norm))
        numerators.append(mp.fsum(w * softplus(step * (s[b] - s[a])) for (a, b), w in weights.items()))
    return numerators, [mp.mpf(1)] * len(numerators)


def _lambda_weights(s, y, step, truncation, norm):
    places = _places(s)
    ideal = mp.fsum((2 ** y[i] - 1) / mp.log(1 + place, 2) for i, place in _places(y).items() if place <= truncation)
    weights = {}
    for a in range(len(s)):
        for b in range(len(s)):
            if y[a] > y[b] and min(places[a], places[b]) <= truncation:
                weight = (2 ** y[a] - 2 ** y[b]) * abs(1 / mp.log(1 + places[a], 2) - 1 / mp.log(1 + places[b], 2)) / ideal
                weights[a, b] = weight / (mp.mpf(0.01) + abs(s[a] - s[b])) if norm and max(s) != min(s) else weight
    total = 2 * step * mp.fsum(w * sigmoid(step * (s[b] - s[a])) for (a, b), w in weights.items())
    factor = mp.log(1 + total, 2) / total if norm and total > 0 else 1
    return {pair: factor * weight for pair, weight in weights.items()}
