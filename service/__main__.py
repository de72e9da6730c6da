"""`python -m service`: serve on PORT with WORKERS processes."""

from __future__ import annotations

import os
import sys

from service.server import serve


def main() -> int:
    """Say where the service is, and serve."""
    port, host = int(os.environ.get("PORT", "8000")), os.environ.get("HOST", "127.0.0.1")
    print(f"Loss service on http://{host}:{port}")
    print(f"Try it in a browser: http://{host}:{port}/docs", flush=True)
    return serve(host, port, int(os.environ.get("WORKERS", "1")))


if __name__ == "__main__":
    sys.exit(main())
