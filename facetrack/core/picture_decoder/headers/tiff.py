"""TIFF: the first page, with the tags that a decoder needs and no others."""

import struct
from dataclasses import dataclass

from facetrack.core.picture_decoder.headers.exif import orientation
from facetrack.core.picture_decoder.headers.types import (
    MAX_PARTS,
    BadPicture,
    Stripped,
    damaged,
    refuse_size,
    too_many_parts,
)

MAX_ENTRIES = 1_000
MAX_TILE_PIXELS = 4_000_000
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _FORMAT = 256, 257, 258, 259, 262, 277, 339
_OFFSETS, _COUNTS = (273, 324), (279, 325)
_TILE = (322, 323)
_KEPT = {
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _FORMAT, *_OFFSETS, *_COUNTS, *_TILE,
    266, 278, 284, 317, 320, 338,
}  # fmt: skip
_COMPRESSIONS = {1, 5, 8, 32946, 32773}
"""None, LZW, deflate (two numbers), PackBits. JPEG and fax compressions need other decoders."""
_PHOTOMETRICS = {0, 1, 2, 3, 5}
"""Grey (two), RGB, palette, CMYK."""
_SIZES = {3: ("H", 2), 4: ("I", 4)}


@dataclass(frozen=True, slots=True)
class _Page:
    order: str
    start: int
    entries: int
    """The number of entries that the file states."""
    tags: dict[int, tuple[int, ...]]
    raw: list[bytes]
    """The kept entries, unchanged."""

    def first(self, tag: int, otherwise: int) -> int:
        return (self.tags.get(tag) or (otherwise,))[0]


def strip(data: bytes, megapixels: float) -> Stripped:
    """Raises BadPicture."""
    page = _page(data)
    width, height = page.first(_WIDTH, 0), page.first(_HEIGHT, 0)
    refuse_size(width, height, megapixels)
    _refuse_rare_kinds(page)
    _refuse_lies(page, len(data))
    clean = bytearray(data)
    struct.pack_into(page.order + "H", clean, page.start, len(page.raw))
    entries = b"".join(page.raw) + bytes(4)  # no further page
    clean[page.start + 2 : page.start + 2 + len(entries)] = entries
    return Stripped("TIFF", bytes(clean), width, height, orientation(data))


def _page(data: bytes) -> _Page:
    """Raises BadPicture."""
    order = "<" if data.startswith(b"II") else ">"
    if len(data) < 8:
        raise damaged()
    start = struct.unpack_from(order + "I", data, 4)[0]
    if start < 8 or start + 2 > len(data):
        raise damaged()
    entries = struct.unpack_from(order + "H", data, start)[0]
    if entries > MAX_ENTRIES:
        raise too_many_parts()
    if start + 2 + 12 * entries > len(data):
        raise damaged()
    page = _Page(order, start, entries, {}, [])
    for number in range(entries):
        entry = data[start + 2 + 12 * number : start + 14 + 12 * number]
        tag = struct.unpack_from(order + "H", entry)[0]
        if tag in _KEPT:
            if tag in page.tags:
                raise damaged()
            page.tags[tag] = _values(data, order, entry)
            page.raw.append(entry)
    return page


def _values(data: bytes, order: str, entry: bytes) -> tuple[int, ...]:
    kind, count = struct.unpack_from(order + "HI", entry, 2)
    if kind not in _SIZES or not count:
        raise damaged()
    if count > MAX_PARTS:
        raise too_many_parts()
    form, size = _SIZES[kind]
    if count * size <= 4:
        return struct.unpack_from(f"{order}{count}{form}", entry, 8)
    at = struct.unpack_from(order + "I", entry, 8)[0]
    if at + count * size > len(data):
        raise damaged()
    return struct.unpack_from(f"{order}{count}{form}", data, at)


def _refuse_rare_kinds(page: _Page) -> None:
    if page.first(_COMPRESSION, 1) not in _COMPRESSIONS:
        raise BadPicture("The picture is a TIFF with a rare compression: save it as JPEG or PNG.")
    bits, samples = set(page.tags.get(_BITS, (1,))), page.first(_SAMPLES, 1)
    if page.first(_FORMAT, 1) != 1 or not bits <= {1, 2, 4, 8, 16} or len(bits) > 1:
        raise BadPicture(
            "The picture is a TIFF whose values are not 8 or 16 bits: save it with 8 bits as JPEG or PNG."
        )
    if page.first(_PHOTOMETRIC, 1) not in _PHOTOMETRICS or not 1 <= samples <= 5:
        raise BadPicture("The picture is a TIFF with rare colours: save it in RGB as JPEG or PNG.")


def _refuse_lies(page: _Page, length: int) -> None:
    """Strips that share the same data, or tiles larger than any picture, cost much and are useless."""
    for offsets, counts in zip(_OFFSETS, _COUNTS, strict=True):
        if sum(page.tags.get(counts, ())) > length:
            raise damaged()
        if any(offset > length for offset in page.tags.get(offsets, ())):
            raise damaged()
    wide, high = (page.first(tag, 1) for tag in _TILE)
    if wide * high > MAX_TILE_PIXELS:
        raise BadPicture("The picture is a TIFF with tiles of an odd size: save it as JPEG or PNG.")
