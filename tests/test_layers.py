"""Imports point one way: app -> endpoint -> {codec, request, response, errors} -> losses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SERVICE = Path(__file__).parent.parent / "service"
OUTSIDE_CORE = {"numpy", "scipy", "annotated_types"}
STANDARD = set(__import__("sys").stdlib_module_names)


def imports(path: Path) -> set[str]:
    """The modules that a file imports, functions' own imports included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted((SERVICE / "losses").rglob("*.py")), ids=lambda path: path.stem)
def test_the_core_is_a_numpy_library(path: Path) -> None:
    for module in imports(path):
        top = module.split(".")[0]
        assert module.startswith("service.losses") or top in STANDARD | OUTSIDE_CORE, f"{path.name} imports {module}"


@pytest.mark.parametrize("path", sorted((SERVICE / "codec").rglob("*.py")), ids=lambda path: path.stem)
def test_codecs_know_nothing_of_losses(path: Path) -> None:
    for module in imports(path):
        assert not module.startswith("service.") or module.startswith("service.codec"), f"{path.name} imports {module}"


@pytest.mark.parametrize("name", ["request", "response", "errors", "names", "combination", "catalogue"])
def test_nothing_below_the_endpoint_knows_of_it(name: str) -> None:
    above = {"service.app", "service.endpoint", "service.openapi"}
    assert not {module for module in imports(SERVICE / f"{name}.py") if any(module.startswith(a) for a in above)}


@pytest.mark.parametrize("path", sorted(SERVICE.rglob("*.py")), ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 800, f"{path.name} wants to be two rooms"
