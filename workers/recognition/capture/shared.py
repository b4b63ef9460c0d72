"""The newest frames of a child process, in shared memory."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct

import numpy as np

from workers.recognition.types import Picture

SLOTS = 3
"""One is read, one is the newest, one is written."""
MAX_SIDE = 1920
"""Pixels. The child shrinks larger pictures: at 1920 a relevant face has enough pixels."""
SLOT_BYTES = MAX_SIDE * MAX_SIDE * 3
_COUNT = struct.Struct("<Q")
_HEAD = 64


class SharedFrames:
    """A few slots for pictures in anonymous memory, which is freed when both processes have ended.

    Memory is used only for pages that were written. Each slot has a count that is odd during a write, so that
    a reader can detect a picture that changed while it was read.
    """

    def __init__(self, fd: int | None = None) -> None:
        """New memory, or the memory behind the descriptor `fd`."""
        size = SLOTS * (_HEAD + SLOT_BYTES)
        self.fd = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, size)
            # A compromised child can neither fill the machine's memory with it nor shrink it while we read.
            fcntl.fcntl(
                self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            )
        self._memory = mmap.mmap(self.fd, size)
        self._next = 0

    def put(self, picture: Picture) -> tuple[int, int]:
        """Write a picture of at most MAX_SIDE; returns its slot and the slot's count."""
        slot = self._next
        self._next = (slot + 1) % SLOTS
        start = slot * (_HEAD + SLOT_BYTES)
        count = int(_COUNT.unpack_from(self._memory, start)[0])
        _COUNT.pack_into(self._memory, start, count + 1)
        place = np.frombuffer(self._memory, np.uint8, picture.size, start + _HEAD)
        place[:] = picture.reshape(-1)
        _COUNT.pack_into(self._memory, start, count + 2)
        return slot, count + 2

    def get(self, slot: int, count: int, height: int, width: int) -> Picture | None:
        """A copy of the picture that was written there; None if a later one has replaced it."""
        start = slot * (_HEAD + SLOT_BYTES)
        place = np.frombuffer(self._memory, np.uint8, height * width * 3, start + _HEAD)
        picture = place.reshape(height, width, 3).copy()
        return picture if _COUNT.unpack_from(self._memory, start)[0] == count else None

    def close(self) -> None:
        os.close(self.fd)  # the mapping goes with the object: arrays may still refer to it
