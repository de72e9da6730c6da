"""Content codings: gzip and zstd bodies, unpacked only as far as they may grow, and responses compressed."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable
from typing import Any

from service.codec.fields import Buffer, Malformed, TooMany

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

WINDOW = 23  # log2 of the largest zstd window: 8 MiB, what RFC 8878 requires of a decoder of HTTP
LEVEL = 1  # numbers have little to find: higher levels take several times as long for a few percent
SAMPLE = 64 * 1024  # bytes
MOST_MEMBERS = 8192  # of one body: each costs some 10 us, and may be 20 bytes long and empty
MAGIC = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18")  # of a member, a frame, and a frame to be skipped
WORTH = 0.75  # largest size, relative to the original, that is worth the time


def unpack(coding: str, body: Buffer, cap: int) -> bytes:
    """The body without its coding; TooMany once it is longer than `cap`, without unpacking the rest."""
    decoder = _DECODERS[coding]()
    try:
        unpacked: bytes = decoder.decompress(body, cap + 1)
        if decoder.eof and decoder.unused_data:
            unpacked = _joined(coding, bytes(body), cap + 1)
    except (zlib.error, zstd.ZstdError, EOFError, OSError):
        raise Malformed(f"the body: not {coding}; expected what content-encoding says") from None
    if len(unpacked) > cap:
        raise TooMany(f"the body: too large; expected at most {cap} bytes when decompressed")
    if not decoder.eof:
        raise Malformed(f"the body: incomplete; expected a whole {coding} stream")
    return unpacked


def _joined(coding: str, body: bytes, most: int) -> bytes:
    """Content of several consecutive gzip members (RFC 1952, 2.2) or zstd frames (RFC 8878, 3)."""
    if coding == "deflate" or sum(map(body.count, MAGIC)) > MOST_MEMBERS:
        raise EOFError
    source = io.BytesIO(body)
    with zstd.ZstdFile(source, options=OPTIONS) if coding == "zstd" else gzip.GzipFile(fileobj=source) as file:
        unpacked: bytes = file.read(most)
        return unpacked


def pack(coding: str, parts: list[Buffer]) -> list[Buffer] | None:
    """Return the response's parts in a coding; None where that is not worth it, which a piece out of the middle tells: random mantissas stay as long."""
    longest = memoryview(max(parts, key=len))
    middle = longest[len(longest) // 2 :][:SAMPLE]
    if len(middle) * WORTH < sum(map(len, _packed(coding, [middle]))):
        return None
    return _packed(coding, parts)


def _packed(coding: str, parts: list[Buffer]) -> list[Buffer]:
    encoder = _ENCODERS[coding]()
    packed = [encoder.compress(part) for part in parts]
    return [part for part in (*packed, encoder.flush()) if part]


OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW}
_DECODERS: dict[str, Callable[[], Any]] = {
    "zstd": lambda: zstd.ZstdDecompressor(options=OPTIONS),
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "x-gzip": lambda: zlib.decompressobj(wbits=31),  # the same (RFC 9110, 8.4.1.3)
    "deflate": lambda: zlib.decompressobj(),
}
_ENCODERS: dict[str, Callable[[], Any]] = {
    "zstd": lambda: zstd.ZstdCompressor(LEVEL),
    "gzip": lambda: zlib.compressobj(LEVEL, wbits=31),
}
CODINGS = tuple(_DECODERS)  # of request bodies
PACKINGS = tuple(_ENCODERS)  # of responses, the better first
