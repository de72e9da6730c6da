"""`make bench-http`: our service, the plain FastAPI service and an echo of the same bytes, one after the other on the same cores.

Cross entropy with value, per-sample losses and gradient, at three sizes, JSON as lists and as base64, and safetensors, one and two workers, driven by wrk with
four connections. Ratios within one run are what counts; the requests per second are this machine's.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import numpy as np
import orjson

from service.api.request import bind
from service.api.response import fields
from service.codec import JSON, SAFETENSORS, Caps, Form
from service.losses import LOSSES, compute

SIZES = {"small 32x10": (32, 10), "medium 256x100": (256, 100), "large 1024x1000": (1024, 1000)}
CAPS = Caps(10**8, 8, 32)
FORMS: tuple[Form, ...] = ("nested", "flat", "base64")
SERVERS = {"ours": "service.app:create_app", "plain": "tests.benchmarks.plain:app", "echo": "tests.benchmarks.echo:app"}
MEDIA = {"json": "application/json", "base64": "application/json", "safetensors": "application/vnd.safetensors"}


def bodies(n: int, c: int) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(n, c)), rng.integers(0, c, size=n)
    tensors = {"predictions": logits.astype(np.float32), "labels": labels}
    return {
        "json": orjson.dumps({"predictions": logits, "labels": labels}, option=orjson.OPT_SERIALIZE_NUMPY),
        "base64": b"".join(JSON.encode(tensors, "base64")),
        "safetensors": b"".join(SAFETENSORS.encode(tensors, "nested")),
    }


@contextmanager
def serving(name: str, workers: int) -> Iterator[tuple[str, int]]:
    """The address and process id of a server of its own, started as `python -m service` starts ours."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if name == "ours":
        command, environment = [sys.executable, "-m", "service"], {"PORT": str(port), "WORKERS": str(workers)}
    else:
        command = [sys.executable, "-m", "uvicorn", SERVERS[name], "--port", str(port), "--workers", str(workers), "--log-level", "warning"]
        command, environment = [*command, "--no-access-log"], {}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment}, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            try:
                httpx.get(f"{address}/health/live", timeout=1)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        time.sleep(1.0 if workers > 1 else 0.2)
        yield address, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def drive(address: str, body: bytes, media: str, seconds: float, connections: int = 4) -> tuple[float, float]:
    """Requests per second and the 99th percentile in milliseconds, by wrk."""
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder, "body"), Path(folder, "post.lua")
        data.write_bytes(body)
        script.write_text(
            f'local f = io.open("{data}", "rb")\nwrk.method = "POST"\nwrk.body = f:read("*all")\nwrk.headers["Content-Type"] = "{media}"\n'
            'done = function(summary, latency)\n  io.write(string.format("RESULT %f %f %d %d\\n", summary.requests / summary.duration * 1e6,'
            " latency:percentile(99) / 1e3, summary.errors.status, summary.errors.timeout + summary.errors.read + summary.errors.connect))\nend\n"
        )
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "60s", "-s", str(script), f"{address}/loss/cross_entropy"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"RESULT (\S+) (\S+) (\d+) (\d+)", output)
    assert match, output
    assert match[3] == match[4] == "0", f"errors: {output}"
    return float(match[1]), float(match[2])


def drive_with_httpx(address: str, body: bytes, media: str, seconds: float, connections: int = 4) -> tuple[float, float]:
    """The same without wrk: one connection, so that the figures are of the loop more than of the server."""
    times, end = [], time.perf_counter() + seconds
    with httpx.Client(timeout=60) as client:
        while time.perf_counter() < end:
            start = time.perf_counter()
            client.post(f"{address}/loss/cross_entropy", content=body, headers={"content-type": media}).raise_for_status()
            times.append(time.perf_counter() - start)
    return len(times) / sum(times), float(np.percentile(times, 99) * 1e3)


