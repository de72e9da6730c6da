from __future__ import annotations

from service.losses import LOSSES


def value_of_margin(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def scores_of_margin(rng, shape=(5, 4)):
    return 2.0 * rng.normal(size=shape)


def _signs(rng):
    return rng.choice((-1, 1), size=(5, 4))


def margin(left, right):
    """Two expressions of the scores and the signs."""

    def both(rng):
        x, s = scores_of_margin(rng), _signs(rng)
        return left(x, s), right(x, s)

    return both
