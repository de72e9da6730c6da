"""The pages at / and /losses/{name}, in a browser that reaches nothing but this machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.api.search import search
from service.losses import FAMILIES, LOSSES
from service.pages import markup, pictures
from tests.api.test_search import FIRST
from tests.conftest import running
from tests.pages.browser import Browser, until

PAGES = Path(pictures.__file__).parent
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
HTML = {"accept": "text/html"}
DOWN, RIGHT, ENTER, SPACE = "\ue015", "\ue014", "\ue007", " "
DRAWN = "return Number(document.querySelector('figure > svg')?.dataset.drawn ?? 0)"
SAID = "return document.querySelector('output.said')?.innerText"
HANDLE = """const box = document.querySelectorAll('.handle')[arguments[0]].getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2]"""
# Follows a link to each loss, as a person does, and notes what is drawn there. 40 losses a call stay below the driver's time for a script.
VISIT = """
const visit = async (name) => {
  const link = Object.assign(document.createElement("a"), { href: `/losses/${name}` });
  document.body.append(link);
  link.click();
  link.remove();
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise((done) => setTimeout(done, 4))) {
    const svg = document.querySelector("figure > svg");
    if (document.querySelector("h1").innerText !== name) continue;
    const problem = document.querySelector(".problem")?.textContent;
    if (problem || svg?.dataset.drawn || document.querySelector("#picture > table")) break;
  }
  const svg = document.querySelector("figure > svg");
  return {
    shapes: svg?.childElementCount ?? 0, handles: document.querySelectorAll(".handle").length, problem: document.querySelector(".problem")?.textContent ?? "",
    numbers: document.querySelectorAll(".numbers td").length, broken: /NaN|undefined/.test(svg?.outerHTML ?? "") , said: document.querySelector("output.said")?.innerText ?? "",
    wide: document.documentElement.scrollWidth - innerWidth, formula: document.querySelector("math").getBoundingClientRect().height,
  };
};
const found = {};
for (const name of arguments[0]) found[name] = await visit(name);
return found;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not shutil.which("chromedriver") and not os.environ.get("CI"):
        pytest.skip("needs a browser: apt-get install chromium chromium-driver (in CI this is an error)")
    with Browser() as opened:
        yield opened


@pytest.fixture(params=[1440, 390])
def page(request: pytest.FixtureRequest, browser: Browser, server: str) -> Browser:
    browser.resize(request.param)
    browser.open(server)
    return browser


def opened(browser: Browser, server: str, path: str) -> str:
    """The readout of a loss's picture once it is drawn."""
    browser.open(f"{server}/losses/{path}")
    browser.wait(DRAWN)
    return str(browser.run(SAID))


def changes(browser: Browser, act: Any) -> None:
    """The numbers of the picture are others after an act."""
    before = browser.run(SAID)
    act()
    until(lambda: browser.run(SAID) != before, f"another readout than {before}")


def test_every_loss_is_drawn_and_nothing_comes_from_elsewhere(page: Browser, server: str) -> None:
    names = [*LOSSES, "combination"]
    found: dict[str, dict[str, Any]] = {}
    for at in range(0, len(names), 40):
        found |= page.run(f"return (async (...arguments) => {{{VISIT}}})(...arguments)", names[at : at + 40])
    assert {name: one["problem"] for name, one in found.items() if one["problem"]} == {}
    drawn = [name for name, one in found.items() if one["shapes"] > 3 and one["handles"] and one["numbers"] and one["said"]]
    assert [name for name in names if name not in drawn] == ["combination"]
    assert [name for name, one in found.items() if one["broken"]] == []
    assert {name: one["wide"] for name, one in found.items() if one["wide"] > 0} == {}, "the page itself never scrolls sideways"
    assert min(one["formula"] for one in found.values()) > 10
    asked = [e["params"]["request"]["url"] for e in page.log("performance") if e["method"] == "Network.requestWillBeSent"]
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(server).netloc}
    assert page.log("browser") == [], "errors, or what the content security policy rejected"


@pytest.mark.parametrize("kind", ["curve", "field", "boxes", "points", "ranking", "grid", "lattice", "bars"])
def test_a_dragged_handle_changes_the_numbers_and_the_address(page: Browser, server: str, kind: str) -> None:
    name = next(name for name, loss in LOSSES.items() if pictures.picture(loss).kind == kind)
    opened(page, server, name)
    page.run("document.querySelector('figure').scrollIntoView({ block: 'center' })")
    x, y = page.run(HANDLE, 0)
    changes(page, lambda: page.drag((x, y), (150 if kind == "ranking" else 55, -40)))
    page.screenshot(SCREENSHOTS / f"{kind}_{page.run('return innerWidth')}.png")
    address = page.run("return location.search")
    assert len(address) > 3
    said = page.run(SAID)
    assert opened(page, server, name + address) == said, "one address, one state"


