"""`python -m tests.fuzz.document SCHEMATHESIS [EXAMPLES [OPTIONS]]`: schemathesis's checks over the served OpenAPI document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import running

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"


def main() -> int:
    examples = sys.argv[2] if len(sys.argv) > 2 else "10"
    with running() as url:
        command = [sys.argv[1], "--config-file", str(CONFIGURATION), "run", f"{url}/openapi.json", "--max-examples", examples]
        return subprocess.run([*command, "--workers", "1", "--continue-on-failure", *sys.argv[3:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
