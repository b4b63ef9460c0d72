"""Files that cost a decoder as much as possible, made when they are asked for: never kept as files.

`hostile_pictures()` gives all that are to be refused, by name; HOSTILE and SOUND make one at a time. None has
more than 10 MB.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image

HUGE = 60_000
"""Pixels a side of what says that it is huge."""


def saved(kind: str, width: int = 64, height: int = 48, *, mode: str = "RGB", **settings: object) -> bytes:
    """A sound picture of one colour."""
    file = io.BytesIO()
    Image.new(mode, (width, height), 90 if mode in "L1P" else (90, 120, 140, 160)[: len(mode)]).save(
        file, kind, **settings
    )
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, pixels: bytes | None = None) -> bytes:
    """With further chunks before its pixels (`pixels` is zlib data)."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = zlib.compress(b"\0") if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def segments(data: bytes) -> list[bytes]:
    """A JPEG cut before each of its markers; a scan's data stay with it."""
    starts, at = [0], 2
    while at < len(data) - 2:
        starts.append(at)
        scan = data[at + 1] == 0xDA
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
        while scan and (data[at] != 0xFF or data[at + 1] in (0, *range(0xD0, 0xD8))):
            at += 1
    starts.append(at)
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def many_scans(scans: int, *, side: int = 3_000) -> bytes:
    """A progressive JPEG whose last refining scan is repeated: each goes through the whole picture."""
    parts = segments(saved("JPEG", side, side, progressive=True))
    last = max(n for n, part in enumerate(parts) if part[1] == 0xDA)
    begun = sum(part[1] == 0xDA for part in parts)
    return b"".join([*parts[:last], parts[last] * (scans - begun + 1), *parts[last + 1 :]])


def baseline_many_scans(scans: int) -> bytes:
    """The same of a plain JPEG."""
    parts = segments(saved("JPEG", 2_000, 2_000, mode="L"))
    scan = next(n for n, part in enumerate(parts) if part[1] == 0xDA)
    return b"".join([*parts[:scan], parts[scan] * scans, *parts[scan + 1 :]])


def _with_frame(marker: int, **values: int) -> bytes:
    """A JPEG whose frame is of another kind, or says other sizes."""
    data = bytearray(saved("JPEG"))
    start = data.index(b"\xff\xc0")
    data[start + 1] = marker
    data[start + 4] = values.get("precision", 8)
    struct.pack_into(">HH", data, start + 5, values.get("height", 48), values.get("width", 64))
    return bytes(data)


def many_segments() -> bytes:
    """Two million markers that say nothing, in 8 MB."""
    data = saved("JPEG")
    return data[:2] + b"\xff\xfe\0\2" * 2_000_000 + data[2:]


def fill_bytes() -> bytes:
    """A marker may be preceded by any number of FF."""
    return b"\xff\xd8" + b"\xff" * 9_000_000


def tiff(*tags: tuple[int, int, int, int], data: bytes = b"\0" * 64, order: str = "<") -> bytes:
    """Tags as (number, type, count, value or offset); the data begin at byte 8."""
    start = 8 + len(data)
    entries = b"".join(struct.pack(order + "HHII", *tag) for tag in tags)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    return head + data + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def grey_tiff(width: int, height: int, *tags: tuple[int, int, int, int], data: bytes = b"\0" * 64) -> bytes:
    """One of 8 bits with one strip, unless the tags say otherwise."""
    basic = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    entries = {number: (number, 4, 1, value) for number, value in basic.items()}
    entries |= {tag[0]: tag for tag in tags}
    return tiff(*(entries[number] for number in sorted(entries)), data=data)


def tiff_of_one_strip_read_often() -> bytes:
    """Each of 9,000 rows is 8 MB of the same data."""
    rows, body = 9_000, 8_000_000
    data = struct.pack(f"<{rows}I", *[8] * rows) + struct.pack(f"<{rows}I", *[body] * rows) + bytes(body)
    return grey_tiff(
        5_000,
        rows,
        (259, 3, 1, 5),
        (273, 4, rows, 8),
        (278, 4, 1, 1),
        (279, 4, rows, 8 + 4 * rows),
        data=data,
    )


