"""The command line. Each command imports its modules when it runs: `check` should not wait for SciPy."""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

USAGE_ERROR = 2
TIMEOUT_SECONDS = 30
HELP_WIDTH = 100
JSON_TYPE = "application/json"


class Parser(argparse.ArgumentParser):
    """Describe a problem in one line. `appendix` gives the lines after the options; it runs only where the help is printed."""

    appendix: Callable[[], str] | None = None

    def format_help(self) -> str:
        return super().format_help() + (self.appendix() if self.appendix else "")

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a command, `serve` where none is named; the process's exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["evaluate"]:  # its flags come from the loss that they name
        return evaluate(given[1:])
    chosen = _parser().parse_args(given or ["serve"])
    try:
        status: int = chosen.run(chosen)
    except BrokenPipeError:  # `loss-service losses | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parser() -> Parser:
    parser = Parser(prog="loss-service", description="Loss functions with gradients over HTTP.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="serve until told to stop (the default); --help lists all settings")
    serving.appendix = _settings
    serving.set_defaults(run=serve)
    serving.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="HOST in the environment; 127.0.0.1")
    serving.add_argument("--port", type=_port, default=os.environ.get("PORT", "8000"), help="PORT in the environment; 8000")
    serving.add_argument("--workers", type=_count, default=os.environ.get("WORKERS", "1"), help="WORKERS in the environment; 1")
    document = commands.add_parser("openapi", help="print the OpenAPI document, or the part of it that a client calls")
    document.set_defaults(run=openapi)
    document.add_argument("--only", action="append", type=_names, metavar="LOSS[,LOSS...]", help="the operations of these losses, by name or synonym")
    document.add_argument("--family", action="append", type=_names, metavar="FAMILY", help="the operations of this family")
    listing = commands.add_parser("losses", help="print the catalogue, or the card of one loss")
    listing.set_defaults(run=losses)
    listing.add_argument("name", nargs="?", metavar="NAME", help="a name or synonym")
    listing.add_argument("--family", help="only this family")
    listing.add_argument("--find", default="", metavar="TEXT", help="only losses that fit these words, best match first")
    commands.add_parser("evaluate", help="compute a loss over files: Parquet, Arrow, CSV, safetensors, NPZ", add_help=False)
    checking = commands.add_parser("check", help="post the example of every loss to a running service and compare the responses")
    checking.set_defaults(run=check)
    checking.add_argument("url", metavar="URL", type=_address, help="such as http://127.0.0.1:8000")
    checking.add_argument("--token-file", type=Path, help="a file with the bearer token to send")
    comparing = commands.add_parser("compare", help="compare claimed results with a loss's own, and find explanations of a difference")
    comparing.set_defaults(run=compare)
    comparing.add_argument("name", metavar="NAME", help="a name or synonym")
    comparing.add_argument("claim", metavar="FILE", type=Path, help="the body of POST /check/NAME, as JSON or .safetensors")
    comparing.add_argument("url", nargs="?", metavar="URL", type=_address, help="a running service to call; by default the loss is computed here")
    comparing.add_argument("--token-file", type=Path, help="a file with the bearer token to send")
    return parser


def _settings() -> str:
    """All settings, for the help."""
    from service.settings import declared

    lines = ["", "settings, as environment variables:"]
    for variable, default, meaning in declared():
        text = f"{meaning} (default: {default})" if default else meaning
        lines += [f"  {variable}", textwrap.fill(text, HELP_WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)]
    return "\n".join(lines) + "\n"


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is a whole number from 0 to 65535; got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on; got {text!r}")
    return int(text)


def _names(text: str) -> list[str]:
    return text.split(",")


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"expected http://host:port; got {text!r}")
    return text.rstrip("/")


def serve(chosen: argparse.Namespace) -> int:
    """Serve; a setting or an address that cannot be stops it before anything is started."""
    gc.disable()  # until all is imported (serve_here): collections in which nothing is found were a tenth of the start
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the pool and the workers use the cores; threads of OpenBLAS' own cost all pairs a third
    from service.server import lifecycle

    if wrong := _wrong_setting():
        return _complain(wrong)
    try:
        return lifecycle.serve(chosen.host, chosen.port, chosen.workers)
    except OSError as exc:
        return _complain(f"cannot listen on {chosen.host}:{chosen.port}: {exc.strerror}")


def _wrong_setting() -> str:
    """The first setting that cannot be, in a line that names it; nothing of a token."""
    from pydantic import ValidationError

    from service.http.auth import tokens
    from service.settings import PREFIX, Settings, unknown

    if problem := unknown(os.environ):
        return problem
    try:
        tokens(Settings())
    except ValidationError as exc:
        error = exc.errors()[0]
        return f"{PREFIX}{str(error['loc'][0]).upper()} is {str(error['input'])[:100]!r}: {error['msg']}"
    except OSError as exc:
        return f"LOSS_SERVICE_TOKENS_FILE cannot be read: {exc.strerror}: {exc.filename}"
    except ValueError as exc:
        return str(exc)
    return ""


