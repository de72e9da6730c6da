"""Rounds of steps: requests that are ready at one time take each step together, and none waits for, stops or sees another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextvars import ContextVar
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest

from service.http.endpoint import STEP
from service.server.rounds import SLICE_SECONDS, TOGETHER, Rounds

NAME: ContextVar[str] = ContextVar("NAME")


async def three_steps(name: str, taken: list[str]) -> None:
    for step in "123":
        taken.append(name + step)
        await STEP


def connection() -> Any:
    return SimpleNamespace(loop=asyncio.get_running_loop(), tasks=set())


async def settled(rounds: Rounds, *applications: Coroutine[Any, Any, None]) -> set[asyncio.Task[None]]:
    """Run applications of one client until all that is ready is done. Returns the tasks that some have become."""
    return await settled_by(rounds, connection(), *applications)


async def settled_by(rounds: Rounds, one: Any, *applications: Coroutine[Any, Any, None]) -> set[asyncio.Task[None]]:
    for application in applications:
        rounds.add(application, one)
    for _ in range(20):
        await asyncio.sleep(0)
    tasks: set[asyncio.Task[None]] = one.tasks
    return tasks


def taken_by(*names: str) -> list[str]:
    taken: list[str] = []
    asyncio.run(settled(Rounds(Lock()), *(three_steps(name, taken) for name in names)))
    return taken


def test_all_take_a_step_before_one_takes_the_next() -> None:
    assert taken_by("a", "b", "c") == ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"]


def test_the_first_of_many_do_not_wait_for_the_last() -> None:
    names = [chr(ord("A") + place) for place in range(TOGETHER + 2)]
    taken = taken_by(*names)
    assert taken.index("A3") < taken.index(f"{names[TOGETHER]}1")
    assert len(taken) == 3 * len(names)


def test_what_waits_goes_on_as_a_task_in_its_context() -> None:
    async def steps(name: str, waited: asyncio.Future[str], found: list[object]) -> None:
        NAME.set(name)
        await STEP
        found.append(NAME.get())
        assert asyncio.current_task() is None
        found.append(await waited)
        found.append((NAME.get(), asyncio.current_task() is not None))

    async def main() -> list[object]:
        waited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        found: list[object] = []
        tasks = await settled(Rounds(Lock()), steps("a", waited, found), steps("b", asyncio.get_running_loop().create_future(), []))
        assert len(tasks) == 2
        assert NAME.get("outside") == "outside"
        waited.set_result("came")
        await asyncio.sleep(0.01)
        assert len(tasks) == 1  # the other one waits
        next(iter(tasks)).cancel()
        return found

    assert asyncio.run(main()) == ["a", "came", ("a", True)]


def test_a_task_that_is_cancelled_ends_in_its_application() -> None:
    async def steps(seen: list[str]) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> list[str]:
        seen: list[str] = []
        (task,) = await settled(Rounds(Lock()), steps(seen))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen

    assert asyncio.run(main()) == ["cancelled"]


@pytest.mark.parametrize("error", [ValueError, StopIteration])
def test_one_that_fails_stops_no_other(error: type[Exception]) -> None:
    """Applications let no exception out; were one to, the loop would report it, and the others go on."""

    async def failing(taken: list[str]) -> None:
        taken.append("x1")
        await STEP
        raise error

    async def main() -> tuple[list[str], list[Any]]:
        taken: list[str] = []
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
        await settled(Rounds(Lock()), failing(taken), three_steps("a", taken))
        return taken, reported

    taken, reported = asyncio.run(main())
    assert taken == ["x1", "a1", "a2", "a3"]
    assert len(reported) == 1


def test_sockets_have_turns_between_long_steps() -> None:
    async def long_steps(taken: list[str]) -> None:
        for _ in range(3):
            time.sleep(1.5 * SLICE_SECONDS)
            taken.append("step")
            await STEP

    async def main() -> list[str]:
        taken: list[str] = []
        loop = asyncio.get_running_loop()

        def other() -> None:
            taken.append("other")
            if len(taken) < 8:
                loop.call_soon(other)

        loop.call_soon(other)
        await settled(Rounds(Lock()), long_steps(taken))
        return taken

    taken = asyncio.run(main())
    first = taken.index("step")
    assert taken[first : first + 4] == ["step", "other", "step", "other"]


def test_requests_that_come_while_the_loop_looks_join_the_round() -> None:
    """The first request of another client than the last one waits for one more look at the sockets."""

    async def main() -> list[str]:
        taken: list[str] = []
        rounds, loop = Rounds(Lock()), asyncio.get_running_loop()
        rounds.add(three_steps("a", taken), connection())
        loop.call_soon(lambda: rounds.add(three_steps("b", taken), connection()))
        for _ in range(10):
            await asyncio.sleep(0)
        return taken

    assert asyncio.run(main()) == ["a1", "b1", "a2", "b2", "a3", "b3"]


def test_the_next_request_of_one_client_runs_at_once() -> None:
    async def main() -> list[str]:
        taken: list[str] = []
        rounds, one = Rounds(Lock()), connection()
        await settled_by(rounds, one, three_steps("a", taken))
        rounds.add(three_steps("b", taken), one)
        return taken

    assert asyncio.run(main()) == ["a1", "a2", "a3", "b1", "b2", "b3"]


def test_a_request_that_comes_within_a_step_waits_for_the_round() -> None:
    """A pipelined request is read while the response before it is written; it does not run within it."""

    async def first(rounds: Rounds, one: Any, taken: list[str]) -> None:
        await STEP
        rounds.add(three_steps("b", taken), one)
        taken.append("a")

    async def main() -> list[str]:
        taken: list[str] = []
        rounds, one = Rounds(Lock()), connection()
        await settled_by(rounds, one, three_steps("x", []))
        rounds.add(first(rounds, one, taken), one)
        return taken

    assert asyncio.run(main()) == ["a", "b1", "b2", "b3"]


def test_the_lock_is_held_while_applications_run_and_only_then() -> None:
    running, seen = Lock(), []

    async def steps() -> None:
        seen.append(running.locked())
        await STEP
        seen.append(running.locked())
        await asyncio.sleep(0.01)
        seen.append(running.locked())

    async def run() -> None:
        await asyncio.gather(*await settled(Rounds(running), steps()))

    asyncio.run(run())
    assert seen == [True, True, False]
    assert not running.locked()
