"""Intervals as numbers for programs and pages: the valid values, and the range worth showing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

import numpy as np

from service.losses.declaration import Domain, Option, TensorSpec

SPAN = 3.0  # of a tensor without bounds: scores and errors of this size show where a loss bends
OPEN_GAP = 0.01  # share of a range by which it stays away from a bound that is not allowed


def bounds(domain: Domain) -> dict[str, Any]:
    """The keywords of JSON Schema for a domain; none where every finite number is allowed."""
    if domain.values:
        return {"values": list(domain.values)}
    found: dict[str, Any] = {}
    if domain.low > -inf:
        found["exclusive_minimum" if domain.low_open else "minimum"] = domain.low
    if domain.high < inf:
        found["exclusive_maximum" if domain.high_open else "maximum"] = domain.high
    return found


def form_card(form: TensorSpec, example: Any = None) -> dict[str, Any]:
    """Form of an input on a card."""
    below = {"below": form.below} if form.below else {}
    return {"axes": form.shape_text, "kind": form.kind} | bounds(form.domain) | below | {"range": list(tensor_range(form, example))}


def tensor_range(form: TensorSpec, example: Any = None) -> tuple[float, float]:
    """A range over which a tensor's elements are worth plotting: its bounds where they are near, and wide enough for the example."""
    seen = np.abs(np.asarray(example, float)) if example is not None else np.zeros(0)
    reach = max(SPAN, 1.5 * float(seen.max())) if seen.size else SPAN
    domain = form.domain
    if domain.values:
        return min(domain.values), max(domain.values)
    low = domain.low if domain.low > -reach else -reach
    high = domain.high if domain.high < 10 * reach else max(reach, low + SPAN)
    return _inside(low, high, domain.low_open and low == domain.low, domain.high_open and high == domain.high)


def option_range(option: Option) -> tuple[float, float] | None:
    """Return the range of a slider around the default, or None if the option is not a number."""
    if option.type not in ("number", "integer") or option.default is None:
        return None
    lowest, highest = _limit(option.bounds, ("ge", "gt"), -inf), _limit(option.bounds, ("le", "lt"), inf)
    default = float(option.default)
    reach = max(4 * abs(default), 1.0 if default == 0 else 0.0)
    low = lowest if lowest > -inf else default - max(2 * abs(default), 2.0)
    high = highest if highest < inf else max(low + reach, reach)
    if option.type == "integer":
        return low, max(high, low + 1)
    low, high = _inside(low, high, option.bounds.get("gt") == low, option.bounds.get("lt") == high)
    return min(low, default), max(high, default)


def _limit(given: Mapping[str, float], names: Iterable[str], otherwise: float) -> float:
    return next((given[name] for name in names if name in given), otherwise)


def _inside(low: float, high: float, low_open: bool, high_open: bool) -> tuple[float, float]:
    gap = OPEN_GAP * (high - low)
    return low + gap * low_open, high - gap * high_open
