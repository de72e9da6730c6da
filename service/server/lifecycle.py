"""uvicorn as this service runs it: deadlines on what clients send and take, and an end that loses no request.

A connection is in one of five phases, each with a deadline; one sweep over all connections, a few times a second, looks for those
that are late, so that deadlines cost a request nothing but assignments.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from functools import partial
from math import inf
from typing import Any

import uvicorn

from service.app import create_app
from service.http.admission import Life
from service.runtime import keep
from service.server.protocol import Protocol
from service.server.supervisor import FAILED_TO_START, Supervisor, shared_metrics
from service.settings import Settings
from service.telemetry import logs, metrics

BACKLOG = 2048


SWITCH_SECONDS = 0.0005  # how long a large computation may keep the interpreter from small requests, in place of Python's 5 ms


SWEEP_SECONDS = 0.2


class Server(uvicorn.Server):
    """SIGTERM: readiness says 503 at once, serving goes on for the grace, then the listener closes and what is under way is finished."""

    def __init__(self, config: uvicorn.Config, settings: Settings, life: Life, parent: int | None = None) -> None:
        super().__init__(config)
        self.settings, self.life, self.parent = settings, life, parent
        self.close_at = inf

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Once begins the grace; SIGINT, or a second signal, ends it. Not kept, so that the process ends with 0."""
        hurry = sig == signal.SIGINT or self.life.draining
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.life.draining = True
        self.close_at = 0.0 if hurry else time.monotonic() + self.settings.grace_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.sweeper = asyncio.create_task(self._sweep())

    async def on_tick(self, counter: int) -> bool:
        orphaned = self.parent not in (None, os.getppid())
        self.should_exit = self.should_exit or orphaned or time.monotonic() >= self.close_at
        return await super().on_tick(counter)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            metrics.flush()  # for the other workers' scrapes
            now = loop.time()
            for connection in list(self.server_state.connections):
                connection.sweep(now)  # type: ignore[union-attr]


def configured(settings: Settings, life: Life, host: str = "127.0.0.1", port: int = 8000, siblings: bool = False) -> uvicorn.Config:
    """Uvicorn's configuration: everything that is not ours to say is off."""
    app = create_app(settings, life)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=partial(Protocol, settings=settings, life=life, losses=app.state.losses, siblings=siblings),  # type: ignore[arg-type]
        ws="none",
        log_config=None,  # logs.configure has seen to it
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.body_seconds + settings.compute_seconds + settings.send_seconds),
    )


def serve(host: str, port: int, workers: int = 1) -> int:
    """Serve until told to stop; the process's exit status."""
    if workers > 1:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        logs.configure(requests=False)
        with shared_metrics():
            return Supervisor(listener, workers).run()
    return serve_here(host, port)


def serve_here(host: str = "127.0.0.1", port: int = 8000, listener: socket.socket | None = None, parent: int | None = None) -> int:
    """One server in this process, on a socket that a parent has opened or on one of its own."""
    keep()
    settings, life = Settings(), Life()
    sys.setswitchinterval(SWITCH_SECONDS)
    logs.configure(settings.access_log)
    server = Server(configured(settings, life, host, port, siblings=parent is not None), settings, life, parent)
    gc.collect()
    gc.freeze()  # what is here stays; collections need not look at it again
    gc.enable()
    server.run(None if listener is None else [listener])
    metrics.flush()
    return 0 if server.started else FAILED_TO_START
