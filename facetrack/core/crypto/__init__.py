"""Encryption at rest: model fields whose values PostgreSQL never sees in plain text.

Fernet (AES-128-CBC with HMAC-SHA256) through MultiFernet: the first key of
`FACETRACK_ENCRYPTION_KEYS` encrypts, all of them decrypt.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from numpy.typing import NDArray

EMBEDDING_DIMENSION = 512


class EncryptedField:
    """Marks the model fields that `rotate_encryption_key` has to re-encrypt."""


class EncryptedTextField(EncryptedField, models.TextField[str, str]):
    """Text that is stored encrypted. It cannot be searched; an empty text stays empty."""

    def get_prep_value(self, value: str | None) -> str | None:
        return encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return decrypt(value.encode()).decode() if value else value


class EmbeddingField(EncryptedField, models.BinaryField[Any, Any]):
    """A float32 array (512,), L2-normalised, stored encrypted; None stays None."""

    def get_prep_value(self, value: NDArray[np.float32] | None) -> bytes | None:
        if value is None:
            return None
        embedding = np.asarray(value, dtype=np.float32)
        if embedding.shape != (EMBEDDING_DIMENSION,):
            raise ValueError(f"an embedding has the shape ({EMBEDDING_DIMENSION},), not {embedding.shape}")
        return encrypt(embedding.tobytes())

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)

    def from_db_value(self, value: bytes | memoryview | None, *_: object) -> NDArray[np.float32] | None:
        return None if value is None else np.frombuffer(decrypt(bytes(value)), dtype=np.float32)


def encrypt(plain: bytes) -> bytes:
    return _cipher(tuple(settings.FACETRACK_ENCRYPTION_KEYS)).encrypt(plain)


def decrypt(token: bytes) -> bytes:
    """Raises ImproperlyConfigured if none of the keys fits: the row is intact, a key is missing."""
    try:
        return _cipher(tuple(settings.FACETRACK_ENCRYPTION_KEYS)).decrypt(token)
    except InvalidToken:
        raise ImproperlyConfigured(
            "stored data was encrypted with a key that FACETRACK_ENCRYPTION_KEYS does not hold: "
            "add the former key behind the present one"
        ) from None


def encrypted_anew(token: bytes) -> bytes | None:
    """The same value under the first key; None if it is under that key already.

    Raises ImproperlyConfigured if none of the keys fits.
    """
    keys = tuple(settings.FACETRACK_ENCRYPTION_KEYS)
    try:
        _cipher(keys[:1]).decrypt(token)
    except InvalidToken:
        return encrypt(decrypt(token))
    return None


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
