"""Properties of every response, whatever the request."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

import numpy as np
import safetensors.numpy
from pydantic import ValidationError

from service.codec import JSON as JSON_CODEC
from service.codec import SAFETENSORS, BodyError, Caps, Decoded, inference_codec
from service.codec import json as json_codec
from service.codec.inference import DATATYPES
from service.codec.tensors import GiveUp
from tests.edge.wire import GOOD, Reply, Serving, Wire, post
from tests.fuzz.inputs import BINARY, INFERENCE, JSON, Input

REJECTIONS = {400, 404, 413, 415, 422}
MIB = 1024 * 1024
CAPS = Caps(32 * MIB, 8, 32)
PIPELINED = 64 * 1024  # bytes: larger requests are not sent several times before the responses are read
UNREAD = MIB  # bytes sent at most on a connection that is never read
MOST_UNREAD = 30  # of these connections


class Finding(AssertionError):
    """An input after which something does not hold."""

    def __init__(self, given: Input, what: str) -> None:
        super().__init__(f"{what}\n{given!r}")
        self.given = given


def memory() -> int:
    """Resident bytes of this process, in which the server runs."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Session:
    """One connection over which inputs go; a new one where an answer says that the old one ends."""

    def __init__(self, serving: Serving, rng: random.Random) -> None:
        self.serving, self.rng = serving, rng
        self.wire = Wire(serving, timeout=60)
        self.inputs = self.accepted = 0
        self.bound = memory() + 1024 * MIB
        self.unread: deque[Wire] = deque()

    def close(self) -> None:
        for wire in (self.wire, *self.unread):
            wire.socket.close()

    def check(self, given: Input) -> None:
        """Ask, and hold the answer to what is promised; Finding where it does not keep it."""
        self.inputs += 1
        try:
            request = post(given.body, given.path, given.content_type, _lines(given))
            if given.way == "unread":
                self._leave_unread(request)
            answer = self._ask_for_some(given, request) if given.way == "pipelined" else self._ask(request, given.after)
            _check_answer(given, answer)
            self.accepted += answer.status == 200
            if self.rng.random() < 0.2 and self.wire.ask(post(GOOD)).status != 200:
                raise Finding(given, "the next good request on the connection is not answered")
            if self.rng.random() < 0.1:
                self._check_split(given, answer)
        except (OSError, EOFError) as exc:
            raise Finding(given, f"the connection ends: {exc!r}") from exc
        if self.rng.random() < 0.2 and given.content_type == JSON:
            check_both_parsers(given)
        if self.inputs % 500 == 0 and memory() > self.bound:
            raise Finding(given, f"memory has grown to {memory() // MIB} MiB")

    def _ask(self, data: bytes, after: bytes = b"") -> Reply:
        answer = self.wire.ask(data + after)
        if answer.headers.get("connection") == "close" or after:
            self._reconnect()
        return answer

    def _reconnect(self) -> None:
        self.wire.socket.close()
        self.wire = Wire(self.serving, timeout=60)

    def _ask_for_some(self, given: Input, request: bytes) -> Reply:
        """Pipeline the request between good ones, and return its response."""
        times = self.rng.randrange(2, 6) if len(request) < PIPELINED else 1
        self.wire.send((request + post(GOOD)) * times)
        answers = []
        for turn in range(2 * times):
            answers.append(self.wire.reply())
            if turn % 2 and answers[-1].status != 200:
                raise Finding(given, f"a good request behind it has the status {answers[-1].status}")
            if answers[-1].headers.get("connection") == "close":
                self._reconnect()
                break
        if len({(answer.status, _plain(answer)) for answer in answers[::2]}) > 1:
            raise Finding(given, "the same request has two responses")
        return answers[0]

    def _leave_unread(self, request: bytes) -> None:
        """Send the request again and again on a connection that is never read, and close an earlier one of these."""
        wire = Wire(self.serving)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.socket.setblocking(False)
        data = memoryview(request * max(1, min(200, UNREAD // len(request))))
        with suppress(OSError):  # the server reads no more, or has closed
            while data:
                data = data[wire.socket.send(data) :]
        self.unread.append(wire)
        if len(self.unread) > MOST_UNREAD:
            self.unread.popleft().socket.close()

    def _check_split(self, given: Input, answer: Reply) -> None:
        """The same body in chunks has the same answer."""
        head = post(b"", given.path, given.content_type, _lines(given)).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        rest, chunks = given.body, b""
        while rest:
            size = self.rng.randrange(1, len(rest) + 1)
            chunks, rest = chunks + b"%x\r\n%b\r\n" % (size, rest[:size]), rest[size:]
        again = self._ask(head + chunks + b"0\r\n\r\n")
        if (again.status, _plain(again)) != (answer.status, _plain(answer)):
            raise Finding(given, "the body in chunks has another answer than the body as a whole")


def _lines(given: Input) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in given.headers.items())


def _plain(answer: Reply) -> bytes:
    return answer.body.replace(answer.headers["x-request-id"].encode(), b"")


def _check_answer(given: Input, answer: Reply) -> None:
    if answer.status in REJECTIONS:
        problem = _problem(given, answer)
        if problem["type"] == "/problems/internal":
            raise Finding(given, "a rejection that is our failure")
    elif answer.status == 200:
        _check_result(given, answer)
    else:
        raise Finding(given, f"status {answer.status}: {answer.body[:300]!r}")


def _problem(given: Input, answer: Reply) -> dict[str, Any]:
    try:
        return answer.problem if given.content_type != INFERENCE else _inference_problem(answer)
    except (AssertionError, ValueError, KeyError) as exc:
        raise Finding(given, f"no problem document: {answer!r}"[:2000]) from exc


def _inference_problem(answer: Reply) -> dict[str, Any]:
    """A problem as the Open Inference Protocol has it."""
    problem: dict[str, Any] = json.loads(answer.body)
    assert answer.headers["content-type"] == "application/json"
    assert problem["error"] == problem["detail"]
    assert len(answer.body) < 17 * 1024
    return problem


def _check_inference(given: Input, answer: Reply) -> None:
    """Hold a response to its head: the bytes after it are those of its binary tensors, and all its numbers are finite."""
    size = int(answer.headers.get("inference-header-content-length", len(answer.body)))
    head, data = json.loads(answer.body[:size], parse_constant=_no_constant), answer.body[size:]
    for output in head["outputs"]:
        if (length := output.get("parameters", {}).get("binary_data_size")) is not None:
            array = np.frombuffer(data[:length], DATATYPES[output["datatype"]])
            data = data[length:]
            if not np.isfinite(array.astype(np.float64)).all() or array.size != np.prod(output["shape"]):
                raise Finding(given, f"{output} is not finite, or not of its size")
    if data:
        raise Finding(given, f"{len(data)} bytes too many")


def _check_result(given: Input, answer: Reply) -> None:
    try:
        if given.content_type == INFERENCE:
            _check_inference(given, answer)
        elif answer.headers["content-type"] == BINARY:
            loaded = safetensors.numpy.load(answer.body)
            if not all(np.isfinite(array).all() for array in loaded.values() if array.dtype.kind == "f"):
                raise Finding(given, "an answer that is not finite")
        else:
            result = json.loads(answer.body, parse_constant=_no_constant)
            if not isinstance(result["loss"], str) or None in result.values():
                raise Finding(given, "an answer without a loss, or with a null")
    except (ValueError, KeyError, safetensors.SafetensorError) as exc:
        raise Finding(given, f"an answer that is none: {exc!r}, {answer.body[:200]!r}") from exc


def _no_constant(token: str) -> NoReturn:
    raise ValueError(token)


# ------------------------------------------------------------------ decoders alone


def check_both_parsers(given: Input) -> None:
    """With and without pysimdjson, the same fields come out or the body is rejected."""
    fast = decoded(given)
    with without_simdjson():
        exact = decoded(given)
    if (fast is None) != (exact is None) or (fast is not None and exact is not None and not same(fast.fields, exact.fields)):
        raise Finding(given, f"two parsers, two readings: {fast!r} and {exact!r}"[:1000])


@contextmanager
def without_simdjson() -> Iterator[None]:
    """Let pysimdjson give up in this thread; servers of this process go on with it."""
    fast, here = json_codec._fast, threading.get_ident()

    def given_up(body: bytes | bytearray, caps: Caps) -> Decoded:
        if threading.get_ident() == here:
            raise GiveUp
        return fast(body, caps)

    with mock.patch.object(json_codec, "_fast", given_up):
        yield


def decoded(given: Input) -> Decoded | None:
    """Return the decoded body; None if the decoder rejects it."""
    inference = given.content_type == INFERENCE
    codec = inference_codec(given.head.encode() or None) if inference else JSON_CODEC if given.content_type == JSON else SAFETENSORS
    try:
        return codec.decode(given.body, CAPS)
    except (BodyError, ValidationError):
        return None
    except Exception as exc:
        raise Finding(given, f"the decoder fails: {exc!r}") from exc


def same(one: Any, other: Any) -> bool:
    """Bit for bit."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other
