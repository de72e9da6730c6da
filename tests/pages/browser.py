"""Headless Chromium through chromedriver's plain HTTP (the W3C WebDriver protocol), cut off from everything but this machine."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ARGUMENTS = [
    "--headless=new",
    "--disable-ipc-flooding-protection",  # a fast machine replaces the address for 329 losses, more than 200 times in 10 s
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--window-size=1300,1600",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


class Browser:
    """One window. `with Browser() as browser: browser.open(url)`."""

    def __enter__(self) -> Browser:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen([shutil.which("chromedriver") or "chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, transport=httpx.HTTPTransport(retries=8))
        wanted = {"goog:chromeOptions": {"args": ARGUMENTS}, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.path = f"/session/{session['sessionId']}"
        return self

    def __exit__(self, *_: object) -> None:
        self.http.delete(self.path)
        self.http.close()
        self.driver.terminate()
        self.driver.wait(20)

    def open(self, url: str) -> None:
        self._call("POST", f"{self.path}/url", {"url": url})

    def resize(self, width: int, height: int = 900) -> None:
        """Emulate a screen; the window itself has a least width above that of a telephone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("POST", f"{self.path}/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})

    def drag(self, start: tuple[float, float], by: tuple[float, float]) -> None:
        """Press the mouse at a point of the page's view, move it, and release it."""
        x, y = round(start[0]), round(start[1])
        moves = [{"type": "pointerMove", "duration": 0, "x": x + round(by[0] * share), "y": y + round(by[1] * share)} for share in (0, 0.5, 1)]
        steps = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        self._call("POST", f"{self.path}/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": steps}]})

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", f"{self.path}/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a script returns."""
        return self._call("POST", f"{self.path}/execute/sync", {"script": script, "args": arguments})

    def wait(self, script: str, *arguments: Any) -> Any:
        """The first truthy value that a script returns."""
        return until(lambda: self.run(script, *arguments), script)

    def log(self, kind: str) -> list[Any]:
        """Return what the browser has logged since the last call: its console ("browser"), or its traffic ("performance")."""
        entries = self._call("POST", f"{self.path}/se/log", {"type": kind})
        return [json.loads(entry["message"])["message"] if kind == "performance" else entry["message"] for entry in entries]

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("GET", f"{self.path}/screenshot")))

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{answer['error']}: {answer['message']}")
        return answer


def until(found: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """The first truthy result."""
    end = time.monotonic() + seconds
    while not (result := found()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)
    return result
