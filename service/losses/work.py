"""Cost of a call, estimated from the sizes of its axes before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Cost(NamedTuple):
    """An upper estimate for one call.

    operations: elementary operations, each about a nanosecond of one core: one element of one NumPy pass.
    memory: bytes that the arrays of the call take at their peak, the inputs left out.
    """

    operations: float
    memory: float

    def __add__(self, other: object) -> Cost:
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(self.operations + other.operations, self.memory + other.memory)


LINEAR = Cost(100.0, 64.0)
"""Cost of each element of the inputs, in every loss. tests/losses/WORK.md has the measured costs."""


@dataclass(frozen=True)
class Work:
    """Cost of a loss beyond the LINEAR cost of its inputs' elements.

    Each field is a sum of products, such as "40 n n d + 2000 t". A factor is an axis, `...` for the product of the further
    axes, an integer option, each of them to a power as in "t^0.5", or a number. operations and memory have the units of Cost.
    """

    operations: str = ""
    memory: str = ""

    @cached_property
    def _terms(self) -> tuple[tuple[_Term, ...], ...]:
        return tuple(tuple(map(_term, filter(None, text.split(" + ")))) for text in (self.operations, self.memory))

    @cached_property
    def names(self) -> set[str]:
        """The axes and options that the cost depends on."""
        return {name for terms in self._terms for _, factors in terms for name, _ in factors}

    def cost(self, sizes: Mapping[str, float]) -> Cost:
        """Evaluate both sums; an axis of an input that is not given counts as 1."""
        return Cost(
            *(sum(number * math.prod(sizes.get(name, 1) ** power for name, power in factors) for number, factors in terms) for terms in self._terms)
        )


_Term = tuple[float, tuple[tuple[str, float], ...]]  # a number, and axes or options with their powers


def _term(text: str) -> _Term:
    numbers = [float(factor) for factor in text.split() if factor[0].isdigit()]
    parted = [factor.partition("^") for factor in text.split() if not factor[0].isdigit()]
    return math.prod(numbers), tuple((name, float(power or 1)) for name, _, power in parted)


NOTHING_MORE = Work()
"""The work of a loss whose cost is linear in its inputs."""