def in_process(body: bytes) -> float:
    """Seconds for decode + core + encode of a JSON body, the best of several."""
    loss, best = LOSSES["cross_entropy"], float("inf")
    for _ in range(max(5, int(2e6 / len(body)))):
        start = time.perf_counter()
        decoded = JSON.decode(body, CAPS)
        call = bind(loss, decoded.fields)
        JSON.encode(fields(compute(loss, call.tensors, call.options, call.controls)), decoded.form)
        best = min(best, time.perf_counter() - start)
    return best


def table(seconds: float, workers: int, drive: Callable[..., tuple[float, float]]) -> None:
    print(f"\n{workers} worker{'s' * (workers > 1)}: requests per second (p99 in ms), and ratios\n")
    print("| size | body | encoding | ours | plain | echo | ours / plain | ours / echo | share of the floor |")
    print("|---|---|---|---|---|---|---|---|---|")
    found: dict[tuple[str, str, str], tuple[float, float]] = {}
    sent = {size: bodies(*shape) for size, shape in SIZES.items()}
    for server in SERVERS:
        with serving(server, workers) as (address, _):
            for size in SIZES:
                for encoding in MEDIA if server != "plain" else ["json"]:
                    drive(address, sent[size][encoding], MEDIA[encoding], 1)
                    longer = 5 if size.startswith("large") else 1  # plain takes seconds over one of these
                    found[server, size, encoding] = drive(address, sent[size][encoding], MEDIA[encoding], seconds * longer)
    for size in SIZES:
        for encoding in MEDIA:
            ours, echo, plain = found["ours", size, encoding], found["echo", size, encoding], found["plain", size, "json"]
            share = ours[0] / workers * (in_process(sent[size]["json"]) + workers / echo[0]) if encoding == "json" else None
            cells = [size, f"{len(sent[size][encoding]) / 1e3:,.0f} kB", encoding]
            cells += [f"{rate:,.1f} ({p99:.1f})" for rate, p99 in (ours, plain, echo)]
            print(
                "|", " | ".join([*cells, f"{ours[0] / plain[0]:.1f}", f"{ours[0] / echo[0]:.2f}", f"{share:.2f}" if share else "-"]), "|", flush=True
            )


def background(seconds: float, drive: Callable[..., tuple[float, float]]) -> None:
    """The 99th percentile of small requests alone, and while large ones run."""
    small, large = bodies(*SIZES["small 32x10"]), bodies(*SIZES["large 1024x1000"])
    print(
        "\nsmall JSON requests, one connection, alone and while one connection sends large bodies\n\n| background | p99 ms | ratio |\n|---|---|---|"
    )
    with serving("ours", 1) as (address, _):
        drive(address, small["json"], MEDIA["json"], 1, 1)
        alone = drive(address, small["json"], MEDIA["json"], seconds, 1)[1]
        print(f"| none | {alone:.2f} | 1.0 |")
        for encoding in MEDIA:
            load = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.http", "--load", address, encoding, str(seconds + 2)])
            time.sleep(1)
            p99 = drive(address, small["json"], MEDIA["json"], seconds, 1)[1]
            load.wait()
            print(f"| large {encoding}, {len(large[encoding]) / 1e6:.0f} MB | {p99:.2f} | {p99 / alone:.1f} |", flush=True)


def memory() -> None:
    """Peak memory of one request above rest, in multiples of body + answer."""
    print(
        "\npeak memory of one request, over (body + answer)\n\n| body | encoding | peak over rest MB | body + answer MB | ratio | after MB |\n|---|---|---|---|---|---|"
    )
    for rows in (1024, 10240):
        for encoding in MEDIA:
            os.environ["LOSS_SERVICE_MAX_BODY_BYTES"] = os.environ["LOSS_SERVICE_MAX_QUEUE_BYTES"] = str(10**9)
            with serving("ours", 1) as (address, pid):
                small, body = bodies(32, 10)[encoding], bodies(rows, 1000)[encoding]
                headers = {"content-type": MEDIA[encoding]}
                httpx.post(f"{address}/loss/cross_entropy", content=small, headers=headers).raise_for_status()
                rest = resident(pid, "VmRSS")
                answer = httpx.post(f"{address}/loss/cross_entropy", content=body, headers=headers, timeout=120)
                answer.raise_for_status()
                peak, both = resident(pid, "VmHWM") - rest, (len(body) + len(answer.content)) / 1e6
                time.sleep(7)  # memory is given back some seconds after the last large computation
                print(
                    f"| {len(body) / 1e6:.0f} MB | {encoding} | {peak:.0f} | {both:.0f} | {peak / both:.2f} | {resident(pid, 'VmRSS') - rest:.0f} |",
                    flush=True,
                )


