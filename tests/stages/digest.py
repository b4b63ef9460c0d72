"""A camera's side of Digest (RFC 7616): asks for it in its own spelling, and checks the answer."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


@dataclass
class DigestCheck:
    """`headers` are the values of WWW-Authenticate that it sends, with {nonce} for the one that counts."""

    headers: list[str]
    username: str = "admin"
    password: str = "p@ss:#/%?"
    realm: str = "cam"
    nonces: list[str] = field(default_factory=lambda: ["n=1/a+b"])
    seen: list[dict[str, str]] = field(default_factory=list)
    """What each request with a login said."""

    def offers(self, *, stale: bool = False) -> list[str]:
        more = ", stale=TRUE" if stale else ""
        return [one.replace("{nonce}", self.nonces[-1]) + more for one in self.headers]

    def accepts(self, method: str, header: str) -> bool:
        if not header.startswith("Digest "):
            return False
        said = {
            name: quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))', header)
        }
        self.seen.append(said)
        algorithm = said.get("algorithm", "MD5").upper()
        kind = HASHES[algorithm.removesuffix("-SESS")]

        def hashed(text: str) -> str:
            return hashlib.new(kind, text.encode()).hexdigest()

        secret = hashed(f"{self.username}:{self.realm}:{self.password}")
        if algorithm.endswith("-SESS"):
            secret = hashed(f"{secret}:{said['nonce']}:{said['cnonce']}")
        request = f"{method}:{said['uri']}"
        if said.get("qop") == "auth-int":
            request += ":" + hashed("")
        middle = said["nonce"]
        if "qop" in said:
            middle += f":{said['nc']}:{said['cnonce']}:{said['qop']}"
        wanted = hashed(f"{secret}:{middle}:{hashed(request)}")
        return bool(said["nonce"] == self.nonces[-1] and said["response"] == wanted)
