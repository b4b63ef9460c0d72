"""Clips as cameras and accidents make them: interlaced, damaged, cut off, with holes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

from workers.recognition.types import Picture

WIDTH, HEIGHT, FPS = 160, 120, 25


def bar(at: float) -> Picture:
    """A bright bar that moves 8 pixels a frame; its edges are soft, as no camera's are sharp."""
    across = np.abs((np.arange(WIDTH) - 10 - at * 8) % WIDTH)
    line = np.clip(220 - 8 * np.abs(across - 20), 60, 220).astype(np.uint8)
    return np.repeat(np.tile(line, (HEIGHT, 1))[:, :, None], 3, axis=2)


def woven(at: int, top_first: bool) -> Picture:
    """Two fields of two moments in one frame."""
    picture = bar(at)
    picture[1 if top_first else 0 :: 2] = bar(at + 0.5)[1 if top_first else 0 :: 2]
    return picture


def write(
    path: Path,
    codec: str,
    pictures: list[Picture],
    options: dict[str, str] | None = None,
    times: list[int] | None = None,
) -> Path:
    """A clip at FPS frames a second; `times` are the frames' numbers where they are not 0, 1, 2 ..."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=FPS, options=options or {})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, picture in zip(times or range(len(pictures)), pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


INTERLACED = {
    "h264-top.mp4": ("libx264", {"x264-params": "tff=1"}, True),
    "h264-bottom.mp4": ("libx264", {"x264-params": "bff=1"}, False),
    "h264-top.ts": ("libx264", {"x264-params": "tff=1"}, True),
    "mpeg2.mpg": ("mpeg2video", {"flags": "+ildct+ilme"}, False),
    "mpeg2.ts": ("mpeg2video", {"flags": "+ildct+ilme"}, False),
}
"""Codec, its options and whether the top field is the earlier one, by name."""


def interlaced(folder: Path, name: str, frames: int = 20) -> Path:
    codec, options, top_first = INTERLACED[name]
    return write(folder / name, codec, [woven(i, top_first) for i in range(frames)], options)


def combing(picture: Picture) -> float:
    """How much each line differs from those above and below, in grey levels: 0 where nothing is combed."""
    grey = picture[:, :, 1].astype(float)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


def noise(path: Path, first: float, last: float) -> Path:
    """Overwrites this part of the file with random bytes."""
    data = bytearray(path.read_bytes())
    start, end = int(len(data) * first), int(len(data) * last)
    data[start:end] = np.random.default_rng(3).integers(0, 256, end - start, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    return path