def test_keys_alone_find_a_loss_and_move_its_picture(browser: Browser, server: str) -> None:
    browser.resize(1440)
    browser.open(server)
    assert browser.run("return document.activeElement.name") == "q", "the search has the focus"
    browser.press(*"smooth l1")
    browser.wait("return document.querySelector('[data-loss]')?.dataset.loss === 'smooth_l1'")
    browser.press(DOWN, ENTER)
    browser.wait("return document.querySelector('h1').innerText === 'smooth_l1'")
    browser.wait(DRAWN)
    browser.run("document.querySelector('.handle').focus()")
    changes(browser, lambda: browser.press(RIGHT, RIGHT))
    browser.press("/")
    assert browser.run("return document.activeElement.name") == "q"
    opened(browser, server, "dice")
    browser.run("document.querySelector('.handle').focus()")
    changes(browser, lambda: browser.press(SPACE))


@pytest.mark.parametrize("name", ["huber", "quantile", "softmax_focal", "triplet_margin", "tversky"])
def test_a_slider_changes_the_picture(page: Browser, server: str, name: str) -> None:
    opened(page, server, name)
    shown = "return document.querySelector('figure').innerHTML"
    drawn = page.run(shown)
    page.run("const s = document.querySelector('.controls [type=range]'); s.value = s.max; s.dispatchEvent(new Event('input'))")
    until(lambda: page.run(shown) != drawn, "another picture")
    assert page.run("return location.search") != ""


def test_a_second_loss_and_a_logarithmic_axis(browser: Browser, server: str) -> None:
    browser.resize(1440)
    opened(browser, server, "huber?delta=0.5&with=pseudo_huber")
    browser.wait("return document.querySelectorAll('.line.dashed').length === 3")
    browser.screenshot(SCREENSHOTS / "overlay.png")
    line = browser.run("return document.querySelector('.line').getAttribute('d')")
    browser.run("document.querySelector('.controls [type=checkbox]').click()")
    until(lambda: browser.run("return document.querySelector('.line').getAttribute('d')") != line, "another axis")
    assert "log=1" in browser.run("return location.search")
    assert browser.log("browser") == []


def test_contrasts_are_drawn(browser: Browser, server: str) -> None:
    opened(browser, server, "soft_margin")
    browser.wait("return document.querySelectorAll('.contrast .line').length === 2")
    assert "torch" in browser.run("return document.querySelector('.contrast').textContent")


def test_the_page_searches_as_the_service_does(browser: Browser, server: str) -> None:
    browser.resize(1440)
    browser.open(server)
    listed = "return [...document.querySelectorAll('[data-loss]')].map((link) => link.dataset.loss)"
    for query in FIRST:
        browser.run("const q = document.querySelector('[name=q]'); q.value = arguments[0]; q.dispatchEvent(new Event('input'))", query)
        wanted = list(search(query))
        until(lambda wanted=wanted: browser.run(listed) == wanted, query)  # type: ignore[misc]
    browser.run("const q = document.querySelector('[name=q]'); q.value = 'xyzzy'; q.dispatchEvent(new Event('input'))")
    browser.wait("return document.querySelector('h1').innerText.startsWith('Nothing found')")
    browser.log("performance")


def test_ones_own_numbers_come_back_worst_first(browser: Browser, server: str) -> None:
    opened(browser, server, "mean_squared_error")
    paste = "const box = document.querySelector('textarea'); box.value = arguments[0]; box.nextElementSibling.firstChild.click()"
    rows = "return [...document.querySelectorAll('#own tbody tr')].map((row) => row.firstChild.innerText)"
    for text in ("predictions,labels\n1,1\n5,0\n2,0\n", '{"predictions": [1, 5, 2], "labels": [1, 0, 0]}'):
        browser.run(paste, text)
        until(lambda: browser.run(rows) == ["1", "2", "0"], "the samples by their loss")
        browser.run("document.querySelector('#own [role=status]').replaceChildren()")
    opened(browser, server, "cross_entropy")
    browser.run(paste, "predictions_0,predictions_1,labels\n0,0,1\n9,0,1\n0,9,1\n")
    until(lambda: browser.run(rows) == ["1", "0", "2"], "several columns are one input")
    browser.log("browser")


