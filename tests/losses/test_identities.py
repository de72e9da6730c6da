"""The identities that tie losses together: a line each in identities/*.py."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.losses import identities

DRAWS = 5
EXACT = 1e-12


def collected() -> list[Any]:
    """Every (description, function) of every family, by its family and description."""
    found = []
    for module in pkgutil.walk_packages(identities.__path__, f"{identities.__name__}."):
        path = module.name.removeprefix(f"{identities.__name__}.")
        for description, function in getattr(importlib.import_module(module.name), "IDENTITIES", ()):
            found.append(pytest.param(function, id=f"{path}: {description}"))
    return found


ALL = collected()


@pytest.mark.parametrize("identity", ALL)
def test_both_sides_are_equal(identity: Callable[[np.random.Generator], tuple[Any, Any]]) -> None:
    for number in range(DRAWS):
        one, other = identity(np.random.default_rng(number))
        assert np.shape(one) == np.shape(other)
        assert np.size(one)
        np.testing.assert_allclose(one, other, rtol=EXACT, atol=EXACT * max(1e-300, float(np.max(np.abs(other)))))


def test_there_are_many() -> None:
    assert len(ALL) >= 40
