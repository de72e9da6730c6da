"""Long loops of short NumPy calls pause, so that they keep no other thread from the interpreter's lock.

`make sweep` measures the waits of a liveness probe beside them.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from service.losses import LOSSES, compute, evaluation


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The lengths of all pauses."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_a_loop_pauses_every_few_milliseconds(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(np.arange(0.0, 10.0, 1e-3).tolist())  # a millisecond from one look at the clock to the next
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    assert list(evaluation.paced(range(1000))) == list(range(1000))
    assert len(pauses) == pytest.approx(1.0 / evaluation.PACE_SECONDS, rel=0.2)
    assert set(pauses) == {evaluation.PAUSE_SECONDS}


def test_soft_dtw_may_pause_at_every_diagonal(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "PACE_SECONDS", -1.0)
    rng, (t, u) = np.random.default_rng(0), (40, 3)
    compute(LOSSES["soft_dtw"], {"predictions": rng.normal(size=(2, t, 1)), "labels": rng.normal(size=(2, u, 1))}, {})
    diagonals = t + u - 1
    assert len(pauses) >= 2 * diagonals, "forward and backward"
