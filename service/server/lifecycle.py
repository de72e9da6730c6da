"""uvicorn as this service runs it: deadlines on what clients send and take, and a shutdown that loses no request."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import uvicorn

from service import __version__
from service.app import create_app
from service.http.admission import Life
from service.http.auth import tokens
from service.http.endpoint import LossEndpoint
from service.runtime import keep, resident, trim
from service.server.protocol import Protocol
from service.server.rounds import Rounds
from service.server.supervisor import FAILED_TO_START, Supervisor, shared_metrics
from service.settings import Settings
from service.telemetry import logs, metrics
from service.telemetry.fleet import PUBLISH_SECONDS, Fleet

BACKLOG = 2048
SWITCH_SECONDS = 1e-4  # how long a computation keeps the interpreter from small requests, in place of Python's 5 ms
# p99 of small requests beside 20 MB of JSON: 1.6 to 1.9 ms; 1.3 to 1.9 with 3e-4, but 14 computations of 100 ms a second from 8 callers in place of 18
SWEEP_SECONDS = 0.2
TRIM_SECONDS = 3.0  # between two trimmings: each is some milliseconds, and the pages come back at the price of fresh ones
GROWTH = 8 * 1024 * 1024  # bytes of memory that are not worth a trimming

log = logging.getLogger("service")


@dataclass
class Worker:
    """The ties of a worker to its supervisor."""

    parent: int
    heartbeat: int  # a pipe that does not block
    fleet: Fleet | None

    def beat(self) -> None:
        """Tell the supervisor that the event loop runs."""
        with suppress(OSError):  # the pipe is full where the supervisor is stopped
            os.write(self.heartbeat, b".")


class Server(uvicorn.Server):
    """On SIGTERM readiness is 503 at once, serving continues for the grace period, then the listener closes and requests in progress are finished."""

    def __init__(self, config: uvicorn.Config, settings: Settings, life: Life, worker: Worker | None = None) -> None:
        super().__init__(config)
        self.settings, self.life, self.worker = settings, life, worker
        self.close_at = inf
        self.announced = self.reload_wanted = False
        self.trimmed_at, self.published_at, self.rest = 0.0, 0.0, 0

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin the grace; SIGINT, or a second signal, ends it. The signal is not raised again at the end, so that the process exits with 0."""
        hurry = sig == signal.SIGINT or self.life.draining
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.life.draining = True
        self.close_at = 0.0 if hurry else time.monotonic() + self.settings.grace_seconds

    def handle_reload(self, sig: int, frame: Any) -> None:
        """Read the tokens again, at the next tick."""
        self.reload_wanted = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        metrics.in_flight.set_function(lambda: len(self.server_state.tasks))  # which uvicorn counts already: a request pays nothing
        self.rest = resident()
        self.sweeper = asyncio.create_task(self._sweep_for_ever())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.life.stopped = True
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        orphaned = self.worker is not None and self.worker.parent != os.getppid()
        self.should_exit = self.should_exit or orphaned or time.monotonic() >= self.close_at
        if self.life.draining and not self.announced:
            self.announced = True
            logs.event("draining", grace_seconds=self.settings.grace_seconds, connections=len(self.server_state.connections))
        if self.reload_wanted:
            self.reload_wanted = False
            self._reload()
        return await super().on_tick(counter)

    def _reload(self) -> None:
        """Replace the tokens; where they cannot be read, the old ones stay."""
        try:
            found = tokens(Settings())
        except (OSError, ValueError) as exc:
            log.error("the tokens were not read again, the old ones stay in force: %s", exc if isinstance(exc, OSError) else type(exc).__name__)
            return
        _losses(self.config).bearers.replace(found)
        logs.event("reloaded", tokens=len(found))

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self._sweep(asyncio.get_running_loop().time())
            except Exception:
                log.exception("the sweep over connections failed")

    async def _sweep(self, now: float) -> None:
        if self.worker is not None:
            self.worker.beat()
        metrics.unsent_bytes.set(sum(connection.sweep(now) for connection in list(self.server_state.connections)))  # type: ignore[union-attr]
        if now >= self.trimmed_at + TRIM_SECONDS and resident() > self.rest + GROWTH:
            await asyncio.to_thread(trim)
            self.trimmed_at, self.rest = now, self.rest if self.server_state.tasks else resident()
        if self.worker is not None and self.worker.fleet is not None and now >= self.published_at + PUBLISH_SECONDS:
            self.published_at = now
            await asyncio.to_thread(self.worker.fleet.publish)


def configured(settings: Settings, life: Life, worker: Worker | None = None) -> uvicorn.Config:
    """Uvicorn's configuration: everything that this service decides for itself is off."""
    app = create_app(settings, life, worker.fleet if worker else None)
    return uvicorn.Config(
        app,
        http=partial(
            Protocol, settings=settings, life=life, losses=app.state.losses, rounds=Rounds(app.state.losses.running), siblings=worker is not None
        ),  # type: ignore[arg-type]
        ws="none",
        log_config=None,  # logs.configure has seen to it
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(settings.body_seconds + settings.compute_seconds + settings.send_seconds),
    )


def _losses(config: uvicorn.Config) -> LossEndpoint:
    found: LossEndpoint = config.app.state.losses  # type: ignore[union-attr]
    return found


def serve(host: str, port: int, workers: int = 1) -> int:
    """Serve until told to stop; the process's exit status. OSError where the address cannot be had."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    print(f"Loss service on {address}\nLook at the losses: {address}/", flush=True)
    if workers == 1:
        return serve_here(listener, address=address)
    logs.configure(shared=True)
    with shared_metrics() as directory:
        logs.event("started", **_described(address=address, workers=workers))
        status = Supervisor(listener, workers, directory).run()
    logs.event("stopped", status=status)
    return status


def serve_here(listener: socket.socket, worker: Worker | None = None, address: str = "") -> int:
    """One server in this process, on a socket that is open; the process's exit status."""
    keep()
    settings, life = Settings(), Life()
    sys.setswitchinterval(SWITCH_SECONDS)
    logs.configure(settings.access_log, shared=worker is not None)
    server = Server(configured(settings, life, worker), settings, life, worker)
    signal.signal(signal.SIGHUP, server.handle_reload)
    gc.collect()
    gc.freeze()  # objects alive now are permanent; collections need not visit them again
    gc.enable()
    logs.event("started", **(_described(settings, address=address) if worker is None else {"pid": os.getpid()}))
    server.run([listener])
    if worker is not None and worker.fleet is not None:
        with suppress(OSError):
            worker.fleet.publish()
    logs.event("stopped", pid=os.getpid(), requests=server.server_state.total_requests)
    return 0 if server.started else FAILED_TO_START


def _described(settings: Settings | None = None, **fields: Any) -> dict[str, Any]:
    """Return the line of the start: the version, the address, and the settings that differ from their defaults; never a token."""
    settings = settings or Settings()
    changed = {
        name: getattr(settings, name)
        for name, field in Settings.model_fields.items()
        if not field.exclude and getattr(settings, name) != field.default
    }
    return {"version": __version__, "pid": os.getpid(), **fields, "settings": changed}
