"""The command line as somebody types it."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
import safetensors.numpy

from service.api.catalogue import cards
from service.cli import _close, main
from service.settings import Settings, unknown
from tests.conftest import running


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)


WRONG = [
    ({"LOSS_SERVICE_MAX_RANK": "99"}, "LOSS_SERVICE_MAX_RANK is '99'"),
    ({"LOSS_SERVICE_GRACE_SECONDS": "soon"}, "LOSS_SERVICE_GRACE_SECONDS is 'soon'"),
    ({"LOSS_SERVICE_TOKENS_FILE": "/nowhere"}, "LOSS_SERVICE_TOKENS_FILE cannot be read"),
    ({"LOSS_SERVICE_TOKENS_FILE": os.devnull}, "LOSS_SERVICE_TOKENS_FILE names a file without a token"),
    ({"LOSS_SERVICE_MAX_BODY_BYTE": "9"}, "LOSS_SERVICE_MAX_BODY_BYTE is no setting; did you mean LOSS_SERVICE_MAX_BODY_BYTES?"),
    ({"loss_service_maxrank": "5"}, "loss_service_maxrank is no setting; did you mean LOSS_SERVICE_MAX_RANK?"),
    ({"LOSS_SERVICE_WORKERS": "2"}, "LOSS_SERVICE_WORKERS is no setting; did you mean WORKERS?"),
    ({"LOSS_SERVICE_PORT": "8001"}, "LOSS_SERVICE_PORT is no setting; did you mean PORT?"),
    ({"LOSS_SERVICE_XYZZY": "1"}, "LOSS_SERVICE_XYZZY is no setting; `loss-service serve --help` lists all settings"),
    ({"PORT": "http"}, "a port is a whole number"),
    ({"WORKERS": "0"}, "expected a whole number from 1 on"),
]


@pytest.mark.parametrize(("environment", "said"), WRONG)
def test_a_setting_that_cannot_be_stops_the_start_with_one_line(
    environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    status: str | int | None
    try:
        status = main([])
    except SystemExit as exc:
        status = exc.code
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_a_wrong_setting_ends_the_process() -> None:
    ended = run("serve", "--workers", "2", LOSS_SERVICE_MAX_RANK="99")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)


LINKS = {
    "LOSS_SERVICE_SERVICE_HOST": "10.96.0.7",
    "LOSS_SERVICE_SERVICE_PORT": "80",
    "LOSS_SERVICE_SERVICE_PORT_HTTP": "80",
    "LOSS_SERVICE_PORT": "tcp://10.96.0.7:80",
    "LOSS_SERVICE_PORT_80_TCP": "tcp://10.96.0.7:80",
    "LOSS_SERVICE_PORT_80_TCP_PROTO": "tcp",
    "LOSS_SERVICE_PORT_80_TCP_PORT": "80",
    "LOSS_SERVICE_PORT_80_TCP_ADDR": "10.96.0.7",
    "LOSS_SERVICE_CANARY_SERVICE_HOST": "10.96.0.8",
}


def test_variables_of_a_kubernetes_service_are_no_settings() -> None:
    """Pods get them where a Service is named loss-service and enableServiceLinks is not false."""
    assert unknown(LINKS) == ""
    assert unknown({"LOSS_SERVICE_PORT_NAME": "80"}).startswith("LOSS_SERVICE_PORT_NAME is no setting")


def test_serve_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    printed = capsys.readouterr().out
    told = " ".join(printed.split())
    for name, field in Settings.model_fields.items():
        assert f"LOSS_SERVICE_{name.upper()} {field.description}" in told
    assert "(default: 67108864)" in told
    assert max(map(len, printed.splitlines())) <= 100


def test_an_address_in_use_prints_no_banner(server: str) -> None:
    url = httpx.URL(server)
    ended = run("serve", "--host", url.host, "--port", str(url.port))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"loss-service: cannot listen on {url.host}:{url.port}: Address already in use")
    assert ended.stderr.count("\n") == 1


def test_losses_lists_and_filters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["losses"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(cards())
    assert main(["losses", "--family", "regression", "--find", "tukey"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["tukey_biweight"]
    assert main(["losses", "--family", "none"]) == 2
    assert "there is no family" in capsys.readouterr().err
    assert main(["losses", "--find", "xyzzy"]) == 2
    assert "nothing found for 'xyzzy'" in capsys.readouterr().err


def test_losses_name_is_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["losses", "SmoothL1Loss"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("smooth_l1 (regression)")
    assert "beta (number >= 0, default 1.0)" in printed
    assert json.loads(printed.splitlines()[-2]) == cards()["smooth_l1"]["example"]["request"]
    assert main(["losses", "smooth_l2"]) == 2
    assert "did you mean smooth_l1?" in capsys.readouterr().err


def test_every_card_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cards():
        assert main(["losses", name]) == 0
        assert capsys.readouterr().out.startswith(name)


def test_check_compares_every_example(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", server]) == 0
    assert capsys.readouterr().out == f"{len(cards())} of {len(cards())} responses equal the examples of their cards\n"


def test_check_shows_how_far_it_is_where_a_person_watches(server: str) -> None:
    master, slave = pty.openpty()
    ended = subprocess.run([sys.executable, "-m", "service", "check", server], stdout=subprocess.PIPE, stderr=slave, timeout=60)
    os.close(slave)
    shown = b""
    with suppress(OSError):  # its end
        while True:
            shown += os.read(master, 1 << 16)
    os.close(master)
    assert ended.returncode == 0
    assert b"requesting the catalogue" in shown
    assert f"1/{len(cards())} ".encode() in shown
    assert shown.endswith(b"\r\x1b[K"), "the line is cleared at the end"


def test_check_with_a_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("secret\n")
    with running(LOSS_SERVICE_TOKENS="secret") as url:
        assert main(["check", url]) == 2
        assert "cannot be reached: GET /loss: expected status 200, got 401: send Authorization" in capsys.readouterr().err
        assert main(["check", url, "--token-file", "/nowhere"]) == 2
        assert capsys.readouterr().err == "loss-service: /nowhere cannot be read: No such file or directory\n"
        assert main(["check", url, "--token-file", str(tmp_path / "token")]) == 0


def test_check_of_what_is_no_service(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert main(["check", f"http://127.0.0.1:{free.getsockname()[1]}"]) == 2
    assert capsys.readouterr().err.endswith("cannot be reached: Connection refused\n")
    with pytest.raises(SystemExit):
        main(["check", "127.0.0.1"])


@pytest.mark.parametrize(("a", "b", "close"), [
    ({"v": [1.0, {"x": 2}]}, {"v": [1.0 + 1e-15, {"x": 2}]}, True),
    ({"v": 1.0}, {"v": 1.001}, False),
    ({"v": 1.0}, {"v": 1.0, "w": 1.0}, False),
    ([1.0], [1.0, 2.0], False),
    ("a", "b", False),
])  # fmt: skip
def test_answers_are_compared_up_to_the_last_digits(a: object, b: object, close: bool) -> None:
    assert _close(a, b) == close


def test_openapi_is_a_document(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["openapi"]) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["openapi"].startswith("3.")
    assert "/loss/mean_squared_error" in document["paths"]


def test_compare_prints_where_a_claim_differs_and_why(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = tmp_path / "claim.json"
    for factor, status, said in (
        (1.0, 0, "value: agrees (1 elements, worst relative error 0)\n"),
        (2.0, 1, "value: 1 of 1 elements disagree; the worst by 1: claimed 0.25, expected 0.125\nwould agree with factor 2.0 (residual 0)\n"),
    ):
        claim.write_text(json.dumps({"request": {"predictions": [0.5, 1.0], "labels": [0.0, 1.0]}, "claimed": {"value": 0.125 * factor}}))
        for url in ([], [server]):
            assert main(["compare", "mse", str(claim), *url]) == status
            assert capsys.readouterr().out.startswith(said)


def test_compare_reads_safetensors(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = {"request.predictions": np.ones(3), "request.labels": np.zeros(3), "claimed.gradients.predictions": np.array([2.0, 2, 1]) / 3}
    safetensors.numpy.save_file(tensors, tmp_path / "claim.safetensors")
    for url in ([], [server]):
        assert main(["compare", "mse", str(tmp_path / "claim.safetensors"), *url]) == 1
        assert capsys.readouterr().out.startswith("gradients.predictions: 1 of 3 elements disagree; the worst at [2] by 0.5: claimed 0.333")


def test_compare_of_what_cannot_be_compared(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "claim.json").write_text('{"request": {"predictions": [1], "labels": [1]}}')
    for name, url, said in (
        ("mean_sqared_error", [], "mean_squared_error"),
        ("mean_sqared_error", [server], "mean_squared_error"),
        ("mse", [], "/claimed: missing"),
        ("mse", [server], "/claimed: missing"),
    ):
        assert main(["compare", name, str(tmp_path / "claim.json"), *url]) == 2
        assert said in capsys.readouterr().err
    assert main(["compare", "mse", "/nowhere"]) == 2
    assert capsys.readouterr().err == "loss-service: /nowhere: No such file or directory\n"


def test_openapi_of_what_a_client_calls(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["openapi", "--only", "smooth_l1,ce", "--only", "combination", "--family", "survival"]) == 0
    survival = {f"/loss/{name}" for name, card in cards().items() if card["family"] == "survival"}
    found = json.loads(capsysbinary.readouterr().out)["paths"].keys()
    assert found == {"/loss/smooth_l1", "/loss/cross_entropy", "/loss/combination"} | survival
    for arguments, said in (("--only=smooth_l2", b"no loss 'smooth_l2'; did you mean smooth_l1?"), ("--family=rank", b"unknown family 'rank'")):
        assert main(["openapi", arguments]) == 2
        printed = capsysbinary.readouterr()
        assert (printed.out, said in printed.err) == (b"", True)
