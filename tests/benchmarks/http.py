"""`make bench-http`: our service, plain FastAPI, LitServe, BentoML and an echo of the same bytes, in turns on the same cores.

Cross entropy with value, per-sample losses and gradient, at three sizes, JSON as lists and as base64, and safetensors, one and two workers, driven by wrk with
four connections. Ratios within one run are what counts; the requests per second are this machine's. A whole run takes 17 minutes and writes
http.md beside this file. LitServe and BentoML have environments of their own (`make peers`), and are left out where these are missing.
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
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import orjson

from service.api.request import bind
from service.api.response import fields
from service.codec import JSON, SAFETENSORS, Caps, Form
from service.losses import LOSSES, compute
from tests.benchmarks.report import Report, described

SIZES = {"small 32x10": (32, 10), "medium 256x100": (256, 100), "large 1024x1000": (1024, 1000)}
CAPS = Caps(10**8, 8, 32)
FORMS: tuple[Form, ...] = ("nested", "flat", "base64")
SERVERS = {"ours": "service.app:create_app", "plain": "tests.benchmarks.plain:app", "echo": "tests.benchmarks.echo:app"}
PATH = "/loss/cross_entropy"
TURNS = 5
UNCAPPED = {f"LOSS_SERVICE_MAX_{name}_BYTES": str(10**10) for name in ("BODY", "QUEUE", "WORK", "RESPONSE")}  # for 10 million numbers
PEERS = {  # what users would take instead, besides plain: its command, and its path by encoding
    "LitServe": ([".venv-litserve/bin/python", "-m", "tests.benchmarks.peers.lit"], {"json": PATH, "base64": PATH}),
    "BentoML": (
        [".venv-bentoml/bin/python", "-m", "bentoml", "serve", "tests.benchmarks.peers.bento:CrossEntropy", "--port"],
        {"json": PATH, "base64": f"{PATH}/base64"},
    ),
}
PAIR = "ours, two processes"  # LitServe and BentoML serve in one process and compute in another, with one worker each
PAGE = Path(__file__).with_suffix(".md")
report = Report("The service against plain FastAPI, LitServe, BentoML and an echo")
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
    if name == PAIR:
        name, workers = "ours", 2
    if name == "ours":
        command, environment = [sys.executable, "-m", "service"], {"PORT": str(port), "WORKERS": str(workers)}
    elif name in PEERS:
        command, environment = [*PEERS[name][0], str(port)], {}
    else:
        command = [sys.executable, "-m", "uvicorn", SERVERS[name], "--port", str(port), "--workers", str(workers), "--log-level", "warning"]
        command, environment = [*command, "--no-access-log"], {}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment}, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _await_answer(address)
        time.sleep(1.0 if workers > 1 else 0.2)
        yield address, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # LitServe's workers stay


def _await_answer(address: str) -> None:
    """Wait for a small request to be answered with 200: BentoML answers before its service is ready."""
    body = bodies(2, 2)["json"]
    for _ in range(600):
        with suppress(httpx.TransportError):
            found = httpx.post(f"{address}{PATH}", content=body, headers={"content-type": MEDIA["json"]}, timeout=5)
            if found.status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{address} does not answer")


def drive(address: str, body: bytes, media: str, seconds: float, connections: int = 4, path: str = PATH, urgent: bool = False) -> tuple[float, float]:
    """Requests per second and the 99th percentile in milliseconds, by wrk; an urgent one does not wait for a processor."""
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder, "body"), Path(folder, "post.lua")
        data.write_bytes(body)
        script.write_text(
            f'local f = io.open("{data}", "rb")\nwrk.method = "POST"\nwrk.body = f:read("*all")\nwrk.headers["Content-Type"] = "{media}"\n'
            'done = function(summary, latency)\n  io.write(string.format("RESULT %f %f %d %d\\n", summary.requests / summary.duration * 1e6,'
            " latency:percentile(99) / 1e3, summary.errors.status, summary.errors.timeout + summary.errors.read + summary.errors.connect))\nend\n"
        )
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "60s", "-s", str(script), f"{address}{path}"]
        command = [*_first_in_line(), *command] if urgent else command
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"RESULT (\S+) (\S+) (\d+) (\d+)", output)
    assert match, output
    assert match[3] == match[4] == "0", f"errors: {output}"
    return float(match[1]), float(match[2])


@cache
def _first_in_line() -> tuple[str, ...]:
    """The command that runs another one with a real-time priority, where that is permitted."""
    command = ("chrt", "--fifo", "1")
    permitted = shutil.which("chrt") and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if permitted else ()


def drive_with_httpx(
    address: str, body: bytes, media: str, seconds: float, connections: int = 4, path: str = PATH, urgent: bool = False
) -> tuple[float, float]:
    """The same without wrk: one connection, so that the figures are of the loop more than of the server."""
    times, end = [], time.perf_counter() + seconds
    with httpx.Client(timeout=60) as client:
        while time.perf_counter() < end:
            start = time.perf_counter()
            client.post(f"{address}{path}", content=body, headers={"content-type": media}).raise_for_status()
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


class Found(NamedTuple):
    """One run: requests per second, their 99th percentile in ms, and processor time for each in ms, of all processes of the server."""

    rate: float
    p99: float
    processor: float


Rates = dict[tuple[str, str, str], Found]  # by server, size and encoding


@cache
def measured(servers: tuple[str, ...], workers: int, seconds: float, drive: Callable[..., tuple[float, float]]) -> tuple[Rates, dict[str, float]]:
    """Drive servers in turns with every size and the encodings that each has a path for. Returns their peak memory too, in MB.

    The rate is the median of the turns, since the speed of a shared machine changes by a third within minutes.
    """
    found: Rates = {}
    with ExitStack() as stack:
        running = {name: stack.enter_context(serving(name, workers)) for name in servers}
        for size, shape in SIZES.items():
            longer = 2 if size.startswith("large") else 1  # plain takes a second and more over one of these
            for encoding, body in bodies(*shape).items():
                runs = {
                    name: partial(_timed, running[name][1], partial(drive, running[name][0], body, MEDIA[encoding], path=_paths(name)[encoding]))
                    for name in servers
                    if encoding in _paths(name)
                }
                for run in runs.values():
                    run(seconds=1)
                turns = [{name: run(seconds=seconds * longer) for name, run in runs.items()} for _ in range(TURNS)]
                found |= {(name, size, encoding): sorted(turn[name] for turn in turns)[TURNS // 2] for name in runs}
        memories = {name: _peak(pid) for name, (_, pid) in running.items()}
    return found, memories


def _timed(root: int, drive: Callable[..., tuple[float, float]], seconds: float) -> Found:
    before = _processor_seconds(root)
    rate, p99 = drive(seconds=seconds)
    return Found(rate, p99, (_processor_seconds(root) - before) / max(1.0, rate * seconds) * 1e3)  # none may end in a short run


def _processor_seconds(root: int) -> float:
    """The processor time that a process and its descendants have taken."""
    ticks = 0
    for pid in _descendants(root):
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _paths(server: str) -> dict[str, str]:
    """The path for each encoding that a server has."""
    return PEERS[server][1] if server in PEERS else dict.fromkeys(["json"] if server == "plain" else MEDIA, PATH)


def _peak(root: int) -> float:
    return sum(resident(pid, "VmHWM") for pid in _descendants(root))


def _descendants(root: int) -> set[int]:
    """A process and all that it has started, those in sessions of their own too."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
    found, more = set[int](), {root}
    while more:
        found |= more
        more = {child for child, parent in parents.items() if parent in more} - found
    return found


