"""The rest of a large body, read from the socket straight into the application's memory.

On its way through uvloop, the parser and the protocol a body is copied four times: 12 % of the processor's time of 5 MB of base64
(perf record, `python -m tests.benchmarks.http`), all of it on the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.server.protocol import Protocol

READ_BYTES = 512 * 1024  # at a time
DISCARDED = memoryview(bytearray(64 * 1024))  # the same for all connections


class Upload(asyncio.BufferedProtocol):
    """Protocol of a connection until the body is complete, also after an early response."""

    def __init__(self, protocol: Protocol, rest: memoryview) -> None:
        self._protocol, self._rest, self._discards = protocol, rest, False
        self.pause_writing, self.resume_writing = protocol.pause_writing, protocol.resume_writing  # type: ignore[method-assign]
        self.eof_received, self.connection_lost = protocol.eof_received, protocol.connection_lost  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the memory for the next bytes."""
        return self._rest[: min(READ_BYTES, self._protocol.body_left)]

    def buffer_updated(self, nbytes: int) -> None:
        """Count the bytes."""
        if self._protocol.uploaded(nbytes) and not self._discards:
            self._rest = self._rest[nbytes:] if nbytes < len(self._rest) else memoryview(b"")  # uvloop refers to this object for longer

    def discard(self) -> None:
        """Let go of the application's memory: the response is out, and the rest of the body is read past."""
        self._rest, self._discards = DISCARDED, True
