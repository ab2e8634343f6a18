"""The C library's allocator, told to give back what is no longer used.

glibc makes a heap for each of the first threads, eight to a core, and keeps in it what was freed
there; and it takes large blocks from these heaps as well once one has been freed. Libraries that
allocate a lot for a moment (numpy, SQLite, tokenizers) then leave holes in each heap: 30 MB after a
thousand debates, which nothing ever uses again. Other systems' allocators are left as they are.
"""

from __future__ import annotations

import ctypes
from functools import cache

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Of `mallopt(3)`."""
HEAPS = 2
"""Python's own lock lets one thread allocate at a time, but for work outside of it."""
LARGE = 256 * 1024
"""Bytes. Blocks of this size come from the system and go back to it one by one."""


def keep_heaps_few() -> None:
    """To be called when a process starts, before its threads do: the heaps that are there stay."""
    if (library := _glibc()) is not None:
        library.mallopt(_M_ARENA_MAX, HEAPS)
        library.mallopt(_M_MMAP_THRESHOLD, LARGE)


def give_back() -> None:
    """Return to the system what the heaps have free; takes a millisecond or two. To be called after
    work that needed much for a while, on a thread of its own."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
