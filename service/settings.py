"""Every limit and switch of the service, from environment variables named LOSS_SERVICE_<NAME>."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
DAY = 86_400.0
Seconds = Annotated[float, Field(gt=0, le=DAY)]  # timers take no infinity


class Settings(BaseSettings):
    """Passed in where it is needed, never a global. /info lists the limits, the README has them as a table."""

    model_config = SettingsConfigDict(env_prefix="LOSS_SERVICE_", frozen=True, extra="ignore")

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
    ] = 128 * 1024  # about a millisecond of work either way; handing over to a thread and back costs half of that
    compress_bytes: Annotated[
        PositiveInt, Field(description="answers from this size on are compressed where Accept-Encoding asks and a sample of them shrinks")
    ] = MIB

    # how long anything may take, in seconds
    header_seconds: Annotated[Seconds, Field(description="from a request's first byte to the end of its headers; 408 beyond")] = 10
    body_seconds: Annotated[Seconds, Field(description="from the end of the headers to the end of the body; 408 beyond")] = 30
    compute_seconds: Annotated[
        Seconds, Field(description="waiting for a thread and computing; 504 beyond, 429 at once where the queue takes over half of it")
    ] = 60
    search_elements: Annotated[
        PositiveInt, Field(description="most elements that a search of /check or /identify evaluates; its answer is cut beyond")
    ] = 64 * MIB
    search_seconds: Annotated[Seconds, Field(description="longest search of /check or /identify; its answer is cut beyond")] = 2
    send_seconds: Annotated[
        Seconds,
        Field(description="for a response to be taken, prolonged by every byte that is by its share of a second at min_send_rate; closed beyond"),
    ] = 30
    min_send_rate: Annotated[
        PositiveInt, Field(description="bytes a second: a client that takes its response steadily at this rate is never cut")
    ] = 16 * 1024
    idle_seconds: Annotated[Seconds, Field(description="between two requests of one connection; closed beyond")] = 75
    grace_seconds: Annotated[float, Field(ge=0, le=DAY, description="serving on after SIGTERM, with readiness at 503")] = 5

    # who may ask
    tokens: Annotated[
        SecretStr, Field(description="bearer tokens or name:token, separated by commas; authentication is disabled if empty", exclude=True)
    ] = SecretStr("")
    tokens_file: Annotated[
        Path | None, Field(description="a file with one bearer token or name:token a line, read again on SIGHUP", exclude=True)
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
