from __future__ import annotations

from service.losses import LOSSES, Controls, compute
from tests import required
from tests.losses.identities._shared import value_of_ranking


def curvature(name, **call):
    inputs = {item.name for item in LOSSES[name].inputs}
    tensors = {key: array for key, array in call.items() if key in inputs}
    options = {key: v for key, v in call.items() if key not in inputs}
    controls = Controls(reduction="sum", outputs=("hessian_diagonal",))
    return required(compute(LOSSES[name], tensors, options, controls).hessian_diagonal)["predictions"]


def scores_of_boosting(rng):
    return {"predictions": rng.normal(size=9), "labels": rng.uniform(0.1, 3.0, size=9)}


def equal(name, other, draw=scores_of_boosting, mine=None, theirs=None):
    return f"{name} is {other}", lambda rng: (
        lambda c: (value_of_ranking(name, **c, **(mine or {})), value_of_ranking(other, **c, **(theirs or {})))
    )(draw(rng))
