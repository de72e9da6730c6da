"""The decoders and what stands before them, without a socket. Of each body is asked:

- no decoder fails but by saying what is wrong with the body, and no answer is a 5xx;
- the body as a whole, and the same in any pieces, has the same answer;
- JSON reads the same with pysimdjson and without, and what was read, written again and read again, is the same;
- what we take for safetensors, the safetensors library reads as the same tensors.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import safetensors.numpy

from service.app import create_app
from service.codec import JSON as JSON_CODEC
from service.codec import Decoded
from service.codec import inference as inference_codec
from service.codec import safetensors as safetensors_codec
from service.codec.fields import Selection
from service.settings import Settings
from tests.fuzz.inputs import BINARY, INFERENCE, JSON, Input
from tests.fuzz.oracle import Finding, check_both_parsers, decoded, same


class Application:
    """The service without its socket."""

    def __init__(self) -> None:
        self.app = create_app(Settings(inline_bytes=10**9, access_log=False))
        self.loop = asyncio.new_event_loop()
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "app": None,
        }

    def ask(self, given: Input, pieces: list[bytes]) -> tuple[int, bytes]:
        """Status and body of the answer to a body that comes in these pieces."""
        headers = [(b"content-type", given.content_type.encode()), (b"x-request-id", b"same")]
        headers += [(name.encode(), value.encode()) for name, value in given.headers.items()]
        headers += [(b"content-length", str(len(given.body)).encode())] * (len(pieces) > 1)  # with it the buffer has its size from the start
        scope = {**self.scope, "path": given.path, "raw_path": given.path.encode(), "headers": headers, "state": {}}
        coming = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces] + [{"type": "http.request", "body": b""}]
        sent: list[Any] = []

        async def receive() -> Any:
            return coming.pop(0) if coming else await asyncio.sleep(3600)  # what the pool computes is not given up

        async def send(message: Any) -> None:
            sent.append(message)

        self.loop.run_until_complete(self.app(scope, receive, send))
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    def check(self, given: Input, pieces: list[bytes]) -> bool:
        """Hold a body, and the same in pieces, to what is promised; whether it was accepted."""
        assert b"".join(pieces) == given.body
        status, answer = self.ask(given, [given.body])
        if status >= 500:
            raise Finding(given, f"status {status}: {answer[:300]!r}")
        if (again := self.ask(given, pieces)) != (status, answer):
            raise Finding(given, f"in pieces it has another answer: {again!r} in place of {answer!r}"[:2000])
        if given.content_type == JSON:
            check_both_parsers(given)
        if (found := decoded(given)) is not None:
            CHECKS[given.content_type](given, found)
        return status == 200


def check_library(given: Input, found: Decoded) -> None:
    """The safetensors library reads what we take, as the same tensors."""
    header = json.loads(safetensors_codec._header(given.body))
    header.pop("__metadata__", None)
    if any(entry["dtype"] == "BF16" for entry in header.values()):
        return  # NumPy has none
    try:
        loaded = safetensors.numpy.load(given.body)
    except Exception as exc:
        raise Finding(given, f"we read what the library rejects: {exc!r}") from exc
    for name, array in loaded.items():
        if not same(array, at(found.fields, name)):
            raise Finding(given, f"{name} reads otherwise in the library")


def at(fields: Any, name: str) -> Any:
    """The tensor at the place that its name says, or None."""
    for step in name.split("."):
        fields = fields[int(step)] if isinstance(fields, list) else fields.get(step, {})
    return fields


def check_round_trip(given: Input, found: Decoded) -> None:
    """Fields read from JSON are the same after writing and reading them again."""
    for form in ("base64", "flat"):
        if form == "flat" and not all(array.dtype == np.float64 and np.isfinite(array).all() for array in arrays(found.fields)):
            continue  # only base64 keeps types and what is no number
        again = decoded(Input(given.name, JSON, b"".join(JSON_CODEC.encode(found.fields, form))))
        if again is None or not same(again.fields, found.fields):
            raise Finding(given, f"written as {form} it reads otherwise: {again!r} in place of {found!r}"[:2000])


def check_written_again(given: Input, found: Decoded) -> None:
    """Fields of an inference request are the same after writing its tensors in binary and reading them again."""
    tensors = {name: array for name, array in found.fields.items() if isinstance(array, np.ndarray)}
    parts = inference_codec.encode({"loss": given.name, **tensors}, Selection(None, (), True, True))
    head = json.loads(bytes(parts[0]))
    rest = {name: field for name, field in found.fields.items() if name not in {*tensors, "outputs", "wrt"}}
    described = [{**output, "shape": list(tensors[output["name"]].shape)} for output in head["outputs"]]
    text = json.dumps({"inputs": described, "parameters": rest}).encode()
    again = decoded(Input(given.name, INFERENCE, text + b"".join(parts[1:]), str(len(text))))
    if again is None or not same({**again.fields}, {**tensors, **rest}):
        raise Finding(given, f"written again it reads otherwise: {again!r} in place of {found!r}"[:2000])


CHECKS = {JSON: check_round_trip, BINARY: check_library, INFERENCE: check_written_again}


def arrays(value: Any) -> Iterator[Any]:
    """All arrays among the fields."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from arrays(item)


def pieces(body: bytes, rng: random.Random) -> list[bytes]:
    """The body cut at some places, or at each."""
    cuts = range(1, len(body)) if rng.random() < 0.05 else sorted(rng.randrange(len(body) + 1) for _ in range(rng.choice([1, 2, 5])))
    ends = [0, *cuts, len(body)]
    return [body[first:last] for first, last in itertools.pairwise(ends)]
