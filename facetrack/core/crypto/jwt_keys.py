"""The RSA keys that sign API tokens: the first signs, all verify; each is named by its thumbprint."""

import hashlib
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

from facetrack.core.crypto.keys import put_once

BITS = 2048
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)


class FormerStillNeeded(RuntimeError):
    """The previous key must verify tokens until `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"the previous key must verify tokens until {until:%Y-%m-%d %H:%M} UTC")
        self.until = until


class RotatedMeanwhile(RuntimeError):
    """Another process has added a new key at this moment."""


@dataclass(frozen=True, slots=True)
class JwtKey:
    """`kid` is the thumbprint of RFC 7638: the same key has the same name everywhere."""

    kid: str
    private: RSAPrivateKey = field(repr=False)
    public: RSAPublicKey = field(repr=False)

    @property
    def jwk(self) -> dict[str, str]:
        """The public key in the format of RFC 7517."""
        return {"kid": self.kid, "use": "sig", "alg": "RS256", **_members(self.public)}


class JwtKeys(Protocol):
    def live(self) -> Sequence[JwtKey]:
        """At least one; the first signs, all verify."""


def loaded(pem: str) -> JwtKey:
    """Raises ValueError, without quoting the text, unless this is an RSA key of 2048 bits or more."""
    try:
        private = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("not a private key that can be read without a password") from None
    if not isinstance(private, RSAPrivateKey) or private.key_size < BITS:
        raise ValueError(f"not an RSA key of {BITS} bits or more")
    public = private.public_key()
    return JwtKey(thumbprint(public), private, public)


def pems(text: str, *, name: str) -> list[str]:
    """The PEMs in the value of the variable `name`; "\\n" may stand for an end of line.

    Raises ValueError, which names the variable, for a value without a key or with an invalid one.
    """
    found = _PEM.findall(text.replace("\\n", "\n"))
    if text.strip() and not found:
        raise ValueError(f"{name} contains no PEM of a private key")
    for number, pem in enumerate(found, start=1):
        try:
            loaded(pem)
        except ValueError as error:
            raise ValueError(f"{name}: its PEM number {number} is {error}") from None
    return list(found)


class GivenKeys:
    """Keys from the environment; an operator rotates them there."""

    def __init__(self, pems: Sequence[str]) -> None:
        self._keys = tuple(loaded(pem) for pem in pems)

    def live(self) -> Sequence[JwtKey]:
        return self._keys


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a rotation: `former` verifies until `until`, the `dropped` no longer."""

    kid: str
    former: str | None
    until: datetime | None
    dropped: list[str]


@dataclass(frozen=True, slots=True)
class _File:
    number: int
    made_ns: int


class KeptKeys:
    """Keys in files `000001.pem`, `000002.pem` of a folder. The highest number signs; the one before it
    verifies until the tokens that it signed have expired, `lifetime` after the newer file was made.

    The folder is read each time, so every process knows a new key at once. That costs some microseconds, less
    than verifying a signature.
    """

    def __init__(self, folder: Path, lifetime: timedelta) -> None:
        self._folder, self._lifetime = folder, lifetime
        self._cache: tuple[list[_File], tuple[JwtKey, ...]] = ([], ())

    def live(self) -> Sequence[JwtKey]:
        while True:
            try:
                return self._read()
            except FileNotFoundError:  # a rotation deleted it meanwhile
                continue

    def rotate(self, *, drop: bool = False) -> Rotation:
        """Add a new key that signs from now on. `drop` ends all previous keys at once, and so all tokens.

        Raises FormerStillNeeded if a second rotation would end tokens that have not expired, RotatedMeanwhile
        if another process was first.
        """
        files = self._files() or self._begun()
        if not drop and len(self.live()) > 1:
            raise FormerStillNeeded(self._end(files[0]))
        if not put_once(self._path(files[0].number + 1), make_pem()):
            raise RotatedMeanwhile
        new = self._files()[0]
        kept, dropped = ([], files) if drop else (files[:1], files[1:])
        names = [self._key(file).kid for file in dropped]
        for file in dropped:
            self._path(file.number).unlink(missing_ok=True)
        former = self._key(kept[0]).kid if kept else None
        return Rotation(self._key(new).kid, former, self._end(new) if kept else None, names)

    def _read(self) -> Sequence[JwtKey]:
        files = (self._files() or self._begun())[:2]
        if self._cache[0] != files:
            self._cache = (files, tuple(self._key(file) for file in files))
        keys = self._cache[1]
        return keys if time.time() < self._end(files[0]).timestamp() else keys[:1]

    def _files(self) -> list[_File]:
        """Newest first."""
        if not self._folder.is_dir():
            return []
        with os.scandir(self._folder) as entries:
            found = [
                _File(int(entry.name[:-4]), entry.stat().st_mtime_ns)
                for entry in entries
                if entry.name.endswith(".pem") and entry.name[:-4].isdigit()
            ]
        return sorted(found, key=lambda file: file.number, reverse=True)

    def _begun(self) -> list[_File]:
        put_once(self._path(1), make_pem())
        return self._files()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.pem"

    def _key(self, file: _File) -> JwtKey:
        return loaded(self._path(file.number).read_text())

    def _end(self, newest: _File) -> datetime:
        """When the key before the newest one stops verifying."""
        return datetime.fromtimestamp(newest.made_ns / 1e9, UTC) + self._lifetime


def make_pem() -> str:
    key = generate_private_key(public_exponent=65537, key_size=BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def thumbprint(public: RSAPublicKey) -> str:
    """As RFC 7638 wants it: the hash of the members that a key must have, in their order. PyJWT has none."""
    facts = json.dumps(_members(public), separators=(",", ":"), sort_keys=True).encode()
    return base64url_encode(hashlib.sha256(facts).digest()).decode()


def _members(public: RSAPublicKey) -> dict[str, str]:
    """Without `key_ops`, which RFC 7517 does not want beside `use`."""
    jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
    return {name: str(jwk[name]) for name in ("e", "kty", "n")}
