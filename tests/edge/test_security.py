"""Tokens, CORS, and what the service never sends, opens or logs."""

from __future__ import annotations

import ast
import sys
import threading
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

import service
from service.http.auth import Bearers, tokens
from service.settings import Settings
from tests.edge.wire import GOOD, Serving, Wire, large, post, serving

JSON = {"content-type": "application/json"}


def test_without_tokens_everybody_may_ask(served: Serving) -> None:
    assert httpx.get(f"{served.url}/loss/mean_squared_error").status_code == 200


def test_with_tokens_only_their_bearers_may(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("third\n\n fourth \n")
    with serving(tokens="first, second", tokens_file=tmp_path / "tokens") as running, httpx.Client(base_url=running.url) as client:
        for token in ("first", "second", "third", "fourth"):
            for scheme in ("Bearer", "bearer"):
                assert client.get("/info", headers={"authorization": f"{scheme} {token}"}).status_code == 200
        for header in ("", "Bearer", "Bearer firs", "Bearer first2", "Bearer first,second", "Basic first", "first"):
            answer = client.post("/loss/mse", content=GOOD, headers={**JSON, "authorization": header})
            assert answer.status_code == 401, header
            assert answer.json()["type"] == "/problems/unauthorized"
            assert answer.headers["www-authenticate"].startswith("Bearer")
        for path in ("/info", "/loss", "/openapi.json", "/nothing", "/health/ready/"):
            assert client.get(path).status_code == 401, path
        for path in ("/health/live", "/health/ready", "/", "/docs", "/docs/page.js", "/losses/huber", "/explorer/explorer.js"):
            assert client.get(path).status_code == 200
        shown = client.get("/info", headers={"authorization": "Bearer first"}).text
        assert "third" not in shown
        assert "token" not in shown


def test_each_token_is_compared_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append(b)
        return a == b

    monkeypatch.setattr("service.http.auth.hmac.compare_digest", compare)
    Bearers(["a", "bb", "ccc"]).check("/info", {b"authorization": b"Bearer a"})
    assert len(compared) == 3
    assert {len(digest) for digest in compared} == {32}


def test_a_file_without_tokens_does_not_open_the_service(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("\n")
    with pytest.raises(ValueError, match="without a token"):
        tokens(Settings(tokens_file=tmp_path / "tokens"))
    with pytest.raises(FileNotFoundError):
        tokens(Settings(tokens_file=tmp_path / "none"))


@pytest.mark.parametrize("given", [",", " ", " , ,"])
def test_a_list_without_tokens_does_not_open_the_service(given: str) -> None:
    with pytest.raises(ValueError, match="no token in it"):
        tokens(Settings(tokens=SecretStr(given)))
    assert tokens(Settings(tokens=SecretStr(""))) == []


def test_a_byte_order_mark_is_no_part_of_a_token(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_bytes(b"\xef\xbb\xbffirst\r\nada:second\r\n")
    bearers = Bearers(tokens(Settings(tokens_file=tmp_path / "tokens")))
    assert bearers.check("/info", {b"authorization": b"Bearer first"}) == ""
    assert bearers.check("/info", {b"authorization": b"Bearer second"}) == "ada"


def test_cors_is_off_unless_asked_for(served: Serving) -> None:
    origin = {"origin": "https://example.org", "access-control-request-method": "POST"}
    assert not any(name.startswith("access-control") for name in httpx.options(f"{served.url}/loss/mse", headers=origin).headers)
    with serving(cors_origins="https://example.org") as running:
        allowed = httpx.options(f"{running.url}/loss/mse", headers=origin)
        assert allowed.headers["access-control-allow-origin"] == "https://example.org"
        rejected = httpx.options(f"{running.url}/loss/mse", headers={**origin, "origin": "https://example.com"})
        assert "access-control-allow-origin" not in rejected.headers
        assert (rejected.status_code, rejected.headers["content-type"]) == (422, "application/problem+json")
        assert rejected.json()["request_id"] == rejected.headers["x-request-id"]
        stranger = httpx.post(f"{running.url}/nothing", headers=origin)
        assert (stranger.status_code, stranger.headers["access-control-allow-origin"]) == (404, "https://example.org")


def test_pages_have_security_headers_once_and_nothing_says_what_serves(served: Serving) -> None:
    page = httpx.get(f"{served.url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    for name in ("content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"):
        assert len(page.headers.get_list(name)) == 1, name
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in ("/docs", "/info", "/nothing"):
        assert "server" not in httpx.get(served.url + path).headers


def test_docs_can_be_switched_off() -> None:
    with serving(docs=False) as running:
        assert [httpx.get(running.url + path).status_code for path in ("/docs", "/openapi.json", "/info")] == [404, 404, 200]


def test_bodies_and_tokens_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0), serving(tokens="very-secret") as running:
        authorized = {**JSON, "authorization": "Bearer very-secret"}
        for body in (b'{"predictions": [8.642097531], "labels": [0]}', b'{"predictions": [8.642097531', b'{"private": "own words"}'):
            httpx.post(f"{running.url}/loss/mse", content=body, headers=authorized)
    assert not [text for text in ("8.642", "very-secret", "own words") if text in caplog.text]


def test_no_request_makes_a_connection(served: Serving) -> None:
    """Python's audit events of the server's thread; the event loop's own sockets are only accepted."""
    begun: list[str] = []
    watching = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0] and event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen") and threading.current_thread() is not here:
            begun.append(event)

    here = threading.current_thread()
    sys.addaudithook(hook)
    with Wire(served) as wire:
        for path in ("/loss", "/info", "/metrics", "/docs", "/openapi.json", "/health/ready"):
            assert wire.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).status == 200
        for body in (
            GOOD,
            large(),
            b'{"predictions": "http://127.0.0.1:1/"}',
            b'{"$ref": "file:///etc/passwd"}',
            b'<!ENTITY a SYSTEM "http://127.0.0.1:1/">',
        ):
            wire.ask(post(body))
    watching[0] = False
    assert begun == []


def test_nothing_of_ours_unpickles_evaluates_or_connects() -> None:
    never = {"pickle", "shelve", "marshal", "dill", "joblib", "http.client", "urllib.request", "requests", "httpx", "ftplib", "smtplib"}
    serving = {path for path in Path(service.__file__).parent.rglob("*.py") if path.name != "cli.py"}  # whose health check asks the service itself
    assert len(serving) > 20
    for path in serving:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not never & set(names), path
            assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")), path
