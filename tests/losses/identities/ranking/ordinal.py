from __future__ import annotations

from tests.losses.identities._shared import value_of_ranking

IDENTITIES = [
    (
        "corn with two levels is binary_cross_entropy_with_logits",
        lambda rng: (
            lambda x, y: (
                value_of_ranking("corn", predictions=x, labels=y),
                value_of_ranking("binary_cross_entropy_with_logits", predictions=x[:, 0], labels=y * 1.0),
            )
        )(rng.normal(size=(5, 1)), rng.integers(0, 2, size=5)),
    ),
    (
        "ordinal with one threshold is binary_cross_entropy_with_logits",
        lambda rng: (
            lambda x, y: (
                value_of_ranking("ordinal", predictions=x[..., None], labels=y),
                value_of_ranking("binary_cross_entropy_with_logits", predictions=x, labels=y * 1.0),
            )
        )(rng.normal(size=(4, 3)), rng.integers(0, 2, size=(4, 3))),
    ),
]
