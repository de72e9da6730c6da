from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking

IDENTITIES = [
    (
        "boosting_lambdarank without its norms is lambda_loss without its count",
        lambda rng: (
            lambda c: (
                value_of_ranking("boosting_lambdarank", **c, lambdarank_norm=False) * 4,
                value_of_ranking("lambda_loss", **c) / 5 * np.count_nonzero(c["labels"][:, :, None] > c["labels"][:, None, :]),
            )
        )({"predictions": rng.normal(size=(4, 5)), "labels": np.tile([3.0, 1.0, 2.0, 0.0, 1.0], (4, 1))}),
    ),
]