def together(workers: int) -> tuple[str, ...]:
    """Return the servers that take turns: all that are installed with one worker, ours and plain with more."""
    peers = [name for name, (command, _) in PEERS.items() if Path(command[0]).exists()]
    return (*SERVERS, PAIR, *peers) if workers == 1 else ("ours", "plain")


def peers(seconds: float, drive: Callable[..., tuple[float, float]]) -> None:
    """Our service and what users would take instead, one worker each; ours with two also, as the others have two processes."""
    report(
        f"\nin place of plain FastAPI, LitServe and BentoML, one worker each, which is two processes of the last two, and {PAIR}: requests per second"
        " (p99 in ms)\n"
    )
    installed = together(1)
    found, memories = measured(installed, 1, seconds, drive)
    names = [name for name in installed if name != "echo"]
    for name in PEERS.keys() - names:
        report(f"{name} is not installed (`make peers`), and left out.\n")
    ratios = [("ours", "plain"), *((ours, name) for ours in ("ours", PAIR) for name in PEERS if name in names)]
    report(f"| size | encoding | {' | '.join(names)} | {' | '.join(f'{ours} / {name}' for ours, name in ratios)} |")
    report("|---" * (len(names) + len(ratios) + 2) + "|")
    for size in SIZES:
        for encoding in MEDIA:
            runs = [found.get((name, size, encoding)) for name in names]
            cells = [f"{run.rate:,.1f} ({run.p99:.1f})" if run else "-" for run in runs]
            cells += [_times(found, ours, name, size, encoding) for ours, name in ratios]
            report(f"| {size} | {encoding} | {' | '.join(cells)} |")
    report(
        "\nprocessor time of a request in ms, all processes of each server, and theirs over ours: LitServe and BentoML compute in a second process\n"
    )
    names.remove(PAIR)
    report(f"| size | encoding | {' | '.join(names)} | {' | '.join(f'{name} / ours' for name in names[1:])} |")
    report("|---" * (2 * len(names) + 1) + "|")
    for size in SIZES:
        for encoding in MEDIA:
            times = [found[name, size, encoding].processor if (name, size, encoding) in found else 0.0 for name in names]
            cells = [f"{each:,.2f}" if each else "-" for each in times] + [_ratio(each, times[0]) if each else "-" for each in times[1:]]
            report(f"| {size} | {encoding} | {' | '.join(cells)} |")
    report(f"\nPeak memory after these, all processes of each: {', '.join(f'{name} {size:,.0f} MB' for name, size in memories.items())}.")


