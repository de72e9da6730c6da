"""`python -m tests.fuzz.inference COUNT [SEED]`: that many inference requests through the application, and one in ten over a socket too."""

from __future__ import annotations

import random
import sys
import time

from tests.edge.wire import serving
from tests.fuzz.__main__ import store
from tests.fuzz.decoders import Application, pieces
from tests.fuzz.inputs import INFERENCE, inputs
from tests.fuzz.oracle import Finding, Session


def main() -> int:
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9
    rng, application, tried, accepted, findings = random.Random(seed), Application(), 0, 0, 0
    requests = (given for given in inputs(rng) if given.content_type == INFERENCE)
    with serving() as running:
        session = Session(running, rng)
        while tried < count and findings < 20:
            given = next(requests)
            tried += 1
            try:
                accepted += application.check(given, pieces(given.body, rng))
                if tried % 10 == 0:
                    session.check(given)
            except Finding as finding:
                findings += 1
                store(given)
                print(finding, end="\n\n", flush=True)
        session.close()
    print(f"{tried} inference requests ({accepted} accepted), {session.inputs} of them over a socket, {findings} findings, seed {seed}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
