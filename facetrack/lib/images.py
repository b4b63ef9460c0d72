"""Pictures between files and arrays. A picture is uint8 (H, W, 3) in BGR order.

No file is decoded in this process: `headers` looks at it and leaves out what a decoder does not need, and
`decoder` gives the rest to a child process that has limits.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from facetrack.lib.decoder import DECODER, RETRY_SECONDS, Busy, Order
from facetrack.lib.headers import ACCEPTED, BadPicture, Stripped, stripped
from facetrack.lib.waiting import give_back

MAX_KEPT_SIDE = 4_096
"""Pixels of a picture that is kept: a photo of 12 megapixels stays as it is (docs/accuracy.md)."""
MIN_KEPT_BYTES = 500_000
"""A picture is kept in no more bytes than its file had, except that it may always have so many."""


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A picture as it is kept: a JPEG of our own making, upright, without metadata."""

    jpeg: bytes
    digest: str
    """SHA-256 of the pixels before it was written again: the same picture has the same one."""


def read_picture(
    file: IO[bytes], *, megabytes: float, megapixels: float, owner: Hashable | None = None
) -> NDArray[np.uint8]:
    """The pixels of a picture, turned upright by its EXIF orientation. Raises BadPicture and Busy.

    `owner` is whom the file is from, so that nobody has all of the decoder; None for our own.
    """
    picture = _stripped(file, megabytes, megapixels)
    decoded = DECODER.decode(picture, Order("pixels"), owner=owner)
    return np.frombuffer(decoded.data, np.uint8).reshape(decoded.height, decoded.width, 3)


def clean_picture(
    file: IO[bytes], *, megabytes: float, megapixels: float, owner: Hashable | None = None
) -> CleanPicture:
    """The picture written again, in about the bytes of the file at most. Raises BadPicture and Busy."""
    picture = _stripped(file, megabytes, megapixels)
    most = max(len(picture.data), MIN_KEPT_BYTES)
    decoded = DECODER.decode(picture, Order("jpeg", longest=MAX_KEPT_SIDE, most=most), owner=owner)
    return CleanPicture(bytes(decoded.data), decoded.digest)


def clean_pixels(picture: NDArray[np.uint8]) -> CleanPicture:
    """The same of pixels that we have made ourselves."""
    return CleanPicture(jpeg(picture, quality=95), hashlib.sha256(picture.tobytes()).hexdigest())


def sound_jpeg(
    file: IO[bytes], *, megabytes: float, megapixels: float, scans: int, owner: Hashable | None = None
) -> bytes:
    """A sound JPEG as it is, without metadata and what follows it. Raises BadPicture and Busy."""
    picture = _stripped(file, megabytes, megapixels)
    if picture.kind != "JPEG":
        raise BadPicture("This is no JPEG.")
    if picture.scans > scans:
        raise BadPicture(f"The picture is a JPEG with more than {scans} scan(s): save it as a plain JPEG.")
    DECODER.decode(picture, Order("nothing"), owner=owner)
    return picture.data


def jpeg(picture: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """The picture as JPEG, without any metadata of its source."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise BadPicture(f"a picture of shape {picture.shape} cannot be written as JPEG")
    return bytes(data)


def _stripped(file: IO[bytes], megabytes: float, megapixels: float) -> Stripped:
    """What comes of the file's headers, before anything slow. Reads no more than is allowed."""
    give_back()
    most = int(megabytes * 1_000_000)
    data = file.read(most + 1)
    if len(data) > most:
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
    "sound_jpeg",
]
