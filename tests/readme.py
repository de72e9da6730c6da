"""`make docs`: the generated parts of README.md, CONTRIBUTING.md and docs/*.md, between `<!-- name -->` and `<!-- /name -->`.

It also writes the PrometheusRule of deploy/kubernetes/monitoring, which has the rules of deploy/prometheus/rules.yml.
"""

from __future__ import annotations

import inspect
import math
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

from service.losses import FAMILIES, LOSSES
from service.settings import declared

README = Path(__file__).parent.parent / "README.md"
PAGES = [README, README.with_name("CONTRIBUTING.md"), *sorted((README.parent / "docs").glob("*.md"))]
ACCURACY = README.parent / "tests/losses/ACCURACY.md"
RULES = README.parent / "deploy/prometheus/rules.yml"
PROMETHEUS_RULE = README.parent / "deploy/kubernetes/monitoring/rules.yaml"
LOST = 1e-8  # half of the digits of float64


def losses() -> str:
    rows = [f"{len(LOSSES)} losses, and `combination`, their weighted sum.", "", "| family | losses |", "|---|---|"]
    for family, title in FAMILIES.items():
        names = [f"`{name}`" for name, loss in LOSSES.items() if loss.family == family]
        rows.append(f"| {title} (`{family}`) | {', '.join(names)} |")
    return "\n".join(rows)


def count() -> str:
    return f"{len(LOSSES)} losses in {len(FAMILIES)} families"


def settings() -> str:
    rows = [f"| `{variable}` | {default} | {meaning} |" for variable, default, meaning in declared()]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def example() -> str:
    """A loss as it stands in the code."""
    return f"```python\n{inspect.getsource(LOSSES['half_squared_error'].function)}```"


def accuracy() -> str:
    """Summarize ACCURACY.md."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ACCURACY.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][
        1:
    ]
    ours = [max(errors(row[1] for row in cells)), max(errors(row[2] for row in cells))]
    theirs = [(errors([row[4]]), errors([row[5]])) for row in cells if row[4]]
    without = [sum(bool(error) and error[0] >= LOST for error in column) for column in zip(*theirs, strict=True)]
    return (
        f"The worst error of {len(cells)} losses is {ours[0]:.1e} in the value and {ours[1]:.1e} in the gradient. On the calls of the {len(theirs)} "
        f"that torch has,\nit loses more than half of its digits somewhere in the value of {without[0]} and in the gradient of {without[1]}."
    )


def errors(cells: Iterable[str]) -> list[float]:
    """The numbers of a column; infinite where an answer is."""
    return [math.inf if cell == "∞" else float(cell) for cell in cells if cell]


PARTS = {"losses": losses, "count": count, "accuracy": accuracy, "settings": settings, "example": example}


def generated(text: str) -> str:
    for name, part in PARTS.items():
        for end in ("\n", ""):  # a part of its own lines, or within one
            pattern = rf"(?<=<!-- {name} -->{end})(?!\n).*?(?=<!-- /{name} -->)"
            if re.search(pattern, text, re.DOTALL):
                text = re.sub(pattern, (part() + end).replace("\\", r"\\"), text, flags=re.DOTALL)
    return text


def prometheus_rule() -> str:
    """The rules as the Prometheus operator's resource."""
    head = """\
# `make docs` writes this file; the rules are those of deploy/prometheus/rules.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: loss-service
spec:
"""
    lines = [line for line in RULES.read_text().splitlines(keepends=True) if not line.startswith("#")]
    return head + textwrap.indent("".join(lines), "  ")


if __name__ == "__main__":
    PROMETHEUS_RULE.write_text(prometheus_rule())
    for page in PAGES:
        page.write_text(generated(page.read_text()))
