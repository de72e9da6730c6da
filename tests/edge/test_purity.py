"""A request is a pure function of its body: same body, same bits, whatever else is going on."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np

from service.losses import LOSSES
from tests.edge.test_rollout import process
from tests.edge.wire import serving

RANDOM = np.random.default_rng(7)
NAMES = ("cross_entropy", "supcon", "mean_squared_error", "kl_divergence", "smooth_l1")


def bodies() -> list[tuple[str, bytes]]:
    found = [(name, json.dumps(dict(LOSSES[name].example)).encode()) for name in NAMES]
    scores, labels = RANDOM.normal(size=(2_000, 30)), RANDOM.integers(0, 30, 2_000)
    found.append(("cross_entropy", json.dumps({"predictions": scores.tolist(), "labels": labels.tolist()}).encode()))
    embeddings, classes = RANDOM.normal(size=(200, 32)), RANDOM.integers(0, 9, 200)
    found.append(("supcon", json.dumps({"embeddings": embeddings.tolist(), "labels": classes.tolist()}).encode()))
    return found


def ask(client: httpx.Client, name: str, body: bytes) -> bytes:
    answer = client.post(f"/loss/{name}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.content


def test_the_same_bits_across_repetitions_threads_and_servers() -> None:
    asked = bodies()
    with serving(compute_threads=4) as one, serving(inline_bytes=0, compute_threads=3) as pooled, serving(inline_bytes=10**8) as inline:
        with httpx.Client(base_url=one.url, timeout=60) as client:
            alone = [ask(client, name, body) for name, body in asked]
        for running in (one, pooled, inline):
            with httpx.Client(base_url=running.url, timeout=60) as client, ThreadPoolExecutor(6) as callers:
                answers = callers.map(lambda call: ask(client, *call), asked * 4)
                assert list(answers) == alone * 4


def test_the_same_bits_across_workers() -> None:
    asked, found = bodies(), []
    with process(grace=0, workers=2) as running:
        for paused in running.children():  # so that it is the other that answers
            os.kill(paused, signal.SIGSTOP)
            with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=60) as client:
                found.append([ask(client, name, body) for name, body in asked])
            os.kill(paused, signal.SIGCONT)
    assert len(found) == 2
    assert found[0] == found[1]
