"""A picture's orientation: the only value of EXIF and XMP that is used, whatever else is odd there."""

import re
import struct

_ORIENTATION = 274
_FORMATS = {1: "B", 3: "H", 4: "I"}
MAX_ENTRIES = 1_000
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)\s*([1-8])")
MAX_XMP = 100_000
"""Bytes of XMP that are searched: the orientation is near its beginning."""


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """1 to 8, as in EXIF; 1 if neither states a valid one."""
    found = _of_exif(exif.removeprefix(b"Exif\0\0"))
    if found is None and (said := _XMP.search(xmp[:MAX_XMP])):
        found = int(said[1])
    return found if found is not None and 1 <= found <= 8 else 1


def _of_exif(block: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return None
    start = struct.unpack_from(order + "I", block, 4)[0]
    if start + 2 > len(block):
        return None
    count = struct.unpack_from(order + "H", block, start)[0]
    for number in range(min(count, MAX_ENTRIES)):
        at = start + 2 + 12 * number
        if at + 12 > len(block):
            return None
        tag, kind = struct.unpack_from(order + "HH", block, at)
        if tag == _ORIENTATION:
            form = _FORMATS.get(kind)
            return struct.unpack_from(order + form, block, at + 8)[0] if form else None
    return None
