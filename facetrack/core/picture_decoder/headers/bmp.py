"""BMP: uncompressed rows of pixels. Its compressed kinds, which no camera writes, are refused."""

import struct

from facetrack.core.picture_decoder.headers.types import BadPicture, Stripped, damaged, refuse_size, too_short

_OLD_HEAD = 12
_HEADS = {40, 52, 56, 64, 108, 124}
_PLAIN, _MASKS, _ALPHA_MASKS = 0, 3, 6
_BITS = {1, 4, 8, 16, 24, 32}
MAX_COLOURS = 256


def strip(data: bytes, megapixels: float) -> Stripped:
    """Raises BadPicture."""
    if len(data) < 54:
        raise damaged()
    start, head = struct.unpack_from("<II", data, 10)
    compression = colours = 0
    if head == _OLD_HEAD:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    elif head in _HEADS:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        colours = struct.unpack_from("<I", data, 46)[0]
    else:
        raise damaged()
    if compression not in (_PLAIN, _MASKS, _ALPHA_MASKS):
        raise BadPicture("The picture is a compressed BMP: save it as JPEG, PNG or WebP.")
    height = abs(height)  # negative: the first row is the top one
    if bits not in _BITS or colours > MAX_COLOURS:
        raise damaged()
    refuse_size(width, height, megapixels)
    end = start + (width * bits + 31) // 32 * 4 * height
    if end > len(data):
        raise too_short(width, height)
    return Stripped("BMP", data[:end], width, height)
