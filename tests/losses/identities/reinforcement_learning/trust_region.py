from __future__ import annotations

from tests.losses.identities._shared import of_of_policy, on_policy, reinforced, slope, value_of_ranking


def near(c):
    return c | {"old_logps": c["logps"] - 1e-3}


IDENTITIES = [
    (
        "on policy dppo is reinforce",
        of_of_policy(lambda c: (value_of_ranking("dppo", **on_policy(c)), value_of_ranking("reinforce", **reinforced(c)))),
    ),
    (
        "dppo within its region has the gradient of importance_sampling",
        of_of_policy(lambda c: (slope("dppo", **near(c), divergence="kl"), slope("importance_sampling", **near(c)))),
    ),
    ("on policy dro has reinforce's gradient", of_of_policy(lambda c: (slope("dro", **on_policy(c)), slope("reinforce", **reinforced(c))))),
]
