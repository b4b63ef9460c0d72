"""PNG: chunks up to the end of the first picture."""

import struct

from facetrack.core.picture_decoder.headers.exif import orientation
from facetrack.core.picture_decoder.headers.types import (
    MAX_PARTS,
    Stripped,
    damaged,
    refuse_size,
    too_many_parts,
    too_short,
)

_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_SAMPLES = {2: 3, 4: 2, 6: 4}
"""Values per pixel of RGB, grey with transparency, RGB with transparency; one otherwise."""
MAX_DEFLATED = 1_040
"""Maximum number of bytes to which one byte of zlib's can expand."""
_XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Not compressed, without a language."""


def strip(data: bytes, megapixels: float) -> Stripped:
    """Header, palette and pixels. Raises BadPicture."""
    kept, exif, xmp = [data[:8]], b"", b""
    at = 8
    for _ in range(MAX_PARTS):
        if at + 12 > len(data):
            break  # the decoder detects missing chunks
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        body = data[at + 8 : end - 4]
        if kind in _KEPT:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            exif = exif or body
        elif kind == b"iTXt" and body.startswith(_XMP):
            xmp = xmp or body
        if kind == b"IEND":
            break
        at = end
    else:
        raise too_many_parts()
    if len(kept) < 2 or kept[1][4:8] != b"IHDR" or len(kept[1]) != 25:
        raise damaged()
    width, height = struct.unpack_from(">II", kept[1], 8)
    refuse_size(width, height, megapixels)
    depth, colours = kept[1][16:18]
    size = width * height * depth * _SAMPLES.get(colours, 1) // 8
    if sum(len(part) for part in kept if part[4:8] == b"IDAT") * MAX_DEFLATED < size:
        raise too_short(width, height)
    return Stripped("PNG", b"".join(kept), width, height, orientation(exif, xmp))
