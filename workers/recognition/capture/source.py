"""The interface of all sources of frames, and their error."""

from __future__ import annotations

import time
from typing import Protocol

from workers.recognition.types import Frame


class SourceError(Exception):
    """A source that cannot be opened or read. The text never contains user names or passwords.

    `message` says what happened to which source, `fix_hint` what to do about it. `refused`: the source is
    there and denies the login, so that trying again soon would only lock the account. `excessive`: it needed
    more memory, time or bytes than a camera may have. `harmless`: the text reveals nothing about the network
    that an outsider may not learn.
    """

    def __init__(
        self,
        message: str,
        fix_hint: str,
        *,
        refused: bool = False,
        excessive: bool = False,
        harmless: bool = False,
    ) -> None:
        super().__init__(f"{message}: {fix_hint}")
        self.message = message
        self.fix_hint = fix_hint
        self.refused = refused
        self.excessive = excessive
        self.harmless = harmless


def too_much_memory(name: str) -> SourceError:
    """The error for a source that exceeded its memory limit."""
    return SourceError(
        f"{name} needs more memory than one camera may have",
        "choose a smaller picture, H.264 or H.265 in the camera's own settings; "
        "an operator can raise FACETRACK_CAMERA_MEGABYTES",
        excessive=True,
    )


class Source(Protocol):
    """Frames one by one. The caller that opened it closes it."""

    def read(self) -> Frame | None:
        """The next frame to analyse, or None at the end. Waits for it; raises SourceError."""

    def close(self) -> None:
        """Frees the device, the file or the connection. A second call does nothing."""


JUMP_SECONDS = 1.0
"""A difference of this much means that the clock was set, or that the machine slept: it is followed at once.
NTP slews what is less than 0.1 s; a second is what users see."""
MIN_ERROR = 0.02
"""Seconds of difference that are left alone: two clocks are not read at one moment."""
SLEW = 0.1
"""Seconds a second by which smaller differences are made up. Below 1, so that time never goes back;
what is just not followed at once is made up in ten seconds."""


class Clock:
    """POSIX time that follows the machine's clock when that is corrected. For one thread.

    A small correction changes the speed for some seconds, so that the times of a track never go back. A jump
    of JUMP_SECONDS or more is followed at once, in both directions.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._offset = time.time() - self._last

    def now(self) -> float:
        return self.at(time.monotonic())

    def at(self, instant: float) -> float:
        """The POSIX time of a monotonic one, by what the machine's clock says now."""
        error = time.time() - time.monotonic() - self._offset
        most = SLEW * max(0.0, instant - self._last)
        self._last = max(self._last, instant)
        if abs(error) >= JUMP_SECONDS:
            self._offset += error
        elif abs(error) > MIN_ERROR:
            self._offset += max(-most, min(error, most))
        return instant + self._offset


class Rhythm:
    """Picks the frames to analyse: at most `fps` a second, evenly, never two for one instant."""

    def __init__(self, fps: float) -> None:
        self._step = 1.0 / fps
        self._due = float("-inf")

    def takes(self, at: float) -> bool:
        if at < self._due - 1e-6:
            return False
        # After a pause the schedule restarts instead of catching up.
        self._due = max(self._due + self._step, at) if at - self._due < self._step else at + self._step
        return True
