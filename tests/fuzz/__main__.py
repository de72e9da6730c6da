"""`python -m tests.fuzz MINUTES [SEED]`: hunt, save what is found under tests/fuzz/found/, and say how much was tried."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from pathlib import Path

from tests.edge.wire import serving
from tests.fuzz.inputs import Input, inputs
from tests.fuzz.oracle import Finding, Session

FOUND = Path(__file__).parent / "found"


def hunt(seconds: float, rng: random.Random, save: bool = True) -> tuple[int, int, list[Finding]]:
    """Inputs tried, accepted, and what was found; it goes on after a finding, but not after many."""
    findings: list[Finding] = []
    end = time.monotonic() + seconds
    with serving() as running:
        session = Session(running, rng)
        for given in inputs(rng):
            if time.monotonic() > end or len(findings) >= 20:
                break
            try:
                session.check(given)
            except Finding as finding:
                findings.append(finding)
                if save:
                    store(given)
                tried, accepted = session.inputs, session.accepted
                session.close()
                session = Session(running, rng)
                session.inputs, session.accepted = tried, accepted
        session.close()
    return session.inputs, session.accepted, findings


def store(given: Input) -> None:
    """As a file of its own, which the regression test reads."""
    FOUND.mkdir(exist_ok=True)
    entry = {
        "name": given.name,
        "content_type": given.content_type,
        "body": given.body.hex(),
        "head": given.head,
        "way": given.way,
        "after": given.after.hex(),
    }
    (FOUND / f"{hashlib.sha256(given.body + given.after).hexdigest()[:16]}.json").write_text(json.dumps(entry) + "\n")


def main() -> int:
    minutes, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9
    print(f"fuzzing for {minutes:g} minutes with seed {seed}", flush=True)
    tried, accepted, findings = hunt(minutes * 60, random.Random(seed))
    for finding in findings:
        print(finding, end="\n\n")
    print(f"{tried} inputs ({accepted} accepted) in {minutes:g} minutes, {len(findings)} findings")
    print(f"| fuzzing on a socket, seed {seed} | {minutes:g} minutes, {tried:,} inputs, {len(findings)} findings | `make fuzz MINUTES={minutes:g}` |")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