def tiff_of_many_tags() -> bytes:
    """Each of 60,000 tags is 9 MB of the same data."""
    data = bytes(9_000_000)
    return tiff(*((40_000 + n % 20_000, 1, len(data), 8) for n in range(60_000)), data=data)


def exif_of_many_tags() -> bytes:
    """The same inside of a JPEG, in ten segments; the picture itself is sound."""
    data = saved("JPEG")
    block = b"Exif\0\0" + tiff(*((40_000 + n, 1, 30_000, 8) for n in range(2_500)), data=bytes(30_000))
    return data[:2] + (b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block) * 10 + data[2:]


def exif_that_bites_its_tail() -> bytes:
    """Its directories follow each other in a circle; the picture is sound, and lies on its side."""
    exif = tiff((274, 3, 1, 6), (34665, 4, 1, 8 + 8), data=bytes(8))
    block = b"Exif\0\0" + exif[:-4] + struct.pack("<I", 16)
    data = saved("JPEG")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def webp_with_size(width: int, height: int) -> bytes:
    """A lossy WebP that says it is larger than it is."""
    data = bytearray(saved("WEBP"))
    struct.pack_into("<HH", data, 26, width, height)
    return bytes(data)


def webp_of_many_chunks() -> bytes:
    body = b"WEBP" + struct.pack("<4sI", b"JUNK", 0) * 1_000_000
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp_rle(side: int = 7_000) -> bytes:
    """Runs that fill some rows of 49 megapixels."""
    pixels = b"\xff\x01" * 1_000_000 + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    start = 14 + len(head) + 1024
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + bytes(1024) + pixels


def gif_of_many_frames() -> bytes:
    frames = [Image.new("P", (400, 400), n % 255) for n in range(200)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def noise(kind: str, side: int = 200, **settings: object) -> bytes:
    """A sound picture that does not compress."""
    file = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, kind, **settings)
    return file.getvalue()


