"""Exceptions of the losses, without status codes: `service.errors` maps them to problems.

LossError
├── InvalidTensor   a tensor has the wrong rank, size, kind or domain, at an index if there is one
├── InvalidOption   an option or control does not fit the call
└── NonFinite       the result is infinite or undefined for the samples named
"""

from __future__ import annotations

from collections.abc import Sequence


class LossError(ValueError):
    """Call without result; `pointer` is the path to the invalid field, as steps from the top of the call."""

    pointer: tuple[str | int, ...] = ()


class InvalidTensor(LossError):
    """`name[index]: <message>`, for instance `labels[3]: out of range; expected a class index in [0, 10), got 12`."""

    def __init__(self, name: str, message: str, index: Sequence[int] = ()) -> None:
        self.pointer = (name, *index)
        place = name + (f"[{', '.join(map(str, index))}]" if index else "")
        super().__init__(f"{place}: {message}")


class InvalidOption(LossError):
    """`name: <message>`, for instance `cotangent: not allowed; expected reduction "none", got mean`."""

    def __init__(self, name: str, message: str) -> None:
        self.pointer = (name,)
        super().__init__(f"{name}: {message}")


class NonFinite(LossError):
    """Result that is not finite: `what` of `samples` (at most the first few are named)."""

    problem = "not finite; expected inputs whose loss is finite; move them away from the edge of their domain, or leave the sample out"

    def __init__(self, what: str, samples: Sequence[int] = ()) -> None:
        self.what, self.samples = what, tuple(samples)
        of = f" of samples {', '.join(map(str, samples))}" if samples else ""
        super().__init__(f"{what}{of}: {self.problem}")
