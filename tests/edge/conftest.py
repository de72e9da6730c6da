from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edge.wire import Serving, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    """A server with the default limits."""
    with serving() as running:
        yield running
