"""Writers of JSON stay within their buffers.

orjson 3.12.0 and 3.13.0 write past the end of the block that they have reserved where an array's numbers take 24 characters each.
The heap is damaged in silence, so each case runs in a child process under `PYTHONMALLOC=debug`, which aborts on overwritten bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

from tests.conftest import running

LONGEST = ["-1.2345678901234567e-100", "-1.2345678901234567e-05", "-1.7976931348623157e+308", "-2.2250738585072014e-308"]
SIZES = "[*range(700), *(size + step for size in (1365, 2730, 4096, 5461, 6553, 8192, 24906) for step in range(-6, 7))]"
SCRIPT = f"""
import numpy as np, orjson
from service.codec import JSON
with np.errstate(all="ignore"):
    value = np.{{dtype}}({{text}})
for size in {SIZES}:
    array = np.full(size, value)
    for form in ("flat", "nested"):
        b"".join(JSON.encode({{{{"gradients": {{{{"predictions": array}}}}, "per_sample": array.astype(np.float64)}}}}, form))
    if size % 7 == 0:
        b"".join(JSON.encode({{{{"a": [array.reshape(-1, 7), {{{{"b": array.reshape(7, -1)}}}}]}}}}, "nested"))
    orjson.dumps(array.tolist())
"""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", LONGEST)
def test_arrays_of_the_longest_numbers_are_written_within_their_buffer(text: str, dtype: str) -> None:
    if dtype == "float32" and "08" in text:
        text = text.replace("e+308", "e+38").replace("e-308", "e-38").replace("-1.79", "-3.39")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(dtype=dtype, text=text)],
        env={**os.environ, "PYTHONMALLOC": "debug"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_server_survives_bodies_whose_results_take_the_longest_numbers() -> None:
    """The two reported requests: 163 `huber` predictions, and 24,906 samples of one digit to `wgan`."""
    with running(PYTHONMALLOC="debug") as address, httpx.Client(base_url=address, timeout=60) as client:
        for size in (1, 41, 82, 162, 163, 164, 165, 300, 500):
            body = {"predictions": [-1.2345678901234567e-100] * size, "labels": [0] * size, "reduction": "sum"}
            answer = client.post("/loss/huber", json=body).raise_for_status().json()
            assert answer["gradients"]["predictions"] == body["predictions"]
        answer = client.post("/loss/wgan", json={"real": [1] * 24906, "fake": [2] * 24906})
        answer.raise_for_status()
        assert client.get("/health/live").status_code == 200
