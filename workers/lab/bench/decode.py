"""Decoding: the cost of a frame before any analysis, for several ways to get it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import av
import cv2

MAX_FRAMES = 250
EVERY = 5


def decode_bench(clip: Path, side: int) -> dict[str, float]:
    """Milliseconds per frame of the clip for each way."""
    ways: dict[str, Callable[[Path, int], Iterator[None]]] = {
        "grabbed_ms": _grabbed,
        "bgr_ms": _bgr,
        "shrunk_ms": _shrunk,
        "every_fifth_ms": _every_fifth,
        "av_bgr_ms": _av_bgr,
        "av_shrunk_ms": _av_shrunk,
        "av_key_frames_ms": _av_key_frames,
    }
    return {name: _timed(way(clip, side)) for name, way in ways.items()}


def _timed(frames: Iterator[None]) -> float:
    started, count = time.perf_counter(), 0
    for _ in frames:
        count += 1
        if count == MAX_FRAMES:
            break
    return 1_000 * (time.perf_counter() - started) / max(1, count)


def _grabbed(clip: Path, side: int) -> Iterator[None]:
    """Decoded, not converted."""
    with _opened(clip) as capture:
        while capture.grab():
            yield


def _bgr(clip: Path, side: int) -> Iterator[None]:
    with _opened(clip) as capture:
        while capture.read()[0]:
            yield


def _shrunk(clip: Path, side: int) -> Iterator[None]:
    with _opened(clip) as capture:
        while (frame := capture.read())[0]:
            cv2.resize(frame[1], _size(frame[1].shape[1], frame[1].shape[0], side))
            yield


def _every_fifth(clip: Path, side: int) -> Iterator[None]:
    """Reads as from a camera of 25 frames a second, 5 of which are analysed."""
    with _opened(clip) as capture:
        number = 0
        while capture.grab():
            if number % EVERY == 0:
                capture.retrieve()
            number += 1
            yield


def _av_bgr(clip: Path, side: int) -> Iterator[None]:
    for frame in _decoded(clip):
        frame.to_ndarray(format="bgr24")
        yield


def _av_shrunk(clip: Path, side: int) -> Iterator[None]:
    """Shrunk by the decoder's own scaler, which never makes the large picture."""
    for frame in _decoded(clip):
        width, height = _size(frame.width, frame.height, side)
        frame.reformat(width, height, "bgr24").to_ndarray()
        yield


def _av_key_frames(clip: Path, side: int) -> Iterator[None]:
    """One frame per key frame: the cost of a camera whose other frames are skipped."""
    for _ in _decoded(clip, skip="NONKEY"):
        yield


@contextmanager
def _opened(clip: Path) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(clip))
    try:
        yield capture
    finally:
        capture.release()


def _decoded(clip: Path, skip: Literal["DEFAULT", "NONKEY"] = "DEFAULT") -> Iterator[Any]:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = skip
        yield from container.decode(stream)


def _size(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height))
    return round(width * scale), round(height * scale)