def _times(found: Rates, ours: str, name: str, size: str, encoding: str) -> str:
    """Return ours over another one at its own encoding, or else at its JSON."""
    rate, other = found[ours, size, encoding].rate, found.get((name, size, encoding))
    return _ratio(rate, other.rate) if other else f"{_ratio(rate, found[name, size, 'json'].rate)} (its json)"


def _ratio(rate: float, other: float) -> str:
    return f"{rate / other:.2f}" if other else "-"


def table(seconds: float, workers: int, drive: Callable[..., tuple[float, float]]) -> Rates:
    report(f"\n{workers} worker{'s' * (workers > 1)}: requests per second (p99 in ms), and ratios\n")
    report("| size | body | encoding | ours | plain | echo | ours / plain | ours / echo | share of the floor |")
    report("|---|---|---|---|---|---|---|---|---|")
    sent = {size: bodies(*shape) for size, shape in SIZES.items()}
    found, _ = measured(together(workers), workers, seconds, drive)
    for size in SIZES:
        for encoding in MEDIA:
            ours, plain, echo = found["ours", size, encoding], found["plain", size, "json"], found.get(("echo", size, encoding), Found(0.0, 0.0, 0.0))
            share = f"{ours[0] * (in_process(sent[size]['json']) + 1 / echo[0]):.2f}" if encoding == "json" and echo[0] else "-"
            cells = [size, f"{len(sent[size][encoding]) / 1e3:,.0f} kB", encoding]
            cells += [f"{rate:,.1f} ({p99:.1f})" if rate else "-" for rate, p99, _ in (ours, plain, echo)]
            report(f"| {' | '.join([*cells, _ratio(ours[0], plain[0]), _ratio(ours[0], echo[0]), share])} |")
    return found


