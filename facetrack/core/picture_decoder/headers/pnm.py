"""PBM, PGM and PPM: a short header and the pixels, converted to 8 bits a value."""

import re

import numpy as np

from facetrack.core.picture_decoder.headers.types import BadPicture, Stripped, damaged, refuse_size, too_short

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEAD = re.compile(rb"P([4-6])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})")
_DEPTH = re.compile(_GAP + rb"(\d{1,5})")
MAX_HEAD = 1_000
_BITMAP, _COLOUR = 4, 6


def strip(data: bytes, megapixels: float) -> Stripped:
    """Raises BadPicture."""
    if data[1:2] in b"123":
        raise BadPicture("The picture is in a text format: save it as JPEG, PNG or WebP.")
    head = data[:MAX_HEAD]
    found = _HEAD.match(head)
    if found is None:
        raise damaged()
    kind, width, height = (int(part) for part in found.groups())
    refuse_size(width, height, megapixels)
    end, max_value = found.end(), 1
    if kind != _BITMAP:
        depth = _DEPTH.match(head, end)
        if depth is None:
            raise damaged()
        end, max_value = depth.end(), int(depth[1])
    if not 0 < max_value < 65_536:
        raise damaged()
    values = (width + 7) // 8 if kind == _BITMAP else width * (3 if kind == _COLOUR else 1)
    size = values * height * (2 if max_value > 255 else 1)
    raster = data[end + 1 : end + 1 + size]
    if len(raster) < size:
        raise too_short(width, height)
    clean = b"P%d %d %d" % (kind, width, height) + (b"\n" if kind == _BITMAP else b" 255\n")
    raster = raster if kind == _BITMAP else _in_8_bits(raster, max_value)
    return Stripped("PPM", clean + raster, width, height)


def _in_8_bits(raster: bytes, max_value: int) -> bytes:
    if max_value == 255:
        return raster
    values = np.frombuffer(raster, ">u2" if max_value > 255 else "u1").astype(np.uint32)
    return np.minimum(values * 255 // max_value, 255).astype(np.uint8).tobytes()
