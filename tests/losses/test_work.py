"""The declared work of every loss covers what its calls cost, along every axis and every pair of axes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.losses import LOSSES, Loss
from tests.losses import work
from tests.losses.sweep import table

SIZES = {1: (96, 192), 2: (40, 80)}  # of the axes that grow together
FIXED_BYTES = 200_000  # of a call whatever its sizes, with small blocks
FIXED_CALLS = 6_000
CALL = 150.0  # operations of one call of a function, at least
SLOWER = 12.0  # times that a crowded machine may take for its operations
FIXED_SECONDS = 0.02
GROWTH = 1.25  # by which the measured cost may outgrow the declared one, when the axes double


@pytest.mark.parametrize("name", work.every_loss)
def test_the_declared_work_is_enough(name: str) -> None:
    assert [f"{' x '.join(growing)}: {problem}" for growing in work.grown(LOSSES[name]) for problem in problems(LOSSES[name], growing)] == []


def test_the_table_of_the_sweep_has_every_loss() -> None:
    """Run `python -m tests.losses.sweep NAME` for a new loss."""
    assert set(work.every_loss) - table()[1].keys() == set()


def problems(loss: Loss, growing: tuple[str, ...]) -> Iterator[str]:
    """Yield the costs that a declaration leaves out, with these axes small and then twice as large."""
    calls = [work.accepted(loss, work.sized(loss, growing, size)) for size in SIZES[len(growing)]]
    small, large = (call for call in calls if call is not None)
    (before, now), cost = (work.peak(loss, *call) for call in (small, large)), work.cost(loss, *large)
    if now > cost.memory + FIXED_BYTES:
        yield f"takes {now} bytes of {cost.memory:.0f}"
    if (grown := (now - FIXED_BYTES) / max(before, FIXED_BYTES)) > GROWTH * cost.memory / work.cost(loss, *small).memory:
        yield f"takes {grown:.1f} times the memory when the axes double"
    if (made := work.counted(loss, *large)) > FIXED_CALLS + cost.operations / CALL:
        yield f"makes {made} calls in {cost.operations:.0f} operations"
    if (taken := work.seconds(loss, *large)) > FIXED_SECONDS + SLOWER * 1e-9 * cost.operations:
        yield f"takes {taken:.3f} s for {cost.operations:.0f} operations"
