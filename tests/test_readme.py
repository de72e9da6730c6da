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


def test_there_are_calls() -> None:
    assert len(CALLS) >= 2
    assert PYTHON


@pytest.mark.parametrize(("command", "answer"), CALLS)
def test_a_call_is_answered_as_it_says(command: str, answer: str, server: str) -> None:
    done = subprocess.run(["sh", "-c", command.replace(ADDRESS, server)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads(answer)


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_runs(code: str, server: str) -> None:
    exec(compile(code.replace(ADDRESS, server), "README.md", "exec"), {})


def test_the_generated_parts_are_those_of_the_code() -> None:
    for page in readme.PAGES:
        text = page.read_text()
        assert readme.generated(text) == text, "run `make docs`"


def test_every_make_target_has_its_line_in_make_help() -> None:
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):(.*)", makefile, re.MULTILINE)
    assert targets
    assert [name for name, rest in targets if "## " not in rest] == []


def test_every_link_to_a_file_leads_somewhere() -> None:
    for page in readme.PAGES:
        for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
