"""The torch examples: models that train with a remote loss, step for step as with torch's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from loss_client.torch import Loss

from examples import remote_loss

EXAMPLES = Path(remote_loss.__file__).parent


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}])
def test_a_model_trains_with_the_remote_loss_as_with_the_local_one(server: str, options: dict[str, object]) -> None:
    local = remote_loss.train(torch.nn.CrossEntropyLoss(**options))
    remote = remote_loss.train(Loss(server, "cross_entropy", **options))
    assert remote[-1] < 0.6 * remote[0]
    assert np.allclose(remote, local, rtol=1e-10, atol=0)


def run(script: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "client")}
    done = subprocess.run([sys.executable, EXAMPLES / script, *arguments], capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_remote_loss_runs_as_a_program(server: str) -> None:
    assert run("remote_loss.py", server).startswith("30 steps: loss ")


def test_the_training_curves_are_one(server: str, tmp_path: Path) -> None:
    line = run("training_curve.py", server, str(tmp_path / "curve.svg"))
    first, last, difference = map(float, re.findall(r"(?:loss|->|difference) ([0-9.e-]+)", line))
    assert last < 0.5 * first
    assert difference < 1e-10
    drawn = ElementTree.parse(tmp_path / "curve.svg").getroot()
    assert [len(curve.get("points", "").split()) for curve in drawn if curve.tag.endswith("polyline")] == [150, 150]
