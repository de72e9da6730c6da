"""The page of a benchmark: its tables as they come, and the notes that the page had."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

NOTES = "## Where the time goes"


class Report:
    """Prints lines, keeps them, and writes them in place of all but the notes of a page."""

    def __init__(self, title: str) -> None:
        self.lines = [f"# {title}", ""]

    def __call__(self, line: str = "") -> None:
        self.lines += line.split("\n")
        print(line, flush=True)

    def write(self, page: Path) -> None:
        _, heading, notes = page.read_text().partition(NOTES) if page.exists() else ("", "", "")
        page.write_text("\n".join(self.lines).rstrip() + "\n" + (f"\n{heading}{notes}" if heading else ""))


def described(*packages: str) -> str:
    """The command, the day, the processor, and the versions of packages."""
    processors = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    command = f"python -m {Path(sys.argv[0]).resolve().relative_to(Path.cwd()).with_suffix('').as_posix().replace('/', '.')} {' '.join(sys.argv[1:])}"
    return f"From `{command.strip()}` on {datetime.now(UTC):%Y-%m-%d}: Python {platform.python_version()}, {versions}; {len(processors)} x {processors[0]}."