def resident(pid: int, field: str) -> float:
    """MB of a process."""
    match = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) * 1024 / 1e6


def growth() -> None:
    """Time of one call against the number of elements; http.client, as httpx takes longer over a large body than the service."""
    print(
        "\ntime of one request against elements (1000 classes; one client, one connection)\n\n| elements | JSON ms | base64 ms | safetensors ms |\n|---|---|---|---|"
    )
    os.environ["LOSS_SERVICE_MAX_BODY_BYTES"] = os.environ["LOSS_SERVICE_MAX_QUEUE_BYTES"] = str(10**9)
    with serving("ours", 1) as (address, _):
        client = HTTPConnection(address.removeprefix("http://"), timeout=300)
        for power in (2, 3, 4, 5, 6, 7):
            sent, row = bodies(max(1, 10 ** (power - 3)), min(10**power, 1000)), []
            for encoding in MEDIA:
                times = []
                for _ in range(3 if power > 5 else 30):
                    start = time.perf_counter()
                    client.request("POST", "/loss/cross_entropy", sent[encoding], {"content-type": MEDIA[encoding]})
                    answer = client.getresponse()
                    answer.read()
                    assert answer.status == 200
                    times.append(time.perf_counter() - start)
                row.append(f"{min(times) * 1e3:.2f}")
            print(f"| 1e{power} | {' | '.join(row)} |", flush=True)


def codecs() -> None:
    """Decoding and encoding of one float64 tensor in process, as lists and as base64, taking turns; the best of several."""
    print("\none float64 tensor in process\n\n| elements | form | decode ms | encode ms | lists / base64 |\n|---|---|---|---|---|")
    for shape, repetitions in (((256, 100), 50), ((1000, 1000), 8)):
        array = np.random.default_rng(0).normal(size=shape)
        sent = {form: b"".join(JSON.encode({"x": array}, form)) for form in FORMS}
        best = {form: [float("inf")] * 2 for form in FORMS}
        for _ in range(repetitions):
            for form in FORMS:
                start = time.perf_counter()
                JSON.decode(sent[form], CAPS)
                middle = time.perf_counter()
                JSON.encode({"x": array}, form)
                taken = middle - start, time.perf_counter() - middle
                best[form] = list(map(min, best[form], taken))
        for form, (decode, encode) in best.items():
            ratio = f"{decode / best['base64'][0]:.0f} and {encode / best['base64'][1]:.0f}"
            print(f"| {array.size:,} | {form} | {decode * 1e3:.3f} | {encode * 1e3:.3f} | {ratio} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--load", nargs=3, metavar=("ADDRESS", "ENCODING", "SECONDS"), help="drive large bodies at a running service")
    parser.add_argument("--only", choices=["codecs", "table", "background", "memory", "growth"])
    given = parser.parse_args()
    driver = drive if shutil.which("wrk") else drive_with_httpx
    if given.load:
        address, encoding, seconds = given.load
        driver(address, bodies(*SIZES["large 1024x1000"])[encoding], MEDIA[encoding], float(seconds), 1)
        return
    if driver is not drive:
        print("wrk is missing (apt-get install wrk); an httpx loop on one connection stands in for it")
    if given.only in (None, "codecs"):
        codecs()
    if given.only in (None, "table"):
        for workers in (1, 2):
            table(given.seconds, workers, driver)
    if given.only in (None, "background"):
        background(given.seconds, driver)
    if given.only in (None, "memory"):
        memory()
    if given.only in (None, "growth"):
        growth()


if __name__ == "__main__":
    main()
