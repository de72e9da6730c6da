from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import of_of_preference, value_of_ranking

IDENTITIES = [
    (
        "bco is binary cross entropy of_of_preference the reward less delta",
        of_of_preference(
            lambda c: (
                value_of_ranking("bco", logps=c["chosen_logps"], ref_logps=c["ref_chosen_logps"], labels=np.arange(6) % 2, beta=0.3, delta=0.2),
                value_of_ranking(
                    "binary_cross_entropy_with_logits",
                    predictions=0.3 * (c["chosen_logps"] - c["ref_chosen_logps"]) - 0.2,
                    labels=np.arange(6) % 2.0,
                ),
            )
        ),
    ),
]
