"""Long lists and long sequences are computed in blocks, within 256 MB, by a real server with its default limits."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from service.api.estimate import Estimate, bounded
from service.losses import LOSSES
from service.settings import Settings
from tests.edge.wire import Serving, Wire, post
from tests.losses import sweep, work

MOST_BYTES = 256_000_000
LISTS = [name for name, loss in LOSSES.items() if loss.family in ("ranking", "boosting") and "m" in loss.inputs[0].forms[0].names]
LISTS.remove("p_listmle")  # its weights 2^m are out of range beyond 1,024 items
FULL: dict[str, dict[str, int]] = {name: {"n": 1, "m": 10_000} for name in LISTS} | {
    "ctc": {"n": 1, "t": 6000, "s": 6000, "c": 30},
    "rnnt": {"n": 1, "t": 6000, "s": 50, "p": 51, "c": 10},
    "crf_nll": {"n": 1, "t": 6000, "k": 10},
    "soft_dtw": {"n": 1, "t": 6000, "u": 6000, "d": 1},
    "soft_dtw_divergence": {"n": 1, "t": 3000, "u": 3000, "d": 1},  # three alignments
}
SHORTER = {"m": 1500, "t": 1000, "s": 500, "u": 600}  # seconds for all of them


def sized(name: str, longest: dict[str, int]) -> dict[str, int]:
    """The sizes of a loss, shortened to those given."""
    short = {axis: min(size, longest.get(axis, size)) for axis, size in FULL[name].items()}
    return work.sized(LOSSES[name], (), work.SMALL) | short | ({"p": short["s"] + 1} if "p" in short else {})


@pytest.mark.parametrize("name", FULL)
def test_long_ones_are_within_the_caps(name: str) -> None:
    arrays, options = sweep.call(LOSSES[name], sized(name, {}))
    cost = work.cost(LOSSES[name], arrays, options)
    bounded(name, Estimate(cost.operations, cost.memory + 2 * sum(array.nbytes for array in arrays.values()), 0.0), Settings())


@pytest.mark.parametrize("name", FULL)
def test_their_memory_does_not_grow_with_the_square(name: str, served: Serving) -> None:
    body = sweep.coded(*sweep.call(LOSSES[name], sized(name, SHORTER)))
    with Wire(served, timeout=60) as wire:
        sweep.forget(os.getpid())
        before = memory("VmRSS")
        reply = wire.ask(post(body, f"/loss/{name}"))
    assert reply.status == 200, reply.body
    assert memory("VmHWM") - before < MOST_BYTES


def memory(kind: str) -> int:
    """Return the resident memory of this process, in which the server runs, in bytes: VmRSS is now, VmHWM its peak."""
    found: Any = re.search(rf"{kind}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024
