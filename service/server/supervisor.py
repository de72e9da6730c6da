"""Several servers on one listening socket: a worker that dies is replaced, and what waits on the socket waits for the others."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.telemetry.metrics import DIRECTORY, forget_worker

FAILED_TO_START = 3  # the exit status of a worker that would fail the same way again
SHORT_LIFE = 2.0  # seconds: a worker that died sooner is replaced only after as long, so that a crash at birth burns no processor

MEMORY = Path("/dev/shm")  # noqa: S108
PREFIX = "loss-service-metrics-"
YOUNG = 60.0  # seconds: a directory that is not older may be one that its service has not locked yet

log = logging.getLogger("service")


@contextmanager
def shared_metrics() -> Iterator[None]:
    """A directory in memory for the workers' counters, named in the environment; what services that were killed left behind is removed.

    Each service holds a lock on its own directory, which ends with it however it ends.
    """
    parent = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}*"):
        _remove_abandoned(left)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    handle = os.open(directory, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.environ[DIRECTORY] = str(directory)
    try:
        yield
    finally:
        os.environ.pop(DIRECTORY, None)
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


class Supervisor:
    """Starts the workers, replaces those that die, hands SIGTERM and SIGINT on, and ends when all have ended."""

    def __init__(self, listener: socket.socket, workers: int) -> None:
        self.listener, self.count = listener, workers
        self.workers: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
        self.stopping = False
        self.status = 0

    def run(self) -> int:
        """The exit status for the process."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._stop)
        for _ in range(self.count):
            self._start()
        while self.workers:
            pid, status = os.wait()
            if pid in self.workers:
                self._over(pid, os.waitstatus_to_exitcode(status))
        return self.status

    def _start(self) -> None:
        handle = self.listener.fileno()
        worker = subprocess.Popen([sys.executable, "-m", "service.server", str(handle), str(os.getpid())], pass_fds=[handle])  # noqa: S603
        self.workers[worker.pid] = (worker, time.monotonic())
        if self.stopping:  # told to stop while it was being started
            os.kill(worker.pid, signal.SIGTERM)

    def _over(self, pid: int, code: int) -> None:
        worker, begun = self.workers.pop(pid)
        forget_worker(pid)
        worker.returncode = code
        if self.stopping:
            self.status = self.status or (0 if code <= 0 else code)
        elif code == FAILED_TO_START:
            self.status = code
            self._stop(signal.SIGTERM)
        else:
            log.error("worker %d ended with %d; another is started", pid, code)
            time.sleep(SHORT_LIFE if time.monotonic() - begun < SHORT_LIFE else 0)
            self._start()

    def _stop(self, sig: int, frame: Any = None) -> None:
        self.stopping = True
        for pid in list(self.workers):
            os.kill(pid, sig)  # Popen's own would look for the child first, and so take its end away from os.wait