def background(seconds: float, drive: Callable[..., tuple[float, float]]) -> None:
    """The 99th percentile of small requests alone, and while large ones run; the median of turns.

    The client of the small ones has a real-time priority. Without it, 42 of 70 responses later than 2 ms had come, and their client waited up to 5 ms
    for one of two processors (perf record -e sched:sched_switch).
    """
    small, large = bodies(*SIZES["small 32x10"]), bodies(*SIZES["large 1024x1000"])
    report(
        "\nsmall JSON requests, one connection, alone and while one connection sends large bodies\n\n| background | p99 ms | ratio |\n|---|---|---|"
    )
    with serving("ours", 1) as (address, _):
        drive(address, small["json"], MEDIA["json"], 1, 1)
        turns = [{encoding: _beside(address, encoding, small["json"], 2 * seconds, drive) for encoding in ("", *MEDIA)} for _ in range(TURNS)]
    p99 = {encoding: sorted(turn[encoding] for turn in turns)[TURNS // 2] for encoding in ("", *MEDIA)}
    for encoding, found in p99.items():
        name = f"large {encoding}, {len(large[encoding]) / 1e6:.0f} MB" if encoding else "none"
        report(f"| {name} | {found:.2f} | {found / p99['']:.1f} |")


def _beside(address: str, encoding: str, small: bytes, seconds: float, drive: Callable[..., tuple[float, float]]) -> float:
    """The 99th percentile of small requests while large ones of an encoding run, or none."""
    if not encoding:
        return drive(address, small, MEDIA["json"], seconds, 1, urgent=True)[1]
    with subprocess.Popen([sys.executable, "-m", "tests.benchmarks.http", "--load", address, encoding, str(seconds + 2)]):
        time.sleep(1)
        return drive(address, small, MEDIA["json"], seconds, 1, urgent=True)[1]


def memory() -> None:
    """Peak memory of one request above rest, in multiples of body + answer."""
    report(
        "\npeak memory of one request, over (body + answer)\n\n| body | encoding | peak over rest MB | body + answer MB | ratio | after MB |\n|---|---|---|---|---|---|"
    )
    for rows in (1024, 10240):
        for encoding in MEDIA:
            os.environ |= UNCAPPED
            with serving("ours", 1) as (address, pid):
                small, body = bodies(32, 10)[encoding], bodies(rows, 1000)[encoding]
                headers = {"content-type": MEDIA[encoding]}
                httpx.post(f"{address}/loss/cross_entropy", content=small, headers=headers).raise_for_status()
                rest = resident(pid, "VmRSS")
                answer = httpx.post(f"{address}/loss/cross_entropy", content=body, headers=headers, timeout=120)
                answer.raise_for_status()
                peak, both = resident(pid, "VmHWM") - rest, (len(body) + len(answer.content)) / 1e6
                time.sleep(7)  # memory is given back some seconds after the last large computation
                report(
                    f"| {len(body) / 1e6:.0f} MB | {encoding} | {peak:.0f} | {both:.0f} | {peak / both:.2f} | {resident(pid, 'VmRSS') - rest:.0f} |",
                )


def resident(pid: int, field: str) -> float:
    """MB of a process."""
    match = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) * 1024 / 1e6


def growth() -> None:
    """Time of one call against the number of elements; http.client, as httpx takes longer over a large body than the service."""
    report(
        "\ntime of one request against elements (1000 classes; one client, one connection)\n\n| elements | JSON ms | base64 ms | safetensors ms |\n|---|---|---|---|"
    )
    os.environ |= UNCAPPED
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
            report(f"| 1e{power} | {' | '.join(row)} |")


def codecs() -> None:
    """Decoding and encoding of one float64 tensor in process, as lists and as base64, taking turns; the best of several."""
    report("\none float64 tensor in process\n\n| elements | form | decode ms | encode ms | lists / base64 |\n|---|---|---|---|---|")
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
            report(f"| {array.size:,} | {form} | {decode * 1e3:.3f} | {encode * 1e3:.3f} | {ratio} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--load", nargs=3, metavar=("ADDRESS", "ENCODING", "SECONDS"), help="drive large bodies at a running service")
    parser.add_argument("--only", choices=["codecs", "table", "peers", "background", "memory", "growth"])
    given = parser.parse_args()
    driver = drive if shutil.which("wrk") else drive_with_httpx
    if given.load:
        address, encoding, seconds = given.load
        driver(address, bodies(*SIZES["large 1024x1000"])[encoding], MEDIA[encoding], float(seconds), 1)
        return
    if driver is not drive:
        print("wrk is missing (apt-get install wrk); an httpx loop on one connection stands in for it")
    report(
        f"{described('numpy', 'fastapi', 'uvicorn')} Cross entropy with value, per-sample losses and gradient; logging, metrics and all checks on, as shipped."
    )
    report(
        "*plain* is `plain.py`, what the framework's tutorial would write; *echo* sends the body back; the *floor* is decode, core and encode in process"
    )
    report("plus the echo's time. wrk with four connections shares the cores with the server. Ratios within one run are what counts.")
    if given.only in (None, "codecs"):
        codecs()
    if given.only in (None, "table"):
        one, two = (table(given.seconds, workers, driver) for workers in (1, 2))
        report("\ntwo workers over one\n\n| size | encoding | ratio |\n|---|---|---|")
        for (server, size, encoding), run in two.items():
            if server == "ours":
                report(f"| {size} | {encoding} | {_ratio(run.rate, one[server, size, encoding].rate)} |")
    if given.only in (None, "peers"):
        peers(given.seconds, driver)
    if given.only in (None, "background"):
        background(given.seconds, driver)
    if given.only in (None, "memory"):
        memory()
    if given.only in (None, "growth"):
        growth()
    if given.only is None:
        report.write(PAGE)


if __name__ == "__main__":
    main()
