"""Why a service of ours did not start, as its log tells it, and what to do.

Data may have to go only where the service itself says that they are damaged.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the system's shared memory, not a file of ours
SEGMENT = re.compile(r"shared memory segment|/dev/shm|shm_open|shmget|PostgreSQL\.\d+", re.IGNORECASE)
CAUSES = (
    (
        re.compile(r"No space left on device|Disk quota exceeded|Not enough space", re.IGNORECASE),
        "the disk of {folder} is full ({free} MB of {total} MB are free): make room there. "
        "The data are sound",
    ),
    (
        re.compile(r"Read-only file system", re.IGNORECASE),
        "{folder} is on a read-only file system: make it writable. The data are sound",
    ),
    (
        re.compile(r"Permission denied|Operation not permitted", re.IGNORECASE),
        "the service may not use a file that its log names: let the user that runs it read and write "
        "{folder}. The data are sound",
    ),
    (
        re.compile(r"Cannot allocate memory|out of memory", re.IGNORECASE),
        "this machine has too little free memory: end other programs, or give it more. The data are sound",
    ),
    (
        re.compile(r"Too many open files", re.IGNORECASE),
        "the limit of open files is too low: raise it (ulimit -n). The data are sound",
    ),
    (
        re.compile(r"Bad file format|valid checkpoint record|invalid magic number|is corrupt", re.IGNORECASE),
        "its data in {folder} are damaged: put back a backup of that folder; if all data of all services "
        "may go, `manage.py services stop --wipe`",
    ),
)
UNKNOWN = "read the log, which says why. The data are left as they are"


def remedy(said: str, folder: Path) -> str:
    """What to do about a start that failed with this in its log, or in a program's output."""
    for sign, advice in CAUSES:
        lines = [line for line in said.splitlines() if sign.search(line)]
        if not lines:
            continue
        if any(SEGMENT.search(line) for line in lines):
            return _about_shared_memory()
        free, total = _room(folder)
        return advice.format(folder=folder, free=free, total=total)
    return _about_shared_memory() if SEGMENT.search(said) else UNKNOWN


def _about_shared_memory() -> str:
    if not SHARED_MEMORY.is_dir():
        return f"there is no {SHARED_MEMORY}: mount a tmpfs there. The data are sound"
    free, total = _room(SHARED_MEMORY)
    return (
        f"{SHARED_MEMORY}, the machine's shared memory, is full, too small or not writable ({free} MB of "
        f"{total} MB are free): end programs that fill it, delete files there that no program uses, or "
        "enlarge it (in a container: --shm-size=256m). The data are sound"
    )


def _room(folder: Path) -> tuple[int, int]:
    """Free and all megabytes of the file system of a folder."""
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return usage.free // 1_000_000, usage.total // 1_000_000
