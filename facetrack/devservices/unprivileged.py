"""Runs a server as an unprivileged account if this process is root, and finds a folder for that account.

PostgreSQL refuses to run as root. The account `nobody` may be unable to enter the folder of the
project (a clone below /root, or one made by `mktemp -d`): then data live in a folder of our own
below /var/tmp that belongs to this one root folder.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import subprocess
from pathlib import Path

from facetrack.devservices.process import SystemAccount, as_account

AWAY = Path("/var/tmp")  # noqa: S108  # survives a reboot; the folder made in it is checked for its owner
OVERFLOW_ID = 65_534


def unprivileged() -> SystemAccount | None:
    """The account for servers that refuse to run as root; None if this process is not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return SystemAccount(OVERFLOW_ID, OVERFLOW_ID)
    return SystemAccount(entry.pw_uid, entry.pw_gid)


def may_enter(account: SystemAccount, folder: Path) -> bool:
    """Whether this account can enter this folder, as the system itself answers."""
    return _succeeds(["/bin/sh", "-c", 'test -x "$0"', str(folder)], account)


def may_run(account: SystemAccount, program: Path) -> bool:
    """Whether this account can start this program, its libraries included."""
    return _succeeds([str(program), "--version"], account)


def _succeeds(argv: list[str], account: SystemAccount) -> bool:
    done = subprocess.run(as_account(account, argv), capture_output=True, check=False, cwd="/")
    return done.returncode == 0


def away_folder(root: Path) -> Path:
    """Where the data of `root` live if `nobody` may not enter it; always the same for one root."""
    return AWAY / f"facetrack-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}"


def make_away_folder(root: Path) -> Path:
    """Creates that folder. Raises PermissionError if another user made it: all users can write /var/tmp."""
    folder = away_folder(root)
    folder.mkdir(mode=0o711, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder that only this account may write")
    folder.chmod(0o711)
    return folder
