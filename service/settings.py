"""Every limit and switch of the service, from environment variables named LOSS_SERVICE_<NAME>."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class Settings(BaseSettings):
    """Passed in where it is needed, never a global. /info lists the limits, the README has them as a table."""

    model_config = SettingsConfigDict(env_prefix="LOSS_SERVICE_", frozen=True, extra="ignore")

    max_body_bytes: Annotated[PositiveInt, Field(description="largest request body, counted as received and again when decompressed; 413 beyond")] = (
        64 * MIB
    )
    max_elements: Annotated[PositiveInt, Field(description="most elements of one tensor; 413 beyond")] = 32 * MIB
    max_rank: Annotated[PositiveInt, Field(description="most axes of a tensor; 422 beyond", le=32)] = 8
    max_depth: Annotated[PositiveInt, Field(description="deepest nesting of JSON; 400 beyond", le=512)] = 32
    max_terms: Annotated[PositiveInt, Field(description="most terms of a combination; 422 beyond")] = 32
    inline_bytes: Annotated[
        int, Field(description="bodies up to this size are answered on the event loop, larger ones in the pool of threads", ge=0)
    ] = 64 * 1024
