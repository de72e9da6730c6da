"""`loss-service evaluate` as a process: interruption, progress and a missing extra."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tests.files.tables import (
    RNG,
)


def start(path: Path, out: Path, **streams: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "service", "evaluate", str(path), "--loss", "mse", "--out", str(out)]
    return subprocess.Popen(command, env={**os.environ}, preexec_fn=restore_interrupts, **streams)


def restore_interrupts() -> None:
    """A shell that runs pytest in the background, as a CI may, makes it and its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(path: Path) -> None:
    for _ in range(3000):
        if path.exists() and path.stat().st_size:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough rows for a run to be interrupted in its middle."""
    path = tmp_path_factory.mktemp("large") / "p.parquet"
    block = pa.table({"predictions": RNG.random(200_000), "labels": RNG.random(200_000), "text": pa.array(["x" * 20] * 200_000)})
    with pq.ParquetWriter(path, block.schema) as writer:
        for _ in range(20):
            writer.write_table(block)
    return path


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_leaves_the_target_as_it_was(number: signal.Signals, large: Path, tmp_path: Path) -> None:
    out, partial = tmp_path / "losses.parquet", tmp_path / ".losses.parquet.partial"
    out.write_bytes(b"yesterday's")
    process = start(large, out, stdout=subprocess.PIPE)
    wait_for(partial)
    process.send_signal(signal.SIGSTOP)  # a fast machine would be done before the second run has started
    second = start(large, out, stderr=subprocess.PIPE)
    assert b"locked; another run is writing it" in second.communicate()[1]
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    assert process.communicate()[0] == b""
    assert process.returncode != 0
    assert out.read_bytes() == b"yesterday's"
    assert partial.exists() == (number == signal.SIGKILL)
    assert start(large, out, stdout=subprocess.DEVNULL).wait() == 0
    assert pq.read_metadata(out).num_rows == pq.read_metadata(large).num_rows
    assert not partial.exists()


def test_progress_is_shown_on_a_terminal(large: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = start(large, tmp_path / "losses.parquet", stdout=subprocess.PIPE, stderr=theirs)
    printed = process.communicate()[0]
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert json.loads(printed)["rows"] == 4_000_000
    assert b" rows/s, 0:0" in shown
    assert shown.endswith(b"\r\x1b[K")


def test_without_the_extra_the_command_names_it() -> None:
    program = "import sys; sys.modules['pyarrow'] = None; from service.cli import main; sys.exit(main(['evaluate', '--help']))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, "loss-service: evaluate needs pyarrow; install the extra: pip install 'loss-service[files]'\n")
