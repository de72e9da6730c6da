"""Rejecting a body costs about what reading it costs: seconds of the processor, which the load of others does not change much."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator

import pytest

from service.api.operations import find_operation
from service.codec import JSON
from service.errors import Failure, failure
from service.http.endpoint import exchange
from service.http.negotiation import Exchange
from service.settings import Settings
from tests.fuzz.oracle import CAPS

SIZES = (60_000, 200_000)
TIMES = 10  # the exact place of a mistake is looked for by a second reader, which makes Python's own objects
SLACK = 0.005


def filled(unit: bytes, size: int, last: bytes = b"") -> bytes:
    """A request of that many bytes."""
    items = b",".join([unit] * (size // (len(unit) + 1)))
    return b'{"predictions": [' + items + (b"," + last if last else b"") + b'], "labels": [0]}'


NUMBERS: Callable[[int], bytes] = lambda size: filled(b"1.25", size)  # noqa: E731
CASES: dict[str, tuple[Callable[[int], bytes], Callable[[int], bytes]]] = {
    "a string among numbers": (lambda size: filled(b"1.25", size, b'"a"'), NUMBERS),
    "nulls": (lambda size: filled(b"null", size), NUMBERS),
    "NaN": (lambda size: filled(b"1.25", size, b"NaN"), NUMBERS),
    "strings": (lambda size: filled(b'"a"', size), NUMBERS),
    "objects": (lambda size: filled(b"{}", size), NUMBERS),
    "names": (lambda size: b"{" + b",".join(b'"n%d":1' % i for i in range(size // 12)) + b"}", NUMBERS),
    "quotes": (lambda size: filled(rb"\"" * (size // 2), size), NUMBERS),
    "brackets in a string": (lambda size: filled(b'"' + b"[" * size + b'"', size), NUMBERS),
    "deep": (lambda size: b"[" * size, NUMBERS),
    "truncated": (lambda size: filled(b"1.25", size)[:-20], NUMBERS),
    "names twice": (lambda size: filled(b"1.25", size)[:-1] + b', "labels": [1]}', NUMBERS),
    "ragged": (lambda size: filled(b"[1,2]", size, b"[1]"), lambda size: filled(b"[1,2]", size)),
    "ragged in rank 3": (lambda size: filled(b"[[1]]", size, b"[[1,2]]"), lambda size: filled(b"[[1]]", size)),
    "rows of nothing": (lambda size: filled(b"[]", size), lambda size: filled(b"[1]", size)),
}


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """As in the server: what was there before is no part of a collection, which would count what other tests have left."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def seconds(function: Callable[[], object]) -> float:
    """The least of three."""
    taken = []
    for _ in range(3):
        start = time.thread_time()
        function()
        taken.append(time.thread_time() - start)
    return min(taken)


def reject(body: bytes) -> None:
    problem = None
    try:
        exchange(find_operation("mean_squared_error"), body, Exchange(JSON, JSON, None, b""), Settings(), 0.0)
    except Exception as exc:
        problem = failure(exc)
    assert problem
    assert problem.status in (400, 422)
    assert len(problem.body("x")) < 16_000


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_a_rejection_costs_about_what_reading_costs(case: str, size: int) -> None:
    bad, good = (make(size) for make in CASES[case])
    assert seconds(lambda: reject(bad)) < TIMES * seconds(lambda: JSON.decode(good, CAPS)) + SLACK


MISSES = ("cross_entrop", "smoth_l1", "mean_squared_eror", "a b c d e f g h i j k", "entropy_cross_binary_with", "no_such_loss")
NEAR_TIMES = 2  # measured: 0.1 to 1.2


@pytest.mark.parametrize("name", MISSES)
def test_a_near_miss_costs_at_most_twice_a_small_request(name: str) -> None:
    """Each name is another one, so that no search is cached."""
    body = json.dumps({"predictions": [[0.25 * column for column in range(10)]] * 32, "labels": [3] * 32}).encode()
    names = (f"{name}{suffix}" for suffix in range(1000, 10**6))

    def good() -> object:
        return exchange(find_operation("cross_entropy"), body, Exchange(JSON, JSON, None, b""), Settings(), 0.0)

    def missed() -> object:
        with pytest.raises(Failure) as rejection:
            find_operation(next(names))
        return rejection.value.body("x")

    good()
    missed()  # the index and the schema are made at the first call
    assert seconds(lambda: [missed() for _ in range(20)]) < NEAR_TIMES * seconds(lambda: [good() for _ in range(20)])
