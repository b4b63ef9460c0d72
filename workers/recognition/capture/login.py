"""Logging in at a camera, in FFmpeg's place, which knows Digest with MD5 only.

The gate shows FFmpeg a stand-in for a camera's Digest challenge, and replaces what FFmpeg answers to it by
the answer to the real one (RFC 7616, and RFC 2617 and 2069 before it).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

ALGORITHMS = {"sha512256": "sha512_256", "sha256": "sha256", "md5": "md5"}
"""By how Digest names them, without dashes: how hashlib does. The first that a camera offers is used."""
PIECE = re.compile(
    r"[\s,]*(?:(?P<name>[^\s,=\"]+)\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<plain>[^\s,]*))"
    r"|(?P<scheme>[^\s,=\"]+)|(?P<junk>.))"
)
BASIC = re.compile(r"basic\b", re.IGNORECASE)
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
STAND_IN = 'Digest realm="camera", nonce="0"'
MAX_SHOWN = 60


class UnsupportedLogin(Exception):
    """The camera offers no way to log in that is supported; the text names what it offers."""


@dataclass(slots=True)
class Challenge:
    """One way to log in that a camera offers. Names of parameters are in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def algorithm(self) -> str:
        """As in ALGORITHMS, with `sess` behind it for a session's; MD5 where none is named."""
        return re.sub(r"[^a-z0-9]", "", self.parameters.get("algorithm", "").lower()) or "md5"

    @property
    def rank(self) -> int:
        """The place in ALGORITHMS; beyond it for a challenge that cannot be answered."""
        name = self.algorithm.removesuffix("sess")
        usable = name in ALGORITHMS and ALGORITHMS[name] in hashlib.algorithms_available
        usable = usable and "nonce" in self.parameters and self.quality is not None
        return list(ALGORITHMS).index(name) if usable else len(ALGORITHMS)

    @property
    def quality(self) -> str | None:
        """What `qop` to answer with: empty if the camera names none, None if it knows none of ours."""
        offered = re.split(r"[\s,]+", self.parameters.get("qop", "").lower().strip())
        return next((one for one in ("auth", "auth-int", "") if one in offered), None)

    def __str__(self) -> str:
        algorithm = self.parameters.get("algorithm")
        return f"{self.scheme} with {algorithm}" if algorithm else self.scheme


class CameraLogin:
    """The login of one source, and what its camera has asked for so far."""

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = username, password
        self._digest: Challenge | None = None
        self._client = ""
        self._answers = 0

    @property
    def is_known(self) -> bool:
        return bool(self._username)

    def stand_in(self, headers: Sequence[str]) -> str:
        """The challenge to show to FFmpeg for the values of all of an answer's WWW-Authenticate headers.

        Raises UnsupportedLogin.
        """
        offered = list(_challenges(headers))
        digests = [one for one in offered if one.scheme.lower() == "digest"]
        best = min(digests, key=lambda one: one.rank, default=None)
        if best is not None and best.rank < len(ALGORITHMS):
            self._digest, self._client, self._answers = best, secrets.token_hex(8), 0
            stale = best.parameters.get("stale", "").lower() == "true"
            return STAND_IN + (", stale=true" if stale else "")
        self._digest = None
        for value in headers:
            if BASIC.match(value.strip()):
                return value
        if any(one.scheme.lower() == "basic" for one in offered):
            return 'Basic realm="camera"'
        raise UnsupportedLogin(
            ", ".join(dict.fromkeys(CONTROLS.sub("", str(one)) for one in offered))[:MAX_SHOWN]
        )

    def answer(self, method: str, uri: str) -> str | None:
        """The Authorization header's value for this request; None where FFmpeg's own one is right."""
        digest = self._digest
        if digest is None:
            return None
        self._answers += 1
        count, quality = f"{self._answers:08x}", digest.quality
        realm, nonce = digest.parameters.get("realm", ""), digest.parameters["nonce"]
        secret = self._hashed(f"{self._username}:{_plain(realm)}:{self._password}")
        if digest.algorithm.endswith("sess"):
            secret = self._hashed(f"{secret}:{_plain(nonce)}:{self._client}")
        request = f"{method}:{uri}" + (f":{self._hashed('')}" if quality == "auth-int" else "")
        middle = f"{_plain(nonce)}:{count}:{self._client}:{quality}" if quality else _plain(nonce)
        response = self._hashed(f"{secret}:{middle}:{self._hashed(request)}")
        name = self._username.replace("\\", "\\\\").replace('"', '\\"')
        words = [f'username="{name}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
        words.append(f'response="{response}"')
        if "algorithm" in digest.parameters:
            words.append(f"algorithm={digest.parameters['algorithm']}")
        if "opaque" in digest.parameters:
            words.append(f'opaque="{digest.parameters["opaque"]}"')
        if quality:
            words += [f"qop={quality}", f"nc={count}"]
        if quality or digest.algorithm.endswith("sess"):
            words.append(f'cnonce="{self._client}"')
        return CONTROLS.sub("", f"Digest {', '.join(words)}")

    def _hashed(self, text: str) -> str:
        assert self._digest is not None  # noqa: S101  only an answer to it is hashed
        name = ALGORITHMS[self._digest.algorithm.removesuffix("sess")]
        return hashlib.new(name, text.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()


def _challenges(headers: Sequence[str]) -> Iterator[Challenge]:
    """All that is offered: a camera may write one header for each, or one for all."""
    for value in headers:
        found: Challenge | None = None
        for piece in PIECE.finditer(value):
            if piece["scheme"]:
                if found is not None:
                    yield found
                found = Challenge(piece["scheme"])
            elif piece["name"] and found is not None:
                given = piece["quoted"] if piece["quoted"] is not None else piece["plain"].strip('"')
                found.parameters.setdefault(piece["name"].lower(), given)
        if found is not None:
            yield found


def _plain(quoted: str) -> str:
    """What a quoted text stands for."""
    return re.sub(r"\\(.)", r"\1", quoted)
