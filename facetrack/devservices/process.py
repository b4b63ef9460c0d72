"""Processes by identity, so that a reused pid is never taken for our process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

POLL_SECONDS = 0.02

# Children of this process: kept so that a dead one is reaped (a zombie's pid looks alive to others).
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class SystemAccount:
    """A user of the system that a process can be started as."""

    uid: int
    gid: int


def born(pid: int) -> str | None:
    """When this process began, as text that no later process with the same pid has; None if it has ended.

    On Linux this is the boot's id and the process's start in clock ticks: unlike `create_time` they do not
    move when the system's clock is set. A zombie counts as ended, unless threads of it still run: they hold
    its port and its locks.
    """
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1:
            return None
        return _start_ticks(pid) or f"{process.create_time():.2f}"
    except (psutil.Error, OSError):
        return None


def _start_ticks(pid: int) -> str | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return f"{boot}/{fields[19]}"  # field 22 of the line; proc(5)


def is_zombie(pid: int) -> bool:
    """Whether this process ended without being reaped."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


# Changes to an account, then runs the program. Not `subprocess`'s own `user=`: that forks, and in a process
# with gRPC in it (the client of Milvus) the forked child crashes before it is another program.
_STEP_DOWN = (
    "import os, sys; uid, gid = int(sys.argv[1]), int(sys.argv[2])\n"
    "os.setgroups([]); os.setgid(gid); os.setuid(uid); os.execv(sys.argv[3], sys.argv[3:])"
)


def as_account(account: SystemAccount | None, argv: Sequence[str]) -> list[str]:
    """The command line that runs a program (by its full path) as this account."""
    if account is None:
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _STEP_DOWN, str(account.uid), str(account.gid), *argv]


def spawn(
    argv: Sequence[str], *, log: IO[bytes], environ: Mapping[str, str], account: SystemAccount | None
) -> int:
    """Starts a process that outlives this one and is detached from its terminal; returns its pid.

    It inherits no environment but `environ` (this process's own may hold secrets) and PATH.
    """
    child = subprocess.Popen(
        as_account(account, argv),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC", **environ},
        start_new_session=True,
        umask=0o077,
    )
    _children[child.pid] = child
    return child.pid


def end(pid: int, birth: str | None, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Sends each signal and waits its seconds until the process has ended. Returns whether it has."""
    for number, seconds in steps:
        if born(pid) != birth:
            return True
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if born(pid) != birth:
                return True
            time.sleep(POLL_SECONDS)
    return born(pid) != birth