def openapi(chosen: argparse.Namespace) -> int:
    """Print the document as it is committed, or the part of it for some losses and families."""
    from service.api.openapi import encode, filtered
    from service.app import create_app
    from service.errors import Failure

    document = create_app().openapi()
    try:
        if chosen.only or chosen.family:
            document = filtered(document, chain(*chosen.only or ()), chain(*chosen.family or ()))
    except Failure as problem:
        return _complain(problem.detail.replace("GET /loss lists", "loss-service losses lists"))
    sys.stdout.buffer.write(encode(document))
    return 0


def losses(chosen: argparse.Namespace) -> int:
    """A table, or a card."""
    from service.api import catalogue
    from service.api.operations import find_operation
    from service.api.search import search
    from service.errors import Failure

    if chosen.name:
        try:
            _print_card(catalogue.card_of(find_operation(chosen.name)))
        except Failure as problem:
            return _complain(problem.detail.replace("GET /loss lists", "loss-service losses lists"))
        return 0
    rows = catalogue.rows()
    families = sorted({row.family for row in rows})
    if chosen.family not in (None, *families):
        return _complain(f"there is no family {chosen.family!r}; the families are {', '.join(families)}")
    names = search(chosen.find) if chosen.find else [row.name for row in rows]
    by_name = {row.name: row for row in rows}
    found = [by_name[name] for name in names if chosen.family in (None, by_name[name].family)]
    if not found:
        return _complain(f"nothing found for {chosen.find!r}{f' in the family {chosen.family}' if chosen.family else ''}")
    widths = [max(map(len, column)) for column in list(zip(*found, strict=True))[:2]]
    for row in found:
        print(f"{row.name:<{widths[0]}}  {row.family:<{widths[1]}}  {row.summary}")
    return 0


def evaluate(arguments: list[str]) -> int:
    """Compute a loss over files. pyarrow is an extra, which the service itself does not need."""
    from service.runtime import keep

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # --jobs uses the cores
    keep()  # a chunk takes the pages of the one before: 12,000 page faults for 3 million rows in place of 460,000, a quarter of the processor time
    gc.disable()  # until all is imported, as in serve()
    try:
        from service.files.arguments import main as run
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in ("pyarrow", "safetensors"):
            raise
        return _complain(f"evaluate needs {exc.name}; install the extra: pip install 'loss-service[files]'")
    finally:
        gc.enable()
    return run(arguments)


def _print_card(card: Mapping[str, Any]) -> None:
    print(f"{card['name']} ({card['family']})\n{card['summary']}\n")
    for title in ("use", "notes", "formula", "divisor", "reference"):
        if card[title]:
            print(f"{title}: {card[title]}")
    print(f"synonyms: {', '.join(card['synonyms']) or 'none'}\n\ninputs:")
    for item in card["inputs"]:
        print(f"  {item['name']} {item['axes']}, {item['domain']}: {item['description']}{'' if item['required'] else ' (optional)'}")
    print("\noptions:" if card["options"] else "\nno options of its own")
    for option in card["options"]:
        print(f"  {option['name']} ({_range(option)}, default {json.dumps(option['default'])}): {option['description']}")
    print(f"\nexample: POST /loss/{card['name']}\n{json.dumps(card['example']['request'])}\n{json.dumps(card['example']['response'])}")


def _range(option: Mapping[str, Any]) -> str:
    """Describe the valid values of an option."""
    if "choices" in option:
        return " or ".join(map(json.dumps, option["choices"]))
    signs = {"minimum": ">=", "exclusive_minimum": ">", "maximum": "<=", "exclusive_maximum": "<"}
    bounds = " and ".join(f"{sign} {option[name]:g}" for name, sign in signs.items() if name in option)
    return f"{option['type']} {bounds}".rstrip()


def check(chosen: argparse.Namespace) -> int:
    """Return 0 if every response equals the example of its card, 1 if one does not, 2 if the service cannot be reached."""
    try:
        failures, total = _check_all(chosen.url, _token(chosen))
    except OSError as exc:
        return _complain(f"{exc.filename or chosen.url} cannot be {'read' if exc.filename else 'reached'}: {exc.strerror or exc}")
    except (HTTPException, ValueError) as exc:
        return _complain(f"{chosen.url} does not respond as a loss service: {exc}")
    for failure in failures:
        print(failure)
    print(f"{total - len(failures)} of {total} responses equal the examples of their cards")
    return 1 if failures else 0


