"""`make readme`: the generated parts of README.md and CONTRIBUTING.md, between `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from service.losses import FAMILIES, LOSSES
from service.settings import Settings

README = Path(__file__).parent.parent / "README.md"
CONTRIBUTING = README.with_name("CONTRIBUTING.md")


def losses() -> str:
    rows = [f"{len(LOSSES)} losses, and `combination`.", "", "| family | losses |", "|---|---|"]
    for family in FAMILIES:
        names = [f"`{name}`" for name, loss in LOSSES.items() if loss.family == family]
        if names:
            rows.append(f"| {family} | {', '.join(names)} |")
    return "\n".join(rows)


def settings() -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default if isinstance(field.default, (int, float, bool, str)) else ""
        rows.append(f"| `LOSS_SERVICE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def example() -> str:
    """A loss as it stands in the code."""
    return f"```python\n{inspect.getsource(LOSSES['half_squared_error'].function)}```"


PARTS = {"losses": losses, "settings": settings, "example": example}


def generated(text: str) -> str:
    for name, part in PARTS.items():
        text = re.sub(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", lambda _, part=part: part() + "\n", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for page in (README, CONTRIBUTING):
        page.write_text(generated(page.read_text()))
