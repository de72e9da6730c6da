"""`python -m service`: serve on PORT with WORKERS processes."""

from __future__ import annotations

import os

import uvicorn


def main() -> None:
    """Say where the service is, and serve."""
    port, host = int(os.environ.get("PORT", "8000")), os.environ.get("HOST", "127.0.0.1")
    print(f"Loss service on http://{host}:{port}")
    print(f"Try it in a browser: http://{host}:{port}/docs", flush=True)
    uvicorn.run(
        "service.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=int(os.environ.get("WORKERS", "1")),
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
