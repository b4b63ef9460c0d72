"""The child process of one live camera: decodes, puts the newest frame into shared memory, reports it.

A decoder that hangs or crashes affects this process only. The request comes on standard input, because every
user of the machine can see a command line.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
from base64 import b64decode
from contextlib import closing
from typing import Any

from workers.recognition.capture.limits import confine, renew_time
from workers.recognition.capture.shared import SharedFrames
from workers.recognition.capture.source import Source, SourceError, too_much_memory
from workers.recognition.orientation import Orientation, QuarterTurn


def main() -> None:
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    frames = SharedFrames(int(request.pop("fd")))
    try:
        with closing(_opened(**request)) as source:
            _say("open", facts=getattr(source, "facts", {}))
            while (frame := source.read()) is not None:
                renew_time()
                slot, count = frames.put(frame.picture)
                height, width = frame.picture.shape[:2]
                _say(
                    "frame",
                    slot=slot,
                    count=count,
                    height=height,
                    width=width,
                    index=frame.index,
                    at=frame.at,
                    lost=getattr(source, "lost", 0),
                )
        _say("end")
    except SourceError as error:
        _say_error(error)
    except MemoryError:
        _say_error(too_much_memory("the source"))


def _opened(
    *,
    kind: str,
    location: str,
    username: str,
    password: str,
    fps: float,
    policy: str,
    megabytes: int,
    orientation: dict[str, Any],
) -> Source:
    """Sets the limits of this process after it has loaded what it needs."""
    wanted = Orientation(**orientation | {"turn": QuarterTurn(orientation["turn"])})
    if kind == "usb":
        from workers.recognition.capture.usb import UsbSource

        confine(megabytes)
        return UsbSource(location, fps=fps, orientation=wanted)
    from workers.recognition.capture.network import NetworkSource

    allowed = pickle.loads(b64decode(policy))  # noqa: S301  our own parent has written it
    confine(megabytes)
    return NetworkSource(
        kind,
        location,
        username=username,
        password=password,
        fps=fps,
        policy=allowed,
        orientation=wanted,
        found=lambda own: _say("found", own=own),
    )


def _say_error(error: SourceError) -> None:
    flags = {"refused": error.refused, "excessive": error.excessive, "harmless": error.harmless}
    _say("error", message=error.message, fix_hint=error.fix_hint, **flags)


def _say(event: str, **values: Any) -> None:
    try:
        sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


def _end_with_the_parent() -> None:
    """Standard input closes when the parent ends, in whatever way."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
