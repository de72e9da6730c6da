"""The tests of losses mirror the tree of the losses: a truth or an identity stands under the relative path of its loss."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

from service import losses
from service.losses import LOSSES
from tests.losses import identities, truth
from tests.losses.accuracy import truths

PATHS = {loss.function.__module__.removeprefix(f"{losses.__name__}.") for loss in LOSSES.values()}


def modules(package: ModuleType) -> list[str]:
    """The relative paths of the modules that hold truths or identities."""
    found = [module for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.") if not module.ispkg]
    return [module.name.removeprefix(f"{package.__name__}.") for module in found if not module.name.rpartition(".")[2].startswith("_")]


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_truth_stands_under_the_path_of_its_loss(name: str) -> None:
    expected = LOSSES[name].function.__module__.replace(losses.__name__, truth.__name__, 1)
    assert name in truths(), f"no truth; expected a function {name} in {expected}"
    assert truths()[name].__module__ == expected


@pytest.mark.parametrize("package", [truth, identities], ids=["truth", "identities"])
def test_each_module_has_the_path_of_a_module_of_losses(package: ModuleType) -> None:
    assert set(modules(package)) <= PATHS


def test_each_module_of_identities_states_some() -> None:
    for path in modules(identities):
        assert importlib.import_module(f"{identities.__name__}.{path}").IDENTITIES, path
