"""Uploaded pictures are judged before they are decoded: small files must not unpack to gigabytes."""

import io
import resource
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin

from facetrack.core.images import (
    MIN_KEPT_BYTES,
    BadPicture,
    CleanPicture,
    clean_picture,
    read_picture,
    sound_jpeg,
)
from facetrack.core.picture_decoder.headers import Stripped, stripped
from tests.hostile_pictures import (
    HOSTILE,
    SOUND,
    chunk,
    exif_of_many_tags,
    noise,
    png,
    saved,
    tiff,
)


def read(data: bytes) -> tuple[int, ...]:
    return read_picture(io.BytesIO(data), megabytes=10, megapixels=50).shape


LEFT_TO_A_DECODER = {
    "JPEG that is cut off",
    "WebP of large size and little data",
    "PNG with text that unpacks to 300 MB",
    "PNG with a profile of 300 MB",
}
"""Whose headers are in order: what is wrong with them, if anything, a decoder finds within its limits."""


def bomb(kind: str) -> bytes:
    """A file of `kind` that says it has 60,000 x 60,000 pixels."""
    size = 60_000
    if kind == "PNG":
        return png(size, size)
    if kind == "PPM":
        return b"P6 60000 60000 255\n" + b"x" * 100
    data = bytearray(saved(kind))
    if kind == "AVIF":
        struct.pack_into(">II", data, data.index(b"ispe") + 8, size, size)
    elif kind == "BMP":
        struct.pack_into("<ii", data, 18, size, size)
    elif kind == "JPEG":
        start = data.index(b"\xff\xc0")
        struct.pack_into(">HH", data, start + 5, size, size)
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "PPM", "BMP", "JPEG", "AVIF"])
def test_what_says_it_is_huge_is_refused_undecoded(kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadPicture, match=r"more than (50|12) megapixels"):
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


@pytest.mark.parametrize("name", HOSTILE)
def test_a_costly_file_is_refused_in_words(name: str) -> None:
    with pytest.raises(BadPicture, match=r"\w{4,}.*[:,] .*(save|scale|export|use JPEG)"):
        (read if name in LEFT_TO_A_DECODER else undecoded)(HOSTILE[name]())


def undecoded(data: bytes) -> Stripped:
    return stripped(data, megapixels=50)


@pytest.mark.parametrize("name", SOUND)
def test_what_is_costly_and_sound_is_read_within_the_limits(name: str) -> None:
    data = SOUND[name]()
    assert len(cleaned(data).jpeg) <= max(len(data), MIN_KEPT_BYTES)


def cleaned(data: bytes) -> CleanPicture:
    return clean_picture(io.BytesIO(data), megabytes=10, megapixels=50)


CORNERS = np.zeros((60, 90, 3), dtype=np.uint8)
CORNERS[:30, :45], CORNERS[:30, 45:], CORNERS[30:, :45] = (250, 10, 10), (10, 250, 10), (10, 10, 250)
"""Each corner has a colour of its own, and no two turns look alike."""


def upright(data: bytes) -> NDArray[np.uint8]:
    """BGR, as Pillow itself turns it."""
    with Image.open(io.BytesIO(data)) as image:
        turned = ImageOps.exif_transpose(image).convert("RGB")
    return np.asarray(turned, np.uint8)[:, :, ::-1]


