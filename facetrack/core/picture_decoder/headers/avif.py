"""AVIF: the boxes that describe its primary picture (ISO/IEC 14496-12 and 23008-12)."""

import struct
from collections.abc import Iterator

from facetrack.core.picture_decoder.headers.types import (
    MAX_PARTS,
    Stripped,
    damaged,
    refuse_size,
    too_many_parts,
)

BRAND = b"avif"
MAX_MEGAPIXELS = 12.0
"""What phones take. AV1 is among the costliest formats to decode, and a small file can describe any size."""
_FULL = 4
"""Bytes of version and flags with which some boxes begin."""
_CORNERS = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
}  # fmt: skip
"""EXIF's orientation, by quarter turns to the left (`irot`) and then mirroring (`imir`: 1 exchanges left and
right, 0 top and bottom)."""


def strip(data: bytes, megapixels: float) -> Stripped:
    """The file, whose parts point at each other, with its metadata unnamed. Raises BadPicture.

    The orientation of EXIF does not count in this format.
    """
    meta = _first(data, b"meta", 0, len(data))
    properties, own = _properties(data, *meta)
    for kind, start, end in properties:
        if kind == b"ispe":
            refuse_size(*_size(data, start, end), min(megapixels, MAX_MEGAPIXELS))
    sizes = [_size(data, start, end) for kind, start, end in own if kind == b"ispe"]
    if not sizes:
        raise damaged()
    width, height = sizes[0]
    return Stripped("AVIF", _unnamed(data, *meta), width, height, _orientation(data, own))


def _unnamed(data: bytes, start: int, end: int) -> bytes:
    """EXIF and XMP get another kind, so that no decoder reads them."""
    clean = bytearray(data)
    try:
        begins, ends = _first(data, b"iinf", start + _FULL, end)
        listed = begins + _FULL + (4 if data[begins] else 2)
        for kind, at, _ in _boxes(data, listed, ends):
            place = at + _FULL + (6 if data[at] > 2 else 4)
            if kind == b"infe" and data[at] >= 2 and bytes(clean[place : place + 4]) in (b"Exif", b"mime"):
                clean[place : place + 4] = b"free"
    except IndexError:
        raise damaged() from None
    return bytes(clean)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and where the content begins and ends. Raises BadPicture."""
    for _ in range(MAX_PARTS):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        elif size == 0:  # up to the end
            size = end - start
        if size < head or start + size > end:
            raise damaged()
        yield kind, start + head, start + size
        start += size
    raise too_many_parts()


def _first(data: bytes, wanted: bytes, start: int, end: int) -> tuple[int, int]:
    for kind, begins, ends in _boxes(data, start, end):
        if kind == wanted:
            return begins, ends
    raise damaged()


def _properties(
    data: bytes, start: int, end: int
) -> tuple[list[tuple[bytes, int, int]], list[tuple[bytes, int, int]]]:
    """All properties of the file's pictures, and those of the primary picture."""
    try:
        begins, _ = _first(data, b"pitm", start + _FULL, end)
        primary = struct.unpack_from(">I" if data[begins] else ">H", data, begins + _FULL)[0]
        described = _first(data, b"iprp", start + _FULL, end)
        everything = list(_boxes(data, *_first(data, b"ipco", *described)))
        own: list[tuple[bytes, int, int]] = []
        for number in _associated(data, primary, *_first(data, b"ipma", *described)):
            if not 1 <= number <= len(everything):
                raise damaged()
            own.append(everything[number - 1])
    except (struct.error, IndexError):
        raise damaged() from None
    return everything, own


def _associated(data: bytes, primary: int, start: int, end: int) -> list[int]:
    """The numbers of the primary picture's properties, from 1. Raises struct.error, IndexError."""
    long_ids, long_numbers = data[start] > 0, data[start + 3] & 1
    entries = struct.unpack_from(">I", data, start + _FULL)[0]
    at = start + _FULL + 4
    for _ in range(min(entries, MAX_PARTS)):
        item = struct.unpack_from(">I" if long_ids else ">H", data, at)[0]
        at += 4 if long_ids else 2
        count, at = data[at], at + 1
        size = 2 if long_numbers else 1
        if at + count * size > end:
            raise damaged()
        if item == primary:
            numbers = struct.unpack_from(f">{count}{'H' if long_numbers else 'B'}", data, at)
            return [number & (0x7FFF if long_numbers else 0x7F) for number in numbers]
        at += count * size
    raise damaged()


def _size(data: bytes, start: int, end: int) -> tuple[int, int]:
    if end - start < 12:
        raise damaged()
    width, height = struct.unpack_from(">II", data, start + _FULL)
    return width, height


def _orientation(data: bytes, own: list[tuple[bytes, int, int]]) -> int:
    said: dict[bytes, int] = {}
    for kind, start, end in own:
        if kind in (b"irot", b"imir") and end > start:
            said.setdefault(kind, data[start])
    axis = said.get(b"imir")
    return _CORNERS[said.get(b"irot", 0) & 3, None if axis is None else axis & 1]
