"""What a camera's source may look like: an address, a device's number, or a file's path."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from ipaddress import ip_address
from pathlib import PurePosixPath
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

from cameras.rules.networks import Address, AddressPolicy


class SourceKind(StrEnum):
    RTSP = "rtsp"
    HTTP = "http"
    USB = "usb"
    FILE = "file"


SCHEMES = {SourceKind.RTSP: ("rtsp", "rtsps"), SourceKind.HTTP: ("http", "https")}
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def source_problem(kind: str, location: str, policy: AddressPolicy) -> str | None:
    """Why `location` cannot be a source of this kind, in words for the person who typed it.

    A host's name is not resolved here; the worker does that when it connects, and asks the same policy.
    """
    match kind:
        case SourceKind.RTSP | SourceKind.HTTP:
            return _url_problem(SourceKind(kind), location, policy)
        case SourceKind.USB:
            if not (location.isascii() and location.isdigit() and len(location) < 3):
                return "Enter the number of the USB camera: 0 is the first one."
    return None


def clip_problem(location: str, *, folder: str, tenant: str) -> str | None:
    """Why `tenant` may not play the file `location`. `folder` is the installation's, absolute.

    All tenants may use the files in the folder itself; a sub-folder belongs to the tenant of that name.
    A relative path begins in the folder. Links are followed, and judged, when the file is opened.
    """
    path = PurePosixPath(folder) / location
    if "\0" in location or ".." in path.parts:
        return "The path of a file must not contain “..”."
    if not path.is_relative_to(folder) or path == PurePosixPath(folder):
        return "A file is played only from the installation's clip folder. Ask FaceTrack's operators."
    inner = path.relative_to(folder).parts
    if len(inner) > 1 and inner[0] != tenant:
        return "This clip folder belongs to another organisation. Use the common folder, or your own."
    return None


def clip_name(location: str, *, folder: str) -> str:
    """How a clip is stored and shown: by its path in `folder`, without the server's own folders.

    A path elsewhere, which `clip_problem` refuses, stays as it is.
    """
    path = PurePosixPath(folder) / location
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else location


def source_key(kind: str, location: str, host: str, *, exclusive: bool) -> str:
    """What two cameras must not use at once: a USB device of a machine, or a stream marked exclusive.

    Empty where any number may read. A USB device of an unnamed machine is that of the only one there is.
    """
    if kind == SourceKind.USB:
        return f"usb:{host.strip().lower() or '*'}:{int(location)}"
    if not exclusive or kind == SourceKind.FILE:
        return ""
    parts = urlsplit(location)
    place = f"{parts.hostname}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 0)}"
    return f"{kind}:{place}{parts.path.rstrip('/')}?{parts.query}"


def time_zone_problem(name: str) -> str | None:
    """Why `name` is not a time zone, in words for the person who typed it."""
    if name in available_timezones():
        return None
    return "This is not a time zone. Write it like Europe/Berlin, or UTC."


def _url_problem(kind: SourceKind, location: str, policy: AddressPolicy) -> str | None:
    if any(ord(char) <= 32 or ord(char) >= 127 or char in '\\<>"`' for char in location):
        return "The address contains a space or another character that is not allowed."
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "This is not a valid address. Check the brackets and the port."
    return next(_syntax_problems(kind, parts, host), None) or _host_problem(
        str(host), DEFAULT_PORTS[parts.scheme] if port is None else port, policy
    )


def _syntax_problems(kind: SourceKind, parts: SplitResult, host: str | None) -> Iterator[str]:
    schemes = SCHEMES[kind]
    if parts.scheme not in schemes:
        yield f"The address must begin with {schemes[0]}:// or {schemes[1]}://."
    if not host:
        yield "The address names no host."
    elif "[" in parts.netloc and ":" not in host:
        yield "Use brackets around an IPv6 address only."
    if "@" in parts.netloc:
        yield "Remove user and password from the address and fill in the two fields below it."
    if parts.fragment:
        yield "Remove the “#” and what follows it: cameras do not use it."


def _host_problem(host: str, port: int, policy: AddressPolicy) -> str | None:
    if port == 0:
        return "The port must be a number from 1 to 65535."
    try:
        address: Address = ip_address(host)
    except ValueError:
        return _name_problem(host, port, policy)
    if "%" in host:
        return "Remove the “%” and the network interface after it."
    problem = policy.problem(address, port)
    return problem and f"{host} {problem}. Enter the address of the camera."


def _name_problem(host: str, port: int, policy: AddressPolicy) -> str | None:
    labels = host.split(".")
    if len(host) > 253 or not all(0 < len(label) < 64 and LABEL.issuperset(label) for label in labels):
        return "The host is neither a name nor an IP address."
    if _is_number(labels[-1]):  # resolvers take 2130706433, 0x7f.1 and 017700000001 for 127.0.0.1
        return "Write an IP address as four numbers from 0 to 255, such as 192.0.2.10."
    if (host, port) in policy.own or (host, 0) in policy.own:
        return f"{host} belongs to this installation itself. Enter the address of the camera."
    if (host == "localhost" or host.endswith(".localhost")) and not policy.loopback:
        return f"{host} is this machine itself. Enter the address of the camera."
    return None


def _is_number(label: str) -> bool:
    return label.isdigit() or (
        label.startswith("0x") and all(char in "0123456789abcdef" for char in label[2:])
    )
