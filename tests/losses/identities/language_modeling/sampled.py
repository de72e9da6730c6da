from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_softmax


def _sampled(rng):
    """All other classes drawn, each expected once."""
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 4, size=5)
    own = np.take_along_axis(x, y[:, None], 1)[:, 0]
    others = x[np.arange(4) != y[:, None]].reshape(5, 3)
    return value_of_softmax("sampled_softmax", own, others), value_of_softmax("cross_entropy", x, y)


def _nce(rng):
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 4, size=5)
    others = x[np.arange(4) != y[:, None]].reshape(5, 3)
    flags = (np.arange(4) == y[:, None]).astype(float)
    return value_of_softmax("nce", np.take_along_axis(x, y[:, None], 1)[:, 0], others), value_of_softmax("binary_cross_entropy_with_logits", x, flags)


IDENTITIES = [
    ("sampled_softmax of all other classes is cross entropy", _sampled),
    ("nce of all other classes is binary cross entropy of every class", _nce),
    (
        "sampled_softmax takes a logarithm of counts off the scores",
        lambda rng: (
            lambda x, z, q, r: (
                value_of_softmax("sampled_softmax", x, z, log_count=q, negatives_log_count=r),
                value_of_softmax("sampled_softmax", x - q, z - r),
            )
        )(rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=(5, 3))),
    ),
]