def repeated_noise(side: int = 4_000) -> bytes:
    """A PNG of some hundred kB that no JPEG can keep in so little: 32 rows of noise, again and again."""
    row = random.Random(1).randbytes(300) * (side // 100 + 1)  # within the 32 kB that zlib looks back
    return png(side, side, pixels=zlib.compress((b"\0" + row[: 3 * side]) * side, 1))


@lru_cache(maxsize=1)
def zeros(size: int) -> bytes:
    """As zlib data, a thousandth of that."""
    packer, million = zlib.compressobj(9), bytes(1_000_000)
    return b"".join([*(packer.compress(million) for _ in range(size // 1_000_000)), packer.flush()])


HOSTILE: dict[str, Callable[[], bytes]] = {
    "JPEG with 400 scans": lambda: many_scans(400),
    "JPEG with 2,000 scans in a small file": lambda: many_scans(2_000, side=1_000),
    "JPEG, plain, with 100 scans": lambda: baseline_many_scans(100),
    "JPEG that says it is huge": lambda: _with_frame(0xC0, width=HUGE, height=HUGE),
    "JPEG without a height (DNL)": lambda: _with_frame(0xC0, height=0),
    "JPEG with arithmetic coding": lambda: _with_frame(0xC9),
    "JPEG, lossless": lambda: _with_frame(0xC3),
    "JPEG with 12 bits": lambda: _with_frame(0xC1, precision=12),
    "JPEG with two frames": lambda: b"".join(
        part * (1 + (part[1] == 0xC0)) for part in segments(saved("JPEG"))
    ),
    "JPEG of two million segments": many_segments,
    "JPEG of fill bytes": fill_bytes,
    "JPEG that is cut off": lambda: noise("JPEG")[:5_000],
    "JPEG of large size and little data": lambda: _with_frame(0xC0, width=7_000, height=7_000),
    "PNG that says it is huge": lambda: png(HUGE, HUGE),
    "PNG of one row of 4 billion pixels": lambda: png(2**31 - 1, 1),
    "PNG with 45 megapixels and no data": lambda: png(6_700, 6_700),
    "PNG of 800,000 chunks": lambda: png(8, 8, *[chunk(b"IDAT", b"")] * 800_000),
    "PNG with text that unpacks to 300 MB": lambda: png(8, 8, chunk(b"zTXt", b"k\0\0" + zeros(3 * 10**8))),
    "PNG with a profile of 300 MB": lambda: png(8, 8, chunk(b"iCCP", b"k\0\0" + zeros(3 * 10**8))),
    "WebP that says it is huge": lambda: webp_with_size(16_383, 16_383),
    "WebP of large size and little data": lambda: webp_with_size(3_400, 3_400),
    "WebP of 16 megapixels": lambda: webp_with_size(4_000, 4_000),
    "WebP of a million chunks": webp_of_many_chunks,
    "BMP that says it is huge": lambda: _resized_bmp(HUGE, HUGE),
    "BMP with 49 megapixels and no data": lambda: _resized_bmp(7_000, 7_000),
    "BMP with run lengths": bmp_rle,
    "PPM that says it is huge": lambda: b"P6 60000 60000 255\n" + b"x" * 100,
    "PPM with 49 megapixels and no data": lambda: b"P6 7000 7000 255\n" + b"x" * 100,
    "PPM written as text": lambda: b"P3 1000 1000 255\n" + b"1 " * 3_000_000,
    "PPM of comments": lambda: b"P6" + b"#\n" * 4_000_000,
    "TIFF that says it is huge": lambda: grey_tiff(HUGE, HUGE),
    "TIFF of one strip read often": tiff_of_one_strip_read_often,
    "TIFF of many tags": tiff_of_many_tags,
    "TIFF with a huge tile": lambda: grey_tiff(
        64, 48, (322, 4, 1, 30_000), (323, 4, 1, 30_000), (324, 4, 1, 8), (325, 4, 1, 64)
    ),
    "TIFF with 60,000 values a pixel": lambda: grey_tiff(64, 48, (277, 3, 1, 60_000)),
    "TIFF with a JPEG in it": lambda: saved("TIFF", compression="jpeg"),
    "TIFF with LZMA": lambda: grey_tiff(64, 48, (259, 3, 1, 34925)),
    "TIFF of fractions": lambda: grey_tiff(64, 48, (339, 3, 1, 3)),
    "BigTIFF": lambda: b"II+\0\x08\0\0\0" + bytes(100),
    "GIF of many frames": gif_of_many_frames,
    "AVIF that moves": lambda: b"\0\0\0\x18ftypavis" + saved("AVIF")[12:],
    "AVIF without a picture": lambda: saved("AVIF")[:40],
    "HEIC": lambda: b"\0\0\0\x18ftypheic" + bytes(100),
    "JPEG 2000": lambda: saved("JPEG2000"),
    "icon": lambda: saved("ICO"),
    "OpenEXR": lambda: b"v/1\x01" + bytes(100),
    "Radiance HDR": lambda: b"#?RADIANCE\n\n-Y 60000 +X 60000\n" + bytes(100),
    "PDF": lambda: b"%PDF-1.7\n" + saved("JPEG"),
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "nothing": lambda: b"\0" * 1_000,
}
SOUND: dict[str, Callable[[], bytes]] = {
    "JPEG with 32 scans": lambda: many_scans(32, side=4_000),
    "EXIF of many tags": lambda: exif_of_many_tags(),
    "EXIF that bites its tail": lambda: exif_that_bites_its_tail(),
    "PNG of 16 megapixels in one colour": lambda: saved("PNG", 4_000, 4_000, compress_level=9),
    "PNG of repeated noise": lambda: repeated_noise(),
    "PNG with 300 MB behind its pixels": lambda: png(64, 48, pixels=zeros(3 * 10**8)),
    "WebP of 12 megapixels, lossless": lambda: saved("WEBP", 4_000, 3_000, lossless=True),
    "TIFF of 16 megapixels, deflated": lambda: saved("TIFF", 4_000, 4_000, compression="tiff_adobe_deflate"),
}
"""What costs much and is a picture all the same: it is read within the limits."""


def _resized_bmp(width: int, height: int) -> bytes:
    data = bytearray(saved("BMP"))
    struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


@lru_cache(maxsize=1)
def hostile_pictures() -> dict[str, bytes]:
    """What is to be refused: a name in words, and the file."""
    return {name: build() for name, build in HOSTILE.items()}
