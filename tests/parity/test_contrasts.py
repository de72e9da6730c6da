"""The README's table of calls on which torch differs is what both say."""

from __future__ import annotations

from tests.parity.contrasts import PART, table
from tests.readme import README


def test_the_readme_has_what_both_answer() -> None:
    (found,) = PART.findall(README.read_text())
    assert found == table(), "run `make accuracy`, or python -m tests.parity.contrasts"
