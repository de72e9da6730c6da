"""The fixed cost of a call in Python frames, which no load of the machine changes."""

from __future__ import annotations

import pytest

from service.telemetry import logs
from tests.benchmarks.frames import of_loss, of_request

CEILINGS = {"json": (76, 524), "base64": (79, 524), "safetensors": (69, 479)}  # frames, and lines that run


@pytest.mark.parametrize("encoding", CEILINGS)
def test_a_small_request_takes_few_frames_and_lines(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "wake", lambda: True)  # as where a thread writes the log
    frames = of_request(encoding)
    most, lines = CEILINGS[encoding]
    assert frames.ours.total() <= most, frames.ours
    assert len(frames.lines) <= lines
    assert frames.resumed.total() <= 10, frames.resumed


def test_a_loss_takes_few_frames() -> None:
    frames = of_loss()
    assert frames.ours.total() <= 22, frames.ours


def test_a_small_response_is_one_write() -> None:
    frames = of_request("json")
    writes = sum(count for name, count in frames.others.items() if name.endswith("_SelectorSocketTransport.write"))
    assert writes == 2, "that of the client's request, and that of head and body"