def test_results_of_another_implementation_are_compared(browser: Browser, server: str) -> None:
    """Its places of disagreement and the change that explains it are shown."""
    opened(browser, server, "cross_entropy")
    shown = "return document.querySelector('#check [role=status]').innerText"
    compare = """const [own, mine] = document.querySelectorAll('textarea');
        [own.value, mine.value] = arguments;
        mine.nextElementSibling.firstChild.click()"""
    numbers = {"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [0, 2]}
    answer = httpx.post(f"{server}/loss/cross_entropy", json=numbers).json()
    smoothed = httpx.post(f"{server}/loss/cross_entropy", json={**numbers, "label_smoothing": 0.1}).json()
    for results, wanted in (
        (answer["value"], "Agrees"),
        (answer["per_sample"], "Agrees"),
        ({"value": smoothed["value"], "gradients": smoothed["gradients"]}, '{"label_smoothing":0.1}'),
        ([1, 2, 3], "shape [3], not [2]"),
    ):
        browser.run(compare, json.dumps(numbers), json.dumps(results))
        until(lambda wanted=wanted: wanted in browser.run(shown), str(wanted))  # type: ignore[misc]
    browser.run(compare, json.dumps(numbers), "nonsense")
    browser.wait("return document.querySelector('#check .problem')")
    browser.log("browser")


def test_the_code_of_each_language_has_the_numbers_on_the_page(browser: Browser, server: str) -> None:
    opened(browser, server, "huber?delta=0.25")
    for language in ("curl", "Python", "TypeScript", "Go"):
        browser.run("[...document.querySelectorAll('#code button')].find((b) => b.innerText === arguments[0]).click()", language)
        code = browser.run("return document.querySelector('#code pre').innerText")
        assert "0.25" in code
        assert "huber" in code
        assert urlsplit(server).netloc in code


def test_a_service_with_tokens_shows_its_pages_and_asks_for_one(browser: Browser) -> None:
    with running(LOSS_SERVICE_TOKENS="secret") as address:
        browser.open(f"{address}/losses/huber")
        browser.wait("return document.querySelector('[type=password]')")
        browser.run("const box = document.querySelector('[type=password]'); box.value = 'secret'; box.nextElementSibling.click()")
        browser.wait(DRAWN)
        browser.run("sessionStorage.clear()")
        assert [line for line in browser.log("browser") if "401" not in line and "[DOM]" not in line] == []  # and hints on password fields


# ------------------------------------------------------------------ without a script


def test_a_text_browser_finds_formula_inputs_and_numbers(client: httpx.Client) -> None:
    text = client.get("/losses/huber", headers=HTML).text
    for wanted in ("<math", 'aria-label="\\ell', "HuberLoss", "<th>option</th>", "delta", "sample_weight", "per_sample", "Robust Estimation"):
        assert wanted in text, wanted
    home = client.get("/", headers=HTML).text
    assert all(f'data-loss="{name}"' in home for name in LOSSES)
    titles = [home.index(f"<h2>{title}</h2>") for title in FAMILIES.values()]
    assert titles == sorted(titles)
    results = client.get("/", params={"q": "smooth l1"}, headers=HTML).text
    assert results.index('data-loss="smooth_l1"') < results.index('data-loss="bounded_iou"')
    assert "Nothing found" in client.get("/", params={"q": "<xyzzy>"}, headers=HTML).text
    assert "<xyzzy>" not in client.get("/", params={"q": "<xyzzy>"}, headers=HTML).text


def test_a_page_explains_its_symbols_and_lists_are_whole(client: httpx.Client) -> None:
    dice = client.get("/losses/dice", headers=HTML).text
    legend = dice[dice.index('class="legend"') : dice.index('id="picture"')]
    assert all(f"<code>{name}</code>" in legend for name in ("labels", "smooth_nr", "smooth_dr"))
    assert "<code>keras.losses.Dice</code>, <code>keras.losses.dice</code>" in dice, "one line for calls with the same presets"
    found = client.get("/", params={"q": "regression"}, headers=HTML).text
    assert found.count("data-loss=") == len(search("regression")) > 60


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_declared_symbol_stands_in_the_formula(name: str) -> None:
    assert markup.legend(LOSSES[name]).count("<math") >= len(LOSSES[name].symbols)


def test_programs_get_links(client: httpx.Client) -> None:
    index = client.get("/").json()
    for link in ("explorer", "docs", "openapi", "catalogue", "info", "health"):
        assert client.get(index[link], headers=HTML).status_code == 200, link
    assert len(index["losses"]) == len(LOSSES) + 1
    assert list(client.get("/", params={"q": "dice"}).json()["losses"]) == list(search("dice"))


def test_pages_are_kept_by_the_browser(client: httpx.Client) -> None:
    for path in ("/", "/losses/huber", "/explorer/explorer.js", "/explorer/explorer.css", "/explorer/math.ttf"):
        first = client.get(path, headers=HTML)
        assert first.status_code == 200
        assert client.get(path, headers={**HTML, "if-none-match": first.headers["etag"]}).status_code == 304
        assert "unsafe" not in first.headers["content-security-policy"] or not first.headers["content-type"].startswith("text/html")
        assert client.head(path, headers=HTML).status_code == 200
    assert "accept" in client.get("/", headers=HTML).headers["vary"]


def test_synonyms_lead_to_the_loss_and_others_to_a_guess(client: httpx.Client) -> None:
    moved = client.get("/losses/HuberLoss?delta=2", headers=HTML)
    assert moved.is_redirect
    assert str(moved.next_request.url).endswith("/losses/huber?delta=2") if moved.next_request else False
    missed = client.get("/losses/hubr", headers=HTML)
    assert missed.status_code == 404
    assert 'data-loss="huber"' in missed.text


def test_what_a_browser_is_sent_stays_small() -> None:
    """At most 900 lines of HTML, CSS and JavaScript in all pages, those of /docs among them, without blank lines and comments."""
    files = [file for file in PAGES.iterdir() if file.suffix in (".js", ".css", ".html")]
    lines = [line for file in files for line in file.read_text().splitlines() if line.strip() and not line.strip().startswith(("//", "/*"))]
    assert len(lines) <= 900
    assert max(len(line) for file in files if file.suffix == ".js" for line in file.read_text().splitlines()) <= 150
