"""The picture in the README: `python -m tests.pages.screenshot docs/explorer.png`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.conftest import running
from tests.pages.browser import Browser

STATE = "/losses/huber?delta=0.5&with=pseudo_huber"


def main(path: Path) -> None:
    with running() as address, Browser() as browser:
        browser.resize(1120, 790)
        browser.open(address + STATE)
        browser.wait("return document.querySelectorAll('.line.dashed').length === 3")
        browser.wait("return document.fonts.status === 'loaded'")
        browser.run("document.activeElement.blur()")
        browser.screenshot(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
