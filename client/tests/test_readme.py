"""The first lines of the README run as they stand, with the address of the test's server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

README = Path(__file__).parent.parent / "README.md"


def test_six_lines(server: str) -> None:
    program = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0]
    assert len([line for line in program.splitlines() if line]) <= 6
    done = subprocess.run(
        [sys.executable, "-c", program.replace("http://127.0.0.1:8000", server)], capture_output=True, text=True, check=True, cwd=README.parent
    )
    scores = log_softmax([2.0, 0.5, -1.0])
    assert np.isclose(float(done.stdout.split()[0]), -0.9 * scores[0] - 0.1 * scores.mean(), rtol=1e-14)
