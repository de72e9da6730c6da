from __future__ import annotations

from typing import Any

from numpy.random import Generator

from tests.losses.identities._shared import logits_of_divergence, softmax_of_divergence


def distributions(rng: Generator) -> Any:
    return [softmax_of_divergence(x) for x in logits_of_divergence(rng)]
