from __future__ import annotations

from typing import TypeVar

Kind = TypeVar("Kind")


def required(value: Kind | None) -> Kind:
    """Return an optional value, such as a field of an `Result`, that the test needs to be there."""
    assert value is not None
    return value
