"""One round through a video file: every frame that can be decoded, and how many could not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.error

from workers.recognition.capture.decoding import Deinterlacer, limit_decoder, quarter_turn
from workers.recognition.capture.files.losses import Losses
from workers.recognition.capture.limits import MAX_PIXELS
from workers.recognition.capture.source import SourceError
from workers.recognition.orientation import QuarterTurn

FORMATS = "mov,matroska,avi,gif,mpegts,mpeg,mpegvideo,m4v,h264,hevc,flv,asf,ogg,mjpeg"
"""Allowed formats of a clip: no playlist, which names other files and hosts."""
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
RESUMING = {".ts": "mpegts", ".m2ts": "mpegts", ".mts": "mpegts", ".mpg": "mpeg", ".mpeg": "mpeg"}
"""Formats that can be read from their middle on, by the file's name: for a file with a damaged beginning."""
ANNOUNCING = ("mov", "matroska", "avi", "flv", "asf")
"""Containers that state their own length; FFmpeg estimates that of the others from what is left of them."""
USUAL_FPS = 25.0  # for files that do not state their frame rate
MAX_UNREADABLE = 100
"""Read errors in a row without a packet; then the rest of the file counts as missing."""


class DecodedFrame(NamedTuple):
    """A frame of the file, still in FFmpeg's format; `missing` frames before it could not be decoded."""

    frame: Any
    turn: QuarterTurn
    missing: int


class ClipReader:
    """Reads a file once. Skips what is damaged, and goes on where the decoder can: at the next key frame."""

    def __init__(self, path: Path) -> None:
        """Raises SourceError for a file that is missing, unreadable or not a video."""
        self.missing_at_end = 0
        """Set at the end: frames that are damaged or missing after the last good one."""
        self._container = _opened(path)
        self.stream = self._container.streams.best("video")
        """The video stream: FFmpeg's, for its shape."""
        if self.stream is None or self.stream.codec_context is None:
            self.close()
            raise _no_video(path)
        width, height = self.stream.codec_context.width, self.stream.codec_context.height
        if width * height > MAX_PIXELS:
            self.close()
            raise SourceError(
                f"{path.name} has pictures of {width} x {height} pixels, of which {MAX_PIXELS // 1_000_000} "
                "million at most are decoded",
                "make it smaller and try again",
            )
        limit_decoder(self.stream)
        self.stream.thread_type = "AUTO"  # a file may be decoded several frames at once
        said = float(self.stream.guessed_rate or 0)
        self.fps = said if 0.1 < said < 1000 else USUAL_FPS
        """The file's own frame rate, whatever part of it is analysed."""
        self.facts = {
            "codec": self.stream.codec_context.name,
            "width": width,
            "height": height,
            "fps": round(self.fps, 3),
        }
        begin = self.stream.start_time
        self._losses = Losses(self.fps, None if begin is None else float(begin * self.stream.time_base))
        self._reached: float | None = None
        self._undecoded = 0
        self._frames = self._whole_frames()

    @property
    def frames(self) -> int:
        """Frames as the file announces them; 0 if it does not."""
        seconds = self.stream.duration and float(self.stream.duration * self.stream.time_base)
        seconds = seconds or (self._container.duration or 0) / av.time_base
        return int(self.stream.frames) or max(0, round(seconds * self.fps))

    def read(self) -> DecodedFrame | None:
        """The next frame; None at the end."""
        return next(self._frames, None)

    def close(self) -> None:
        self._container.close()

    def _whole_frames(self) -> Iterator[DecodedFrame]:
        deinterlacer = Deinterlacer()
        for frame, later in pairwise(chain(self._decoded(), [None])):
            seconds = float(frame.duration * frame.time_base)
            missing = self._losses.note_frame(frame.time, seconds, later and later.time)
            try:
                deinterlacer.put(frame, (quarter_turn(frame), missing))
            except av.error.FFmpegError:
                self._losses.note_damage()
            while whole := deinterlacer.take():
                yield DecodedFrame(whole[0], *whole[1])
        with suppress(av.error.FFmpegError):  # the frame that was held back is lost
            deinterlacer.flush()
        while whole := deinterlacer.take():
            yield DecodedFrame(whole[0], *whole[1])
        self.missing_at_end = self._losses.note_end(self._reached, self._announced_end(), self._undecoded)

    def _decoded(self) -> Iterator[Any]:
        for packet in self._packets():
            self._undecoded += packet.size > 0
            try:
                for frame in packet.decode():
                    self._undecoded -= 1
                    yield frame
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self._losses.note_damage()

    def _packets(self) -> Iterator[Any]:
        """All that can be read, at the end an empty one that empties the decoder."""
        failures = 0
        while failures < MAX_UNREADABLE:
            try:
                for packet in self._container.demux(self.stream):
                    failures = 0
                    self._note(packet)
                    yield packet
                return
            except (av.error.FFmpegError, OSError):
                failures += 1
                self._losses.note_damage()

    def _note(self, packet: Any) -> None:
        if packet.is_corrupt:
            self._losses.note_damage()
        at = packet.pts if packet.pts is not None else packet.dts
        if at is not None:
            end = float((at + (packet.duration or 0)) * packet.time_base)
            self._reached = end if self._reached is None else max(self._reached, end)

    def _announced_end(self) -> float | None:
        """Seconds of the stream; None where the container does not say when its video ends."""
        if self._container.format.name.split(",")[0] not in ANNOUNCING:
            return None
        if self.stream.duration:
            return float((self.stream.duration + (self.stream.start_time or 0)) * self.stream.time_base)
        if self._container.duration and len(self._container.streams) == 1:
            return float(self._container.duration / av.time_base)
        return None


def _opened(path: Path) -> Any:
    """Raises SourceError."""
    if not path.exists():
        raise SourceError(f"there is no file {path.name}", "check its name, and the worker's folder of clips")
    if not path.is_file():
        raise SourceError(f"{path.name} is not a file", "give the path of one video file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(
            f"{path.name} cannot be read ({error.strerror})", "give the worker's user the right to read it"
        ) from error
    for format_name in () if empty else (None, RESUMING.get(path.suffix.lower())):
        with suppress(av.error.FFmpegError, OSError, ValueError):
            return av.open(
                str(path.absolute()), format=format_name, options=OPTIONS, metadata_errors="replace"
            )
    raise _no_video(path)


def _no_video(path: Path) -> SourceError:
    return SourceError(
        f"{path.name} is not a video that can be decoded",
        "it is empty, damaged or of an unknown format; convert it to MP4 with H.264",
    )
