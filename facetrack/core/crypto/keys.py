"""Secret keys of an installation: generated once, kept in files that only their owner can read.

Used if the environment gives none. Processes on several machines must share keys and therefore get them from
the environment.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key


def secret_key(folder: Path) -> str:
    """Django's SECRET_KEY."""
    return _kept(folder / "secret_key", get_random_secret_key)


def encryption_key(folder: Path) -> str:
    """A Fernet key: 32 bytes, URL-safe base64."""
    return _kept(folder / "encryption_key", lambda: Fernet.generate_key().decode())


def put_once(path: Path, text: str) -> bool:
    """Write a file that only its owner can read, completely or not at all. False if it already exists."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.link(temporary, path)  # fails if another process was first: then its file is used
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    return True


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        put_once(path, make())
    return path.read_text()
