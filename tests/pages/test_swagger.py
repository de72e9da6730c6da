"""What a person meets at /docs, in a browser that reaches nothing but this machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from service.api import catalogue
from service.pages import swagger
from tests.pages.browser import Browser, until

SCREENSHOTS = Path(__file__).parent.parent.parent / "build" / "screenshots"
FAMILY = "document.querySelector(`.opblock-tag[data-tag='${arguments[0]}']`).click()"
OPEN = "document.querySelector(`[id$='-${arguments[0]}'] .opblock-summary-control`).click()"
LISTED = "return [...document.querySelectorAll('.opblock-summary-path')].map(found => found.dataset.path)"
FORMULA = "return document.querySelector(`[id$='-${arguments[0]}'] math`)?.getBoundingClientRect().height"
EXECUTE = "const b = document.querySelector(`[id$='-${arguments[0]}'] .execute`); if (b) b.click(); return Boolean(b)"
ANSWER = "return document.querySelector(`[id$='-${arguments[0]}'] .live-responses-table tr.response td.response-col_status`)?.innerText"
BODY = "return document.querySelector(`[id$='-${arguments[0]}'] .live-responses-table .highlight-code pre`).innerText"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not shutil.which("chromedriver") and not os.environ.get("CI"):
        pytest.skip("needs a browser: apt-get install chromium chromium-driver (in CI this is an error)")
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser: Browser, server: str) -> Browser:
    browser.open(f"{server}/docs")
    browser.wait("return document.querySelector('.opblock-tag')")
    return browser


def test_every_loss_is_there_and_nothing_came_from_elsewhere(page: Browser, server: str) -> None:
    page.screenshot(SCREENSHOTS / "docs.png")
    for family in {card["family"] for card in catalogue.cards().values()}:
        page.run(FAMILY, family)
        names = {name for name, card in catalogue.cards().items() if card["family"] == family}
        until(lambda wanted=names: {path.rpartition("/")[2] for path in page.run(LISTED)} == wanted, family)
        page.run(FAMILY, family)
    asked = [e["params"]["request"]["url"] for e in page.log("performance") if e["method"] == "Network.requestWillBeSent"]
    assert len(asked) >= 5
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(server).netloc}
    assert page.log("browser") == [], "errors, or what the content security policy refused"


@pytest.mark.parametrize("name", ["smooth_l1", "cross_entropy", "combination"])
def test_try_it_out_runs_as_it_opens(page: Browser, name: str) -> None:
    page.run(FAMILY, catalogue.cards()[name]["family"])
    page.wait(FORMULA.replace("math", "span"), name)
    page.run(OPEN, name)
    assert page.wait(FORMULA, name) > 15, "the formula is drawn"
    page.wait(EXECUTE, name)
    assert page.wait(ANSWER, name).split()[0] == "200"
    page.run("document.querySelector(`[id$='-${arguments[0]}']`).scrollIntoView()", name)
    page.screenshot(SCREENSHOTS / f"{name}.png")
    expected = catalogue.cards()[name]["example"]["response"]
    assert json.loads(page.run(BODY, name))["value"] == expected["value"]
    page.run(OPEN, name)
    page.run(FAMILY, catalogue.cards()[name]["family"])


def test_the_filter_knows_synonyms(page: Browser) -> None:
    page.run(
        """const box = document.querySelector('.operation-filter-input');
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, arguments[0]);
        box.dispatchEvent(new Event('input', { bubbles: true }));""",
        "MSELoss",
    )
    until(lambda: "/loss/mean_squared_error" in (found := page.run(LISTED)) and len(found) < 5, "the one loss alone")
    page.screenshot(SCREENSHOTS / "filter.png")


@pytest.mark.parametrize("name", sorted(catalogue.cards()))
def test_formula_is_rendered_whole(name: str) -> None:
    drawn = swagger.mathml(catalogue.cards()[name]["formula"])
    assert drawn.startswith("<math")
    assert "\\" not in drawn, "a command that was not understood"


def test_options_show_their_range() -> None:
    assert swagger.span({"type": "number", "minimum": 0, "maximum": 1}) == "[0, 1]"
    assert swagger.span({"type": "number", "exclusive_minimum": 0}) == "(0, ∞)"
    assert swagger.span({"type": "string", "choices": ["e", "2"]}) == "e, 2"


def test_the_document_is_compressed_for_those_who_ask(client: httpx.Client) -> None:
    plain = client.get("/openapi.json", headers={"accept-encoding": "identity"})
    small = client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 5
    assert small.content == plain.content
    assert client.get("/openapi.json", headers={"if-none-match": plain.headers["etag"]}).status_code == 304
    assert client.head("/docs").status_code == 200
