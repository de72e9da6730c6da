"""Functions of installed packages whose modules import too much to be imported: compiled one by one from the package's own source."""

from __future__ import annotations

import ast
import warnings
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def functions(distribution: str, path: str, *names: str, **scope: Any) -> SimpleNamespace:
    """Return the named functions and methods of a file of an installed distribution, without decorators; `scope` has the names that they use."""
    source = Path(str(metadata.distribution(distribution).locate_file(path))).read_text()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in their docstrings
        tree = ast.parse(source)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in names]
    for node in found:
        node.decorator_list = []
    missing = set(names) - {node.name for node in found}
    assert not missing, f"{path} of {distribution} has no {missing}"
    module = ast.Module([ast.ImportFrom("__future__", [ast.alias("annotations")], 0), *found], [])
    exec(compile(ast.fix_missing_locations(module), path, "exec"), scope)
    return SimpleNamespace(**{name: scope[name] for name in names})
