"""Limits of a source's child process. The kernel enforces them."""

from __future__ import annotations

import resource
from pathlib import Path

MEGABYTES = 512
"""Memory beyond the interpreter and its libraries. A 4K stream takes 290 with 10 bits a colour (measured:
H.265, 6 reference pictures), 200 with 8 bits; 1080p with 16 reference pictures takes 130."""
MAX_PIXELS = 4096 * 4096
"""Maximum size of one decoded picture."""
MAX_BYTES = 64_000_000
"""Bytes from the source without a decodable picture: 10 s until a key frame of the largest streams."""
CPU_SECONDS = 20
"""Seconds of processor time without a picture."""
THREADS = 2
"""Threads of a decoder, and so the cores that one source can keep busy."""
FILES = 64


def confine(megabytes: int) -> None:
    """Limit this process from now on; what is already loaded does not count. Cannot be undone."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for kind, maximum in (
        (resource.RLIMIT_AS, taken + megabytes * 1_000_000),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (maximum, maximum))
    renew_time()


def renew_time() -> None:
    """A source that delivers may run without end: each picture gives it CPU_SECONDS more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
