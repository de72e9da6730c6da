"""Count the Python frames of one small request: a cost that does not depend on the machine or its load.

Run `python -m tests.benchmarks.frames [--names]`. A request of cross entropy (32 x 10) goes over a socket to the protocol, the application and the
log, all in one event loop. A frame is one call of a Python function of `service/`; resumptions of its coroutines have a column of their own, as has the
number of different lines that run. The request is sent many times before, so that caches are filled, and as often as requests are logged together, so
that the log has its share.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from uvicorn.server import ServerState

import service
from service.codec import JSON, Caps
from service.http.admission import Life
from service.losses import LOSSES, compute
from service.server.lifecycle import configured
from service.server.protocol import Protocol
from service.settings import Settings
from service.telemetry import logs
from service.telemetry.requests import TOGETHER
from tests.benchmarks.http import MEDIA, bodies

HOME = f"{Path(service.__file__).parent}/"
SMALL = (32, 10)
WARM = 2 * TOGETHER


class Frames:
    """Counts the frames that begin in the block, by file and function: ours, resumptions of ours, and those of libraries."""

    def __init__(self) -> None:
        self.ours: Counter[str] = Counter()
        self.resumed: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.lines: set[tuple[str, int]] = set()

    def __enter__(self) -> Frames:
        sys.setprofile(self._seen)
        sys.settrace(self._stepped)
        return self

    def __exit__(self, *exc: object) -> None:
        sys.settrace(None)
        sys.setprofile(None)

    def _seen(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if not code.co_filename.startswith(HOME):
            self.others[f"{code.co_filename.rpartition('site-packages/')[2]} {code.co_qualname}"] += 1
        elif code.co_code[frame.f_lasti + 1]:  # of the instruction RESUME: 0 at the start of a function, more after yield and await
            self.resumed[f"{code.co_filename.removeprefix(HOME)} {code.co_qualname}"] += 1
        else:
            self.ours[f"{code.co_filename.removeprefix(HOME)} {code.co_qualname}"] += 1

    def _stepped(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(HOME):
            return None
        if event == "line":
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._stepped


def request(encoding: str) -> bytes:
    """The bytes of a small request, as wrk sends them."""
    body = bodies(*SMALL)[encoding]
    head = f"POST /loss/cross_entropy HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {MEDIA[encoding]}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def of_request(encoding: str) -> Frames:
    """The frames of one small request."""
    return asyncio.run(_of_request(request(encoding)))


async def _of_request(sent: bytes) -> Frames:
    config = configured(Settings(), Life())
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()

    def protocol() -> Protocol:
        made: Any = config.http_protocol_class
        return made(config=config, server_state=state, app_state={}, _loop=loop)

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for _ in range(WARM):
        await _exchange(reader, writer, sent)
    frames = Frames()
    with frames:
        for _ in range(TOGETHER):
            await _exchange(reader, writer, sent)
    for counted in (frames.ours, frames.resumed, frames.others):
        for name in counted:
            counted[name] /= TOGETHER  # type: ignore[assignment]
    writer.close()
    server.close()
    await asyncio.sleep(0)
    return frames


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> None:
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200"), head
    await reader.readexactly(length)
    for _ in range(3):
        await asyncio.sleep(0)  # the task of the request ends


def of_loss() -> Frames:
    """The frames of one loss call in process: checks, value, per-sample losses and gradient."""
    fields = JSON.decode(bodies(*SMALL)["json"], Caps(10**6, 8, 32)).fields
    for _ in range(WARM):
        compute(LOSSES["cross_entropy"], fields, {})
    with Frames() as frames:
        compute(LOSSES["cross_entropy"], fields, {})
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", action="store_true", help="list the functions")
    given = parser.parse_args()
    logs.configure()
    print("| call | frames of service/ | resumptions | lines | frames of libraries |\n|---|---|---|---|---|")
    for name, frames in [*((f"request, {encoding}", of_request(encoding)) for encoding in MEDIA), ("loss, in process", of_loss())]:
        counts = (frames.ours.total(), frames.resumed.total(), len(frames.lines), frames.others.total())
        print(f"| {name} | {' | '.join(f'{count:.0f}' for count in counts)} |")
        if given.names:
            print("\n".join(f"    {count} {where}" for counted in (frames.ours, frames.resumed, frames.others) for where, count in counted.items()))


if __name__ == "__main__":
    main()
