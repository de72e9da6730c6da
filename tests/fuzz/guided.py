"""`python -m tests.fuzz.guided MINUTES [SEED]`: atheris, led by the coverage of service/codec, on what tests/fuzz/decoders.py asks."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["service.codec", "service.api.request"]):
    from tests.fuzz.__main__ import store
    from tests.fuzz.decoders import Application, pieces
    from tests.fuzz.inputs import BINARY, INFERENCE, JSON, Input, inputs, mutated_bytes, safetensors, seeds
    from tests.fuzz.oracle import Finding

LOSSES = [name for name, _ in seeds()]
LONGEST = 8192
MOST_FINDINGS = 20
PREFIX = 4  # bytes of an input before the body: its encoding, its loss, and how it is cut


class Hunt:
    """Inputs as atheris makes them, until the time is over."""

    def __init__(self, seconds: float) -> None:
        self.application, self.end = Application(), time.monotonic() + seconds
        self.begun, self.tried, self.accepted, self.findings = time.monotonic(), 0, 0, 0

    def one(self, data: bytes) -> None:
        """Called by atheris; it does not return from its loop, so the last call ends the process."""
        if time.monotonic() > self.end or self.findings >= MOST_FINDINGS:
            self.over()
        if len(data) < PREFIX:
            return
        given = read(data)
        self.tried += 1
        try:
            self.accepted += self.application.check(given, pieces(given.body, random.Random(data[3])))
        except Finding as finding:
            self.findings += 1
            store(given)
            print(finding, end="\n\n", flush=True)
        except Exception:
            self.findings += 1
            store(given)
            traceback.print_exc()

    def over(self) -> None:
        minutes = (time.monotonic() - self.begun) / 60
        print(f"{self.tried} inputs ({self.accepted} accepted) in {minutes:.1f} minutes, {self.findings} findings", flush=True)
        os._exit(1 if self.findings else 0)


def read(data: bytes) -> Input:
    """The request that atheris's bytes mean."""
    return Input(LOSSES[int.from_bytes(data[1:3]) % len(LOSSES)], BINARY if data[0] & 1 else JSON, data[PREFIX:])


def written(given: Input, cut: int) -> bytes:
    """The bytes that mean a request."""
    return bytes([given.content_type == BINARY]) + LOSSES.index(given.name).to_bytes(2) + bytes([cut]) + given.body


def mutated(data: bytes, largest: int, seed: int) -> bytes:
    """Half of the time as libFuzzer would, or else with our tokens, or a request of our own grammar."""
    rng = random.Random(seed)
    draw = rng.random()
    if draw < 0.5:
        return atheris.Mutate(data, largest)
    if draw < 0.8 and len(data) > PREFIX:
        return (data[:PREFIX] + mutated_bytes(rng, data[PREFIX:]))[:largest]
    return written(next(given for given in inputs(rng) if given.content_type != INFERENCE), rng.randrange(256))[:largest]


def main() -> None:
    minutes, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9
    print(f"atheris for {minutes:g} minutes with seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as corpus:
        rng = random.Random(seed)
        for index, (name, tree) in enumerate(seeds()):
            for given in (Input(name, JSON, json.dumps(tree).encode()), Input(name, BINARY, safetensors(rng, tree))):
                Path(corpus, f"{index}-{given.content_type[-4:]}").write_bytes(written(given, index % 256))
        hunt = Hunt(60 * minutes)
        options = [f"-seed={seed % 2**31}", f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=4096", "-verbosity=0"]
        atheris.Setup([sys.argv[0], corpus, *options], hunt.one, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
