"""Client and AsyncClient: calls of the service over one pool of connections.

The steps of a call (requests and waits) are a generator. The two clients differ only in how they take a step.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from collections.abc import Coroutine, Generator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from loss_client.answer import Answer, read
from loss_client.errors import ConnectionLost, LossServiceError, Overloaded, Unavailable, from_response
from loss_client.losses import Losses
from loss_client.safetensors import MEDIA_TYPE, decode, encode

CONNECT_SECONDS = 5.0
LONGEST_PAUSE = 2.0  # seconds between two attempts, where the service names none

log = logging.getLogger("loss_client")

Card = dict[str, Any]
Outcome = tuple[httpx.Response, bytearray] | httpx.TransportError | None
Steps = Generator[dict[str, Any] | float, Outcome, Any]  # yields arguments of httpx's `stream`, and seconds to wait
R = TypeVar("R")
C = TypeVar("C")
L = TypeVar("L")


class _Calls(Losses[R], Generic[R, C, L]):
    """The methods of both clients. R, C and L are an answer, a card and a list of cards, or coroutines of them.

    The constructor sends nothing. token: the bearer token. timeout: seconds for one call, with its retries and waits. retries: how many times
    a call is sent again after a lost connection, a 429 or a 503, half a minute in all; a Retry-After is waited for. A call is a pure function
    of its request, so sending it again is safe. options: further arguments of httpx's client, such as `verify`, `proxy` or `headers`. Compressed
    responses are accepted from other hosts, but not over loopback. Copies, pickles and forks open connections of their own.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = 60.0, retries: int = 20, **options: Any) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"url: no scheme; expected http:// or https://, got {url[:100]!r}")
        headers = {"user-agent": "loss-client"} | ({"authorization": f"Bearer {token}"} if token else {})
        if httpx.URL(url).host in ("localhost", "127.0.0.1", "::1"):
            headers["accept-encoding"] = "identity"
        self.url, self.timeout, self.retries = url, timeout, retries
        self._options = {**options, "headers": headers | dict(options.get("headers") or {})}
        self._cards: dict[str, Card] = {}
        self._pools: dict[int, Any] = {}  # by process: a fork must not write to its parent's sockets

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_pools": {}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __call__(self, name: str, /, *tensors: Any, **fields: Any) -> R:
        """Compute a loss: tensors in the card's order or by name, options and controls by name. None marks an absent input."""
        return self._run(self._call(name, tensors, fields))

    def combination(self, terms: Sequence[Mapping[str, Any]], **fields: Any) -> R:
        """Compute a weighted sum of losses. A term is {"name", "loss", "weight", "inputs"}; `inputs` are the arguments of its loss by name."""
        return self._run(self._call("combination", (), {"terms": terms, **fields}))

    def card(self, name: str) -> C:
        """Return the card of a loss: its inputs, options, formula, reference, synonyms and an example."""
        return self._run(self._card(name))

    def search(self, text: str) -> L:
        """Return the cards that match a text such as "smooth l1", the best first."""
        return self._run(self._json("GET", "/loss", params={"q": text}))

    def check(self, name: str, /, *tensors: Any, claimed: Any, tolerance: float | None = None, **fields: Any) -> C:
        """Compare numbers of another implementation with this loss.

        claimed: a mapping of `value`, `per_sample` and `gradients`, or the value alone. The result has `agrees`, `outputs` (the errors of each
        claimed output) and `would_agree_with` (changes of the request that give the claimed numbers).
        """
        claims = claimed if isinstance(claimed, Mapping) else {"value": claimed}
        return self._run(self._check(name, tensors, {"claimed": claims, "tolerance": tolerance}, fields))

    def _run(self, steps: Steps) -> Any:
        raise NotImplementedError

    def _pool(self, of: type[Any]) -> Any:
        """The connections of this process. Where two threads open them at once, setdefault keeps the first."""
        pool = self._pools.get(os.getpid())
        return self._pools.setdefault(os.getpid(), of(**self._options)) if pool is None else pool

    def _steps(self, method: str, url: str, fields: Mapping[str, Any] | None = None, accept: str = "application/json", **options: Any) -> Steps:
        """Send until there is a result, an error that would come again, or neither time nor retries left."""
        options |= {"method": method, "url": _absolute(self.url, url), "headers": {"accept": accept}}
        if fields is not None:
            options["content"] = encode(fields)
            options["headers"]["content-type"] = MEDIA_TYPE
        deadline, attempt = time.monotonic() + self.timeout, 0
        while True:
            left = max(deadline - time.monotonic(), 0.001)
            outcome = yield {"timeout": httpx.Timeout(left, connect=min(left, CONNECT_SECONDS)), **options}
            if isinstance(outcome, tuple) and outcome[0].status_code == 200 and outcome[0].headers.get("content-type", "").startswith(accept):
                return outcome[1]
            error, pause = self._failure(outcome, attempt)
            attempt += 1
            if pause is None or attempt > self.retries or time.monotonic() + pause > deadline:
                raise error
            log.warning("%s; sent again in %.2f s", error, pause)
            yield pause

    def _failure(self, outcome: Any, attempt: int) -> tuple[LossServiceError, float | None]:
        """The exception of an attempt, and the seconds before the next; None where that would fail alike."""
        pause = random.uniform(0.75, 1.25) * min(0.05 * 2**attempt, LONGEST_PAUSE)  # noqa: S311 -- it spreads clients
        if not isinstance(outcome, tuple):
            lost = ConnectionLost(f"no response from {self.url}, attempt {attempt + 1} of {self.retries + 1}: {type(outcome).__name__} {outcome}")
            lost.__cause__ = outcome
            return lost, pause
        error = from_response(outcome[0].status_code, outcome[1])
        after = outcome[0].headers.get("retry-after", "")
        retried = isinstance(error, (Overloaded, Unavailable))
        return error, pause + (float(after) if after.isdigit() else 0.0) if retried else None

    def _json(self, method: str, url: str, fields: Mapping[str, Any] | None = None, **options: Any) -> Steps:
        return json.loads((yield from self._steps(method, url, fields, **options)))

    def _card(self, name: str) -> Steps:
        if name not in self._cards:
            self._cards[name] = yield from self._json("GET", f"/loss/{quote(name, safe='')}")
        return self._cards[name]

    def _call(self, name: str, tensors: Sequence[Any], fields: Mapping[str, Any]) -> Steps:
        card = yield from self._card(name)
        request = bound(card, tensors, fields)
        found = decode((yield from self._steps("POST", f"/loss/{quote(name, safe='')}", request, MEDIA_TYPE)))
        if "terms" in found:
            terms = []
            for i, term in enumerate(request["terms"]):
                terms.append(read(found["terms"][str(i)], term["inputs"], (yield from self._card(term["loss"]))))
            found["terms"] = terms
        return read(found, request, card)

    def _check(self, name: str, tensors: Sequence[Any], claim: Mapping[str, Any], fields: Mapping[str, Any]) -> Steps:
        card = yield from self._card(name)
        return (yield from self._json("POST", f"/check/{quote(name, safe='')}", {"request": bound(card, tensors, fields), **claim}))


