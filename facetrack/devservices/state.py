"""A service's state between commands: its port, its process, its password."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The last known state of one service.

    `pid` and `born` name the process while it should be running, and are None after a clean stop: a pid of an
    ended process means that the service died. `ready` is set once it answered.
    """

    port: int
    pid: int | None = None
    born: str | None = None
    ready: bool = False


def load(path: Path) -> ServiceState | None:
    """The saved state; None if there is none or it is damaged."""
    try:
        return ServiceState(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def save(path: Path, state: ServiceState) -> None:
    """Replaces the saved state; a crash leaves the old one."""
    write_private(path, json.dumps(asdict(state)))


def password(path: Path) -> str:
    """The password in this file, generated (192 random bits, letters and digits only) if there is none."""
    if not path.exists():
        write_private(path, secrets.token_hex(24))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads (0600), replacing the old one in one step."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
