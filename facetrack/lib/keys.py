"""Secret keys of an installation: made once, kept in files that only their owner reads.

Used where the environment gives none. Processes on several machines must share keys and therefore
get them from the environment.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management.utils import get_random_secret_key


def secret_key(folder: Path) -> str:
    """Django's SECRET_KEY."""
    return _kept(folder / "secret_key", get_random_secret_key)


def encryption_key(folder: Path) -> str:
    """A Fernet key: 32 bytes, URL-safe base64."""
    return _kept(folder / "encryption_key", lambda: Fernet.generate_key().decode())


def jwt_private_key(folder: Path) -> str:
    """An RSA key of 2048 bits, PEM."""
    return _kept(folder / "jwt.pem", _rsa_pem)


def public_key(private_pem: str) -> str:
    """The PEM of the public half. Raises ValueError for what is no private key."""
    private = serialization.load_pem_private_key(private_pem.encode(), password=None)
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _rsa_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(handle, "w") as file:
            file.write(make())
        try:
            os.link(temporary, path)  # fails where another process was first: then theirs counts
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)
    return path.read_text()
