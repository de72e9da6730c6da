"""glibc's allocator, configured to keep memory while large requests arrive, and to return it afterwards; on other platforms these do nothing.

By itself it returns the end of the heap after each of them, and the next one pays for fresh pages: a fifth of the time of a million numbers.
But what lies free between two pieces in use it keeps for ever, and each thread has a heap of its own, whose end it cannot give back on demand.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGEST = 32 * 1024 * 1024  # maximum of glibc for blocks from the heap

_libc = ctypes.CDLL(None)


def keep() -> None:
    """One heap for all threads, which never gets smaller by itself; to be called before there are threads."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(M_ARENA_MAX, 1)
        _libc.mallopt(M_MMAP_THRESHOLD, LARGEST)
        _libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def trim() -> None:
    """Give back the pages that hold nothing: some milliseconds, in which other threads may wait for memory."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
