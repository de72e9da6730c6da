"""The page at /docs, in a browser that reaches nothing but this machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from service.api import catalogue
from service.api.search import search
from service.pages import markup
from tests.conftest import running
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


def lists(page: Browser, names: set[str]) -> bool:
    return {path.rpartition("/")[2] for path in page.run(LISTED)} == names


def test_every_loss_is_there_and_nothing_came_from_elsewhere(page: Browser, server: str) -> None:
    page.screenshot(SCREENSHOTS / "docs.png")
    for family in {card["family"] for card in catalogue.cards().values()}:
        page.run(FAMILY, family)
        wanted = {name for name, card in catalogue.cards().items() if card["family"] == family}
        until(partial(lists, page, wanted), family)
        page.run(FAMILY, family)
    asked = [e["params"]["request"]["url"] for e in page.log("performance") if e["method"] == "Network.requestWillBeSent"]
    assert len(asked) >= 5
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(server).netloc}
    assert page.log("browser") == [], "errors, or what the content security policy rejected"


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


FILTER = """const box = document.querySelector('.operation-filter-input');
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, arguments[0]);
    box.dispatchEvent(new Event('input', { bubbles: true }));"""


@pytest.mark.parametrize(
    ("query", "first"), {"MSELoss": "mean_squared_error", "dice": "dice", "cross entropy": "cross_entropy", "l1": "mean_absolute_error"}.items()
)
def test_the_filter_is_the_search(page: Browser, query: str, first: str) -> None:
    page.run(FILTER, query)
    until(lambda: {path.rpartition("/")[2] for path in page.run(LISTED)} == set(search(query)), "what the search finds, and nothing else")
    assert page.run(LISTED)[0] == f"/loss/{first}"
    page.screenshot(SCREENSHOTS / "filter.png")


def test_the_filter_says_that_nothing_is_found(page: Browser) -> None:
    page.run(FILTER, "xyzzy")
    page.wait("return !document.getElementById('nothing').hidden")
    page.run(FILTER, "")
    page.wait("return document.querySelectorAll('.opblock-tag').length > 15")


def test_an_open_operation_fits_three_screens_and_shows_the_controls(page: Browser) -> None:
    page.run(FAMILY, "regression")
    page.wait(FORMULA.replace("math", "span"), "huber")
    assert not page.run("return document.querySelector('.auth-wrapper .authorize')")  # no tokens are set
    page.run(OPEN, "huber")
    page.wait(FORMULA, "huber")
    cells = page.wait(
        "const rows = [...document.querySelectorAll(`[id$='-huber'] .opblock-description td:first-child`)].map(c => c.innerText); return rows"
    )
    assert {"reduction", "sample_weight", "cotangent", "outputs", "wrt", "delta", "predictions"} <= {cell.replace(" *", "") for cell in cells}
    assert page.run("return document.querySelector(`[id$='-huber']`).getBoundingClientRect().height") < 2600
    page.run(OPEN, "huber")
    page.run(FAMILY, "regression")


def test_the_page_asks_for_a_token_where_there_is_one(browser: Browser) -> None:
    with running(LOSS_SERVICE_TOKENS="secret") as address:
        browser.open(f"{address}/docs")
        browser.wait("return document.querySelector('.auth-wrapper .authorize')")


@pytest.mark.parametrize("name", sorted(catalogue.cards()))
def test_formula_is_rendered_whole(name: str) -> None:
    drawn = markup.mathml(catalogue.cards()[name]["formula"])
    assert drawn.startswith("<math")
    assert "\\" not in drawn, "a command that was not understood"


def test_options_show_their_range() -> None:
    assert markup.span({"type": "number", "minimum": 0, "maximum": 1}) == "[0, 1]"
    assert markup.span({"type": "number", "exclusive_minimum": 0}) == "(0, ∞)"
    assert markup.span({"type": "string", "choices": ["e", "2"]}) == "e, 2"


def test_the_document_is_compressed_for_those_who_ask(client: httpx.Client) -> None:
    plain = client.get("/openapi.json", headers={"accept-encoding": "identity"})
    small = client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 5
    assert small.content == plain.content
    assert client.get("/openapi.json", headers={"if-none-match": plain.headers["etag"]}).status_code == 304
    assert client.head("/docs").status_code == 200


def test_a_part_of_the_document_is_served(client: httpx.Client) -> None:
    part = client.get("/openapi.json?loss=ce,smooth_l1&loss=MSELoss")
    assert part.json()["paths"].keys() == {"/loss/cross_entropy", "/loss/smooth_l1", "/loss/mean_squared_error"}
    assert client.get("/openapi.json", params={"loss": "ce,smooth_l1,mse"}, headers={"if-none-match": part.headers["etag"]}).status_code == 304
    assert client.get("/openapi.json?loss=ce", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"
    members = client.get("/openapi.json?family=ranking").json()["paths"]
    assert members.keys() == {f"/loss/{name}" for name, card in catalogue.cards().items() if card["family"] == "ranking"}
    unknown = client.get("/openapi.json?loss=smooth_l2")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, "application/problem+json")
    assert "smooth_l1" in unknown.json()["did_you_mean"]
    assert client.get("/openapi.json?family=rank").status_code == 422
