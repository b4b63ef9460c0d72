"""The child process that decodes: one picture after the other, within limits that it sets for itself.

A decoder that needs too much time or memory, or crashes, ends this process only. Requests come on standard
input, a socket: a line of JSON and a file of `headers`. The answer is a line of JSON and a picture.
"""

import hashlib
import io
import json
import math
import os
import resource
import select
import socket
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from PIL import AvifImagePlugin, Image, TiffImagePlugin, WebPImagePlugin

IDLE_SECONDS = 60.0
"""Seconds without a picture after which the process ends; the next picture starts another."""
NICENESS = 10
"""A low priority, so that costly pictures do not slow pages on busy processors."""
BASE_BYTES = 256_000_000
BYTES_A_PIXEL = 24
"""Bytes per pixel: the decoder's own canvases, the picture in Pillow (4), turned (4), and made smaller."""
BAND_ROWS = 256
QUALITIES = (92, 85, 75)
FINEST = 98
"""For small pictures: a face of few pixels loses less, and they take little room."""
SMALL_PIXELS = 1_000_000
SHRINK = 0.95
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, TypeError, AttributeError)
"""What Pillow's decoders raise on damaged files."""
LOADED = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Otherwise Pillow imports all its plugins when it is asked for one of these."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def main() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain a user's picture
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = None  # already checked, from the header
    with socket.socket(fileno=0) as parent, parent.makefile("rb") as asked:
        while select.select([parent], [], [], IDLE_SECONDS)[0] and (line := asked.readline()):
            order = json.loads(line)
            _limit(order["pixels"], order["seconds"])
            try:
                facts, parts = _outcome(order, asked.read(order["bytes"]))
                parent.sendall(json.dumps(facts).encode() + b"\n")
                for part in parts:
                    parent.sendall(part)
            except Exception:  # noqa: BLE001  its text is not read, the parent sees the exit code
                os._exit(os.EX_SOFTWARE)


def _limit(pixels: int, seconds: int) -> None:
    """Soft limits: memory for a picture of that size, and processor time from now on."""
    memory, used = resource.getrlimit(resource.RLIMIT_AS)[1], resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_AS, (BASE_BYTES + BYTES_A_PIXEL * pixels, memory))
    until = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _outcome(order: dict[str, Any], data: bytes) -> tuple[dict[str, Any], Iterator[bytes]]:
    try:
        picture = _upright(order, data)
        del data
        return _answer(order, picture)
    except MemoryError:
        return {"failed": "memory"}, iter(())
    except DAMAGED:
        return {"failed": "damaged"}, iter(())


def _upright(order: dict[str, Any], data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=[order["kind"]]) as image:
        image.load()
        picture: Image.Image = image
        if image.mode.startswith("I"):  # 16 bits of grey: `convert` would cut off what is above 255
            picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        if picture.mode != "RGB":
            picture = picture.convert("RGB")
    if (turn := _TURNS.get(order["orientation"])) is not None:  # one of them is 0
        picture = picture.transpose(turn)
    return picture


def _answer(order: dict[str, Any], picture: Image.Image) -> tuple[dict[str, Any], Iterator[bytes]]:
    width, height = picture.size
    facts = {"width": width, "height": height}
    if order["want"] == "pixels":
        return facts | {"bytes": 3 * width * height}, _bands(picture)
    if order["want"] == "nothing":
        return facts | {"bytes": 0}, iter(())
    digest = hashlib.sha256()
    for band in _bands(picture):
        digest.update(band)
    jpeg = _jpeg(picture, order["max_side"], order["max_bytes"])
    return facts | {"bytes": len(jpeg), "digest": digest.hexdigest()}, iter((jpeg,))


def _bands(picture: Image.Image) -> Iterator[bytes]:
    """The pixels in BGR order, some rows at a time."""
    width, height = picture.size
    for top in range(0, height, BAND_ROWS):
        yield picture.crop((0, top, width, min(top + BAND_ROWS, height))).tobytes("raw", "BGR")


def _jpeg(picture: Image.Image, max_side: int, max_bytes: int) -> bytes:
    """At most `max_side` pixels a side, and `max_bytes`: by reducing first the quality, then the size."""
    picture.thumbnail((max_side, max_side), Image.Resampling.HAMMING, reducing_gap=2.0)
    small = picture.width * picture.height <= SMALL_PIXELS
    for quality in (FINEST, *QUALITIES) if small else QUALITIES:
        written = _written(picture, quality)
        if len(written) <= max_bytes:
            return written
    while len(written) > max_bytes and max(picture.size) > 1:
        scale = SHRINK * min(SHRINK, math.sqrt(max_bytes / len(written)))
        width, height = (max(1, int(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BOX)
        written = _written(picture, QUALITIES[-1])
    return written


def _written(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=0 if quality == FINEST else 2)
    return file.getvalue()


if __name__ == "__main__":
    main()