def near(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other.astype(int)).mean()) < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_picture_stands_upright(kind: str, orientation: int) -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[274] = orientation
    Image.fromarray(CORNERS).save(file, kind, exif=exif)
    data = file.getvalue()
    assert near(read_picture(io.BytesIO(data), megabytes=1, megapixels=1), upright(data))
    kept = cleaned(data).jpeg
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif()
    assert near(upright(kept), upright(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_xmp_alone_may_say_how_it_is_turned(kind: str) -> None:
    file, xmp = io.BytesIO(), b'<rdf:Description tiff:Orientation="6"/>'
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    options = {"pnginfo": info} if kind == "PNG" else {"xmp": xmp}
    Image.fromarray(CORNERS).save(file, kind, **options)
    assert read(file.getvalue()) == (90, 60, 3)


@pytest.mark.parametrize(
    "exif",
    [
        tiff((271, 3, 1, 7), (272, 4, 1, 7), (274, 3, 1, 6)),  # texts that are numbers
        tiff((274, 3, 1, 6), (34665, 4, 1, 2**32 - 1)),
        tiff((271, 2, 2**31, 2**31), (274, 3, 1, 6)),
        tiff((274, 3, 1, 6 << 16), order=">"),
        tiff((274, 4, 1, 6)),
    ],
)
def test_odd_exif_does_not_matter(exif: bytes) -> None:
    block, data = b"Exif\0\0" + exif, saved("JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    assert read(data) == (64, 48, 3)


@pytest.mark.parametrize(
    "exif", [b"", b"II*", b"nonsense", tiff((274, 3, 1, 9)), tiff((274, 2, 1, 6)), tiff()]
)
def test_exif_that_says_nothing_turns_nothing(exif: bytes) -> None:
    block, data = b"Exif\0\0" + exif, saved("JPEG")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    assert read(data) == (48, 64, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_that_was_damaged_anyhow_costs_no_picture(kind: str) -> None:
    """4,000 files of each kind, each with other bytes of its EXIF changed."""
    file, exif, order = io.BytesIO(), Image.Exif(), np.random.default_rng(5)
    exif.update({274: 6, 271: "maker", 272: "model", 282: 72.0, 306: "2026:01:01 00:00:00", 36867: "2026"})
    Image.fromarray(CORNERS).save(file, kind, exif=exif)
    data = np.frombuffer(file.getvalue(), np.uint8)
    start = 0 if kind == "TIFF" else max(file.getvalue().find(head) for head in (b"MM\0*", b"II*\0"))
    assert start >= 0
    read_once = 0
    for number in range(4_000):
        changed = data.copy()
        places = start + 8 + order.integers(0, 60, order.integers(1, 9))
        changed[places] = order.integers(0, 256, len(places))
        try:
            found = stripped(changed.tobytes(), megapixels=50)
        except BadPicture:
            assert kind == "TIFF", "there, the same table describes the picture itself"
            continue
        assert 1 <= found.orientation <= 8
        if kind != "TIFF" and number % 400 == 0:
            assert read(changed.tobytes()) in ((60, 90, 3), (90, 60, 3))
            read_once += 1
    assert read_once == (0 if kind == "TIFF" else 10)


def test_any_bytes_of_an_avif_are_answered_in_words() -> None:
    """2,000 files with other bytes in the boxes that describe the picture, or cut off."""
    data, order = np.frombuffer(saved("AVIF"), np.uint8), np.random.default_rng(3)
    for number in range(2_000):
        changed = data.copy()
        places = order.integers(0, min(400, len(data)), order.integers(1, 5))
        changed[places] = order.integers(0, 256, len(places))
        broken = changed[: order.integers(12, len(data) + 1)] if number % 3 == 0 else changed
        try:
            found = stripped(broken.tobytes(), megapixels=1)
        except BadPicture:
            continue
        assert found.pixels <= 1_000_000


def deep_grey(kind: str) -> bytes:
    """A slope from black to white with 16 bits a pixel; with 12 in `PGM 12`."""
    slope = np.tile(np.linspace(0, 65_535, 256, dtype=np.uint16), (8, 1))
    if kind.startswith("PGM"):
        most = 4_095 if kind == "PGM 12" else 65_535
        return (
            b"P5\n# of a scanner\n256 8\n%d\n" % most
            + (slope >> (4 if most == 4_095 else 0)).astype(">u2").tobytes()
        )
    file = io.BytesIO()
    if kind == "TIFF of a Mac":  # the higher byte first
        turned = Image.frombytes("I;16B", (256, 8), slope.astype(">u2").tobytes())
        turned.save(file, "TIFF")
    else:
        Image.fromarray(slope).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF of a Mac", "PGM", "PGM 12"])
def test_values_of_16_bits_are_scaled_not_cut_off(kind: str) -> None:
    picture = read_picture(io.BytesIO(deep_grey(kind)), megabytes=1, megapixels=1)
    assert np.abs(picture[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"progressive": True}),
        ("JPEG", {"mode": "L"}),
        ("JPEG", {"mode": "CMYK"}),
        ("PNG", {"mode": "RGBA"}),
        ("PNG", {"mode": "P"}),
        ("PNG", {"mode": "1"}),
        ("WEBP", {"mode": "RGBA"}),
        ("WEBP", {"mode": "RGBA", "lossless": True}),
        ("AVIF", {}),
        ("AVIF", {"mode": "RGBA"}),
        ("AVIF", {"mode": "L"}),
        ("BMP", {}),
        ("BMP", {"mode": "L"}),
        ("PPM", {}),
        ("PPM", {"mode": "L"}),
        ("PPM", {"mode": "1"}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate", "mode": "L"}),
        ("TIFF", {"compression": "packbits"}),
        ("TIFF", {"mode": "P"}),
        ("TIFF", {"mode": "CMYK"}),
    ],
)
def test_every_kind_that_is_accepted_is_read(kind: str, options: dict[str, Any]) -> None:
    data = saved(kind, **options)
    assert near(read_picture(io.BytesIO(data), megabytes=1, megapixels=1), upright(data))


def test_what_is_kept_has_nothing_of_the_file_but_the_picture() -> None:
    data = exif_of_many_tags() + b"%PDF-1.7 <script>"
    kept = cleaned(data).jpeg
    assert b"Exif" not in kept
    assert b"script" not in kept
    sound = sound_jpeg(io.BytesIO(data), megabytes=1, megapixels=1, scans=1)
    assert b"Exif" not in sound
    assert b"script" not in sound
    assert near(upright(sound), upright(data))


def test_the_same_picture_has_the_same_digest_whatever_stands_beside_it() -> None:
    assert cleaned(saved("PNG")).digest == cleaned(saved("BMP")).digest
    assert cleaned(saved("JPEG")).digest == cleaned(exif_of_many_tags()).digest
    assert cleaned(saved("PNG")).digest != cleaned(noise("PNG")).digest


def test_a_picture_is_kept_in_no_more_bytes_than_it_came_in() -> None:
    upload = noise("JPEG", side=3_000, quality=60)
    assert len(upload) > MIN_KEPT_BYTES
    assert len(cleaned(upload).jpeg) <= len(upload)
