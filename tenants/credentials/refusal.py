"""Why a token or a key is invalid. Its sender learns only that it is."""

from typing import Literal

Reason = Literal[
    "malformed", "kid", "signature", "expired", "claims", "foreign", "revoked", "reuse", "member", "unknown",
    "secret", "maker", "factor", "changed",
]  # fmt: skip
"""`member`: the user is not a member here (any more); `maker`: the key's maker may no longer make keys;
`factor`: a second factor is required by now; `changed`: the password or the second factor is a new one."""

TOKEN_REFUSED = "This token is not, or no longer, valid here. Log in on this host to get a new one."  # noqa: S105
KEY_REFUSED = (
    "This API key is not valid here. Check that it is complete, not expired and not revoked, and that you"
    " send it to the host of its organisation."
)


class CredentialRefused(Exception):
    """`name` is what the credential called itself, for the log."""

    def __init__(self, reason: Reason, name: str = "") -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.name = name


def spoken(name: object) -> str:
    """A name that a client sent, safe to keep: at most 64 printable characters."""
    return "".join(letter for letter in str(name or "")[:64] if letter.isascii() and letter.isprintable())
