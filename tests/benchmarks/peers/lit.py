"""LitServe: `python -m tests.benchmarks.peers.lit PORT`. JSON as lists or base64; it reads no other body but forms."""

from __future__ import annotations

import sys
from typing import Any

import litserve
import numpy as np

from tests.benchmarks.peers.loss import as_base64, as_lists, cross_entropy, read


class CrossEntropy(litserve.LitAPI):
    def setup(self, device: str) -> None:
        pass

    def decode_request(self, request) -> tuple[bool, Any, Any]:  # an annotation would make it a field of the query
        predictions, labels = request["predictions"], request["labels"]
        if isinstance(predictions, dict):
            return True, read(predictions), read(labels)
        return False, np.array(predictions), np.array(labels)

    def predict(self, given: tuple[bool, Any, Any]) -> tuple[bool, tuple[float, Any, Any]]:
        compact, predictions, labels = given
        return compact, cross_entropy(predictions, labels)

    def encode_response(self, answer: tuple[bool, tuple[float, Any, Any]]) -> dict[str, Any]:
        compact, found = answer
        return (as_base64 if compact else as_lists)(*found)


if __name__ == "__main__":
    api = CrossEntropy(api_path="/loss/cross_entropy")
    litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=120).run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning"
    )
