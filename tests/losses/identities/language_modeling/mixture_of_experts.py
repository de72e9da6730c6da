from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking


def balanced_routing_is_the_number_of_choices(rng):
    return value_of_ranking("moe_load_balancing", predictions=np.eye(4)[rng.permutation(4)] * 3, top_k=1), np.array(1.0)


IDENTITIES = [
    ("balanced routing is the number of choices", balanced_routing_is_the_number_of_choices),
]
