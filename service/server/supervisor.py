"""Several servers on one listening socket: a worker that dies or hangs is replaced, and what waits on the socket waits for the others."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.telemetry import metrics
from service.telemetry.fleet import PUBLISH_SECONDS, Fleet

FAILED_TO_START = 3  # the exit status of a worker that would fail the same way again
SHORT_LIFE = 2.0  # seconds: a worker that died sooner is replaced only after as long, so that a crash at birth burns no processor
HANG_SECONDS = 30.0  # without a heartbeat: several times the longest that the event loop may be busy
START_SECONDS = 120.0  # until the first heartbeat
TICK_SECONDS = 0.2

MEMORY = Path("/dev/shm")  # noqa: S108
PREFIX = "loss-service-metrics-"
YOUNG = 60.0  # seconds: a directory that is not older may be one that its service has not locked yet

log = logging.getLogger("service")


@contextmanager
def shared_metrics() -> Iterator[Path | None]:
    """A directory for the workers' metrics, None where there is no room for one; what services that were killed left behind is removed.

    Each service holds a lock on its own directory, which ends with it however it ends.
    """
    parent = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}*"):
        _remove_abandoned(left)
    try:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    except OSError as exc:
        log.warning("/metrics will be those of one worker: no directory in %s: %s", parent, exc.strerror)
        yield None
        return
    handle = os.open(directory, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(handle)


def _remove_abandoned(directory: Path) -> None:
    try:
        if time.time() - directory.stat().st_mtime < YOUNG:
            return
        handle = os.open(directory, os.O_RDONLY)
    except OSError:  # gone, or another user's
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    except BlockingIOError:
        pass  # in use
    finally:
        os.close(handle)


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    heartbeat: int  # a pipe; -1 once the worker has closed it
    snapshot: str
    begun: float
    due: float  # a heartbeat, else the worker hangs


class Supervisor:
    """Starts the workers, replaces those that die or hang, passes signals on, and ends when all have ended."""

    def __init__(self, listener: socket.socket, workers: int, directory: Path | None) -> None:
        self.listener, self.count = listener, workers
        self.fleet = Fleet(directory, "supervisor.json") if directory else None
        self.workers: dict[int, _Child] = {}
        self.stopping = False
        self.status = self.started = 0
        self.looked_at = self.published_at = time.monotonic()

    def run(self) -> int:
        """The exit status for the process."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._stop)
        signal.signal(signal.SIGHUP, self._pass_on)
        for _ in range(self.count):
            self._start()
        while self.workers:
            self._listen()
            self._kill_those_that_hang()
            self._reap()
            self._publish()
        return self.status

    def _start(self) -> None:
        self.started += 1
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        handle, snapshot = self.listener.fileno(), f"worker-{self.started}.json"
        command = [sys.executable, "-m", "service.server", str(handle), str(os.getpid()), str(writing)]
        if self.fleet:
            command.append(str(self.fleet.directory / snapshot))
        worker = subprocess.Popen(command, pass_fds=[handle, writing])  # noqa: S603
        os.close(writing)
        now = time.monotonic()
        self.workers[worker.pid] = _Child(worker, reading, snapshot, now, now + START_SECONDS)
        if self.stopping:  # told to stop while it was being started
            os.kill(worker.pid, signal.SIGTERM)

    def _listen(self) -> None:
        """Wait for heartbeats, and note them."""
        pipes = {child.heartbeat: child for child in self.workers.values() if child.heartbeat >= 0}
        ready, _, _ = select.select(list(pipes), [], [], TICK_SECONDS)
        now = time.monotonic()
        if now - self.looked_at > HANG_SECONDS / 2:  # this process was stopped, and with it perhaps the workers
            for child in pipes.values():
                child.due = max(child.due, now + HANG_SECONDS)
        self.looked_at = now
        for pipe in ready:
            if os.read(pipe, 4096):
                pipes[pipe].due = now + HANG_SECONDS
            else:
                os.close(pipe)
                pipes[pipe].heartbeat = -1
        if not pipes:
            time.sleep(TICK_SECONDS / 4)

    def _kill_those_that_hang(self) -> None:
        for pid, child in self.workers.items():
            if time.monotonic() > child.due:
                log.error("worker %d hangs: no heartbeat for %g seconds; it is killed", pid, HANG_SECONDS)
                os.kill(pid, signal.SIGKILL)
                child.due = float("inf")

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in self.workers:
                    self._over(pid, os.waitstatus_to_exitcode(status))

    def _over(self, pid: int, code: int) -> None:
        child = self.workers.pop(pid)
        child.process.returncode = code
        if child.heartbeat >= 0:
            os.close(child.heartbeat)
        if self.fleet:
            self.fleet.bury(child.snapshot)
        if self.stopping:
            self.status = self.status or (0 if code <= 0 else code)
        elif code == FAILED_TO_START:
            self.status = code
            self._stop(signal.SIGTERM)
        else:
            metrics.restarts.inc()
            log.error("worker %d ended with %d; another is started", pid, code)
            time.sleep(SHORT_LIFE if time.monotonic() - child.begun < SHORT_LIFE else 0)
            self._start()

    def _publish(self) -> None:
        if self.fleet and time.monotonic() >= self.published_at + PUBLISH_SECONDS:
            self.published_at = time.monotonic()
            self.fleet.publish()

    def _stop(self, sig: int, frame: Any = None) -> None:
        self.stopping = True
        self._pass_on(sig)

    def _pass_on(self, sig: int, frame: Any = None) -> None:
        for pid in list(self.workers):
            with suppress(ProcessLookupError):
                os.kill(pid, sig)  # Popen's own would look for the child first, and so take its exit status away from os.waitpid
