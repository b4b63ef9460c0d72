"""The child process of one live camera: decodes, keeps the newest frame in shared memory, says so.

A decoder that hangs or crashes takes nobody with it. The request comes on standard input, because a command
line, which holds it elsewhere, is seen by every user of the machine.
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

from workers.stages.capture.limits import confine, renew_time
from workers.stages.capture.shared import SharedFrames
from workers.stages.capture.source import Source, SourceError, too_much_memory


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
                )
        _say("end")
    except SourceError as error:
        _say_error(error)
    except MemoryError:
        _say_error(too_much_memory("the source"))


def _opened(
    *, kind: str, location: str, username: str, password: str, fps: float, policy: str, megabytes: int
) -> Source:
    """Confines this process first, once it has loaded what it needs."""
    if kind == "usb":
        from workers.stages.capture.usb import UsbSource

        confine(megabytes)
        return UsbSource(location, fps=fps)
    from workers.stages.capture.network import NetworkSource

    allowed = pickle.loads(b64decode(policy))  # noqa: S301  our own parent has written it
    confine(megabytes)
    return NetworkSource(
        kind,
        location,
        username=username,
        password=password,
        fps=fps,
        policy=allowed,
        found=lambda own: _say("found", own=own),
    )


def _say_error(error: SourceError) -> None:
    flags = {"refused": error.refused, "excessive": error.excessive, "harmless": error.harmless}
    _say("error", message=error.message, remedy=error.remedy, **flags)


def _say(event: str, **values: Any) -> None:
    try:
        sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


def _end_with_the_parent() -> None:
    """Standard input ends when the parent does, however it ended."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
