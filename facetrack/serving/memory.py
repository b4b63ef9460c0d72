"""Keeps a web process from growing: the C library's allocator is told to give memory back."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
MAX_ARENAS = 2
LARGE_BYTES = 256 * 1024


def keep_little() -> None:
    """Must run before the first thread starts. Does nothing where the C library is another than glibc.

    By default each thread may have an arena of 64 MB, and a request's body, once freed, stays in it: a
    process with twenty threads kept twice what it needed after some large uploads.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(M_ARENA_MAX, MAX_ARENAS)
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)  # given back as soon as it is freed
    mallopt(M_TRIM_THRESHOLD, LARGE_BYTES)
