"""Content codings: gzip and zstd bodies, unpacked only as far as they may grow, and answers packed for the way back."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any

from service.codec.fields import Buffer, Malformed, TooMany

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

WINDOW = 23  # log2 of the largest zstd window: 8 MiB, what RFC 8878 asks a decoder of HTTP to have
LEVEL = 1  # numbers have little to find: higher levels take several times as long for a few percent
SAMPLE = 64 * 1024  # bytes
WORTH = 0.75  # what a coding has to make of it to be worth its time


def unpack(coding: str, body: Buffer, cap: int) -> bytes:
    """The body without its coding; TooMany once it is longer than `cap`, without unpacking the rest."""
    decoder = _DECODERS[coding]()
    try:
        unpacked: bytes = decoder.decompress(body, cap + 1)
    except (zlib.error, zstd.ZstdError):
        raise Malformed(f"the body: not {coding}; expected what content-encoding says") from None
    if len(unpacked) > cap:
        raise TooMany(f"the body: too large; expected at most {cap} bytes when decompressed")
    if not decoder.eof or decoder.unused_data:
        raise Malformed(f"the body: incomplete, or followed by more; expected one {coding} stream")
    return unpacked


def pack(coding: str, answer: list[Buffer]) -> list[Buffer] | None:
    """The answer's parts in a coding; None where that is not worth it, which a piece out of the middle tells: random mantissas stay as long."""
    longest = memoryview(max(answer, key=len))
    middle = longest[len(longest) // 2 :][:SAMPLE]
    if len(middle) * WORTH < sum(map(len, _packed(coding, [middle]))):
        return None
    return _packed(coding, answer)


def _packed(coding: str, parts: list[Buffer]) -> list[Buffer]:
    encoder = _ENCODERS[coding]()
    packed = [encoder.compress(part) for part in parts]
    return [part for part in (*packed, encoder.flush()) if part]


_DECODERS: dict[str, Callable[[], Any]] = {
    "zstd": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW}),
    "gzip": lambda: zlib.decompressobj(wbits=31),
}
_ENCODERS: dict[str, Callable[[], Any]] = {
    "zstd": lambda: zstd.ZstdCompressor(LEVEL),
    "gzip": lambda: zlib.compressobj(LEVEL, wbits=31),
}
CODINGS = tuple(_DECODERS)  # the better first
