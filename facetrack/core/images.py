"""Pictures between files and arrays. A picture is uint8 (H, W, 3) in BGR order.

This process decodes no file: `headers` parses it and removes what a decoder does not need, and `decoder`
gives the rest to a child process with limits.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from facetrack.core.picture_decoder.headers import ACCEPTED, BadPicture, Stripped, stripped
from facetrack.core.picture_decoder.pool import DECODER, RETRY_SECONDS, Busy, Order
from facetrack.core.waiting import give_back

MAX_KEPT_SIDE = 4_096
"""Pixels of a stored picture: a photo of 12 megapixels keeps its size (docs/accuracy.md)."""
MIN_KEPT_BYTES = 500_000
"""A picture is stored in at most as many bytes as its file had, but at least this many are allowed."""
MAX_KEPT_MEGABYTES = 50.0
"""Of one of our own pictures that is read again."""


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A picture in its stored form: a JPEG that we wrote, upright, without metadata."""

    jpeg: bytes
    digest: str
    """SHA-256 of the pixels before re-encoding: the same picture has the same digest."""


def read_picture(
    file: IO[bytes], *, megabytes: float, megapixels: float, owner: Hashable | None = None
) -> NDArray[np.uint8]:
    """The pixels of a picture, turned upright by its EXIF orientation. Raises BadPicture and Busy.

    `owner` is the sender of the file, so that no owner occupies the whole decoder; None for our own files.
    """
    picture = _stripped(file, megabytes, megapixels)
    decoded = DECODER.decode(picture, Order("pixels"), owner=owner)
    return np.frombuffer(decoded.data, np.uint8).reshape(decoded.height, decoded.width, 3)


def clean_picture(
    file: IO[bytes], *, megabytes: float, megapixels: float, owner: Hashable | None = None
) -> CleanPicture:
    """The picture re-encoded, at most about as large as the file. Raises BadPicture and Busy."""
    picture = _stripped(file, megabytes, megapixels)
    max_bytes = max(len(picture.data), MIN_KEPT_BYTES)
    decoded = DECODER.decode(picture, Order("jpeg", max_side=MAX_KEPT_SIDE, max_bytes=max_bytes), owner=owner)
    return CleanPicture(bytes(decoded.data), decoded.digest)


def clean_pixels(picture: NDArray[np.uint8]) -> CleanPicture:
    """The same for pixels that this process has made."""
    return CleanPicture(jpeg(picture, quality=95), hashlib.sha256(picture.tobytes()).hexdigest())


def sound_jpeg(
    file: IO[bytes], *, megabytes: float, megapixels: float, scans: int, owner: Hashable | None = None
) -> bytes:
    """An intact JPEG as it is, without metadata and trailing bytes. Raises BadPicture and Busy."""
    picture = _stripped(file, megabytes, megapixels)
    if picture.kind != "JPEG":
        raise BadPicture("This is not a JPEG.")
    if picture.scans > scans:
        raise BadPicture(f"The picture is a JPEG with more than {scans} scan(s): save it as a plain JPEG.")
    DECODER.decode(picture, Order("nothing"), owner=owner)
    return picture.data


def shrunk(file: IO[bytes], *, side: int, max_bytes: int, owner: Hashable) -> bytes:
    """One of our own pictures as a JPEG of at most `side` pixels. Raises BadPicture and Busy."""
    picture = _stripped(file, MAX_KEPT_MEGABYTES, MAX_KEPT_SIDE**2 / 1_000_000)
    decoded = DECODER.decode(picture, Order("jpeg", max_side=side, max_bytes=max_bytes), owner=owner)
    return bytes(decoded.data)


def jpeg(picture: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """The picture as JPEG, without any metadata of its source."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise BadPicture(f"a picture of shape {picture.shape} cannot be written as JPEG")
    return bytes(data)


def _stripped(file: IO[bytes], megabytes: float, megapixels: float) -> Stripped:
    """The file's parsed headers, before any slow step. Reads no more than is allowed."""
    give_back()
    max_bytes = int(megabytes * 1_000_000)
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise BadPicture(f"The picture is larger than {megabytes:g} MB: save it smaller and try again.")
    return stripped(data, megapixels=megapixels)


__all__ = [
    "ACCEPTED",
    "RETRY_SECONDS",
    "BadPicture",
    "Busy",
    "CleanPicture",
    "clean_picture",
    "clean_pixels",
    "jpeg",
    "read_picture",
    "shrunk",
    "sound_jpeg",
]
