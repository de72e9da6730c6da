"""Every program of docs/engines.md, run as a caller runs it: its losses and its value are those of one call.

Run by `make engines`, in an environment that has the engines. Elsewhere the programs of engines that are not installed are skipped. Each runs in a
network namespace with only the loopback interface, as Ray and Spark listen on all interfaces.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from service.losses import LOSSES, compute
from tests import required

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "engines.md").read_text()
DATA, *PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ENGINES = ["duckdb", "polars", "dask", "ray", "pyspark", "pyspark"]
ALWAYS = ("DuckDB", "Polars", "Dask", "Ray Data", "Spark")


@cache
def isolation() -> list[str] | None:
    """The command that runs another one with the loopback interface only, or None where this kernel or user may not."""
    for flags in (["-n"], ["-rn"]):
        command = ["unshare", *flags, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def test_the_page_has_a_program_for_each_engine() -> None:
    assert [re.search(rf"^(import|from) {engine}\b", program, re.MULTILINE) is not None for engine, program in zip(ENGINES, PROGRAMS, strict=True)]
    assert [title for title in re.findall(r"^### (.*)$", PAGE, re.MULTILINE) if title in ALWAYS] == list(ALWAYS)


def flattened(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {name: leaf for key, item in value.items() for name, leaf in flattened(item, f"{path}.{key}").items()}
    return {path: value}


def test_the_command_prints_the_line_of_the_page(tmp_path: Path) -> None:
    command, shown = re.findall(r"```(?:sh|json)\n(.*?)```", PAGE, re.DOTALL)[:2]
    run(DATA, tmp_path, [])
    arguments = [sys.executable, "-m", "service", *shlex.split(command)[1:]]
    printed = subprocess.run(arguments, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True).stdout
    found, expected = flattened(json.loads(printed)), flattened(json.loads(shown))
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)


def run(program: str, directory: Path, command: list[str]) -> str:
    (directory / "program.py").write_text(program)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    ended = subprocess.run(
        [*command, sys.executable, "program.py"], cwd=directory, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


@pytest.mark.parametrize("number", range(len(ENGINES)), ids=[f"{engine}-{number}" for number, engine in enumerate(ENGINES)])
def test_a_program_gives_the_losses_and_the_value_of_one_call(number: int, tmp_path: Path) -> None:
    if importlib.util.find_spec(ENGINES[number]) is None:
        pytest.skip(f"{ENGINES[number]} is not installed")
    if isolation() is None:
        pytest.skip("this user may not make a network namespace")
    run(DATA, tmp_path, [])
    rows = pq.read_table(tmp_path / "predictions.parquet")
    predictions = rows["logits"].combine_chunks().flatten().to_numpy().reshape(len(rows), -1)
    whole = compute(LOSSES["cross_entropy"], {"predictions": predictions, "labels": rows["y"].to_numpy()}, {})

    printed = run(PROGRAMS[number], tmp_path, isolation() or [])
    assert float(printed.split()[-1]) == pytest.approx(whole.value, rel=1e-12)
    losses = pq.read_table(tmp_path / "losses.parquet").sort_by("id")
    np.testing.assert_array_equal(losses["id"], rows["id"])
    np.testing.assert_allclose(losses["loss"], required(whole.per_sample), rtol=1e-13)
    np.testing.assert_array_equal(losses["weight"], np.ones(len(rows)))
    if "gradient_predictions" in losses.column_names:
        assert whole.gradients is not None
        gradients = losses["gradient_predictions"].combine_chunks().flatten().to_numpy().reshape(predictions.shape)
        np.testing.assert_allclose(gradients / len(rows), whole.gradients["predictions"], rtol=1e-12, atol=1e-18)
