"""A restart loses nothing, and a worker that is killed is replaced."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.edge.wire import GOOD, Wire, large, planted, post, serving, wait_until

HEADERS = {"content-type": "application/json"}
REQUESTS = int(os.environ.get("ROLLOUT_REQUESTS", "600"))  # make rollout asks for 10,000
PATIENCE = 60 + REQUESTS / 20


class Process:
    """The service as a process of its own."""

    def __init__(self, grace: float, workers: int = 1, settings: str = "", before: Sequence[str] = (), **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 -- a pipe that nobody reads would fill up and hold the service
        program = f"import sys; from service.server import lifecycle, supervisor; {settings}\nsys.exit(lifecycle.serve('127.0.0.1', {self.port}, {workers}))"
        self.process = subprocess.Popen(
            [*before, sys.executable, "-c", program],
            env={**os.environ, "LOSS_SERVICE_GRACE_SECONDS": str(grace), **environment},
            stdout=subprocess.DEVNULL,
            stderr=self.log,
        )

    def ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=2).status_code == 200
        return False

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]

    def end(self) -> tuple[int, str]:
        """Exit status and log."""
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self.log.seek(0)
        lines = self.log.read().decode().splitlines()
        return code, "\n".join(line for line in lines if '"level":"info"' not in line)


@contextmanager
def process(grace: float, workers: int = 1, settings: str = "", before: Sequence[str] = (), **environment: str) -> Iterator[Process]:
    """The service in a process: `settings` is Python before the start, `before` a command that runs it, the rest its environment."""
    started = Process(grace, workers, settings, before, **environment)
    try:
        wait_until(started.ready, 60)
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait()
        started.log.close()


class Balancer:
    """Passes connections on to the first backend that says it is ready, asked a few times a second: what a small TCP balancer does."""

    def __init__(self, backends: list[int]) -> None:
        self.backends, self.ready = backends, backends[:1]
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.stopped = False
        self.threads = [threading.Thread(target=self._accept, daemon=True), threading.Thread(target=self._probe, daemon=True)]
        for thread in self.threads:
            thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def close(self) -> None:
        self.stopped = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)

    def _probe(self) -> None:
        while not self.stopped:
            self.ready = [port for port in self.backends if self._is_ready(port)] or self.ready
            time.sleep(0.1)

    def _is_ready(self, port: int) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
            probe.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return probe.recv(100).startswith(b"HTTP/1.1 200")
        return False

    def _accept(self) -> None:
        while not self.stopped:
            with suppress(OSError):
                near, _ = self.listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        with suppress(OSError), near, socket.create_connection(("127.0.0.1", self.ready[0]), 5) as far:
            far.settimeout(None)
            back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
            back.start()
            self._pass(near, far)
            back.join()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end, how in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
            with suppress(OSError):
                end.shutdown(how)


def asked(client: httpx.Client) -> int:
    """A status, with one more try where the connection or the server was going."""
    for _ in range(2):
        try:
            status = client.post("/loss/mse", content=GOOD, headers=HEADERS).status_code
        except httpx.TransportError:
            continue
        if status != 503:
            return status
    return 0


def callers(url: str, count: int, threads: int = 4) -> tuple[list[int], list[threading.Thread]]:
    """Statuses as they come, from pooled clients in threads."""
    statuses: list[int] = []

    def call() -> None:
        with httpx.Client(base_url=url, timeout=20) as client:
            for _ in range(count // threads):
                statuses.append(asked(client))

    started = [threading.Thread(target=call) for _ in range(threads)]
    for thread in started:
        thread.start()
    return statuses, started


def test_a_restart_behind_a_balancer_loses_nothing() -> None:
    with process(grace=0.5) as old, process(grace=0.5) as new:
        balancer = Balancer([old.port, new.port])
        statuses, threads = callers(balancer.url, REQUESTS)
        wait_until(lambda: len(statuses) > REQUESTS // 4, PATIENCE)
        code, log = old.end()
        for thread in threads:
            thread.join(PATIENCE)
        balancer.close()
        assert (code, log) == (0, "")
        lost = sum(status != 200 for status in statuses)
        print(f"\n| restart behind a balancer, pooled clients with one retry | {lost} of {len(statuses):,} requests lost | `make rollout` |")
        assert statuses == [200] * (REQUESTS // 4 * 4)


def test_a_killed_worker_is_replaced_and_only_its_connections_notice() -> None:
    with process(grace=0, workers=2) as running:
        before = running.children()
        assert len(before) == 2
        statuses, threads = callers(f"http://127.0.0.1:{running.port}", REQUESTS // 2)
        wait_until(lambda: len(statuses) > REQUESTS // 10, PATIENCE)
        os.kill(before[0], signal.SIGKILL)
        for thread in threads:
            thread.join(PATIENCE)
        lost = sum(status != 200 for status in statuses)
        print(f"\n| worker killed under load | {lost} of {len(statuses):,} requests lost, worker replaced | `make rollout` |")
        assert set(statuses) == {200}
        wait_until(lambda: len(running.children()) == 2)
        assert before[0] not in running.children()
        assert before[1] in running.children()
        code, log = running.end()
        assert code == 0
        assert log.count("another is started") == 1
        assert "Traceback" not in log


def test_readiness_falls_at_once_and_serving_goes_on_for_the_grace() -> None:
    with serving(grace_seconds=60) as running, httpx.Client(base_url=running.url) as client:
        assert client.get("/health/ready").status_code == 200
        running.server.handle_exit(signal.SIGTERM, None)
        rejected = client.get("/health/ready")
        assert rejected.status_code == 503
        assert rejected.json()["type"] == "/problems/unavailable"
        assert client.get("/health/live").status_code == 200
        served = client.post("/loss/mse", content=GOOD, headers=HEADERS)
        assert (served.status_code, served.headers["connection"]) == (200, "close")


def test_work_in_flight_is_finished_and_late_requests_are_told_to_go_elsewhere() -> None:
    held = threading.Event()
    with planted(lambda _: held.wait(20)), serving() as running, Wire(running) as working, Wire(running) as idle:
        assert idle.ask(post()).status == 200
        working.send(post(large(), "/loss/planted"))
        wait_until(lambda: running.pool.jobs == 1)
        running.server.handle_exit(signal.SIGTERM, None)
        wait_until(lambda: not running.server.servers[0].is_serving())
        late = idle.ask(post())
        assert (late.status, late.headers["connection"]) == (503, "close")
        assert late.problem["type"] == "/problems/unavailable"
        assert int(late.headers["retry-after"]) >= 1
        assert idle.closed()
        held.set()
        answer = working.reply()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
