"""`python -m tests.fuzz.document SCHEMATHESIS [EXAMPLES]`: all of schemathesis's checks over the served OpenAPI document."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import running

# A request that the schema allows may still not fit together (unequal sizes, labels that are no class): that is a 422 by contract,
# so acceptance of what the schema allows is not checked. And /health/ready takes no parameters that could be unsupported.
EXCLUDED = "positive_data_acceptance"


def main() -> int:
    examples = sys.argv[2] if len(sys.argv) > 2 else "10"
    with running() as url:
        command = [sys.argv[1], "run", f"{url}/openapi.json", "--checks", "all", "--exclude-checks", EXCLUDED]
        return subprocess.run([*command, "--max-examples", examples, "--workers", "1", "--continue-on-failure"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
