"""Imports point one way: server -> app -> http -> api -> {codec, losses}; families of losses know of each other only registered losses."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.losses import FAMILIES, LOSSES

ROOT = Path(__file__).parent.parent
SERVICE = ROOT / "service"
OUTSIDE_CORE = {"numpy", "scipy", "annotated_types", "ml_dtypes"}
FILES = sorted(SERVICE.rglob("*.py"))
LAYERS = {  # a layer -> the layers of `service` that its modules may import
    "losses": set[str](),
    "codec": set[str](),
    "settings": set[str](),
    "runtime": set[str](),
    "errors": {"codec", "losses"},
    "telemetry": {"settings"},
    "api": {"losses", "codec", "errors", "settings"},
    "pages": {"api", "codec", "losses", "errors", "settings", "http"},
    "http": {"api", "codec", "losses", "errors", "settings", "telemetry", "runtime"},
    "app": {"http", "api", "codec", "losses", "errors", "settings", "telemetry", "pages"},
    "files": {"losses", "api", "errors", "cli"},
    "server": {"app", "http", "errors", "settings", "telemetry", "runtime"},
}
# LambdaRank is a ranking loss with boosting's Hessian; a token loss may add the z loss, of which masked positions have none.
EXCEPTIONS = {("boosting/ranking.py", "service.losses.ranking._lists"), ("language_modeling/tokens.py", "service.losses.classification.variants")}


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """The (module, name) pairs that a file imports, functions' own imports included; the name of `import m` is empty."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def layer(path: Path) -> str:
    return path.relative_to(SERVICE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", [path for path in FILES if layer(path) in LAYERS], ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_module_imports_only_layers_below_its_own(path: Path) -> None:
    own = layer(path)
    for module, name in imports(path):
        if module.split(".")[0] == "service":
            imported = [*f"{module}.{name}".split("."), ""][1]
            assert imported in LAYERS[own] | {own, "__version__"}, f"{path.name} imports {module}.{name}"


@pytest.mark.parametrize("path", sorted((SERVICE / "losses").rglob("*.py")), ids=lambda path: str(path.relative_to(SERVICE)))
def test_the_losses_are_a_numpy_library(path: Path) -> None:
    for module, _ in imports(path):
        top = module.split(".")[0]
        assert module.startswith("service.losses") or top in set(sys.stdlib_module_names) | OUTSIDE_CORE, f"{path.name} imports {module}"


@pytest.mark.parametrize("path", sorted((SERVICE / "losses").rglob("*.py")), ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_family_imports_from_others_registered_losses_only(path: Path) -> None:
    relative = path.relative_to(SERVICE / "losses")
    own = relative.parts[0].removesuffix(".py")
    for module, name in imports(path):
        if not module.startswith("service.losses."):
            continue
        there = module.removeprefix("service.losses.").split(".")
        if there[0] in FAMILIES and there[0] != own:
            assert own in FAMILIES, f"{relative} is below the families and imports {module}"
            assert name in LOSSES or (str(relative), module) in EXCEPTIONS, f"{relative} imports {module}.{name}"
        if there[0] == own and there[-1] == "_shared":
            assert relative.parts[0] == there[0]


def test_every_module_of_losses_is_a_family_or_machinery() -> None:
    machinery = {"__init__", "declaration", "checking", "evaluation", "naming", "registry", "reduction", "errors", "numerics"}
    found = {path.stem for path in (SERVICE / "losses").iterdir() if path.name != "__pycache__"}
    assert found == machinery | set(FAMILIES)
    assert {loss.family for loss in LOSSES.values()} == set(FAMILIES)


def test_no_two_classes_have_one_name() -> None:
    names = Counter(node.name for path in FILES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450, f"{path.name} is longer than 450 lines"
