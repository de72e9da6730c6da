"""BentoML: `bentoml serve tests.benchmarks.peers.bento:CrossEntropy`. JSON as lists or base64, and the pickles that its own client sends."""

from __future__ import annotations

from typing import Any

import bentoml
import numpy as np

from tests.benchmarks.peers.loss import as_base64, as_lists, cross_entropy, read


@bentoml.service(workers=1, traffic={"timeout": 120})
class CrossEntropy:
    @bentoml.api(route="/loss/cross_entropy")
    def lists(self, predictions: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        return as_lists(*cross_entropy(predictions, labels.astype(np.int64)))

    @bentoml.api(route="/loss/cross_entropy/base64")
    def compact(self, predictions: dict[str, Any], labels: dict[str, Any]) -> dict[str, Any]:
        return as_base64(*cross_entropy(read(predictions), read(labels)))
