"""The process among others: a full disk, a log that nobody reads, a worker that hangs, signals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.edge.test_rollout import HEADERS, process
from tests.edge.wire import GOOD, wait_until

PRIVATE = ["unshare", "--user", "--map-root-user", "--mount"]
CAN_MOUNT = (
    bool(shutil.which("unshare")) and subprocess.run([*PRIVATE, "mount", "-t", "tmpfs", "none", "/dev/shm"], capture_output=True).returncode == 0
)


def asked(url: str) -> int:
    """On a connection of its own, so that any worker may take it."""
    return httpx.post(f"{url}/loss/mse", content=GOOD, headers=HEADERS, timeout=10).status_code


def counted(url: str, name: str) -> float:
    text = httpx.get(f"{url}/metrics", timeout=10).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.skipif(not CAN_MOUNT, reason="needs a mount namespace of its own")
@pytest.mark.parametrize("room", ["nr_inodes=1", "size=4k"], ids=["no directory", "no space for metrics"])
def test_a_full_dev_shm_ends_no_worker(room: str) -> None:
    mount = [*PRIVATE, "sh", "-c", f'mount -t tmpfs -o {room} none /dev/shm && exec "$@"', "sh"]
    with process(grace=0, workers=2, before=mount) as running:
        workers = running.children()
        url = f"http://127.0.0.1:{running.port}"
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert asked(url) == 200
            assert counted(url, "loss_requests_total") >= 0
        assert running.children() == workers
        code, log = running.end()
    assert code == 0
    assert "another is started" not in log
    assert "/metrics" in log or "metrics are not shared" in log


def test_a_worker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with process(grace=0, workers=2, settings="supervisor.HANG_SECONDS = 5; supervisor.START_SECONDS = 30") as running:
        url = f"http://127.0.0.1:{running.port}"
        hung, other = running.children()
        os.kill(hung, signal.SIGSTOP)
        wait_until(lambda: hung not in running.children() and len(running.children()) == 2, 60)
        assert other in running.children()
        assert [asked(url) for _ in range(20)] == [200] * 20
        wait_until(lambda: counted(url, "loss_worker_restarts_total") >= 1, 60)
        code, log = running.end()
    assert code == 0
    assert "hangs" in log


def test_a_service_that_is_stopped_and_goes_on_loses_no_worker() -> None:
    """Ctrl-Z, or a machine that pauses the container: nobody has hung."""
    with process(grace=0, workers=2, settings="supervisor.HANG_SECONDS = 5; supervisor.START_SECONDS = 30") as running:
        workers = running.children()
        everybody = [running.process.pid, *workers]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(7)
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
        assert running.children() == workers
        assert asked(f"http://127.0.0.1:{running.port}") == 200


def test_counts_of_a_worker_that_ended_stay() -> None:
    with process(grace=0, workers=2) as running:
        url = f"http://127.0.0.1:{running.port}"
        assert {asked(url) for _ in range(20)} == {200}
        time.sleep(1.5)
        assert counted(url, "loss_requests_total") == 20
        os.kill(running.children()[0], signal.SIGKILL)
        wait_until(lambda: len(running.children()) == 2, 60)
        assert counted(url, "loss_requests_total") == 20
        assert counted(url, "loss_worker_restarts_total") <= 1
        files = [path.name for path in Path("/dev/shm").glob("loss-service-metrics-*/*")]
        assert "worker-1.json" not in files or "worker-2.json" not in files or len(files) > 4


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_loses_nothing_and_reads_the_tokens_again(tmp_path: Path, workers: int) -> None:
    names = tmp_path / "tokens"
    names.write_text("first\n")
    with process(grace=0, workers=workers, LOSS_SERVICE_TOKENS_FILE=str(names)) as running, httpx.Client(timeout=10) as client:
        url = f"http://127.0.0.1:{running.port}/loss/mse"

        def status(token: str) -> int:
            return client.post(url, content=GOOD, headers={**HEADERS, "authorization": f"Bearer {token}"}).status_code

        assert (status("first"), status("second")) == (200, 401)
        names.write_text("second\n")
        os.kill(running.process.pid, signal.SIGHUP)
        wait_until(lambda: (status("first"), status("second")) == (401, 200))
        names.write_text("\n")
        os.kill(running.process.pid, signal.SIGHUP)
        time.sleep(0.5)
        assert (status("first"), status("second")) == (401, 200), "an empty file changes nothing"
        names.unlink()
        os.kill(running.process.pid, signal.SIGHUP)
        time.sleep(0.5)
        assert status("second") == 200


def test_a_port_that_is_taken_is_told_before_any_banner(tmp_path: Path) -> None:
    with process(grace=0) as running:
        command = [sys.executable, "-m", "service", "serve", "--port", str(running.port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Address already in use" in ended.stderr