def _check_all(url: str, token: Mapping[str, str]) -> tuple[list[str], int]:
    failures = []
    try:
        with closing(_connection(url)) as connection:
            _show("requesting the catalogue")
            status, cards = _request(connection, "GET", f"{url}/loss", token)
            if status != 200:
                raise ConnectionError(f"GET /loss: expected status 200, got {status}: {_detail(cards)}")
            if not isinstance(cards, list):
                raise ValueError("GET /loss gives no list of cards")
            for index, card in enumerate(cards, 1):
                _show(f"{index}/{len(cards)} {card['name']}")
                body = json.dumps(card["example"]["request"]).encode()
                status, response = _request(connection, "POST", f"{url}/loss/{card['name']}", token, body)
                if status != 200:
                    failures.append(f"{card['name']}: {status} {_detail(response)}")
                elif not _close(response, card["example"]["response"]):
                    failures.append(f"{card['name']}: the response differs from the example of the card")
    finally:
        _show("")
    return failures, len(cards)


def _token(chosen: argparse.Namespace) -> dict[str, str]:
    return {"authorization": f"Bearer {chosen.token_file.read_text().strip()}"} if chosen.token_file else {}


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    return (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)


def _request(
    connection: HTTPConnection, method: str, url: str, token: Mapping[str, str], body: bytes | None = None, media_type: str = JSON_TYPE
) -> tuple[int, Any]:
    connection.request(method, urlsplit(url).path, body, {"content-type": media_type, "accept": JSON_TYPE, **token})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def _detail(response: Any) -> str:
    return str(response.get("detail", "")) if isinstance(response, dict) else ""


def _close(a: Any, b: Any) -> bool:
    """Equal up to the last digits, in which processors differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_close(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_close, a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12)
    return bool(a == b)


def compare(chosen: argparse.Namespace) -> int:
    """Print how a claim differs. Exit status 0 where it agrees, 1 where it does not, 2 where it cannot be compared."""
    try:
        body = chosen.claim.read_bytes()
        binary = chosen.claim.suffix == ".safetensors"
        document = _compare_there(chosen, body, binary) if chosen.url else _compare_here(chosen.name, body, binary)
    except (OSError, HTTPException, ValueError) as exc:
        return _complain(f"{exc.filename}: {exc.strerror}" if isinstance(exc, OSError) and exc.filename else f"{chosen.url}: {exc}")
    if "outputs" not in document:
        return _complain(document.get("detail", f"{chosen.url} does not respond as a loss service"))
    for name, output in document["outputs"].items():
        print(f"{name}: {_difference(output)}")
    for hint in document["would_agree_with"]:
        only = f" on {', '.join(hint['outputs'])}" if "outputs" in hint else ""
        changes = ", ".join(f"{name} {json.dumps(value)}" for name, value in hint["change"].items())
        print(f"would agree with {changes}{only} (residual {hint['residual']:.2g})")
    return 0 if document["agrees"] else 1


def _difference(output: Mapping[str, Any]) -> str:
    if "claimed_shape" in output:
        return f"has shape {output['claimed_shape']}; expected {output['expected_shape']}"
    if output["agrees"]:
        return f"agrees ({output['of']} elements, worst relative error {output.get('worst_relative_error', 0):.2g})"
    worst = output["worst"]
    where = f"at {worst['at']} " if worst["at"] else ""
    numbers = f"claimed {worst['claimed']!r}, expected {worst['expected']!r}"
    return f"{output['disagreeing']} of {output['of']} elements disagree; the worst {where}by {output['worst_relative_error']:.2g}: {numbers}"


def _compare_here(name: str, body: bytes, binary: bool) -> dict[str, Any]:
    from service.api.names import find
    from service.api.verification import check as checked
    from service.codec import JSON, SAFETENSORS, Caps
    from service.errors import failure
    from service.settings import Settings

    settings = Settings()
    try:
        decoded = (SAFETENSORS if binary else JSON).decode(body, Caps(settings.max_elements, settings.max_rank, settings.max_depth))
        return checked(find(name), decoded.fields, settings)
    except Exception as exc:
        problem = failure(exc)
        if problem is None:
            raise
        return {"detail": problem.detail}


def _compare_there(chosen: argparse.Namespace, body: bytes, binary: bool) -> dict[str, Any]:
    url = f"{chosen.url}/check/{quote(chosen.name, safe='')}"
    with closing(_connection(url)) as connection:
        _, found = _request(connection, "POST", url, _token(chosen), body, "application/vnd.safetensors" if binary else JSON_TYPE)
    return found if isinstance(found, dict) else {}


def _show(text: str) -> None:
    """Show progress on the last line of an interactive terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _complain(message: str) -> int:
    print(f"loss-service: {message}", file=sys.stderr)
    return USAGE_ERROR
