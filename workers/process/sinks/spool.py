"""Records that cannot reach PostgreSQL: on disk, encrypted, checksummed, in order, of limited size."""

import fcntl
import hashlib
import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from facetrack.core.crypto import decrypt, encrypt
from visits.track_codec import InvalidTrack
from workers.process.sinks.track_record import TrackRecord

log = logging.getLogger(__name__)

EVENT, PICTURE, DAMAGED = ".event", ".picture", ".damaged"
MAX_FILE = {EVENT: 64_000, PICTURE: 20_000_000}
"""Bytes. A larger file is not of this program, and is not read."""
_NAME = re.compile(r"[0-9]{1,20}\.(event|picture)")


class SpoolInUse(RuntimeError):
    """Another process writes to this spool."""


class Spool:
    """A folder that one process at a time fills and empties. Records come out in the order they went in.

    An event and its picture are two files, so that pictures can be deleted first when room is short. Both
    are written under a temporary name, synced and renamed: a file is complete or absent.
    """

    def __init__(self, folder: Path, *, megabytes: float) -> None:
        """Takes over what another process has left there. Raises SpoolInUse."""
        self.alarm = ""
        self._folder, self._limit = folder, int(megabytes * 1_000_000)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock_file.close()
            raise SpoolInUse(
                f"another process uses the spool {folder}: give this worker another name"
            ) from None
        self._lock = threading.Lock()
        for leftover in folder.glob("*.new"):
            leftover.unlink()
        self._sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if _counts(path)}
        self._last = max((int(name.split(".")[0]) for name in self._sizes), default=0)

    @property
    def depth(self) -> int:
        """The number of waiting records."""
        with self._lock:
            return sum(name.endswith(EVENT) for name in self._sizes)

    def put(self, track_record: TrackRecord) -> None:
        """Store a record. To make room, the oldest pictures are deleted, then the oldest records."""
        event, picture = track_record.sealed()
        with self._lock:
            self._last += 1
            if picture:
                self._write(f"{self._last:020d}{PICTURE}", picture)
            self._write(f"{self._last:020d}{EVENT}", event)
            self._make_room()

    def track_records(self) -> Iterator[tuple[str, TrackRecord]]:
        """The waiting records, oldest first, with the name for `drop`. Damaged ones are set aside."""
        with self._lock:
            names = sorted(name for name in self._sizes if name.endswith(EVENT))
        for name in names:
            try:
                track_record = TrackRecord.opened(self._read(name), self._picture(name))
            except FileNotFoundError:
                self._forget(name)  # deleted meanwhile to make room
            except InvalidTrack as error:
                self._put_aside(name, f"it is not the record of a track: {error}")
            except (ValueError, OSError) as error:
                self._put_aside(name, str(error))
            else:
                yield name, track_record

    def drop(self, name: str) -> None:
        """The record was delivered: delete it."""
        with self._lock:
            self._remove(name)
            self._remove(_picture_of(name))
            if not self._sizes:
                self.alarm = ""

    def refuse(self, name: str, reason: str) -> None:
        """The record can never be delivered: keep it under another name for diagnosis."""
        self._put_aside(name, reason)

    def close(self) -> None:
        self._lock_file.close()

    def _make_room(self) -> None:
        used = sum(self._sizes.values())
        for ending, what in ((PICTURE, "pictures"), (EVENT, "records")):
            gone = 0
            for name in sorted(name for name in self._sizes if name.endswith(ending)):
                if used <= self._limit:
                    break
                used -= self._sizes[name]
                self._remove(name)
                gone += 1
            if gone:
                self.alarm = f"The spool is full: {what} are lost until the database is back."
                log.error("%s %d of the oldest were deleted.", self.alarm, gone)

    def _write(self, name: str, plain: bytes) -> None:
        sealed = encrypt(plain)
        data = hashlib.sha256(sealed).digest() + sealed
        new = self._folder / f"{name}.new"
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._folder / name)
        self._sizes[name] = len(data)

    def _picture(self, name: str) -> bytes:
        """The picture of a record; empty if there is none that can be read."""
        picture = _picture_of(name)
        if picture not in self._sizes:
            return b""
        try:
            return self._read(picture)
        except FileNotFoundError:
            return b""
        except (ValueError, OSError) as error:
            self._put_aside(picture, str(error))
            return b""

    def _read(self, name: str) -> bytes:
        """Raises ValueError, OSError, and of these FileNotFoundError for a file that is gone."""
        path = self._folder / name
        if (size := path.stat().st_size) > MAX_FILE[path.suffix]:
            raise ValueError(f"it has {size:,} bytes, more than {MAX_FILE[path.suffix]:,}")
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            raise ValueError("its checksum is wrong")
        try:
            return decrypt(data[32:])
        except ImproperlyConfigured as error:
            raise ValueError(str(error)) from None

    def _put_aside(self, name: str, reason: str) -> None:
        """Keep the file under another name; the picture of a record is deleted."""
        log.error("the spooled %s is set aside as %s: %s", self._folder / name, name + DAMAGED, reason)
        with self._lock:
            with suppress(OSError):
                (self._folder / name).rename(self._folder / (name + DAMAGED))
            self._sizes.pop(name, None)
            if name.endswith(EVENT):
                self._remove(_picture_of(name))

    def _forget(self, name: str) -> None:
        with self._lock:
            self._sizes.pop(name, None)

    def _remove(self, name: str) -> None:
        self._sizes.pop(name, None)
        with suppress(FileNotFoundError):
            (self._folder / name).unlink()


def _counts(path: Path) -> bool:
    return bool(_NAME.fullmatch(path.name))


def _picture_of(name: str) -> str:
    return name.removesuffix(EVENT) + PICTURE
