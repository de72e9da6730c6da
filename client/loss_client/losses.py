"""Every loss as a method. Their signatures are in losses.pyi, which `make stubs` writes from the cards of the service."""

from functools import partial
from typing import Any, Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Losses(Generic[R_co]):
    """`client.cross_entropy(...)` is `client("cross_entropy", ...)`. The service decides which names there are."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self, name)  # type: ignore[call-overload, unused-ignore]
