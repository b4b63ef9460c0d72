"""JPEG: segments up to the end of the first picture."""

import re
import struct

from facetrack.core.picture_decoder.headers.exif import orientation
from facetrack.core.picture_decoder.headers.types import (
    MAX_PARTS,
    BadPicture,
    Stripped,
    damaged,
    refuse_size,
    too_many_parts,
    too_short,
)

MAX_SCANS = 32
"""Maximum number of scans. Encoders write up to 12; a decoder goes through the whole picture for each."""
PIXELS_A_BYTE = 512
"""At most: each 64 of them take a bit."""
_NEXT = re.compile(rb"\xff([\x01-\xfe])")
_AFTER_SCAN = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_ALONE = {0x01, *range(0xD0, 0xD8)}
_END, _START, _SCAN = 0xD9, 0xD8, 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {0xC3, *range(0xC5, 0xD0)}
_TABLES = {0xC4, 0xDB, 0xDD}
_JFIF, _EXIF, _ADOBE = 0xE0, 0xE1, 0xEE


def strip(data: bytes, megapixels: float) -> Stripped:
    """Frame, tables and scans; of the rest only what defines the colours. Raises BadPicture."""
    segments = _Segments(megapixels)
    at = 2
    for _ in range(MAX_PARTS):
        found = _NEXT.search(data, at)
        if found is None or found[1][0] == _END:
            return segments.picture(ended=found is not None)
        marker, at = found[1][0], found.end()
        if marker in _ALONE:
            continue
        end = _end_of_segment(data, at)
        if marker == _SCAN:
            after = _AFTER_SCAN.search(data, end)
            end = after.start() if after else len(data)
        segments.take(marker, data[at:end])
        at = end
    raise too_many_parts()


def _end_of_segment(data: bytes, at: int) -> int:
    """Raises BadPicture."""
    if at + 2 > len(data):
        raise damaged()
    length = struct.unpack_from(">H", data, at)[0]
    if length < 2 or at + length > len(data):
        raise damaged()
    return int(at + length)


class _Segments:
    """The kept segments and their content. A segment begins with its length."""

    def __init__(self, megapixels: float) -> None:
        self._megapixels = megapixels
        self._kept = [b"\xff\xd8"]
        self._size: tuple[int, int] | None = None
        self._scans = self._scanned = 0
        self._colours: set[int] = set()
        self._exif = self._xmp = b""

    def take(self, marker: int, segment: bytes) -> None:
        """Raises BadPicture."""
        if marker in _FRAMES:
            self._begin(segment)
        elif marker in _OTHER_FRAMES:
            raise BadPicture(
                "The picture is a JPEG of a rare kind (arithmetic, lossless or hierarchical): "
                "save it as a plain JPEG and try again."
            )
        elif marker == _START:
            raise damaged()
        elif marker == _SCAN:
            self._count_scan(segment)
        elif marker == _EXIF:
            self._note(segment[2:])
            return
        elif not (marker in _TABLES or self._tells_colours(marker, segment[2:])):
            return
        self._kept += (bytes((0xFF, marker)), segment)

    def picture(self, *, ended: bool) -> Stripped:
        """Raises BadPicture."""
        if self._size is None or not self._scans:
            raise damaged()
        if ended:
            self._kept.append(b"\xff\xd9")
        width, height = self._size
        if self._scanned * PIXELS_A_BYTE < width * height:
            raise too_short(width, height)
        turned = orientation(self._exif, self._xmp)
        return Stripped("JPEG", b"".join(self._kept), width, height, turned, self._scans)

    def _begin(self, segment: bytes) -> None:
        if self._size is not None or len(segment) < 8:
            raise damaged()
        precision, height, width, _ = struct.unpack_from(">BHHB", segment, 2)
        if precision != 8:
            raise BadPicture(
                f"The picture is a JPEG with {precision} bits a colour: save it with 8 and try again."
            )
        if not height:
            raise BadPicture("The picture does not state its height: save it again and try again.")
        refuse_size(width, height, self._megapixels)
        self._size = width, height

    def _count_scan(self, segment: bytes) -> None:
        self._scans += 1
        self._scanned += len(segment)
        if self._scans > MAX_SCANS:
            raise BadPicture(
                f"The picture is a progressive JPEG with more than {MAX_SCANS} scans: "
                "save it as a plain JPEG and try again."
            )

    def _note(self, said: bytes) -> None:
        if said.startswith(b"Exif\0") and not self._exif:
            self._exif = said
        elif said.startswith(b"http://ns.adobe.com/xap/1.0/\0") and not self._xmp:
            self._xmp = said

    def _tells_colours(self, marker: int, said: bytes) -> bool:
        """JFIF says YCbCr, Adobe's segment names the colours: the first of each is kept."""
        wanted = {_JFIF: b"JFIF\0", _ADOBE: b"Adobe"}.get(marker)
        if wanted is None or not said.startswith(wanted) or marker in self._colours:
            return False
        self._colours.add(marker)
        return True
