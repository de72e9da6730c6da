"""`python -m tests.losses.accuracy [FILE [NAME ...]]`: the errors of all losses as a Markdown table, next to torch's where torch is installed.

With names, only their rows are made anew; the file keeps its others.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from service.losses import LOSSES, Evaluation, Loss
from tests.losses.accuracy import Report, Worst, bounds, measure, truths
from tests.losses.adversarial import Call

try:
    import torch

    from tests.parity.cases import CASES, OURS_ALONE, named
except ImportError:
    CASES = {}

CALLS = 24
TORCH_CALLS = 150  # many draw options that torch has not
ALL = 10**9  # torch is not stopped at its first errors

HEAD = """# Errors against arithmetic of many digits

`make accuracy` writes this page. The largest relative error of the numerators and of the elements of gradients in float64, over {calls} adversarial
calls of each loss drawn at random, and some that take the special values in turn: ordinary
numbers next to 0, denormals, 1e-300, 1e-17, 1 - 1e-16, 36, 40, 710, 1e5, 1e16, 1e300, ties, parallel vectors, single samples and classes.
Errors are what remains beyond the effect of moving the inputs half a unit in their last place (tests/losses/accuracy.py says how they are
measured); what is looser than the rule, in the bound or in whose last place is meant, has its reason below the table. 1 is an answer without a right digit; ∞ is one that is infinite or NaN where the truth is a number, or a number where the truth is 0.

| loss | value | gradient | bound of value, gradient | torch's value | torch's gradient |
|---|---|---|---|---|---|
"""


UNITS = {
    "element": "",
    "vector": ", by vector",
    "tensor": ", by tensor",
    "call": ", by call",
    "one": ", at 1",
}  # the last place of the largest of the vector, of the tensor, of the call, of 1
NORMS = {"element": "", "tensor": "; normwise"}


def reasons() -> str:
    """Why some losses promise less than the rule."""
    losses: dict[str, list[str]] = {}
    for name, loss in sorted(LOSSES.items()):
        if loss.bound.reason:
            losses.setdefault(loss.bound.reason, []).append(f"`{name}`")
    lines = "".join(f"- {', '.join(names)}: {reason}.\n" for reason, names in losses.items())
    return f"""
By vector, by tensor, by call, at 1: inputs are moved by half a unit in the last place of the largest number of their vector, of their tensor, of all
tensors, or of 1 if that is larger still. Normwise: the errors of a gradient are relative to the largest element of its tensor, and inputs are moved by two units. A bound other than 8 units in the last place (elementwise), or than 1.0e-14, 1.0e-13, has a reason:

{lines}"""


def row(name: str) -> str:
    loss = LOSSES[name]
    ours = measure(loss, number=CALLS)
    theirs = measure(loss, number=TORCH_CALLS, answerer=of_torch, enough=ALL) if name in CASES else None
    promised = ", ".join(f"{bound:.1e}" for bound in bounds(loss, "float64")) + UNITS[loss.bound.unit] + NORMS[loss.bound.norm]
    return f"| {name} | {' | '.join(shown(ours))} | {promised} | {' | '.join(shown(theirs))} |\n"


def shown(report: Report | None) -> list[str]:
    """The two worst errors; nothing where nothing was compared."""
    return ["", ""] if report is None else [digits(worst) for worst in (report.value, report.gradient)]


def digits(worst: Worst) -> str:
    if not worst.compared:
        return ""
    return "∞" if worst.error > 1e200 else "0" if worst.error < 1e-30 else f"{worst.error:.1e}"


def of_torch(loss: Loss, call: Call) -> Evaluation | None:
    """torch's elements summed to numerators, and its gradients; None where torch does not take the call."""
    case, options = CASES[loss.name], SimpleNamespace(**call.options)
    wanted = set(loss.differentiable)
    tensors = {key: torch.tensor(array, requires_grad=key in wanted and array.dtype.kind == "f") for key, array in call.tensors.items()}
    if case.under_softmax or not case.usable(named(tensors), options) or not tensors.keys().isdisjoint(OURS_ALONE):
        return None
    try:
        elements = case.function(named(tensors), options, "none")
    except (RuntimeError, ValueError, IndexError):
        return None
    numerators = elements.reshape(elements.shape[0], -1).sum(1)

    def pullback(key: str) -> Any:
        def pulled(cotangent: Any) -> Any:
            (gradient,) = torch.autograd.grad(numerators, tensors[key], torch.tensor(cotangent), retain_graph=True, allow_unused=True)
            return np.zeros_like(call.tensors[key]) if gradient is None else gradient.numpy()

        return pulled

    gradients = {key: pullback(key) for key, tensor in tensors.items() if tensor.requires_grad and numerators.requires_grad}
    return Evaluation(numerators.detach().numpy(), np.zeros(0), gradients)


def main(arguments: list[str]) -> None:
    """The table to the file named, or to the standard output."""
    file, names = (Path(arguments[0]) if arguments else None), sorted(arguments[1:] or truths())
    rows = known(file) if file and arguments[1:] else {}
    with ProcessPoolExecutor() as pool:
        for done, (name, line) in enumerate(zip(names, pool.map(row, names), strict=True), 1):
            rows[name] = line
            sys.stderr.write(f"\r{done} of {len(names)}")
    sys.stderr.write("\n")
    text = HEAD.format(calls=CALLS) + "".join(rows[name] for name in sorted(rows)) + reasons()
    if file:
        file.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def known(file: Path) -> dict[str, str]:
    """The rows of a table written before, by loss, of losses that there still are."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    return {name: line for line in lines if line.startswith("| ") and (name := line.split(" ")[1]) in LOSSES}
