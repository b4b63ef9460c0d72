"""Small copies of pictures, for lists: made when they are first asked for, and kept beside the picture."""

import uuid
from typing import IO

from facetrack.core import objects
from facetrack.core.images import BadPicture, Busy, shrunk

SIDE = 96
"""Pixels of the longest side: twice the 48 of a list, for screens with two pixels a point."""
MAX_BYTES = 4_000
"""Of a small copy: faces of 96 pixels take 3,200 on average, of the picture's 11,000."""


def open_small(tenant: uuid.UUID, key: str, *, bucket: str = objects.DERIVED) -> IO[bytes]:
    """The small copy of a picture; the picture itself while no copy can be made.

    Raises ForeignObject, FileNotFoundError.
    """
    try:
        return objects.open_object(tenant, objects.small_key(key))
    except FileNotFoundError:
        picture = objects.open_object(tenant, key, bucket=bucket)
    try:
        objects.save_small(
            tenant, key, shrunk(picture, side=SIDE, max_bytes=MAX_BYTES, owner=tenant), bucket=bucket
        )
        small = objects.open_object(tenant, objects.small_key(key))
    except (BadPicture, Busy, FileNotFoundError):
        picture.seek(0)
        return picture
    picture.close()
    return small
