from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import logits_of_divergence, softmax_of_divergence, value_of_divergence


def _two_kls(rng: Generator) -> Any:
    s, t = logits_of_divergence(rng)
    both = value_of_divergence("generalized_jsd", s, t, beta=0.0) + value_of_divergence("generalized_jsd", s, t, beta=1.0)
    return 2 * value_of_divergence("r_drop", s, t), both


def _decoupled(rng: Generator) -> Any:
    """The whole divergence has the teacher's probability of the other classes for the weight of the second part."""
    s, t = logits_of_divergence(rng)
    y = rng.integers(0, 5, size=6)
    others = 1.0 - softmax_of_divergence(t / 2.0)[np.arange(6), y]
    parts = [value_of_divergence("decoupled_knowledge_distillation", s, t, y, alpha=a, beta=1.0 - a, temperature=2.0) for a in (1.0, 0.0)]
    return parts[0] + others * parts[1], value_of_divergence("knowledge_distillation_kl", s, t, temperature=2.0)


IDENTITIES = [
    ("decoupled_knowledge_distillation has the parts of knowledge_distillation_kl", _decoupled),
    (
        "generalized_jsd(1/2) is jensen_shannon",
        lambda r: (
            value_of_divergence("generalized_jsd", *(x := logits_of_divergence(r))),
            value_of_divergence("jensen_shannon", *(softmax_of_divergence(y) for y in x)),
        ),
    ),
    (
        "generalized_jsd(0) is distillation at temperature 1",
        lambda r: (
            value_of_divergence("generalized_jsd", *(x := logits_of_divergence(r)), beta=0.0),
            value_of_divergence("knowledge_distillation_kl", *x, temperature=1.0),
        ),
    ),
    ("r_drop is the mean of both directions", _two_kls),
    (
        "confidence_penalty is minus the entropy",
        lambda r: (value_of_divergence("confidence_penalty", (x := logits_of_divergence(r)[0])), -value_of_divergence("entropy", x)),
    ),
]
