"""`python -m service`: the command line; without arguments it serves, on PORT with WORKERS processes."""

from __future__ import annotations

import sys

from service.cli import main

if __name__ == "__main__":
    sys.exit(main())
