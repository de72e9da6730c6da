"""Each example does what it says, against a real service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from loss_client import Client

from examples import digits
from service.losses import LOSSES, Controls, compute
from tests import required

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def run(*command: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "client")}
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout.splitlines()


def local(scores: digits.Array, labels: digits.Array) -> tuple[float, digits.Array]:
    """The core, imported."""
    answer = compute(LOSSES["cross_entropy"], {"predictions": scores, "labels": labels.astype(float)}, {}, Controls())
    return required(answer.value), required(answer.gradients)["predictions"]


def test_digits_are_learned_over_http_as_they_are_in_process(server: str) -> None:
    with Client(server) as client:
        values, accuracy = digits.train(digits.remote(client))
    assert accuracy > 0.90
    assert np.mean(values[-10:]) < 0.2 * values[0]
    assert (values, accuracy) == digits.train(local)


def test_digits_runs_as_a_program(server: str) -> None:
    (line,) = run(sys.executable, str(EXAMPLES / "digits.py"), server)
    assert float(line.split()[-1]) > 0.90


def test_split_learning(server: str) -> None:
    (line,) = run(sys.executable, str(EXAMPLES / "split_learning.py"), server)
    assert float(line.split()[-1]) > 0.9


def test_curl(server: str) -> None:
    by_json, by_safetensors = map(json.loads, run("sh", str(EXAMPLES / "curl.sh"), server))
    assert by_json["value"] == by_safetensors["value"] == (0.25 + 0.0625 + 0.5625) / 3
    assert by_json["per_sample"] == by_safetensors["per_sample"]


def test_node(server: str) -> None:
    if not shutil.which("node") and not os.environ.get("CI"):
        pytest.skip("needs Node 18 or newer (in CI this is an error)")
    lines = run("node", str(EXAMPLES / "client.mjs"), server)
    assert np.allclose(json.loads(lines[-2].removeprefix("predictions").replace("\n", "")), [1, -2], atol=1e-3)
    assert "did you mean mean_squared_error" in lines[-1]


def test_every_example_is_tested_here_or_with_torch() -> None:
    tested = {"digits.py", "split_learning.py", "curl.sh", "client.mjs", "remote_loss.py", "training_curve.py"}
    assert {path.name for path in EXAMPLES.iterdir() if path.name not in ("__pycache__", "__init__.py")} == tested
