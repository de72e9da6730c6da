from __future__ import annotations

from collections.abc import Iterator

import pytest
from loss_client import Client

from tests.conftest import running


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with running() as address:
        yield address


@pytest.fixture(scope="session")
def client(server: str) -> Iterator[Client]:
    with Client(server) as opened:
        yield opened
