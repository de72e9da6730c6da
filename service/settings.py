"""Every limit and switch of the service, from environment variables named LOSS_SERVICE_<NAME>."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "LOSS_SERVICE_"
OTHERS = ("HOST", "PORT", "WORKERS")  # variables of the command line, without the prefix
CLOSE = 0.6  # similarity of two names, from which on one is a likely misspelling of the other

# What Kubernetes sets in pods of a namespace that has a Service named loss-service, or loss-service-<other>, unless enableServiceLinks is false
SERVICE_LINK = re.compile(r"LOSS_SERVICE_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
MIB = 1024 * 1024
DAY = 86_400.0
Seconds = Annotated[float, Field(gt=0, le=DAY)]  # timers take no infinity


class Settings(BaseSettings):
    """Passed in where it is needed, never a global. /info lists the limits, the README has them as a table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    # what one request may hold
    max_body_bytes: Annotated[PositiveInt, Field(description="largest request body, counted as received; 413 beyond")] = 64 * MIB
    max_decompressed_bytes: Annotated[PositiveInt, Field(description="largest body after gzip or zstd; 413 beyond")] = 64 * MIB
    max_header_bytes: Annotated[PositiveInt, Field(description="largest request line and headers together; 431 beyond")] = 64 * 1024
    max_elements: Annotated[PositiveInt, Field(description="most elements of one tensor; 413 beyond")] = 32 * MIB
    max_rank: Annotated[PositiveInt, Field(description="most axes of a tensor; 422 beyond", le=32)] = 8
    max_depth: Annotated[PositiveInt, Field(description="deepest nesting of JSON; 400 beyond", le=128)] = 32
    max_terms: Annotated[PositiveInt, Field(description="most terms of a combination; 422 beyond")] = 32
    max_work: Annotated[
        PositiveFloat,
        Field(description="most elementary operations (about a nanosecond each) of one request, as estimated from its shapes; 413 beyond"),
    ] = 3e10
    max_work_bytes: Annotated[
        PositiveInt, Field(description="most memory of one request while it is computed, as estimated from its shapes; 413 beyond")
    ] = 640 * MIB
    max_response_bytes: Annotated[
        PositiveInt, Field(description="largest response body before compression, as estimated from shapes and outputs; 413 beyond")
    ] = 128 * MIB

    # what all requests together may hold
    compute_threads: Annotated[PositiveInt, Field(description="computations of large bodies at one time, in each worker")] = 2
    max_queue: Annotated[NonNegativeInt, Field(description="most requests with large bodies waiting for a thread; 429 beyond")] = 64
    max_queue_bytes: Annotated[
        PositiveInt,
        Field(
            description="most bytes of large bodies read, waiting and computed, and of responses not yet handed to the transport; 429 beyond; at least max_body_bytes",
            validate_default=True,
        ),
    ] = 256 * MIB
    inline_bytes: Annotated[
        int,
        Field(
            description="bodies up to this size are decoded on the event loop, and computed there too if that is a few milliseconds; all others in the pool of threads",
            ge=0,
        ),
    ] = 256 * 1024  # two milliseconds of parsing at most; handing 139 kB of base64 to a thread costs 0.25 ms of the 1.25 that it takes
    compress_bytes: Annotated[
        PositiveInt, Field(description="responses from this size on are compressed where Accept-Encoding allows it and a sample of them shrinks")
    ] = MIB

    # how long anything may take, in seconds
    header_seconds: Annotated[Seconds, Field(description="from a request's first byte to the end of its headers; 408 beyond")] = 10
    body_seconds: Annotated[Seconds, Field(description="from the end of the headers to the end of the body; 408 beyond")] = 30
    compute_seconds: Annotated[
        Seconds, Field(description="waiting for a thread and computing; 504 beyond, 429 at once where the queue takes over half of it")
    ] = 60
    search_elements: Annotated[
        PositiveInt, Field(description="most elements that a search of /check or /identify evaluates; its response is cut beyond")
    ] = 64 * MIB
    search_seconds: Annotated[Seconds, Field(description="longest search of /check or /identify; its response is cut beyond")] = 2
    send_seconds: Annotated[
        Seconds,
        Field(description="for a response to be taken, prolonged by every byte that is by its share of a second at min_send_rate; closed beyond"),
    ] = 30
    min_send_rate: Annotated[
        PositiveInt, Field(description="bytes a second: a client that takes its response steadily at this rate is never cut")
    ] = 16 * 1024
    idle_seconds: Annotated[Seconds, Field(description="between two requests of one connection; closed beyond")] = 75
    grace_seconds: Annotated[float, Field(ge=0, le=DAY, description="serving on after SIGTERM, with readiness at 503")] = 5

    # who may call
    tokens: Annotated[
        SecretStr, Field(description="bearer tokens or name:token, separated by commas; authentication is disabled if empty", exclude=True)
    ] = SecretStr("")
    tokens_file: Annotated[
        Path | None,
        Field(
            description="a file with one bearer token or name:token a line, or a directory of files that are named for their callers; read again on SIGHUP",
            exclude=True,
        ),
    ] = None
    cors_origins: Annotated[str, Field(description="origins that browsers may call from, separated by commas; none by default")] = ""
    access_log: Annotated[bool, Field(description="whether each request has its line in the log")] = True
    docs: Annotated[bool, Field(description="whether /docs and /openapi.json are served")] = True

    @field_validator("max_queue_bytes")
    @classmethod
    def _holds_a_body(cls, value: int, given: ValidationInfo) -> int:
        """A body that never finds room would be a 429 for ever."""
        if value < (least := given.data.get("max_body_bytes", 0)):
            raise ValueError(f"expected at least LOSS_SERVICE_MAX_BODY_BYTES, which is {least}")
        return value


class Setting(NamedTuple):
    """A setting as its operator sees it."""

    variable: str
    default: str
    meaning: str


def declared() -> Iterator[Setting]:
    """Return every setting, for `serve --help` and docs/settings.md."""
    for name, field in Settings.model_fields.items():
        default = field.default
        text = str(default).lower() if isinstance(default, bool) else f"{default:g}" if isinstance(default, float) else str(default)
        yield Setting(PREFIX + name.upper(), text if isinstance(default, (int, float, str)) else "", str(field.description))


def unknown(environment: Mapping[str, str]) -> str:
    """Describe the first variable that has the prefix and is no setting; "" if there is none.

    A misspelled limit would be one that its operator relies on and that does not hold. The variables of a Kubernetes Service are excepted.
    """
    names = [setting.variable for setting in declared()]
    for variable, value in environment.items():
        name = variable.upper()
        if name.startswith(PREFIX) and name not in names and not _is_service_link(name, value):
            return f"{variable} is no setting; {_guess(name.removeprefix(PREFIX))}"
    return ""


def _is_service_link(name: str, value: str) -> bool:
    """LOSS_SERVICE_PORT is one only with an address such as tcp://10.0.0.1:80: a number there is meant for PORT."""
    return bool(SERVICE_LINK.fullmatch(name)) and (name != f"{PREFIX}PORT" or "://" in value)


def _guess(name: str) -> str:
    if name in OTHERS:
        return f"did you mean {name}?"
    near = get_close_matches(name, [field.upper() for field in Settings.model_fields], 1, CLOSE)
    return f"did you mean {PREFIX}{near[0]}?" if near else "`loss-service serve --help` lists all settings"
