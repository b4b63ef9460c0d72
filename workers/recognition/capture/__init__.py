"""Frames from files, USB devices, RTSP and HTTP behind one small interface."""

from __future__ import annotations

from pathlib import Path

from workers.recognition.capture.address import Policy, clip
from workers.recognition.capture.ahead import ReadAhead
from workers.recognition.capture.files.losses import MAX_LOST, loss_text
from workers.recognition.capture.limits import MEGABYTES
from workers.recognition.capture.newest import NewestFrame
from workers.recognition.capture.process import ProcessSource
from workers.recognition.capture.source import Clock, Source, SourceError
from workers.recognition.orientation import AS_IS, Orientation

__all__ = [
    "MAX_LOST",
    "Clock",
    "NewestFrame",
    "Policy",
    "ProcessSource",
    "ReadAhead",
    "Source",
    "SourceError",
    "loss_text",
    "open_source",
]


def open_source(
    kind: str,
    location: str,
    *,
    policy: Policy,
    folder: Path | None = None,
    owner: str = "",
    username: str = "",
    password: str = "",
    loop: bool = False,
    pace: bool = True,
    fps: float = 10.0,
    megabytes: int = MEGABYTES,
    orientation: Orientation = AS_IS,
) -> Source:
    """Opens a source of `kind` file, usb, rtsp or http that yields at most `fps` frames a second.

    `loop` and `pace` are for files: repeated without end; in real time with POSIX times (as a camera) or as
    fast as they are read with positions in the clip. Each live source is read by a child process and drops
    frames that are not read in time; files never do. `policy` says where a network camera may be, `folder`
    and `owner` which files may be played; `megabytes` is the memory of one child beyond its libraries.
    `orientation` says how its pictures have to be turned. Raises SourceError.
    """
    if kind == "file":
        from workers.recognition.capture.files.source import (
            FileSource,  # the decoder, which no web process loads
        )

        return FileSource(
            clip(location, folder, owner), fps=fps, loop=loop, pace=pace, orientation=orientation
        )
    if kind in ("rtsp", "http", "usb"):
        request = {"kind": kind, "location": location, "username": username, "password": password, "fps": fps}
        name = f"USB camera {location}" if kind == "usb" else "the camera"
        return ProcessSource(
            request, policy, name=name, megabytes=megabytes, own=kind == "usb", orientation=orientation
        )
    raise SourceError(f"there is no kind of source named '{kind}'", "choose file, usb, rtsp or http")
