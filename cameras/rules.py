"""What a camera's source may look like. Pure: no I/O."""

from enum import StrEnum
from pathlib import PurePath
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones


class SourceKind(StrEnum):
    RTSP = "rtsp"
    HTTP = "http"
    USB = "usb"
    FILE = "file"


SCHEMES = {SourceKind.RTSP: ("rtsp", "rtsps"), SourceKind.HTTP: ("http", "https")}


def source_problem(kind: str, location: str) -> str | None:
    """Why `location` cannot be a source of this kind, in words for the person who typed it."""
    match kind:
        case SourceKind.RTSP | SourceKind.HTTP:
            return _url_problem(SourceKind(kind), location)
        case SourceKind.USB:
            if not location.isdigit() or int(location) > 99:
                return "A USB camera is given by its number: 0 is the first one."
        case SourceKind.FILE:
            if ".." in PurePath(location).parts:
                return "The path of a file must not contain '..'."
    return None


def time_zone_problem(name: str) -> str | None:
    """Why `name` is no time zone, in words for the person who typed it."""
    if name in available_timezones():
        return None
    return "This is no time zone: write it like Europe/Berlin, or UTC."


def _url_problem(kind: SourceKind, location: str) -> str | None:
    schemes = SCHEMES[kind]
    try:
        parts: SplitResult = urlsplit(location)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is no address that can be read: check the brackets and the port."
    if parts.scheme not in schemes:
        return f"The address begins with {schemes[0]}:// or {schemes[1]}://."
    if not host:
        return "The address names no host."
    if "@" in parts.netloc:
        return "Leave user and password out of the address and fill in the two fields below it."
    return None
