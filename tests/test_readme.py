"""The README says what is so: its calls are made, its Python is run, its tables are those of the code."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests import readme

TEXT = readme.README.read_text()
CALLS = re.findall(r"```sh\n(curl .*?)```\n\n```json\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"


def test_there_are_three_calls() -> None:
    assert len(CALLS) >= 3
    assert PYTHON


@pytest.mark.parametrize(("command", "answer"), CALLS)
def test_a_call_is_answered_as_it_says(command: str, answer: str, server: str) -> None:
    done = subprocess.run(["sh", "-c", command.replace(ADDRESS, server)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads(answer)


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_runs(code: str, server: str) -> None:
    exec(compile(code.replace(ADDRESS, server), "README.md", "exec"), {})


def test_the_generated_parts_are_those_of_the_code() -> None:
    for page in (readme.README, readme.CONTRIBUTING):
        text = page.read_text()
        assert readme.generated(text) == text, "run `make readme`"


def test_every_make_target_has_its_line() -> None:
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE)
    missing = [target for target in targets if f"make {target}" not in TEXT]
    assert not missing
