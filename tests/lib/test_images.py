"""Uploaded pictures are judged before they are decoded: small files must not unpack to gigabytes."""

import io
import resource
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from facetrack.lib.images import BadPicture, read_picture

GREY = Image.new("RGB", (64, 48), (90, 90, 90))


def read(data: bytes) -> tuple[int, ...]:
    return read_picture(io.BytesIO(data), megabytes=10, megapixels=50).shape


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(more)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def saved(kind: str, **settings: object) -> bytes:
    file = io.BytesIO()
    GREY.save(file, kind, **settings)
    return file.getvalue()


def bomb(kind: str) -> bytes:
    """A file of `kind` that says it has 60,000 x 60,000 pixels."""
    size = 60_000
    if kind == "PNG":
        return png(size, size)
    if kind == "PPM":
        return b"P6 60000 60000 255\n" + b"x" * 100
    data = bytearray(saved(kind))
    if kind == "BMP":
        struct.pack_into("<ii", data, 18, size, size)
    elif kind == "JPEG":
        start = data.index(b"\xff\xc0")
        struct.pack_into(">HH", data, start + 5, size, size)
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "PPM", "BMP", "JPEG"])
def test_what_says_it_is_huge_is_refused_undecoded(kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadPicture, match="more than 50 megapixels"):
        read(bomb(kind))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB; it would be 10 GB


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_of_many_frames_one_is_decoded(kind: str) -> None:
    frames = [Image.fromarray(np.full((48, 64, 3), i % 255, dtype=np.uint8)) for i in range(300)]
    assert read(saved(kind, save_all=True, append_images=frames)) == (48, 64, 3)


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_metadata_that_unpacks_to_much_is_no_danger(kind: bytes) -> None:
    packed = zlib.compress(b"\0" * 200_000_000, 9)
    data = b"k\0\1\0\0\0" + packed if kind == b"iTXt" else b"k\0\0" + packed
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadPicture):
        read(png(8, 8, chunk(kind, data)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


def test_a_file_that_is_longer_than_it_says_is_cut_off_unread() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= 1_000_001, "reads without a bound"
            self.given += size
            return b"x" * size

    with pytest.raises(BadPicture, match="larger than 1 MB"):
        read_picture(Endless(), megabytes=1, megapixels=1)  # type: ignore[arg-type]


def test_a_chain_of_pages_that_bites_its_tail() -> None:
    data = bytearray(saved("TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + entries * 12, start)
    assert read(bytes(data)) == (48, 64, 3)
