"""These tests need torch: they are collected where the command names their folder, as `make parity` does, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if any("parity" in argument for argument in config.args) else True
