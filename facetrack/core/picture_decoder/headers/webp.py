"""WebP: the still picture, or the first frame of an animation, in the simplest container."""

import struct

from facetrack.core.picture_decoder.headers.exif import orientation
from facetrack.core.picture_decoder.headers.types import (
    MAX_PARTS,
    Stripped,
    damaged,
    refuse_size,
    too_many_parts,
)

_FRAME_HEAD = 16
MAX_MEGAPIXELS = 12.0
"""What phones save. Its decoder takes 16 bytes a pixel, those of the other formats 4 to 8."""


def strip(data: bytes, megapixels: float) -> Stripped:
    """The first bitstream, without canvas and separate transparency. Raises BadPicture."""
    size = struct.unpack_from("<I", data, 4)[0] + 8
    found: dict[bytes, bytes] = {}
    _collect(data[12:size], found)
    for kind, dimensions in ((b"VP8 ", _lossy), (b"VP8L", _lossless)):
        if kind in found:
            body = found[kind]
            width, height = dimensions(body)
            refuse_size(width, height, min(megapixels, MAX_MEGAPIXELS))
            turned = orientation(found.get(b"EXIF", b""), found.get(b"XMP ", b""))
            return Stripped("WEBP", _container(kind, body), width, height, turned)
    raise damaged()


def _collect(chunks: bytes, found: dict[bytes, bytes]) -> None:
    """The first chunk of each kind, including those of the first frame."""
    at = 0
    for _ in range(MAX_PARTS):
        if at + 8 > len(chunks):
            return
        kind, length = struct.unpack_from("<4sI", chunks, at)
        body = chunks[at + 8 : at + 8 + length]
        if kind == b"ANMF" and kind not in found:
            found[kind] = b""
            _collect(body[_FRAME_HEAD:], found)
        elif kind not in found and kind != b"ANMF":
            found[kind] = body
        at += 8 + length + length % 2
    raise too_many_parts()


def _lossy(body: bytes) -> tuple[int, int]:
    if len(body) < 10 or body[3:6] != b"\x9d\x01\x2a":
        raise damaged()
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless(body: bytes) -> tuple[int, int]:
    if len(body) < 5 or body[0] != 0x2F:
        raise damaged()
    bits = struct.unpack_from("<I", body, 1)[0]
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _container(kind: bytes, body: bytes) -> bytes:
    padded = body + b"\0" * (len(body) % 2)
    return struct.pack("<4sI4s4sI", b"RIFF", 12 + len(padded), b"WEBP", kind, len(body)) + padded
