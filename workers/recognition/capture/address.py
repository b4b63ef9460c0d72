"""Where a source may be: a host is resolved once, all its addresses are checked, only those are used."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path, PurePath
from typing import Protocol
from urllib.parse import SplitResult, urlunsplit

from workers.recognition.capture.source import SourceError

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], list[Address]]
OURS = "belongs to this installation itself"
FIX_HINT = (
    "check the camera's address; a private network must be in the list of its site, and an operator of "
    "the installation must allow it to your organisation"
)
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


class Policy(Protocol):
    """Decides which addresses a camera may have."""

    @property
    def own(self) -> frozenset[tuple[str, int]]:
        """Host (name or address) and port of the installation's services; port 0 means all."""

    def problem(self, address: Address, port: int) -> str | None:
        """Why no connection may be made there, as the end of a sentence; None if it is allowed. OURS only for
        an address that would be allowed otherwise."""

    def tells(self, address: Address) -> bool:
        """Whether the tenant may learn the result of a connection there: the network is its own."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A host with its checked addresses. Callers connect to `addresses` and never resolve the name again.

    `own`: all of them are in networks of the tenant.
    """

    host: str
    port: int
    addresses: tuple[Address, ...]
    own: bool = False


def resolved(host: str, port: int) -> list[Address]:
    """The answer of the system's resolver. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def pinned(parts: SplitResult, policy: Policy, name: str, resolve: Resolver = resolved) -> Pinned:
    """The addresses of the URL's host. One forbidden address refuses all, because a name may lie.

    Without a port in the URL, the scheme's port is used. Raises SourceError.
    """
    host, port = str(parts.hostname), parts.port or DEFAULT_PORTS[parts.scheme]
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError):
        raise SourceError(f"{name}: the host is unknown", "check the name, or give its IP address") from None
    own = _own(policy, resolve)
    for address in addresses:
        plain = getattr(address, "ipv4_mapped", None) or address
        problem = policy.problem(address, port)
        if problem is None and ((plain, port) in own or (plain, 0) in own):
            problem = OURS
        if problem:
            # The resolved address and our own place stay secret; a rule about the typed text may be named.
            harmless = str(address) == host and problem != OURS
            raise SourceError(f"{name} is refused: its address {problem}", FIX_HINT, harmless=harmless)
    return Pinned(host, port, tuple(addresses), own=all(policy.tells(address) for address in addresses))


def shown(parts: SplitResult) -> str:
    """The address without user, password and query, because a query may hold them, too."""
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    place = host if parts.port is None else f"{host}:{parts.port}"
    return urlunsplit((parts.scheme, place, parts.path, "", ""))


def clip(location: str, folder: Path | None, owner: str) -> str:
    """The path of a file below `folder` that `owner` may play, with links resolved. Raises SourceError.

    All tenants may play the files in the folder itself; a sub-folder belongs to its owner. Without a folder
    the caller is responsible for the path.
    """
    if folder is None:
        return location
    root = folder.resolve()
    try:
        path = (root / location).resolve()
    except (OSError, ValueError, RuntimeError):  # a NUL, a loop of links
        raise SourceError("this is not the path of a file", "name a file in the folder of clips") from None
    inner = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if not inner or (len(inner) > 1 and inner[0] != owner):
        raise SourceError(
            f"{PurePath(location).name} is refused: it is outside the folder of clips",
            "check the path, or put the file itself there, not a link to it",
        )
    return str(path)


def _own(policy: Policy, resolve: Resolver) -> set[tuple[Address, int]]:
    """The installation's services by address, as resolved from here."""
    found: set[tuple[Address, int]] = set()
    for host, port in policy.own:
        try:
            found |= {(address, port) for address in resolve(host, port)}
        except (OSError, UnicodeError):
            continue  # a host that does not resolve here cannot be reached from here
    return found