@lru_cache(maxsize=1024)  # to parse and join the two takes httpx 0.15 ms of a call of 1.7
def _absolute(base: str, path: str) -> httpx.URL:
    return httpx.URL(base.rstrip("/") + path)


def bound(card: Mapping[str, Any], tensors: Sequence[Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The request's fields without those that are None; positional tensors have the card's names."""
    names = [item["name"] for item in card["inputs"]]
    if len(tensors) > len(names) or fields.keys() & set(names[: len(tensors)]):
        raise TypeError(f"{card['name']}: {len(tensors)} tensors and {', '.join(fields) or 'no fields'}; expected each of {', '.join(names)} once")
    return {name: value for name, value in (*zip(names, tensors, strict=False), *fields.items()) if value is not None}


def check_differentiable(card: Mapping[str, Any], wrt: Sequence[str]) -> None:
    """Raise ValueError for an input whose gradient is needed, and which has none."""
    possible = [item["name"] for item in card["inputs"] if item["differentiable"]]
    for name in wrt:
        if name not in possible:
            raise ValueError(f"{name}: no gradient in {card['name']}; expected one of {', '.join(possible)}, or a detached tensor (stop_gradient)")


class Client(_Calls[Answer, Card, list[Card]]):
    """Calls that wait for their answer: `client.cross_entropy(predictions, labels, label_smoothing=0.1).value`. Threads may share it."""

    def _run(self, steps: Steps) -> Any:
        outcome: Outcome = None
        try:
            while True:
                step = steps.send(outcome)
                outcome = self._send(step) if isinstance(step, dict) else time.sleep(step)  # type: ignore[func-returns-value]
        except StopIteration as end:
            return end.value

    def _send(self, request: dict[str, Any]) -> Outcome:
        try:
            with self._pool(httpx.Client).stream(**request) as response:
                return response, bytearray().join(response.iter_bytes())
        except httpx.TransportError as error:
            return error

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if pool := self._pools.pop(os.getpid(), None):
            pool.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if "_pools" in vars(self):
            self.close()


class AsyncClient(_Calls[Coroutine[Any, Any, Answer], Coroutine[Any, Any, Card], Coroutine[Any, Any, list[Card]]]):
    """Calls to be awaited, in one event loop: `answer = await client.cross_entropy(predictions, labels)`."""

    async def _run(self, steps: Steps) -> Any:
        outcome: Outcome = None
        try:
            while True:
                step = steps.send(outcome)
                outcome = await (self._send(step) if isinstance(step, dict) else asyncio.sleep(step))
        except StopIteration as end:
            return end.value

    async def _send(self, request: dict[str, Any]) -> Outcome:
        try:
            async with self._pool(httpx.AsyncClient).stream(**request) as response:
                return response, bytearray().join([part async for part in response.aiter_bytes()])
        except httpx.TransportError as error:
            return error

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if pool := self._pools.pop(os.getpid(), None):
            await pool.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
