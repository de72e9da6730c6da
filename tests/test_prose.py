"""Prose is plain technical English: no docstring begins with a question word, and none of the collected phrases is used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.losses.registry import LOSSES, Loss

ROOT = Path(__file__).parent.parent
PYTHON = sorted(path for folder in ("service", "client", "examples") for path in (ROOT / folder).rglob("*.py"))
CHECKS = sorted(path for folder in ("tests", "openapi") for path in (ROOT / folder).rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("deploy/*.md"), *ROOT.glob("openapi/*.md"), *ROOT.glob("client/*.md")])
SCRIPTS = sorted(path for end in ("js", "css", "html") for path in (ROOT / "service").rglob(f"*.{end}"))
OWN = [path for path in (*PYTHON, *CHECKS) if path.name != "test_prose.py" and "client" not in path.parts]
FIRST_WORDS = ("What", "Who", "Whether", "Where", "How")
DENIED = [
    r"weigh(ed|s|ing)?\b(?! with 0)",
    r"a fine\b",
    r"parted by",
    r"in vain",
    r"\bkin\b",
    r"\bmended\b",
    r"h[au]ngs? up",
    r"\bnobody\b",
    r"\beverybody\b",
    r"\bwhoever\b",
    r"lets? (in|out)\b",
    r"\bwho (asks?|hangs|sends|reads|wants|has|is|can)\b",
    r"\bask(s|ed)? (for|of|it|them|whether)\b",
    r"(it|code|loss|core|edge|service|they) (says?|knows?|wants?|asks?)\b",
    r"what (is|are|was|comes?|goes|has|have|would|it|they|a|the) ",
    r"\bthe mathematics\b(?! gives infinity)",
    r"for nobody",
    r"\bas it stands\b",
    r"\bstands? (in|for|next|beside|at|here|there|twice|once)\b",
    r"\bas (many|long|far) as it takes\b",
    r"\bof ours\b",
    r"\bcallers? (hand|pay|mean)",
    r"\bfelt (by|below)\b",
    r"\b(lest|whom|sister)\b",
    r"\banswers over (shards|parts)\b",
    r"\bfar out\b",
    r"counts? for nothing",
    r"takes? no notice",
    r"loses? nothing",
    r"\bas [\w' -]{1,24} ha(s|ve) it\b",
    r"\blikeliest\b",
    r"\btaken off\b",
    r"\bare to (be|agree|have)\b",
    r"\bthe way back\b",
    r"\bpunish",
    r"\bconstants of the gradient\b",
    r"\bwants?\b",
    r"\bunder way\b",
]

SPELLING = re.compile(  # American, as NumPy's documentation; titles of papers keep their own, and identifiers are of this kind too
    r"\w*(?:normalis|generalis|optimis|standardis|factoris|localis|regularis|initialis|penalis|minimis|maximis)\w*"
    r"|\w*(?:colour|neighbour|behaviour|favour)\w*|centred?|(?:un)?labelled|modelled|learnt|towards|misspelt|spelt|licence|artefact|grey",
    re.IGNORECASE,
)
TITLES = re.compile(r"^ *(Reference|Synonyms): (.|\n(?! *(\w+:|\"\"\")))*", re.MULTILINE)
REPLACED = re.compile(r"\w*refus\w*|ask(s|ed|ing)?|answer(s|ed)?", re.IGNORECASE)  # reject, request and response, in names too


def comments(text: str) -> Iterator[str]:
    """The comments of a file, and its strings: prose that people read."""
    for line in text.splitlines():
        if "# " in line:
            yield line.partition("# ")[2]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value


def docstrings(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found = ast.get_docstring(node)
            if found:
                yield found


@pytest.mark.parametrize("path", [*PYTHON, *CHECKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_begins_with_a_verb_or_a_name(path: Path) -> None:
    first = [text for text in docstrings(path.read_text()) if text.split()[0] in FIRST_WORDS]
    assert first == []


@pytest.mark.parametrize("path", [*PYTHON, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_none_of_the_denied_phrases_is_used(path: Path) -> None:
    text = path.read_text()
    prose = list(comments(text)) if path.suffix == ".py" else [text]
    found = [
        f"{match[0]!r} in {piece[max(0, match.start() - 40) : match.end() + 40]!r}"
        for piece in prose
        for phrase in DENIED
        for match in re.finditer(phrase, piece, re.IGNORECASE)
    ]
    assert found == []


@pytest.mark.parametrize("path", [*OWN, *PAGES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_spelling_is_american(path: Path) -> None:
    found = {word for word in re.findall(r"[A-Za-z]+", TITLES.sub("", path.read_text())) if SPELLING.fullmatch(word)}
    assert found == set()


@pytest.mark.parametrize("path", [path for path in PYTHON if "service" in path.relative_to(ROOT).parts], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_service_rejects_requests_and_sends_responses(path: Path) -> None:
    assert {word for word in re.findall(r"[A-Za-z]+", TITLES.sub("", path.read_text())) if REPLACED.fullmatch(word)} == set()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_a_summary_is_one_or_two_short_sentences(loss: Loss) -> None:
    assert loss.summary[0].isupper()
    assert loss.summary.endswith(".")
    assert len(loss.summary.split()) <= 30
