"""Pictures between files and arrays. A picture is uint8 (H, W, 3) in BGR order."""

import io
import struct
import zlib
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before anything is decoded
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged files."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF")


class BadPicture(ValueError):
    """A file that cannot be used as a picture; the message says why and what to do."""


def read_picture(file: IO[bytes], *, megabytes: float, megapixels: float) -> NDArray[np.uint8]:
    """Decode one picture, turned upright by its EXIF orientation.

    Size and dimensions are checked before anything is decoded, so that a small file that unpacks to
    gigabytes is refused. Raises BadPicture.
    """
    data = file.read(int(megabytes * 1_000_000) + 1)
    if len(data) > megabytes * 1_000_000:
        raise BadPicture(f"The picture is larger than {megabytes:g} MB: save it smaller and try again.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > megapixels * 1_000_000:
                raise BadPicture(
                    f"The picture has {image.width} x {image.height} pixels, more than {megapixels:g} "
                    "megapixels: scale it down and try again."
                )
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except BadPicture:
        raise
    except UnidentifiedImageError:
        raise BadPicture("This is no picture that can be read: use JPEG, PNG or WebP.") from None
    except DAMAGED:
        raise BadPicture("The picture is damaged and cannot be read to its end: export it again.") from None
    return np.ascontiguousarray(np.asarray(upright, dtype=np.uint8)[:, :, ::-1])


def jpeg(picture: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """The picture as JPEG, without any metadata of its source."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise BadPicture(f"a picture of shape {picture.shape} cannot be written as JPEG")
    return bytes(data)
