"""Threads read and write text one at a time, in their order, and leave the lock while they compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from service.codec.turns import OFFERS, PATIENCE_SECONDS, Turns


def started(turns: Turns, function: Callable[[], None]) -> threading.Thread:
    """Start a thread, and return it once it waits for its turn."""
    waiting, end = len(turns._waiting), time.monotonic() + 10
    thread = threading.Thread(target=function)
    thread.start()
    while len(turns._waiting) == waiting and time.monotonic() < end:
        time.sleep(0.001)
    return thread


def test_threads_get_the_lock_in_their_order_and_one_at_a_time() -> None:
    turns, order, inside = Turns(), [], []

    def work(number: int) -> None:
        with turns:
            inside.append(number)
            time.sleep(0.001)
            assert inside == [number]
            inside.remove(number)
            order.append(number)

    with turns:
        threads = [started(turns, lambda number=number: work(number)) for number in range(8)]  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_a_holder_gives_the_next_thread_its_turn_after_some_offers() -> None:
    turns, told = Turns(), []

    def other() -> None:
        with turns:
            told.append("other")

    with turns:
        turns.offer()
        waiting = started(turns, other)
        for _ in range(OFFERS):
            assert told == []
            turns.offer()
        assert told == ["other"]
        told.append("holder")
    waiting.join()
    turns.offer()
    assert told == ["other", "holder"]


def test_the_lock_is_left_in_a_block_and_only_by_its_holder() -> None:
    turns, told = Turns(), []

    def other() -> None:
        with turns:
            told.append("other")

    with turns.left(), turns:
        pass
    with turns:
        waiting = started(turns, other)
        with turns.left():
            waiting.join()
        told.append("holder")
        waiting = started(turns, other)
    waiting.join()
    assert told == ["other", "holder", "other"]


def test_a_holder_waits_for_the_event_loop_but_not_for_long() -> None:
    turns, passed = Turns(), threading.Event()

    def work() -> None:
        with turns:
            turns.offer()
            passed.set()

    def waited(hold: float) -> float:
        passed.clear()
        with turns.event_loop:
            thread = threading.Thread(target=work)
            begun = time.perf_counter()
            thread.start()
            passed.wait(hold)
        thread.join()
        return time.perf_counter() - begun

    assert min(waited(0) for _ in range(20)) < PATIENCE_SECONDS
    assert waited(10) >= PATIENCE_SECONDS
    assert not turns.event_loop.locked()


def test_the_event_loop_does_not_wait_for_itself() -> None:
    """It decodes small bodies itself, and large arrays in them in pieces."""
    turns = Turns()
    with turns.event_loop:
        begun = time.perf_counter()
        for _ in range(100):
            turns.offer()
        assert time.perf_counter() - begun < 50 * PATIENCE_SECONDS
